/* train/fresh.h - weights that nothing has been learned in yet. */
#ifndef TRAIN_FRESH_H
#define TRAIN_FRESH_H

#include "model/weights.h"

/* As PyTorch's modules begin: matrices and kernels evenly within 1 / sqrt(fan_in), norms 1 and 0, embeddings normal;
 * position embeddings are small instead of zero. A function of seed and name. *seed must stay alive. */
struct tensor_source fresh_source(uint64_t *seed);

#endif
