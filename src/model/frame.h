/* model/frame.h - where a picture lies in the network's square of S x S pixels. */
#ifndef MODEL_FRAME_H
#define MODEL_FRAME_H

#include "sammed2d/model.h"

/* The picture fills the top left (height, width) of the square, stretched to fit. Only SM_RESIZE_SAM
 * leaves anything else, and pads it. */
struct frame {
    int height, width;
    double scale_x, scale_y; /* square pixels a picture pixel */
};

static inline struct frame frame_of(const struct sm_config *config, int height, int width)
{
    int size = config->image_size, longest = height > width ? height : width;
    struct frame f = {size, size, 0, 0};
    if (config->resize == SM_RESIZE_SAM) { /* ref: transforms.py get_preprocess_shape */
        double scale = size * 1.0 / longest;
        f.height = (int)(height * scale + 0.5);
        f.width = (int)(width * scale + 0.5);
        f.height = f.height > 0 ? f.height : 1; /* the reference fails on such a sliver */
        f.width = f.width > 0 ? f.width : 1;
    }
    f.scale_x = (double)f.width / width;
    f.scale_y = (double)f.height / height;
    return f;
}

/* ref: predictor_sammed.py apply_coords: in double, then rounded. */
static inline void frame_point(const struct frame *f, float out[2], const float xy[2])
{
    out[0] = (float)(xy[0] * f->scale_x);
    out[1] = (float)(xy[1] * f->scale_y);
}
#endif
