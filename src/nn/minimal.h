/* nn/minimal.h - the adapters' and the neck's convolutions with fewer multiplications, for dense.c to choose.
 *
 * Minimal filtering (Winograd 1980; Lavin and Gray, Fast Algorithms for Convolutional Neural
 * Networks, 2016): two places of a filter with two taps need three products instead of four,
 *     d0 g0 + d1 g1 = (d0 - d1) g0 + d1 (g0 + g1)
 *     d1 g0 + d2 g1 =                d1 (g0 + g1) + (d2 - d1) g1
 * and both ways at once 9 instead of 16. A transposed convolution 4 x 4 with stride 2 is four
 * filters of 2 x 2: 9 products for 16. A convolution 3 x 3 with stride 2 is a filter of two taps
 * on the odd lines and of one on the even lines: 25 products for 36. With stride 1 it is one of two
 * taps and one of one tap beside it: 25 for 36, too. (Winograd's own with three taps, 16 for 36, has
 * halves and larger sums.)
 *
 * Pixels and weights are added up on the way into the cache, so nothing more is kept in memory. The
 * factors are all 1 or -1; what it costs is that larger numbers are summed, up to four pixels and
 * four weights a product, which cancel.
 */
#ifndef NN_MINIMAL_H
#define NN_MINIMAL_H

#include "nn/nn.h"

/* Weights in float32, and an even number of output places (of a phase, when transposed) a side. */
bool minimal_applies(const struct nn_weights *weights, int oh, int ow);
size_t minimal_scratch(const struct nn_weights *weights, int batch, int oh, int ow);
/* As nn_dense_conv with kernel 3, stride 1 or 2, padding 1. */
void minimal_conv(float *out, const float *x, const struct nn_weights *weights,
                  const struct nn_after *after, int batch, int height, int width, int stride,
                  float *scratch);
/* As nn_dense_conv_transpose with kernel 4. */
void minimal_conv_transpose(float *out, const float *x, const struct nn_weights *weights,
                            const struct nn_after *after, int batch, int height, int width,
                            float *scratch);

#endif
