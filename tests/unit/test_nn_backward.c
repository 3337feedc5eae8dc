/* nn_backward.h but for attention and convolutions: against differences of the float64 twins. */
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
#include "lib/nn_ref.h"
#include "nn/nn_backward.h"

enum { ROUNDS = 25 };

/* Everything a twin may be given; the sizes mean what each objective makes of them. */
struct given {
    float *x, *w, *bias, *d_out;
    int rows, n, k, h, w_, oh, ow, channels;
    double eps;
};

static float *zeros(size_t count)
{
    float *x = empty_floats(count);
    memset(x, 0, count * sizeof(*x));
    return x;
}

/* ---- linear ---- */

static double linear_value(const void *context)
{
    const struct given *g = context;
    size_t count = (size_t)g->rows * g->n;
    double *out = empty_doubles(count), *size = empty_doubles(count), value;
    ref_linear(out, size, g->x, g->k, g->w, g->bias, g->rows, g->k, g->n);
    value = dot(out, g->d_out, count);
    free(out), free(size);
    return value;
}

static void one_linear(int rows, int k, int n)
{
    struct given g = {.rows = rows, .k = k, .n = n};
    size_t x = (size_t)rows * k, w = (size_t)n * k, out = (size_t)rows * n;
    g.x = coarse_floats(x, 1), g.w = coarse_floats(w, 1), g.bias = coarse_floats(n, 1);
    g.d_out = coarse_floats(out, 1);
    float *d_x = empty_floats(x), *d_w = zeros(w), *d_bias = zeros(n);
    struct objective o = {linear_value, &g};
    nn_linear_backward(d_x, d_w, d_bias, g.d_out, g.x, g.w, rows, k, n);
    check_gradient("linear d_x", o, g.x, d_x, x, sum_roundings(n));
    check_gradient("linear d_w", o, g.w, d_w, w, sum_roundings(rows));
    check_gradient("linear d_bias", o, g.bias, d_bias, n, sum_roundings(rows));
    free(g.x), free(g.w), free(g.bias), free(g.d_out), free(d_x), free(d_w), free(d_bias);
}

static void test_linear(void **unused)
{
    (void)unused;
    dice_start("linear backward");
    for (int round = 0; round < ROUNDS; round++)
        one_linear(dice(1, 40), dice(1, 40), dice(1, 40));
    one_linear(70, 3, 301);
    report_worst("linear backward");
}

/* Weights' gradients are added to; those not wanted are left alone. */
static void test_adding(void **unused)
{
    (void)unused;
    dice_start("adding");
    enum { ROWS = 5, K = 7, N = 3 };
    float *x = random_floats(ROWS * K, 1), *d = random_floats(ROWS * N, 1);
    float *once = zeros(N * K), *twice = zeros(N * K);
    nn_linear_backward(NULL, once, NULL, d, x, NULL, ROWS, K, N);
    nn_linear_backward(NULL, twice, NULL, d, x, NULL, ROWS, K, N);
    nn_linear_backward(NULL, twice, NULL, d, x, NULL, ROWS, K, N);
    for (int i = 0; i < N * K; i++)
        assert_true(fabsf(twice[i] - 2 * once[i]) <= 1e-6f * (1 + fabsf(once[i])));
    free(x), free(d), free(once), free(twice);
}

/* ---- norm ---- */

static double norm_value(const void *context)
{
    const struct given *g = context;
    double *out = empty_doubles((size_t)g->rows * g->n), value;
    ref_layer_norm(out, g->x, g->w, g->bias, g->rows, g->n, g->eps);
    value = dot(out, g->d_out, (size_t)g->rows * g->n);
    free(out);
    return value;
}

static void one_norm(int rows, int n, float eps)
{
    struct given g = {.rows = rows, .n = n, .eps = eps};
    size_t count = (size_t)rows * n;
    g.x = coarse_floats(count, 2), g.w = coarse_floats(n, 1), g.bias = coarse_floats(n, 1);
    for (int i = 0; i < rows; i++)
        g.x[(size_t)i * n] = 2; /* never all alike */
    g.d_out = coarse_floats(count, 1);
    float *d_x = empty_floats(count), *d_w = zeros(n), *d_bias = zeros(n);
    float *scratch = empty_floats(nn_layer_norm_backward_scratch(rows, n));
    struct objective o = {norm_value, &g};
    nn_layer_norm_backward(d_x, d_w, d_bias, g.d_out, g.x, g.w, rows, n, eps, scratch);
    check_gradient("norm d_x", o, g.x, d_x, count, 40 + sum_roundings(n));
    check_gradient("norm d_weight", o, g.w, d_w, n, 20 + sum_roundings(rows) + sum_roundings(n));
    check_gradient("norm d_bias", o, g.bias, d_bias, n, sum_roundings(rows));
    memcpy(d_x, g.d_out, count * sizeof(*d_x)); /* in place, weights not wanted */
    nn_layer_norm_backward(d_x, NULL, NULL, d_x, g.x, g.w, rows, n, eps, scratch);
    check_gradient("norm d_x in place", o, g.x, d_x, count, 40 + sum_roundings(n));
    free(g.x), free(g.w), free(g.bias), free(g.d_out), free(d_x), free(d_w), free(d_bias), free(scratch);
}

