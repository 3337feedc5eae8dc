#include "train/cut.h"
#include <string.h>
#include "model/zoom.h"

/* Zooms drawn: about the one that is used, some nearer and some farther. */
static const double NEAREST = 2, FARTHEST = 3.5;
/* Of the part's pixels; smaller objects are left out. */
static const double SMALLEST = 0.004;

/* False: no pixel. */
static bool box_of(const uint8_t *mask, int height, int width, float box[4])
{
    int x0 = width, y0 = height, x1 = 0, y1 = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            if (mask[(size_t)y * width + x]) {
                x0 = x < x0 ? x : x0;
                y0 = y < y0 ? y : y0;
                x1 = x + 1 > x1 ? x + 1 : x1;
                y1 = y + 1;
            }
    box[0] = (float)x0;
    box[1] = (float)y0;
    box[2] = (float)x1;
    box[3] = (float)y1;
    return x1 > 0;
}

/* The region's pixels to the front: what is read always lies behind what is written, or is the same. */
static void cut_plane(uint8_t *to, const uint8_t *from, const struct region *r, int width, int channels)
{
    size_t row = (size_t)r->width * channels;
    for (int y = 0; y < r->height; y++)
        memmove(to + y * row, from + ((size_t)(r->y + y) * width + r->x) * channels, row);
}

static size_t area(const uint8_t *mask, size_t pixels)
{
    size_t sum = 0;
    for (size_t i = 0; i < pixels; i++)
        sum += mask[i];
    return sum;
}

void cut_example(struct example *e, struct rng *rng)
{
    struct region r;
    float box[4];
    int chosen = rng_int(rng, 0, e->objects - 1), kept = 0;
    double zoom = rng_between(rng, (float)NEAREST, (float)FARTHEST);
    if (!box_of(example_mask(e, chosen), e->height, e->width, box) || !zoom_region(&r, box, zoom, e->height, e->width))
        return;
    size_t pixels = (size_t)r.width * r.height;
    cut_plane(e->grey, e->grey, &r, e->width, e->channels);
    for (int i = 0; i < e->objects; i++) {
        uint8_t *to = e->masks + kept * pixels;
        cut_plane(to, example_mask(e, i), &r, e->width, 1);
        kept += i == chosen || (double)area(to, pixels) >= SMALLEST * (double)pixels;
    }
    e->width = r.width;
    e->height = r.height;
    e->objects = kept;
}
