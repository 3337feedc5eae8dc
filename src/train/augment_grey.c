#include "train/augment_grey.h"
#include <math.h>
#include <string.h>

enum { TABLE = 256 };

/* window, gamma, contrast, brightness and inversion are one curve. */
static void draw_curve(float curve[TABLE], const struct augmentation *how, struct rng *rng)
{
    float low = 255 * rng_unit(rng) * (float)how->window, high = 255 - 255 * rng_unit(rng) * (float)how->window;
    float by = (float)how->intensity;
    float gamma = expf(by * rng_between(rng, -1, 1)), contrast = 1 + by * rng_between(rng, -1, 1);
    float brightness = 128 * by * rng_between(rng, -1, 1);
    bool invert = rng_chance(rng, (float)how->invert);
    for (int i = 0; i < TABLE; i++) {
        float x = fminf(fmaxf(((float)i - low) / (high - low), 0), 1);
        x = powf(invert ? 1 - x : x, gamma);
        curve[i] = (x * 255 - 127.5f) * contrast + 127.5f + brightness;
    }
}

static void apply_curve(float *grey, size_t count, const float curve[TABLE])
{
    for (size_t i = 0; i < count; i++) {
        float x = fminf(fmaxf(grey[i], 0), 254.999f);
        int at = (int)x;
        grey[i] = curve[at] + (x - (float)at) * (curve[at + 1] - curve[at]);
    }
}

/* Along one axis: `length` values `step` apart, the edge repeated. */
static void blur_line(float *out, const float *in, int length, size_t step, const float *weights, int reach)
{
    for (int i = 0; i < length; i++) {
        float sum = 0;
        for (int k = -reach; k <= reach; k++) {
            int at = i + k < 0 ? 0 : i + k >= length ? length - 1 : i + k;
            sum += weights[k < 0 ? -k : k] * in[at * step];
        }
        out[i * step] = sum;
    }
}

static void blur(float *grey, float *scratch, int height, int width, int channels, float sigma)
{
    enum { MOST = 16 };
    float weights[MOST + 1], sum = 0;
    int reach = (int)fminf(ceilf(3 * sigma), MOST);
    for (int k = 0; k <= reach; k++) {
        weights[k] = expf(-(float)(k * k) / (2 * sigma * sigma));
        sum += k ? 2 * weights[k] : weights[k];
    }
    for (int k = 0; k <= reach; k++)
        weights[k] /= sum;
    size_t line = (size_t)width * channels;
    for (int y = 0; y < height; y++)
        for (int c = 0; c < channels; c++)
            blur_line(scratch + y * line + c, grey + y * line + c, width, channels, weights, reach);
    for (size_t x = 0; x < line; x++)
        blur_line(grey + x, scratch + x, height, line, weights, reach);
}

/* Each 2 x 2 pixels become their mean. */
static void halve_resolution(float *grey, int height, int width, int channels)
{
    for (int y = 0; y + 1 < height; y += 2)
        for (int x = 0; x + 1 < width; x += 2)
            for (int c = 0; c < channels; c++) {
                float *a = grey + ((size_t)y * width + x) * channels + c;
                float *b = a + channels, *d = a + (size_t)width * channels, *e = d + channels;
                *a = *b = *d = *e = (*a + *b + *d + *e) / 4;
            }
}

void augment_grey(float *grey, float *scratch, int height, int width, int channels,
                  const struct augmentation *how, struct rng *rng)
{
    size_t count = (size_t)height * width * channels;
    float curve[TABLE], sigma = (float)how->blur * rng_unit(rng);
    bool blurred = rng_chance(rng, 0.5f), coarse = rng_chance(rng, (float)how->low_resolution);
    if (how->window > 0 || how->intensity > 0 || how->invert > 0) {
        draw_curve(curve, how, rng);
        apply_curve(grey, count, curve);
    }
    if (blurred && sigma > 0.1f)
        blur(grey, scratch, height, width, channels, sigma);
    if (coarse)
        halve_resolution(grey, height, width, channels);
    float noise = 255 * (float)how->noise * rng_unit(rng);
    for (size_t i = 0; i < count && noise > 0; i++)
        grey[i] += noise * rng_normal(rng);
}
