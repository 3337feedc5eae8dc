#!/bin/sh
# --preview draws prompts where they are; see the script.
if ! tests/lib/python --there; then
    echo "1..0 # SKIP no Python with nibabel"
    exit 0
fi
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
tests/lib/python tests/lib/check_preview.py "${BUILD:-build}/sammed2d" "$dir"
