#include <math.h>
#include "model/frame.h"
#include "model/model_internal.h"
#include "nn/nn.h"

/* ref: predictor_sammed.py postprocess_masks; sam.py's cuts the padding off in between. */
void sm_upsample(const struct sm_config *config, const float *low_res, int height, int width,
                 float *logits, float *scratch)
{
    int side = sm_low_res_side(config), size = config->image_size;
    struct frame f = frame_of(config, height, width);
    nn_resize_bilinear(scratch, size, size, size, low_res, side, side, side);
    nn_resize_bilinear(logits, height, width, width, scratch, f.height, f.width, size);
}

/* Mean of line[0..n) over [from, to), counting the parts of cells. */
struct span {
    int first, last;          /* cells touched */
    double head, tail, whole; /* weight of the first and the last cell; length of the span */
};

static struct span span_of(int place, double cells_a_place, int n)
{
    double from = place * cells_a_place, to = (place + 1) * cells_a_place;
    struct span s = {.first = (int)floor(from), .last = (int)ceil(to) - 1, .whole = to - from};
    if (s.last > n - 1)
        s.last = n - 1;
    if (s.first > s.last)
        s.first = s.last;
    s.head = s.first + 1 - from;
    s.tail = to - s.last;
    if (s.first == s.last)
        s.head = s.tail = s.whole;
    return s;
}

static double span_weight(const struct span *s, int cell)
{
    return cell == s->first ? s->head : cell == s->last ? s->tail : 1;
}

static float area_mean(const float *mask, int width, const struct span *down,
                       const struct span *across)
{
    double sum = 0;
    for (int y = down->first; y <= down->last; y++) {
        double row = 0;
        for (int x = across->first; x <= across->last; x++)
            row += span_weight(across, x) * mask[(size_t)y * (size_t)width + (size_t)x];
        sum += span_weight(down, y) * row;
    }
    return (float)(sum / (down->whole * across->whole));
}

void sm_mask_to_low_res(const struct sm_config *config, const float *mask, int height, int width,
                        float *low_res)
{
    int side = sm_low_res_side(config);
    struct frame f = frame_of(config, height, width);
    double step = (double)config->image_size / side; /* square pixels a low-res cell */
    float outside = 0;                               /* padding is background: 0, or the lowest logit */
    for (size_t i = 0; i < (size_t)height * (size_t)width; i++)
        outside = mask[i] < outside ? mask[i] : outside;
    for (int y = 0; y < side; y++) {
        struct span down = span_of(y, step / f.scale_y, height);
        for (int x = 0; x < side; x++) {
            struct span across = span_of(x, step / f.scale_x, width);
            bool padding = y * step >= f.height || x * step >= f.width;
            low_res[y * side + x] = padding ? outside : area_mean(mask, width, &down, &across);
        }
    }
}
