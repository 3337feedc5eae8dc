#include "synth/shape.h"

struct shape shape_blob(float x, float y, float a, float b, float angle, float wobble, struct rng *rng)
{
    struct shape shape = {.x = x, .y = y, .a = a, .b = b, .cosine = cosf(angle), .sine = sinf(angle)};
    /* The first harmonic only moves the curve; higher ones get smaller, as in outlines of organs. */
    for (int k = 1; k < SHAPE_HARMONICS; k++) {
        float size = wobble / (float)k;
        shape.even[k] = size * rng_normal(rng);
        shape.odd[k] = size * rng_normal(rng);
        shape.swing += fabsf(shape.even[k]) + fabsf(shape.odd[k]);
    }
    shape.reach = fmaxf(a, b) * (1 + shape.swing);
    return shape;
}

struct shape shape_tube(float x, float y, float angle, float length, float radius, float bend, struct rng *rng)
{
    struct shape shape = {.x = x, .y = y, .cosine = 1, .knots = SHAPE_KNOTS};
    float at[2] = {0, 0}, step = length / (SHAPE_KNOTS - 1), curl = bend * rng_normal(rng) / 2;
    for (int n = 0; n < SHAPE_KNOTS; n++) {
        shape.path[n][0] = at[0];
        shape.path[n][1] = at[1];
        shape.radius[n] = radius * (1 + 0.15f * rng_normal(rng));
        shape.reach = fmaxf(shape.reach, hypotf(at[0], at[1]) + 1.6f * radius);
        angle += curl + bend * rng_normal(rng) / 3;
        at[0] += step * cosf(angle);
        at[1] += step * sinf(angle);
    }
    return shape;
}

struct shape shape_grown(const struct shape *shape, float by)
{
    struct shape grown = *shape;
    float least = 0.1f * fminf(shape->a, shape->b);
    grown.a = fmaxf(shape->a + by, least);
    grown.b = fmaxf(shape->b + by, least);
    grown.reach = shape->reach + 2 * fmaxf(by, 0);
    for (int n = 0; n < shape->knots; n++)
        grown.radius[n] = fmaxf(shape->radius[n] + by, 0);
    return grown;
}

void shape_cut(struct shape *shape, struct rng *rng)
{
    float angle = rng_between(rng, 0, turn);
    shape->cut = true;
    shape->cut_u = cosf(angle);
    shape->cut_v = sinf(angle);
    shape->cut_at = rng_between(rng, -0.2f, 0.4f) * fminf(shape->a, shape->b);
}

static bool tube_has(const struct shape *shape, float x, float y)
{
    for (int n = 0; n + 1 < shape->knots; n++) {
        const float *from = shape->path[n], *to = shape->path[n + 1];
        float dx = to[0] - from[0], dy = to[1] - from[1];
        float along = ((x - from[0]) * dx + (y - from[1]) * dy) / (dx * dx + dy * dy + 1e-12f);
        along = along < 0 ? 0 : along > 1 ? 1 : along;
        float away_x = x - from[0] - along * dx, away_y = y - from[1] - along * dy;
        float radius = shape->radius[n] + along * (shape->radius[n + 1] - shape->radius[n]);
        if (away_x * away_x + away_y * away_y < radius * radius)
            return true;
    }
    return false;
}

bool shape_has(const struct shape *shape, float x, float y)
{
    x -= shape->x;
    y -= shape->y;
    float u = x * shape->cosine + y * shape->sine, v = y * shape->cosine - x * shape->sine;
    if (shape->cut && u * shape->cut_u + v * shape->cut_v > shape->cut_at)
        return false;
    if (shape->knots)
        return tube_has(shape, x, y);
    u /= shape->a;
    v /= shape->b;
    float square = u * u + v * v, inner = 1 - shape->swing, outer = 1 + shape->swing;
    if (square >= outer * outer)
        return false;
    if (inner > 0 && shape->hollow == 0 && square < inner * inner)
        return true; /* most pixels are told without a root */
    float radius = sqrtf(square) + 1e-9f, limit = 1;
    /* cos and sin of k times the angle, by turning once more each time */
    float c1 = u / radius, s1 = v / radius, c = c1, s = s1;
    for (int k = 1; k < SHAPE_HARMONICS; k++) {
        float turned = c * c1 - s * s1;
        s = s * c1 + c * s1;
        c = turned;
        limit += shape->even[k] * c + shape->odd[k] * s;
    }
    return radius < limit && radius >= limit * shape->hollow;
}
