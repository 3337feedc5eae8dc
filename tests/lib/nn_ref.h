/* tests/lib/nn_ref.h - the kernels of nn/nn.h once more: naive, in float64, one loop a sum, written
 * from the definition and not from the kernel. float32 in, float64 out; shapes as in nn/nn.h.
 *
 * Beside each result, where it is not NULL, goes `size`: the sum of the absolute values of what was
 * added up to make it. The rounding error of a float32 sum in any order is a small multiple of
 * FLT_EPSILON times that.
 */
#ifndef TESTS_LIB_NN_REF_H
#define TESTS_LIB_NN_REF_H

#include <stdbool.h>
#include <stddef.h>

void ref_gemm(double *c, double *size, const float *before, const float *a, int lda,
              bool transpose_a, const float *b, int ldb, bool transpose_b, int m, int n, int k,
              double alpha, double beta);
void ref_linear(double *out, double *size, const float *x, int ld_x, const float *w,
                const float *bias, int rows, int k, int n);
void ref_layer_norm(double *out, const float *x, const float *weight, const float *bias, int rows,
                    int n, double eps);
void ref_mean_pixels(double *out, const float *x, int batch, int pixels, int n);
double ref_gelu(double x);
double ref_sigmoid(double x);
void ref_softmax(double *out, const float *x, int rows, int n);
void ref_attention(double *out, const float *q, const float *k, const float *v, int batch, int tq,
                   int tk, int heads, int d);
/* As the reference does it: the normed picture is padded with zero tokens, qkv of those is the
 * bias, every window is a picture of its own. */
void ref_window_attention(double *out, const float *qkv, const float *qkv_bias,
                          const float *rel_pos_h, const float *rel_pos_w, int batch, int side,
                          int window, int heads, int d);
/* weight unpacked, as PyTorch has it; x and out channels-last. */
void ref_conv(double *out, double *size, const float *x, const float *weight, const float *bias,
              int batch, int height, int width, int cin, int cout, int kernel, int stride,
              int padding);
void ref_conv_transpose(double *out, double *size, const float *x, const float *weight,
                        const float *bias, int batch, int height, int width, int cin, int cout,
                        int kernel);
/* Rows of a product: all that a convolution multiplies for output place (b, y, x), (kernel, kernel,
 * cin) with zeros outside: out (batch * oh * ow, kernel^2 * cin). Transposed, stride 2: zeros also for
 * the taps that this place does not meet. */
void ref_conv_rows(float *out, const float *x, int batch, int height, int width, int cin,
                   int kernel, int stride, int padding);
void ref_conv_transpose_rows(float *out, const float *x, int batch, int height, int width, int cin,
                             int kernel);
/* In place, to what the lower precisions keep. bfloat16: eight bits of significand, ties to even.
 * int8: each row of x to 256 steps from min(0, row) to max(0, row), `step` of each row beside;
 * each row of w to 127 steps of its largest magnitude. */
void ref_round_bf16(float *x, size_t count);
void ref_round_rows(float *x, double *step, int rows, int k);
void ref_round_weights(float *w, int n, int k);
void ref_resize_bilinear(double *out, int oh, int ow, const float *x, int h, int w, int channels);
#endif
