/* A trunk or a limb, cut across: skin, fat, muscles, ribs and spine, lungs or belly with organs in it. */
#include "synth/scene_body.h"

/* Where the cut leaves a vertebra's body, the disc shows in it, and a rim or a crescent of bone is left. */
static void put_disc(struct scene *scene, int bone, const struct shape *body)
{
    struct rng *rng = &scene->rng;
    struct shape outline = shape_grown(body, -body->b * rng_between(rng, 0, 0.4f));
    outline.x += 0.1f * body->a * rng_normal(rng);
    outline.y += 0.2f * body->b * rng_normal(rng);
    int disc = scene_put(scene, bone, &outline, SOFT, "disc", true);
    scene->region[disc].parent = 0;
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
    if (rng_chance(rng, 0.35f))
        put_disc(scene, bone, &body);
    int fluid = scene_put(scene, scene_since(bone), &canal, FLUID, "canal", true);
    scene_put(scene, fluid, &cord, SOFT, "cord", true);
}

static void put_ribs(struct scene *scene, int wall, float a, float b)
{
    struct rng *rng = &scene->rng;
    float from = rng_between(rng, 0, turn);
    int count = rng_int(rng, 5, 14);
    for (int n = 0; n < count; n++) {
        float angle = from + turn * ((float)n + rng_between(rng, -0.3f, 0.3f)) / (float)count;
        float x = a * cosf(angle), y = b * sinf(angle), along = atan2f(b * cosf(angle), -a * sinf(angle));
        float length = rng_between(rng, 0.06f, 0.3f), radius = rng_between(rng, 0.015f, 0.032f);
        struct shape rib = shape_tube(x, y, along, length, radius, 0.12f, rng);
        struct shape marrow = shape_grown(&rib, -0.012f);
        int bone = scene_put(scene, wall, &rib, BONE, "rib", true);
        scene_put(scene, bone, &marrow, MARROW, "marrow", false);
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
    for (int lung_side = -1; lung_side <= 1 && !trachea; lung_side += 2) {
        float angle = rng_between(rng, 0.1f, 0.7f) + (lung_side < 0 ? turn / 4 : 0), length = a * rng_between(rng, 0.2f, 0.4f);
        put_airway(scene, cavity, (float)lung_side * radius, y, angle, length, 0.7f * radius);
    }
}

static void put_lungs(struct scene *scene, int cavity, float a, float b)
{
    struct rng *rng = &scene->rng;
    for (int lung_side = -1; lung_side <= 1; lung_side += 2) {
        float x = (float)lung_side * a * rng_between(rng, 0.48f, 0.56f), y = -0.05f * b;
        struct shape outline = shape_blob(x, y, 0.42f * a, 0.82f * b, 0.1f * (float)lung_side, 0.06f, rng);
        int lung = scene_put(scene, cavity, &outline, LUNG, "lung", true);
        if (rng_chance(rng, 0.5f)) { /* lobes, told apart by a thin fissure at most */
            struct shape lobe = shape_grown(&outline, 0.01f);
            shape_cut(&lobe, rng);
            int part = scene_put(scene, lung, &lobe, LUNG, "lobe", true);
            scene->region[part].like = lung;
            scene_vessels(scene, part, x, y, 0.5f * b, rng_int(rng, 3, 12));
        }
        scene_vessels(scene, lung, x, y, 0.6f * b, rng_int(rng, 5, 25));
        for (int n = rng_int(rng, 0, 3); n > 0; n--) {
            float from_x = x * rng_between(rng, 0.5f, 1.2f), from_y = b * rng_between(rng, -0.5f, 0.4f);
            float angle = rng_between(rng, 0, turn), length = b * rng_between(rng, 0.05f, 0.4f);
            put_airway(scene, lung, from_x, from_y, angle, length, a * rng_log_between(rng, 0.015f, 0.06f));
        }
        scene_lesions(scene, lung, x, y, 0.3f * b, 2);
    }
}

static void put_chest(struct scene *scene, int cavity, float a, float b)
{
    put_lungs(scene, cavity, a, b);
    put_trachea(scene, cavity, a, b);
}

/* Where the domes of liver and spleen rise into the lungs: of these a crescent is left, at the back or all around. */
static void put_lung_bases(struct scene *scene, int cavity, float a, float b)
{
    struct rng *rng = &scene->rng;
    for (int lung_side = -1; lung_side <= 1; lung_side += 2) {
        float x = (float)lung_side * a * rng_between(rng, 0.42f, 0.5f), size = rng_between(rng, 0.75f, 1);
        struct shape outline = shape_blob(x, 0.05f * b, 0.5f * a, 0.85f * b, 0.1f * (float)lung_side, 0.05f, rng);
        float dome_y = b * rng_between(rng, -0.25f, 0.05f), angle = 0.1f * rng_normal(rng);
        struct shape dome = shape_blob(x - 0.03f * a * (float)lung_side, dome_y, 0.5f * a * size, 0.82f * b * size, angle, 0.05f, rng);
        int lung = scene_put(scene, cavity, &outline, LUNG, "lung", true);
        int organ = scene_put(scene, cavity, &dome, SOFT, "organ", true);
        scene_paint(scene, organ, &dome, lung);
        scene_vessels(scene, organ, dome.x, dome.y, 0.5f * b, rng_int(rng, 0, 6));
        scene_vessels(scene, lung, x, 0.6f * b, 0.3f * b, rng_int(rng, 0, 6));
    }
}

void scene_trunk(struct scene *scene)
{
    struct rng *rng = &scene->rng;
    scene_view(scene, 5);
    float a = rng_between(rng, 0.75f, 1), b = a * rng_between(rng, 0.6f, 0.95f);
    float wall = rng_log_between(rng, 0.03f, 0.14f);
    struct body body = body_outline(scene, a, b);
    struct shape room = shape_grown(&body.flesh, -wall);
    int muscle = scene_put(scene, body.fat, &body.flesh, SOFT, "wall", false);
    int cavity = scene_put(scene, muscle, &room, rng_chance(rng, 0.7f) ? FAT : SOFT, "cavity", false);
    float spine_y = room.b * rng_between(rng, 0.5f, 0.75f);
    bool chest = rng_chance(rng, 0.35f);
    if (chest)
        put_chest(scene, cavity, room.a, room.b);
    else if (rng_chance(rng, 0.25f))
        put_lung_bases(scene, cavity, room.a, room.b);
    put_ribs(scene, muscle, room.a + 0.4f * wall, room.b + 0.4f * wall);
    body_muscles(scene, cavity, spine_y);
    body_muscles(scene, muscle, spine_y);
    put_spine(scene, spine_y);
    body_vessels(scene, cavity, rng_int(rng, 1, 4), (struct bounds){-0.2f, 0.2f, spine_y - 0.35f, spine_y - 0.15f}, 0.025f, 0.07f);
    for (int n = chest ? rng_int(rng, 1, 4) : rng_int(rng, 4, 16); n > 0; n--)
        body_organ(scene, cavity, room.a, room.b);
    struct bounds within = {-0.6f * room.a, 0.6f * room.a, -0.7f * room.b, 0.7f * room.b};
    body_vessels(scene, cavity, rng_int(rng, 0, 8), within, 0.008f, 0.035f);
}
