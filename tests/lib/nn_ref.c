#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "lib/nn_ref.h"

static double *doubles(size_t count)
{
    double *x = calloc(count ? count : 1, sizeof(*x));
    if (!x)
        abort();
    return x;
}

void ref_gemm(double *c, double *size, const float *before, const float *a, int lda,
              bool transpose_a, const float *b, int ldb, bool transpose_b, int m, int n, int k,
              double alpha, double beta)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = beta * before[(size_t)i * n + j], absolute = fabs(sum);
            for (int p = 0; p < k; p++) {
                double product = alpha *
                                 a[transpose_a ? (size_t)p * lda + i : (size_t)i * lda + p] *
                                 b[transpose_b ? (size_t)j * ldb + p : (size_t)p * ldb + j];
                sum += product;
                absolute += fabs(product);
            }
            c[(size_t)i * n + j] = sum;
            size[(size_t)i * n + j] = absolute;
        }
}

void ref_linear(double *out, double *size, const float *x, int ld_x, const float *w,
                const float *bias, int rows, int k, int n)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < n; j++) {
            double sum = bias ? bias[j] : 0, absolute = fabs(sum);
            for (int p = 0; p < k; p++) {
                double product = (double)x[(size_t)i * ld_x + p] * w[(size_t)j * k + p];
                sum += product;
                absolute += fabs(product);
            }
            out[(size_t)i * n + j] = sum;
            size[(size_t)i * n + j] = absolute;
        }
}

void ref_layer_norm(double *out, const float *x, const float *weight, const float *bias, int rows,
                    int n, double eps)
{
    for (int i = 0; i < rows; i++) {
        const float *row = x + (size_t)i * n;
        double mean = 0, variance = 0;
        for (int j = 0; j < n; j++)
            mean += row[j] / (double)n;
        for (int j = 0; j < n; j++)
            variance += (row[j] - mean) * (row[j] - mean) / n;
        for (int j = 0; j < n; j++)
            out[(size_t)i * n + j] = (row[j] - mean) / sqrt(variance + eps) * weight[j] + bias[j];
    }
}

void ref_mean_pixels(double *out, const float *x, int batch, int pixels, int n)
{
    memset(out, 0, (size_t)batch * n * sizeof(*out));
    for (int b = 0; b < batch; b++)
        for (int p = 0; p < pixels; p++)
            for (int c = 0; c < n; c++)
                out[(size_t)b * n + c] += x[((size_t)b * pixels + p) * n + c] / (double)pixels;
}

double ref_gelu(double x)
{
    return 0.5 * x * erfc(-x / sqrt(2.0));
}

double ref_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void softmax_row(double *x, int n)
{
    double max = -INFINITY, sum = 0;
    for (int j = 0; j < n; j++)
        max = fmax(max, x[j]);
    for (int j = 0; j < n; j++)
        sum += exp(x[j] - max);
    for (int j = 0; j < n; j++)
        x[j] = exp(x[j] - max) / sum;
}

void ref_softmax(double *out, const float *x, int rows, int n)
{
    for (size_t i = 0; i < (size_t)rows * n; i++)
        out[i] = x[i];
    for (int i = 0; i < rows; i++)
        softmax_row(out + (size_t)i * n, n);
}

/* One query of one head, on keys and values d apart by ld; position (tk) is added to the scores. */
static void attend(double *out, const double *q, const double *k, const double *v, int tk, int d,
                   int ld, const double *position)
{
    double *score = doubles(tk);
    for (int j = 0; j < tk; j++) {
        for (int p = 0; p < d; p++)
            score[j] += q[p] * k[(size_t)j * ld + p] / sqrt(d);
        score[j] += position ? position[j] : 0;
    }
    softmax_row(score, tk);
    for (int p = 0; p < d; p++) {
        out[p] = 0;
        for (int j = 0; j < tk; j++)
            out[p] += score[j] * v[(size_t)j * ld + p];
    }
    free(score);
}

static double *widened(const float *x, size_t count)
{
    double *wide = doubles(count);
    for (size_t i = 0; i < count; i++)
        wide[i] = x[i];
    return wide;
}

void ref_attention(double *out, const float *q, const float *k, const float *v, int batch, int tq,
                   int tk, int heads, int d)
{
    int ld = heads * d;
    double *dq = widened(q, (size_t)batch * tq * ld), *dk = widened(k, (size_t)batch * tk * ld);
    double *dv = widened(v, (size_t)batch * tk * ld);
    for (int b = 0; b < batch; b++)
        for (int i = 0; i < tq; i++)
            for (int h = 0; h < heads; h++) {
                size_t at = ((size_t)b * tq + i) * ld + h * d, keys = (size_t)b * tk * ld + h * d;
                attend(out + at, dq + at, dk + keys, dv + keys, tk, d, ld, NULL);
            }
    free(dq), free(dk), free(dv);
}

