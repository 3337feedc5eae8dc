/* phantom_ct.c - an upper abdomen on CT in the portal venous phase, values in HU. */
#include "phantom.h"

#include <math.h>
#include <string.h>

enum {
    LIVER = 1,
    SPLEEN,
    KIDNEY_LEFT,
    KIDNEY_RIGHT,
    STOMACH,
    GALLBLADDER,
    PANCREAS,
    AORTA,
    INFERIOR_VENA_CAVA,
    VERTEBRA,
    ADRENAL_LEFT,
    LESION
};
#define PRISM 1e4

/* clang-format off */
static const struct shape cavity = {.kind = BOXY, .centre = {0, -14, 0}, .radius = {121, 82, PRISM}};

static const struct shape body[] = {
    {BOXY, 0, -105, 12, {0, 0, 0}, {152, 110, PRISM}, .within = 0},
    {BOXY, 0, 52, 14, {0, -6, 0}, {133, 96, PRISM}, .within = 0},
    {BOXY, 0, -95, 14, {0, -14, 0}, {121, 82, PRISM}, .within = 0},
    {ROUND, 0, 50, 18, {-34, 66, 0}, {31, 22, PRISM}, .within = 0},
    {ROUND, 0, 50, 18, {34, 66, 0}, {31, 22, PRISM}, .within = 0},
    {ROUND, 0, 58, 8, {-30, 40, -60}, {14, 13, 60}, .within = 0}, /* psoas */
    {ROUND, 0, 58, 8, {30, 40, -60}, {14, 13, 60}, .within = 0},
    {ROUND, 0, -850, 35, {-66, 2, 108}, {52, 74, 72}, .within = &cavity}, /* lungs */
    {ROUND, 0, -850, 35, {66, 2, 108}, {52, 74, 72}, .within = &cavity},
    {ROUND, 0, 70, 20, {14, -34, 92}, {46, 40, 34}, .within = &cavity}, /* heart */
    /* bowel: colon with gas on both flanks, loops in front */
    {TUBE, 0, 35, 25, .count = 3, .path = {{-98, 6, -90, 20}, {-100, 2, -66, 21}, {-92, -12, -50, 18}}},
    {TUBE, 0, -880, 30, .count = 2, .path = {{-98, -2, -90, 12}, {-99, -6, -64, 13}}},
    {TUBE, 0, 35, 25, .count = 3, .path = {{100, 14, -90, 17}, {102, 16, -50, 17}, {94, 4, -20, 15}}},
    {TUBE, 0, -880, 30, .count = 2, .path = {{100, 8, -88, 9}, {101, 10, -52, 10}}},
    {TUBE, 0, 45, 30, .count = 5,
     .path = {{-60, -58, -70, 15}, {-30, -70, -62, 14}, {0, -66, -72, 15}, {30, -70, -60, 14}, {62, -54, -66, 15}}},
    {TUBE, 0, -860, 30, .count = 2, .path = {{-34, -76, -62, 6}, {6, -74, -70, 7}}},
    {TUBE, 0, 60, 30, .count = 4,
     .path = {{64, -30, -48, 13}, {36, -42, -40, 13}, {10, -30, -56, 12}, {-26, -40, -50, 13}}},
};

