#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <string.h>
#include "nn/gemm.h"
#include "nn/nn.h"
#include "nn/simd.h"
#include "nn/window_attention.h"

/* What one thread works in, by BLAS. */
struct bench {
    int rows_once;          /* rows of a window whose queries are looked at together */
    float *k, *v;           /* (w*w, d) */
    float *q, *sum;         /* (rows_once*w, d): queries, then their results; the softmax's sums */
    float *term_h, *term_w; /* (rows_once*w, 2 * w - 1): q . rel_pos */
    float *scores;          /* (rows_once*w, w*w) */
};

static struct window_sizes sizes_of(int side, int window, int heads, int d)
{
    int w = window ? window : side;
    return (struct window_sizes){
        .side = side, .heads = heads, .d = d, .w = w, .across = (side + w - 1) / w, .ld = 3 * heads * d};
}

/* Floats of a bench; fills it when scratch is there. Parts are rounded up to cache lines, so that
 * the bits of a result do not depend on the thread: a compiler's loop may add up in an order that
 * depends on where in a line it starts. */
static size_t set_up(struct bench *bench, const struct window_sizes *s, float *scratch)
{
    enum { SCORES = 1 << 18 /* floats that stay in the cache */ };
    int fitting = smaller(SCORES / (s->w * s->w * s->w), s->w), positions = 2 * s->w - 1;
    bench->rows_once = fitting < 1 ? 1 : fitting;
    size_t queries = (size_t)bench->rows_once * s->w, keys = (size_t)s->w * s->w, used = 0;
    struct {
        float **part;
        size_t floats;
    } parts[] = {
        {&bench->k, keys * s->d},
        {&bench->v, keys * s->d},
        {&bench->q, queries * s->d},
        {&bench->sum, queries},
        {&bench->term_h, queries * positions},
        {&bench->term_w, queries * positions},
        {&bench->scores, queries * keys},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        *parts[i].part = scratch ? scratch + used : NULL;
        used += (parts[i].floats + LINE - 1) / LINE * LINE;
    }
    return used;
}

/* Keys or values of one head of the window whose first token is (y0, x0), padding included: x
 * points to the head's part of the first token of the picture, padded to what stands for padding.
 */
static void gather_keys(float *out, const float *x, const float *padded, const struct window_sizes *s,
                        int y0, int x0)
{
    size_t bytes = s->d * sizeof(float);
    for (int y = y0; y < y0 + s->w; y++)
        for (int column = x0; column < x0 + s->w; column++, out += s->d) {
            bool real = y < s->side && column < s->side;
            memcpy(out, real ? x + ((size_t)y * s->side + column) * s->ld : padded, bytes);
        }
}

static void gather_queries(float *out, const float *x, const struct window_sizes *s, int y0, int y1,
                           int x0, int x1)
{
    for (int y = y0; y < y1; y++)
        for (int column = x0; column < x1; column++, out += s->d)
            memcpy(out, x + ((size_t)y * s->side + column) * s->ld, s->d * sizeof(float));
}

/* Scores (queries, w*w) to exp(score - max), and the sums. The term of query row y and key row i is
 * rel_pos_h[y - i + w - 1] . q; columns likewise. */
static void add_positions_and_exp(const struct bench *bench, const struct window_sizes *s, int first_row,
                                  int rows, int columns, bool with_positions)
{
    const struct nn_simd *simd = nn_simd();
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++) {
            size_t query = (size_t)y * columns + x;
            float *row = bench->scores + query * s->w * s->w;
            const float *h = bench->term_h + query * (2 * s->w - 1) + first_row + y + s->w - 1;
            const float *w = bench->term_w + query * (2 * s->w - 1) + x + s->w - 1;
            bench->sum[query] = with_positions ? simd->exp_sum_positions(row, h, w, s->w, s->w)
                                               : simd->exp_sum(row, (size_t)s->w * s->w);
        }
}

/* Queries of rows y0..y1 of the picture; the softmax's division comes last, on d numbers a query
 * instead of w*w. */
