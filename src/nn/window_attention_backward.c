#include <math.h>
#include <omp.h>
#include <string.h>
#include "nn/nn_backward.h"
#include "nn/simd.h"

enum { LINE = 16 }; /* floats of a cache line: threads' parts begin on one, see window_attention.c */

/* The sizes that follow from the arguments. */
struct windows {
    int side, heads, d;
    int w;         /* side of a window */
    int across;    /* windows along a side of the picture, the last perhaps partly padding */
    int rows_once; /* rows of a window whose queries are looked at together */
    int ld;        /* of qkv: 3 * heads * d */
    int positions; /* 2 * w - 1 relative positions */
};

/* What one thread works in: one head of one window, whose queries go by in bands of rows. */
struct bench {
    float *k, *v, *d_k, *d_v;       /* (w*w, d) */
    float *q, *d_out, *d_q;         /* (rows_once*w, d) */
    float *term_h, *term_w;         /* (rows_once*w, positions): q . rel_pos; then the gradients */
    float *weights, *d_scores;      /* (rows_once*w, w*w) */
};

/* What several heads and windows add to, each task by itself: summed in order afterwards. */
struct share {
    float *rel_pos_h, *rel_pos_w; /* (positions, d) */
    float *bias_k, *bias_v;       /* (d) */
};

static struct windows lay_out(int side, int window, int heads, int d)
{
    enum { SCORES = 1 << 17 }; /* floats, twice, that stay in the cache */
    int w = window ? window : side;
    int fitting = SCORES / (w * w * w);
    return (struct windows){.side = side,
                            .heads = heads,
                            .d = d,
                            .w = w,
                            .across = (side + w - 1) / w,
                            .rows_once = fitting < 1 ? 1 : fitting < w ? fitting : w,
                            .ld = 3 * heads * d,
                            .positions = 2 * w - 1};
}

static size_t take(float **part, float *scratch, size_t used, size_t floats)
{
    *part = scratch ? scratch + used : NULL;
    return used + (floats + LINE - 1) / LINE * LINE;
}

/* Floats of a bench; fills it when scratch is there. */
static size_t set_up(struct bench *b, const struct windows *s, float *scratch)
{
    size_t queries = (size_t)s->rows_once * s->w, keys = (size_t)s->w * s->w, used = 0;
    float **of_keys[] = {&b->k, &b->v, &b->d_k, &b->d_v};
    float **of_queries[] = {&b->q, &b->d_out, &b->d_q};
    for (int i = 0; i < 4; i++)
        used = take(of_keys[i], scratch, used, keys * s->d);
    for (int i = 0; i < 3; i++)
        used = take(of_queries[i], scratch, used, queries * s->d);
    used = take(&b->term_h, scratch, used, queries * s->positions);
    used = take(&b->term_w, scratch, used, queries * s->positions);
    used = take(&b->weights, scratch, used, queries * keys);
    return take(&b->d_scores, scratch, used, queries * keys);
}

static size_t set_up_share(struct share *share, const struct windows *s, float *scratch)
{
    size_t used = take(&share->rel_pos_h, scratch, 0, (size_t)s->positions * s->d);
    used = take(&share->rel_pos_w, scratch, used, (size_t)s->positions * s->d);
    used = take(&share->bias_k, scratch, used, s->d);
    return take(&share->bias_v, scratch, used, s->d);
}

static int tasks_of(const struct windows *s, int batch)
{
    return batch * s->across * s->across * s->heads;
}

size_t nn_window_attention_backward_scratch(int batch, int side, int window, int heads, int d)
{
    struct windows s = lay_out(side, window, heads, d);
    struct bench bench;
    struct share share;
    return set_up(&bench, &s, NULL) * nn_threads() + set_up_share(&share, &s, NULL) * tasks_of(&s, batch);
}

static inline int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* A rectangle of tokens of one picture, in part perhaps beyond its edge. */
struct area {
    int y0, y1, x0, x1;
};

/* out (tokens of the area, d) from x, whose tokens are ld apart; `padded` stands for those beyond. */
static void gather(float *out, const float *x, int ld, const float *padded, const struct windows *s,
                   struct area a)
{
    for (int y = a.y0; y < a.y1; y++)
        for (int column = a.x0; column < a.x1; column++, out += s->d) {
            bool real = y < s->side && column < s->side;
            memcpy(out, real ? x + ((size_t)y * s->side + column) * ld : padded, s->d * sizeof(float));
        }
}

