/* A trunk or a limb, cut across: skin, fat, muscles, ribs and spine, lungs or belly with organs in it. */
#include "synth/scene.h"

static const float turn = 6.2831853f;

/* The table, a cushion, a cable: outside the body, and nobody asks for them. */
static void put_things(struct scene *scene)
{
    struct rng *rng = &scene->rng;
    int things = scene_region(scene, 0, rng_chance(rng, 0.5f) ? FAT : BONE, "thing", false);
    for (int n = rng_int(rng, 0, 3); n > 0; n--) {
        struct shape bar = shape_tube(-1, rng_between(rng, 0.75f, 1), rng_between(rng, -0.1f, 0.1f), 2.2f,
                                      rng_between(rng, 0.004f, 0.02f), 0.05f, rng);
        scene_paint(scene, things, &bar, 0);
    }
}

static void put_spine(struct scene *scene, float y)
{
    struct rng *rng = &scene->rng;
    float size = rng_between(rng, 0.1f, 0.17f);
    struct shape body = shape_blob(0, y, size * 1.2f, size, 0, 0.04f, rng);
    struct shape inner = shape_grown(&body, -size * rng_between(rng, 0.08f, 0.25f));
    struct shape arch = shape_blob(0, y + 1.45f * size, 0.75f * size, 0.6f * size, 0, 0.05f, rng);
    struct shape canal = shape_grown(&arch, -size * rng_between(rng, 0.1f, 0.22f));
    struct shape cord = shape_grown(&canal, -0.35f * canal.b);
    struct shape spike = shape_tube(0, y + 1.9f * size, 0.25f * turn, 1.4f * size, 0.2f * size, 0.1f, rng);
    struct shape left = shape_tube(0.6f * size, y + 1.3f * size, 0.1f * turn, 1.5f * size, 0.2f * size, 0.2f, rng);
    struct shape right = shape_tube(-0.6f * size, y + 1.3f * size, 0.4f * turn, 1.5f * size, 0.2f * size, 0.2f, rng);
    int bone = scene_region(scene, 0, BONE, "vertebra", true);
    const struct shape *parts[] = {&spike, &left, &right, &arch, &body};
    for (int n = 0; n < 5; n++)
        scene_paint(scene, bone, parts[n], EVERYWHERE);
    scene_put(scene, bone, &inner, MARROW, "marrow", false);
    int fluid = scene_put(scene, bone, &canal, FLUID, "canal", true);
    scene->region[fluid].parent = 0;
    scene_put(scene, fluid, &cord, SOFT, "cord", true);
}

static void put_ribs(struct scene *scene, int wall, float a, float b)
{
    struct rng *rng = &scene->rng;
    float from = rng_between(rng, 0, turn);
    int count = rng_int(rng, 5, 14);
    for (int n = 0; n < count; n++) {
        float angle = from + turn * ((float) n + rng_between(rng, -0.3f, 0.3f)) / (float) count;
        float x = a * cosf(angle), y = b * sinf(angle), along = atan2f(b * cosf(angle), -a * sinf(angle));
        struct shape rib = shape_tube(x, y, along, rng_between(rng, 0.06f, 0.3f), rng_between(rng, 0.015f, 0.032f), 0.12f, rng);
        struct shape marrow = shape_grown(&rib, -0.012f);
        int bone = scene_put(scene, wall, &rib, BONE, "rib", true);
        scene_put(scene, bone, &marrow, MARROW, "marrow", false);
    }
}

/* Two by two beside the spine, and here and there in the wall. */
static void put_muscles(struct scene *scene, int over, float y)
{
    struct rng *rng = &scene->rng;
    for (int pair = rng_int(rng, 1, 3); pair > 0; pair--) {
        float x = rng_between(rng, 0.15f, 0.4f), at = y + rng_between(rng, -0.15f, 0.35f);
        float a = rng_between(rng, 0.08f, 0.18f), b = rng_between(rng, 0.06f, 0.14f), angle = rng_normal(rng) / 3;
        struct shape left = shape_blob(x, at, a, b, angle, 0.1f, rng), right = shape_blob(-x, at, a, b, -angle, 0.1f, rng);
        scene_put(scene, over, &left, SOFT, "muscle", true);
        scene_put(scene, over, &right, SOFT, "muscle", true);
    }
}

