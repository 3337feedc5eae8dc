#include <string.h>
#include "synth/field.h"

/* Weights of the four knots around a place `t` of the way between the middle two. */
static void spline(float weights[4], float t)
{
    float u = 1 - t;
    weights[0] = u * u * u / 6;
    weights[1] = (3 * t * t * t - 6 * t * t + 4) / 6;
    weights[2] = (3 * u * u * u - 6 * u * u + 4) / 6;
    weights[3] = t * t * t / 6;
}

/* Splines shrink the knots' variance; this many standard deviations of the knots give one of the field. */
static const float shrinkage = 1 / 0.4794f;

void field_smooth(float *out, int side, float cell_px, struct rng *rng, float *scratch)
{
    float cell = fmaxf(cell_px, 2), shift_x = rng_unit(rng), shift_y = rng_unit(rng), weights[4];
    int knots = (int)((float)(side - 1) / cell + 1) + 4;
    float *rows = scratch; /* (knots, side): each row of knots already spread along x */
    for (int k = 0; k < knots; k++) {
        float line[1024 / 2 + 8];
        for (int n = 0; n < knots; n++)
            line[n] = rng_normal(rng) * shrinkage;
        for (int x = 0; x < side; x++) {
            float at = (float)x / cell + shift_x;
            int n = (int)at;
            spline(weights, at - (float)n);
            rows[k * side + x] = weights[0] * line[n] + weights[1] * line[n + 1] +
                                 weights[2] * line[n + 2] + weights[3] * line[n + 3];
        }
    }
    for (int y = 0; y < side; y++) {
        float at = (float)y / cell + shift_y;
        const float *row = rows + (size_t)(int)at * (size_t)side;
        spline(weights, at - floorf(at));
        for (int x = 0; x < side; x++)
            out[y * side + x] = weights[0] * row[x] + weights[1] * row[side + x] +
                                weights[2] * row[2 * side + x] + weights[3] * row[3 * side + x];
    }
}

void field_octaves(float *out, int side, float cell_px, int octaves, struct rng *rng, float *scratch, float *sum)
{
    float height = 1;
    memset(sum, 0, (size_t)side * (size_t)side * sizeof *sum);
    for (int n = 0; n < octaves; n++, height /= 2, cell_px /= 2) {
        field_smooth(out, side, cell_px, rng, scratch);
        for (int p = 0; p < side * side; p++)
            sum[p] += height * out[p];
    }
    memcpy(out, sum, (size_t)side * (size_t)side * sizeof *sum);
}

void field_white(float *out, int side, struct rng *rng)
{
    for (int p = 0; p < side * side; p++)
        out[p] = rng_normal(rng);
}

enum { MAX_RADIUS = 48 };

static int gauss(float taps[2 * MAX_RADIUS + 1], float sigma)
{
    int radius = (int)ceilf(3 * sigma);
    float total = 0;
    if (radius > MAX_RADIUS)
        radius = MAX_RADIUS;
    for (int n = -radius; n <= radius; n++)
        total += taps[n + radius] = expf(-0.5f * (float)(n * n) / (sigma * sigma));
    for (int n = 0; n <= 2 * radius; n++)
        taps[n] /= total;
    return radius;
}

static int within(int at, int side)
{
    return at < 0 ? 0 : at >= side ? side - 1 : at;
}

static void blur_columns(float *x, int side, float sigma, float *scratch)
{
    float taps[2 * MAX_RADIUS + 1];
    int radius = gauss(taps, sigma);
    for (int row = 0; row < side; row++) {
        float *out = scratch + (size_t)row * (size_t)side;
        memset(out, 0, (size_t)side * sizeof *out);
        for (int n = -radius; n <= radius; n++) {
            const float *from = x + (size_t)within(row + n, side) * (size_t)side;
            for (int column = 0; column < side; column++)
                out[column] += taps[n + radius] * from[column];
        }
    }
    memcpy(x, scratch, (size_t)side * (size_t)side * sizeof *x);
}

static void blur_rows(float *x, int side, float sigma)
{
    float taps[2 * MAX_RADIUS + 1], line[1024 + 2 * MAX_RADIUS];
    int radius = gauss(taps, sigma);
    for (int row = 0; row < side; row++, x += side) {
        for (int n = -radius; n < side + radius; n++)
            line[n + radius] = x[within(n, side)];
        memset(x, 0, (size_t)side * sizeof *x);
        for (int n = 0; n <= 2 * radius; n++)
            for (int column = 0; column < side; column++)
                x[column] += taps[n] * line[column + n];
    }
}

void field_blur(float *x, int side, float sigma_x_px, float sigma_y_px, float *scratch)
{
    if (sigma_x_px > 0.1f)
        blur_rows(x, side, sigma_x_px);
    if (sigma_y_px > 0.1f)
        blur_columns(x, side, sigma_y_px, scratch);
}
