/* train/augment_grey.h - the grey values' part of augment.h. */
#ifndef TRAIN_AUGMENT_GREY_H
#define TRAIN_AUGMENT_GREY_H

#include "train/augment.h"

/* grey (height, width, channels), 0..255, in place; scratch as large. */
void augment_grey(float *grey, float *scratch, int height, int width, int channels,
                  const struct augmentation *how, struct rng *rng);

#endif
