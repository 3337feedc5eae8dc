/* nn/parallel.h - when and how the loops here are split over threads. */
#ifndef NN_PARALLEL_H
#define NN_PARALLEL_H

#include <stdbool.h>
#include <stddef.h>
#include "nn/nn.h"

/* Below this many floats waking other threads costs more than they save. */
enum { PARALLEL_FLOATS = 1 << 14 };

static inline int threads_for(size_t floats)
{
    return floats < PARALLEL_FLOATS ? 1 : nn_threads();
}
#endif