static void test_norm(void **unused)
{
    (void)unused;
    dice_start("layer norm backward");
    for (int round = 0; round < ROUNDS; round++)
        one_norm(dice(1, 50), dice(3, 50), round % 2 ? 1e-5f : 1e-6f);
    one_norm(700, 64, 1e-6f);
    report_worst("layer norm backward");
}

static double mean_value(const void *context)
{
    const struct given *g = context;
    double *out = empty_doubles((size_t)g->rows * g->n), value;
    ref_mean_pixels(out, g->x, g->rows, g->k, g->n);
    value = dot(out, g->d_out, (size_t)g->rows * g->n);
    free(out);
    return value;
}

static void test_mean(void **unused)
{
    (void)unused;
    dice_start("mean backward");
    for (int round = 0; round < ROUNDS; round++) {
        struct given g = {.rows = dice(1, 4), .k = dice(1, 30), .n = dice(1, 30)};
        size_t count = (size_t)g.rows * g.k * g.n;
        g.x = coarse_floats(count, 1), g.d_out = coarse_floats((size_t)g.rows * g.n, 1);
        float *d_x = zeros(count);
        nn_mean_pixels_backward(d_x, g.d_out, g.rows, g.k, g.n);
        check_gradient("mean d_x", (struct objective){mean_value, &g}, g.x, d_x, count, 4);
        free(g.x), free(g.d_out), free(d_x);
    }
    report_worst("mean backward");
}

/* ---- activations ---- */

static double gelu_value(const void *context)
{
    const struct given *g = context;
    double sum = 0;
    for (int i = 0; i < g->n; i++)
        sum += g->d_out[i] * ref_gelu(g->x[i]);
    return sum;
}

static double sigmoid_value(const void *context)
{
    const struct given *g = context;
    double sum = 0;
    for (int i = 0; i < g->n; i++)
        sum += g->d_out[i] * ref_sigmoid(g->x[i]);
    return sum;
}

static double relu_value(const void *context)
{
    const struct given *g = context;
    double sum = 0;
    for (int i = 0; i < g->n; i++)
        sum += g->d_out[i] * fmax(g->x[i], 0);
    return sum;
}

static void test_activations(void **unused)
{
    (void)unused;
    dice_start("activations backward");
    for (int round = 0; round < ROUNDS; round++) {
        struct given g = {.n = dice(1, 3000)};
        g.x = coarse_floats(g.n, 6), g.d_out = coarse_floats(g.n, 1);
        for (int i = 0; i < g.n; i++) /* clear of the bend of ReLU by more than the steps */
            g.x[i] += fabsf(g.x[i]) < 0.02f ? copysignf(0.03125f, g.x[i]) : 0;
        float *d = empty_floats(g.n), *y = empty_floats(g.n);
        size_t bytes = g.n * sizeof(float);
        memcpy(d, g.d_out, bytes);
        nn_gelu_backward(d, g.x, g.n);
        check_gradient("gelu", (struct objective){gelu_value, &g}, g.x, d, g.n, 16);
        memcpy(d, g.d_out, bytes), memcpy(y, g.x, bytes);
        nn_sigmoid(y, g.n);
        nn_sigmoid_backward(d, y, g.n);
        check_gradient("sigmoid", (struct objective){sigmoid_value, &g}, g.x, d, g.n, 16);
        memcpy(d, g.d_out, bytes), memcpy(y, g.x, bytes);
        nn_relu(y, g.n);
        nn_relu_backward(d, y, g.n);
        check_gradient("relu", (struct objective){relu_value, &g}, g.x, d, g.n, 2);
        free(g.x), free(g.d_out), free(d), free(y);
    }
    report_worst("activations backward");
}

static double softmax_value(const void *context)
{
    const struct given *g = context;
    double *out = empty_doubles((size_t)g->rows * g->n), value;
    ref_softmax(out, g->x, g->rows, g->n);
    value = dot(out, g->d_out, (size_t)g->rows * g->n);
    free(out);
    return value;
}

