/* Painting regions, and the view of them. */
#include <string.h>
#include "synth/field.h"
#include "synth/scene.h"

int scene_region(struct scene *scene, int parent, enum tissue tissue, const char *kind, bool asked)
{
    if (scene->regions == MAX_REGIONS)
        return 0;
    scene->region[scene->regions] =
        (struct region){.parent = parent, .tissue = tissue, .kind = kind, .asked = asked};
    return scene->regions++;
}

static float square(float x)
{
    return x * x;
}

/* Distance from a point to the nearest place of a block, squared. */
static float away(const struct bounds *block, float x, float y)
{
    float dx = fmaxf(fmaxf(block->low_x - x, x - block->high_x), 0);
    float dy = fmaxf(fmaxf(block->low_y - y, y - block->high_y), 0);
    return dx * dx + dy * dy;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

static bool among(int region, int over)
{
    return over < 0 ? region >= EVERYWHERE - over : region == over;
}

static int paint_block(struct scene *scene, int region, const struct shape *shape, int over, int x0, int y0)
{
    int side = scene->side, painted = 0;
    for (int row = y0; row < least(y0 + BLOCK, side); row++)
        for (int p = row * side + x0; p < row * side + least(x0 + BLOCK, side); p++)
            if (among(scene->label[p], over) && shape_has(shape, scene->x[p], scene->y[p])) {
                scene->label[p] = (uint8_t)region;
                painted++;
            }
    return painted;
}

int scene_paint(struct scene *scene, int region, const struct shape *shape, int over)
{
    int blocks = (scene->side + BLOCK - 1) / BLOCK, painted = 0;
    for (int n = 0; region && n < blocks * blocks; n++)
        if (away(&scene->block[n], shape->x, shape->y) < square(shape->reach))
            painted += paint_block(scene, region, shape, over, n % blocks * BLOCK, n / blocks * BLOCK);
    return painted;
}

int scene_put(struct scene *scene, int over, const struct shape *shape, enum tissue tissue, const char *kind,
              bool asked)
{
    int region = scene_region(scene, over < 0 ? 0 : over, tissue, kind, asked);
    scene_paint(scene, region, shape, over);
    return region;
}

/* ---- what lies in organs ---- */

void scene_lesions(struct scene *scene, int organ, float x, float y, float size, int most)
{
    struct rng *rng = &scene->rng;
    for (int n = rng_int(rng, 0, most); n > 0; n--) {
        float radius = size * rng_log_between(rng, 0.1f, 0.45f), far = rng_between(rng, 0, 0.8f) * size;
        float angle = rng_between(rng, 0, turn), flat = rng_between(rng, 0.6f, 1), wobble = rng_between(rng, 0, 0.25f);
        struct shape shape = shape_blob(x + far * cosf(angle), y + far * sinf(angle), radius, radius * flat, angle, wobble, rng);
        int lesion = scene_put(scene, organ, &shape, rng_chance(rng, 0.3f) ? FLUID : SOFT, "lesion", true);
        scene->region[lesion].like = rng_chance(rng, 0.4f) ? organ : 0;
        if (rng_chance(rng, 0.25f)) { /* a rim around a dead middle */
            struct shape inner = shape_grown(&shape, -0.35f * radius);
            scene_put(scene, lesion, &inner, FLUID, "necrosis", false);
        }
    }
}

void scene_vessels(struct scene *scene, int organ, float x, float y, float size, int count)
{
    struct rng *rng = &scene->rng;
    int vessels = scene_region(scene, organ, BLOOD, "vessels", false);
    for (; count > 0; count--) {
        float angle = rng_between(rng, 0, turn), from_x = x + 0.4f * size * rng_normal(rng);
        float from_y = y + 0.4f * size * rng_normal(rng), length = size * rng_between(rng, 0.3f, 1.2f);
        struct shape tube = shape_tube(from_x, from_y, angle, length, size * rng_log_between(rng, 0.012f, 0.06f), 0.3f, rng);
        scene_paint(scene, vessels, &tube, organ);
    }
}

/* ---- the view ---- */

static void bound_block(struct scene *scene, struct bounds *block, int x0, int y0)
{
    int side = scene->side;
    *block = (struct bounds){INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (int row = y0; row < least(y0 + BLOCK, side); row++)
        for (int p = row * side + x0; p < row * side + least(x0 + BLOCK, side); p++) {
            block->low_x = fminf(block->low_x, scene->x[p]);
            block->high_x = fmaxf(block->high_x, scene->x[p]);
            block->low_y = fminf(block->low_y, scene->y[p]);
            block->high_y = fmaxf(block->high_y, scene->y[p]);
        }
}

/* Adds a warp to places: broad bends, and now and then small ripples. */
static void warp(struct scene *scene, float *places, float units_per_px)
{
    struct rng *rng = &scene->rng;
    float side = (float)scene->side, broad = side * rng_between(rng, 0.2f, 0.6f);
    float high = rng_between(rng, 0, 0.1f) * broad * units_per_px;
    field_octaves(scene->field, scene->side, broad, rng_int(rng, 1, 4), rng, scene->scratch, scene->sum);
    for (int p = 0; p < scene->side * scene->side; p++)
        places[p] += high * scene->field[p];
}

void scene_view(struct scene *scene, float most_zoom)
{
    struct rng *rng = &scene->rng;
    int side = scene->side, blocks = (side + BLOCK - 1) / BLOCK;
    float zoom = rng_chance(rng, 0.4f) ? rng_between(rng, 0.9f, 1.1f) : rng_log_between(rng, 1, most_zoom);
    scene->zoom = zoom;
    float angle = rng_chance(rng, 0.7f) ? 0.15f * rng_normal(rng) : rng_between(rng, 0, turn);
    float stretch = expf(0.12f * rng_normal(rng)), room = fmaxf(0, 1 - 1 / zoom) * 0.8f;
    float x0 = room * rng_between(rng, -1, 1), y0 = room * rng_between(rng, -1, 1) * 0.8f;
    float units = 2.1f / (zoom * (float)side), ux = units * stretch, uy = units / stretch;
    float c = cosf(angle), s = sinf(angle);
    if (rng_chance(rng, 0.5f))
        ux = -ux; /* seen from the other side */
    for (int p = 0; p < side * side; p++) {
        float dx = ux * ((float)(p % side) - 0.5f * (float)side), dy = uy * ((float)(p / side) - 0.5f * (float)side);
        scene->x[p] = x0 + c * dx - s * dy;
        scene->y[p] = y0 + s * dx + c * dy;
    }
    warp(scene, scene->x, units);
    warp(scene, scene->y, units);
    for (int n = 0; n < blocks * blocks; n++)
        bound_block(scene, &scene->block[n], n % blocks * BLOCK, n / blocks * BLOCK);
    memset(scene->label, 0, (size_t)side * (size_t)side);
    scene->regions = 0;
    scene_region(scene, 0, AIR, "background", false);
}
