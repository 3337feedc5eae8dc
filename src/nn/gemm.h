/* nn/gemm.h - the micro-kernels of dense.c, compiled once per instruction set, chosen at run time.
 *
 * After Goto and van de Geijn (2008) and BLIS (Van Zee and van de Geijn, 2015), turned round: lanes
 * are tokens, and a weight is broadcast to them. So weights need no packing at all: a tile reads
 * CHANNELS rows of a row-major matrix where they lie, in a mapped file for instance. Only
 * activations are packed, into panels of PANEL tokens, and only once a product.
 *
 * Everything is counted in groups of four bytes along k: one float32, two bfloat16, four int8 or,
 * where the CPU multiplies no bytes, two int8 widened to int16. A
 * panel is (groups, PANEL) groups: whatever the precision, packing is one transposition of 32-bit
 * words, and a tile is the same loop around another multiply-add.
 */
#ifndef NN_GEMM_H
#define NN_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "nn/nn.h"

enum {
    PANEL = 32,    /* tokens of a panel: two 512-bit vectors, four of 256 bits */
    HALF = PANEL / 2,
    CHANNELS = 12, /* rows of weights a tile: 24 of 32 registers of 512 bits are its sums */
    CHUNK = 64,    /* groups packed at a time: (CHUNK, PANEL) stays in the first cache */
    LINE = 16      /* floats of a cache line */
};

static inline int smaller(int a, int b)
{
    return a < b ? a : b;
}

static inline int pieces(int count, int size)
{
    return (count + size - 1) / size;
}

/* What to fetch meanwhile: weights of a tile to come, `rows` rows of them (0: nothing). */
struct ahead {
    const char *weights;
    size_t stride;
    int rows;
};

/* sums (channels, PANEL) = or += rows of weights, `stride` bytes apart, times a panel; of its lanes
 * the first PANEL or HALF. int8: sums are int32 in the same place, the panel unsigned, weights
 * signed. */
typedef void gemm_tile(float *sums, const char *weights, size_t stride, const uint32_t *panel,
                       int lanes, int channels, int groups, bool add, struct ahead ahead);

struct gemm_set {
    const char *name; /* "avx512", "avx2", "base" */
    gemm_tile *f32, *bf16, *int8; /* NULL: this CPU cannot */
    int int8_group;               /* 4, or 2: panel and weights are int16 */
    /* panel (groups, PANEL) = rows transposed; a NULL row is zeros. groups <= CHUNK. */
    void (*pack)(uint32_t *panel, const uint32_t *const rows[PANEL], int groups);
    /* out = x rounded to bfloat16, to nearest even; not-a-number stays one. */
    void (*to_bf16)(uint16_t *out, const float *x, int count);
    /* out = round(x * factor + zero), held in 0..255. */
    void (*quantise)(uint8_t *out, const float *x, float factor, float zero, int count);
    /* Widens low..high to hold x; returns not-a-number when x holds infinities or such, else 0. */
    float (*range)(float *low, float *high, const float *x, int count);
    void (*from_bf16)(float *out, const uint16_t *x, int count);
    void (*from_int8)(float *out, const int8_t *x, int count);
    void (*widen_int8)(int16_t *out, const int8_t *x, int count);
    void (*widen_uint8)(int16_t *out, const uint8_t *x, int count);
    /* out = the sum of 1, 2 or 4 rows; with `alternate` a - b, or (a - b) - (c - d). */
    void (*gather)(float *out, const float *const *rows, int count, bool alternate, int n);
    /* Sums of int8 (channels, PANEL), in place, to float32: scale[c] factor[t] (sum - zero[t]
     * total[c]). */
    void (*from_int32)(float *sums, int channels, const float *scale, const int32_t *total,
                       const float *factor, const int32_t *zero);
    /* Each row c of x (channels, PANEL) plus bias[c], which may be NULL; relu then. */
    void (*add_bias)(float *x, int channels, const float *bias, bool relu);
    /* out rows (each `channels` floats, NULL: a lane of no token) = x (channels, PANEL) transposed,
     * plus the rows of `add` when it is not NULL. */
    void (*unpack)(float *const out[PANEL], const float *const *add, const float *x, int channels);
    /* Softmax down the lanes of scores (count, PANEL) in powers of two; of the lanes PANEL or HALF.
     * x += row_term (PANEL) + column_terms (count, PANEL); most (PANEL) rises to what x holds. */
    void (*add_terms)(float *x, const float *row_term, const float *column_terms, int count,
                      float *most, int lanes);
    /* x = 2^(x - most), for x <= most, added to sum (PANEL). Below 2^-126: that. */
    void (*exp2_sum)(float *x, int count, const float *most, float *sum, int lanes);
    /* Each row of x (count, PANEL) times factor (PANEL). */
    void (*scale_lanes)(float *x, int count, const float *factor, int lanes);
};

/* Rows a multiple of the first cache's size apart would drive each other out of it: 64 sets of a
 * line each a way. */
static inline bool rows_collide(size_t stride)
{
    return stride % (64 * 64) == 0;
}

/* The set in use: the best this CPU can run, or what nn_use_kernels chose; NULL: BLAS. */
const struct gemm_set *gemm_set(void);
/* The set for work that BLAS cannot do: never NULL. */
const struct gemm_set *gemm_own_set(void);
/* All sets this CPU can run, best first; NULL past the end. */
const struct gemm_set *gemm_set_variant(int number);

#endif
