#!/bin/sh
# Masks in bfloat16 and int8 against float32's, default model, labelled cases and phantoms; VERBOSE=1 shows each.
if [ ! -d ../shared/data/labelled ]; then
    echo "1..0 # SKIP ../shared is not there"
elif ! tests/lib/python --there; then
    echo "1..0 # SKIP no Python with nibabel"
else
    exec tests/lib/python tests/lib/precision.py "${BUILD:-build}/sammed2d" ../shared/data/labelled data/ct data/mr
fi
