/* Layouts without anatomy: a mosaic of smooth cells, and shapes of every kind on a ground. */
#include "synth/field.h"
#include "synth/scene.h"

static enum tissue any_tissue(struct rng *rng)
{
    return (enum tissue)rng_int(rng, AIR, TISSUES - 1);
}

/* Each pixel belongs to the highest of several smooth fields (SynthMorph's label maps). */
void scene_mosaic(struct scene *scene)
{
    struct rng *rng = &scene->rng;
    int side = scene->side, cells = rng_int(rng, 3, 14), pixels = side * side;
    float cell_px = (float)side * rng_log_between(rng, 0.08f, 0.5f);
    scene_view(scene, 1);
    float *highest = scene->x; /* places are of no use here */
    for (int n = 0; n < cells; n++) {
        int region = scene_region(scene, 0, any_tissue(rng), "cell", true);
        float lift = 0.4f * rng_normal(rng);
        field_smooth(scene->field, side, cell_px * rng_between(rng, 0.7f, 1.4f), rng, scene->scratch);
        for (int p = 0; p < pixels; p++)
            if (n == 0 || scene->field[p] + lift > highest[p]) {
                highest[p] = scene->field[p] + lift;
                scene->label[p] = (uint8_t)region;
            }
    }
    float far = (float)side * rng_between(rng, 0.35f, 0.5f), middle = 0.5f * (float)side;
    if (rng_chance(rng, 0.4f)) /* only inside a disc: a head, a limb */
        for (int p = 0; p < pixels; p++)
            if (hypotf((float)(p % side) - middle, (float)(p / side) - middle) > far)
                scene->label[p] = 0;
}

static struct shape any_shape(struct rng *rng, float size)
{
    float x = rng_between(rng, -0.95f, 0.95f), y = rng_between(rng, -0.95f, 0.95f);
    float angle = rng_between(rng, 0, turn), flat = rng_log_between(rng, 0.3f, 1);
    float length = rng_between(rng, 2, 6), radius = rng_between(rng, 0.15f, 0.4f);
    if (rng_chance(rng, 0.2f))
        return shape_tube(x, y, angle, size * length, size * radius, 0.4f, rng);
    float wobble = rng_chance(rng, 0.3f) ? 0 : rng_between(rng, 0, 0.3f);
    struct shape shape = shape_blob(x, y, size, size * flat, angle, wobble, rng);
    if (rng_chance(rng, 0.25f))
        shape.hollow = rng_between(rng, 0.3f, 0.85f);
    if (rng_chance(rng, 0.15f))
        shape_cut(&shape, rng);
    return shape;
}

void scene_shapes(struct scene *scene)
{
    struct rng *rng = &scene->rng;
    scene_view(scene, 2);
    int ground = scene_region(scene, 0, any_tissue(rng), "ground", false);
    struct shape all = shape_blob(0, 0, rng_chance(rng, 0.5f) ? 4 : rng_between(rng, 0.7f, 1), 4, 0, 0, rng);
    scene_paint(scene, ground, &all, EVERYWHERE);
    for (int n = rng_int(rng, 3, 18); n > 0; n--) {
        float size = rng_log_between(rng, 0.06f, 0.5f);
        struct shape shape = any_shape(rng, size);
        int over = rng_chance(rng, 0.5f) ? ground : EVERYWHERE;
        int region = scene_region(scene, ground, any_tissue(rng), "shape", true);
        scene->region[region].like = rng_chance(rng, 0.3f) ? ground : 0;
        for (int parts = rng_chance(rng, 0.2f) ? rng_int(rng, 2, 4) : 1; parts > 0; parts--) {
            scene_paint(scene, region, &shape, over);
            shape = any_shape(rng, size);
        }
        if (rng_chance(rng, 0.3f))
            scene_lesions(scene, region, shape.x, shape.y, size, 2);
    }
}
