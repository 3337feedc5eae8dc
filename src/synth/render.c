/* Values for regions: tissue, texture, partial volume. */
#include <string.h>
#include "synth/field.h"
#include "synth/picture.h"

struct look {
    float mean, grain, patch; /* standard deviations of fine and of broad texture */
    float slope_x, slope_y;   /* a gradient across the region, a scene unit */
};

/* Low and high mean of each tissue in CT, in units of 1000 HU. */
static const float ct_means[TISSUES][2] = {
    [AIR] = {-1, -1}, [LUNG] = {-0.92f, -0.7f}, [FAT] = {-0.13f, -0.07f}, [SOFT] = {0.02f, 0.09f},
    [FLUID] = {-0.01f, 0.03f}, [BLOOD] = {0.03f, 0.4f}, [BONE] = {0.25f, 1.4f}, [MARROW] = {0.08f, 0.4f},
    [GAS_AND_FOOD] = {-0.9f, 0.3f},
};

/* In MR any tissue may have any grey, but air and cortical bone are dark. One draw a tissue: regions of one
 * tissue look alike, give or take `own`. */
static void draw_greys(float grey[TISSUES], enum device device, struct rng *rng)
{
    for (int tissue = 0; tissue < TISSUES; tissue++)
        grey[tissue] = rng_between(rng, 0.05f, 1);
    if (device == MR && rng_chance(rng, 0.85f)) {
        grey[AIR] = rng_between(rng, 0, 0.05f);
        grey[BONE] = rng_between(rng, 0, 0.2f);
        grey[LUNG] = rng_between(rng, 0, 0.15f);
    }
    if (device == ULTRASOUND && rng_chance(rng, 0.85f)) {
        grey[BLOOD] = rng_between(rng, 0, 0.12f);
        grey[FLUID] = rng_between(rng, 0, 0.2f);
        grey[BONE] = rng_between(rng, 0.6f, 1);
        grey[SOFT] = rng_log_between(rng, 0.06f, 0.5f);
        grey[FAT] = rng_log_between(rng, 0.08f, 0.7f);
        grey[AIR] = 0;
    }
}

static float mean_of(const struct region *region, enum device device, const float grey[TISSUES], float own,
                     struct rng *rng)
{
    const float *ct = ct_means[region->tissue];
    if (device == CT)
        return rng_between(rng, ct[0], ct[1]);
    if (device == ANYTHING)
        return rng_unit(rng);
    return fmaxf(0, grey[region->tissue] + own * rng_normal(rng));
}

static void draw_looks(struct look *looks, const struct scene *scene, enum device device, struct rng *rng)
{
    float grey[TISSUES], own = rng_between(rng, 0.02f, 0.2f), faint = device == CT ? 0.02f : 0.07f;
    float grain = (device == CT ? 0.01f : 0.06f) * rng_unit(rng), patch = (device == CT ? 0.015f : 0.1f) * rng_unit(rng);
    draw_greys(grey, device, rng);
    for (int n = 0; n < scene->regions; n++) {
        const struct region *region = &scene->region[n];
        struct look *look = &looks[n];
        look->mean = mean_of(region, device, grey, own, rng);
        if (region->like)
            look->mean = looks[region->like].mean + faint * rng_normal(rng);
        bool empty = region->tissue == AIR && device != ANYTHING;
        look->grain = empty ? 0 : grain * rng_between(rng, 0, 2);
        look->patch = empty ? 0 : patch * rng_between(rng, 0, 2);
        if (region->tissue == GAS_AND_FOOD)
            look->patch = device == CT ? 0.3f : 0.3f * rng_unit(rng);
        look->slope_x = empty ? 0 : 0.5f * patch * rng_normal(rng);
        look->slope_y = empty ? 0 : 0.5f * patch * rng_normal(rng);
    }
}

void render(float *values, struct scene *scene, enum device device)
{
    struct rng *rng = &scene->rng;
    struct look looks[MAX_REGIONS];
    int side = scene->side, pixels = side * side;
    draw_looks(looks, scene, device, rng);
    for (int p = 0; p < pixels; p++) {
        const struct look *look = &looks[scene->label[p]];
        values[p] = look->mean + look->slope_x * scene->x[p] + look->slope_y * scene->y[p];
    }
    field_octaves(scene->field, side, rng_log_between(rng, 6, 60), 3, rng, scene->scratch, scene->sum);
    for (int p = 0; p < pixels; p++)
        values[p] += looks[scene->label[p]].patch * scene->field[p];
    field_white(scene->field, side, rng);
    float fine = rng_between(rng, 0, 1.5f);
    field_blur(scene->field, side, fine, fine, scene->scratch);
    float gain = 1 + 2.5f * fine; /* blurring takes that much from white noise, about */
    for (int p = 0; p < pixels; p++)
        values[p] += gain * looks[scene->label[p]].grain * scene->field[p];
    float edge = rng_log_between(rng, 0.3f, 1.6f); /* partial volume */
    field_blur(values, side, edge, edge, scene->scratch);
}

void render_plain(float *values, struct scene *scene)
{
    struct rng *rng = &scene->rng;
    float grey[MAX_REGIONS];
    int side = scene->side, pixels = side * side;
    for (int n = 0; n < scene->regions; n++)
        grey[n] = rng_unit(rng);
    for (int p = 0; p < pixels; p++)
        values[p] = grey[scene->label[p]];
    float edge = rng_log_between(rng, 0.3f, 1.2f);
    field_blur(values, side, edge, edge, scene->scratch);
}
