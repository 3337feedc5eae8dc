/* The medial temporal lobe from near: a hippocampus, along or across, with the temporal horn on one side of it and a
 * rim of white matter on the other, among folded cortex, cisterns and the brainstem.
 */
#include "synth/scene.h"

struct lobe {
    int white, grey; /* regions */
};

/* Two layers of cortex that face each other across a sulcus. */
static void put_sulcus(struct scene *scene, const struct lobe *lobe, int fluid)
{
    struct rng *rng = &scene->rng;
    float x = rng_between(rng, -1, 1), y = rng_between(rng, -1, 1), angle = rng_between(rng, 0, turn);
    float length = rng_between(rng, 0.4f, 1.5f), cortex = rng_between(rng, 0.07f, 0.16f);
    struct shape folded = shape_tube(x, y, angle, length, cortex, 0.4f, rng);
    struct shape sulcus = shape_grown(&folded, -cortex * rng_between(rng, 0.65f, 1));
    scene_paint(scene, lobe->grey, &folded, EVERYWHERE);
    scene_paint(scene, fluid, &sulcus, lobe->grey);
}

static void put_brainstem(struct scene *scene, int fluid)
{
    struct rng *rng = &scene->rng;
    float angle = rng_between(rng, 0, turn), x = 0.9f * cosf(angle), y = 0.9f * sinf(angle);
    float a = rng_between(rng, 0.25f, 0.6f), b = a * rng_between(rng, 0.6f, 1), wobble = rng_between(rng, 0.03f, 0.15f);
    struct shape stem = shape_blob(x, y, a, b, angle, wobble, rng), cistern = shape_grown(&stem, rng_between(rng, 0, 0.25f));
    scene_paint(scene, fluid, &cistern, EVERYWHERE);
    scene_put(scene, EVERYWHERE, &stem, MARROW, "brainstem", true);
}

/* Thick at its head, thin at its tail. */
static struct shape hippocampus_along(struct rng *rng)
{
    float x = rng_between(rng, -0.6f, 0.2f), y = rng_between(rng, -0.4f, 0.4f), angle = rng_between(rng, -0.6f, 0.6f);
    float length = rng_between(rng, 0.5f, 1.3f), radius = rng_between(rng, 0.09f, 0.2f), taper = rng_between(rng, 0, 0.9f);
    struct shape outline = shape_tube(x, y, angle, length, radius, 0.25f, rng);
    for (int n = 0; n < outline.knots; n++)
        outline.radius[n] *= 1.2f - taper * (float)n / (float)outline.knots;
    return outline;
}

static struct shape hippocampus_across(struct rng *rng)
{
    float x = rng_between(rng, -0.4f, 0.4f), y = rng_between(rng, -0.4f, 0.4f), angle = rng_between(rng, 0, turn);
    float size = rng_between(rng, 0.13f, 0.35f), flat = rng_between(rng, 0.35f, 0.95f), wobble = rng_between(rng, 0.05f, 0.25f);
    return shape_blob(x, y, size, size * flat, angle, wobble, rng);
}

/* The straight line between an anterior and a posterior part: nothing in the picture shows it. */
static struct shape anterior(const struct shape *whole, struct rng *rng)
{
    struct shape part = *whole;
    if (!whole->knots) {
        shape_cut(&part, rng);
        return part;
    }
    int knot = rng_int(rng, 2, 5);
    float dx = whole->path[knot + 1][0] - whole->path[knot][0], dy = whole->path[knot + 1][1] - whole->path[knot][1];
    part.cut = true;
    part.cut_u = dx;
    part.cut_v = dy;
    part.cut_at = whole->path[knot][0] * dx + whole->path[knot][1] * dy;
    return part;
}

static void put_parts(struct scene *scene, int whole, const struct shape *outline)
{
    struct shape front = anterior(outline, &scene->rng);
    int head = scene_put(scene, whole, &front, SOFT, "anterior part", true);
    int tail = scene_put(scene, whole, outline, SOFT, "posterior part", true);
    scene->region[head].like = scene->region[tail].like = whole;
    scene->region[whole].asked = rng_chance(&scene->rng, 0.4f);
}

static void put_hippocampus(struct scene *scene, const struct lobe *lobe, int fluid)
{
    struct rng *rng = &scene->rng;
    struct shape outline = (rng_chance(rng, 0.5f) ? hippocampus_along : hippocampus_across)(rng);
    struct shape horn = outline, rim = shape_grown(&outline, rng_between(rng, 0.01f, 0.07f));
    float angle = rng_between(rng, 0, turn), far = rng_between(rng, 0.03f, 0.12f);
    horn.x += far * cosf(angle);
    horn.y += far * sinf(angle);
    if (rng_chance(rng, 0.7f))
        scene_paint(scene, lobe->white, &rim, EVERYWHERE);
    if (rng_chance(rng, 0.8f))
        scene_paint(scene, fluid, &horn, EVERYWHERE);
    int whole = scene_put(scene, EVERYWHERE, &outline, SOFT, "hippocampus", true);
    scene->region[whole].like = lobe->grey;
    int layers = scene_region(scene, whole, MARROW, "layers", false);
    scene->region[layers].like = rng_chance(rng, 0.5f) ? whole : 0;
    if (rng_chance(rng, 0.6f))
        put_parts(scene, whole, &outline);
    for (int n = rng_int(rng, 0, 2); n > 0; n--) {
        float bend = rng_between(rng, 0.1f, 0.6f);
        struct shape layer = shape_tube(outline.x, outline.y, rng_between(rng, 0, turn), 0.3f, 0.012f, bend, rng);
        scene_paint(scene, layers, &layer, whole);
    }
}

void scene_temporal(struct scene *scene)
{
    struct rng *rng = &scene->rng;
    scene_view(scene, 1.6f);
    scene->zoom *= rng_between(rng, 4, 7);
    struct lobe lobe = {.white = scene_region(scene, 0, MARROW, "white matter", false)};
    lobe.grey = scene_region(scene, lobe.white, SOFT, "cortex", rng_chance(rng, 0.3f));
    int fluid = scene_region(scene, lobe.white, FLUID, "fluid", false);
    struct shape all = shape_blob(0, 0, 4, 4, 0, 0, rng);
    scene_paint(scene, lobe.white, &all, EVERYWHERE);
    for (int n = rng_int(rng, 2, 8); n > 0; n--)
        put_sulcus(scene, &lobe, fluid);
    for (int n = rng_int(rng, 0, 2); n > 0; n--)
        put_brainstem(scene, fluid);
    for (int n = rng_int(rng, 1, 2); n > 0; n--)
        put_hippocampus(scene, &lobe, fluid);
    scene_vessels(scene, fluid, 0, 0, 0.8f, rng_int(rng, 0, 6));
}
