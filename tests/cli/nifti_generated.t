#!/bin/sh
# NIfTI files of every kind, sound and hostile, made here: nibabel is the second opinion.
python=$(tests/lib/find-python nibabel numpy) || { echo '1..0 # SKIP python3-nibabel is not there'; exit 0; }
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/files"
"$python" tests/lib/nifti_generate.py "$scratch/files" > "$scratch/cases" || exit 1
"$python" tests/lib/nifti_witness.py "$scratch/cases" "$scratch/files" "${BUILD:-build}"
