/* attention.c and window_attention.c against their twins.
 *
 * With every number in -1..1, a score is a sum of d products of mean size 1/4 over sqrt(d), and
 * each of the two position terms one of d products: off by sum_roundings(d) times their absolute
 * sums. An error of a score is a relative error of its softmax weight, at most twice as large after
 * the division, and the result is a weighted mean of values of at most 1. */
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

static double roundings(int d, int keys, bool with_positions)
{
    double scores = sqrt(d) / 4 + (with_positions ? 2 * d / 4.0 * 0.3 : 0);
    return 16 + sqrt(keys) + 2 * sum_roundings(d) * scores;
}

static void one_attention(int batch, int tq, int tk, int heads, int d)
{
    size_t queries = (size_t)batch * tq * heads * d, keys = (size_t)batch * tk * heads * d;
    float *q = random_floats(queries, 1), *k = random_floats(keys, 1), *v = random_floats(keys, 1);
    float *out = empty_floats(queries);
    float *scratch = empty_floats(nn_attention_scratch(batch, tq, tk, heads, d));
    double *wanted = empty_doubles(queries);
    ref_attention(wanted, q, k, v, batch, tq, tk, heads, d);
    nn_attention(out, q, k, v, batch, tq, tk, heads, d, scratch);
    check_close("attention", out, wanted, NULL, queries, roundings(d, tk, false));
    free(q), free(k), free(v), free(out), free(scratch), free(wanted);
}

static void test_attention(void **unused)
{
    (void)unused;
    dice_start("attention");
    for (int round = 0; round < 60; round++)
        one_attention(dice(1, 3), dice(1, 70), dice(1, 70), dice(1, 5), dice(1, 40));
    one_attention(2, 7, 256, 8, 16);
    one_attention(2, 256, 7, 8, 16);
    one_attention(1, 300, 1500, 1, 8); /* more scores than are kept at once */
    report_worst("attention");
}

static void one_window(int batch, int side, int window, int heads, int d, bool with_positions)
{
    size_t tokens = (size_t)batch * side * side;
    int dim = heads * d, positions = 2 * (window ? window : side) - 1;
    float *qkv = random_floats(tokens * 3 * dim, 1), *bias = random_floats(3 * dim, 1);
    float *h = with_positions ? random_floats((size_t)positions * d, 0.3f) : NULL;
    float *w = with_positions ? random_floats((size_t)positions * d, 0.3f) : NULL;
    float *out = empty_floats(tokens * dim);
    float *scratch = empty_floats(nn_window_attention_scratch(batch, side, window, heads, d));
    double *wanted = empty_doubles(tokens * dim);
    ref_window_attention(wanted, qkv, bias, h, w, batch, side, window, heads, d);
    nn_window_attention(out, qkv, bias, h, w, batch, side, window, heads, d, scratch);
    check_close("window_attention", out, wanted, NULL, tokens * dim,
                roundings(d, window ? window * window : side * side, with_positions));
    free(qkv), free(bias), free(h), free(w), free(out), free(scratch), free(wanted);
}

/* Each set of kernels in turn, the best last: it stays. */
static void test_window_attention(void **unused)
{
    (void)unused;
    static const char *const sets[] = {"blas", "base", "avx2", "avx512f", "avx512"};
    for (size_t s = 0; s < sizeof(sets) / sizeof(sets[0]); s++) {
        if (!nn_use_kernels(sets[s])) {
            printf("# %s: skipped, this CPU cannot\n", sets[s]);
            continue;
        }
        dice_start("window_attention");
        for (int round = 0; round < 60; round++)
            one_window(dice(1, 3), dice(1, 11), dice(0, 8), dice(1, 4), dice(1, 20), dice(0, 3));
        one_window(2, 16, 14, 2, 32, true);
        one_window(1, 16, 0, 2, 32, true);
        one_window(1, 16, 8, 2, 80, true); /* more channels than are packed together */
        one_window(1, 3, 9, 1, 5, true);   /* a window larger than the picture */
        report_worst(sets[s]);
    }
}

