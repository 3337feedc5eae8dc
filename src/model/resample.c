#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "model/resample.h"

static enum sm_status no_memory(struct sm_err *err)
{
    return sm_fail(err, SM_MEMORY, "out of memory while resizing a picture for the network");
}

/* ---- Pillow's bilinear ---- */

enum { WEIGHT_BITS = 22 };

/* For each of `out` places: the first of its sources, how many, and their weights (out, stride). */
struct taps {
    int *first, *count;
    int32_t *weight;
    int stride;
};

static void taps_free(struct taps *t)
{
    free(t->first);
    free(t->count);
    free(t->weight);
}

/* One row of weights: triangle of half-width `support` around center, normalised, in fixed point. */
static void triangle(int32_t *weight, int first, int count, double center, double support)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += fmax(0, 1 - fabs((i + first - center + 0.5) / support));
    for (int i = 0; i < count; i++) {
        double w = fmax(0, 1 - fabs((i + first - center + 0.5) / support));
        weight[i] = (int32_t)(0.5 + (sum > 0 ? w / sum : 0) * (1 << WEIGHT_BITS));
    }
}

static bool taps_make(struct taps *t, int in, int out)
{
    double step = (double)in / out, support = step < 1 ? 1 : step;
    t->stride = (int)ceil(support) * 2 + 1;
    t->first = malloc((size_t)out * sizeof *t->first);
    t->count = malloc((size_t)out * sizeof *t->count);
    t->weight = malloc((size_t)out * (size_t)t->stride * sizeof *t->weight);
    if (!t->first || !t->count || !t->weight)
        return false;
    for (int i = 0; i < out; i++) {
        double center = (i + 0.5) * step;
        int first = (int)(center - support + 0.5), end = (int)(center + support + 0.5);
        first = first < 0 ? 0 : first;
        end = end > in ? in : end;
        t->first[i] = first;
        t->count[i] = end - first;
        triangle(t->weight + (size_t)i * (size_t)t->stride, first, end - first, center, support);
    }
    return true;
}

/* Along one axis: `lines` lines, each with elements `step` apart that hold `run` bytes together. */
static void apply_taps(uint8_t *out, const uint8_t *in, const struct taps *t, int places, size_t lines,
                       size_t in_line, size_t out_line, size_t step, int run)
{
#pragma omp parallel for
    for (size_t line = 0; line < lines; line++) {
        for (int i = 0; i < places; i++) {
            const int32_t *weight = t->weight + (size_t)i * (size_t)t->stride;
            const uint8_t *from = in + line * in_line + (size_t)t->first[i] * step;
            for (int b = 0; b < run; b++) {
                int64_t sum = 1 << (WEIGHT_BITS - 1);
                for (int k = 0; k < t->count[i]; k++)
                    sum += (int64_t)weight[k] * from[k * step + (size_t)b];
                sum >>= WEIGHT_BITS;
                out[line * out_line + (size_t)i * step + (size_t)b] = (uint8_t)(sum > 255 ? 255 : sum);
            }
        }
    }
}

enum sm_status resample_bilinear(uint8_t *out, int oh, int ow, const uint8_t *in, int h, int w,
                                 int channels, struct sm_err *err)
{
    struct taps across = {0}, down = {0};
    size_t n = (size_t)channels;
    uint8_t *middle = malloc((size_t)h * (size_t)ow * n);
    bool ok = middle && taps_make(&across, w, ow) && taps_make(&down, h, oh);
    if (ok) {
        apply_taps(middle, in, &across, ow, (size_t)h, (size_t)w * n, (size_t)ow * n, n, channels);
        /* rows: every column is a line, its elements a whole row apart */
        apply_taps(out, middle, &down, oh, (size_t)ow, n, n, (size_t)ow * n, channels);
    }
    taps_free(&across);
    taps_free(&down);
    free(middle);
    return ok ? SM_OK : no_memory(err);
}

/* ---- cubic B-spline ---- */

/* Index into n samples mirrored about the first and the last. */
static int mirror(int i, int n)
{
    int period = 2 * n - 2;
    if (n == 1)
        return 0;
    i = abs(i) % period;
    return i < n ? i : period - i;
}

