#include <string.h>
#include "nn/nn.h"
#include "nn/parallel.h"
#include "nn/simd.h"

/* Rows of a GEMM below which its weights are not reused enough, and above which scratch grows for
 * nothing. */
enum { ROWS_AT_ONCE = 1024 };

void nn_pack_conv(float *packed, const float *weight, int cout, int cin, int kh, int kw)
{
    int taps = kh * kw;
#pragma omp parallel for num_threads(threads_for((size_t)cin *cout *taps))
    for (int o = 0; o < cout; o++) {
        float *out = packed + (size_t)o * taps * cin;
        const float *in = weight + (size_t)o * taps * cin;
        for (int t = 0; t < taps; t++)
            for (int i = 0; i < cin; i++)
                out[(size_t)t * cin + i] = in[(size_t)i * taps + t];
    }
}

/* In tiles: input channels are far apart in one layout, taps in the other. */
void nn_pack_conv_transpose(float *packed, const float *weight, int cin, int cout, int kernel)
{
    enum { TILE = 16 };
    int taps = kernel * kernel;
#pragma omp parallel for num_threads(threads_for((size_t)cin *cout *taps))
    for (int first = 0; first < cout; first += TILE)
        for (int i0 = 0; i0 < cin; i0 += TILE)
            for (int o = first; o < first + TILE && o < cout; o++)
                for (int t = 0; t < taps; t++)
                    for (int i = i0; i < i0 + TILE && i < cin; i++)
                        packed[((size_t)t * cout + o) * cin + i] =
                            weight[((size_t)i * cout + o) * taps + t];
}

/* The sizes of a convolution. */
struct conv {
    int height, width, cin, kernel, stride, padding;
    int oh, ow;
};

static struct conv conv_sizes(int height, int width, int cin, int kernel, int stride, int padding)
{
    return (struct conv){
        height,
        width,
        cin,
        kernel,
        stride,
        padding,
        (height + 2 * padding - kernel) / stride + 1,
        (width + 2 * padding - kernel) / stride + 1,
    };
}

static bool is_linear(const struct conv *s)
{
    return s->kernel == 1 && s->stride == 1 && s->padding == 0;
}

/* Rows of the GEMM that are made and multiplied together. */
static int rows_at_once(size_t rows)
{
    return rows < ROWS_AT_ONCE ? (int)rows : ROWS_AT_ONCE;
}

size_t nn_conv_scratch(int batch, int height, int width, int cin, int cout, int kernel, int stride,
                       int padding)
{
    (void)cout;
    struct conv s = conv_sizes(height, width, cin, kernel, stride, padding);
    return is_linear(&s)
               ? 0
               : (size_t)rows_at_once((size_t)batch * s.oh * s.ow) * kernel * kernel * cin;
}

/* The pixels under the kernel at output (oy, ox) of one picture: out (kernel, kernel, cin). */
static void gather_patch(float *out, const float *x, const struct conv *s, int oy, int ox)
{
    int line = s->kernel * s->cin;
    int first = ox * s->stride - s->padding;
    int low = first < 0 ? -first : 0;
    int high = s->width - first < s->kernel ? s->width - first : s->kernel;
    for (int ky = 0; ky < s->kernel; ky++, out += line) {
        int y = oy * s->stride - s->padding + ky;
        if (y < 0 || y >= s->height || high <= low) {
            memset(out, 0, line * sizeof(float));
            continue;
        }
        memset(out, 0, (size_t)low * s->cin * sizeof(float));
        memcpy(out + (size_t)low * s->cin, x + ((size_t)y * s->width + first + low) * s->cin,
               (size_t)(high - low) * s->cin * sizeof(float));
        memset(out + (size_t)high * s->cin, 0, (size_t)(s->kernel - high) * s->cin * sizeof(float));
    }
}

