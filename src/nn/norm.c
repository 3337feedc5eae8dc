#include <string.h>
#include "nn/nn.h"
#include "nn/parallel.h"
#include "nn/simd.h"

void nn_layer_norm(float *out, const float *x, const float *weight, const float *bias, int rows,
                   int n, float eps)
{
    const struct nn_simd *simd = nn_simd();
#pragma omp parallel for num_threads(threads_for((size_t)rows *n))
    for (int i = 0; i < rows; i++)
        simd->norm_row(out + (size_t)i * n, x + (size_t)i * n, weight, bias, n, eps);
}

/* Sums of short runs, then their sum: the error grows with the run, not with the picture. */
enum { MEAN_CHANNELS = 128, MEAN_RUN = 32 };

static void mean_of_channels(float *out, const float *x, int pixels, int n, int channels)
{
    const struct nn_simd *simd = nn_simd();
    float total[MEAN_CHANNELS] = {0}, run[MEAN_CHANNELS];
    for (int start = 0; start < pixels; start += MEAN_RUN) {
        int end = start + MEAN_RUN < pixels ? start + MEAN_RUN : pixels;
        memset(run, 0, sizeof(run));
        for (int i = start; i < end; i++)
            simd->add(run, x + (size_t)i * n, channels);
        simd->add(total, run, channels);
    }
    for (int c = 0; c < channels; c++)
        out[c] = total[c] / pixels;
}

void nn_mean_pixels(float *out, const float *x, int batch, int pixels, int n)
{
    int groups = (n + MEAN_CHANNELS - 1) / MEAN_CHANNELS;
#pragma omp parallel for num_threads(threads_for((size_t)batch *pixels *n))
    for (int task = 0; task < batch * groups; task++) {
        int picture = task / groups, first = task % groups * MEAN_CHANNELS;
        int channels = n - first < MEAN_CHANNELS ? n - first : MEAN_CHANNELS;
        mean_of_channels(out + (size_t)picture * n + first,
                         x + (size_t)picture * pixels * n + first, pixels, n, channels);
    }
}
