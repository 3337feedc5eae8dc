/* The decoder's cross attentions with few tokens and with many against the textbook's order of things:
 * project everything, attend, project back, in float64.
 *
 * Projections go through float32 between the steps here, where the folded form has none: differences
 * are roundings of sums over the width C, A or g, of numbers of about 1. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/nn_check.h"
#include "lib/nn_ref.h"
#include "model/cross_attention.h"

struct sizes {
    int n, t, g, dim, narrow, heads;
};

static struct linear random_linear(int out, int in)
{
    return (struct linear){random_floats((size_t)out * in, 1.5f / sqrtf((float)in)), random_floats(out, 1)};
}

static void free_linear(struct linear *w)
{
    free((float *)w->weight), free((float *)w->bias);
}

/* w x in float64, rounded once. */
static float *project(const struct linear *w, const float *x, int rows, int in, int out)
{
    double *exact = empty_doubles((size_t)rows * out), *size = empty_doubles((size_t)rows * out);
    float *y = empty_floats((size_t)rows * out);
    ref_linear(exact, size, x, in, w->weight, w->bias, rows, in, out);
    for (int i = 0; i < rows * out; i++)
        y[i] = (float)exact[i];
    free(exact), free(size);
    return y;
}

static float *attend(const float *q, const float *k, const float *v, const struct sizes *s, int tq, int tk)
{
    int count = s->n * tq * s->narrow;
    double *exact = empty_doubles(count);
    float *y = empty_floats(count);
    ref_attention(exact, q, k, v, s->n, tq, tk, s->heads, s->narrow / s->heads);
    for (int i = 0; i < count; i++)
        y[i] = (float)exact[i];
    free(exact);
    return y;
}

static void compare(const char *what, const float *got, const float *wanted, int count, int k)
{
    double *exact = empty_doubles(count);
    for (int i = 0; i < count; i++)
        exact[i] = wanted[i];
    check_close(what, got, exact, NULL, count, sum_roundings(k));
    free(exact);
}

static void run(const struct sizes *s, struct arena *arena, const struct attention *a, const float *q,
                const float *k, const float *v, const float *image_q, const struct images *images,
                float *mixed)
{
    struct call c = {.arena = arena, .run = arena->base != NULL, .n = s->n, .t = s->t, .g = s->g,
                     .dim = s->dim, .narrow = s->narrow, .heads = s->heads, .d = s->narrow / s->heads};
    size_t mark = arena_mark(arena);
    const float *found = tokens_to_image(&c, a, q, images);
    if (c.run)
        memcpy(mixed, found, (size_t)s->n * s->t * s->narrow * sizeof *mixed);
    arena_release(arena, mark);
    image_to_tokens(&c, a, image_q, k, v, images);
}

/* With `shared`, all prompts have one picture, and its queries are given. */
static void one(const struct sizes *s, bool shared)
{
    int tokens = s->n * s->t, pixels = s->n * s->g, image = s->g * s->dim;
    struct attention a = {random_linear(s->narrow, s->dim), random_linear(s->narrow, s->dim),
                          random_linear(s->narrow, s->dim), random_linear(s->dim, s->narrow)};
    float *q = random_floats((size_t)tokens * s->narrow, 1), *k = random_floats((size_t)tokens * s->narrow, 1);
    float *v = random_floats((size_t)tokens * s->narrow, 1), *mixed = empty_floats((size_t)tokens * s->narrow);
    float *keys = random_floats((size_t)pixels * s->dim, 1), *placed = random_floats((size_t)pixels * s->dim, 1);
    for (int i = 1; shared && i < s->n; i++)
        memcpy(placed + (size_t)i * image, placed, (size_t)image * sizeof *placed);

    float *all_k = project(&a.k, placed, pixels, s->dim, s->narrow);
    float *all_v = project(&a.v, keys, pixels, s->dim, s->narrow);
    float *all_q = project(&a.q, placed, pixels, s->dim, s->narrow);
    float *wanted = attend(q, all_k, all_v, s, s->t, s->g);
    float *back = attend(all_q, k, v, s, s->g, s->t);
    float *after = project(&a.out, back, pixels, s->narrow, s->dim);
    for (int i = 0; i < pixels * s->dim; i++)
        after[i] += keys[i];

    struct images images = {.keys = keys, .placed = placed};
    struct arena arena = {0};
    run(s, &arena, &a, q, k, v, shared ? all_q : NULL, &images, mixed);
    assert_int_equal(arena_init(&arena, arena.peak, NULL), 0);
    run(s, &arena, &a, q, k, v, shared ? all_q : NULL, &images, mixed);
    compare("tokens to image", mixed, wanted, tokens * s->narrow, s->dim);
    compare("image to tokens", keys, after, pixels * s->dim, s->narrow);
    arena_free(&arena);
    free(q), free(k), free(v), free(mixed), free(keys), free(placed), free(all_k), free(all_v);
    free(all_q), free(wanted), free(back), free(after);
    free_linear(&a.q), free_linear(&a.k), free_linear(&a.v), free_linear(&a.out);
}

static void test_few_and_many(void **unused)
{
    (void)unused;
    dice_start("cross attention");
    for (int round = 0; round < 40; round++) {
        int heads = dice(1, 4), d = dice(1, 16), t = dice(1, 20); /* few: t < d */
        struct sizes s = {dice(1, 3), t, dice(1, 40), heads * d * dice(1, 2), heads * d, heads};
        one(&s, dice(0, 1));
    }
    one(&(struct sizes){2, 7, 256, 256, 128, 8}, false);
    one(&(struct sizes){2, 16, 64, 256, 128, 8}, true);
    report_worst("cross attention");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_few_and_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
