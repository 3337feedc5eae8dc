/* ref: transformer.py Attention. Scores and weights of few tokens: (n, t, heads, ...), so that all that
 * belongs to one head has one stride, and all that belongs to one prompt lies together. */
#include <math.h>
#include <string.h>
#include "model/cross_attention.h"
#include "nn/nn.h"

static bool few_tokens(const struct call *c)
{
    return c->heads * c->t < c->narrow;
}

static float *take(const struct call *c, size_t rows, int width)
{
    return arena_floats(c->arena, rows * (size_t)width);
}

/* x (n, t, A) to out (n, t, heads, C): each head's part times its rows of w (A, C) - or, transposed,
 * its columns of w (C, A). */
static void widen_heads(const struct call *c, float *out, const float *x, const float *w,
                        bool transposed, float factor)
{
    for (int h = 0; h < c->heads; h++) {
        const float *part = w + (size_t)h * c->d * (transposed ? 1 : c->dim);
        nn_gemm(out + (size_t)h * c->dim, c->heads * c->dim, x + h * c->d, c->narrow, false, part,
                transposed ? c->narrow : c->dim, transposed, c->n * c->t, c->dim, c->d, factor, 0);
    }
}

/* ---- tokens look at the image ---- */

static void look_at_image(const struct call *c, float *mixed, float *wide, float *scores,
                          const struct attention *a, const float *q, const struct images *images)
{
    int rows = c->t * c->heads, dim = c->dim;
    size_t picture = (size_t)c->g * dim, prompt = (size_t)rows * dim;
    widen_heads(c, wide, q, a->k.weight, false, 1 / sqrtf((float)c->d));
    for (int i = 0; i < c->n; i++) {
        nn_gemm(scores, c->g, wide + i * prompt, dim, false, images->placed + i * picture, dim, true,
                rows, c->g, dim, 1, 0);
        nn_softmax(scores, rows, c->g);
        nn_gemm(wide + i * prompt, dim, scores, c->g, false, images->keys + i * picture, dim, false,
                rows, dim, c->g, 1, 0);
    }
    for (int h = 0; h < c->heads; h++)
        nn_linear_ld(mixed + h * c->d, c->narrow, wide + (size_t)h * dim, c->heads * dim,
                     a->v.weight + (size_t)h * c->d * dim, a->v.bias + h * c->d, c->n * c->t, dim,
                     c->d);
}

float *tokens_to_image(const struct call *c, const struct attention *a, const float *q,
                       const struct images *images)
{
    if (few_tokens(c)) {
        float *mixed = take(c, (size_t)c->n * c->t, c->narrow);
        float *wide = take(c, (size_t)c->n * c->t * c->heads, c->dim);
        float *scores = take(c, (size_t)c->t * c->heads, c->g);
        if (c->run)
            look_at_image(c, mixed, wide, scores, a, q, images);
        return mixed;
    }
    const float *k = call_project(c, &a->k, images->placed, c->n * c->g, c->dim, c->narrow);
    const float *v = call_project(c, &a->v, images->keys, c->n * c->g, c->dim, c->narrow);
    return call_attend(c, q, k, v, c->n, c->t, c->g, c->narrow);
}

/* ---- the image looks at tokens ---- */

/* scores (n, t, heads, g) of the queries that all images share. */
static void shared_scores(const struct call *c, float *scores, const float *image_q, const float *k)
{
    for (int h = 0; h < c->heads; h++)
        nn_gemm(scores + (size_t)h * c->g, c->heads * c->g, k + h * c->d, c->narrow, false,
                image_q + h * c->d, c->narrow, true, c->n * c->t, c->g, c->d,
                1 / sqrtf((float)c->d), 0);
}

/* scores (t, heads, g) of prompt i; the part of bq is the same for all places of the image. */
static void own_scores(const struct call *c, float *scores, const float *wide, const float *bq,
                       const float *k, const float *placed)
{
    for (int row = 0; row < c->t * c->heads; row++) {
        const float *part = k + (size_t)row * c->d, *bias = bq + row % c->heads * c->d;
        float constant = 0, *of = scores + (size_t)row * c->g;
        for (int j = 0; j < c->d; j++)
            constant += part[j] * bias[j];
        constant /= sqrtf((float)c->d);
        for (int p = 0; p < c->g; p++) /* a division in here would be done g times */
            of[p] = constant;
    }
    nn_gemm(scores, c->g, wide, c->dim, false, placed, c->dim, true, c->t * c->heads, c->g, c->dim, 1,
            1);
}

static void look_at_tokens(const struct call *c, float *wide, float *values, float *scores,
                           const struct attention *a, const float *image_q, const float *k,
                           const float *v, const struct images *images)
{
    int rows = c->t * c->heads, dim = c->dim;
    size_t picture = (size_t)c->g * dim, prompt = (size_t)rows * dim;
    widen_heads(c, values, v, a->out.weight, true, 1);
    if (image_q)
        shared_scores(c, scores, image_q, k);
    else
        widen_heads(c, wide, k, a->q.weight, false, 1 / sqrtf((float)c->d));
    for (int i = 0; i < c->n; i++) {
        float *keys = images->keys + i * picture, *of = scores + (image_q ? (size_t)i * rows * c->g : 0);
        if (!image_q)
            own_scores(c, of, wide + i * prompt, a->q.bias, k + (size_t)i * c->t * c->narrow,
                       images->placed + i * picture);
        nn_softmax_columns(of, c->heads * c->g, c->t, c->heads * c->g);
        nn_add_rows(keys, images->before ? images->before : keys, a->out.bias, c->g, dim);
        nn_gemm(keys, dim, of, c->g, true, values + i * prompt, dim, false, c->g, dim, rows, 1, 1);
    }
}

/* All that is projected, as the reference has it. */
static void look_at_many_tokens(const struct call *c, const struct attention *a, const float *image_q,
                                const float *k, const float *v, const struct images *images)
{
    size_t picture = (size_t)c->g * c->dim, prompt = (size_t)c->t * c->narrow;
    struct call one = *c;
    one.n = 1;
    for (int i = 0; i < c->n; i++) {
        size_t mark = arena_mark(c->arena);
        const float *q = image_q, *placed = c->run ? images->placed + i * picture : NULL;
        if (!q)
            q = call_project(&one, &a->q, placed, c->g, c->dim, c->narrow);
        const float *mixed = call_attend(&one, q, c->run ? k + i * prompt : NULL,
                                         c->run ? v + i * prompt : NULL, 1, c->g, c->t, c->narrow);
        if (c->run && images->before)
            memcpy(images->keys + i * picture, images->before, picture * sizeof(float));
        if (c->run)
            nn_linear_add(images->keys + i * picture, mixed, a->out.weight, a->out.bias, c->g,
                          c->narrow, c->dim);
        arena_release(c->arena, mark);
    }
}

void image_to_tokens(const struct call *c, const struct attention *a, const float *image_q,
                     const float *k, const float *v, const struct images *images)
{
    size_t mark = arena_mark(c->arena), rows = (size_t)c->n * c->t * c->heads;
    if (few_tokens(c)) {
        float *wide = take(c, rows, c->dim), *values = take(c, rows, c->dim);
        float *scores = take(c, rows, c->g);
        if (c->run)
            look_at_tokens(c, wide, values, scores, a, image_q, k, v, images);
    } else {
        look_at_many_tokens(c, a, image_q, k, v, images);
    }
    arena_release(c->arena, mark);
}
