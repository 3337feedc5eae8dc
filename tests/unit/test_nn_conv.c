/* conv.c and resize.c against their twins. */
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

static void one_conv(int batch, int height, int width, int cin, int cout, int kernel, int stride,
                     int padding)
{
    int oh = (height + 2 * padding - kernel) / stride + 1;
    int ow = (width + 2 * padding - kernel) / stride + 1;
    size_t count = (size_t)batch * oh * ow * cout, weights = (size_t)cout * cin * kernel * kernel;
    float *x = random_floats((size_t)batch * height * width * cin, 1),
          *w = random_floats(weights, 1);
    float *bias = dice(0, 1) ? random_floats(cout, 1) : NULL, *packed = empty_floats(weights);
    float *out = empty_floats(count),
          *scratch = empty_floats(
              nn_conv_scratch(batch, height, width, cin, cout, kernel, stride, padding));
    double *wanted = empty_doubles(count), *size = empty_doubles(count);
    nn_pack_conv(packed, w, cout, cin, kernel, kernel);
    ref_conv(wanted, size, x, w, bias, batch, height, width, cin, cout, kernel, stride, padding);
    nn_conv(out, x, packed, bias, batch, height, width, cin, cout, kernel, stride, padding,
            scratch);
    check_close("conv", out, wanted, size, count, sum_roundings((double)cin * kernel * kernel));
    free(x), free(w), free(bias), free(packed), free(out), free(scratch), free(wanted), free(size);
}

static void test_conv(void **unused)
{
    (void)unused;
    dice_start("conv");
    for (int round = 0; round < 150; round++) {
        int kernel = dice(1, 5), padding = dice(0, 3),
            least = kernel > 2 * padding ? kernel - 2 * padding : 1;
        one_conv(dice(1, 3), least + dice(0, 10), least + dice(0, 10), dice(1, 9), dice(1, 12),
                 kernel, dice(1, 4), padding);
    }
    one_conv(2, 48, 48, 3, 10, 16, 16, 0); /* patches */
    one_conv(1, 35, 36, 2, 3, 3, 1, 1);    /* more rows than are multiplied at once */
    one_conv(3, 16, 16, 8, 8, 3, 2, 1);    /* the adapter's */
    report_worst("conv");
}

static void one_conv_transpose(int batch, int height, int width, int cin, int cout, int kernel)
{
    size_t count = (size_t)batch * 4 * height * width * cout;
    size_t weights = (size_t)cin * cout * kernel * kernel;
    float *x = random_floats((size_t)batch * height * width * cin, 1),
          *w = random_floats(weights, 1);
    float *bias = dice(0, 1) ? random_floats(cout, 1) : NULL, *packed = empty_floats(weights);
    float *out = empty_floats(count),
          *scratch =
              empty_floats(nn_conv_transpose_scratch(batch, height, width, cin, cout, kernel));
    double *wanted = empty_doubles(count), *size = empty_doubles(count);
    nn_pack_conv_transpose(packed, w, cin, cout, kernel);
    ref_conv_transpose(wanted, size, x, w, bias, batch, height, width, cin, cout, kernel);
    nn_conv_transpose(out, x, packed, bias, batch, height, width, cin, cout, kernel, scratch);
    check_close("conv_transpose", out, wanted, size, count, sum_roundings(4.0 * cin));
    free(x), free(w), free(bias), free(packed), free(out), free(scratch), free(wanted), free(size);
}

static void test_conv_transpose(void **unused)
{
    (void)unused;
    dice_start("conv_transpose");
    for (int round = 0; round < 100; round++)
        one_conv_transpose(dice(1, 4), dice(1, 9), dice(1, 9), dice(1, 12), dice(1, 12),
                           2 * dice(1, 2));
    one_conv_transpose(3, 24, 23, 3, 4, 4); /* one picture at a time */
    report_worst("conv_transpose");
}

/* Exactly what preprocess.h5 says for every size is compared in check_golden; here the definition.
 */
static void test_nearest_index(void **unused)
{
    (void)unused;
    int index[256];
    nn_nearest_index(index, 512, 256);
    for (int i = 0; i < 256; i++)
        assert_int_equal(index[i], 2 * i);
    nn_nearest_index(index, 1, 256);
    assert_int_equal(index[255], 0);
    for (int src = 1; src <= 2048; src++) {
        nn_nearest_index(index, src, 256);
        assert_int_equal(index[0], 0);
        for (int i = 1; i < 256; i++) {
            assert_true(index[i] >= index[i - 1] && index[i] < src);
            assert_true(abs(index[i] - i * src / 256) <= 1);
        }
    }
}

/* The place is computed in float32: off by a few U times the source's size, times the slope between
 * neighbours, at most 2; both axes. */
static void test_resize(void **unused)
{
    (void)unused;
    dice_start("resize");
    for (int round = 0; round < 80; round++) {
        int h = dice(1, 70), w = dice(1, 70), oh = dice(1, 150), ow = dice(1, 150);
        int ld_x = w + dice(0, 3), ld_out = ow + dice(0, 3);
        float *x = random_floats((size_t)h * w, 1);
        float *plane = empty_floats((size_t)h * ld_x), *out = empty_floats((size_t)oh * ld_out);
        double *wanted = empty_doubles((size_t)oh * ow);
        ref_resize_bilinear(wanted, oh, ow, x, h, w, 1);
        for (int i = 0; i < h * w; i++)
            plane[i / w * ld_x + i % w] = x[i];
        nn_resize_bilinear(out, oh, ow, ld_out, plane, h, w, ld_x);
        for (int i = 0; i < oh * ow; i++)
            check_close("plane", out + i / ow * ld_out + i % ow, wanted + i, NULL, 1, 16 + 2 * 4 * (h + w));
        free(x), free(plane), free(out), free(wanted);
    }
    report_worst("resize");
}

static void test_resize_same_size(void **unused)
{
    (void)unused;
    dice_start("resize to the same size");
    float *x = random_floats(37 * 29, 5), *out = empty_floats(37 * 29);
    nn_resize_bilinear(out, 37, 29, 29, x, 37, 29, 29);
    assert_memory_equal(out, x, 37 * 29 * sizeof(float));
    free(x), free(out);
}

static void test_transpose(void **unused)
{
    (void)unused;
    dice_start("transpose");
    for (int round = 0; round < 40; round++) {
        int rows = dice(1, 200), columns = dice(1, 200);
        float *x = random_floats((size_t)rows * columns, 1),
              *out = empty_floats((size_t)rows * columns);
        nn_transpose(out, x, rows, columns);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                assert_true(out[j * rows + i] == x[i * columns + j]);
        free(x), free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_conv_transpose),
        cmocka_unit_test(test_nearest_index),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_resize_same_size),
        cmocka_unit_test(test_transpose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
