/* nn_dense_pair against two naive layers, for every set of kernels this CPU has, over odd sizes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/nn_check.h"
#include "lib/nn_ref.h"
#include "nn/nn.h"

static const char *const sets[] = {"avx512", "avx512f", "avx2", "base"};

/* Layers k to m to n of random weights. */
struct layers {
    int rows, k, m, n;
    float *x, *w1, *w2;
    struct nn_after between, after;
};

static struct layers random_layers(int rows, int k, int m, int n)
{
    return (struct layers){
        .rows = rows, .k = k, .m = m, .n = n,
        .x = random_floats((size_t)rows * k, 1),
        .w1 = random_floats((size_t)m * k, 1),
        .w2 = random_floats((size_t)n * m, 1),
        .between = {.bias = dice(0, 1) ? random_floats(m, 1) : NULL, .activation = dice(0, 2)},
        .after = {.bias = dice(0, 1) ? random_floats(n, 1) : NULL, .activation = dice(0, 2)},
    };
}

static void free_layers(struct layers *l)
{
    free(l->x), free(l->w1), free(l->w2), free((float *)l->between.bias), free((float *)l->after.bias);
}

static void run(float *out, const struct layers *l)
{
    struct nn_weights first = nn_weights_linear(l->w1, l->m, l->k);
    struct nn_weights second = nn_weights_linear(l->w2, l->n, l->m);
    assert_true(nn_dense_pairs(&first, &second));
    float *scratch = empty_floats(nn_dense_pair_scratch(&first, &second));
    nn_dense_pair(out, l->x, &first, &l->between, &second, &l->after, l->rows, scratch);
    free(scratch);
}

static double activated(double x, enum nn_activation activation)
{
    return activation == NN_GELU ? ref_gelu(x) : activation == NN_RELU ? fmax(0, x) : x;
}

/* What is between as float32 rounds it, and how far off its sums may be, in units that go through the
 * second layer's absolute weights like numbers do. */
static void between(float *hidden, float *spread, const struct layers *l)
{
    size_t count = (size_t)l->rows * l->m;
    double *exact = empty_doubles(count), *size = empty_doubles(count);
    ref_linear(exact, size, l->x, l->k, l->w1, l->between.bias, l->rows, l->k, l->m);
    for (size_t i = 0; i < count; i++) {
        hidden[i] = (float)activated(exact[i], l->between.activation);
        spread[i] = (float)(1.2 * size[i] + fabs(hidden[i]));
    }
    free(exact), free(size);
}

static void one_pair(int rows, int k, int m, int n)
{
    struct layers l = random_layers(rows, k, m, n);
    size_t count = (size_t)rows * n, middle = (size_t)rows * m;
    float *out = random_floats(count, 1), *kept = empty_floats(count);
    float *hidden = empty_floats(middle), *spread = empty_floats(middle);
    double *wanted = empty_doubles(count), *size = empty_doubles(count), *more = empty_doubles(count);
    memcpy(kept, out, count * sizeof(float));
    l.after.add = dice(0, 1) ? out : NULL; /* in place */
    run(out, &l);
    between(hidden, spread, &l);
    ref_linear(wanted, size, hidden, m, l.w2, l.after.bias, rows, m, n);
    ref_linear(more, more, spread, m, l.w2, NULL, rows, m, n); /* the sizes, last */
    for (size_t i = 0; i < count; i++) {
        double y = activated(wanted[i], l.after.activation);
        wanted[i] = y + (l.after.add ? kept[i] : 0);
        size[i] = 1.2 * (size[i] + more[i]) + fabs(y) + fabs(kept[i]);
    }
    check_close("dense_pair", out, wanted, size, count, sum_roundings(k + 2) + sum_roundings(m + 2));
    free_layers(&l);
    free(out), free(kept), free(hidden), free(spread), free(wanted), free(size), free(more);
}

static void test_all_sets(void **unused)
{
    (void)unused;
    for (int s = sizeof(sets) / sizeof(sets[0]); s-- > 0;) {
        if (!nn_use_kernels(sets[s])) {
            printf("# %s: skipped, this CPU cannot\n", sets[s]);
            continue;
        }
        dice_start(sets[s]);
        for (int round = 0; round < 30; round++)
            one_pair(dice(1, 100), dice(1, 150), dice(1, 300), dice(1, 150));
        one_pair(70, 128, 512, 128); /* the bundled model's */
        report_worst(sets[s]);
    }
}

/* Not everything goes: weights too many, rows that collide in the cache, BLAS, other precisions. */
static void test_applies(void **unused)
{
    (void)unused;
    float *none = NULL;
    struct nn_weights small = nn_weights_linear(none, 128, 128), wide = nn_weights_linear(none, 1024, 128);
    struct nn_weights collides = nn_weights_linear(none, 16, 1024), rounded = small;
    rounded.precision = NN_BF16;
    assert_true(nn_dense_pairs(&small, &small));
    assert_false(nn_dense_pairs(&wide, &wide));
    assert_false(nn_dense_pairs(&collides, &small));
    assert_false(nn_dense_pairs(&small, &rounded));
    assert_true(nn_use_kernels("blas"));
    assert_false(nn_dense_pairs(&small, &small));
    for (size_t s = 0; s < sizeof(sets) / sizeof(sets[0]) && !nn_use_kernels(sets[s]); s++)
        ;
}

/* The same bits by any number of threads, for a token alone and among others; and not-a-number stays
 * with its token. */
static void test_threads_and_nan(void **unused)
{
    (void)unused;
    dice_start("threads");
    enum { ROWS = 150, K = 60, M = 200, N = 70, NANS = 77 };
    struct layers l = random_layers(ROWS, K, M, N);
    l.between.activation = l.after.activation = NN_NONE;
    l.x[NANS * K + 3] = NAN;
    float *one = empty_floats(ROWS * N), *three = empty_floats(ROWS * N);
    nn_set_threads(1);
    run(one, &l);
    nn_set_threads(3);
    run(three, &l);
    assert_memory_equal(one, three, ROWS * N * sizeof(float));
    l.rows = 1;
    run(three, &l);
    assert_memory_equal(one, three, N * sizeof(float));
    for (int i = 0; i < ROWS * N; i++)
        assert_int_equal(isnan(one[i]) != 0, i / N == NANS);
    nn_set_threads(0);
    free_layers(&l);
    free(one), free(three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_sets),
        cmocka_unit_test(test_applies),
        cmocka_unit_test(test_threads_and_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
