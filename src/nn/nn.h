/* nn/nn.h - the kernels: out first, then inputs, then sizes. Row-major, float32, no allocation, no
 * I/O, no state but the number of threads. Pictures are channels-last: (height, width, channels).
 * Out may not alias an input unless said. Scratch comes from the caller; each nn_*_scratch gives
 * its size in floats.
 *
 * A size found by nn_*_scratch holds for the number of threads at that moment or fewer: call
 * nn_set_threads first, size buffers after it.
 *
 * The same arguments on the same kind of CPU with the same number of threads give the same bits.
 * Not-a-number goes in and comes out. Every kernel has a naive float64 twin in tests/lib/nn_ref.h.
 */
#ifndef NN_NN_H
#define NN_NN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- linear.c: the only caller of BLAS ---- */

/* out (rows, n) = x (rows, k) * w (n, k)^T + bias (n), as torch.nn.Linear. bias may be NULL. ld of
 * x and out in floats: nn_linear has them contiguous. */
void nn_linear(float *out, const float *x, const float *w, const float *bias, int rows, int k,
               int n);
void nn_linear_ld(float *out, int ld_out, const float *x, int ld_x, const float *w,
                  const float *bias, int rows, int k, int n);
/* The same added to what is in out: a residual. */
void nn_linear_add(float *out, const float *x, const float *w, const float *bias, int rows, int k,
                   int n);
/* c (m, n) = alpha * op(a) * op(b) + beta * c; op is transposition when the flag is set. */
void nn_gemm(float *c, int ldc, const float *a, int lda, bool transpose_a, const float *b, int ldb,
             bool transpose_b, int m, int n, int k, float alpha, float beta);
/* Threads for BLAS's products and for the loops here, which share one set; 0 = as many as the machine has cores. Not while a kernel
 * runs, and before scratch is sized. */
void nn_set_threads(int threads);
/* What was set, else what OpenMP said when this was first asked; 1 inside a parallel region. */
int nn_threads(void);
/* "OpenBLAS 0.3.21 (openmp, Zen), loops for avx2" for --version. The text lives as long as the
 * thread. */
const char *nn_blas_description(void);
/* "Prescott": whose kernels OpenBLAS took as it was loaded. */
const char *nn_blas_core(void);
/* The name for OPENBLAS_CORETYPE where `core`, taken by OpenBLAS, makes nothing of the AVX2 or AVX-512 that the processor has;
 * NULL where it does (blas_core.c). OpenBLAS reads the variable as it is loaded, so only a new start of the program helps. */
const char *nn_core_instead_of(const char *core);
/* True when GEMM may be called from several threads at a time (any OpenBLAS but a sequential build). */
bool nn_gemm_in_parallel(void);
/* ---- each.c: whole pieces of work side by side ---- */

/* Calls task(context, i, worker) for i = 0..n-1, on several threads when kernels may be called from
 * them; what is inside then runs on one thread each, and nobody waits for anybody until the end. worker
 * is below nn_workers(n), and two tasks at a time never have the same: its share of scratch. One task
 * alone has all threads to itself. */
void nn_each(int n, void (*task)(void *context, int i, int worker), void *context);
int nn_workers(int n);

/* Lets BLAS take its work space now. OpenBLAS asks for it again and again, for ever, when there is
 * none, so this looks first whether there is. 0, or how many bytes are wanted and not to be had. */
size_t nn_reserve(void);

/* ---- dense.c: the encoder's products, with kernels of our own (gemm.h) or, when chosen, BLAS ---- */

enum nn_precision { NN_F32, NN_BF16, NN_INT8 };

/* Weights n x k for each of one or several taps, row-major, read where they lie: row_bytes from one
 * output channel to the next, tap_bytes from one tap to the next. float32 is as nn_linear, nn_conv
 * and nn_conv_transpose have it; the others are made by nn_weights_lower (dense_weights.c). */
struct nn_weights {
    enum nn_precision precision;
    int n, k, taps;
    size_t row_bytes, tap_bytes;
    const void *data;
    const float *scale;   /* int8: (n), a weight is its number times this */
    const int32_t *total; /* int8: (taps, n), sums over k */
};

enum nn_activation { NN_NONE, NN_GELU, NN_RELU };

/* out = activation(product + bias) + add. bias (n) and add (like out) may be NULL; add may be out for
 * nn_dense without an activation. */
struct nn_after {
    const float *bias;
    enum nn_activation activation;
    const float *add;
};

