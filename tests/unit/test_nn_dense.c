/* nn_dense and its convolutions against the naive products, for every set of kernels this CPU has
 * and every precision, over odd sizes. */
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

static const char *const sets[] = {"avx512", "avx512f", "avx2", "base", "blas"};
static const char *const precisions[] = {[NN_F32] = "float32", "bf16", "int8"};

/* One product in the naive form: rows (rows, k), weights (n, k), in PyTorch's order of k or ours. */
struct naive {
    int rows, k, n;
    float *x, *w;
    bool fewer; /* by minimal.h: an error goes with the largest numbers (1), not with each product */
};

/* What the kernels may round, rounded; where the CPU has no instructions x stays as it is. The
 * tolerance's part that is not float32's: a number near the middle of two steps may go either way,
 * one of x and one of w (|x| <= 1) in each sum. */
static double *round_naive(struct naive *p, enum nn_precision precision)
{
    double *slack = empty_doubles((size_t)p->rows), largest = 0;
    if (precision == NN_BF16) {
        ref_round_bf16(p->w, (size_t)p->n * p->k);
        if (nn_is_native(precision))
            ref_round_bf16(p->x, (size_t)p->rows * p->k);
    }
    if (precision == NN_INT8) {
        ref_round_weights(p->w, p->n, p->k);
        for (size_t i = 0; i < (size_t)p->n * p->k; i++)
            largest = fmax(largest, fabs(p->w[i]));
        if (nn_is_native(precision))
            ref_round_rows(p->x, slack, p->rows, p->k);
        for (int i = 0; i < p->rows; i++)
            slack[i] = 1.01 * largest * (slack[i] + 1.0 / 127);
    }
    return slack;
}

/* Frees the naive product's numbers. */
static void compare(const char *what, const float *got, struct naive *p,
                    const struct nn_after *after, const float *added, enum nn_precision precision)
{
    size_t count = (size_t)p->rows * p->n;
    double *slack = round_naive(p, precision);
    double *wanted = empty_doubles(count), *size = empty_doubles(count);
    ref_linear(wanted, size, p->x, p->k, p->w, after->bias, p->rows, p->k, p->n);
    for (size_t i = 0; i < count; i++) {
        double y = wanted[i];
        size[i] = p->fewer ? fmax(size[i], p->k) : size[i];
        y = after->activation == NN_GELU ? ref_gelu(y) : after->activation ? fmax(0, y) : y;
        size[i] = 1.2 * size[i] + fabs(y) + (added ? fabs(added[i]) : 0);
        size[i] += 1.2 * slack[i / p->n] / (U * sum_roundings(p->k + 2));
        wanted[i] = y + (added ? added[i] : 0);
    }
    check_close(what, got, wanted, size, count, sum_roundings(p->k + 2));
    free(slack), free(wanted), free(size), free(p->x), free(p->w);
}

/* Random bias, activation and sum. */
static struct nn_after random_after(size_t count, int n)
{
    struct nn_after after = {.activation = dice(0, 2)};
    after.bias = dice(0, 1) ? random_floats(n, 1) : NULL;
    after.add = dice(0, 1) ? random_floats(count, 1) : NULL;
    return after;
}

static struct nn_weights lowered(void **memory, struct nn_weights w, enum nn_precision precision)
{
    size_t bytes = nn_weights_bytes(&w, precision);
    *memory = bytes ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
    return nn_weights_lower(*memory, &w, precision);
}

static float *copied(const float *x, size_t count)
{
    float *copy = empty_floats(count);
    memcpy(copy, x, count * sizeof(float));
    return copy;
}

static void one_dense(int rows, int k, int n, enum nn_precision precision)
{
    size_t count = (size_t)rows * n;
    float *x = random_floats((size_t)rows * k, 1), *w = random_floats((size_t)n * k, 1);
    float *out = empty_floats(count);
    struct naive naive = {rows, k, n, copied(x, (size_t)rows * k), copied(w, (size_t)n * k),
                          false};
    struct nn_after after = random_after(count, n);
    float *kept = after.add ? copied(after.add, count) : NULL;
    if (kept && !after.activation) {
        memcpy(out, kept, count * sizeof(float));
        free((float *)after.add);
        after.add = out; /* in place */
    }
    void *memory;
    struct nn_weights weights = lowered(&memory, nn_weights_linear(w, n, k), precision);
    float *scratch = empty_floats(nn_dense_scratch(rows, &weights));
    nn_dense(out, x, &weights, &after, rows, scratch);
    compare("dense", out, &naive, &after, kept, precision);
    if (after.add != out)
        free((float *)after.add);
    free(x), free(w), free(out), free(memory), free(scratch), free(kept), free((float *)after.bias);
}

