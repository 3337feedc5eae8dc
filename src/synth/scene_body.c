/* What cuts across a body have in common: skin and fat, muscles, hollow and solid organs, vessels. */
#include "synth/scene_body.h"

/* The table, a cushion, a cable: outside the body, and nobody asks for them. */
static void put_things(struct scene *scene)
{
    struct rng *rng = &scene->rng;
    int things = scene_region(scene, 0, rng_chance(rng, 0.5f) ? FAT : BONE, "thing", false);
    for (int n = rng_int(rng, 0, 3); n > 0; n--) {
        float y = rng_between(rng, 0.75f, 1), angle = rng_between(rng, -0.1f, 0.1f);
        struct shape bar = shape_tube(-1, y, angle, 2.2f, rng_between(rng, 0.004f, 0.02f), 0.05f, rng);
        scene_paint(scene, things, &bar, 0);
    }
}

struct body body_outline(struct scene *scene, float a, float b)
{
    struct rng *rng = &scene->rng;
    struct body body;
    float fat = rng_log_between(rng, 0.02f, 0.18f);
    struct shape skin = shape_blob(0, 0, a, b, 0, 0.03f, rng), under = shape_grown(&skin, -0.012f);
    body.flesh = shape_grown(&skin, -fat);
    put_things(scene);
    body.skin = scene_region(scene, 0, SOFT, "skin", false);
    scene_paint(scene, body.skin, &skin, EVERYWHERE);
    body.fat = scene_put(scene, body.skin, &under, FAT, "fat", false);
    return body;
}

void body_muscles(struct scene *scene, int over, float y)
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

/* Wall and content; the content may be gas above fluid. Where the wall is thick, as a heart's, it alone may be asked for. */
static void put_hollow(struct scene *scene, int over, const struct shape *outline, float wall)
{
    struct rng *rng = &scene->rng;
    bool thick = !outline->knots && rng_chance(rng, 0.3f);
    struct shape lumen = shape_grown(outline, thick ? -outline->b * rng_between(rng, 0.15f, 0.5f) : -wall);
    int organ = scene_put(scene, over, outline, SOFT, "hollow organ", true);
    enum tissue inside = rng_chance(rng, 0.5f) ? FLUID : GAS_AND_FOOD;
    int content = scene_put(scene, organ, &lumen, inside, "content", rng_chance(rng, 0.5f));
    scene->region[content].parent = thick ? over : organ;
    if (rng_chance(rng, 0.3f)) {
        struct shape gas = lumen; /* of a loop of bowel, what lies in front */
        float high = outline->knots ? 0.5f * outline->reach : outline->b;
        gas.cut = true;
        gas.cut_u = outline->sine;
        gas.cut_v = outline->cosine;
        gas.cut_at = rng_between(rng, -0.5f, 0.3f) * high;
        scene_put(scene, content, &gas, AIR, "gas", false);
    }
}

/* Cortex around medulla around the pelvis. Fat of the sinus counts as kidney or not, and may reach out at one side. */
static void put_kidney(struct scene *scene, int over, const struct shape *outline)
{
    struct rng *rng = &scene->rng;
    struct shape medulla = shape_grown(outline, -0.25f * outline->b), sinus = shape_grown(outline, -0.6f * outline->b);
    int kidney = scene_put(scene, over, outline, SOFT, "kidney", true);
    scene_put(scene, kidney, &medulla, SOFT, "medulla", false);
    float out = outline->b * rng_between(rng, 0, 0.7f), angle = rng_between(rng, 0, turn);
    sinus.x += out * cosf(angle);
    sinus.y += out * sinf(angle);
    int hilum = scene_put(scene, scene_since(kidney), &sinus, rng_chance(rng, 0.5f) ? FLUID : FAT, "sinus", false);
    scene->region[hilum].parent = rng_chance(rng, 0.5f) ? kidney : over;
    scene_lesions(scene, kidney, outline->x, outline->y, outline->a, 2);
}

/* As a pancreas: long, bent, of uneven thickness. */
static void put_lobed(struct scene *scene, int over, float x, float y, float angle, float size)
{
    struct rng *rng = &scene->rng;
    float uneven = rng_between(rng, 0, 0.7f), bend = rng_between(rng, 0.1f, 0.5f);
    struct shape outline = shape_tube(x, y, angle, size * 4, rng_between(rng, 0.04f, 0.12f), bend, rng);
    for (int n = 0; n < outline.knots; n++)
        outline.radius[n] *= 1 - uneven * rng_unit(rng);
    scene_put(scene, over, &outline, SOFT, "long organ", true);
}

void body_organ(struct scene *scene, int over, float a, float b)
{
    struct rng *rng = &scene->rng;
    float far = sqrtf(rng_unit(rng)) * 0.85f, angle = rng_between(rng, 0, turn);
    float x = a * far * cosf(angle), y = b * far * sinf(angle), size = rng_log_between(rng, 0.05f, 0.4f);
    float flat = rng_between(rng, 0.4f, 1), tilt = rng_between(rng, 0, turn), wobble = rng_between(rng, 0.02f, 0.2f);
    struct shape outline = shape_blob(x, y, size, size * flat, tilt, wobble, rng);
    float kind = rng_unit(rng);
    if (kind < 0.15f) {
        outline = shape_tube(x, y, angle, size * 4, rng_log_between(rng, 0.03f, 0.13f), 0.5f, rng);
        put_hollow(scene, over, &outline, rng_between(rng, 0.005f, 0.025f));
    } else if (kind < 0.3f) {
        put_hollow(scene, over, &outline, rng_between(rng, 0.008f, 0.04f));
    } else if (kind < 0.42f) {
        put_kidney(scene, over, &outline);
    } else if (kind < 0.52f) {
        put_lobed(scene, over, x, y, angle, size);
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
    float flat = rng_between(rng, 0.7f, 1);
    struct shape outline = shape_blob(x, y, radius, radius * flat, rng_between(rng, 0, turn), 0.03f, rng);
    int vessel = scene_put(scene, over, &outline, BLOOD, "vessel", true);
    if (rng_chance(rng, 0.2f)) {
        struct shape plaque = shape_blob(x + 0.8f * radius, y, 0.3f * radius, 0.15f * radius, 0, 0.1f, rng);
        scene_put(scene, vessel, &plaque, BONE, "plaque", false);
    }
}

void body_vessels(struct scene *scene, int over, int count, struct bounds within, float least, float most)
{
    struct rng *rng = &scene->rng;
    for (; count > 0; count--) {
        float x = rng_between(rng, within.low_x, within.high_x), y = rng_between(rng, within.low_y, within.high_y);
        put_vessel(scene, over, x, y, rng_between(rng, least, most));
    }
}
