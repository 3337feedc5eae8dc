#include <math.h>
#include <string.h>
#include "nn/between.h"
#include "nn/nn.h"
#include "nn/parallel.h"
#include "nn/simd.h"

void nn_nearest_index(int *index, int src, int dst)
{
    double step = 1.0 / ((double)dst / src);
    for (int x = 0; x < dst; x++) {
        int at = (int)floor(x * step);
        index[x] = at < src ? at : src - 1;
    }
}

void nn_resize_bilinear(float *out, int oh, int ow, int ld_out, const float *x, int h, int w,
                        int ld_x)
{
    float scale_y = (float)h / oh, scale_x = (float)w / ow;
#pragma omp parallel for num_threads(threads_for((size_t)oh *ow))
    for (int oy = 0; oy < oh; oy++) {
        struct between y = between_at(oy, scale_y, h);
        const float *top = x + (size_t)y.low * ld_x, *bottom = x + (size_t)y.high * ld_x;
        float *line = out + (size_t)oy * ld_out;
#pragma omp simd
        for (int ox = 0; ox < ow; ox++) {
            struct between c = between_at(ox, scale_x, w);
            float above = (1.0f - c.weight) * top[c.low] + c.weight * top[c.high];
            float below = (1.0f - c.weight) * bottom[c.low] + c.weight * bottom[c.high];
            line[ox] = (1.0f - y.weight) * above + y.weight * below;
        }
    }
}

void nn_transpose(float *out, const float *x, int rows, int columns)
{
    enum { TILE = 16 };
#pragma omp parallel for num_threads(threads_for((size_t)rows *columns))
    for (int i0 = 0; i0 < rows; i0 += TILE)
        for (int j0 = 0; j0 < columns; j0 += TILE)
            for (int i = i0; i < i0 + TILE && i < rows; i++)
                for (int j = j0; j < j0 + TILE && j < columns; j++)
                    out[(size_t)j * rows + i] = x[(size_t)i * columns + j];
}
