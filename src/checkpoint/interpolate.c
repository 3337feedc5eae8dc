#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "checkpoint/interpolate.h"

enum interpolation interpolation_of(const char *name,
                                    bool (*global_block)(void *context, int block), void *context)
{
    int block;
    char axis, more;
    if (strcmp(name, "image_encoder.pos_embed") == 0)
        return INTERPOLATE_SIDES;
    if (sscanf(name, "image_encoder.blocks.%d.attn.rel_pos_%c%c", &block, &axis, &more) != 2 ||
        (axis != 'h' && axis != 'w'))
        return INTERPOLATE_NEVER;
    return !global_block || global_block(context, block) ? INTERPOLATE_ROWS : INTERPOLATE_NEVER;
}

/* Where destination index `to` looks: index low and low + 1 (or low again at the end), weight of
 * the second. The step is rounded to float and the position is not, which is what the PyTorch that
 * made the golden file did: on rows of 127 a position rounded to float moves a weight by 4e-6. */
struct place {
    int low, high;
    float weight;
};

static struct place place_of(int to, int size, int from_size)
{
    float scale = (float)from_size / (float)size;
    double at = (double)scale * (to + 0.5) - 0.5;
    if (at < 0)
        at = 0;
    int low = (int)at;
    if (low > from_size - 1)
        low = from_size - 1;
    return (struct place){low, low < from_size - 1 ? low + 1 : low, (float)(at - low)};
}

void interpolate_bilinear(float *out, int oh, int ow, const float *in, int h, int w, int channels)
{
    size_t row = (size_t)w * (size_t)channels, n = (size_t)channels;
    for (int y = 0; y < oh; y++) {
        struct place py = place_of(y, oh, h);
        const float *top = in + (size_t)py.low * row, *bottom = in + (size_t)py.high * row;
        for (int x = 0; x < ow; x++) {
            struct place px = place_of(x, ow, w);
            size_t left = (size_t)px.low * n, right = (size_t)px.high * n;
            for (size_t c = 0; c < n; c++)
                *out++ = (1 - py.weight) *
                             ((1 - px.weight) * top[left + c] + px.weight * top[right + c]) +
                         py.weight *
                             ((1 - px.weight) * bottom[left + c] + px.weight * bottom[right + c]);
        }
    }
}
