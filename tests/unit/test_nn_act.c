/* act.c, norm.c and every instruction set of simd.c this machine can run. */
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
#include "nn/simd.h"

/* Distance in units of the last place of the float32 nearest to wanted. */
static double ulps(float got, double wanted)
{
    float nearest = (float)wanted;
    double step = fmax((double)nextafterf(fabsf(nearest), INFINITY) - fabsf(nearest), 0x1p-149);
    return fabs(got - wanted) / step;
}

enum { STEP = 97, BLOCK = 1021 }; /* every 97th float; blocks that end within a vector */

/* Calls check on every STEP-th float of [low, high] of either sign, BLOCK at a time. */
static void each_float(float low, float high,
                       void (*check)(float *x, int count, const void *context), const void *context)
{
    float x[BLOCK];
    int count = 0;
    uint32_t first, last;
    memcpy(&first, &low, sizeof(first));
    memcpy(&last, &high, sizeof(last));
    for (uint32_t bits = first; bits <= last; bits += STEP) {
        memcpy(&x[count], &bits, sizeof(bits));
        x[count + 1] = -x[count];
        count += 2;
        if (count >= BLOCK - 1) {
            check(x, count, context);
            count = 0;
        }
    }
    check(x, count, context);
}

static double worst;

/* exp through exp_sum: the largest element is 0, so that the others are exp(x). */
static void check_exp(float *x, int count, const void *context)
{
    const struct nn_simd *simd = context;
    float y[BLOCK + 1];
    for (int i = 0; i < count; i++)
        y[i] = -fabsf(x[i]);
    y[count] = 0;
    simd->exp_sum(y, count + 1);
    for (int i = 0; i < count; i++) {
        double wanted = exp(-fabs(x[i])), away = ulps(y[i], wanted);
        if (wanted < 5e-38)
            assert_true(y[i] >= 0 && y[i] < 6e-38f); /* may be flushed to zero */
        else
            worst = fmax(worst, away);
    }
}

/* gelu = x/2 (1 + erf(x / sqrt 2)). As torch computes it: where erf is near -1 the sum cancels, so
 * the error is a few roundings of 1 times |x|/2. Rounding x / sqrt 2 and erf itself are in it. */
static void check_gelu(float *x, int count, const void *context)
{
    const struct nn_simd *simd = context;
    float y[BLOCK];
    memcpy(y, x, sizeof(*x) * count);
    simd->gelu(y, count);
    for (int i = 0; i < count; i++) {
        double wanted = ref_gelu(x[i]);
        worst = fmax(worst, fabs(y[i] - wanted) / (U * fmax(fabs(wanted), fabs(x[i]) / 2)));
    }
}

static void check_sigmoid(float *x, int count, const void *context)
{
    const struct nn_simd *simd = context;
    float y[BLOCK];
    memcpy(y, x, sizeof(*x) * count);
    simd->sigmoid(y, count);
    for (int i = 0; i < count; i++) {
        double wanted = ref_sigmoid(x[i]);
        if (wanted > 2e-38)
            worst = fmax(worst, ulps(y[i], wanted));
    }
}

static void test_functions(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *unit;
        void (*check)(float *x, int count, const void *context);
        float low, high;
        double allowed;
    } rows[] = {
        {"exp", "ulp", check_exp, 1e-9f, 1000, 2},
        {"gelu", "roundings", check_gelu, 1e-30f, 100, 8},
        {"sigmoid", "ulp", check_sigmoid, 1e-9f, 86, 4},
    };
    const struct nn_simd *simd;
    for (int variant = 0; (simd = nn_simd_variant(variant)); variant++)
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            worst = 0;
            each_float(rows[i].low, rows[i].high, rows[i].check, simd);
            printf("# %s, %s: at most %.2f %s\n", rows[i].name, simd->name, worst, rows[i].unit);
            assert_true(worst <= rows[i].allowed);
        }
}

static void test_extremes(void **unused)
{
    (void)unused;
    const struct nn_simd *simd;
    for (int variant = 0; (simd = nn_simd_variant(variant)); variant++) {
        float s[4] = {INFINITY, -INFINITY, NAN, 0}, g[4] = {INFINITY, -50, NAN, 0};
        float e[3] = {-INFINITY, 1, NAN}, r[3] = {NAN, -1, 2};
        simd->sigmoid(s, 4);
        assert_true(s[0] == 1 && s[1] < 1e-37f && isnan(s[2]) && s[3] == 0.5f);
        simd->gelu(g, 4);
        assert_true(isinf(g[0]) && g[1] == 0 && isnan(g[2]) && g[3] == 0);
        assert_true(isnan(simd->exp_sum(e, 3)));
        assert_true(e[0] == 0 && e[1] == 1 && isnan(e[2]));
        simd->relu(r, 3);
        assert_true(isnan(r[0]) && r[1] == 0 && r[2] == 2);
    }
}

