#include "train/asking.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the largest component ---- */

struct bounds {
    int x0, y0, x1, y1; /* inclusive */
    size_t pixels;
    int start; /* one of them */
};

/* Fills the component that pixel `start` of `left` belongs to with 0, and says where it was; `to`, where not
 * NULL, gets it as 1. */
static struct bounds take_component(uint8_t *left, uint8_t *to, int *stack, int size, int start)
{
    struct bounds b = {size, size, -1, -1, 0, start};
    int depth = 0;
    stack[depth++] = start;
    left[start] = 0;
    while (depth > 0) {
        int at = stack[--depth], y = at / size, x = at % size;
        b = (struct bounds){x < b.x0 ? x : b.x0, y < b.y0 ? y : b.y0, x > b.x1 ? x : b.x1,
                            y > b.y1 ? y : b.y1, b.pixels + 1, start};
        if (to)
            to[at] = 1;
        for (int near = 0; near < 9; near++) {
            int ny = y + near / 3 - 1, nx = x + near % 3 - 1, next = ny * size + nx;
            if (ny < 0 || nx < 0 || ny >= size || nx >= size || !left[next])
                continue;
            left[next] = 0;
            stack[depth++] = next;
        }
    }
    return b;
}

static bool largest_component(struct bounds *largest, const uint8_t *mask, int size)
{
    size_t count = (size_t)size * size;
    uint8_t *left = malloc(count);
    int *stack = malloc(count * sizeof *stack);
    *largest = (struct bounds){0};
    if (left && stack) {
        memcpy(left, mask, count);
        for (size_t i = 0; i < count; i++) {
            struct bounds b = {0};
            if (left[i])
                b = take_component(left, NULL, stack, size, (int)i);
            if (b.pixels > largest->pixels)
                *largest = b;
        }
    }
    free(left);
    free(stack);
    return largest->pixels > 0;
}

bool keep_largest(uint8_t *mask, int size)
{
    size_t count = (size_t)size * size;
    struct bounds b;
    uint8_t *left = malloc(count);
    int *stack = malloc(count * sizeof *stack);
    bool room = left && stack;
    if (room && largest_component(&b, mask, size)) {
        memcpy(left, mask, count);
        memset(mask, 0, count);
        take_component(left, mask, stack, size, b.start);
    }
    free(left);
    free(stack);
    return room;
}

/* ---- boxes ---- */

static float moved(struct rng *rng, double side, const struct box_jitter *jitter)
{
    double by = rng_normal(rng) * side * jitter->share;
    return (float)fmax(-jitter->most, fmin(jitter->most, by));
}

/* Whole pixels from -most to most - 1, as numpy's randint; 0 when there is no room. */
static float shift(struct rng *rng, int most)
{
    return most > 0 ? (float)rng_int(rng, -most, most - 1) : 0;
}

bool ask_box(float box[4], const uint8_t *mask, int size, const struct box_jitter *jitter, struct rng *rng)
{
    struct bounds b;
    if (!largest_component(&b, mask, size))
        return false;
    double width = b.x1 + 1 - b.x0, height = b.y1 + 1 - b.y0, shorter = fmin(width, height);
    float edges[4] = {(float)b.x0, (float)b.y0, (float)b.x1 + 1, (float)b.y1 + 1};
    int most = (int)fmin(jitter->most, floor(shorter * jitter->share * 5));
    float by[4] = {0};
    if (jitter->together) {
        by[0] = by[2] = shift(rng, most);
        by[1] = by[3] = shift(rng, most);
    }
    for (int i = 0; i < 4 && !jitter->together && jitter->share > 0; i++)
        by[i] = moved(rng, i % 2 ? height : width, jitter);
    for (int i = 0; i < 4; i++)
        box[i] = edges[i] + by[i];
    if (box[2] <= box[0] || box[3] <= box[1]) /* turned over by its own jitter */
        memcpy(box, edges, sizeof edges);
    return true;
}

/* ---- points ---- */

/* Where points may go: into the mask, or, with an answer, to where the two differ. */
struct field {
    const uint8_t *mask;
    const float *probability; /* NULL: no answer */
    float threshold;
    int size;
};

static bool wanted(const struct field *f, size_t i)
{
    return f->probability ? (f->probability[i] > f->threshold) != f->mask[i] : f->mask[i];
}

static size_t count_wanted(const struct field *f)
{
    size_t count = 0;
    for (size_t i = 0; i < (size_t)f->size * f->size; i++)
        count += wanted(f, i);
    return count;
}

/* The pixel that is the which-th wanted one. */
static size_t find_wanted(const struct field *f, size_t which)
{
    size_t i = 0;
    while (!wanted(f, i) || which-- > 0)
        i++;
    return i;
}

/* A wanted pixel, or any. */
static size_t draw(const struct field *f, size_t count, struct rng *rng)
{
    size_t of = count ? count : (size_t)f->size * f->size, which = rng_next(rng) % of;
    return count ? find_wanted(f, which) : which;
}

static void place(float xy[2], size_t pixel, int size)
{
    xy[0] = (float)(pixel % size);
    xy[1] = (float)(pixel / size);
}

void ask_point(float xy[2], int *label, const uint8_t *mask, int size, struct rng *rng)
{
    struct field field = {.mask = mask, .size = size};
    size_t count = count_wanted(&field), pixel = draw(&field, count, rng);
    place(xy, pixel, size);
    *label = count > 0;
}

static void ask_outside(float xy[2], int *label, const uint8_t *mask, int size, size_t outside, struct rng *rng)
{
    size_t which = rng_next(rng) % outside, pixel = 0;
    while (mask[pixel] || which-- > 0)
        pixel++;
    place(xy, pixel, size);
    *label = 0;
}

void ask_points(float (*xy)[2], int *labels, int count, const uint8_t *mask, int size, struct rng *rng)
{
    size_t pixels = (size_t)size * size, inside = count_wanted(&(struct field){.mask = mask, .size = size});
    for (int i = 0; i < count; i++)
        if (count == 1 || i < count / 2 || inside == pixels)
            ask_point(xy[i], &labels[i], mask, size, rng);
        else
            ask_outside(xy[i], &labels[i], mask, size, pixels - inside, rng);
}

void ask_corrections(float (*xy)[2], int *labels, int count, const float *probability, float threshold,
                     const uint8_t *mask, int size, bool aimless, struct rng *rng)
{
    struct field field = {mask, probability, threshold, size};
    size_t wrong = count_wanted(&field);
    for (int i = 0; i < count; i++) {
        if (wrong > 0 || aimless) {
            size_t pixel = draw(&field, wrong, rng);
            place(xy[i], pixel, size);
            labels[i] = wrong > 0 ? mask[pixel] : -1;
        } else {
            ask_point(xy[i], &labels[i], mask, size, rng);
        }
    }
}