/* The same of the transposed matrix, whose rows lie further apart than they are long. */
static void softmax_down_columns(float *d_x, const struct given *g)
{
    enum { APART = 3 };
    int ld = g->rows + APART;
    size_t count = (size_t)g->n * ld;
    float *x = zeros(count), *d = zeros(count);
    for (int i = 0; i < g->rows; i++)
        for (int j = 0; j < g->n; j++) {
            x[(size_t)j * ld + i] = g->x[(size_t)i * g->n + j];
            d[(size_t)j * ld + i] = g->d_out[(size_t)i * g->n + j];
        }
    nn_softmax_columns(x, ld, g->n, g->rows);
    nn_softmax_columns_backward(d, x, ld, g->n, g->rows);
    for (int i = 0; i < g->rows; i++)
        for (int j = 0; j < g->n; j++)
            d_x[(size_t)i * g->n + j] = d[(size_t)j * ld + i];
    free(x), free(d);
}

static void test_softmax(void **unused)
{
    (void)unused;
    dice_start("softmax backward");
    for (int round = 0; round < ROUNDS; round++) {
        struct given g = {.rows = dice(1, round ? 20 : 300), .n = dice(1, 60)};
        size_t count = (size_t)g.rows * g.n;
        g.x = coarse_floats(count, 3), g.d_out = coarse_floats(count, 1);
        float *d = empty_floats(count), *y = empty_floats(count);
        memcpy(d, g.d_out, count * sizeof(*d)), memcpy(y, g.x, count * sizeof(*y));
        nn_softmax(y, g.rows, g.n);
        nn_softmax_backward(d, y, g.rows, g.n);
        check_gradient("softmax", (struct objective){softmax_value, &g}, g.x, d, count,
                       8 + sum_roundings(g.n));
        softmax_down_columns(d, &g);
        check_gradient("softmax of columns", (struct objective){softmax_value, &g}, g.x, d, count,
                       20 + sum_roundings(g.n));
        free(g.x), free(g.d_out), free(d), free(y);
    }
    report_worst("softmax backward");
}

static double scale_value(const void *context)
{
    const struct given *g = context;
    double sum = 0;
    for (int i = 0; i < g->rows * g->n; i++)
        sum += (double)g->d_out[i] * g->x[i] * g->w[i % g->n];
    return sum;
}

static void test_scale_rows(void **unused)
{
    (void)unused;
    dice_start("scale rows backward");
    for (int round = 0; round < ROUNDS; round++) {
        struct given g = {.rows = dice(1, 40), .n = dice(1, 300)};
        size_t count = (size_t)g.rows * g.n;
        g.x = coarse_floats(count, 1), g.w = coarse_floats(g.n, 1), g.d_out = coarse_floats(count, 1);
        float *d_x = empty_floats(count), *d_row = empty_floats(g.n);
        struct objective o = {scale_value, &g};
        nn_scale_rows_backward(d_x, d_row, g.d_out, g.x, g.w, g.rows, g.n);
        check_gradient("scale rows d_x", o, g.x, d_x, count, 4);
        check_gradient("scale rows d_row", o, g.w, d_row, g.n, sum_roundings(g.rows));
        free(g.x), free(g.w), free(g.d_out), free(d_x), free(d_row);
    }
    report_worst("scale rows backward");
}

/* ---- resize ---- */

static double resize_value(const void *context)
{
    const struct given *g = context;
    double *out = empty_doubles((size_t)g->oh * g->ow), value;
    ref_resize_bilinear(out, g->oh, g->ow, g->x, g->h, g->w_, 1);
    value = dot(out, g->d_out, (size_t)g->oh * g->ow);
    free(out);
    return value;
}

static void one_resize(int h, int w, int oh, int ow)
{
    struct given g = {.h = h, .w_ = w, .oh = oh, .ow = ow};
    g.x = coarse_floats((size_t)h * w, 1), g.d_out = coarse_floats((size_t)oh * ow, 1);
    float *d_x = empty_floats((size_t)h * w), *scratch = empty_floats((size_t)h * ow);
    nn_resize_bilinear_backward(d_x, h, w, g.d_out, oh, ow, scratch);
    /* As the twin's: the place between two pixels is rounded to float32 before anything else. */
    check_gradient("resize", (struct objective){resize_value, &g}, g.x, d_x, (size_t)h * w,
                   8 * (h + w + oh + ow));
    free(g.x), free(g.d_out), free(d_x), free(scratch);
}

static void test_resize(void **unused)
{
    (void)unused;
    dice_start("resize backward");
    for (int round = 0; round < ROUNDS; round++)
        one_resize(dice(1, 20), dice(1, 20), dice(1, 40), dice(1, 40));
    one_resize(16, 16, 64, 64);
    report_worst("resize backward");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),      cmocka_unit_test(test_adding),
        cmocka_unit_test(test_norm),        cmocka_unit_test(test_mean),
        cmocka_unit_test(test_activations), cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_scale_rows),  cmocka_unit_test(test_resize),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