static void attend_rows(const struct window_head *head, const struct bench *bench,
                        const struct window_sizes *s, int y0, int y1)
{
    const struct nn_simd *simd = nn_simd();
    int columns = head->x1 - head->x0, queries = (y1 - y0) * columns, keys = s->w * s->w, d = s->d;
    int positions = 2 * s->w - 1;
    gather_queries(bench->q, head->qkv, s, y0, y1, head->x0, head->x1);
    nn_gemm(bench->scores, keys, bench->q, d, false, bench->k, d, true, queries, keys, d,
            1.0f / sqrtf((float)d), 0.0f);
    if (head->rel_pos_h) {
        nn_linear(bench->term_h, bench->q, head->rel_pos_h, NULL, queries, d, positions);
        nn_linear(bench->term_w, bench->q, head->rel_pos_w, NULL, queries, d, positions);
    }
    add_positions_and_exp(bench, s, y0 - head->y0, y1 - y0, columns, head->rel_pos_h != NULL);
    nn_gemm(bench->q, d, bench->scores, keys, false, bench->v, d, false, queries, d, keys, 1.0f,
            0.0f);
    for (int i = 0; i < queries; i++) {
        size_t token = (size_t)(y0 + i / columns) * s->side + head->x0 + i % columns;
        simd->scale(head->out + token * s->heads * d, bench->q + (size_t)i * d, 1.0f / bench->sum[i],
                    d);
    }
}

static void by_blas(const struct window_head *head, const struct window_sizes *s, float *scratch)
{
    struct bench bench;
    int dim = s->heads * s->d;
    set_up(&bench, s, scratch);
    gather_keys(bench.k, head->qkv + dim, head->qkv_bias + dim, s, head->y0, head->x0);
    gather_keys(bench.v, head->qkv + 2 * dim, head->qkv_bias + 2 * dim, s, head->y0, head->x0);
    for (int y = head->y0; y < head->y1; y += bench.rows_once)
        attend_rows(head, &bench, s, y, smaller(y + bench.rows_once, head->y1));
}

/* ---- all heads of all windows ---- */

static size_t thread_floats(const struct window_sizes *s)
{
    struct bench bench;
    return gemm_set() ? window_tiles_scratch(s) : set_up(&bench, s, NULL);
}

size_t nn_window_attention_scratch(int batch, int side, int window, int heads, int d)
{
    (void)batch;
    struct window_sizes s = sizes_of(side, window, heads, d);
    return thread_floats(&s) * nn_threads() + LINE;
}

void nn_window_attention(float *out, const float *qkv, const float *qkv_bias,
                         const float *rel_pos_h, const float *rel_pos_w, int batch, int side,
                         int window, int heads, int d, float *scratch)
{
    struct window_sizes s = sizes_of(side, window, heads, d);
    int windows = s.across * s.across;
    size_t floats = thread_floats(&s), misplaced = (uintptr_t)scratch / sizeof(float) % LINE;
    scratch += (LINE - misplaced) % LINE;
#pragma omp parallel for schedule(dynamic) num_threads(nn_threads()) if (nn_gemm_in_parallel())
    for (int task = 0; task < batch * windows * heads; task++) {
        int at = task % heads * d, place = task / heads % windows;
        size_t picture = (size_t)(task / heads / windows) * side * side;
        int y0 = place / s.across * s.w, x0 = place % s.across * s.w;
        const struct window_head head = {
            .y0 = y0,
            .y1 = smaller(y0 + s.w, side),
            .x0 = x0,
            .x1 = smaller(x0 + s.w, side),
            .qkv = qkv + picture * s.ld + at,
            .qkv_bias = qkv_bias + at,
            .rel_pos_h = rel_pos_h,
            .rel_pos_w = rel_pos_w,
            .out = out + picture * heads * d + at,
        };
        (gemm_set() ? window_tiles : by_blas)(&head, &s, scratch + floats * omp_get_thread_num());
    }
}