/* qkv of the padded picture, (batch, padded, padded, 3*heads*d). */
static double *padded_qkv(const float *qkv, const float *bias, int batch, int side, int padded,
                          int ld)
{
    double *out = doubles((size_t)batch * padded * padded * ld);
    for (int b = 0; b < batch; b++)
        for (int y = 0; y < padded; y++)
            for (int x = 0; x < padded; x++) {
                const float *from =
                    y < side && x < side ? qkv + (((size_t)b * side + y) * side + x) * ld : bias;
                for (int c = 0; c < ld; c++)
                    out[(((size_t)b * padded + y) * padded + x) * ld + c] = from[c];
            }
    return out;
}

/* q . (rel_pos_h[qy - ky + w - 1] + rel_pos_w[qx - kx + w - 1]) for each key of the window. */
static void position_terms(double *term, const double *q, const float *rel_pos_h,
                           const float *rel_pos_w, int qy, int qx, int w, int d)
{
    for (int ky = 0; ky < w; ky++)
        for (int kx = 0; kx < w; kx++) {
            double sum = 0;
            for (int p = 0; p < d; p++)
                sum += q[p] * ((double)rel_pos_h[(size_t)(qy - ky + w - 1) * d + p] +
                               rel_pos_w[(size_t)(qx - kx + w - 1) * d + p]);
            term[ky * w + kx] = sum;
        }
}

/* Query (y, x) of picture `qkv` (padded, padded, ld), head h. */
static void attend_in_window(double *out, const double *qkv, const float *rel_pos_h,
                             const float *rel_pos_w, int padded, int w, int y, int x, int heads,
                             int h, int d)
{
    int ld = 3 * heads * d;
    double *k = doubles((size_t)w * w * d), *v = doubles((size_t)w * w * d), *term = doubles(w * w);
    for (int i = 0; i < w * w; i++) {
        size_t token = (size_t)(y / w * w + i / w) * padded + x / w * w + i % w;
        memcpy(k + (size_t)i * d, qkv + token * ld + (heads + h) * d, d * sizeof(*k));
        memcpy(v + (size_t)i * d, qkv + token * ld + (2 * heads + h) * d, d * sizeof(*v));
    }
    const double *q = qkv + ((size_t)y * padded + x) * ld + h * d;
    if (rel_pos_h)
        position_terms(term, q, rel_pos_h, rel_pos_w, y % w, x % w, w, d);
    attend(out, q, k, v, w * w, d, d, term);
    free(k), free(v), free(term);
}

void ref_window_attention(double *out, const float *qkv, const float *qkv_bias,
                          const float *rel_pos_h, const float *rel_pos_w, int batch, int side,
                          int window, int heads, int d)
{
    int w = window ? window : side, padded = (side + w - 1) / w * w, ld = 3 * heads * d;
    double *all = padded_qkv(qkv, qkv_bias, batch, side, padded, ld);
    for (int b = 0; b < batch; b++)
        for (int y = 0; y < side; y++)
            for (int x = 0; x < side; x++)
                for (int h = 0; h < heads; h++)
                    attend_in_window(out + ((((size_t)b * side + y) * side + x) * heads + h) * d,
                                     all + (size_t)b * padded * padded * ld, rel_pos_h, rel_pos_w,
                                     padded, w, y, x, heads, h, d);
    free(all);
}

void ref_conv(double *out, double *size, const float *x, const float *weight, const float *bias,
              int batch, int height, int width, int cin, int cout, int kernel, int stride,
              int padding)
{
    int oh = (height + 2 * padding - kernel) / stride + 1;
    int ow = (width + 2 * padding - kernel) / stride + 1;
    for (size_t at = 0; at < (size_t)batch * oh * ow * cout; at++) {
        int o = at % cout, ox = at / cout % ow, oy = at / cout / ow % oh, b = at / cout / ow / oh;
        double sum = bias ? bias[o] : 0, absolute = fabs(sum);
        for (int ky = 0; ky < kernel; ky++)
            for (int kx = 0; kx < kernel; kx++) {
                int y = oy * stride + ky - padding, c = ox * stride + kx - padding;
                for (int i = 0; y >= 0 && y < height && c >= 0 && c < width && i < cin; i++) {
                    double product = (double)x[(((size_t)b * height + y) * width + c) * cin + i] *
                                     weight[(((size_t)o * cin + i) * kernel + ky) * kernel + kx];
                    sum += product;
                    absolute += fabs(product);
                }
            }
        out[at] = sum;
        size[at] = absolute;
    }
}