/* Each loop of each instruction set on lengths around the vector's. */
static void test_loops(void **unused)
{
    (void)unused;
    dice_start("loops");
    const struct nn_simd *simd;
    for (int variant = 0; (simd = nn_simd_variant(variant)); variant++)
        for (int n = 1; n < 70; n++) {
            float *x = random_floats(n, 3), *y = random_floats(n, 3), *out = empty_floats(n);
            double *wanted = empty_doubles(n);
            for (int i = 0; i < n; i++)
                wanted[i] = (double)x[i] * y[i];
            simd->multiply(out, x, y, n);
            check_close("multiply", out, wanted, NULL, n, 9);
            for (int i = 0; i < n; i++)
                wanted[i] = -1.5 * x[i];
            simd->scale(out, x, -1.5f, n);
            check_close("scale", out, wanted, NULL, n, 4.5);
            for (int i = 0; i < n; i++)
                wanted[i] = (double)x[i] + y[i];
            memcpy(out, x, n * sizeof(float));
            simd->add(out, y, n);
            check_close("add", out, wanted, NULL, n, 6);
            for (int i = 0; i < n; i++)
                wanted[i] = ref_gelu((double)x[i] + y[i]);
            simd->bias_gelu(x, y, n);
            check_close("bias_gelu", x, wanted, NULL, n, 8 * 6);
            free(x), free(y), free(out), free(wanted);
        }
}

/* Scores up to 9 apart: x - max is off by U * 9, exp by 2 ulp, the sum by sqrt(n) of its roundings.
 */
static void test_softmax(void **unused)
{
    (void)unused;
    dice_start("softmax");
    for (int round = 0; round < 60; round++) {
        int rows = dice(1, 90), n = dice(1, 400);
        float *x = random_floats((size_t)rows * n, 4.5f);
        double *wanted = empty_doubles((size_t)rows * n);
        ref_softmax(wanted, x, rows, n);
        nn_softmax(x, rows, n);
        check_close("softmax", x, wanted, wanted, (size_t)rows * n, 9 + 2 * 4 + sqrt(n));
        free(x), free(wanted);
    }
    report_worst("softmax");
}

/* The same down the columns, inside a wider array. */
static void test_softmax_columns(void **unused)
{
    (void)unused;
    dice_start("softmax_columns");
    for (int round = 0; round < 60; round++) {
        int rows = dice(1, 30), n = dice(1, 200), ld = n + dice(0, 3);
        float *x = random_floats((size_t)rows * ld, 4.5f), *turned = empty_floats((size_t)n * rows);
        double *wanted = empty_doubles((size_t)n * rows);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < n; j++)
                turned[j * rows + i] = x[i * ld + j];
        ref_softmax(wanted, turned, n, rows);
        nn_softmax_columns(x, ld, rows, n);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < n; j++)
                turned[j * rows + i] = x[i * ld + j];
        check_close("softmax_columns", turned, wanted, wanted, (size_t)n * rows, 9 + 2 * 4 + sqrt(rows));
        free(x), free(turned), free(wanted);
    }
    report_worst("softmax_columns");
}

static void positions_of(double *wanted, const float *x, const float *h, const float *w, int rows,
                         int columns)
{
    float *with = empty_floats((size_t)rows * columns);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++)
            with[i * columns + j] =
                (float)((double)x[i * columns + j] + h[rows - 1 - i] + w[columns - 1 - j]);
    ref_softmax(wanted, with, 1, rows * columns);
    free(with);
}

static void test_exp_sum_positions(void **unused)
{
    (void)unused;
    dice_start("exp_sum_positions");
    const struct nn_simd *simd;
    for (int variant = 0; (simd = nn_simd_variant(variant)); variant++)
        for (int round = 0; round < 40; round++) {
            int rows = dice(1, 20), columns = dice(1, 40), n = rows * columns;
            float *x = random_floats(n, 1), *h = random_floats(rows, 1),
                  *w = random_floats(columns, 1);
            double *wanted = empty_doubles(n);
            positions_of(wanted, x, h, w, rows, columns);
            float sum = simd->exp_sum_positions(x, h + rows - 1, w + columns - 1, rows, columns);
            simd->scale(x, x, 1 / sum, n);
            check_close("exp_sum_positions", x, wanted, wanted, n, 4 * 6 + 2 * 4 + sqrt(n));
            free(x), free(h), free(w), free(wanted);
        }
    report_worst("exp_sum_positions");
}

