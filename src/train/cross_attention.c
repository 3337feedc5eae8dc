/* ref: OpenGVLab/SAM-Med2D, segment_anything/modeling/transformer.py, Attention */
#include "train/cross_attention.h"
#include <math.h>

struct sizes {
    int n, t, rows; /* rows = n * t */
    int heads, d, narrow, dim, g;
    size_t wide, scores, image; /* floats of one prompt: (t, heads, C), (t, heads, g), (g, C) */
    float scale;
};

static struct sizes sizes_of(const struct pass *pass, int n, int t)
{
    const struct sm_config *c = &pass->model->config;
    int narrow = c->prompt_dim / c->decoder_downsample, d = narrow / c->decoder_heads;
    int g = grid_side(c) * grid_side(c);
    size_t rows = (size_t)t * c->decoder_heads;
    return (struct sizes){.n = n, .t = t, .rows = n * t, .heads = c->decoder_heads, .d = d, .narrow = narrow,
                          .dim = c->prompt_dim, .g = g, .wide = rows * c->prompt_dim, .scores = rows * g,
                          .image = (size_t)g * c->prompt_dim, .scale = 1 / sqrtf((float)d)};
}

bool cross_attention_pays(const struct pass *pass, int t)
{
    struct sizes s = sizes_of(pass, 1, t);
    return s.heads * t < s.narrow;
}

/* ---- each head's part of x (rows, A) times its rows of w (A, C), or its columns of w (C, A) ---- */

static const float *head_of(const struct sizes *s, const float *w, int head, bool columns)
{
    return w + (size_t)head * s->d * (columns ? 1 : s->dim);
}

/* wide (rows, heads, C) = factor * x w */
static void widen(const struct sizes *s, float *wide, const float *x, const float *w, bool columns, float factor)
{
    for (int h = 0; h < s->heads; h++)
        nn_gemm(wide + h * s->dim, s->heads * s->dim, x + h * s->d, s->narrow, false, head_of(s, w, h, columns),
                columns ? s->narrow : s->dim, columns, s->rows, s->dim, s->d, factor, 0);
}

/* x = factor * wide w^T */
static void narrow(const struct sizes *s, float *x, const float *wide, const float *w, bool columns, float factor)
{
    for (int h = 0; h < s->heads; h++)
        nn_gemm(x + h * s->d, s->narrow, wide + h * s->dim, s->heads * s->dim, false, head_of(s, w, h, columns),
                columns ? s->narrow : s->dim, !columns, s->rows, s->d, s->dim, factor, 0);
}

/* d_w += factor * x^T wide: by either of the two, from what went in and the gradient of what came out. */
static void add_by_weights(const struct sizes *s, const float *d_w, const float *x, const float *wide, bool columns,
                           float factor)
{
    for (int h = 0; h < s->heads && d_w; h++) {
        const float *part = x + h * s->d, *other = wide + h * s->dim;
        int ld = s->heads * s->dim;
        float *d = into(head_of(s, d_w, h, columns));
        if (columns)
            nn_gemm(d, s->narrow, other, ld, true, part, s->narrow, false, s->dim, s->d, s->rows, factor, 1);
        else
            nn_gemm(d, s->dim, part, s->narrow, true, other, ld, false, s->d, s->dim, s->rows, factor, 1);
    }
}

/* ---- one prompt: rows = t * heads ---- */

/* out (rows, g) (+)= wide (rows, C) . image (g, C) */
static void score(const struct sizes *s, float *out, const float *wide, const float *image, float keep)
{
    nn_gemm(out, s->g, wide, s->dim, false, image, s->dim, true, s->t * s->heads, s->g, s->dim, 1, keep);
}

/* wide (rows, C) = weights (rows, g) * image (g, C) */
static void mix(const struct sizes *s, float *wide, const float *weights, const float *image)
{
    nn_gemm(wide, s->dim, weights, s->g, false, image, s->dim, false, s->t * s->heads, s->dim, s->g, 1, 0);
}

/* image (g, C) += weights^T * wide */
static void spread(const struct sizes *s, float *image, const float *weights, const float *wide)
{
    nn_gemm(image, s->dim, weights, s->g, true, wide, s->dim, false, s->g, s->dim, s->t * s->heads, 1, 1);
}

/* ---- tokens look at the image ---- */

