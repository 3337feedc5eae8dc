#include "train/cut.h"
#include <string.h>
#include "dataset/extent.h"
#include "model/zoom.h"

/* Zooms drawn: about the one that is used, some nearer and some farther. */
static const double NEAREST = 2, FARTHEST = 3.5;
/* Of the part's pixels; smaller objects are left out. */
static const double SMALLEST = 0.004;

/* The region's pixels to the front: what is read always lies behind what is written, or is the same. */
static void cut_plane(uint8_t *to, const uint8_t *from, const struct region *r, int width, int channels)
{
    size_t row = (size_t)r->width * channels;
    for (int y = 0; y < r->height; y++)
        memmove(to + y * row, from + ((size_t)(r->y + y) * width + r->x) * channels, row);
}

void cut_example(struct example *e, struct rng *rng)
{
    struct region r;
    float box[4];
    int chosen = rng_int(rng, 0, e->objects - 1), kept = 0;
    double zoom = rng_between(rng, (float)NEAREST, (float)FARTHEST);
    if (!mask_extent(example_mask(e, chosen), e->height, e->width, box) || !zoom_region(&r, box, zoom, e->height, e->width))
        return;
    size_t pixels = (size_t)r.width * r.height;
    cut_plane(e->grey, e->grey, &r, e->width, e->channels);
    for (int i = 0; i < e->objects; i++) {
        uint8_t *to = e->masks + kept * pixels;
        cut_plane(to, example_mask(e, i), &r, e->width, 1);
        kept += i == chosen || (double)mask_area(to, pixels) >= SMALLEST * (double)pixels;
    }
    e->width = r.width;
    e->height = r.height;
    e->objects = kept;
}
