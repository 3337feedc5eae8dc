/* src/train/cross_attention.c against differences of a float64 twin that projects everything, attends and
 * projects back, as the reference does. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/gradient_check.h"
#include "lib/nn_check.h"
#include "train/cross_attention.h"

/* One call: tokens x and y (n, t, C), the image's keys (n, g, C) and their places (g, C). */
struct given {
    struct sm_model model; /* its configuration */
    int n, t, g, dim, narrow, heads;
    bool to_image;
    float *x, *y, *keys, *places, *placed, *d_out;
    struct attention w;
};

static size_t tokens(const struct given *c)
{
    return (size_t)c->n * c->t * c->dim;
}
static size_t pixels(const struct given *c)
{
    return (size_t)c->n * c->g * c->dim;
}

/* ---- the twin ---- */

static double *widen(const float *x, size_t count)
{
    double *out = empty_doubles(count);
    for (size_t i = 0; i < count; i++)
        out[i] = x[i];
    return out;
}

static double *project(const double *x, const struct linear *w, int rows, int in, int out)
{
    double *y = empty_doubles((size_t)rows * out);
    for (int r = 0; r < rows; r++)
        for (int o = 0; o < out; o++) {
            double sum = w->bias[o];
            for (int i = 0; i < in; i++)
                sum += x[(size_t)r * in + i] * w->weight[(size_t)o * in + i];
            y[(size_t)r * out + o] = sum;
        }
    return y;
}

/* One query: mixed (d) from q (d), k and v (tk rows, ld apart). */
static void attend_one(double *mixed, const double *q, const double *k, const double *v, int tk, int d, int ld)
{
    double *weight = empty_doubles(tk), sum = 0;
    for (int j = 0; j < tk; j++) {
        double score = 0;
        for (int i = 0; i < d; i++)
            score += q[i] * k[(size_t)j * ld + i];
        sum += weight[j] = exp(score / sqrt(d));
    }
    for (int i = 0; i < d; i++) {
        mixed[i] = 0;
        for (int j = 0; j < tk; j++)
            mixed[i] += weight[j] / sum * v[(size_t)j * ld + i];
    }
    free(weight);
}

static double *attend(const struct given *c, const double *xq, const double *xk, const double *xv, int tq, int tk)
{
    int d = c->narrow / c->heads;
    double *q = project(xq, &c->w.q, c->n * tq, c->dim, c->narrow), *k = project(xk, &c->w.k, c->n * tk, c->dim, c->narrow);
    double *v = project(xv, &c->w.v, c->n * tk, c->dim, c->narrow), *mixed = empty_doubles((size_t)c->n * tq * c->narrow);
    for (int row = 0; row < c->n * tq; row++)
        for (int h = 0; h < c->heads; h++) {
            size_t of = (size_t)row * c->narrow + h * d, keys = (size_t)(row / tq) * tk * c->narrow + h * d;
            attend_one(mixed + of, q + of, k + keys, v + keys, tk, d, c->narrow);
        }
    double *out = project(mixed, &c->w.out, c->n * tq, c->narrow, c->dim);
    free(q), free(k), free(v), free(mixed);
    return out;
}

static double value(const void *context)
{
    const struct given *c = context;
    double *x = widen(c->x, tokens(c)), *y = widen(c->y, tokens(c)), *keys = widen(c->keys, pixels(c));
    double *placed = widen(c->keys, pixels(c)), *out, sum;
    for (size_t i = 0; i < pixels(c); i++)
        placed[i] += c->places[i % ((size_t)c->g * c->dim)];
    if (c->to_image) {
        out = attend(c, x, placed, keys, c->t, c->g);
        sum = dot(out, c->d_out, tokens(c));
    } else {
        out = attend(c, placed, x, y, c->g, c->t);
        sum = dot(out, c->d_out, pixels(c)) + dot(keys, c->d_out, pixels(c));
    }
    free(x), free(y), free(keys), free(placed), free(out);
    return sum;
}

/* ---- ours ---- */

struct gradients_by {
    float *x, *y, *keys;
    struct attention w;
};

static void run(const struct given *c, struct gradients_by *d, struct arena *arena)
{
    struct pass pass = {&c->model, NULL, arena};
    struct cross_tape tape = {.x = c->x, .y = c->y, .placed = c->placed, .keys = c->keys, .n = c->n, .t = c->t};
    float *sum = empty_floats(pixels(c));
    memcpy(sum, c->keys, pixels(c) * sizeof *sum);
    if (c->to_image) {
        look_at_image(&tape, &pass, &c->w);
        look_at_image_backward(&tape, &pass, &c->w, &d->w, c->d_out, d->x, d->keys);
    } else {
        look_at_tokens(&tape, &pass, &c->w, sum);
        look_at_tokens_backward(&tape, &pass, &c->w, &d->w, d->keys, d->x, d->y, true);
    }
    free(sum);
}

