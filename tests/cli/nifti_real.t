#!/bin/sh
# Every case of ../shared/data/nifti reads as nibabel reads it, or is refused with the right words.
data=../shared/data/nifti
[ -d $data ] || { echo '1..0 # SKIP ../shared is not there'; exit 0; }
python=$(tests/lib/find-python nibabel numpy) || { echo '1..0 # SKIP python3-nibabel is not there'; exit 0; }
exec "$python" tests/lib/nifti_witness.py tests/cli/nifti_cases.txt $data "${BUILD:-build}"