/* Views of float32 weights: (n, k); packed by nn_pack_conv; packed by nn_pack_conv_transpose. */
struct nn_weights nn_weights_linear(const float *weights, int n, int k);
struct nn_weights nn_weights_conv(const float *packed, int cout, int cin, int kernel);
struct nn_weights nn_weights_conv_transpose(const float *packed, int cin, int cout, int kernel);
/* The same in a lower precision, in nn_weights_bytes bytes at `memory`, 64-byte aligned: bfloat16
 * rounded to nearest even; int8 with a scale for each output channel. Where nn_is_native says no, the
 * rounded weights are kept in float32, in the layout they had: all is then as fast as float32. */
size_t nn_weights_bytes(const struct nn_weights *weights, enum nn_precision precision);
struct nn_weights nn_weights_lower(void *memory, const struct nn_weights *weights,
                                   enum nn_precision precision);

/* The numbers that nn_weights_lower makes, (n, taps, k) as int8 or uint16, and int8's scale (n), for a
 * file; and weights from such a file, of the shape and layout of a view without data: they stay where
 * they are, where nn_is_native says yes. memory: nn_weights_stored_bytes, 64-byte aligned. k in whole
 * groups of four bytes: nn_weights_storable. */
bool nn_weights_storable(int k, enum nn_precision precision);
void nn_weights_numbers(void *numbers, float *scale, const struct nn_weights *weights,
                        enum nn_precision precision);
size_t nn_weights_stored_bytes(const struct nn_weights *view, enum nn_precision precision);
struct nn_weights nn_weights_stored(void *memory, const void *numbers, const float *scale,
                                    const struct nn_weights *view, enum nn_precision precision);

/* nn_linear, nn_conv (kernel <= 4) and nn_conv_transpose, and what comes after. Sums are float32,
 * for int8 int32: activations are rounded to 8 bits token by token. Weights are of the kernels in use:
 * lowered and stored ones have to be made anew after nn_use_kernels. */
void nn_dense(float *out, const float *x, const struct nn_weights *weights,
              const struct nn_after *after, int rows, float *scratch);
size_t nn_dense_scratch(int rows, const struct nn_weights *weights);
void nn_dense_conv(float *out, const float *x, const struct nn_weights *weights,
                   const struct nn_after *after, int batch, int height, int width, int kernel,
                   int stride, int padding, float *scratch);
size_t nn_dense_conv_scratch(const struct nn_weights *weights, int batch, int height, int width,
                             int kernel, int stride, int padding);
void nn_dense_conv_transpose(float *out, const float *x, const struct nn_weights *weights,
                             const struct nn_after *after, int batch, int height, int width,
                             int kernel, float *scratch);
size_t nn_dense_conv_transpose_scratch(const struct nn_weights *weights, int batch, int height,
                                       int width, int kernel);

/* ---- dense_pair.c ---- */

/* out = after(second * between(first * x)) token by token, of which only out reaches memory. Where it
 * applies: float32 by kernels of our own, both weights small enough for the second cache. between has
 * no `add`; out may be x or after's add. */
bool nn_dense_pairs(const struct nn_weights *first, const struct nn_weights *second);
void nn_dense_pair(float *out, const float *x, const struct nn_weights *first,
                   const struct nn_after *between, const struct nn_weights *second,
                   const struct nn_after *after, int rows, float *scratch);
size_t nn_dense_pair_scratch(const struct nn_weights *first, const struct nn_weights *second);

/* "avx512", "avx512f" (without BF16 and VNNI), "avx2", "base" or "blas" for all that follows; false: this
 * CPU has no such. Without it $SAMMED2D_KERNELS decides, else the CPU. Not between sizing scratch and
 * using it. */
bool nn_use_kernels(const char *name);
/* The name of those in use. */
const char *nn_kernels(void);
/* Has this CPU instructions for the precision, and do the kernels in use know them? */
bool nn_is_native(enum nn_precision precision);

/* ---- norm.c ---- */

/* Over the last dimension of x (rows, n): torch.nn.LayerNorm, and LayerNorm2d on channels-last
 * pictures. out may be x. */
void nn_layer_norm(float *out, const float *x, const float *weight, const float *bias, int rows,
                   int n, float eps);
/* Mean over the pixels of each picture: x (batch, pixels, n) to out (batch, n). */
void nn_mean_pixels(float *out, const float *x, int batch, int pixels, int n);

/* ---- act.c: in place ---- */