/* The definition: every input pixel stamps the kernel on the output, 2 apart, `padding` cut off. */
void ref_conv_transpose(double *out, double *size, const float *x, const float *weight,
                        const float *bias, int batch, int height, int width, int cin, int cout,
                        int kernel)
{
    int padding = kernel == 4 ? 1 : 0, oh = 2 * height, ow = 2 * width;
    for (size_t at = 0; at < (size_t)batch * oh * ow * cout; at++) {
        out[at] = bias ? bias[at % cout] : 0;
        size[at] = fabs(out[at]);
    }
    for (size_t at = 0; at < (size_t)batch * height * width * cin; at++) {
        int i = at % cin, c = at / cin % width, r = at / cin / width % height;
        int b = at / cin / width / height;
        for (int tap = 0; tap < kernel * kernel * cout; tap++) {
            int o = tap % cout, kx = tap / cout % kernel, ky = tap / cout / kernel;
            int oy = 2 * r + ky - padding, ox = 2 * c + kx - padding;
            if (oy < 0 || oy >= oh || ox < 0 || ox >= ow)
                continue;
            double product =
                (double)x[at] * weight[(((size_t)i * cout + o) * kernel + ky) * kernel + kx];
            out[(((size_t)b * oh + oy) * ow + ox) * cout + o] += product;
            size[(((size_t)b * oh + oy) * ow + ox) * cout + o] += fabs(product);
        }
    }
}

static void copy_pixel(float *out, const float *x, int b, int y, int c, int height, int width,
                       int cin)
{
    for (int i = 0; i < cin; i++)
        out[i] = y >= 0 && y < height && c >= 0 && c < width
                     ? x[(((size_t)b * height + y) * width + c) * cin + i]
                     : 0;
}

void ref_conv_rows(float *out, const float *x, int batch, int height, int width, int cin,
                   int kernel, int stride, int padding)
{
    int oh = (height + 2 * padding - kernel) / stride + 1;
    int ow = (width + 2 * padding - kernel) / stride + 1;
    for (int at = 0; at < batch * oh * ow; at++)
        for (int tap = 0; tap < kernel * kernel; tap++, out += cin)
            copy_pixel(out, x, at / ow / oh, at / ow % oh * stride + tap / kernel - padding,
                       at % ow * stride + tap % kernel - padding, height, width, cin);
}

void ref_conv_transpose_rows(float *out, const float *x, int batch, int height, int width, int cin,
                             int kernel)
{
    int padding = kernel == 4 ? 1 : 0, oh = 2 * height, ow = 2 * width;
    for (int at = 0; at < batch * oh * ow; at++)
        for (int tap = 0; tap < kernel * kernel; tap++, out += cin) {
            /* the input pixel whose stamp puts this tap here, twice its index */
            int y = at / ow % oh + padding - tap / kernel, c = at % ow + padding - tap % kernel;
            copy_pixel(out, x, at / ow / oh, y % 2 ? -1 : y / 2, c % 2 ? -1 : c / 2, height, width,
                       cin);
        }
}

void ref_round_bf16(float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int exponent;
        double significand = frexp(x[i], &exponent);
        x[i] = (float)ldexp(nearbyint(ldexp(significand, 8)), exponent - 8);
    }
}

void ref_round_rows(float *x, double *step, int rows, int k)
{
    for (int r = 0; r < rows; r++, x += k) {
        double low = 0, high = 0;
        for (int i = 0; i < k; i++) {
            low = fmin(low, x[i]);
            high = fmax(high, x[i]);
        }
        step[r] = (high - low) / 255;
        double zero = step[r] > 0 ? floor(-low / step[r] + 0.5) : 0;
        for (int i = 0; i < k && step[r] > 0; i++)
            x[i] = (float)(step[r] *
                           (fmin(255, fmax(0, floor(x[i] / step[r] + zero + 0.5))) - zero));
    }
}

void ref_round_weights(float *w, int n, int k)
{
    for (int c = 0; c < n; c++, w += k) {
        double step = 0;
        for (int i = 0; i < k; i++)
            step = fmax(step, fabs(w[i]) / 127);
        for (int i = 0; i < k && step > 0; i++)
            w[i] = (float)(step * nearbyint(w[i] / step));
    }
}

/* Value at a fractional place of one axis, edges repeated. */
static void place(double *weight, int *low, int *high, int o, int to, int from)
{
    double at = (o + 0.5) * from / to - 0.5;
    at = fmin(fmax(at, 0), from - 1);
    *low = (int)floor(at);
    *high = *low + 1 < from ? *low + 1 : *low;
    *weight = at - *low;
}

void ref_resize_bilinear(double *out, int oh, int ow, const float *x, int h, int w, int channels)
{
    for (size_t at = 0; at < (size_t)oh * ow * channels; at++) {
        int c = at % channels, ox = at / channels % ow, oy = at / channels / ow;
        int x0, x1, y0, y1;
        double fx, fy;
        place(&fx, &x0, &x1, ox, ow, w);
        place(&fy, &y0, &y1, oy, oh, h);
        double top = (1 - fx) * x[((size_t)y0 * w + x0) * channels + c] +
                     fx * x[((size_t)y0 * w + x1) * channels + c];
        double bottom = (1 - fx) * x[((size_t)y1 * w + x0) * channels + c] +
                        fx * x[((size_t)y1 * w + x1) * channels + c];
        out[at] = (1 - fy) * top + fy * bottom;
    }
}
