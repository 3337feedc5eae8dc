/* train/asking.h - where a user might click: prompts drawn from masks; SAM-Med2D's utils.py.
 *
 * Masks are (S, S), 0 or 1; coordinates are pixels of the square.
 */
#ifndef TRAIN_ASKING_H
#define TRAIN_ASKING_H

#include <stdbool.h>
#include <stdint.h>
#include "synth/random.h"

struct box_jitter {
    double share;  /* standard deviation of each side's move, as a share of the box's width or height */
    double most;   /* pixels it moves at most */
    bool together; /* as published: the box is shifted, its size stays; by up to 5 * share of its shorter side */
};

/* x0, y0, x1, y1 around the largest connected component (pixels that touch at corners are connected); x1 and
 * y1 one past the last. False: the mask is empty, or there is no memory. */
bool ask_box(float box[4], const uint8_t *mask, int size, const struct box_jitter *jitter, struct rng *rng);
/* Empties the mask but for its largest component. False: no memory. */
bool keep_largest(uint8_t *mask, int size);
/* One pixel of the mask, each as likely; of the whole square when there is none, with *label 0. */
void ask_point(float xy[2], int *label, const uint8_t *mask, int size, struct rng *rng);
/* The same for `count` points as eval's pointN and the published test draw them: of several, half, rounded down,
 * in the mask, the others outside. */
void ask_points(float (*xy)[2], int *labels, int count, const uint8_t *mask, int size, struct rng *rng);
/* `count` pixels where probability > threshold is not the mask, each as likely: labels say what the mask is there.
 * Where nothing is wrong: pixels of the mask; as published, any pixels, labelled -1 (`aimless`). */
void ask_corrections(float (*xy)[2], int *labels, int count, const float *probability, float threshold,
                     const uint8_t *mask, int size, bool aimless, struct rng *rng);

#endif
