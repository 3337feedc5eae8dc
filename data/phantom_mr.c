/* phantom_mr.c - a head on contrast-enhanced T1-weighted MR, slices tilted against the scanner. */
#include "phantom.h"

#include <math.h>
#include <string.h>

enum {
    VENTRICLE_LEFT = 1,
    VENTRICLE_RIGHT,
    THALAMUS_LEFT,
    THALAMUS_RIGHT,
    PUTAMEN_LEFT,
    PUTAMEN_RIGHT,
    CEREBELLUM,
    BRAINSTEM,
    EYE_LEFT,
    EYE_RIGHT,
    OPTIC_NERVE_LEFT,
    TUMOUR,
    PITUITARY
};

/* clang-format off */
static const struct shape cortex = {.kind = ROUND, .centre = {0, 0, -2}, .radius = {64, 84, 66}};
static const struct shape fossa = {.kind = ROUND, .centre = {0, 0, -10}, .radius = {60, 81, 64}};
static const struct shape vault = {.kind = BOXY, .centre = {0, 0, 50}, .radius = {90, 110, 92}};

static const struct shape head[] = {
    {ROUND, 0, 900, 120, {0, 2, -6}, {77, 99, 80}, .within = 0},     /* scalp */
    {BOXY, 0, 620, 160, {0, -34, -66}, {60, 62, 52}, .within = 0},   /* face */
    {BOXY, 0, 420, 120, {0, 40, -84}, {56, 44, 50}, .within = 0},    /* neck */
    {ROUND, 0, 70, 30, {0, 2, -4}, {72, 93, 75}, .within = 0},       /* skull */
    {ROUND, 0, 520, 120, {0, 2, -4}, {70, 91, 73}, .within = 0},     /* its marrow */
    {ROUND, 0, 70, 30, {0, 2, -4}, {68, 89, 71}, .within = 0},
    {ROUND, 0, 210, 40, {0, 1, -3}, {66, 87, 69}, .within = 0},      /* fluid around the brain */
    {ROUND, 0, 470, 40, {0, 0, -2}, {64, 84, 66}, .within = 0},      /* grey matter */
    {ROUND, 0, 640, 25, {0, 0, -2}, {60, 79, 62}, .within = 0},      /* white matter */
    {FOLDS, 0, 470, 30, {0, 0, -2}, {63.5, 83.5, 65.5}, {0.05, 0, 0.1}, .path = {{0.66, 0.34, 16}}, .within = &vault},
    {FOLDS, 0, 230, 20, {0, 0, -2}, {64, 84, 66}, {0.05, 0, 0.1}, .path = {{0.74, 0.09, 16}}, .within = &vault},
    {BOXY, 0, 640, 20, {0, -4, 14}, {10, 30, 8}, .within = 0},       /* corpus callosum */
    {BOXY, 0, 200, 30, {0, -50, 22}, {1.6, 40, 50}, .within = &cortex},  /* falx */
    {BOXY, 0, 200, 30, {0, 56, 22}, {1.6, 34, 50}, .within = &cortex},
    {BOXY, 0, 200, 30, {0, 0, 46}, {1.6, 60, 24}, .within = &cortex},
    {BOXY, 0, 120, 60, {0, 56, -26}, {54, 40, 3}, {0.1, 0, 0}, .within = &cortex}, /* tentorium */
    {BOXY, 0, 20, 10, {0, -78, -52}, {17, 18, 22}, .within = 0},     /* sinuses: air */
    {BOXY, 0, 200, 60, {0, -34, -54}, {36, 34, 9}, .within = 0},     /* skull base */
    {ROUND, 0, 190, 30, {0, 6, -30}, {22, 24, 20}, .within = 0},     /* cisterns around the brainstem */
};

