/* ref: SAM-Med2D, utils.py: get_boxes_from_mask, init_point_sampling, select_random_points. */
#include <math.h>
#include <string.h>
#include "eval/sample.h"

struct rng rng_for(uint64_t seed, const char *name)
{
    uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001B3u;
    struct rng rng = {hash ^ (seed * 0x9E3779B97F4A7C15u)};
    rng.state = rng_next(&rng);
    return rng;
}

uint64_t rng_next(struct rng *rng)
{
    uint64_t x = rng->state += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

double rng_unit(struct rng *rng)
{
    return (double)(rng_next(rng) >> 11) * 0x1p-53;
}

size_t rng_below(struct rng *rng, size_t n)
{
    return (size_t)(rng_unit(rng) * (double)n);
}

/* ---- parts and boxes ---- */

/* Gives every pixel connected with `start` the value `mark` in `part`; their number. */
static size_t flood(const uint8_t *mask, int height, int width, uint8_t *part, uint8_t mark, int start,
                    int *stack)
{
    size_t area = 0;
    int top = 0;
    stack[top++] = start;
    part[start] = mark;
    while (top) {
        int at = stack[--top], x = at % width, y = at / width;
        area++;
        for (int v = y > 0 ? y - 1 : 0; v <= y + 1 && v < height; v++)
            for (int u = x > 0 ? x - 1 : 0; u <= x + 1 && u < width; u++) {
                int near = v * width + u;
                if (!mask[near] || part[near] == mark)
                    continue;
                part[near] = mark;
                stack[top++] = near;
            }
    }
    return area;
}

size_t sample_largest(const uint8_t *mask, int height, int width, uint8_t *part, int *stack)
{
    enum { SEEN = 1, CHOSEN = 2 };
    size_t pixels = (size_t)height * (size_t)width, best = 0;
    int start = -1;
    memset(part, 0, pixels);
    for (size_t p = 0; p < pixels; p++) {
        if (!mask[p] || part[p])
            continue;
        size_t area = flood(mask, height, width, part, SEEN, (int)p, stack);
        if (area > best) {
            best = area;
            start = (int)p;
        }
    }
    if (start >= 0)
        flood(mask, height, width, part, CHOSEN, start, stack);
    for (size_t p = 0; p < pixels; p++)
        part[p] = part[p] == CHOSEN;
    return best;
}

void sample_jitter(struct rng *rng, double fraction, int height, int width, float box[4])
{
    const int limit[2] = {width, height};
    const float size[2] = {box[2] - box[0], box[3] - box[1]};
    for (int side = 0; side < 4; side++) {
        double by = (2 * rng_unit(rng) - 1) * fraction * size[side % 2];
        box[side] = (float)fmin(fmax(rint(box[side] + by), 0), limit[side % 2]);
    }
    for (int a = 0; a < 2; a++) {
        if (box[a] > limit[a] - 1)
            box[a] = (float)(limit[a] - 1);
        if (box[a + 2] < box[a] + 1)
            box[a + 2] = box[a] + 1;
    }
}

/* ---- points ---- */

/* The n-th pixel, in reading order, whose value is `value`. */
static void nth_pixel(const uint8_t *mask, int width, uint8_t value, size_t n, float point[2])
{
    size_t p = 0;
    for (;; p++)
        if (mask[p] == value && n-- == 0)
            break;
    point[0] = (float)(p % (size_t)width);
    point[1] = (float)(p / (size_t)width);
}

static void shuffle(struct rng *rng, int count, float (*points)[2], int *labels)
{
    for (int n = count - 1; n > 0; n--) {
        size_t other = rng_below(rng, (size_t)n + 1);
        float point[2] = {points[n][0], points[n][1]};
        int label = labels[n];
        memcpy(points[n], points[other], sizeof point);
        memcpy(points[other], point, sizeof point);
        labels[n] = labels[other];
        labels[other] = label;
    }
}

void sample_points(struct rng *rng, const uint8_t *mask, int height, int width, int count, float (*points)[2],
                   int *labels)
{
    size_t pixels = (size_t)height * (size_t)width, inside = 0;
    for (size_t p = 0; p < pixels; p++)
        inside += mask[p];
    int positive = count == 1 ? 1 : count / 2;
    if (!inside)
        positive = 0;
    if (inside == pixels)
        positive = count;
    for (int n = 0; n < count; n++) {
        labels[n] = n < positive;
        nth_pixel(mask, width, (uint8_t)labels[n], rng_below(rng, labels[n] ? inside : pixels - inside), points[n]);
    }
    shuffle(rng, count, points, labels);
}

void sample_error(struct rng *rng, const uint8_t *mask, const uint8_t *answer, int height, int width,
                  float point[2], int *label)
{
    size_t pixels = (size_t)height * (size_t)width, wrong = 0, p = 0;
    for (size_t n = 0; n < pixels; n++)
        wrong += mask[n] != answer[n];
    size_t chosen = rng_below(rng, wrong ? wrong : pixels);
    if (!wrong)
        p = chosen;
    for (size_t seen = 0; wrong; p++)
        if (mask[p] != answer[p] && seen++ == chosen)
            break;
    *label = wrong ? mask[p] : -1;
    point[0] = (float)(p % (size_t)width);
    point[1] = (float)(p / (size_t)width);
}

/* Two passes over the eight neighbours give the chessboard distance exactly. */
void sample_innermost(const uint8_t *mask, int height, int width, int *distance, int point[2])
{
    int best = -1;
    for (int pass = 0; pass < 2; pass++)
        for (int n = 0; n < height * width; n++) {
            int p = pass ? height * width - 1 - n : n, x = p % width, y = p / width, least = 1 << 28;
            int step = pass ? -1 : 1; /* the neighbours already visited */
            bool border = x == 0 || y == 0 || x == width - 1 || y == height - 1;
            for (int d = -1; d <= 1 && !border; d++)
                least = distance[p - step * width + d] < least ? distance[p - step * width + d] : least;
            if (!border && distance[p - step] < least)
                least = distance[p - step];
            int here = !mask[p] ? 0 : border ? 1 : least + 1;
            distance[p] = pass && distance[p] < here ? distance[p] : here;
        }
    for (int p = 0; p < height * width; p++)
        if (distance[p] > best) {
            best = distance[p];
            point[0] = p % width;
            point[1] = p / width;
        }
}
