/* eval/score.h - one answer against one truth. */
#ifndef EVAL_SCORE_H
#define EVAL_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct score {
    double dice, iou;
    double predicted; /* IoU as the network predicts it; NAN where no network was asked */
};

/* sigmoid(logit) > 0.5 in float32, as the predictor has it. */
void score_inside(const float *logits, size_t n, uint8_t *inside);
/* Both masks hold 0 and 1. Two empty masks score 1. */
struct score score_masks(const uint8_t *truth, const uint8_t *answer, size_t n);

/* metrics.py and test.py as they are. A batch of values is taken for logits when its smallest value is
 * negative, and for probabilities otherwise, whatever it is; then > 0.5. */
void score_reference_inside(const float *values, size_t n, uint8_t *inside);
/* In float32, 1e-7 added above and below the line. */
void score_reference_image(const uint8_t *truth, const uint8_t *inside, size_t n, float *dice, float *iou);
/* As test.py keeps it: four decimals. */
double score_reference_round(float value);

/* The answers that need no network: a pixel is inside when its centre is. mask (height, width). */
void score_fill_box(const float box[4], int height, int width, uint8_t *mask);
void score_fill_ellipse(const float box[4], int height, int width, uint8_t *mask);
#endif
