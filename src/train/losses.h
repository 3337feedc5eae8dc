/* train/losses.h - focal, Dice and IoU losses, and their gradients; SAM-Med2D's utils.py.
 *
 * As there, probabilities are a float32 sigmoid and the logarithm is of p + 1e-12: beyond a logit of
 * about 17 p is exactly 1 and the gradient exactly 0, which a log-sigmoid would not give. Sums are in
 * double.
 */
#ifndef TRAIN_LOSSES_H
#define TRAIN_LOSSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOSS_MAX_MASKS = 2048 };

/* What SAM-Med2D's losses have beside their weights. */
#define LOSS_PUBLISHED .alpha = 0.25, .gamma = 2, .smooth = 1

struct loss_rule {
    double focal, dice, iou; /* weights: 20, 1, 1 */
    double alpha, gamma;     /* focal: weight of true pixels, others have 1 - alpha; power of what is missed */
    double smooth;           /* Dice: added to both parts of the fraction, so that nothing on nothing is 1 */
    /* One Dice, one focal mean and one IoU over all masks of the batch, that IoU being what each
     * prediction is held against, as published; else each mask by itself, and the mean of the losses. */
    bool whole_batch;
};

struct loss {
    double focal, dice, iou; /* each component by itself */
    double total;            /* weighted */
};

/* logits (n, pixels) become the gradient by them; n at most LOSS_MAX_MASKS; target (n, pixels) 0 or 1; predicted (n) IoU and the
 * gradient d_predicted (n) by it. probabilities (n, pixels) is scratch, and holds the sigmoids. */
void loss_and_gradient(struct loss *loss, float *logits, float *d_predicted, float *probabilities,
                       const uint8_t *target, const float *predicted, int n, size_t pixels,
                       const struct loss_rule *rule);
/* The loss of each mask by itself, out (n): for choosing among several. iou (n): of each mask cut at a probability of 0.5
 * with the target; 1 of nothing with nothing. */
void loss_of_each(double *out, float *iou, const float *logits, const uint8_t *target, int n, size_t pixels,
                  const struct loss_rule *rule, float *probabilities);

#endif
