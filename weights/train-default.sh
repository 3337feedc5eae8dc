#!/bin/sh
# weights/train-default.sh [OUT.h5], or make weights: trains the default model from nothing, on generated pictures alone, and
# stores it as weights/default.h5 is stored. Slow: ten to twelve hours on two cores that have nothing else to do.
#
# Stages are kept in $WORK, and a run that was stopped goes on. What each is for is in weights/README.md. The same program,
# options and number of threads on the same kind of CPU give the same weights; elsewhere they differ as sums of floats do.
set -eu
BUILD=${BUILD:-build}
WORK=${WORK:-$BUILD/default-model}
out=${1:-$BUILD/default.h5}
mkdir -p "$WORK"

all='--synthetic 1 --train all --choose lowest --mask-only 0 --points 1,3,5 --report-every 50'
boxes='--component largest --outputs both --loss 4,1,0.3 --ema 0.998 --warmup 50 --masks 8'

last=
stage() { # name, batches, options...
    name=$1 steps=$2
    shift 2
    [ -z "$last" ] || set -- -w "$WORK/$last.h5" "$@"
    [ ! -e "$WORK/$name.state.h5" ] || set -- "$@" --resume
    if [ ! -e "$WORK/$name.done" ]; then
        "$BUILD/sammed2d" train $all "$@" --steps "$steps" --threads "${THREADS:-2}" -o "$WORK/$name.h5"
        touch "$WORK/$name.done"
    fi
    last=$name
}

# name   batches  size and pictures                          prompts                                        learning
stage s1    1142  --new fine --image-size 64 --augment none  --batch 8 --rounds 0 --box-share 1 --masks 10 \
                                                             --outputs one --loss 0.5,1,0.05                --lr 4e-4 --warmup 200
stage s2     919  --seed 5 --augment light                   --batch 8 --rounds 0 --box-share 1 $boxes      --lr 5e-4 --jitter 0.04 --jitter-pixels 1
stage s3     738  --seed 6 --augment light --plain 0.7       --batch 8 --rounds 0 --box-share 1 $boxes      --lr 5e-4 --jitter 0.04 --jitter-pixels 1
stage s4     672  --seed 8 --augment none --plain 1          --batch 8 --rounds 0 --box-share 0 $boxes      --lr 5e-4
stage s5     756  --seed 9 --augment none --plain 0.8        --batch 8 --rounds 0 --box-share 0.5 $boxes    --lr 6e-4 --jitter 0.03 --jitter-pixels 1
stage s6     932  --seed 10 --augment none --plain 0.6       --batch 4 --rounds 0 --box-share 0.5 $boxes    --lr 5e-4 --jitter 0.03 --jitter-pixels 1
boxes="$boxes --rounds 1 --first-points 1,3,5 --batch 4 --augment light --lr 5e-4 --jitter 0.03"
stage s7    1785  --seed 11 --image-size 128 --plain 0.4     $boxes --box-share 0.6 --jitter-pixels 2
stage s8    1096  --seed 12 --plain 0.15                     $boxes --box-share 0.65 --jitter-pixels 2 --loss 4,1,0.5
stage s9    1251  --seed 13 --image-size 256 --plain 0.1     $boxes --box-share 0.65 --jitter-pixels 4 --loss 4,1,0.5 --masks 6 \
                                                             --warmup 20 --ema 0.99 --schedule linear --lr-end 0.05
stage s10   1622  --seed 14 --plain 0.1                      $boxes --box-share 0.55 --jitter-pixels 4 --loss 4,1,0.5 --masks 6 \
                                                             --schedule linear --lr-end 0.48
stage s11    566  --seed 15 --plain 0.05                     $boxes --box-share 0.6 --jitter-pixels 4 --loss 4,1,0.5 --masks 6 --lr 3e-4 \
                                                             --warmup 20 --ema 0.99 --schedule linear --lr-end 0.02
stage s12   2601  --seed 16 --plain 0.05                     $boxes --box-share 0.5 --jitter-pixels 4 --loss 4,1,1 --masks 6 \
                                                             --warmup 20 --ema 0.995 --schedule linear --lr-end 0.02