/* A thin wall around air. */
static void put_airway(struct scene *scene, int over, float x, float y, float angle, float length, float radius)
{
    struct rng *rng = &scene->rng;
    struct shape tube = shape_tube(x, y, angle, length, radius, 0.15f, rng);
    struct shape lumen = shape_grown(&tube, -radius * rng_between(rng, 0.15f, 0.4f));
    int airway = scene_put(scene, over, &tube, SOFT, "airway", true);
    scene_put(scene, airway, &lumen, AIR, "airway lumen", true);
}

/* Above the carina the trachea, cut across; below it the main bronchi, cut along. */
static void put_trachea(struct scene *scene, int cavity, float a, float b)
{
    struct rng *rng = &scene->rng;
    float y = b * rng_between(rng, -0.3f, 0.2f), radius = a * rng_between(rng, 0.06f, 0.12f);
    bool trachea = rng_chance(rng, 0.5f);
    if (trachea)
        put_airway(scene, cavity, 0, y, 0, 0.3f * radius, radius);
    for (int lung_side = -1; lung_side <= 1 && !trachea; lung_side += 2)
        put_airway(scene, cavity, (float)lung_side * radius, y, rng_between(rng, 0.1f, 0.7f) + (lung_side < 0 ? turn / 4 : 0),
                   a * rng_between(rng, 0.2f, 0.4f), 0.7f * radius);
}

static void put_lungs(struct scene *scene, int cavity, float a, float b)
{
    struct rng *rng = &scene->rng;
    for (int lung_side = -1; lung_side <= 1; lung_side += 2) {
        float x = (float) lung_side * a * rng_between(rng, 0.48f, 0.56f), y = -0.05f * b;
        struct shape outline = shape_blob(x, y, 0.42f * a, 0.82f * b, 0.1f * (float) lung_side, 0.06f, rng);
        int lung = scene_put(scene, cavity, &outline, LUNG, "lung", true);
        if (rng_chance(rng, 0.5f)) { /* lobes, told apart by a thin fissure at most */
            struct shape lobe = shape_grown(&outline, 0.01f);
            shape_cut(&lobe, rng);
            int part = scene_put(scene, lung, &lobe, LUNG, "lobe", true);
            scene->region[part].like_parent = true;
            scene_vessels(scene, part, x, y, 0.5f * b, rng_int(rng, 3, 12));
        }
        scene_vessels(scene, lung, x, y, 0.6f * b, rng_int(rng, 5, 25));
        for (int n = rng_int(rng, 0, 3); n > 0; n--)
            put_airway(scene, lung, x * rng_between(rng, 0.5f, 1.2f), b * rng_between(rng, -0.5f, 0.4f), rng_between(rng, 0, turn),
                       b * rng_between(rng, 0.05f, 0.4f), a * rng_log_between(rng, 0.015f, 0.06f));
        scene_lesions(scene, lung, x, y, 0.3f * b, 2);
    }
}

static void put_chest(struct scene *scene, int cavity, float a, float b)
{
    put_lungs(scene, cavity, a, b);
    put_trachea(scene, cavity, a, b);
}

/* Wall and content; the content may be gas above fluid. */
static void put_hollow(struct scene *scene, int over, const struct shape *outline, float wall)
{
    struct rng *rng = &scene->rng;
    struct shape lumen = shape_grown(outline, -wall);
    int organ = scene_put(scene, over, outline, SOFT, "hollow organ", true);
    int content = scene_put(scene, organ, &lumen, rng_chance(rng, 0.5f) ? FLUID : GAS_AND_FOOD, "content", rng_chance(rng, 0.5f));
    if (!outline->knots && rng_chance(rng, 0.3f)) {
        struct shape gas = lumen;
        gas.cut = true;
        gas.cut_u = outline->sine;
        gas.cut_v = outline->cosine;
        gas.cut_at = rng_between(rng, -0.5f, 0.3f) * outline->b;
        scene_put(scene, content, &gas, AIR, "gas", false);
    }
}

static void put_kidney(struct scene *scene, int over, const struct shape *outline)
{
    struct shape medulla = shape_grown(outline, -0.25f * outline->b), pelvis = shape_grown(outline, -0.6f * outline->b);
    int kidney = scene_put(scene, over, outline, SOFT, "kidney", true);
    int inner = scene_put(scene, kidney, &medulla, SOFT, "medulla", false);
    scene_put(scene, inner, &pelvis, rng_chance(&scene->rng, 0.5f) ? FLUID : FAT, "pelvis", false);
    scene_lesions(scene, kidney, outline->x, outline->y, outline->a, 2);
}