static void one_conv(int batch, int height, int width, int cin, int cout, int kernel, int stride,
                     int padding, enum nn_precision precision)
{
    int oh = (height + 2 * padding - kernel) / stride + 1;
    int ow = (width + 2 * padding - kernel) / stride + 1;
    int rows = batch * oh * ow, k = kernel * kernel * cin;
    size_t pixels = (size_t)batch * height * width * cin, count = (size_t)rows * cout;
    float *x = random_floats(pixels, 1), *out = empty_floats(count);
    float *w = random_floats((size_t)cout * k, 1), *packed = empty_floats((size_t)cout * k);
    nn_pack_conv(packed, w, cout, cin, kernel, kernel);
    struct naive naive = {rows, k, cout, empty_floats((size_t)rows * k),
                          copied(packed, (size_t)cout * k), false};
    naive.fewer = kernel == 3 && stride <= 2 && (precision == NN_F32 || !nn_is_native(precision));
    ref_conv_rows(naive.x, x, batch, height, width, cin, kernel, stride, padding);
    struct nn_after after = random_after(count, cout);
    void *memory;
    struct nn_weights weights =
        lowered(&memory, nn_weights_conv(packed, cout, cin, kernel), precision);
    float *scratch = empty_floats(
        nn_dense_conv_scratch(&weights, batch, height, width, kernel, stride, padding));
    nn_dense_conv(out, x, &weights, &after, batch, height, width, kernel, stride, padding, scratch);
    compare("dense_conv", out, &naive, &after, after.add, precision);
    free(x), free(w), free(packed), free(out), free(memory), free(scratch);
    free((float *)after.bias), free((float *)after.add);
}

static void one_conv_transpose(int batch, int height, int width, int cin, int cout, int kernel,
                               enum nn_precision precision)
{
    int rows = batch * 4 * height * width, taps = kernel * kernel, k = taps * cin;
    size_t pixels = (size_t)batch * height * width * cin, count = (size_t)rows * cout;
    float *x = random_floats(pixels, 1), *out = empty_floats(count);
    float *w = random_floats((size_t)cin * cout * taps, 1);
    float *packed = empty_floats((size_t)cin * cout * taps);
    nn_pack_conv_transpose(packed, w, cin, cout, kernel);
    struct naive naive = {rows, k, cout, empty_floats((size_t)rows * k),
                          empty_floats((size_t)cout * k), false};
    naive.fewer = kernel == 4 && (precision == NN_F32 || !nn_is_native(precision));
    for (size_t i = 0; i < (size_t)cout * k; i++) { /* (cout, taps, cin) of (cin, cout, taps) */
        int c = i % cin, tap = i / cin % taps, o = i / cin / taps;
        naive.w[i] = w[((size_t)c * cout + o) * taps + tap];
    }
    ref_conv_transpose_rows(naive.x, x, batch, height, width, cin, kernel);
    struct nn_after after = random_after(count, cout);
    void *memory;
    struct nn_weights weights =
        lowered(&memory, nn_weights_conv_transpose(packed, cin, cout, kernel), precision);
    float *scratch =
        empty_floats(nn_dense_conv_transpose_scratch(&weights, batch, height, width, kernel));
    nn_dense_conv_transpose(out, x, &weights, &after, batch, height, width, kernel, scratch);
    compare("dense_conv_transpose", out, &naive, &after, after.add, precision);
    free(x), free(w), free(packed), free(out), free(memory), free(scratch);
    free((float *)after.bias), free((float *)after.add);
}

