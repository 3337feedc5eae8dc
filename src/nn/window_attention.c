#include <math.h>
#include <omp.h>
#include <string.h>
#include "nn/nn.h"
#include "nn/simd.h"

/* The sizes that follow from the arguments, and one head of one window. */
struct windows {
    int side, heads, d;
    int w;         /* side of a window */
    int across;    /* windows along a side of the picture, the last perhaps partly padding */
    int rows_once; /* rows of a window whose queries are looked at together */
    int ld;        /* of qkv: 3 * heads * d */
    int positions; /* 2 * w - 1 relative positions */
};

/* What one thread works in. */
struct bench {
    float *k, *v;           /* (w*w, d) */
    float *q, *sum;         /* (rows_once*w, d): queries, then their results; the softmax's sums */
    float *term_h, *term_w; /* (rows_once*w, positions): q . rel_pos */
    float *scores;          /* (rows_once*w, w*w) */
};

static struct windows lay_out(int side, int window, int heads, int d)
{
    enum { SCORES = 1 << 18 }; /* floats that stay in the cache */
    int w = window ? window : side;
    int fitting = SCORES / (w * w * w);
    return (struct windows){
        .side = side,
        .heads = heads,
        .d = d,
        .w = w,
        .across = (side + w - 1) / w,
        .rows_once = fitting < 1   ? 1
                     : fitting < w ? fitting
                                   : w,
        .ld = 3 * heads * d,
        .positions = 2 * w - 1,
    };
}

/* Floats of a bench; fills it when scratch is there. Parts are rounded up to cache lines, so that
 * the bits of a result do not depend on the thread: a compiler's loop may add up in an order that
 * depends on where in a line it starts. */
static size_t set_up(struct bench *bench, const struct windows *s, float *scratch)
{
    enum { LINE = 16 };
    size_t queries = (size_t)s->rows_once * s->w, keys = (size_t)s->w * s->w, used = 0;
    struct {
        float **part;
        size_t floats;
    } parts[] = {
        {&bench->k, keys * s->d},
        {&bench->v, keys * s->d},
        {&bench->q, queries * s->d},
        {&bench->sum, queries},
        {&bench->term_h, queries * s->positions},
        {&bench->term_w, queries * s->positions},
        {&bench->scores, queries * keys},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        *parts[i].part = scratch ? scratch + used : NULL;
        used += (parts[i].floats + LINE - 1) / LINE * LINE;
    }
    return used;
}

size_t nn_window_attention_scratch(int batch, int side, int window, int heads, int d)
{
    (void)batch;
    struct windows s = lay_out(side, window, heads, d);
    struct bench bench;
    return set_up(&bench, &s, NULL) * nn_threads();
}

static inline int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* Keys or values of one head of the window whose first token is (y0, x0), padding included: x
 * points to the head's part of the first token of the picture, padded to what stands for padding.
 */
static void gather_keys(float *out, const float *x, const float *padded, const struct windows *s,
                        int y0, int x0)
{
    size_t bytes = s->d * sizeof(float);
    for (int y = y0; y < y0 + s->w; y++)
        for (int column = x0; column < x0 + s->w; column++, out += s->d) {
            bool real = y < s->side && column < s->side;
            memcpy(out, real ? x + ((size_t)y * s->side + column) * s->ld : padded, bytes);
        }
}

static void gather_queries(float *out, const float *x, const struct windows *s, int y0, int y1,
                           int x0, int x1)
{
    for (int y = y0; y < y1; y++)
        for (int column = x0; column < x1; column++, out += s->d)
            memcpy(out, x + ((size_t)y * s->side + column) * s->ld, s->d * sizeof(float));
}

/* Scores (queries, w*w) to exp(score - max), and the sums. The term of query row y and key row i is
 * rel_pos_h[y - i + w - 1] . q; columns likewise. */
static void add_positions_and_exp(const struct bench *bench, const struct windows *s, int first_row,
                                  int rows, int columns, bool with_positions)
{
    const struct nn_simd *simd = nn_simd();
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++) {
            size_t query = (size_t)y * columns + x;
            float *row = bench->scores + query * s->w * s->w;
            const float *h = bench->term_h + query * s->positions + first_row + y + s->w - 1;
            const float *w = bench->term_w + query * s->positions + x + s->w - 1;
            bench->sum[query] = with_positions ? simd->exp_sum_positions(row, h, w, s->w, s->w)
                                               : simd->exp_sum(row, (size_t)s->w * s->w);
        }
}

/* Queries of rows y0..y1 of the picture, columns x0..x1, all in the window that begins at window_y;
 * the softmax's division comes last, on d numbers a query instead of w*w. */
static void attend_rows(float *out, const float *q, const struct bench *bench,
                        const struct windows *s, const float *rel_pos_h, const float *rel_pos_w,
                        int window_y, int y0, int y1, int x0, int x1)
{
    const struct nn_simd *simd = nn_simd();
    int columns = x1 - x0, queries = (y1 - y0) * columns, keys = s->w * s->w, d = s->d;
    gather_queries(bench->q, q, s, y0, y1, x0, x1);
    nn_gemm(bench->scores, keys, bench->q, d, false, bench->k, d, true, queries, keys, d,
            1.0f / sqrtf((float)d), 0.0f);
    if (rel_pos_h) {
        nn_linear(bench->term_h, bench->q, rel_pos_h, NULL, queries, d, s->positions);
        nn_linear(bench->term_w, bench->q, rel_pos_w, NULL, queries, d, s->positions);
    }
    add_positions_and_exp(bench, s, y0 - window_y, y1 - y0, columns, rel_pos_h != NULL);
    nn_gemm(bench->q, d, bench->scores, keys, false, bench->v, d, false, queries, d, keys, 1.0f,
            0.0f);
    for (int i = 0; i < queries; i++) {
        size_t token = (size_t)(y0 + i / columns) * s->side + x0 + i % columns;
        simd->scale(out + token * s->heads * d, bench->q + (size_t)i * d, 1.0f / bench->sum[i], d);
    }
}

void nn_window_attention(float *out, const float *qkv, const float *qkv_bias,
                         const float *rel_pos_h, const float *rel_pos_w, int batch, int side,
                         int window, int heads, int d, float *scratch)
{
    struct windows s = lay_out(side, window, heads, d);
    int dim = heads * d, tasks = batch * s.across * s.across * heads;
#pragma omp parallel for schedule(dynamic) num_threads(nn_threads()) if (nn_gemm_in_parallel())
    for (int task = 0; task < tasks; task++) {
        struct bench bench;
        size_t floats = set_up(&bench, &s, scratch);
        set_up(&bench, &s, scratch + floats * omp_get_thread_num());
        int head = task % heads, place = task / heads % (s.across * s.across);
        size_t picture = task / heads / (s.across * s.across);
        int y0 = place / s.across * s.w, x0 = place % s.across * s.w;
        int y1 = smaller(y0 + s.w, side), x1 = smaller(x0 + s.w, side);
        const float *q = qkv + picture * side * side * s.ld + head * d;
        const float *q_bias = qkv_bias + head * d;
        float *result = out + picture * side * side * dim + head * d;
        gather_keys(bench.k, q + dim, q_bias + dim, &s, y0, x0);
        gather_keys(bench.v, q + 2 * dim, q_bias + 2 * dim, &s, y0, x0);
        for (int y = y0; y < y1; y += s.rows_once)
            attend_rows(result, q, &bench, &s, rel_pos_h, rel_pos_w, y0, y,
                        smaller(y + s.rows_once, y1), x0, x1);
    }
}