static const struct shape spine[] = {
    {ROUND, 0, 75, 6, {0, 58, 0}, {20, 16, PRISM}, .within = 0}, /* discs; the bodies come over them */
    {BOXY, 0, 210, 70, {0, 58, -68}, {21, 17, 14}, .within = 0},
    {BOXY, 0, 210, 70, {0, 58, -34}, {21, 17, 14}, .within = 0},
    {BOXY, VERTEBRA, 210, 70, {0, 58, 0}, {21, 17, 14}, .within = 0},
    {BOXY, 0, 210, 70, {0, 58, 34}, {21, 17, 14}, .within = 0},
    {BOXY, 0, 210, 70, {0, 58, 68}, {21, 17, 14}, .within = 0},
    {ROUND, 0, 420, 60, {0, 82, 0}, {15, 13, PRISM}, .within = 0}, /* arch */
    {ROUND, 0, 28, 6, {0, 80, 0}, {10, 8.5, PRISM}, .within = 0},  /* canal */
    {BOXY, 0, 380, 60, {0, 99, -34}, {3, 8, 11}, .within = 0},
    {BOXY, 0, 380, 60, {0, 99, 0}, {3, 8, 11}, .within = 0},
    {BOXY, 0, 380, 60, {0, 99, 34}, {3, 8, 11}, .within = 0},
    {BOXY, 0, 380, 60, {0, 99, 68}, {3, 8, 11}, .within = 0},
    {TUBE, 0, 350, 50, .count = 3, .path = {{-36, 82, -32, 4}, {-14, 76, -34, 5}, {-14, 76, -34, 5}}},
    {TUBE, 0, 350, 50, .count = 3, .path = {{36, 82, -32, 4}, {14, 76, -34, 5}, {14, 76, -34, 5}}},
    {TUBE, 0, 350, 50, .count = 3, .path = {{-36, 82, 2, 4}, {-14, 76, 0, 5}, {-14, 76, 0, 5}}},
    {TUBE, 0, 350, 50, .count = 3, .path = {{36, 82, 2, 4}, {14, 76, 0, 5}, {14, 76, 0, 5}}},
};

static const struct shape organs[] = {
    {ROUND, LIVER, 112, 8, {-62, -8, 30}, {62, 70, 56}, {0.1, 0.12, 0.1}, .within = &cavity},
    {ROUND, LIVER, 112, 8, {-6, -44, 42}, {60, 30, 30}, {0, 0.25, 0.1}, .within = &cavity},
    {TUBE, KEEP, 165, 6, .count = 4, .path = {{-20, 4, 12, 7}, {-40, -6, 24, 6}, {-66, -2, 34, 4}, {-92, 8, 38, 2.5}}},
    {TUBE, KEEP, 165, 6, .count = 3, .path = {{-40, -6, 24, 5}, {-20, -36, 40, 4}, {10, -48, 46, 3}}},
    {TUBE, KEEP, 160, 6, .count = 3, .path = {{-26, 20, 62, 5}, {-52, -8, 58, 4}, {-80, -30, 50, 2.5}}},
    {ROUND, LESION, 62, 5, {-84, 26, 14}, {10, 9, 9}, .within = 0},
    {ROUND, SPLEEN, 128, 8, {92, 28, 32}, {22, 46, 38}, {0.1, -0.15, 0.25}, .within = &cavity},
    {TUBE, STOMACH, 55, 8, .count = 4, .path = {{66, -14, 58, 25}, {62, -36, 36, 26}, {44, -52, 12, 20}, {6, -52, -6, 13}}},
    {TUBE, STOMACH, 22, 14, .count = 4, .path = {{66, -14, 58, 20}, {62, -36, 36, 21}, {44, -52, 12, 16}, {10, -53, -4, 9}}},
    {ROUND, STOMACH, -880, 30, {60, -50, 46}, {15, 9, 20}, {-0.3, 0, 0}, .within = 0},
    {ROUND, GALLBLADDER, 8, 4, {-42, -50, -6}, {13, 18, 24}, {0.2, 0, 0}, .within = 0},
    {TUBE, 0, 62, 20, .count = 4, .path = {{-6, -48, -8, 12}, {-34, -28, -14, 11}, {-36, -8, -34, 11}, {-10, 6, -48, 10}}}, /* duodenum */
    {TUBE, PANCREAS, 88, 14, .count = 4, .path = {{-18, -6, -14, 11}, {8, -16, 0, 8}, {36, -8, 10, 8.5}, {64, 8, 20, 7}}},
    {TUBE, 0, 170, 5, .count = 4, .path = {{-18, 2, 6, 6}, {8, -2, 4, 5}, {36, 4, 12, 4}, {72, 18, 22, 3.5}}}, /* splenic vein */
    {TUBE, AORTA, 205, 6, .count = 4, .path = {{10, 34, 90, 12}, {7, 31, 30, 11.5}, {5, 30, -20, 10.5}, {4, 30, -90, 10}}},
    {TUBE, 0, 200, 5, .count = 3, .path = {{6, 24, 4, 5}, {6, 10, -8, 4}, {4, 2, -40, 3.5}}}, /* superior mesenteric artery */
    {TUBE, INFERIOR_VENA_CAVA, 148, 8, .count = 4, .path = {{-18, 16, 84, 12}, {-22, 22, 30, 12.5}, {-22, 26, -20, 12}, {-18, 30, -90, 11}}},
    {ROUND, KIDNEY_LEFT, 172, 22, {62, 42, -22}, {27, 25, 52}, {-0.12, 0.12, 0.4}, .within = 0},
    {ROUND, 0, -70, 30, {44, 30, -22}, {15, 10, 20}, {0, 0, 0.5}, .within = 0},
    {ROUND, KIDNEY_RIGHT, 172, 22, {-62, 42, -34}, {26, 25, 48}, {-0.12, -0.12, -0.4}, .within = 0},
    {ROUND, 0, -70, 30, {-44, 30, -34}, {15, 10, 19}, {0, 0, -0.5}, .within = 0},
    {TUBE, 0, 150, 8, .count = 2, .path = {{46, 32, -20, 4.5}, {12, 22, -14, 4}}}, /* renal veins */
    {TUBE, 0, 150, 8, .count = 2, .path = {{-46, 32, -34, 4.5}, {-24, 26, -28, 4.5}}},
    {TUBE, ADRENAL_LEFT, 78, 5, .count = 3, .path = {{30, 18, 34, 3.6}, {40, 28, 24, 3.8}, {30, 36, 20, 3.2}}},
};