stage s13   3938  --seed 18 --plain 0.05                     $boxes --box-share 0.5 --jitter-pixels 4 --loss 4,1,1 --masks 6 \
                                                             --warmup 20 --ema 0.995 --schedule linear --lr-end 0.02
stage s14   1591 --seed 19 --plain 0.05                     $boxes --box-share 0.5 --jitter-pixels 4 --loss 4,1,1 --masks 6 \
                                                             --warmup 20 --ema 0.995 --schedule linear --lr-end 0.61
stage s15   2619 --seed 20 --plain 0.05 --iou-of all         $boxes --box-share 0.5 --jitter-pixels 4 --loss 4,1,1 --masks 6 \
                                                             --lr 4e-4 --warmup 20 --ema 0.995 --schedule linear --lr-end 0.02
boxes="$boxes --jitter 0.012 --jitter-pixels 2 --iou-of all --lr 4e-4"
stage s16    859 --seed 21 --plain 0.05                      $boxes --box-share 0.5 --loss 4,1,1 --masks 6 \
                                                             --warmup 20 --ema 0.995 --schedule linear --lr-end 0.83
stage s17    686 --seed 22 --plain 0.05                      $boxes --box-share 0.5 --loss 4,1,1 --masks 6 \
                                                             --warmup 20 --ema 0.995 --schedule linear --lr-end 0.81
stage s18   2481 --seed 23 --plain 0.05                      $boxes --box-share 0.5 --loss 4,1,1 --masks 6 \
                                                             --warmup 20 --ema 0.995 --schedule linear --lr-end 0.02
boxes="$boxes --jitter 0.006 --jitter-pixels 1"
stage s19    364 --seed 24 --plain 0.05                      $boxes --box-share 0.5 --loss 4,1,1 --masks 6 \
                                                             --warmup 20 --ema 0.995 --schedule linear --lr-end 0.92
stage s20   1432 --seed 25 --plain 0.05                      $boxes --box-share 0.5 --loss 4,1,1 --masks 6 \
                                                             --warmup 20 --ema 0.995 --schedule linear --lr-end 0.45
stage s21   1080 --seed 26 --plain 0.05                      $boxes --box-share 0.5 --loss 4,1,1 --masks 6 --lr 1.85e-4 \
                                                             --warmup 20 --ema 0.995 --schedule linear --lr-end 0.04

stage s22   1949 --seed 27 --plain 0.05 --zoom 0.4            $boxes --box-share 0.5 --loss 4,1,1 --masks 6 \
                                                             --warmup 20 --ema 0.995 --schedule linear --lr-end 0.02

"$BUILD/sammed2d" convert "$WORK/s21.h5" --average "$WORK/s22.h5" --share 0.3 -o "$WORK/mean22.h5"
last=mean22
stage s23   2121 --seed 28 --plain 0.05 --zoom 0.5            $boxes --rounds 2 --points 1,2 --keep-prompts --box-share 0.5 --loss 4,1,1 --masks 6 \
                                                             --warmup 20 --ema 0.995 --schedule linear --lr-end 0.02

"$BUILD/sammed2d" convert "$WORK/mean22.h5" --average "$WORK/s23.h5" --share 0.4 -o "$WORK/mean.h5"
"$BUILD/sammed2d" convert "$WORK/mean.h5" -o "$WORK/mean.pth"
exec "$BUILD/sammed2d" convert "$WORK/mean.pth" -o "$out" --kind sam-med2d --orient radiological --multimask points --zoom 2.5 --mirrors 4 --dtype float16 \
    --name 'sammed2d fine' --licence Apache-2.0 \
    --provenance "trained by sammed2d from random values on generated pictures alone, no patient data: weights/train-default.sh, stages of 64, 128 and 256 pixels, AdamW 2e-4 to 6e-4, boxes and points, single-mask and three-mask outputs, sigmoid mask prompts, min-max per slice, any flip or rotation"