float *look_at_image(struct cross_tape *tape, const struct pass *pass, const struct attention *w)
{
    struct sizes s = sizes_of(pass, tape->n, tape->t);
    int n = running(pass) ? s.n : 0;
    tape->asked = take_linear(pass, tape->x, &w->q, s.rows, s.dim, s.narrow);
    tape->wide = take(pass, s.n * s.wide);
    tape->weights = take(pass, s.n * s.scores);
    tape->values = take(pass, s.n * s.wide);
    tape->told = take(pass, (size_t)s.rows * s.narrow);
    if (n)
        widen(&s, tape->wide, tape->asked, w->k.weight, false, s.scale);
#pragma omp parallel for num_threads(nn_threads()) if (nn_gemm_in_parallel())
    for (int i = 0; i < n; i++) {
        float *weights = tape->weights + i * s.scores;
        score(&s, weights, tape->wide + i * s.wide, tape->placed + i * s.image, 0);
        nn_softmax(weights, s.t * s.heads, s.g);
        mix(&s, tape->values + i * s.wide, weights, tape->keys + i * s.image);
    }
    if (n) {
        narrow(&s, tape->told, tape->values, w->v.weight, false, 1);
        nn_add_rows(tape->told, tape->told, w->v.bias, s.rows, s.narrow);
    }
    return take_linear(pass, tape->told, &w->out, s.rows, s.narrow, s.dim);
}

void look_at_image_backward(const struct cross_tape *tape, const struct pass *pass, const struct attention *w,
                            const struct attention *g, const float *d_out, float *d_x, float *d_keys)
{
    struct sizes s = sizes_of(pass, tape->n, tape->t);
    size_t mark = arena_mark(pass->arena);
    int n = running(pass) ? s.n : 0;
    float *d_told = take(pass, (size_t)s.rows * s.narrow), *d_asked = take(pass, (size_t)s.rows * s.narrow);
    float *d_values = take(pass, s.n * s.wide), *d_wide = take(pass, s.n * s.wide);
    float *d_scores = take(pass, s.n * s.scores);
    linear_backward(pass, d_told, &g->out, d_out, tape->told, &w->out, s.rows, s.narrow, s.dim);
    if (n) {
        widen(&s, d_values, d_told, w->v.weight, false, 1);
        add_by_weights(&s, g->v.weight, d_told, tape->values, false, 1);
        if (g->v.bias)
            nn_add_sum_of_rows(into(g->v.bias), d_told, s.rows, s.narrow);
    }
#pragma omp parallel for num_threads(nn_threads()) if (nn_gemm_in_parallel())
    for (int i = 0; i < n; i++) {
        float *d = d_scores + i * s.scores;
        score(&s, d, d_values + i * s.wide, tape->keys + i * s.image, 0);
        nn_softmax_backward(d, tape->weights + i * s.scores, s.t * s.heads, s.g);
        mix(&s, d_wide + i * s.wide, d, tape->placed + i * s.image);
        if (!d_keys)
            continue;
        spread(&s, d_keys + i * s.image, tape->weights + i * s.scores, d_values + i * s.wide);
        spread(&s, d_keys + i * s.image, d, tape->wide + i * s.wide);
    }
    if (n) {
        narrow(&s, d_asked, d_wide, w->k.weight, false, s.scale);
        add_by_weights(&s, g->k.weight, tape->asked, d_wide, false, s.scale);
    }
    linear_backward(pass, d_x, &g->q, d_asked, tape->x, &w->q, s.rows, s.dim, s.narrow);
    arena_release(pass->arena, mark);
}

/* ---- the image looks at tokens ---- */

/* What the bias of q adds to all scores of a token's head: scores (t, heads, g) of one prompt are set to it. */
static void begin_scores(const struct sizes *s, float *scores, const float *asked, const float *bias)
{
    for (int row = 0; row < s->t * s->heads; row++) {
        const float *part = asked + row * s->d, *b = bias + row % s->heads * s->d;
        float same = 0;
        for (int j = 0; j < s->d; j++)
            same += part[j] * b[j];
        for (int p = 0; p < s->g; p++)
            scores[(size_t)row * s->g + p] = same * s->scale;
    }
}

/* The way back: d_asked (t, heads, d) and d_bias (heads, d), unless NULL, are added to. */
static void begin_scores_backward(const struct sizes *s, float *d_asked, float *d_bias, const float *d_scores,
                                  const float *asked, const float *bias)
{
    for (int row = 0; row < s->t * s->heads; row++) {
        const float *d = d_scores + (size_t)row * s->g;
        int head = row % s->heads * s->d;
        double sum = 0;
        for (int p = 0; p < s->g; p++)
            sum += d[p];
        float same = (float)sum * s->scale;
        for (int j = 0; j < s->d; j++) {
            d_asked[row * s->d + j] += same * bias[head + j];
            if (d_bias)
                d_bias[head + j] += same * asked[row * s->d + j];
        }
    }
}

