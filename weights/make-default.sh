#!/bin/sh
# How weights/default.h5 was made: weights/make-default.sh CHECKPOINT.pth [OUT.h5]
exec "${BUILD:-build}/sammed2d" convert "$1" -o "${2:-weights/default.h5}" \
    --kind sam-med2d --orient radiological --multimask yes --dtype float16 \
    --name 'sammed2d small (bootstrap)' --licence Apache-2.0 \
    --provenance 'trained 2026-11-23 from random values on generated images only, no patient data; about 2,150 steps of 4 images x 4 objects, AdamW 4e-4. Trained were single-mask and three-mask outputs, sigmoid mask prompts, min-max per slice, any flip or rotation. A placeholder: on real images about as good as the ellipse inscribed in the box'
