#include <string.h>
#include "nn/nn_backward.h"
#include "nn/parallel.h"
#include "nn/simd.h"

enum { ROWS_AT_ONCE = 1024 }; /* of a GEMM: as conv.c */

/* A convolution from (height, width, channels) to (oh, ow). A transposed one is the same with the
 * two sides exchanged. */
struct conv {
    int height, width, channels, kernel, stride, padding;
    int oh, ow;
};

static struct conv conv_sizes(int height, int width, int channels, int kernel, int stride, int padding)
{
    return (struct conv){height,
                         width,
                         channels,
                         kernel,
                         stride,
                         padding,
                         (height + 2 * padding - kernel) / stride + 1,
                         (width + 2 * padding - kernel) / stride + 1};
}

static struct conv transposed_sizes(int height, int width, int cout, int kernel)
{
    return conv_sizes(2 * height, 2 * width, cout, kernel, 2, kernel / 2 - 1);
}

static size_t patch_floats(const struct conv *s)
{
    return (size_t)s->kernel * s->kernel * s->channels;
}

/* Pictures whose patches are made together. */
static int pictures_at_once(const struct conv *s, int batch)
{
    int pixels = s->oh * s->ow, fitting = pixels < ROWS_AT_ONCE ? ROWS_AT_ONCE / pixels : 1;
    return fitting < batch ? fitting : batch;
}

static size_t patches_floats(const struct conv *s, int batch)
{
    return (size_t)pictures_at_once(s, batch) * s->oh * s->ow * patch_floats(s);
}

/* patches (count, oh, ow, kernel, kernel, channels) of x (count, height, width, channels). */
static void gather_patches(float *patches, const float *x, const struct conv *s, int count)
{
    size_t line = (size_t)s->width * s->channels, bytes = s->channels * sizeof(float);
#pragma omp parallel for num_threads(threads_for((size_t)count *s->oh *s->ow *patch_floats(s)))
    for (int row = 0; row < count * s->oh; row++) {
        float *out = patches + (size_t)row * s->ow * patch_floats(s);
        const float *picture = x + (size_t)(row / s->oh) * s->height * line;
        for (int ox = 0; ox < s->ow; ox++)
            for (int tap = 0; tap < s->kernel * s->kernel; tap++, out += s->channels) {
                int y = row % s->oh * s->stride - s->padding + tap / s->kernel;
                int column = ox * s->stride - s->padding + tap % s->kernel;
                if (y < 0 || y >= s->height || column < 0 || column >= s->width)
                    memset(out, 0, bytes);
                else
                    memcpy(out, picture + y * line + (size_t)column * s->channels, bytes);
            }
    }
}

/* The outputs o along one axis whose kernel covers input `at`: from *first to *last. */
static void covering(int at, const struct conv *s, int outputs, int *first, int *last)
{
    int low = at + s->padding - s->kernel + 1;
    *first = low > 0 ? (low + s->stride - 1) / s->stride : 0;
    *last = (at + s->padding) / s->stride;
    *last = *last < outputs - 1 ? *last : outputs - 1;
}

/* The other way: each pixel of x (count, height, width, channels) is the sum of its copies. */
static void sum_patches(float *x, const float *patches, const struct conv *s, int count)
{
    const struct nn_simd *simd = nn_simd();
#pragma omp parallel for num_threads(threads_for((size_t)count *s->oh *s->ow *patch_floats(s)))
    for (int row = 0; row < count * s->height; row++) {
        int y = row % s->height, oy0, oy1, ox0, ox1;
        float *out = x + (size_t)row * s->width * s->channels;
        const float *picture = patches + (size_t)(row / s->height) * s->oh * s->ow * patch_floats(s);
        memset(out, 0, (size_t)s->width * s->channels * sizeof(float));
        covering(y, s, s->oh, &oy0, &oy1);
        for (int column = 0; column < s->width; column++, out += s->channels) {
            covering(column, s, s->ow, &ox0, &ox1);
            for (int oy = oy0; oy <= oy1; oy++)
                for (int ox = ox0; ox <= ox1; ox++) {
                    int tap = (y + s->padding - oy * s->stride) * s->kernel + column + s->padding -
                              ox * s->stride;
                    simd->add(out,
                              picture + ((size_t)oy * s->ow + ox) * patch_floats(s) +
                                  (size_t)tap * s->channels,
                              s->channels);
                }
        }
    }
}

