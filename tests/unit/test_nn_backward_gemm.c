/* Attention and convolutions of nn_backward.h against differences of the float64 twins. */
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

static float *zeros(size_t count)
{
    float *x = empty_floats(count);
    memset(x, 0, count * sizeof(*x));
    return x;
}

/* A gradient is a sum over `terms` of softmax weights times scores' errors (test_nn_attention.c), and
 * of products of numbers in -1..1. */
static double roundings(int d, int terms)
{
    return 40 + 8 * sum_roundings(d) + 2 * sum_roundings(terms);
}

/* ---- attention ---- */

struct attention {
    float *q, *k, *v, *d_out;
    int batch, tq, tk, heads, d;
};

static double attention_value(const void *context)
{
    const struct attention *a = context;
    size_t count = (size_t)a->batch * a->tq * a->heads * a->d;
    double *out = empty_doubles(count), value;
    ref_attention(out, a->q, a->k, a->v, a->batch, a->tq, a->tk, a->heads, a->d);
    value = dot(out, a->d_out, count);
    free(out);
    return value;
}

static void one_attention(int batch, int tq, int tk, int heads, int d)
{
    struct attention a = {.batch = batch, .tq = tq, .tk = tk, .heads = heads, .d = d};
    size_t queries = (size_t)batch * tq * heads * d, keys = (size_t)batch * tk * heads * d;
    a.q = coarse_floats(queries, 1), a.k = coarse_floats(keys, 1), a.v = coarse_floats(keys, 1);
    a.d_out = coarse_floats(queries, 1);
    float *d_q = empty_floats(queries), *d_k = empty_floats(keys), *d_v = empty_floats(keys);
    float *scratch = empty_floats(nn_attention_backward_scratch(batch, tq, tk, heads, d));
    struct objective o = {attention_value, &a};
    nn_attention_backward(d_q, d_k, d_v, a.d_out, a.q, a.k, a.v, batch, tq, tk, heads, d, scratch);
    check_gradient("attention d_q", o, a.q, d_q, queries, roundings(d, tk));
    check_gradient("attention d_k", o, a.k, d_k, keys, roundings(d, tq));
    check_gradient("attention d_v", o, a.v, d_v, keys, roundings(d, tq));
    free(a.q), free(a.k), free(a.v), free(a.d_out), free(d_q), free(d_k), free(d_v), free(scratch);
}

static void test_attention(void **unused)
{
    (void)unused;
    dice_start("attention backward");
    for (int round = 0; round < 25; round++)
        one_attention(dice(1, 3), dice(1, 20), dice(1, 20), dice(1, 4), dice(1, 17));
    one_attention(1, 300, 500, 1, 1); /* more scores than are kept at once */
    report_worst("attention backward");
}

/* ---- window attention ---- */

struct window {
    float *qkv, *bias, *h, *w, *d_out;
    int batch, side, window, heads, d;
};

static double window_value(const void *context)
{
    const struct window *a = context;
    size_t count = (size_t)a->batch * a->side * a->side * a->heads * a->d;
    double *out = empty_doubles(count), value;
    ref_window_attention(out, a->qkv, a->bias, a->h, a->w, a->batch, a->side, a->window, a->heads, a->d);
    value = dot(out, a->d_out, count);
    free(out);
    return value;
}

static void one_window(int batch, int side, int window, int heads, int d, bool with_positions)
{
    struct window a = {.batch = batch, .side = side, .window = window, .heads = heads, .d = d};
    int w = window ? window : side;
    size_t tokens = (size_t)batch * side * side, dim = (size_t)heads * d, rel = (size_t)(2 * w - 1) * d;
    a.qkv = coarse_floats(tokens * 3 * dim, 1), a.bias = coarse_floats(3 * dim, 1);
    a.h = with_positions ? coarse_floats(rel, 0.5f) : NULL;
    a.w = with_positions ? coarse_floats(rel, 0.5f) : NULL;
    a.d_out = coarse_floats(tokens * dim, 1);
    float *d_qkv = empty_floats(tokens * 3 * dim), *d_bias = zeros(3 * dim);
    float *d_h = with_positions ? zeros(rel) : NULL, *d_w = with_positions ? zeros(rel) : NULL;
    float *scratch = empty_floats(nn_window_attention_backward_scratch(batch, side, window, heads, d));
    struct objective o = {window_value, &a};
    nn_window_attention_backward(d_qkv, d_bias, d_h, d_w, a.d_out, a.qkv, a.bias, a.h, a.w, batch, side,
                                 window, heads, d, scratch);
    double allowed = roundings(d, w * w);
    check_gradient("window d_qkv", o, a.qkv, d_qkv, tokens * 3 * dim, allowed);
    check_gradient("window d_qkv_bias of padding", o, a.bias, d_bias, 3 * dim, 2 * allowed);
    if (with_positions) {
        check_gradient("window d_rel_pos_h", o, a.h, d_h, rel, 2 * allowed);
        check_gradient("window d_rel_pos_w", o, a.w, d_w, rel, 2 * allowed);
    }
    free(a.qkv), free(a.bias), free(a.h), free(a.w), free(a.d_out);
    free(d_qkv), free(d_bias), free(d_h), free(d_w), free(scratch);
}

