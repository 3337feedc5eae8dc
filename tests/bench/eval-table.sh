#!/bin/sh
# weights/EVALUATION.md: what the bundled model reaches, beside the answers that need no network. Prints Markdown.
#
#   tests/bench/eval-table.sh > weights/EVALUATION.md          or: make eval-table
#
# Labelled data lie beside the checkout (SHARED=dir); what is not there is left out, and said. Results are kept in
# $RESULTS (build/eval-table.jsonl), so a run that was stopped goes on. WEIGHTS="a.h5 b.h5": these, side by side.
BUILD=${BUILD:-build}
SHARED=${SHARED:-../shared}
RESULTS=${RESULTS:-$BUILD/eval-table.jsonl}
PROMPTS=${PROMPTS:-box,point1,point3,point5,iter3,iter5,iter9}
labelled=$SHARED/data/labelled
train=$SHARED/train
weights=
for file in ${WEIGHTS:-weights/default.h5}; do weights="$weights -w $file"; done

section() { # title, text, options, data...
    title=$1 text=$2 options=$3
    shift 3
    data= missing=
    for path; do
        if [ -e "$path" ]; then data="$data --data $path"; else missing="$missing $(basename "$path")"; fi
    done
    printf '\n## %s\n\n%s\n\n' "$title" "$text"
    [ -z "$missing" ] || printf 'Not there, and left out:%s.\n\n' "$missing"
    [ -z "$data" ] || "$BUILD/sammed2d" eval $weights $data --prompts "$PROMPTS" $options --results "$RESULTS" \
        --format markdown ${THREADS:+--threads "$THREADS"}
}

cat <<'END'
# What the bundled model reaches

Made by `make eval-table` ([tests/bench/eval-table.sh](../tests/bench/eval-table.sh)), which anyone who has the data can
repeat; the protocol is in [sammed2d-eval(1)](../man/sammed2d-eval.1). The model in this folder is small and was
trained on generated pictures only. Beside it stands what needs no network: the ellipse inscribed in the box prompt, and
the box filled. None of the data here was used for training.

An object is the largest connected part of a label on a slice, of at least 100 pixels were the picture 256 x 256. Prompts
are made from its mask. `pointN` has half of its points, rounded down, inside; `iterN` are corrections. In brackets: 95 %
intervals.
END
section "Phantoms" "Generated pictures whose truth is exact (data/)." "--volume all" data/ct data/mr data/ct-dicom
section "Labels drawn by people" "Single volumes and crops (labelled/), some of one subject." "--volume all" \
    "$labelled/mr_hippocampus_006" "$labelled/mr_hippocampus_125" "$labelled/mr_hippocampus_232" \
    "$labelled/mr_hippocampus_341" "$labelled/mr_t2_spinal_cord" "$labelled/mr_t2s_gray_matter" \
    "$labelled/mr_brain1_tumour" "$labelled/mr_breast1_tumour"
section "Labels drawn by people: ultrasound" "Nerves and vessels, whole pictures (us_nerve_vessel_usgra)." "" \
    "$train/us_nerve_vessel_usgra"
section "Labels drawn by people: hippocampus" "The Decathlon's crops, every fourth slice; subjects are pairs of files (mr_hippocampus_msd)." \
    "--every-nth 4 --subjects pairs" "$train/mr_hippocampus_msd"
patches=$BUILD/ct_lung_tumour_patches_msd
here=$(dirname "$0")
[ -d "$patches" ] || "$("$here/../lib/find-python" nibabel h5py)" "$here/unpack_patches.py" "$train/ct_lung_tumour_patches_msd/val_patches.h5" \
    "$patches" >&2 || rm -rf "$patches"
section "Labels drawn by people: lung tumours" "The Decathlon's patches of 48 x 48 pixels; whose is whose is not told (ct_lung_tumour_patches_msd)." "" \
    "$patches"
section "SAM-Med2D's demo slices" "Slices of AMOS22 and TotalSegmentator's data with the masks published with SAM-Med2D, those of its test list." "" \
    "$labelled/sam_med2d_demo_png"
section "Agreement with labels that a program made" \
    "TotalSegmentator's output is no truth: these figures say how far two programs agree, not how good either is." \
    "--volume all" "$labelled/ct_body_totalseg" "$labelled/ct_heart_pulmonary" "$labelled/mr_abdomen_totalseg" \
    "$labelled/ct_body_dicom_totalseg"