static void some_of_each(enum nn_precision precision)
{
    for (int round = 0; round < 40; round++)
        one_dense(dice(1, 70), dice(1, 130), dice(1, 40), precision);
    one_dense(33, 1024, 100, precision); /* rows that would collide in the cache, and... */
    one_dense(97, 2048, 13, precision);  /* ...with several panels */
    one_dense(259, 1000, 30, precision); /* more tokens than are packed together */
    one_dense(1, 6000, 12, precision);
    for (int round = 0; round < 20; round++) {
        int kernel = dice(1, 4);
        one_conv(dice(1, 3), dice(kernel, 9), dice(kernel, 9), dice(1, 20), dice(1, 30), kernel,
                 dice(1, 3), dice(0, kernel - 1), precision);
    }
    for (int round = 0; round < 20; round++)
        one_conv_transpose(dice(1, 3), dice(1, 6), dice(1, 6), dice(1, 20), dice(1, 30),
                           dice(0, 1) ? 4 : 2, precision);
}

/* The shapes with fewer multiplications (minimal.h): even numbers of places; channels in pieces, rows
 * that collide in the cache. */
static void some_with_fewer(enum nn_precision precision)
{
    for (int round = 0; round < 15; round++) {
        one_conv(dice(1, 9), dice(1, 4) * 4 - dice(0, 1), dice(1, 4) * 4 - dice(0, 1), dice(1, 40),
                 dice(1, 60), 3, 2, 1, precision);
        one_conv(dice(1, 5), 2 * dice(1, 7), 2 * dice(1, 7), dice(1, 40), dice(1, 60), 3, 1, 1, precision);
        one_conv_transpose(dice(1, 9), 2 * dice(1, 4), 2 * dice(1, 4), dice(1, 40), dice(1, 60), 4,
                           precision);
    }
    one_conv(3, 16, 16, 400, 13, 3, 2, 1, precision);
    one_conv_transpose(1, 8, 4, 1024, 13, 4, precision);
}

/* Weights by way of a file's numbers give what lowered ones give, to the last bit. */
static void one_stored(int k, int n, enum nn_precision precision)
{
    enum { SIDE = 4, KERNEL = 4, TAPS = KERNEL * KERNEL };
    size_t count = (size_t)TAPS * n * k, places = (size_t)4 * SIDE * SIDE * n;
    float *x = random_floats((size_t)SIDE * SIDE * k, 1), *w = random_floats(count, 1);
    float *wanted = empty_floats(places), *got = empty_floats(places), *scale = empty_floats(n);
    struct nn_weights view = nn_weights_conv_transpose(w, k, n, KERNEL);
    void *memory, *numbers = malloc(count * 2);
    void *more = aligned_alloc(64, (nn_weights_stored_bytes(&view, precision) + 64) / 64 * 64);
    struct nn_weights lower = lowered(&memory, view, precision);
    nn_weights_numbers(numbers, scale, &view, precision);
    view.data = NULL;
    struct nn_weights stored = nn_weights_stored(more, numbers, scale, &view, precision);
    float *scratch = empty_floats(nn_dense_conv_transpose_scratch(&lower, 1, SIDE, SIDE, KERNEL));
    nn_dense_conv_transpose(wanted, x, &lower, &(struct nn_after){0}, 1, SIDE, SIDE, KERNEL, scratch);
    nn_dense_conv_transpose(got, x, &stored, &(struct nn_after){0}, 1, SIDE, SIDE, KERNEL, scratch);
    assert_memory_equal(got, wanted, places * sizeof(float));
    free(x), free(w), free(wanted), free(got), free(scale), free(memory), free(numbers), free(more), free(scratch);
}

/* Each set in turn, the best last: it stays. */
static void test_all_sets(void **unused)
{
    (void)unused;
    for (int s = sizeof(sets) / sizeof(sets[0]); s-- > 0;) {
        if (!nn_use_kernels(sets[s])) {
            printf("# %s: skipped, this CPU cannot\n", sets[s]);
            continue;
        }
        assert_string_equal(nn_kernels(), sets[s]);
        for (enum nn_precision p = NN_F32; p <= NN_INT8; p++) {
            char what[64];
            snprintf(what, sizeof(what), "%s, %s%s", sets[s], precisions[p],
                     nn_is_native(p) ? "" : " in float32");
            dice_start(what);
            some_of_each(p);
            if (p == NN_F32 || !nn_is_native(p))
                some_with_fewer(p);
            for (int round = 0; p != NN_F32 && round < 10; round++)
                one_stored(4 * dice(1, 50), dice(1, 40), p);
            report_worst(what);
        }
    }
    assert_false(nn_use_kernels("of another planet"));
}