static void put_organ(struct scene *scene, int over, float a, float b)
{
    struct rng *rng = &scene->rng;
    float far = sqrtf(rng_unit(rng)) * 0.85f, angle = rng_between(rng, 0, turn);
    float x = a * far * cosf(angle), y = b * far * sinf(angle), size = rng_log_between(rng, 0.05f, 0.4f);
    struct shape outline = shape_blob(x, y, size, size * rng_between(rng, 0.4f, 1), rng_between(rng, 0, turn),
                                      rng_between(rng, 0.02f, 0.2f), rng);
    float kind = rng_unit(rng);
    if (kind < 0.15f) {
        outline = shape_tube(x, y, angle, size * 4, rng_between(rng, 0.03f, 0.09f), 0.5f, rng);
        put_hollow(scene, over, &outline, rng_between(rng, 0.005f, 0.025f));
    } else if (kind < 0.3f) {
        put_hollow(scene, over, &outline, rng_between(rng, 0.008f, 0.04f));
    } else if (kind < 0.42f) {
        put_kidney(scene, over, &outline);
    } else {
        int organ = scene_put(scene, over, &outline, SOFT, "organ", true);
        if (rng_chance(rng, 0.5f))
            scene_vessels(scene, organ, x, y, size, rng_int(rng, 1, 7));
        scene_lesions(scene, organ, x, y, size, 3);
    }
}

static void put_vessel(struct scene *scene, int over, float x, float y, float radius)
{
    struct rng *rng = &scene->rng;
    struct shape outline = shape_blob(x, y, radius, radius * rng_between(rng, 0.7f, 1), rng_between(rng, 0, turn), 0.03f, rng);
    int vessel = scene_put(scene, over, &outline, BLOOD, "vessel", true);
    if (rng_chance(rng, 0.2f)) {
        struct shape plaque = shape_blob(x + 0.8f * radius, y, 0.3f * radius, 0.15f * radius, 0, 0.1f, rng);
        scene_put(scene, vessel, &plaque, BONE, "plaque", false);
    }
}

void scene_trunk(struct scene *scene)
{
    struct rng *rng = &scene->rng;
    scene_view(scene, 5);
    float a = rng_between(rng, 0.75f, 1), b = a * rng_between(rng, 0.6f, 0.95f);
    float fat = rng_log_between(rng, 0.02f, 0.18f), wall = rng_log_between(rng, 0.03f, 0.14f);
    struct shape skin = shape_blob(0, 0, a, b, 0, 0.03f, rng), under = shape_grown(&skin, -0.012f);
    struct shape flesh = shape_grown(&skin, -fat), room = shape_grown(&flesh, -wall);
    put_things(scene);
    int outside = scene_region(scene, 0, SOFT, "skin", false);
    scene_paint(scene, outside, &skin, EVERYWHERE);
    int layer = scene_put(scene, outside, &under, FAT, "fat", false);
    int muscle = scene_put(scene, layer, &flesh, SOFT, "wall", false);
    int cavity = scene_put(scene, muscle, &room, rng_chance(rng, 0.7f) ? FAT : SOFT, "cavity", false);
    float spine_y = room.b * rng_between(rng, 0.5f, 0.75f);
    bool chest = rng_chance(rng, 0.35f);
    if (chest)
        put_chest(scene, cavity, room.a, room.b);
    put_ribs(scene, muscle, room.a + 0.4f * wall, room.b + 0.4f * wall);
    put_muscles(scene, cavity, spine_y);
    put_muscles(scene, muscle, spine_y);
    put_spine(scene, spine_y);
    for (int n = rng_int(rng, 1, 4); n > 0; n--)
        put_vessel(scene, cavity, rng_between(rng, -0.2f, 0.2f), spine_y - rng_between(rng, 0.15f, 0.35f), rng_between(rng, 0.025f, 0.07f));
    for (int n = chest ? rng_int(rng, 1, 4) : rng_int(rng, 4, 16); n > 0; n--)
        put_organ(scene, cavity, room.a, room.b);
    for (int n = rng_int(rng, 0, 8); n > 0; n--)
        put_vessel(scene, cavity, rng_between(rng, -0.6f, 0.6f) * room.a, rng_between(rng, -0.7f, 0.7f) * room.b, rng_between(rng, 0.008f, 0.035f));
}
