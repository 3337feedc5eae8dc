/* nn/simd.h - the loops that are not GEMM, compiled once per instruction set, chosen at run time.
 *
 * simd.c includes simd_loops.h once for each set, so one binary runs on any CPU of its
 * architecture. A table of functions instead of target_clones: no ifunc, which sanitizers cannot
 * bear, and the same code with gcc and clang.
 */
#ifndef NN_SIMD_H
#define NN_SIMD_H

#include <stddef.h>

struct nn_simd {
    const char *name; /* "avx512", "avx2", "base" */
    void (*gelu)(float *x, size_t count);
    void (*bias_gelu)(float *x, const float *bias, size_t count);
    void (*sigmoid)(float *x, size_t count);
    void (*relu)(float *x, size_t count);
    void (*add)(float *x, const float *y, size_t count);
    void (*scale)(float *out, const float *x, float factor, size_t count);
    void (*multiply)(float *out, const float *x, const float *y, size_t count);
    /* x = exp(x - max x); returns the sum. */
    float (*exp_sum)(float *x, size_t count);
    /* out[r * ld_out] += x[r] . w for each row of x (rows, k). */
    void (*dot_rows)(float *out, size_t ld_out, const float *x, size_t ld_x, const float *w, int rows,
                     int k);
    /* x (rows, columns) to softmax down each column; ld: floats from row to row. */
    void (*softmax_columns)(float *x, size_t ld, int rows, int columns);
    /* exp_sum after x (rows, columns) += row_term[-i] + column_term[-j] at (i, j): the terms of
     * relative positions run against the index of the key. */
    float (*exp_sum_positions)(float *x, const float *row_term, const float *column_term, int rows,
                               int columns);
    void (*norm_row)(float *out, const float *x, const float *weight, const float *bias, int n,
                     float eps);
    /* Backwards, d from the gradient by what came out to that by what went in. */
    void (*gelu_backward)(float *d, const float *x, size_t count);
    void (*relu_backward)(float *d, const float *y, size_t count);
    void (*softmax_backward)(float *d, const float *y, size_t count);
    void (*multiply_add)(float *sum, const float *x, const float *y, size_t count); /* sum += x * y */
    void (*add_scaled)(float *sum, const float *x, float factor, size_t count);
    /* d_weight and d_bias (n) are added to, NULL: not wanted; d_x may be d_out. */
    void (*norm_row_backward)(float *d_x, float *d_weight, float *d_bias, const float *d_out,
                              const float *x, const float *weight, int n, float eps);
};

/* The best table this CPU can run. */
const struct nn_simd *nn_simd(void);
/* All tables this CPU can run, best first; NULL past the end. For tests. */
const struct nn_simd *nn_simd_variant(int number);

#endif