/* The same bits with one thread and with three. */
static void same_by_threads(int k)
{
    enum { ROWS = 300, N = 150, COUNT = ROWS * N };
    float *x = random_floats(ROWS * k, 1), *w = random_floats(N * k, 1);
    float *one = empty_floats(COUNT), *three = empty_floats(COUNT);
    for (enum nn_precision p = NN_F32; p <= NN_INT8; p++) {
        void *memory;
        struct nn_weights weights = lowered(&memory, nn_weights_linear(w, N, k), p);
        for (int threads = 1; threads <= 3; threads += 2) {
            nn_set_threads(threads);
            float *scratch = empty_floats(nn_dense_scratch(ROWS, &weights));
            nn_dense(threads == 1 ? one : three, x, &weights, &(struct nn_after){0}, ROWS, scratch);
            free(scratch);
        }
        assert_memory_equal(one, three, COUNT * sizeof(float));
        free(memory);
    }
    nn_set_threads(0);
    free(x), free(w), free(one), free(three);
}

static void test_threads(void **unused)
{
    (void)unused;
    dice_start("threads");
    same_by_threads(100); /* each thread packs for itself */
    same_by_threads(800); /* all together, whatever the precision */
}

/* The same bits for a picture alone and among others, by any number of threads. */
static void test_company(void **unused)
{
    (void)unused;
    dice_start("company");
    enum { K = 50, N = 70, SIDE = 4, PICTURES = 5, IN = SIDE * SIDE * K, OUT = 4 * SIDE * SIDE * N };
    float *x = random_floats(PICTURES * IN, 1), *w = random_floats(16 * N * K, 1);
    float *alone = empty_floats(OUT), *all = empty_floats(PICTURES * OUT);
    struct nn_weights weights = nn_weights_conv_transpose(w, K, N, 4);
    for (int threads = 1; threads <= 3; threads++) {
        nn_set_threads(threads);
        float *scratch =
            empty_floats(nn_dense_conv_transpose_scratch(&weights, PICTURES, SIDE, SIDE, 4));
        nn_dense_conv_transpose(all, x, &weights, &(struct nn_after){0}, PICTURES, SIDE, SIDE, 4,
                                scratch);
        for (int i = 0; i < PICTURES; i++) {
            nn_dense_conv_transpose(alone, x + i * IN, &weights, &(struct nn_after){0}, 1, SIDE,
                                    SIDE, 4, scratch);
            assert_memory_equal(alone, all + i * OUT, OUT * sizeof(float));
        }
        free(scratch);
    }
    nn_set_threads(0);
    free(x), free(w), free(alone), free(all);
}

/* Not-a-number and infinity in a token make that token's outputs not-a-number and no other's. */
static void test_nan(void **unused)
{
    (void)unused;
    dice_start("nan");
    enum { ROWS = 40, K = 37, N = 15 };
    float *x = random_floats(ROWS * K, 1), *w = random_floats(N * K, 1);
    float *out = empty_floats(ROWS * N);
    x[3 * K + 36] = NAN;
    x[35 * K] = INFINITY;
    for (enum nn_precision p = NN_F32; p <= NN_INT8; p++) {
        void *memory;
        struct nn_weights weights = lowered(&memory, nn_weights_linear(w, N, K), p);
        float *scratch = empty_floats(nn_dense_scratch(ROWS, &weights));
        nn_dense(out, x, &weights, &(struct nn_after){.activation = NN_RELU}, ROWS, scratch);
        for (int i = 0; i < ROWS * N; i++) {
            assert_true(i / N != 3 || isnan(out[i]));
            assert_true(i / N == 3 || i / N == 35 || isfinite(out[i]));
        }
        free(memory), free(scratch);
    }
    free(x), free(w), free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_sets),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_company),
        cmocka_unit_test(test_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