void nn_conv(float *out, const float *x, const float *packed, const float *bias, int batch,
             int height, int width, int cin, int cout, int kernel, int stride, int padding,
             float *scratch)
{
    struct conv s = conv_sizes(height, width, cin, kernel, stride, padding);
    int pixels = s.oh * s.ow, k = kernel * kernel * cin;
    size_t rows = (size_t)batch * pixels, once = rows_at_once(rows);
    if (is_linear(&s)) {
        nn_linear(out, x, packed, bias, (int)rows, cin, cout);
        return;
    }
    for (size_t start = 0; start < rows; start += once) {
        int count = (int)(rows - start < once ? rows - start : once);
#pragma omp parallel for num_threads(threads_for((size_t)count *k))
        for (int i = 0; i < count; i++) {
            size_t picture = (start + i) / pixels;
            int pixel = (int)((start + i) % pixels);
            gather_patch(scratch + (size_t)i * k, x + picture * height * width * cin, &s,
                         pixel / s.ow, pixel % s.ow);
        }
        nn_linear(out + start * cout, scratch, packed, bias, count, k, cout);
    }
}

/* Pictures whose products are made together. */
static int pictures_at_once(int batch, int pixels)
{
    int fitting = pixels < ROWS_AT_ONCE ? ROWS_AT_ONCE / pixels : 1;
    return fitting < batch ? fitting : batch;
}

size_t nn_conv_transpose_scratch(int batch, int height, int width, int cin, int cout, int kernel)
{
    (void)cin;
    int pixels = height * width;
    return (size_t)pictures_at_once(batch, pixels) * pixels * kernel * kernel * cout;
}

/* Input places i and kernel places t that meet at output place o: o = 2 i - padding + t. */
struct taps {
    int count, i[2], t[2];
};

static struct taps taps_at(int o, int size, int kernel)
{
    struct taps taps = {0};
    int padding = kernel / 2 - 1;
    for (int t = (o + padding) % 2; t < kernel; t += 2) {
        int i = (o + padding - t) / 2;
        if (o + padding - t >= 0 && i < size) {
            taps.i[taps.count] = i;
            taps.t[taps.count++] = t;
        }
    }
    return taps;
}

/* One row of the output from products (height, width, kernel, kernel, cout). */
static void sum_products(float *out, const float *products, const float *bias, int height,
                         int width, int cout, int kernel, int oy)
{
    const struct nn_simd *simd = nn_simd();
    struct taps rows = taps_at(oy, height, kernel);
    for (int ox = 0; ox < 2 * width; ox++, out += cout) {
        struct taps columns = taps_at(ox, width, kernel);
        if (bias)
            memcpy(out, bias, cout * sizeof(float));
        else
            memset(out, 0, cout * sizeof(float));
        for (int a = 0; a < rows.count; a++)
            for (int b = 0; b < columns.count; b++) {
                size_t pixel = (size_t)rows.i[a] * width + columns.i[b];
                size_t tap = (size_t)rows.t[a] * kernel + columns.t[b];
                simd->add(out, products + (pixel * kernel * kernel + tap) * cout, cout);
            }
    }
}

void nn_conv_transpose(float *out, const float *x, const float *packed, const float *bias,
                       int batch, int height, int width, int cin, int cout, int kernel,
                       float *scratch)
{
    int pixels = height * width, n = kernel * kernel * cout;
    int once = pictures_at_once(batch, pixels);
    for (int start = 0; start < batch; start += once) {
        int count = batch - start < once ? batch - start : once;
        nn_linear(scratch, x + (size_t)start * pixels * cin, packed, NULL, count * pixels, cin, n);
#pragma omp parallel for num_threads(threads_for((size_t)count *pixels *n))
        for (int line = 0; line < count * 2 * height; line++) {
            size_t picture = line / (2 * height);
            sum_products(out + ((size_t)start * 2 * height + line) * 2 * width * cout,
                         scratch + picture * pixels * n, bias, height, width, cout, kernel,
                         line % (2 * height));
        }
    }
}
