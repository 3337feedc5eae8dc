/* train/optimiser.h - Adam and AdamW as torch.optim has them, clipping, and averages of weights. */
#ifndef TRAIN_OPTIMISER_H
#define TRAIN_OPTIMISER_H

#include "train/parameters.h"

struct adam {
    double lr, beta1, beta2, eps;
    double weight_decay;
    bool decoupled; /* AdamW: the weights shrink by lr * weight_decay; else it is added to the gradient */
};

/* One update, the step-th (from 1), of `count` numbers; the gradient counts `scale` times. */
void adam_update(float *value, float *m, float *v, const float *gradient, size_t count,
                 const struct adam *adam, int64_t step, double weight_decay, double scale);
/* One update of all parameters of `parts`. */
void adam_step(struct parameters *parameters, unsigned parts, const struct adam *adam, double scale);

/* L2 norm of the gradients of `parts`, all together. */
double gradient_norm(const struct parameters *parameters, unsigned parts);
/* average += (1 - decay) * (value - average), for every parameter that has one. */
void averages_update(struct parameters *parameters, double decay);

#endif
