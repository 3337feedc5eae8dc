#include <omp.h>
#include <stdint.h>
#include <string.h>
#include "nn/gemm.h"
#include "nn/nn.h"
#include "nn/parallel.h"
#include "nn/simd.h"

enum {
    WIDTH = 128 /* numbers between the layers at a time: (WIDTH, PANEL) stays in the first cache */
};

struct pair {
    const struct gemm_set *set;
    const struct nn_weights *first, *second;
    const struct nn_after *between, *after;
    const float *x;
    float *out;
    int rows;
};

bool nn_dense_pairs(const struct nn_weights *first, const struct nn_weights *second)
{
    enum { MOST = 1 << 17 }; /* weights that stay in the second cache while tokens go by */
    return gemm_set() && first->precision == NN_F32 && second->precision == NN_F32 &&
           (size_t)first->n * (first->k + second->n) <= MOST && !rows_collide(first->row_bytes) &&
           !rows_collide(second->row_bytes);
}

/* Panels of what goes in, of what is between, of sums. */
static size_t thread_floats(const struct nn_weights *first, const struct nn_weights *second)
{
    return (size_t)PANEL * (first->k + WIDTH + second->n);
}

size_t nn_dense_pair_scratch(const struct nn_weights *first, const struct nn_weights *second)
{
    return nn_threads() * thread_floats(first, second) + LINE;
}

static void pack(const struct pair *p, float *panel, int row, int count)
{
    int k = p->first->k;
    for (int c = 0; c < k; c += CHUNK) {
        const uint32_t *from[PANEL] = {NULL};
        for (int t = 0; t < count; t++)
            from[t] = (const uint32_t *)(p->x + (size_t)(row + t) * k + c);
        p->set->pack((uint32_t *)(panel + (size_t)c * PANEL), from, smaller(k - c, CHUNK));
    }
}

static void finish(const struct pair *p, float *sums, int row, int count)
{
    int n = p->second->n;
    float *out[PANEL] = {NULL};
    const float *add[PANEL] = {NULL};
    for (int t = 0; t < count; t++) {
        out[t] = p->out + (size_t)(row + t) * n;
        add[t] = p->after->add ? p->after->add + (size_t)(row + t) * n : NULL;
    }
    p->set->add_bias(sums, n, p->after->bias, p->after->activation == NN_RELU);
    if (p->after->activation == NN_GELU)
        nn_simd()->gelu(sums, (size_t)n * PANEL);
    p->set->unpack(out, p->after->add ? add : NULL, sums, n);
}

/* Some channels of the first layer at a time are at once a part of the second layer's k: their sums
 * lie as its panel has to. */
static void compute_panel(const struct pair *p, float *panel, int row)
{
    const struct nn_weights *first = p->first, *second = p->second;
    float *between = panel + (size_t)first->k * PANEL, *sums = between + WIDTH * PANEL;
    int count = smaller(p->rows - row, PANEL);
    pack(p, panel, row, count);
    for (int c = 0; c < first->n; c += WIDTH) {
        int width = smaller(first->n - c, WIDTH);
        const char *rows = (const char *)first->data + c * first->row_bytes;
        const char *columns = (const char *)second->data + c * sizeof(float);
        p->set->f32(between, rows, first->row_bytes, (const uint32_t *)panel, PANEL, width, first->k,
                    false, (struct ahead){0});
        p->set->add_bias(between, width, p->between->bias ? p->between->bias + c : NULL,
                         p->between->activation == NN_RELU);
        if (p->between->activation == NN_GELU)
            nn_simd()->gelu(between, (size_t)width * PANEL);
        p->set->f32(sums, columns, second->row_bytes, (const uint32_t *)between, PANEL, second->n,
                    width, c > 0, (struct ahead){0});
    }
    finish(p, sums, row, count);
}

void nn_dense_pair(float *out, const float *x, const struct nn_weights *first,
                   const struct nn_after *between, const struct nn_weights *second,
                   const struct nn_after *after, int rows, float *scratch)
{
    const struct pair pair = {gemm_own_set(), first, second, between, after, x, out, rows};
    size_t misplaced = (uintptr_t)scratch / sizeof(float) % LINE, floats = thread_floats(first, second);
    scratch += (LINE - misplaced) % LINE;
#pragma omp parallel for schedule(dynamic) num_threads(threads_for((size_t)rows *first->n))
    for (int row = 0; row < rows; row += PANEL)
        compute_panel(&pair, scratch + floats * omp_get_thread_num(), row);
}
