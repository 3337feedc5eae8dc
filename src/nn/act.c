#include <string.h>
#include "nn/nn.h"
#include "nn/parallel.h"
#include "nn/simd.h"

/* Long arrays are cut into pieces of this many floats. */
enum { PIECE = 1 << 13 };

static inline size_t piece_length(size_t start, size_t count)
{
    return count - start < PIECE ? count - start : PIECE;
}

static void each_piece(void (*loop)(float *x, size_t count), float *x, size_t count)
{
#pragma omp parallel for num_threads(threads_for(count))
    for (size_t i = 0; i < count; i += PIECE)
        loop(x + i, piece_length(i, count));
}

void nn_gelu(float *x, size_t count)
{
    each_piece(nn_simd()->gelu, x, count);
}

void nn_relu(float *x, size_t count)
{
    each_piece(nn_simd()->relu, x, count);
}

void nn_sigmoid(float *x, size_t count)
{
    each_piece(nn_simd()->sigmoid, x, count);
}

void nn_add(float *x, const float *y, size_t count)
{
    const struct nn_simd *simd = nn_simd();
#pragma omp parallel for num_threads(threads_for(count))
    for (size_t i = 0; i < count; i += PIECE)
        simd->add(x + i, y + i, piece_length(i, count));
}

void nn_sum(float *out, const float *x, const float *y, size_t count)
{
    const struct nn_simd *simd = nn_simd();
#pragma omp parallel for num_threads(threads_for(count))
    for (size_t i = 0; i < count; i += PIECE) {
        memcpy(out + i, x + i, piece_length(i, count) * sizeof(float));
        simd->add(out + i, y + i, piece_length(i, count));
    }
}

void nn_softmax(float *x, int rows, int n)
{
    const struct nn_simd *simd = nn_simd();
#pragma omp parallel for num_threads(threads_for((size_t)rows *n))
    for (int i = 0; i < rows; i++) {
        float *row = x + (size_t)i * n;
        float sum = simd->exp_sum(row, n);
        simd->scale(row, row, 1.0f / sum, n);
    }
}

void nn_softmax_columns(float *x, int ld, int rows, int n)
{
    enum { COLUMNS = 512 };
    const struct nn_simd *simd = nn_simd();
#pragma omp parallel for num_threads(threads_for((size_t)rows *n))
    for (int i = 0; i < n; i += COLUMNS)
        simd->softmax_columns(x + i, (size_t)ld, rows, n - i < COLUMNS ? n - i : COLUMNS);
}

void nn_add_rows(float *out, const float *x, const float *row, int rows, int n)
{
    const struct nn_simd *simd = nn_simd();
#pragma omp parallel for num_threads(threads_for((size_t)rows *n))
    for (int i = 0; i < rows; i++) {
        float *to = out + (size_t)i * n;
        if (out != x)
            memcpy(to, x + (size_t)i * n, (size_t)n * sizeof(float));
        simd->add(to, row, n);
    }
}

void nn_bias_gelu(float *x, const float *bias, int rows, int n)
{
    const struct nn_simd *simd = nn_simd();
#pragma omp parallel for num_threads(threads_for((size_t)rows *n))
    for (int i = 0; i < rows; i++)
        simd->bias_gelu(x + (size_t)i * n, bias, n);
}

void nn_scale_rows(float *out, const float *x, const float *row, int rows, int n)
{
    const struct nn_simd *simd = nn_simd();
#pragma omp parallel for num_threads(threads_for((size_t)rows *n))
    for (int i = 0; i < rows; i++)
        simd->multiply(out + (size_t)i * n, x + (size_t)i * n, row, n);
}