void nn_gelu(float *x, size_t count); /* exact: x/2 (1 + erf(x / sqrt 2)) */
void nn_relu(float *x, size_t count);
void nn_sigmoid(float *x, size_t count);
void nn_softmax(float *x, int rows, int n);                      /* each row */
void nn_softmax_columns(float *x, int ld, int rows, int n);      /* each column of x (rows, n) */
void nn_add(float *x, const float *y, size_t count);             /* x += y */
void nn_sum(float *out, const float *x, const float *y, size_t count); /* out = x + y; out may be neither */
void nn_add_rows(float *out, const float *x, const float *row, int rows, int n); /* out = x, each row + row (n); out may be x */
void nn_bias_gelu(float *x, const float *bias, int rows, int n); /* x = gelu(x + bias) */
/* out (rows, n) = x (rows, n), each row times row (n). out may be x. */
void nn_scale_rows(float *out, const float *x, const float *row, int rows, int n);

/* ---- attention.c ---- */

/* Multi-head attention without position terms: q (batch, tq, heads*d), k and v (batch, tk,
 * heads*d), out (batch, tq, heads*d); scale 1/sqrt(d). The decoder's (transformer.py,
 * Attention.forward between the projections). */
void nn_attention(float *out, const float *q, const float *k, const float *v, int batch, int tq,
                  int tk, int heads, int d, float *scratch);
size_t nn_attention_scratch(int batch, int tq, int tk, int heads, int d);

/* ---- window_attention.c ---- */

/* The encoder's attention over pictures of side x side tokens in windows (image_encoder.py:
 * Attention, window_partition, add_decomposed_rel_pos). qkv (batch, side*side, 3*heads*d), out
 * (batch, side*side, heads*d), both on real tokens only, in picture order. window 0: one global
 * window. The reference zero-pads the picture to a multiple of window before qkv; a padded token
 * therefore has k and v equal to the qkv bias, takes part as key, and its own output is dropped:
 * qkv_bias (3*heads*d) stands for all of them. rel_pos_h, rel_pos_w (2*w-1, d), w = window or side;
 * NULL when the model has none. The position term uses the unscaled q. */
void nn_window_attention(float *out, const float *qkv, const float *qkv_bias,
                         const float *rel_pos_h, const float *rel_pos_w, int batch, int side,
                         int window, int heads, int d, float *scratch);
size_t nn_window_attention_scratch(int batch, int side, int window, int heads, int d);

/* ---- conv.c: channels-last; weights repacked once by nn_pack_* at load ---- */

/* weight as PyTorch has it, (cout, cin, kh, kw), packed to (cout, kh, kw, cin). */
void nn_pack_conv(float *packed, const float *weight, int cout, int cin, int kh, int kw);
/* Convolution, kernel kh = kw = kernel, any stride and zero padding; packed by nn_pack_conv. bias
 * may be NULL. out (batch, oh, ow, cout), oh = (height + 2 padding - kernel) / stride + 1. The
 * patch embedding is the one with kernel = stride = patch size. */
void nn_conv(float *out, const float *x, const float *packed, const float *bias, int batch,
             int height, int width, int cin, int cout, int kernel, int stride, int padding,
             float *scratch);
size_t nn_conv_scratch(int batch, int height, int width, int cin, int cout, int kernel, int stride,
                       int padding);

/* Transposed convolution with stride 2: kernel 2 padding 0 (mask decoder) or kernel 4 padding 1
 * (adapter); both double the size. weight as PyTorch has it, (cin, cout, kernel, kernel), packed to
 * (kernel, kernel, cout, cin). bias may be NULL. out (batch, 2*height, 2*width, cout). */
void nn_pack_conv_transpose(float *packed, const float *weight, int cin, int cout, int kernel);
void nn_conv_transpose(float *out, const float *x, const float *packed, const float *bias,
                       int batch, int height, int width, int cin, int cout, int kernel,
                       float *scratch);
size_t nn_conv_transpose_scratch(int batch, int height, int width, int cin, int cout, int kernel);

/* ---- resize.c ---- */

/* Source index of each of dst places: min(floor(x * (1 / (dst / src))), src - 1) in double. */
void nn_nearest_index(int *index, int src, int dst);
/* torch.nn.functional.interpolate(mode="bilinear", align_corners=False), one channel, leading
 * dimensions ld_x, ld_out in floats. No antialiasing. */
void nn_resize_bilinear(float *out, int oh, int ow, int ld_out, const float *x, int h, int w,
                        int ld_x);

/* (channels, pixels) <-> (pixels, channels): out (columns, rows) of x (rows, columns). */
void nn_transpose(float *out, const float *x, int rows, int columns);

#endif
