#!/bin/sh
# Dice of every labelled case with boxes from its labels; VERBOSE=1 shows the table. See the script.
if [ ! -d ../shared/data/labelled ]; then
    echo "1..0 # SKIP ../shared is not there"
elif ! tests/lib/python --there; then
    echo "1..0 # SKIP no Python with nibabel"
else
    exec tests/lib/python tests/lib/labelled.py "${BUILD:-build}/sammed2d" ../shared/data/labelled
fi