/* A line's samples to its B-spline coefficients, in place: one causal and one anticausal recursion. */
static void spline_coefficients(double *line, int n)
{
    const double pole = sqrt(3.0) - 2;
    if (n == 1)
        return;
    double sum = line[0], power = pole, last = pow(pole, n - 1);
    for (int i = 1; i < n - 1; i++) {
        sum += power * line[i];
        if (n < 64) /* past that the returning half is below rounding */
            sum += last * last / power * line[i];
        power *= pole;
    }
    sum += last * line[n - 1];
    line[0] = sum / (1 - last * last);
    for (int i = 1; i < n; i++)
        line[i] += pole * line[i - 1];
    line[n - 1] = pole / (pole * pole - 1) * (line[n - 1] + pole * line[n - 2]);
    for (int i = n - 2; i >= 0; i--)
        line[i] = pole * (line[i + 1] - line[i]);
    for (int i = 0; i < n; i++)
        line[i] *= 6;
}

static double spline_sample(const double *line, int n, double x)
{
    int base = (int)floor(x);
    double t = x - base, u = 1 - t;
    double weight[4] = {u * u * u / 6, (4 - 3 * t * t * (2 - t)) / 6, (4 - 3 * u * u * (2 - u)) / 6,
                        t * t * t / 6};
    double sum = 0;
    for (int k = 0; k < 4; k++)
        sum += weight[k] * line[mirror(base - 1 + k, n)];
    return sum;
}

/* Gaussian of the width that keeps a shrunk picture from aliasing; work holds n samples. */
static void smooth(double *line, double *work, int n, double sigma)
{
    int radius = (int)(4 * sigma + 0.5);
    double sum = 1;
    if (radius < 1)
        return;
    for (int k = 1; k <= radius; k++)
        sum += 2 * exp(-0.5 * k * k / (sigma * sigma));
    for (int i = 0; i < n; i++) {
        double value = line[i];
        for (int k = 1; k <= radius; k++)
            value += exp(-0.5 * k * k / (sigma * sigma)) *
                     (line[mirror(i - k, n)] + line[mirror(i + k, n)]);
        work[i] = value / sum;
    }
    memcpy(line, work, (size_t)n * sizeof *line);
}

/* All lines along one axis: gathered with a stride, smoothed, filtered, sampled at `out_n` places. */
static void spline_axis(double *out, const double *in, int n, int out_n, size_t lines,
                        size_t in_line, size_t out_line, size_t in_step, size_t out_step, double *work)
{
    double step = (double)n / out_n, sigma = step > 1 ? (step - 1) / 2 : 0;
    for (size_t line = 0; line < lines; line++) {
        double *samples = work, *spare = work + n;
        for (int i = 0; i < n; i++)
            samples[i] = in[line * in_line + (size_t)i * in_step];
        smooth(samples, spare, n, sigma);
        spline_coefficients(samples, n);
        for (int i = 0; i < out_n; i++)
            out[line * out_line + (size_t)i * out_step] =
                spline_sample(samples, n, (i + 0.5) * step - 0.5);
    }
}

/* The reference truncates; a hair is added so that rounding does not turn 100 into 99. */
static uint8_t to_byte(double value, double low, double high)
{
    value = value < low ? low : value > high ? high : value;
    return (uint8_t)(value + 1e-6);
}

enum sm_status resample_cubic(uint8_t *out, int oh, int ow, const uint8_t *in, int h, int w,
                              int channels, struct sm_err *err)
{
    size_t pixels = (size_t)h * (size_t)w, across = (size_t)h * (size_t)ow, n = (size_t)channels;
    size_t longest = (size_t)(h > w ? h : w), count = (size_t)oh * (size_t)ow;
    double *values = malloc((pixels + across + count + 2 * longest) * sizeof *values);
    if (!values)
        return no_memory(err);
    double *middle = values + pixels, *result = middle + across, *work = result + count;
    double low = 255, high = 0;
    for (size_t i = 0; i < pixels * n; i++) {
        low = in[i] < low ? in[i] : low;
        high = in[i] > high ? in[i] : high;
    }
    for (size_t c = 0; c < n; c++) {
        for (size_t i = 0; i < pixels; i++)
            values[i] = in[i * n + c];
        spline_axis(middle, values, w, ow, (size_t)h, (size_t)w, (size_t)ow, 1, 1, work);
        spline_axis(result, middle, h, oh, (size_t)ow, 1, 1, (size_t)ow, (size_t)ow, work);
        for (size_t i = 0; i < count; i++)
            out[i * n + c] = to_byte(result[i], low, high);
    }
    free(values);
    return SM_OK;
}
