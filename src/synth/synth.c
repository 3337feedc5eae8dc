/* A picture from its number: scene, values, defects, objects. */
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "synth/picture.h"
#include "synth/synth.h"

struct synth {
    struct scene scene;
    struct synth_picture picture;
    float *values;
    float plain; /* share of pictures */
    struct arena arena;
};

struct recipe {
    const char *name;
    void (*lay_out)(struct scene *scene);
    float share;     /* of all pictures; they add up to 1 */
    float device[4]; /* how often each device looks at it: CT, MR, ULTRASOUND, ANYTHING; adds up to 1 */
};
static const struct recipe recipes[] = {
    {"trunk", scene_trunk, 0.28f, {0.5f, 0.4f, 0, 0.1f}},       {"pelvis", scene_pelvis, 0.17f, {0.6f, 0.3f, 0, 0.1f}},
    {"head", scene_head, 0.13f, {0.1f, 0.8f, 0, 0.1f}},        {"temporal", scene_temporal, 0.07f, {0, 0.9f, 0, 0.1f}},
    {"cord", scene_cord, 0.04f, {0.1f, 0.8f, 0, 0.1f}},        {"layers", scene_layers, 0.17f, {0, 0, 0.95f, 0.05f}},
    {"mosaic", scene_mosaic, 0.05f, {0.1f, 0.4f, 0.1f, 0.4f}}, {"shapes", scene_shapes, 0.09f, {0.1f, 0.3f, 0.2f, 0.4f}},
};
enum { RECIPES = sizeof recipes / sizeof *recipes };

static void take(struct synth *synth, struct arena *arena, int side)
{
    size_t pixels = (size_t)side * (size_t)side, blocks = (size_t)(side + BLOCK - 1) / BLOCK;
    struct scene *scene = &synth->scene;
    scene->label = arena_take(arena, pixels);
    scene->block = arena_take(arena, blocks * blocks * sizeof *scene->block);
    scene->x = arena_floats(arena, pixels);
    scene->y = arena_floats(arena, pixels);
    scene->field = arena_floats(arena, pixels);
    scene->scratch = arena_floats(arena, (size_t)side * ((size_t)side + 8));
    scene->sum = arena_floats(arena, pixels);
    synth->values = arena_floats(arena, pixels);
    synth->picture.grey = arena_take(arena, pixels);
    synth->picture.masks = arena_take(arena, SYNTH_MAX_OBJECTS * pixels);
}

enum sm_status synth_open(struct synth **result, int side, struct sm_err *err)
{
    struct arena measure = {0};
    *result = NULL;
    if (side < SYNTH_MIN_SIDE || side > SYNTH_MAX_SIDE)
        return sm_fail(err, SM_USAGE, "generated pictures have sides of %d to %d pixels, not %d", SYNTH_MIN_SIDE,
                       SYNTH_MAX_SIDE, side);
    struct synth *synth = calloc(1, sizeof *synth);
    if (!synth)
        return sm_fail(err, SM_MEMORY, "out of memory");
    take(synth, &measure, side);
    enum sm_status status = arena_init(&synth->arena, measure.used, err);
    if (status) {
        free(synth);
        return status;
    }
    take(synth, &synth->arena, side);
    synth->scene.side = synth->picture.side = side;
    *result = synth;
    return SM_OK;
}

void synth_close(struct synth *synth)
{
    if (!synth)
        return;
    arena_free(&synth->arena);
    free(synth);
}

void synth_set_plain(struct synth *synth, double share)
{
    synth->plain = (float)share;
}

/* Which of the shares that add up to 1 a draw falls into. */
static int pick(const float *shares, size_t stride, int count, float draw)
{
    int n = 0;
    for (; n < count - 1 && draw >= shares[n * (int)stride]; n++)
        draw -= shares[n * (int)stride];
    return n;
}

static bool lies_in(const struct scene *scene, int region, int other)
{
    while (region != other && region != 0)
        region = scene->region[region].parent;
    return region == other;
}

/* The region with all that lies in it; its area. */
static int mask_of(uint8_t *mask, const struct scene *scene, int region)
{
    bool part[MAX_REGIONS];
    int area = 0, pixels = scene->side * scene->side;
    for (int n = 0; n < scene->regions; n++)
        part[n] = lies_in(scene, n, region);
    for (int p = 0; p < pixels; p++)
        area += mask[p] = part[scene->label[p]];
    return area;
}

/* In random order, so that it is not always the first painted that are taken. */
static void take_objects(struct synth_picture *picture, struct scene *scene)
{
    int order[MAX_REGIONS], count = 0, pixels = scene->side * scene->side;
    for (int n = 1; n < scene->regions; n++)
        if (scene->region[n].asked)
            order[count++] = n;
    picture->objects = 0;
    for (; count > 0 && picture->objects < SYNTH_MAX_OBJECTS; count--) {
        int chosen = rng_int(&scene->rng, 0, count - 1), region = order[chosen];
        order[chosen] = order[count - 1];
        uint8_t *mask = picture->masks + (size_t)picture->objects * (size_t)pixels;
        int area = mask_of(mask, scene, region);
        if (area * 1000 < pixels * 1.53 || area > pixels * 0.8)
            continue;
        picture->kinds[picture->objects++] = scene->region[region].kind;
    }
}

static void to_grey(uint8_t *grey, const float *values, int pixels)
{
    float low = values[0], high = values[0];
    for (int p = 0; p < pixels; p++) {
        low = fminf(low, values[p]);
        high = fmaxf(high, values[p]);
    }
    float scale = 255 / (high - low + 1e-6f * fmaxf(1, high - low));
    for (int p = 0; p < pixels; p++)
        grey[p] = (uint8_t)((values[p] - low) * scale);
}

static void draw_plain(struct synth *synth)
{
    struct scene *scene = &synth->scene;
    bool mosaic = rng_chance(&scene->rng, 0.5f);
    (mosaic ? scene_mosaic : scene_shapes)(scene);
    render_plain(synth->values, scene);
    synth->picture.recipe = mosaic ? "plain-mosaic" : "plain-shapes";
}

static void draw_device(struct synth *synth)
{
    struct scene *scene = &synth->scene;
    const struct recipe *recipe = &recipes[pick(&recipes[0].share, sizeof *recipes / sizeof(float), RECIPES, rng_unit(&scene->rng))];
    enum device device = (enum device)pick(recipe->device, 1, 4, rng_unit(&scene->rng));
    recipe->lay_out(scene);
    render(synth->values, scene, device);
    add_defects(synth->values, scene, device);
    if (rng_chance(&scene->rng, scene->zoom > 2 ? 0.6f : 0.35f))
        lower_resolution(synth->values, scene);
    synth->picture.recipe = recipe->name;
}

const struct synth_picture *synth_draw(struct synth *synth, uint64_t seed, uint64_t number)
{
    struct scene *scene = &synth->scene;
    struct synth_picture *picture = &synth->picture;
    scene->rng = rng_of(seed, number);
    do { /* a view may show nothing that is worth asking for */
        if (synth->plain > 0 && rng_chance(&scene->rng, synth->plain))
            draw_plain(synth);
        else
            draw_device(synth);
        to_grey(picture->grey, synth->values, scene->side * scene->side);
        take_objects(picture, scene);
    } while (picture->objects == 0);
    return picture;
}