/* The other way; gradients of padded tokens add up in `padded`. */
static void scatter(float *x, int ld, float *padded, const float *in, const struct windows *s,
                    struct area a)
{
    for (int y = a.y0; y < a.y1; y++)
        for (int column = a.x0; column < a.x1; column++, in += s->d) {
            if (y < s->side && column < s->side)
                memcpy(x + ((size_t)y * s->side + column) * ld, in, s->d * sizeof(float));
            else
                nn_simd()->add(padded, in, s->d);
        }
}

/* Scores to softmax weights, d_scores from gradients by weights to those by scores, and the terms of
 * relative positions to the gradients by them: sums over the keys of a row and of a column. */
static void through_softmax(const struct bench *b, const struct windows *s, int first_row, int rows,
                            int columns, bool with_positions)
{
    const struct nn_simd *simd = nn_simd();
    int w = s->w, keys = w * w;
    for (int i = 0; i < rows * columns; i++) {
        float *row = b->weights + (size_t)i * keys, *d = b->d_scores + (size_t)i * keys;
        float *h = b->term_h + (size_t)i * s->positions, *v = b->term_w + (size_t)i * s->positions;
        int centre_h = first_row + i / columns + w - 1, centre_w = i % columns + w - 1;
        float sum = with_positions ? simd->exp_sum_positions(row, h + centre_h, v + centre_w, w, w)
                                   : simd->exp_sum(row, keys);
        simd->scale(row, row, 1.0f / sum, keys);
        simd->softmax_backward(d, row, keys);
        if (!with_positions)
            continue;
        memset(h, 0, s->positions * sizeof(float));
        memset(v, 0, s->positions * sizeof(float));
        for (int y = 0; y < w; y++)
            for (int x = 0; x < w; x++) {
                h[centre_h - y] += d[y * w + x];
                v[centre_w - x] += d[y * w + x];
            }
    }
}

/* d_q += d_term * rel_pos; d_rel_pos += d_term^T * q */
static void through_positions(const struct bench *b, const struct windows *s, float *d_rel_pos,
                              const float *d_term, const float *rel_pos, int queries)
{
    nn_gemm(b->d_q, s->d, d_term, s->positions, false, rel_pos, s->d, false, queries, s->d, s->positions,
            1.0f, 1.0f);
    nn_gemm(d_rel_pos, s->d, d_term, s->positions, true, b->q, s->d, false, s->positions, s->d, queries,
            1.0f, 1.0f);
}

/* The queries in bench->q, rows first_row .. first_row + rows of the window: bench->d_q, and what they
 * add to d_k, d_v and the share. */
static void attend_back(const struct bench *b, const struct windows *s, const struct share *share,
                        const float *rel_pos_h, const float *rel_pos_w, int first_row, int rows, int columns)
{
    int queries = rows * columns, keys = s->w * s->w, d = s->d;
    float scale = 1.0f / sqrtf((float)d), keep = first_row > 0;
    nn_gemm(b->weights, keys, b->q, d, false, b->k, d, true, queries, keys, d, scale, 0.0f);
    nn_gemm(b->d_scores, keys, b->d_out, d, false, b->v, d, true, queries, keys, d, 1.0f, 0.0f);
    if (rel_pos_h) {
        nn_linear(b->term_h, b->q, rel_pos_h, NULL, queries, d, s->positions);
        nn_linear(b->term_w, b->q, rel_pos_w, NULL, queries, d, s->positions);
    }
    through_softmax(b, s, first_row, rows, columns, rel_pos_h != NULL);
    nn_gemm(b->d_v, d, b->weights, keys, true, b->d_out, d, false, keys, d, queries, 1.0f, keep);
    nn_gemm(b->d_k, d, b->d_scores, keys, true, b->q, d, false, keys, d, queries, scale, keep);
    nn_gemm(b->d_q, d, b->d_scores, keys, false, b->k, d, false, queries, d, keys, scale, 0.0f);
    if (rel_pos_h) {
        through_positions(b, s, share->rel_pos_h, b->term_h, rel_pos_h, queries);
        through_positions(b, s, share->rel_pos_w, b->term_w, rel_pos_w, queries);
    }
}

