#include <string.h>
#include "nn/nn_backward.h"
#include "nn/parallel.h"
#include "nn/simd.h"

/* Parts that the rows are cut into, each with its own sums of the gradients by weight and bias. */
enum { PARTS = 32, FEWEST_ROWS = 16 };

static int rows_a_part(int rows)
{
    int even = (rows + PARTS - 1) / PARTS;
    return even > FEWEST_ROWS ? even : FEWEST_ROWS;
}

static int parts_of(int rows)
{
    return (rows + rows_a_part(rows) - 1) / rows_a_part(rows);
}

size_t nn_layer_norm_backward_scratch(int rows, int n)
{
    return (size_t)parts_of(rows) * 2 * n;
}

void nn_layer_norm_backward(float *d_x, float *d_weight, float *d_bias, const float *d_out, const float *x,
                            const float *weight, int rows, int n, float eps, float *scratch)
{
    const struct nn_simd *simd = nn_simd();
    int parts = parts_of(rows), once = rows_a_part(rows);
#pragma omp parallel for num_threads(threads_for((size_t)rows *n))
    for (int part = 0; part < parts; part++) {
        float *sums = scratch + (size_t)part * 2 * n;
        int end = (part + 1) * once < rows ? (part + 1) * once : rows;
        memset(sums, 0, 2 * n * sizeof(float));
        for (int i = part * once; i < end; i++) {
            size_t at = (size_t)i * n;
            simd->norm_row_backward(d_x + at, d_weight ? sums : NULL, d_bias ? sums + n : NULL, d_out + at,
                                    x + at, weight, n, eps);
        }
    }
    for (int part = 0; part < parts && d_weight; part++)
        simd->add(d_weight, scratch + (size_t)part * 2 * n, n);
    for (int part = 0; part < parts && d_bias; part++)
        simd->add(d_bias, scratch + (size_t)part * 2 * n + n, n);
}

void nn_mean_pixels_backward(float *d_x, const float *d_out, int batch, int pixels, int n)
{
    const struct nn_simd *simd = nn_simd();
#pragma omp parallel for num_threads(threads_for((size_t)batch *pixels *n))
    for (int i = 0; i < batch * pixels; i++)
        simd->add_scaled(d_x + (size_t)i * n, d_out + (size_t)(i / pixels) * n, 1.0f / pixels, n);
}