static void test_window_attention(void **unused)
{
    (void)unused;
    dice_start("window attention backward");
    for (int round = 0; round < 25; round++)
        one_window(dice(1, 2), dice(1, 7), dice(0, 5), dice(1, 3), dice(1, 9), dice(0, 3));
    one_window(1, 16, 14, 1, 5, true);
    one_window(1, 3, 5, 1, 5, true); /* a window larger than the picture */
    report_worst("window attention backward");
}

/* 51^3 scores are more than are kept: rows go by a few at a time, and so does a window of them. The
 * gradient by the values is linear in them and needs no differences. */
static void test_large_window(void **unused)
{
    (void)unused;
    dice_start("large window backward");
    enum { SIDE = 55, D = 2, TOKENS = SIDE * SIDE };
    float *qkv = random_floats(TOKENS * 3 * D, 1), *bias = random_floats(3 * D, 1);
    float *rel = random_floats((2 * SIDE - 1) * D, 0.5f), *d_out = random_floats(TOKENS * D, 1);
    float *out = empty_floats(TOKENS * D), *d_qkv = empty_floats(TOKENS * 3 * D);
    float *scratch = empty_floats(nn_window_attention_scratch(1, SIDE, 0, 1, D));
    float *back = empty_floats(nn_window_attention_backward_scratch(1, SIDE, 0, 1, D));
    double by_out = 0, by_values = 0;
    nn_window_attention(out, qkv, bias, rel, rel, 1, SIDE, 0, 1, D, scratch);
    nn_window_attention_backward(d_qkv, NULL, NULL, NULL, d_out, qkv, bias, rel, rel, 1, SIDE, 0, 1, D,
                                 back);
    for (int i = 0; i < TOKENS; i++)
        for (int c = 0; c < D; c++) {
            by_out += (double)out[i * D + c] * d_out[i * D + c];
            by_values += (double)qkv[(i * 3 + 2) * D + c] * d_qkv[(i * 3 + 2) * D + c];
        }
    assert_true(fabs(by_out - by_values) < 1e-4 * (1 + fabs(by_out)));
    free(qkv), free(bias), free(rel), free(d_out), free(out), free(d_qkv), free(scratch), free(back);
}

/* ---- convolutions ---- */

struct conv {
    float *x, *weight, *bias, *d_out;
    int batch, height, width, cin, cout, kernel, stride, padding;
    size_t out;
    bool transposed;
};

static double conv_value(const void *context)
{
    const struct conv *c = context;
    double *out = empty_doubles(c->out), *size = empty_doubles(c->out), value;
    if (c->transposed)
        ref_conv_transpose(out, size, c->x, c->weight, c->bias, c->batch, c->height, c->width, c->cin,
                           c->cout, c->kernel);
    else
        ref_conv(out, size, c->x, c->weight, c->bias, c->batch, c->height, c->width, c->cin, c->cout,
                 c->kernel, c->stride, c->padding);
    value = dot(out, c->d_out, c->out);
    free(out), free(size);
    return value;
}

static void check_conv(struct conv *c)
{
    size_t x = (size_t)c->batch * c->height * c->width * c->cin, bias = c->cout;
    size_t weight = (size_t)c->cin * c->cout * c->kernel * c->kernel, scratch_floats;
    c->x = coarse_floats(x, 1), c->weight = coarse_floats(weight, 1), c->bias = coarse_floats(bias, 1);
    c->d_out = coarse_floats(c->out, 1);
    float *packed = empty_floats(weight), *d_packed = zeros(weight), *d_weight = empty_floats(weight);
    float *d_x = empty_floats(x), *d_bias = zeros(bias), *scratch;
    struct objective o = {conv_value, c};
    if (c->transposed) {
        scratch_floats = nn_conv_transpose_backward_scratch(c->batch, c->height, c->width, c->cin, c->cout,
                                                            c->kernel);
        scratch = empty_floats(scratch_floats);
        nn_pack_conv_transpose(packed, c->weight, c->cin, c->cout, c->kernel);
        nn_conv_transpose_backward(d_x, d_packed, d_bias, c->d_out, c->x, packed, c->batch, c->height,
                                   c->width, c->cin, c->cout, c->kernel, scratch);
        nn_unpack_conv_transpose(d_weight, d_packed, c->cin, c->cout, c->kernel);
    } else {
        scratch_floats = nn_conv_backward_scratch(c->batch, c->height, c->width, c->cin, c->cout,
                                                  c->kernel, c->stride, c->padding);
        scratch = empty_floats(scratch_floats);
        nn_pack_conv(packed, c->weight, c->cout, c->cin, c->kernel, c->kernel);
        nn_conv_backward(d_x, d_packed, d_bias, c->d_out, c->x, packed, c->batch, c->height, c->width,
                         c->cin, c->cout, c->kernel, c->stride, c->padding, scratch);
        nn_unpack_conv(d_weight, d_packed, c->cout, c->cin, c->kernel, c->kernel);
    }
    check_gradient("conv d_x", o, c->x, d_x, x, sum_roundings(c->kernel * c->kernel * c->cout));
    check_gradient("conv d_weight", o, c->weight, d_weight, weight, sum_roundings(c->out / c->cout));
    check_gradient("conv d_bias", o, c->bias, d_bias, bias, sum_roundings(c->out / c->cout));
    free(c->x), free(c->weight), free(c->bias), free(c->d_out);
    free(packed), free(d_packed), free(d_weight), free(d_x), free(d_bias), free(scratch);
}

