/* train/pass.h - what the parts of a training pass share, and small steps that they all make.
 *
 * A forward pass writes what its backward pass will need on a tape: buffers from an arena that stay
 * until the caller releases it. As everywhere, a measuring arena (base NULL) counts and computes
 * nothing. Gradients have the model's own layout: `gradients` holds a pointer for each tensor of
 * `weights`, NULL where the tensor is not trained, and backward passes add to them.
 */
#ifndef TRAIN_PASS_H
#define TRAIN_PASS_H

#include <string.h>
#include "model/model_internal.h"
#include "nn/nn_backward.h"

struct pass {
    const struct sm_model *model;
    const struct weights *gradients;
    struct arena *arena;
};

static inline bool running(const struct pass *pass)
{
    return pass->arena->base != NULL;
}

/* The fields of struct weights are const, because inference reads them; of gradients they are written. */
static inline float *into(const float *gradient)
{
    return (float *)gradient;
}

static inline float *take(const struct pass *pass, size_t count)
{
    return arena_floats(pass->arena, count);
}

static inline float *take_zeros(const struct pass *pass, size_t count)
{
    float *x = take(pass, count);
    if (running(pass))
        memset(x, 0, count * sizeof(*x));
    return x;
}

static inline float *take_copy(const struct pass *pass, const float *x, size_t count)
{
    float *copy = take(pass, count);
    if (running(pass))
        memcpy(copy, x, count * sizeof(*x));
    return copy;
}

/* x + y (count floats), y repeated every `period` floats. */
static inline float *take_sum(const struct pass *pass, const float *x, const float *y, size_t count,
                              size_t period)
{
    float *out = take_copy(pass, x, count);
    for (size_t i = 0; i < count && running(pass); i += period)
        nn_add(out + i, y, period);
    return out;
}

/* y (rows, out) by the kernels of dense.c, which read weights where they lie; then `after`. */
static inline void run_dense(const struct pass *pass, float *y, const float *x, const struct linear *w, int rows,
                             int in, int out, const struct nn_after *after)
{
    struct nn_weights weights = nn_weights_linear(w->weight, out, in);
    size_t mark = arena_mark(pass->arena);
    float *scratch = take(pass, nn_dense_scratch(rows, &weights));
    if (running(pass))
        nn_dense(y, x, &weights, after, rows, scratch);
    arena_release(pass->arena, mark);
}

/* Few rows are left to BLAS. */
static inline float *take_linear(const struct pass *pass, const float *x, const struct linear *w, int rows,
                                 int in, int out)
{
    enum { MANY_ROWS = 64 };
    float *y = take(pass, (size_t)rows * out);
    if (rows >= MANY_ROWS)
        run_dense(pass, y, x, w, rows, in, out, &(struct nn_after){.bias = w->bias});
    else if (running(pass))
        nn_linear(y, x, w->weight, w->bias, rows, in, out);
    return y;
}

static inline float *take_norm(const struct pass *pass, const float *x, const struct norm *w, int rows,
                               int width, float eps)
{
    float *y = take(pass, (size_t)rows * width);
    if (running(pass))
        nn_layer_norm(y, x, w->weight, w->bias, rows, width, eps);
    return y;
}

static inline void linear_backward(const struct pass *pass, float *d_x, const struct linear *gradient,
                                   const float *d_out, const float *x, const struct linear *w, int rows,
                                   int in, int out)
{
    if (running(pass))
        nn_linear_backward(d_x, into(gradient->weight), into(gradient->bias), d_out, x, w->weight, rows, in,
                           out);
}

/* d_x may be d_out. */
static inline void norm_backward(const struct pass *pass, float *d_x, const struct norm *gradient,
                                 const float *d_out, const float *x, const struct norm *w, int rows,
                                 int width, float eps)
{
    size_t mark = arena_mark(pass->arena);
    float *scratch = take(pass, nn_layer_norm_backward_scratch(rows, width));
    if (running(pass))
        nn_layer_norm_backward(d_x, into(gradient->weight), into(gradient->bias), d_out, x, w->weight, rows,
                               width, eps, scratch);
    arena_release(pass->arena, mark);
}

static inline bool norm_trained(const struct norm *gradient)
{
    return gradient->weight || gradient->bias;
}
static inline bool linear_trained(const struct linear *gradient)
{
    return gradient->weight || gradient->bias;
}

#endif