static float *zeros(size_t count)
{
    float *x = empty_floats(count);
    memset(x, 0, count * sizeof *x);
    return x;
}

static struct linear random_linear(int out, int in)
{
    return (struct linear){coarse_floats((size_t)out * in, 1), coarse_floats(out, 1)};
}

static struct linear no_gradient(int out, int in)
{
    return (struct linear){zeros((size_t)out * in), zeros(out)};
}

static void free_attention(struct attention *w)
{
    struct linear *all[] = {&w->q, &w->k, &w->v, &w->out};
    for (int i = 0; i < 4; i++)
        free((float *)all[i]->weight), free((float *)all[i]->bias);
}

static void check_linear(const char *what, const struct given *c, const struct linear *w, const struct linear *d, int out,
                         int in, double roundings)
{
    check_gradient(what, (struct objective){value, c}, (float *)w->weight, d->weight, (size_t)out * in, roundings);
    check_gradient(what, (struct objective){value, c}, (float *)w->bias, d->bias, out, roundings);
}

static struct given random_call(bool to_image)
{
    static const int sides[] = {1, 2, 3};
    int heads = dice(1, 3), d = dice(1, 5), downsample = dice(1, 2), side = sides[dice(0, 2)];
    struct given c = {.n = dice(1, 3), .t = dice(1, 6), .g = side * side, .dim = heads * d * downsample,
                      .narrow = heads * d, .heads = heads, .to_image = to_image};
    c.model.config.prompt_dim = c.dim;
    c.model.config.decoder_heads = heads;
    c.model.config.decoder_downsample = downsample;
    c.model.config.patch_size = 16;
    c.model.config.image_size = 16 * side;
    c.x = coarse_floats(tokens(&c), 1), c.y = coarse_floats(tokens(&c), 1), c.keys = coarse_floats(pixels(&c), 1);
    c.places = coarse_floats((size_t)c.g * c.dim, 1), c.placed = empty_floats(pixels(&c));
    for (size_t i = 0; i < pixels(&c); i++)
        c.placed[i] = c.keys[i] + c.places[i % ((size_t)c.g * c.dim)];
    c.d_out = coarse_floats(to_image ? tokens(&c) : pixels(&c), 1);
    c.w = (struct attention){random_linear(c.narrow, c.dim), random_linear(c.narrow, c.dim),
                             random_linear(c.narrow, c.dim), random_linear(c.dim, c.narrow)};
    return c;
}

static void one_call(bool to_image)
{
    struct given c = random_call(to_image);
    struct gradients_by d = {.x = zeros(tokens(&c)), .y = zeros(tokens(&c)), .keys = zeros(pixels(&c))};
    struct arena arena = {0};
    /* Four products one after the other, each wrong by some roundings of a sum. */
    double roundings = 60 + 4 * (sum_roundings(c.dim) + sum_roundings(c.g) + sum_roundings(c.n * c.t * c.heads));
    d.w = (struct attention){no_gradient(c.narrow, c.dim), no_gradient(c.narrow, c.dim), no_gradient(c.narrow, c.dim),
                             no_gradient(c.dim, c.narrow)};
    run(&c, &d, &arena);
    assert_int_equal(arena_init(&arena, arena.peak, NULL), SM_OK);
    if (!to_image)
        memcpy(d.keys, c.d_out, pixels(&c) * sizeof(float));
    run(&c, &d, &arena);
    check_gradient("tokens", (struct objective){value, &c}, c.x, d.x, tokens(&c), roundings);
    if (!to_image)
        check_gradient("values", (struct objective){value, &c}, c.y, d.y, tokens(&c), roundings);
    check_gradient("image", (struct objective){value, &c}, c.keys, d.keys, pixels(&c), roundings);
    check_linear("q", &c, &c.w.q, &d.w.q, c.narrow, c.dim, roundings);
    check_linear("k", &c, &c.w.k, &d.w.k, c.narrow, c.dim, roundings);
    check_linear("v", &c, &c.w.v, &d.w.v, c.narrow, c.dim, roundings);
    check_linear("out", &c, &c.w.out, &d.w.out, c.dim, c.narrow, roundings);
    arena_free(&arena);
    free_attention(&c.w), free_attention(&d.w);
    free(c.x), free(c.y), free(c.keys), free(c.places), free(c.placed), free(c.d_out), free(d.x), free(d.y), free(d.keys);
}

static void many_calls(const char *what, bool to_image)
{
    dice_start(what);
    for (int round = 0; round < 20; round++)
        one_call(to_image);
    report_worst(what);
}

static void test_tokens_to_image(void **unused)
{
    (void)unused;
    many_calls("tokens to image", true);
}

static void test_image_to_tokens(void **unused)
{
    (void)unused;
    many_calls("image to tokens", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tokens_to_image), cmocka_unit_test(test_image_to_tokens)};
    nn_set_threads(2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