void look_at_tokens(struct cross_tape *tape, const struct pass *pass, const struct attention *w, float *sum)
{
    struct sizes s = sizes_of(pass, tape->n, tape->t);
    int n = running(pass) ? s.n : 0;
    tape->asked = take_linear(pass, tape->x, &w->k, s.rows, s.dim, s.narrow);
    tape->told = take_linear(pass, tape->y, &w->v, s.rows, s.dim, s.narrow);
    tape->wide = take(pass, s.n * s.wide);
    tape->weights = take(pass, s.n * s.scores);
    tape->values = take(pass, s.n * s.wide);
    if (n) {
        widen(&s, tape->wide, tape->asked, w->q.weight, false, s.scale);
        widen(&s, tape->values, tape->told, w->out.weight, true, 1);
    }
#pragma omp parallel for num_threads(nn_threads()) if (nn_gemm_in_parallel())
    for (int i = 0; i < n; i++) {
        float *weights = tape->weights + i * s.scores, *of = sum + i * s.image;
        begin_scores(&s, weights, tape->asked + (size_t)i * s.t * s.narrow, w->q.bias);
        score(&s, weights, tape->wide + i * s.wide, tape->placed + i * s.image, 1);
        nn_softmax_columns(weights, s.heads * s.g, s.t, s.heads * s.g);
        nn_add_rows(of, of, w->out.bias, s.g, s.dim);
        spread(&s, of, weights, tape->values + i * s.wide);
    }
}

/* d_scores, d_wide and d_values of each prompt, and d_keys's way over placed. */
static void to_tokens_backward(const struct cross_tape *tape, const struct sizes *s, float *d_scores, float *d_wide,
                               float *d_values, float *d_keys, bool below)
{
#pragma omp parallel for num_threads(nn_threads()) if (nn_gemm_in_parallel())
    for (int i = 0; i < s->n; i++) {
        float *d = d_scores + i * s->scores, *image = d_keys + i * s->image;
        const float *weights = tape->weights + i * s->scores;
        mix(s, d_values + i * s->wide, weights, image);
        score(s, d, tape->values + i * s->wide, image, 0);
        nn_softmax_columns_backward(d, weights, s->heads * s->g, s->t, s->heads * s->g);
        mix(s, d_wide + i * s->wide, d, tape->placed + i * s->image);
        if (below)
            spread(s, image, d, tape->wide + i * s->wide);
    }
}

void look_at_tokens_backward(const struct cross_tape *tape, const struct pass *pass, const struct attention *w,
                             const struct attention *g, float *d_keys, float *d_x, float *d_y, bool below)
{
    struct sizes s = sizes_of(pass, tape->n, tape->t);
    size_t mark = arena_mark(pass->arena);
    float *d_asked = take(pass, (size_t)s.rows * s.narrow), *d_told = take(pass, (size_t)s.rows * s.narrow);
    float *d_wide = take(pass, s.n * s.wide), *d_values = take(pass, s.n * s.wide);
    float *d_scores = take(pass, s.n * s.scores);
    if (running(pass)) {
        if (g->out.bias)
            nn_add_sum_of_rows(into(g->out.bias), d_keys, s.n * s.g, s.dim);
        to_tokens_backward(tape, &s, d_scores, d_wide, d_values, d_keys, below);
        narrow(&s, d_asked, d_wide, w->q.weight, false, s.scale);
        narrow(&s, d_told, d_values, w->out.weight, true, 1);
        add_by_weights(&s, g->q.weight, tape->asked, d_wide, false, s.scale);
        add_by_weights(&s, g->out.weight, tape->told, d_values, true, 1);
        for (int i = 0; i < s.n; i++)
            begin_scores_backward(&s, d_asked + (size_t)i * s.t * s.narrow, into(g->q.bias), d_scores + i * s.scores,
                                  tape->asked + (size_t)i * s.t * s.narrow, w->q.bias);
    }
    linear_backward(pass, d_x, &g->k, d_asked, tape->x, &w->k, s.rows, s.dim, s.narrow);
    linear_backward(pass, d_y, &g->v, d_told, tape->y, &w->v, s.rows, s.dim, s.narrow);
    arena_release(pass->arena, mark);
}