/* Scores that rise from row to row of keys and are far apart: sums so far are scaled down again and
 * again, and what is left of them is right. */
static void test_large_scores(void **unused)
{
    (void)unused;
    dice_start("large scores");
    enum { SIDE = 12, D = 4, TOKENS = SIDE * SIDE };
    float *qkv = random_floats(TOKENS * 3 * D, 1), *bias = random_floats(3 * D, 1);
    float *tiles = empty_floats(TOKENS * D), *scratch = empty_floats(nn_window_attention_scratch(1, SIDE, 0, 1, D));
    double *wanted = empty_doubles(TOKENS * D);
    for (int i = 0; i < TOKENS * 3 * D; i++)
        if (i % (3 * D) < 2 * D)
            qkv[i] *= i % (3 * D) < D ? 20 : (float)(i / (3 * D));
    ref_window_attention(wanted, qkv, bias, NULL, NULL, 1, SIDE, 0, 1, D);
    nn_window_attention(tiles, qkv, bias, NULL, NULL, 1, SIDE, 0, 1, D, scratch);
    check_close("large scores", tiles, wanted, NULL, TOKENS * D, 20 * TOKENS / 4);
    report_worst("large scores");
    free(qkv), free(bias), free(tiles), free(scratch), free(wanted);
}

/* Long rows are looked at a few picture rows at a time: 65^3 scores are more than are kept. */
static void test_large_global(void **unused)
{
    (void)unused;
    dice_start("large global window");
    one_window(1, 43, 0, 1, 4, true);
    one_window(1, 67, 65, 1, 3, true);
    report_worst("large global window");
}

/* A not-a-number in one picture's token reaches its window and no other picture. */
static void test_nan(void **unused)
{
    (void)unused;
    dice_start("nan");
    enum { SIDE = 4, D = 8, COUNT = SIDE * SIDE * 3 * D };
    float *qkv = random_floats(2 * COUNT, 1), *bias = random_floats(3 * D, 1);
    float *scratch = empty_floats(nn_window_attention_scratch(2, SIDE, 2, 1, D));
    float *out = empty_floats(2 * SIDE * SIDE * D);
    qkv[0] = NAN;
    nn_window_attention(out, qkv, bias, NULL, NULL, 2, SIDE, 2, 1, D, scratch);
    assert_true(isnan(out[0]));
    for (int i = 2 * D; i < 3 * D; i++)
        assert_false(isnan(out[i])); /* the next window */
    for (int i = SIDE * SIDE * D; i < 2 * SIDE * SIDE * D; i++)
        assert_false(isnan(out[i]));
    free(qkv), free(bias), free(scratch), free(out);
}

/* The same bits however the work falls to the threads. */
static void test_same_bits(void **unused)
{
    (void)unused;
    dice_start("same bits");
    enum { SIDE = 16, HEADS = 3, D = 16, TOKENS = SIDE * SIDE, DIM = HEADS * D };
    float *qkv = random_floats(TOKENS * 3 * DIM, 1), *bias = random_floats(3 * DIM, 1);
    float *rel = random_floats(27 * D, 1), *first = empty_floats(TOKENS * DIM);
    float *again = empty_floats(TOKENS * DIM);
    float *scratch = empty_floats(nn_window_attention_scratch(1, SIDE, 14, HEADS, D));
    nn_window_attention(first, qkv, bias, rel, rel, 1, SIDE, 14, HEADS, D, scratch);
    for (int round = 0; round < 20; round++) {
        nn_window_attention(again, qkv, bias, rel, rel, 1, SIDE, 14, HEADS, D, scratch);
        assert_memory_equal(first, again, TOKENS * DIM * sizeof(float));
    }
    free(qkv), free(bias), free(rel), free(first), free(again), free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attention),    cmocka_unit_test(test_window_attention),
        cmocka_unit_test(test_large_scores), cmocka_unit_test(test_large_global), cmocka_unit_test(test_nan),
        cmocka_unit_test(test_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