static const struct shape inner[] = {
    {TUBE, VENTRICLE_RIGHT, 165, 15, .count = 5,
     .path = {{-5, -40, 8, 4.5}, {-9, -22, 15, 6.5}, {-14, 8, 20, 7}, {-23, 32, 12, 8.5}, {-28, 46, 4, 5}}},
    {TUBE, VENTRICLE_LEFT, 165, 15, .count = 5,
     .path = {{5, -40, 8, 4.5}, {9, -22, 15, 6.5}, {14, 8, 20, 7}, {23, 32, 12, 8.5}, {28, 46, 4, 5}}},
    {BOXY, 0, 170, 10, {0, 2, 2}, {2.2, 12, 9}, .within = 0}, /* third ventricle */
    {ROUND, THALAMUS_LEFT, 520, 20, {13, 8, 3}, {9, 15, 10}, {0, 0, 0.3}, .within = 0},
    {ROUND, THALAMUS_RIGHT, 520, 20, {-13, 8, 3}, {9, 15, 10}, {0, 0, -0.3}, .within = 0},
    {ROUND, PUTAMEN_LEFT, 480, 20, {29, -12, 3}, {7, 18, 11}, {0, 0, -0.15}, .within = 0},
    {ROUND, PUTAMEN_RIGHT, 480, 20, {-29, -12, 3}, {7, 18, 11}, {0, 0, 0.15}, .within = 0},
    {ROUND, CEREBELLUM, 500, 60, {-23, 44, -42}, {31, 27, 20}, {0, 0.2, 0}, .within = &fossa},
    {ROUND, CEREBELLUM, 500, 60, {23, 44, -42}, {31, 27, 20}, {0, -0.2, 0}, .within = &fossa},
    {ROUND, CEREBELLUM, 500, 60, {0, 44, -42}, {14, 22, 18}, .within = &fossa},
    {BOXY, 0, 180, 10, {0, 29, -42}, {8, 4, 9}, .within = 0}, /* fourth ventricle */
    {TUBE, BRAINSTEM, 610, 15, .count = 4, .path = {{0, 10, -14, 11}, {0, 14, -34, 14}, {0, 20, -54, 11}, {0, 28, -84, 8}}},
    {ROUND, 0, 880, 60, {33, -66, -36}, {18, 24, 16}, .within = 0}, /* orbits */
    {ROUND, 0, 880, 60, {-33, -66, -36}, {18, 24, 16}, .within = 0},
    {ROUND, EYE_LEFT, 240, 10, {34, -75, -36}, {12.5, 12.5, 12.5}, .within = 0},
    {ROUND, EYE_RIGHT, 240, 10, {-34, -75, -36}, {12.5, 12.5, 12.5}, .within = 0},
    {ROUND, KEEP, 420, 10, {34, -85, -36}, {4.5, 2.2, 4.5}, .within = 0}, /* lenses */
    {ROUND, KEEP, 420, 10, {-34, -85, -36}, {4.5, 2.2, 4.5}, .within = 0},
    {TUBE, OPTIC_NERVE_LEFT, 430, 10, .count = 3, .path = {{32, -64, -36, 3}, {22, -48, -35, 3}, {8, -34, -33, 3}}},
    {TUBE, 0, 430, 10, .count = 3, .path = {{-32, -64, -36, 3}, {-22, -48, -35, 3}, {-8, -34, -33, 3}}},
    {BOXY, TUMOUR, 960, 60, {-36, 22, 34}, {15, 18, 14}, {0.2, 0, 0.3}, .within = 0},
    {ROUND, TUMOUR, 330, 40, {-35, 23, 34}, {9, 11, 8}, {0.2, 0, 0.3}, .within = 0},
    {ROUND, PITUITARY, 920, 20, {0, -22, -34}, {6.5, 5, 5}, .within = 0},
};

/* clang-format on */
static void add(struct phantom *phantom, const struct shape *shapes, int count)
{
    memcpy(phantom->shapes + phantom->shape_count, shapes, (size_t)count * sizeof *shapes);
    phantom->shape_count += count;
}
#define ADD(phantom, table) add(phantom, table, (int)(sizeof table / sizeof table[0]))

/* Stored axes run to the back, to the top and to the right; then the head lies tilted. */
static void tilt_axes(struct phantom *phantom)
{
    static const double tangent[2] = {0.2, 0.1}; /* about x, then z */
    for (int a = 0; a < 3; a++) {
        double *d = phantom->direction_lps[a], y = d[1], z = d[2], x;
        double c = 1 / sqrt(1 + tangent[0] * tangent[0]), s = tangent[0] * c;
        d[1] = c * y - s * z;
        d[2] = s * y + c * z;
        c = 1 / sqrt(1 + tangent[1] * tangent[1]), s = tangent[1] * c;
        x = d[0], y = d[1];
        d[0] = c * x - s * y;
        d[1] = s * x + c * y;
    }
}

void phantom_mr(struct phantom *phantom)
{
    *phantom = (struct phantom){
        .name = "mr",
        .title = "sammed2d synthetic MR phantom",
        .labels = {"ventricle_left", "ventricle_right", "thalamus_left", "thalamus_right",
                   "putamen_left", "putamen_right", "cerebellum", "brainstem", "eye_left",
                   "eye_right", "optic_nerve_left", "tumour", "pituitary_gland"},
        .seed = 19731025,
        .background = 0,
        .warp_mm = 3,
        .warp_scale_mm = 22,
        .noise = 22,
        .magnitude = 1,
        .bias = 0.22,
        .dim = {113, 23, 97},
        .spacing_mm = {1.9, 5.6, 1.7},
        .direction_lps = {{0, 1, 0}, {0, 0, 1}, {-1, 0, 0}},
        .centre_lps = {1, -3, -6},
        .slice_axis = 1,
    };
    tilt_axes(phantom);
    ADD(phantom, head);
    ADD(phantom, inner);
}
