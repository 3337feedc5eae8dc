#!/bin/sh
# measure_propagation on the phantoms and, where it is there, on labelled data beside the checkout.
# Arguments, if any: the data sets to measure, by the names below.
BUILD=${BUILD:-build}
labelled=${LABELLED:-../shared/data/labelled}
wanted=" $* "
one() { # name, image, truth, labels
    name=$1
    shift
    [ "$wanted" = "  " ] || case $wanted in *" $name "*) ;; *) return ;; esac
    [ -f "$1" ] || return
    echo "## $name"
    "$BUILD/measure_propagation" weights/default.h5 "$@" || exit
}
one ct data/ct/image.nii.gz data/ct/truth.nii.gz
one mr data/mr/image.nii.gz data/mr/truth.nii.gz
for set in ct_heart_pulmonary mr_abdomen_totalseg mr_t2_spinal_cord mr_hippocampus_006; do
    one $set $labelled/$set/image.nii.gz $labelled/$set/label.nii.gz
done
# spleen, kidneys, liver, urinary bladder, aorta
set=ct_body_totalseg
one $set $labelled/$set/image.nii.gz $labelled/$set/label.nii.gz 1 2 3 5 21 52