/* One head of the window whose first token is (y0, x0): the pointers are to the head's first number of
 * the picture. */
static void one_window(float *d_qkv, const float *d_out, const float *qkv, const float *qkv_bias,
                       const float *rel_pos_h, const float *rel_pos_w, const struct windows *s,
                       const struct bench *b, const struct share *share, int y0, int x0)
{
    int dim = s->heads * s->d, y1 = smaller(y0 + s->w, s->side), x1 = smaller(x0 + s->w, s->side);
    struct area window = {y0, y0 + s->w, x0, x0 + s->w};
    gather(b->k, qkv + dim, s->ld, qkv_bias + dim, s, window);
    gather(b->v, qkv + 2 * dim, s->ld, qkv_bias + 2 * dim, s, window);
    for (int y = y0; y < y1; y += s->rows_once) {
        struct area band = {y, smaller(y + s->rows_once, y1), x0, x1};
        gather(b->q, qkv, s->ld, NULL, s, band);
        gather(b->d_out, d_out, dim, NULL, s, band);
        attend_back(b, s, share, rel_pos_h, rel_pos_w, y - y0, band.y1 - y, x1 - x0);
        scatter(d_qkv, s->ld, NULL, b->d_q, s, band);
    }
    scatter(d_qkv + dim, s->ld, share->bias_k, b->d_k, s, window);
    scatter(d_qkv + 2 * dim, s->ld, share->bias_v, b->d_v, s, window);
}

static void add_up(const struct windows *s, float *shares, size_t floats, int tasks, float *d_qkv_bias,
                   float *d_rel_pos_h, float *d_rel_pos_w)
{
    const struct nn_simd *simd = nn_simd();
    size_t positions = (size_t)s->positions * s->d, dim = (size_t)s->heads * s->d;
    for (int task = 0; task < tasks; task++) {
        struct share share;
        size_t head = (size_t)(task % s->heads) * s->d;
        set_up_share(&share, s, shares + task * floats);
        if (d_rel_pos_h)
            simd->add(d_rel_pos_h, share.rel_pos_h, positions);
        if (d_rel_pos_w)
            simd->add(d_rel_pos_w, share.rel_pos_w, positions);
        if (d_qkv_bias) {
            simd->add(d_qkv_bias + dim + head, share.bias_k, s->d);
            simd->add(d_qkv_bias + 2 * dim + head, share.bias_v, s->d);
        }
    }
}

void nn_window_attention_backward(float *d_qkv, float *d_qkv_bias, float *d_rel_pos_h, float *d_rel_pos_w,
                                  const float *d_out, const float *qkv, const float *qkv_bias,
                                  const float *rel_pos_h, const float *rel_pos_w, int batch, int side,
                                  int window, int heads, int d, float *scratch)
{
    struct windows s = lay_out(side, window, heads, d);
    struct share none;
    int tasks = tasks_of(&s, batch), places = s.across * s.across;
    size_t share_floats = set_up_share(&none, &s, NULL), pixels = (size_t)side * side;
    float *benches = scratch + share_floats * tasks;
    memset(scratch, 0, share_floats * tasks * sizeof(float));
#pragma omp parallel for schedule(dynamic) num_threads(nn_threads()) if (nn_gemm_in_parallel())
    for (int task = 0; task < tasks; task++) {
        struct bench bench;
        struct share share;
        size_t floats = set_up(&bench, &s, NULL), head = (size_t)(task % heads) * d;
        size_t picture = task / heads / places;
        int place = task / heads % places;
        set_up(&bench, &s, benches + floats * omp_get_thread_num());
        set_up_share(&share, &s, scratch + share_floats * task);
        one_window(d_qkv + picture * pixels * s.ld + head, d_out + picture * pixels * heads * d + head,
                   qkv + picture * pixels * s.ld + head, qkv_bias + head, rel_pos_h, rel_pos_w, &s, &bench,
                   &share, place / s.across * s.w, place % s.across * s.w);
    }
    add_up(&s, scratch, share_floats, tasks, d_qkv_bias, d_rel_pos_h, d_rel_pos_w);
}
