#!/bin/sh
# make bench-dicom: reading a series beside dcm2niix -z n, many files beside their headers alone, and
# compressed slices on one thread and on all. Ratios of times measured in one run, best of three.
set -eu
build=${BUILD:-build}
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python=/usr/bin/python3
$python tests/lib/make_many.py slices "$here/slices" "${SLICES:-500}"
$python tests/lib/make_many.py packed "$here/packed" 40
$python tests/lib/make_many.py files "$here/files" "${FILES:-10000}"

best() { # of three runs of a command, in seconds
    for round in 1 2 3; do
        start=$(date +%s.%N)
        "$@" > /dev/null 2>&1
        echo "$(date +%s.%N) $start"
    done | awk '{ t = $1 - $2; if (!best || t < best) best = t } END { printf "%.3f", best }'
}
niix() { rm -rf "$here/nii"; mkdir "$here/nii"; dcm2niix -z n -f v -o "$here/nii" "$here/slices"; }
headers() {
    $python -c 'import os, sys, pydicom
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        pydicom.dcmread(os.path.join(folder, name), stop_before_pixels=True)' "$here/files"
}
dumps() { find "$here/files" -type f -print0 | xargs -0 dcmdump -q +P 0020,000e; }

set -- $("$build/read_dicom" "$here/slices" 3)
ours=$(best "$build/read_dicom" "$here/slices" 1)
echo "series of ${SLICES:-500}: list $1 s, read $2 s, program $ours s, peak $5 MiB"
if command -v dcm2niix > /dev/null; then
    niix=$(best niix)
    awk "BEGIN { printf \"dcm2niix -z n: $niix s; ratio %.2f (wanted: at most 1.5)\\n\", $ours / $niix }"
fi
set -- $("$build/read_dicom" "$here/files" 3)
echo "${FILES:-10000} files: list $1 s, $3 volumes, peak $5 MiB"
pydicom=$(best headers)
awk "BEGIN { printf \"headers alone, pydicom: $pydicom s; ratio %.2f\\n\", $1 / $pydicom }"
if command -v dcmdump > /dev/null; then
    dcmtk=$(best dumps)
    awk "BEGIN { printf \"headers alone, DCMTK's dcmdump: $dcmtk s; ratio %.2f\\n\", $1 / $dcmtk }"
fi
set -- $(OMP_NUM_THREADS=1 "$build/read_dicom" "$here/packed" 3) $("$build/read_dicom" "$here/packed" 3)
awk "BEGIN { printf \"40 slices of JPEG 2000: $2 s on one thread, $7 s on all; ratio %.2f\\n\", $2 / $7 }"
