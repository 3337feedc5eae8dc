/* train/example.h - one picture with its objects, as it is drawn from the data, and as the network sees it. */
#ifndef TRAIN_EXAMPLE_H
#define TRAIN_EXAMPLE_H

#include "sammed2d/model.h"

struct example {
    int height, width, channels; /* 1 or 3 */
    uint8_t *grey;               /* (height, width, channels), owned */
    int objects;
    uint8_t *masks;              /* (objects, height, width): 1 inside; owned */
    size_t grey_room, mask_room; /* bytes allocated */
};

/* Makes room, keeping what is allocated where it is enough; contents are undefined. */
enum sm_status example_reserve(struct example *example, int height, int width, int channels, int objects,
                               struct sm_err *err);
void example_free(struct example *example); /* also of a zeroed struct */
static inline uint8_t *example_mask(const struct example *example, int object)
{
    return example->masks + (size_t)object * example->height * example->width;
}

/* Pixels inside a mask. */
static inline size_t mask_area(const uint8_t *mask, size_t pixels)
{
    size_t sum = 0;
    for (size_t i = 0; i < pixels; i++)
        sum += mask[i];
    return sum;
}

/* SAM-Med2D reads pictures as BGR, and puts those smaller than the square in its middle, unscaled. */
struct example_quirks {
    bool bgr, centre_small;
};

/* out (S, S, 3): the picture normalised as inference does it. */
enum sm_status example_picture(const struct example *example, const struct sm_config *config,
                               struct example_quirks quirks, float *out, struct sm_err *err);
/* out (S, S): where the square shows the object, 0 or 1; nearest, as the picture. SM_MEMORY. */
enum sm_status example_target(const struct example *example, const struct sm_config *config,
                              struct example_quirks quirks, int object, uint8_t *out, struct sm_err *err);

#endif
