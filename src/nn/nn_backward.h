/* nn/nn_backward.h - the kernels of nn.h run backwards: from the gradient of a loss by what a kernel
 * gave, the gradients by what it was given.
 *
 * Arguments: gradients out first (d_NAME is by NAME and has its shape), then the gradient in, then what
 * the kernel was given, then sizes; the rules of nn.h hold. Gradients by activations are overwritten.
 * Gradients by weights and biases are added to, so that several uses and several pictures sum up; each
 * may be NULL where it is not wanted, and then costs nothing. Softmax and its like are computed again,
 * not kept.
 *
 * Sums over rows are cut into a number of parts that does not depend on the threads, and the parts are
 * added in order: the same bits for any number of threads but for BLAS's own.
 * Every kernel is tested with differences of its float64 twin (tests/unit/test_nn_backward.c).
 */
#ifndef NN_NN_BACKWARD_H
#define NN_NN_BACKWARD_H

#include "nn/nn.h"

/* ---- linear_backward.c ---- */

/* d_x (rows, k), d_w (n, k), d_bias (n) of nn_linear, from d_out (rows, n). d_x may be NULL too. */
void nn_linear_backward(float *d_x, float *d_w, float *d_bias, const float *d_out, const float *x,
                        const float *w, int rows, int k, int n);
/* out (n) += the sum of the rows of x (rows, n): the gradient of nn_add_rows by its row. */
void nn_add_sum_of_rows(float *out, const float *x, int rows, int n);

/* ---- norm_backward.c ---- */

/* From d_out (rows, n) and what nn_layer_norm was given. d_x may be d_out. */
void nn_layer_norm_backward(float *d_x, float *d_weight, float *d_bias, const float *d_out, const float *x,
                            const float *weight, int rows, int n, float eps, float *scratch);
size_t nn_layer_norm_backward_scratch(int rows, int n);
/* nn_mean_pixels: d_x (batch, pixels, n) += d_out (batch, n) / pixels. */
void nn_mean_pixels_backward(float *d_x, const float *d_out, int batch, int pixels, int n);

/* ---- act_backward.c: in place, d is the gradient by what came out and becomes that by what went in ---- */

void nn_gelu_backward(float *d, const float *x, size_t count);    /* x: what nn_gelu was given */
void nn_relu_backward(float *d, const float *y, size_t count);    /* y: what nn_relu gave */
void nn_sigmoid_backward(float *d, const float *y, size_t count); /* y: what nn_sigmoid gave */
void nn_softmax_backward(float *d, const float *y, int rows, int n);
void nn_softmax_columns_backward(float *d, const float *y, int ld, int rows, int n); /* both with ld */
/* nn_scale_rows: d_x (rows, n) = d_out times row (n), and d_row (n), overwritten, the sums of d_out * x
 * over the rows. d_x may be d_out. */
void nn_scale_rows_backward(float *d_x, float *d_row, const float *d_out, const float *x, const float *row,
                            int rows, int n);

/* ---- attention_backward.c ---- */

void nn_attention_backward(float *d_q, float *d_k, float *d_v, const float *d_out, const float *q,
                           const float *k, const float *v, int batch, int tq, int tk, int heads, int d,
                           float *scratch);
size_t nn_attention_backward_scratch(int batch, int tq, int tk, int heads, int d);

/* ---- window_attention_backward.c ---- */

/* d_qkv_bias gets the padded tokens' share only; that of the real ones follows from d_qkv. */
void nn_window_attention_backward(float *d_qkv, float *d_qkv_bias, float *d_rel_pos_h, float *d_rel_pos_w,
                                  const float *d_out, const float *qkv, const float *qkv_bias,
                                  const float *rel_pos_h, const float *rel_pos_w, int batch, int side,
                                  int window, int heads, int d, float *scratch);
size_t nn_window_attention_backward_scratch(int batch, int side, int window, int heads, int d);

/* ---- conv_backward.c: packed weights, and gradients by them packed alike ---- */

void nn_conv_backward(float *d_x, float *d_packed, float *d_bias, const float *d_out, const float *x,
                      const float *packed, int batch, int height, int width, int cin, int cout, int kernel,
                      int stride, int padding, float *scratch);
size_t nn_conv_backward_scratch(int batch, int height, int width, int cin, int cout, int kernel, int stride,
                                int padding);
void nn_conv_transpose_backward(float *d_x, float *d_packed, float *d_bias, const float *d_out,
                                const float *x, const float *packed, int batch, int height, int width,
                                int cin, int cout, int kernel, float *scratch);
size_t nn_conv_transpose_backward_scratch(int batch, int height, int width, int cin, int cout, int kernel);
/* The inverses of nn_pack_conv and nn_pack_conv_transpose. */
void nn_unpack_conv(float *weight, const float *packed, int cout, int cin, int kh, int kw);
void nn_unpack_conv_transpose(float *weight, const float *packed, int cin, int cout, int kernel);

/* ---- resize_backward.c ---- */

/* nn_resize_bilinear of one channel: d_x (h, w) from d_out (oh, ow), both contiguous. scratch: h * ow. */
void nn_resize_bilinear_backward(float *d_x, int h, int w, const float *d_out, int oh, int ow,
                                 float *scratch);

#endif
