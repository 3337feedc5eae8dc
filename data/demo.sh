#!/bin/sh
# Segments the two phantoms with the default weights and says how well it went; see `make demo`.
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

echo "Look at $out/ct.png and $out/mr.png."
echo "Label maps: $out/ct.nii.gz and $out/mr.nii.gz; figures for each object: $out/ct.csv and $out/mr.csv."
echo "Dice is 1 where found and true voxels are the same, 0 where none is."