/* clang-format on */
static void add(struct phantom *phantom, const struct shape *shapes, int count)
{
    memcpy(phantom->shapes + phantom->shape_count, shapes, (size_t)count * sizeof *shapes);
    phantom->shape_count += count;
}
#define ADD(phantom, table) add(phantom, table, (int)(sizeof table / sizeof table[0]))

/* Ribs run round the body wall, lower in front than behind. */
static void add_ribs(struct phantom *phantom)
{
    static const double round[TUBE_POINTS][2] = {{0.17, 0.96}, {0.42, 0.97}, {0.71, 0.83},
                                                 {0.93, 0.50}, {1, 0.05},    {0.94, -0.40},
                                                 {0.78, -0.70}};
    for (int n = 0; n < 12; n++) {
        struct shape rib = {.kind = TUBE, .value = 430, .texture = 120, .count = TUBE_POINTS};
        double side = n % 2 ? 1 : -1, top = 118 - 26 * (n / 2);
        rib.count = n / 2 == 5 ? 4 : TUBE_POINTS; /* the last one is short */
        for (int t = 0; t < rib.count; t++) {
            double *p = rib.path[t];
            p[0] = side * 126 * round[t][0];
            p[1] = -8 + 88 * round[t][1];
            p[2] = top - 9 * t;
            p[3] = 5;
        }
        phantom->shapes[phantom->shape_count++] = rib;
    }
}

void phantom_ct(struct phantom *phantom)
{
    *phantom = (struct phantom){
        .name = "ct",
        .title = "sammed2d synthetic CT phantom",
        .labels = {"liver", "spleen", "kidney_left", "kidney_right", "stomach", "gallbladder",
                   "pancreas", "aorta", "inferior_vena_cava", "vertebrae_L1", "adrenal_gland_left",
                   "liver_lesion"},
        .seed = 20261123,
        .background = -1000,
        .warp_mm = 4.5,
        .warp_scale_mm = 34,
        .noise = 14,
        .dim = {128, 120, 40},
        .spacing_mm = {2.5, 2.5, 4},
        .direction_lps = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
        .centre_lps = {3, -12, 200},
        .slice_axis = 2,
        .scl_inter = -1024,
    };
    phantom->centre_lps[2] = 0;
    ADD(phantom, body);
    add_ribs(phantom);
    ADD(phantom, spine);
    ADD(phantom, organs);
}

/* 97 x 91 is 3 more than a multiple of 8: bits of one frame and the next share a byte. */
void phantom_ct_dicom(struct phantom *phantom)
{
    static const int dim[3] = {97, 91, 20};
    static const double spacing[3] = {3.3, 3.3, 8};
    phantom_ct(phantom);
    phantom->name = "ct-dicom";
    phantom->dicom = 1;
    for (int a = 0; a < 3; a++) {
        phantom->dim[a] = dim[a];
        phantom->spacing_mm[a] = spacing[a];
    }
}