static void one_conv(int batch, int height, int width, int cin, int cout, int kernel, int stride,
                     int padding)
{
    struct conv c = {.batch = batch, .height = height, .width = width, .cin = cin, .cout = cout,
                     .kernel = kernel, .stride = stride, .padding = padding};
    c.out = (size_t)batch * ((height + 2 * padding - kernel) / stride + 1) *
            ((width + 2 * padding - kernel) / stride + 1) * cout;
    check_conv(&c);
}

static void one_transposed(int batch, int height, int width, int cin, int cout, int kernel)
{
    struct conv c = {.batch = batch, .height = height, .width = width, .cin = cin, .cout = cout,
                     .kernel = kernel, .transposed = true};
    c.out = (size_t)batch * 4 * height * width * cout;
    check_conv(&c);
}

static void test_conv(void **unused)
{
    (void)unused;
    dice_start("conv backward");
    for (int round = 0; round < 20; round++) {
        int kernel = dice(1, 4), padding = dice(0, kernel - 1);
        one_conv(dice(1, 3), dice(kernel, 9), dice(kernel, 9), dice(1, 6), dice(1, 6), kernel, dice(1, 3),
                 padding);
    }
    one_conv(1, 12, 12, 3, 5, 4, 4, 0); /* patches */
    one_conv(2, 8, 8, 6, 4, 3, 1, 1);   /* neck */
    one_conv(2, 8, 8, 4, 4, 3, 2, 1);   /* adapter */
    one_conv(3, 21, 25, 1, 1, 3, 1, 1); /* more pixels than go by at once */
    report_worst("conv backward");
}

static void test_conv_transpose(void **unused)
{
    (void)unused;
    dice_start("transposed conv backward");
    for (int round = 0; round < 20; round++)
        one_transposed(dice(1, 3), dice(1, 6), dice(1, 6), dice(1, 6), dice(1, 6), round % 2 ? 2 : 4);
    one_transposed(3, 20, 21, 1, 1, 4);
    report_worst("transposed conv backward");
}

/* The same bits however the work falls to the threads. */
static void test_same_bits(void **unused)
{
    (void)unused;
    dice_start("same bits backward");
    enum { SIDE = 16, HEADS = 3, D = 16, TOKENS = SIDE * SIDE, DIM = HEADS * D, REL = 27 * D };
    float *qkv = random_floats(TOKENS * 3 * DIM, 1), *bias = random_floats(3 * DIM, 1);
    float *rel = random_floats(REL, 1), *d_out = random_floats(TOKENS * DIM, 1);
    float *first = empty_floats(TOKENS * 3 * DIM), *again = empty_floats(TOKENS * 3 * DIM);
    float *scratch = empty_floats(nn_window_attention_backward_scratch(1, SIDE, 14, HEADS, D));
    float *d_rel = zeros(REL), *d_rel_again = empty_floats(REL);
    nn_window_attention_backward(first, NULL, d_rel, NULL, d_out, qkv, bias, rel, rel, 1, SIDE, 14, HEADS, D,
                                 scratch);
    for (int round = 0; round < 10; round++) {
        memset(d_rel_again, 0, REL * sizeof(float));
        nn_window_attention_backward(again, NULL, d_rel_again, NULL, d_out, qkv, bias, rel, rel, 1, SIDE, 14,
                                     HEADS, D, scratch);
        assert_memory_equal(first, again, TOKENS * 3 * DIM * sizeof(float));
        assert_memory_equal(d_rel, d_rel_again, REL * sizeof(float));
    }
    free(qkv), free(bias), free(rel), free(d_out), free(first), free(again), free(scratch);
    free(d_rel), free(d_rel_again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attention),      cmocka_unit_test(test_window_attention),
        cmocka_unit_test(test_large_window),   cmocka_unit_test(test_conv),
        cmocka_unit_test(test_conv_transpose), cmocka_unit_test(test_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
