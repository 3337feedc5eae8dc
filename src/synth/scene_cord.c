/* A spinal cord cut across, from near: two pairs of horns of grey matter and what joins them, in the cord, in its canal,
 * between vertebral body and arch, among muscles.
 */
#include "synth/scene.h"

static void put_around(struct scene *scene, int ground)
{
    struct rng *rng = &scene->rng;
    int sheets = scene_region(scene, ground, FAT, "fat", false);
    for (int n = rng_int(rng, 2, 10); n > 0; n--) {
        float x = rng_between(rng, -1, 1), y = rng_between(rng, -0.5f, 1), a = rng_log_between(rng, 0.1f, 0.4f);
        float flat = rng_between(rng, 0.4f, 1), angle = rng_between(rng, 0, turn);
        struct shape muscle = shape_blob(x, y, a, a * flat, angle, 0.1f, rng), around = shape_grown(&muscle, 0.03f);
        scene_paint(scene, sheets, &around, EVERYWHERE);
        scene_put(scene, EVERYWHERE, &muscle, SOFT, "muscle", true);
    }
    float size = rng_between(rng, 0.35f, 0.7f), flat = rng_between(rng, 0.5f, 0.9f);
    struct shape vertebra = shape_blob(0, -0.45f - size * flat, size, size * flat, 0, 0.06f, rng);
    scene_put(scene, EVERYWHERE, &vertebra, rng_chance(rng, 0.5f) ? BONE : MARROW, "vertebra", true);
}

/* The arch behind the canal, and fat or the dark dura around it. */
static struct shape put_canal(struct scene *scene, int *canal)
{
    struct rng *rng = &scene->rng;
    float a = rng_between(rng, 0.35f, 0.65f), b = a * rng_between(rng, 0.5f, 0.95f), thick = rng_between(rng, 0.04f, 0.12f);
    struct shape outline = shape_blob(0, 0, a, b, 0, 0.05f, rng), around = shape_grown(&outline, rng_between(rng, 0.01f, 0.12f));
    int arch = scene_region(scene, 0, BONE, "arch", true);
    for (int side = -1; side <= 1; side += 2) {
        struct shape lamina = shape_tube((float)side * 1.3f * a, 0.3f * b, side < 0 ? 0.1f * turn : 0.4f * turn, 1.6f * a, thick, 0.1f, rng);
        scene_paint(scene, arch, &lamina, EVERYWHERE);
    }
    scene_put(scene, EVERYWHERE, &around, rng_chance(rng, 0.5f) ? FAT : BONE, "around the canal", false);
    *canal = scene_put(scene, EVERYWHERE, &outline, FLUID, "canal", true);
    return outline;
}

/* Right horns and their mirror images: what is drawn once for both sides keeps the butterfly a butterfly. */
static void put_grey_matter(struct scene *scene, int cord, const struct shape *outline)
{
    struct rng *rng = &scene->rng;
    float a = outline->a, b = outline->b, x = a * rng_between(rng, 0.22f, 0.42f), y = outline->y + b * rng_between(rng, -0.2f, 0.15f);
    float front_length = b * rng_between(rng, 0.2f, 0.5f), front_width = b * rng_between(rng, 0.08f, 0.2f);
    float back_length = b * rng_between(rng, 0.4f, 0.8f), back_width = b * rng_between(rng, 0.05f, 0.12f);
    float front_angle = -rng_between(rng, 0.14f, 0.26f) * turn, back_angle = rng_between(rng, 0.1f, 0.22f) * turn;
    int grey = scene_region(scene, cord, rng_chance(rng, 0.4f) ? MARROW : SOFT, "grey matter", true);
    struct shape bar = shape_tube(-x, y, 0, 2 * x, b * rng_between(rng, 0.04f, 0.1f), 0.03f, rng);
    scene_paint(scene, grey, &bar, cord);
    for (int side = -1; side <= 1; side += 2) {
        float front = side < 0 ? turn / 2 - front_angle : front_angle, back = side < 0 ? turn / 2 - back_angle : back_angle;
        struct shape front_horn = shape_tube((float)side * x, y, front, front_length, front_width, 0.1f, rng);
        struct shape back_horn = shape_tube((float)side * x, y, back, back_length, back_width, 0.1f, rng);
        scene_paint(scene, grey, &front_horn, cord);
        scene_paint(scene, grey, &back_horn, cord);
    }
}

void scene_cord(struct scene *scene)
{
    struct rng *rng = &scene->rng;
    scene_view(scene, 2.5f);
    scene->zoom *= rng_between(rng, 3, 6);
    int ground = scene_region(scene, 0, SOFT, "neck", false), canal;
    struct shape all = shape_blob(0, 0, 4, 4, 0, 0, rng);
    scene_paint(scene, ground, &all, EVERYWHERE);
    put_around(scene, ground);
    struct shape room = put_canal(scene, &canal);
    float a = room.a * rng_between(rng, 0.45f, 0.85f), b = fminf(a * rng_between(rng, 0.5f, 1), 0.85f * room.b);
    struct shape outline = shape_blob(0, 0.1f * room.b * rng_normal(rng), a, b, 0, 0.05f, rng);
    int cord = scene_put(scene, canal, &outline, SOFT, "cord", true);
    scene_lesions(scene, cord, 0, outline.y, b, 1);
    put_grey_matter(scene, cord, &outline);
}
