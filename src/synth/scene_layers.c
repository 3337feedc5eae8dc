/* Layers under a flat probe, as ultrasound shows a limb: skin, fat, fasciae, muscles with fibres, vessels,
 * nerves, a bone with its shadow (the shadow is artefact.c's).
 */
#include "synth/field.h"
#include "synth/scene.h"

/* Layer by depth, its borders bent by one smooth field. */
static int put_layers(struct scene *scene, int *layers)
{
    struct rng *rng = &scene->rng;
    int side = scene->side, count = rng_int(rng, 2, 6);
    float depth[8] = {-2}, bend = rng_between(rng, 0.02f, 0.12f), fascia = rng_between(rng, 0.004f, 0.02f);
    for (int n = 0; n < count; n++) {
        layers[n] = scene_region(scene, 0, n == 0 ? SOFT : n == 1 ? FAT : SOFT, "layer", false);
        depth[n + 1] = depth[n] + (n == 0 ? rng_between(rng, 1.05f, 1.2f) : rng_log_between(rng, 0.15f, 0.9f));
    }
    int sheet = scene_region(scene, 0, BONE, "fascia", false);
    bool sheets = rng_chance(rng, 0.8f);
    field_octaves(scene->field, side, (float) side * 0.5f, 3, rng, scene->scratch, scene->sum);
    for (int p = 0; p < side * side; p++) {
        float y = scene->y[p] + bend * scene->field[p];
        int n = count - 1;
        while (n > 0 && y < depth[n])
            n--;
        scene->label[p] = (uint8_t) (sheets && n > 0 && y - depth[n] < fascia ? sheet : layers[n]);
    }
    return count;
}

/* A nerve: a bright sheath around dark bundles. */
static void put_nerve(struct scene *scene, float x, float y, float size)
{
    struct rng *rng = &scene->rng;
    struct shape outline = shape_blob(x, y, size, size * rng_between(rng, 0.35f, 1), 0.4f * rng_normal(rng),
                                      rng_between(rng, 0.03f, 0.15f), rng);
    int nerve = scene_region(scene, 0, rng_chance(rng, 0.7f) ? BONE : SOFT, "nerve", true);
    scene_paint(scene, nerve, &outline, EVERYWHERE);
    int bundles = scene_region(scene, nerve, FLUID, "bundles", false);
    for (int n = rng_int(rng, 0, 14); n > 0; n--) {
        float radius = size * rng_between(rng, 0.08f, 0.25f);
        struct shape bundle = shape_blob(x + 0.5f * outline.a * rng_normal(rng), y + 0.5f * outline.b * rng_normal(rng),
                                         radius, radius * 0.8f, 0, 0.08f, rng);
        scene_paint(scene, bundles, &bundle, nerve);
    }
}

static void put_round(struct scene *scene, float x, float y, float size)
{
    struct rng *rng = &scene->rng;
    struct shape outline = shape_blob(x, y, size, size * rng_between(rng, 0.4f, 1), 0.3f * rng_normal(rng),
                                      rng_between(rng, 0, 0.12f), rng);
    struct shape wall = shape_grown(&outline, size * rng_between(rng, 0.03f, 0.15f));
    int region = scene_region(scene, 0, BLOOD, "vessel", true);
    if (rng_chance(rng, 0.6f)) {
        int bright = scene_region(scene, 0, BONE, "wall", false);
        scene_paint(scene, bright, &wall, EVERYWHERE);
    }
    scene_paint(scene, region, &outline, EVERYWHERE);
    if (rng_chance(rng, 0.25f))
        scene_lesions(scene, region, x, y, size, 1);
}

static void put_mass(struct scene *scene, float x, float y, float size)
{
    struct rng *rng = &scene->rng;
    struct shape outline = shape_blob(x, y, size, size * rng_between(rng, 0.4f, 1), 0.4f * rng_normal(rng),
                                      rng_between(rng, 0.05f, 0.3f), rng);
    int region = scene_region(scene, 0, rng_chance(rng, 0.5f) ? FLUID : SOFT, "mass", true);
    scene_paint(scene, region, &outline, EVERYWHERE);
    scene_lesions(scene, region, x, y, size, 2);
}

/* Bright lines along the layers, short and long; most of a layer run alike, and some are faint. */
static void put_fibres(struct scene *scene, int layer)
{
    struct rng *rng = &scene->rng;
    int bright = scene_region(scene, layer, BONE, "fibres", false), faint = scene_region(scene, layer, SOFT, "faint fibres", false);
    float tilt = 0.2f * rng_normal(rng), spread = rng_between(rng, 0.02f, 0.15f), longest = rng_log_between(rng, 0.15f, 1.5f);
    for (int n = rng_int(rng, 0, 40); n > 0; n--) {
        struct shape line = shape_tube(rng_between(rng, -1.2f, 1), rng_between(rng, -1, 1), tilt + spread * rng_normal(rng),
                                       rng_log_between(rng, 0.05f, longest), rng_log_between(rng, 0.002f, 0.012f), 0.08f, rng);
        scene_paint(scene, rng_chance(rng, 0.6f) ? bright : faint, &line, layer);
    }
}

void scene_layers(struct scene *scene)
{
    static void (*const things[])(struct scene *, float, float, float) = {put_nerve, put_round, put_mass, put_round};
    struct rng *rng = &scene->rng;
    int layers[8];
    scene_view(scene, 1.5f);
    int count = put_layers(scene, layers);
    for (int n = 0; n < count; n++)
        put_fibres(scene, layers[n]);
    if (rng_chance(rng, 0.3f)) {
        struct shape edge = shape_tube(-0.8f, rng_between(rng, 0.2f, 0.9f), -0.1f, 1.6f, rng_between(rng, 0.01f, 0.03f), 0.1f, rng);
        scene_put(scene, layers[count - 1], &edge, BONE, "bone edge", false);
    }
    for (int n = rng_int(rng, 1, 7); n > 0; n--)
        things[rng_int(rng, 0, 3)](scene, rng_between(rng, -0.9f, 0.9f), rng_between(rng, -0.6f, 0.8f),
                                   rng_log_between(rng, 0.06f, 0.35f));
}
