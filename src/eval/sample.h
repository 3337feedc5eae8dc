/* eval/sample.h - prompts from masks, as SAM-Med2D's utils.py draws them, with random numbers of our own.
 *
 * Masks are uint8 (height, width), 0 outside, 1 inside; points are x, y; boxes are x0, y0, x1, y1 with x1 and
 * y1 one past the last pixel.
 */
#ifndef EVAL_SAMPLE_H
#define EVAL_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* splitmix64: a seed and a name give the same numbers everywhere, whatever came before. */
struct rng {
    uint64_t state;
};
struct rng rng_for(uint64_t seed, const char *name);
uint64_t rng_next(struct rng *rng);
size_t rng_below(struct rng *rng, size_t n); /* 0 .. n-1 */
double rng_unit(struct rng *rng);            /* 0 <= u < 1 */

/* The largest part of eight-connected pixels, the first in reading order on a tie, into `part`; its area.
 * stack: height * width ints. */
size_t sample_largest(const uint8_t *mask, int height, int width, uint8_t *part, int *stack);
/* Each side moved by up to `fraction` of the box's width or height, to whole pixels, within the picture, and
 * one pixel wide at least. */
void sample_jitter(struct rng *rng, double fraction, int height, int width, float box[4]);

/* One point: inside. More: count / 2 inside and the rest outside, with replacement, shuffled. A side that has
 * no pixel leaves its points to the other. */
void sample_points(struct rng *rng, const uint8_t *mask, int height, int width, int count, float (*points)[2],
                   int *labels);
/* A pixel where the answer is wrong: label 1 where the mask was missed, 0 where it was exceeded. Where all is
 * right: any pixel, with label -1, which the network is trained to read as no point. */
void sample_error(struct rng *rng, const uint8_t *mask, const uint8_t *answer, int height, int width,
                  float point[2], int *label);
/* The pixel farthest from the outside (chessboard distance; beyond the picture is outside), the first in
 * reading order on a tie. distance: height * width ints. */
void sample_innermost(const uint8_t *mask, int height, int width, int *distance, int point[2]);
#endif
