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
    field_octaves(scene->field, side, (float)side * 0.5f, 3, rng, scene->scratch, scene->sum);
    for (int p = 0; p < side * side; p++) {
        float y = scene->y[p] + bend * scene->field[p];
        int n = count - 1;
        while (n > 0 && y < depth[n])
            n--;
        scene->label[p] = (uint8_t)(sheets && n > 0 && y - depth[n] < fascia ? sheet : layers[n]);
    }
    return count;
}

struct blob_range {
    float flattest, tilt;      /* least ratio of the half axes; standard deviation of the angle */
    float smoothest, roughest; /* wobble */
};

static struct shape any_blob(struct rng *rng, float x, float y, float size, struct blob_range range)
{
    float flat = rng_between(rng, range.flattest, 1), angle = range.tilt * rng_normal(rng);
    float wobble = rng_between(rng, range.smoothest, range.roughest);
    return shape_blob(x, y, size, size * flat, angle, wobble, rng);
}

/* Short bright lines about across the beam, as what lies flat in an organ throws back. */
static void put_streaks(struct scene *scene, int region, const struct shape *outline)
{
    struct rng *rng = &scene->rng;
    int bright = scene_region(scene, region, BONE, "streaks", false), count = rng_int(rng, 4, 30);
    float size = fmaxf(outline->a, outline->b), thick = size * rng_log_between(rng, 0.015f, 0.06f), tilt = 0.2f * rng_normal(rng);
    for (; count > 0; count--) {
        float x = outline->x + size * rng_between(rng, -1, 0.8f), y = outline->y + size * rng_between(rng, -1, 1);
        float length = size * rng_log_between(rng, 0.1f, 0.6f), angle = tilt + 0.3f * rng_normal(rng);
        struct shape line = shape_tube(x, y, angle, length, thick, 0.15f, rng);
        scene_paint(scene, bright, &line, region);
    }
}

/* A nerve: a bright sheath around dark bundles, or bright lines on the dark. */
static void put_nerve(struct scene *scene, float x, float y, float size)
{
    struct rng *rng = &scene->rng;
    struct shape outline = any_blob(rng, x, y, size, (struct blob_range){0.35f, 0.4f, 0, 0.12f});
    int nerve = scene_region(scene, 0, rng_chance(rng, 0.7f) ? BONE : SOFT, "nerve", true);
    scene_paint(scene, nerve, &outline, EVERYWHERE);
    int bundles = scene_region(scene, nerve, FLUID, "bundles", false);
    for (int n = rng_int(rng, 0, 14); n > 0; n--) {
        float radius = size * rng_between(rng, 0.08f, 0.25f);
        float bundle_x = x + 0.5f * outline.a * rng_normal(rng), bundle_y = y + 0.5f * outline.b * rng_normal(rng);
        struct shape bundle = shape_blob(bundle_x, bundle_y, radius, radius * 0.8f, 0, 0.08f, rng);
        scene_paint(scene, bundles, &bundle, nerve);
    }
    if (rng_chance(rng, 0.6f))
        put_streaks(scene, nerve, &outline);
}

static void put_round(struct scene *scene, float x, float y, float size)
{
    struct rng *rng = &scene->rng;
    struct shape outline = any_blob(rng, x, y, size, (struct blob_range){0.5f, 0.3f, 0, 0.1f});
    struct shape wall = shape_grown(&outline, size * rng_between(rng, 0.03f, 0.15f));
    int region = scene_region(scene, 0, BLOOD, "vessel", true);
    if (rng_chance(rng, 0.4f)) {
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
    struct shape outline = any_blob(rng, x, y, size, (struct blob_range){0.4f, 0.4f, 0.05f, 0.3f});
    int region = scene_region(scene, 0, rng_chance(rng, 0.5f) ? FLUID : SOFT, "mass", true);
    scene_paint(scene, region, &outline, EVERYWHERE);
    scene_lesions(scene, region, x, y, size, 2);
}

/* Vessels and nerves that touch, as they run through a limb together. */
static void put_bundle(struct scene *scene, float x, float y, float size)
{
    struct rng *rng = &scene->rng;
    for (int n = rng_int(rng, 2, 5); n > 0; n--) {
        float next = size * rng_log_between(rng, 0.5f, 1.4f), far = 0.8f * (size + next), angle = rng_between(rng, 0, turn);
        (rng_chance(rng, 0.5f) ? put_nerve : put_round)(scene, x, y, size);
        x += far * cosf(angle);
        y += far * sinf(angle);
        size = next;
    }
}

/* Bright lines along the layers, short and long; most of a layer run alike, and some are faint. */
static void put_fibres(struct scene *scene, int layer)
{
    struct rng *rng = &scene->rng;
    int bright = scene_region(scene, layer, BONE, "fibres", false), faint = scene_region(scene, layer, SOFT, "faint fibres", false);
    float tilt = 0.2f * rng_normal(rng), spread = rng_between(rng, 0.02f, 0.15f), longest = rng_log_between(rng, 0.15f, 1.5f);
    for (int n = rng_int(rng, 0, rng_chance(rng, 0.5f) ? 120 : 30); n > 0; n--) {
        float x = rng_between(rng, -1.2f, 1), y = rng_between(rng, -1, 1), angle = tilt + spread * rng_normal(rng);
        float length = rng_log_between(rng, 0.05f, longest), radius = rng_log_between(rng, 0.002f, 0.012f);
        struct shape line = shape_tube(x, y, angle, length, radius, 0.08f, rng);
        scene_paint(scene, rng_chance(rng, 0.6f) ? bright : faint, &line, layer);
    }
}

void scene_layers(struct scene *scene)
{
    static void (*const things[])(struct scene *, float, float, float) = {put_nerve, put_round, put_mass, put_bundle};
    struct rng *rng = &scene->rng;
    int layers[8];
    scene_view(scene, 1.5f);
    int count = put_layers(scene, layers);
    for (int n = 0; n < count; n++)
        put_fibres(scene, layers[n]);
    if (rng_chance(rng, 0.3f)) {
        float depth = rng_between(rng, 0.2f, 0.9f);
        struct shape edge = shape_tube(-0.8f, depth, -0.1f, 1.6f, rng_between(rng, 0.01f, 0.03f), 0.1f, rng);
        scene_put(scene, layers[count - 1], &edge, BONE, "bone edge", false);
    }
    for (int n = rng_int(rng, 1, 7); n > 0; n--) {
        float x = rng_between(rng, -0.9f, 0.9f), y = rng_between(rng, -0.6f, 0.8f), size = rng_log_between(rng, 0.1f, 0.45f);
        things[rng_int(rng, 0, 3)](scene, x, y, size);
    }
}
