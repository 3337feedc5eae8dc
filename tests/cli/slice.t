#!/bin/sh
# `sammed2d slice` against numpy, nibabel and scipy; see the script.
python=$(tests/lib/find-python numpy nibabel scipy) || {
    echo "1..0 # SKIP no Python with numpy, nibabel and scipy"
    exit 0
}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
PYTHONPATH=tests/lib "$python" tests/lib/check_slice.py "${BUILD:-build}/sammed2d" "$dir"
