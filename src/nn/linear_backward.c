#include <string.h>
#include "nn/nn_backward.h"
#include "nn/parallel.h"
#include "nn/simd.h"

/* Sums of short runs, then their sum, as nn_mean_pixels: the error grows with the run. */
enum { SUM_CHANNELS = 128, SUM_RUN = 32 };

static void add_sum_of_channels(float *out, const float *x, int rows, int n, int channels)
{
    const struct nn_simd *simd = nn_simd();
    float total[SUM_CHANNELS] = {0}, run[SUM_CHANNELS];
    for (int start = 0; start < rows; start += SUM_RUN) {
        int end = start + SUM_RUN < rows ? start + SUM_RUN : rows;
        memset(run, 0, sizeof(run));
        for (int i = start; i < end; i++)
            simd->add(run, x + (size_t)i * n, channels);
        simd->add(total, run, channels);
    }
    simd->add(out, total, channels);
}

void nn_add_sum_of_rows(float *out, const float *x, int rows, int n)
{
#pragma omp parallel for num_threads(threads_for((size_t)rows *n))
    for (int first = 0; first < n; first += SUM_CHANNELS)
        add_sum_of_channels(out + first, x + first, rows, n,
                            n - first < SUM_CHANNELS ? n - first : SUM_CHANNELS);
}

void nn_linear_backward(float *d_x, float *d_w, float *d_bias, const float *d_out, const float *x,
                        const float *w, int rows, int k, int n)
{
    if (d_x)
        nn_gemm(d_x, k, d_out, n, false, w, k, false, rows, k, n, 1.0f, 0.0f);
    if (d_w)
        nn_gemm(d_w, k, d_out, n, true, x, k, false, n, k, rows, 1.0f, 1.0f);
    if (d_bias)
        nn_add_sum_of_rows(d_bias, d_out, rows, n);
}
