#include <string.h>
#include "nn/between.h"
#include "nn/nn_backward.h"
#include "nn/simd.h"

/* Lines first, in long vectors, then the few lines left along their columns. */
void nn_resize_bilinear_backward(float *d_x, int h, int w, const float *d_out, int oh, int ow,
                                 float *scratch)
{
    const struct nn_simd *simd = nn_simd();
    float scale_y = (float)h / oh, scale_x = (float)w / ow;
    memset(scratch, 0, (size_t)h * ow * sizeof(float));
    for (int oy = 0; oy < oh; oy++) {
        struct between y = between_at(oy, scale_y, h);
        const float *line = d_out + (size_t)oy * ow;
        simd->add_scaled(scratch + (size_t)y.low * ow, line, 1.0f - y.weight, ow);
        simd->add_scaled(scratch + (size_t)y.high * ow, line, y.weight, ow);
    }
    memset(d_x, 0, (size_t)h * w * sizeof(float));
    for (int ox = 0; ox < ow; ox++) {
        struct between x = between_at(ox, scale_x, w);
        for (int y = 0; y < h; y++) {
            float d = scratch[(size_t)y * ow + ox];
            d_x[(size_t)y * w + x.low] += (1.0f - x.weight) * d;
            d_x[(size_t)y * w + x.high] += x.weight * d;
        }
    }
}