/* Values up to 3 with a spread of 1.1 or more, weights up to 2: the mean is off by a few U * 3, the
 * spread relatively by as much, both times weight / spread. Constant rows only by eps' square root.
 */
static void test_layer_norm(void **unused)
{
    (void)unused;
    dice_start("layer_norm");
    for (int round = 0; round < 60; round++) {
        int rows = dice(1, 90), n = dice(8, 800);
        size_t count = (size_t)rows * n;
        float *x = random_floats(count, 2), *weight = random_floats(n, 2),
              *bias = random_floats(n, 1);
        float *out = empty_floats(count), eps = dice(0, 1) ? 1e-5f : 1e-6f;
        double *wanted = empty_doubles(count);
        for (size_t i = 0; i < count; i++)
            x[i] += 1;
        ref_layer_norm(wanted, x, weight, bias, rows, n, eps);
        nn_layer_norm(out, x, weight, bias, rows, n, eps);
        check_close("layer_norm", out, wanted, NULL, count, 64);
        nn_layer_norm(x, x, weight, bias, rows, n, eps); /* in place */
        assert_memory_equal(out, x, count * sizeof(float));
        free(x), free(weight), free(bias), free(out), free(wanted);
    }
    report_worst("layer_norm");
}

static void test_mean_pixels(void **unused)
{
    (void)unused;
    dice_start("mean_pixels");
    for (int round = 0; round < 40; round++) {
        int batch = dice(1, 4), pixels = dice(1, 300), n = dice(1, 400);
        float *x = random_floats((size_t)batch * pixels * n, 1),
              *out = empty_floats((size_t)batch * n);
        double *wanted = empty_doubles((size_t)batch * n);
        ref_mean_pixels(wanted, x, batch, pixels, n);
        nn_mean_pixels(out, x, batch, pixels, n);
        check_close("mean_pixels", out, wanted, NULL, (size_t)batch * n, 2 + sqrt(pixels));
        free(x), free(out), free(wanted);
    }
    report_worst("mean_pixels");
}

/* The functions of nn.h that cut long arrays into pieces: sizes around the pieces. */
static void test_pieces(void **unused)
{
    (void)unused;
    dice_start("pieces");
    static const size_t counts[] = {1, 8191, 8192, 8193, 40000};
    for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
        size_t n = counts[k];
        float *x = random_floats(n, 3), *y = empty_floats(n), *sum = empty_floats(n);
        double *wanted = empty_doubles(n);
        for (size_t i = 0; i < n; i++)
            wanted[i] = ref_gelu(x[i]);
        memcpy(y, x, n * sizeof(float));
        nn_gelu(y, n);
        check_close("gelu", y, wanted, NULL, n, 8 * 3);
        for (size_t i = 0; i < n; i++)
            wanted[i] = ref_sigmoid(x[i]);
        memcpy(y, x, n * sizeof(float));
        nn_sigmoid(y, n);
        check_close("sigmoid", y, wanted, NULL, n, 8);
        for (size_t i = 0; i < n; i++)
            wanted[i] = x[i] > 0 ? 2.0 * x[i] : x[i];
        memcpy(y, x, n * sizeof(float));
        nn_relu(y, n);
        nn_add(y, x, n);
        check_close("relu and add", y, wanted, NULL, n, 6);
        nn_sum(sum, x, y, n);
        for (size_t i = 0; i < n; i++)
            assert_true(sum[i] == x[i] + y[i]);
        free(x), free(y), free(wanted), free(sum);
    }
}

static void test_rows(void **unused)
{
    (void)unused;
    dice_start("rows");
    for (int round = 0; round < 30; round++) {
        int rows = dice(1, 60), n = dice(1, 500);
        float *x = random_floats((size_t)rows * n, 1), *row = random_floats(n, 1);
        float *out = empty_floats((size_t)rows * n);
        nn_scale_rows(out, x, row, rows, n);
        for (int i = 0; i < rows * n; i++)
            assert_true(out[i] == x[i] * row[i % n]);
        nn_add_rows(out, x, row, rows, n);
        for (int i = 0; i < rows * n; i++)
            assert_true(out[i] == x[i] + row[i % n]);
        memcpy(out, x, (size_t)rows * n * sizeof(float));
        nn_add_rows(out, out, row, rows, n);
        for (int i = 0; i < rows * n; i++)
            assert_true(out[i] == x[i] + row[i % n]);
        nn_bias_gelu(x, row, rows, n);
        nn_gelu(out, (size_t)rows * n);
        assert_memory_equal(x, out, (size_t)rows * n * sizeof(float));
        free(x), free(row), free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_loops),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_softmax_columns),
        cmocka_unit_test(test_exp_sum_positions),
        cmocka_unit_test(test_layer_norm),
        cmocka_unit_test(test_mean_pixels),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
