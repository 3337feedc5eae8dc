#!/bin/sh
# Segments the phantoms with the default weights and says how well it went; see `make demo`.
# Everything it makes lies in $BUILD/demo.
set -eu

BUILD=${BUILD:-build}
here=$(dirname "$0")
out=$BUILD/demo
mkdir -p "$out"

# NAME TITLE [OPTION...]
one() {
    name=$1 title=$2
    shift 2
    echo "$title"
    echo "  $BUILD/sammed2d segment $here/$name/image.nii.gz --prompts $here/$name/prompts.json $*"
    "$BUILD/sammed2d" segment "$here/$name/image.nii.gz" --prompts "$here/$name/prompts.json" "$@" -q \
        -o "$out/$name.nii.gz" --stats "$out/$name.csv" --preview "$out/$name.png"
    "$BUILD/dice" "$here/$name" "$out/$name.nii.gz"
    echo
}

# The boxes stand on every slice already, so nothing need be carried on.
one ct "CT phantom, an abdomen: 12 objects, a box on each slice" --propagate none --window abdomen
one mr "MR phantom, a head in tilted slices: 13 objects, a box on each slice" --propagate none

# The same body as a DICOM series, into a DICOM SEG beside the label map.
title="CT phantom as a DICOM series: 12 objects, into DICOM SEG and NIfTI"
echo "$title"
case=$here/ct-dicom
echo "  $BUILD/sammed2d segment $case/series --prompts $case/prompts.json --propagate none --window abdomen -o $out/ct-dicom.dcm"
"$BUILD/sammed2d" segment "$case/series" --prompts "$case/prompts.json" --propagate none --window abdomen -q \
    -o "$out/ct-dicom.dcm" -o "$out/ct-dicom.nii.gz" --stats "$out/ct-dicom.csv" --preview "$out/ct-dicom.png"
"$BUILD/dice" "$case" "$out/ct-dicom.nii.gz"
if command -v dciodvfy > /dev/null; then
    dciodvfy "$out/ct-dicom.dcm" > "$out/dciodvfy.txt" 2>&1 || true
    echo "  dciodvfy on $out/ct-dicom.dcm: $(grep -c '^Error' "$out/dciodvfy.txt") errors," \
        "$(grep -c '^Warning' "$out/dciodvfy.txt") warnings"
fi
echo

echo "Look at $out/ct.png and $out/mr.png."
echo "Label maps: $out/ct.nii.gz and $out/mr.nii.gz; figures for each object: $out/ct.csv and $out/mr.csv."
echo "DICOM SEG: $out/ct-dicom.dcm."
echo "Dice is 1 where found and true voxels are the same, 0 where none is."
