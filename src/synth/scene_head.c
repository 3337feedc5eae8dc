/* A head cut across: scalp, skull, folded grey and white matter, ventricles, deep nuclei, lesions. Zoomed in
 * it gives the small cut-outs in which hippocampi and nuclei are labelled.
 */
#include "synth/field.h"
#include "synth/scene.h"

/* Grey matter's inner border: folds of a smooth field, deeper where the field is high. */
static void fold(struct scene *scene, int grey, int white, const struct shape *brain)
{
    struct rng *rng = &scene->rng;
    int side = scene->side;
    float units = fabsf(scene->x[1] - scene->x[0]) + fabsf(scene->y[1] - scene->y[0]) + 1e-6f;
    float depth = rng_between(rng, 0.03f, 0.09f), folds_px = rng_between(rng, 0.06f, 0.14f) / units;
    field_octaves(scene->field, side, folds_px, 2, rng, scene->scratch, scene->sum);
    for (int p = 0; p < side * side; p++) {
        if (scene->label[p] != grey)
            continue;
        struct shape inner = shape_grown(brain, -depth * (1.2f + 1.5f * fmaxf(scene->field[p], -0.6f)));
        if (shape_has(&inner, scene->x[p], scene->y[p]))
            scene->label[p] = (uint8_t)white;
    }
}

static void put_pair(struct scene *scene, int over, float x, float y, float a, float b, enum tissue tissue,
                     const char *kind)
{
    struct rng *rng = &scene->rng;
    float angle = rng_normal(rng) * 0.5f, wobble = rng_between(rng, 0.05f, 0.25f);
    bool halves = rng_chance(rng, 0.25f); /* front and back part of one structure, told apart by a line */
    for (int hemisphere = -1; hemisphere <= 1; hemisphere += 2) {
        struct shape outline = shape_blob((float)hemisphere * x, y, a, b, (float)hemisphere * angle, wobble, rng);
        int whole = scene_put(scene, over, &outline, tissue, kind, true);
        if (!halves)
            continue;
        shape_cut(&outline, rng);
        int part = scene_put(scene, whole, &outline, tissue, "part", true);
        scene->region[part].like = whole;
        scene->region[whole].asked = rng_chance(rng, 0.5f);
    }
}

static void put_inside(struct scene *scene, int white, float a, float b)
{
    struct rng *rng = &scene->rng;
    float x = a * rng_between(rng, 0.06f, 0.14f), y = b * rng_between(rng, -0.3f, 0.2f);
    put_pair(scene, white, x, y, 0.07f * a, rng_between(rng, 0.12f, 0.4f) * b, FLUID, "ventricle");
    for (int n = rng_int(rng, 1, 6); n > 0; n--) {
        float size = rng_log_between(rng, 0.04f, 0.16f);
        x = a * rng_between(rng, 0.12f, 0.6f);
        y = b * rng_between(rng, -0.6f, 0.6f);
        put_pair(scene, white, x, y, size, size * rng_between(rng, 0.35f, 1), SOFT, "nucleus");
    }
    scene_lesions(scene, white, 0, 0, 0.5f * a, 3);
    scene_vessels(scene, white, 0, 0, 0.6f * a, rng_int(rng, 0, 6));
}

void scene_head(struct scene *scene)
{
    struct rng *rng = &scene->rng;
    scene_view(scene, 8);
    float a = rng_between(rng, 0.65f, 0.85f), b = rng_between(rng, 0.8f, 1);
    float scalp = rng_log_between(rng, 0.02f, 0.08f), bone = rng_between(rng, 0.03f, 0.07f);
    struct shape skin = shape_blob(0, 0, a, b, 0, 0.02f, rng), skull = shape_grown(&skin, -scalp);
    struct shape table = shape_grown(&skull, -0.3f * bone), inner_table = shape_grown(&skull, -0.7f * bone);
    struct shape inside = shape_grown(&skull, -bone), brain = shape_grown(&inside, -rng_between(rng, 0.005f, 0.04f));
    int outside = scene_region(scene, 0, FAT, "scalp", false);
    scene_paint(scene, outside, &skin, EVERYWHERE);
    int hard = scene_put(scene, outside, &skull, BONE, "skull", rng_chance(rng, 0.3f));
    int marrow = scene_put(scene, hard, &table, MARROW, "diploe", false);
    struct shape rest = inner_table;
    int second = scene_region(scene, hard, BONE, "inner table", false);
    scene_paint(scene, second, &rest, marrow);
    int fluid = scene_region(scene, 0, FLUID, "fluid", false);
    scene_paint(scene, fluid, &inside, second);
    int grey = scene_put(scene, fluid, &brain, SOFT, "brain", true);
    int white = scene_region(scene, grey, SOFT, "white matter", true);
    fold(scene, grey, white, &brain);
    struct shape crack = shape_tube(0, -b, 0.25f * turn, 2 * b, rng_between(rng, 0.004f, 0.015f), 0.03f, rng);
    scene_put(scene, grey, &crack, FLUID, "fissure", false);
    put_inside(scene, white, brain.a, brain.b);
}
