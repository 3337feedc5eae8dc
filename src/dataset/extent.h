/* dataset/extent.h - where the mask of an object is in its picture: what a box prompt is made of. */
#ifndef DATASET_EXTENT_H
#define DATASET_EXTENT_H

#include <stdbool.h>
#include <stdint.h>

/* The box around a mask (height, width): x0, y0, x1, y1, the last two one past the last pixel. False when it is empty. */
bool mask_extent(const uint8_t *mask, int height, int width, float box[4]);
#endif