size_t nn_conv_backward_scratch(int batch, int height, int width, int cin, int cout, int kernel, int stride,
                                int padding)
{
    (void)cout;
    struct conv s = conv_sizes(height, width, cin, kernel, stride, padding);
    return patches_floats(&s, batch);
}

void nn_conv_backward(float *d_x, float *d_packed, float *d_bias, const float *d_out, const float *x,
                      const float *packed, int batch, int height, int width, int cin, int cout, int kernel,
                      int stride, int padding, float *scratch)
{
    struct conv s = conv_sizes(height, width, cin, kernel, stride, padding);
    int once = pictures_at_once(&s, batch), k = (int)patch_floats(&s);
    size_t pixels = (size_t)s.oh * s.ow, picture = (size_t)height * width * cin;
    for (int start = 0; start < batch; start += once) {
        int count = batch - start < once ? batch - start : once, rows = count * (int)pixels;
        const float *d = d_out + start * pixels * cout;
        if (d_packed) {
            gather_patches(scratch, x + start * picture, &s, count);
            nn_gemm(d_packed, k, d, cout, true, scratch, k, false, cout, k, rows, 1.0f, 1.0f);
        }
        if (d_x) {
            nn_gemm(scratch, k, d, cout, false, packed, k, false, rows, k, cout, 1.0f, 0.0f);
            sum_patches(d_x + start * picture, scratch, &s, count);
        }
    }
    if (d_bias)
        nn_add_sum_of_rows(d_bias, d_out, batch * (int)pixels, cout);
}

size_t nn_conv_transpose_backward_scratch(int batch, int height, int width, int cin, int cout, int kernel)
{
    (void)cin;
    struct conv s = transposed_sizes(height, width, cout, kernel);
    return patches_floats(&s, batch);
}

/* What the forward pass summed from products, the backward one gathers as patches. */
void nn_conv_transpose_backward(float *d_x, float *d_packed, float *d_bias, const float *d_out,
                                const float *x, const float *packed, int batch, int height, int width,
                                int cin, int cout, int kernel, float *scratch)
{
    struct conv s = transposed_sizes(height, width, cout, kernel);
    int once = pictures_at_once(&s, batch), k = (int)patch_floats(&s), pixels = height * width;
    for (int start = 0; start < batch; start += once) {
        int count = batch - start < once ? batch - start : once, rows = count * pixels;
        size_t at = (size_t)start * pixels * cin;
        gather_patches(scratch, d_out + (size_t)start * 4 * pixels * cout, &s, count);
        if (d_packed)
            nn_gemm(d_packed, cin, scratch, k, true, x + at, cin, false, k, cin, rows, 1.0f, 1.0f);
        if (d_x)
            nn_gemm(d_x + at, cin, scratch, k, false, packed, cin, false, rows, cin, k, 1.0f, 0.0f);
    }
    if (d_bias)
        nn_add_sum_of_rows(d_bias, d_out, batch * 4 * pixels, cout);
}

void nn_unpack_conv(float *weight, const float *packed, int cout, int cin, int kh, int kw)
{
    for (int o = 0; o < cout; o++)
        nn_transpose(weight + (size_t)o * cin * kh * kw, packed + (size_t)o * cin * kh * kw, kh * kw, cin);
}

void nn_unpack_conv_transpose(float *weight, const float *packed, int cin, int cout, int kernel)
{
    int taps = kernel * kernel;
    for (int o = 0; o < cout; o++)
        for (int i = 0; i < cin; i++)
            for (int t = 0; t < taps; t++)
                weight[((size_t)i * cout + o) * taps + t] = packed[((size_t)t * cout + o) * cin + i];
}
