#include <string.h>
#include "nn/nn_backward.h"
#include "nn/parallel.h"
#include "nn/simd.h"

/* Long arrays are cut into pieces of this many floats. */
enum { PIECE = 1 << 13 };

static void each_piece(void (*loop)(float *d, const float *x, size_t count), float *d, const float *x,
                       size_t count)
{
#pragma omp parallel for num_threads(threads_for(count))
    for (size_t i = 0; i < count; i += PIECE)
        loop(d + i, x + i, count - i < PIECE ? count - i : PIECE);
}

void nn_gelu_backward(float *d, const float *x, size_t count)
{
    each_piece(nn_simd()->gelu_backward, d, x, count);
}

void nn_relu_backward(float *d, const float *y, size_t count)
{
    each_piece(nn_simd()->relu_backward, d, y, count);
}

void nn_sigmoid_backward(float *d, const float *y, size_t count)
{
    for (size_t i = 0; i < count; i++)
        d[i] *= y[i] * (1.0f - y[i]);
}

void nn_softmax_backward(float *d, const float *y, int rows, int n)
{
    const struct nn_simd *simd = nn_simd();
#pragma omp parallel for num_threads(threads_for((size_t)rows *n))
    for (int i = 0; i < rows; i++)
        simd->softmax_backward(d + (size_t)i * n, y + (size_t)i * n, n);
}

void nn_softmax_columns_backward(float *d, const float *y, int ld, int rows, int n)
{
    enum { COLUMNS = 256 };
    const struct nn_simd *simd = nn_simd();
    for (int first = 0; first < n; first += COLUMNS) {
        int columns = n - first < COLUMNS ? n - first : COLUMNS;
        float sum[COLUMNS] = {0};
        for (int i = 0; i < rows; i++)
            simd->multiply_add(sum, d + (size_t)i * ld + first, y + (size_t)i * ld + first, columns);
        for (int i = 0; i < rows; i++) {
            float *row = d + (size_t)i * ld + first;
            simd->add_scaled(row, sum, -1.0f, columns);
            simd->multiply(row, row, y + (size_t)i * ld + first, columns);
        }
    }
}

void nn_scale_rows_backward(float *d_x, float *d_row, const float *d_out, const float *x, const float *row,
                            int rows, int n)
{
    enum { CHANNELS = 128 };
    const struct nn_simd *simd = nn_simd();
#pragma omp parallel for num_threads(threads_for((size_t)rows *n))
    for (int first = 0; first < n; first += CHANNELS) {
        int channels = n - first < CHANNELS ? n - first : CHANNELS;
        memset(d_row + first, 0, channels * sizeof(float));
        for (int i = 0; i < rows; i++) {
            size_t at = (size_t)i * n + first;
            simd->multiply_add(d_row + first, d_out + at, x + at, channels);
            simd->multiply(d_x + at, d_out + at, row + first, channels);
        }
    }
}
