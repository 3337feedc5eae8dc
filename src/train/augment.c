#include "train/augment.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "train/augment_grey.h"

/* ---- geometry ---- */

enum { KNOTS = 5 }; /* of the displacement, along each side */

/* From pixel (x, y) of the new picture, relative to the centre, to the old one. */
struct map {
    double matrix[2][2];
    double knot[2][KNOTS][KNOTS]; /* displacement in pixels */
    bool bent, still;
};

static struct map draw_map(const struct example *in, const struct augmentation *how, struct rng *rng)
{
    struct map map = {.still = true};
    double angle = how->rotate_deg * rng_between(rng, -1, 1) * 3.14159265358979 / 180;
    double zoom = exp(log1p(how->scale) * rng_between(rng, -1, 1));
    double c = cos(angle) * zoom, s = sin(angle) * zoom;
    double x = rng_chance(rng, (float)how->flip) ? -1 : 1, y = rng_chance(rng, (float)how->flip) ? -1 : 1;
    bool swap = rng_chance(rng, (float)how->flip) && in->height == in->width;
    double turn[2][2] = {{c * x, -s * y}, {s * x, c * y}};
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            map.matrix[i][j] = turn[i][swap ? 1 - j : j];
    map.bent = how->elastic > 0;
    double reach = how->elastic * (in->height < in->width ? in->height : in->width) * rng_unit(rng);
    for (int i = 0; i < 2 * KNOTS * KNOTS; i++)
        (&map.knot[0][0][0])[i] = reach * rng_between(rng, -1, 1);
    map.still = how->rotate_deg == 0 && how->scale == 0 && !map.bent && x > 0 && y > 0 && !swap;
    return map;
}

/* Quadratic B-spline through the knots: smooth, and never beyond them. */
static double bend(const double knot[KNOTS][KNOTS], double u, double v)
{
    double x = u * (KNOTS - 2), y = v * (KNOTS - 2), sum = 0;
    int i0 = (int)fmin(x, KNOTS - 3), j0 = (int)fmin(y, KNOTS - 3);
    double tx = x - i0, ty = y - j0;
    double wx[3] = {(1 - tx) * (1 - tx) / 2, 0.5 + tx * (1 - tx), tx * tx / 2};
    double wy[3] = {(1 - ty) * (1 - ty) / 2, 0.5 + ty * (1 - ty), ty * ty / 2};
    for (int j = 0; j < 3; j++)
        for (int i = 0; i < 3; i++)
            sum += wx[i] * wy[j] * knot[j0 + j][i0 + i];
    return sum;
}

static void map_pixel(const struct map *map, const struct example *e, int x, int y, float xy[2])
{
    double cx = (e->width - 1) / 2.0, cy = (e->height - 1) / 2.0, dx = x - cx, dy = y - cy;
    double to_x = map->matrix[0][0] * dx + map->matrix[0][1] * dy;
    double to_y = map->matrix[1][0] * dx + map->matrix[1][1] * dy;
    if (map->bent) {
        double u = (x + 0.5) / e->width, v = (y + 0.5) / e->height;
        to_x += bend(map->knot[0], u, v);
        to_y += bend(map->knot[1], u, v);
    }
    xy[0] = (float)(cx + to_x);
    xy[1] = (float)(cy + to_y);
}

static bool inside(const struct example *e, const float xy[2])
{
    return xy[0] > -0.5f && xy[1] > -0.5f && xy[0] < (float)e->width - 0.5f &&
           xy[1] < (float)e->height - 0.5f;
}

/* Beyond the picture is what its edge is. */
static float interpolate(const struct example *e, const float xy[2], int channel)
{
    float x = fminf(fmaxf(xy[0], 0), (float)(e->width - 1)), y = fminf(fmaxf(xy[1], 0), (float)(e->height - 1));
    int x0 = (int)x, y0 = (int)y, x1 = x0 + (x0 < e->width - 1), y1 = y0 + (y0 < e->height - 1);
    float wx = x - (float)x0, wy = y - (float)y0;
    const uint8_t *g = e->grey + channel;
    size_t step = e->channels, top = (size_t)y0 * e->width, bottom = (size_t)y1 * e->width;
    return (1 - wy) * ((1 - wx) * g[(top + x0) * step] + wx * g[(top + x1) * step]) +
           wy * ((1 - wx) * g[(bottom + x0) * step] + wx * g[(bottom + x1) * step]);
}

static void warp(struct example *out, float *grey, const struct example *in, const struct map *map)
{
    size_t pixels = (size_t)in->height * in->width;
    for (size_t i = 0; i < pixels; i++) {
        float xy[2];
        map_pixel(map, in, (int)(i % in->width), (int)(i / in->width), xy);
        for (int c = 0; c < in->channels; c++)
            grey[i * in->channels + c] = interpolate(in, xy, c);
        size_t from = 0;
        bool real = inside(in, xy);
        if (real)
            from = (size_t)(int)(xy[1] + 0.5f) * in->width + (int)(xy[0] + 0.5f);
        for (int object = 0; object < in->objects; object++)
            out->masks[object * pixels + i] = real ? in->masks[object * pixels + from] : 0;
    }
}

static bool all_left(const struct example *out, const struct example *in)
{
    size_t pixels = (size_t)in->height * in->width;
    for (int i = 0; i < in->objects; i++)
        if (3 * mask_area(example_mask(out, i), pixels) < mask_area(example_mask(in, i), pixels))
            return false;
    return true;
}

static void keep(struct example *out, float *grey, const struct example *in)
{
    size_t pixels = (size_t)in->height * in->width;
    for (size_t i = 0; i < pixels * in->channels; i++)
        grey[i] = in->grey[i];
    memcpy(out->masks, in->masks, pixels * in->objects);
}

/* ---- all of it ---- */

enum sm_status augment(struct example *out, const struct example *in, const struct augmentation *how,
                       struct rng *rng, struct sm_err *err)
{
    size_t values = (size_t)in->height * in->width * in->channels;
    enum sm_status status = example_reserve(out, in->height, in->width, in->channels, in->objects, err);
    float *grey = malloc(2 * values * sizeof *grey);
    if (!status && !grey)
        status = sm_fail(err, SM_MEMORY, "out of memory");
    if (!status) {
        struct map map = draw_map(in, how, rng);
        if (!map.still)
            warp(out, grey, in, &map);
        if (map.still || !all_left(out, in))
            keep(out, grey, in);
        augment_grey(grey, grey + values, in->height, in->width, in->channels, how, rng);
        for (size_t i = 0; i < values; i++)
            out->grey[i] = (uint8_t)(fminf(fmaxf(grey[i], 0), 255) + 0.5f);
    }
    free(grey);
    return status;
}
