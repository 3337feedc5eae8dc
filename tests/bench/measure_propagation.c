/* measure_propagation WEIGHTS IMAGE TRUTH [LABEL...] - 3-D Dice of ways to carry an object on.
 *
 * Every label of TRUTH (or those named) that spans at least three slices is an object. It is prompted
 * with its box on the slice that halves it, with its box on the slice at a quarter of its extent, or
 * with its innermost point on the former, and carried on in each of the ways of the table; and, to
 * compare with, with its box on every slice that shows it. One line a way: mean Dice over the labels of
 * the three. In the environment, LIST=1: each label's too; WAY=TEXT: only ways with that in their name. Figures: src/pipeline/PROPAGATION.md.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pipeline/pipeline.h"
#include "sammed2d/nifti.h"

#define LIMITS(most, wide, jump)                                                                   \
    .growth = .08f, .growth_px = 2, .collapse = .25f, .overlap = .6f, .likeness = .7f,             \
    .contrast = .5f, .least_iou = .5f, .tolerance = 2.5f, .explosion = most, .widest = wide,       \
    .burst = jump
#define GREY .by_grey = true, .separation = .6f
static const struct way {
    const char *name;
    struct propagation how;
} ways[] = {
    {"grey box 1.4 / 1.15", {.box = true, GREY, LIMITS(1.4f, 1.15f, 100)}},
    {"grey box 1.8 / 1.15", {.box = true, GREY, LIMITS(1.8f, 1.15f, 100)}},
    {"grey box 1.4 / 1.3", {.box = true, GREY, LIMITS(1.4f, 1.3f, 100)}},
    {"grey box 1.8 / 1.3", {.box = true, GREY, LIMITS(1.8f, 1.3f, 100)}},
    {"grey box 2.5 / 1.5", {.box = true, GREY, LIMITS(2.5f, 1.5f, 100)}},
    {"grey box 4 / 2, jump", {.box = true, GREY, LIMITS(4, 2, 1.5f)}},
    {"box", {.box = true, LIMITS(2.5f, 1.5f, 100)}},
    {"box and mask", {.box = true, .mask = true, LIMITS(2.5f, 1.5f, 100)}},
    {"mask", {.mask = true, LIMITS(2.5f, 1.5f, 100)}},
};
enum { WAYS = (int)(sizeof ways / sizeof *ways), LABELS = 256, LEAST_SLICES = 3 };

struct truth {
    struct sm_volume volume;
    struct sm_labels labels;
    struct sm_view view;
    uint16_t *slices; /* labels in the frame of the view: (slices, height, width) */
    bool wanted[256];
    float **embeddings; /* (slices), shared by all measurements */
};

static void die(const struct sm_err *err)
{
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static void to_view(struct truth *truth)
{
    const int *dim = truth->view.dim;
    uint16_t *out = truth->slices = malloc(sm_grid_voxels(&truth->labels.grid) * sizeof *out);
    for (int s = 0; s < dim[2]; s++) {
        size_t origin;
        ptrdiff_t column, row;
        sm_view_steps(&truth->view, &truth->labels.grid, s, &origin, &column, &row);
        for (int y = 0; y < dim[1]; y++)
            for (int x = 0; x < dim[0]; x++)
                *out++ = truth->labels.voxels[(ptrdiff_t)origin + x * column + y * row];
    }
}

static bool label_on(const struct truth *truth, int label, int s, bool *inside, size_t *area)
{
    size_t pixels = (size_t)truth->view.dim[0] * (size_t)truth->view.dim[1];
    *area = 0;
    for (size_t p = 0; p < pixels; p++)
        *area += inside[p] = truth->slices[(size_t)s * pixels + p] == label;
    return *area > 0;
}

static void give_id(struct sm_prompts *prompts, int label)
{
    char name[16];
    struct sm_err err;
    struct sm_object *object;
    snprintf(name, sizeof name, "%d", label);
    if (sm_prompts_object(prompts, name, &object, &err))
        die(&err);
    object->id = label;
}

static void add_box(const struct truth *truth, struct sm_prompts *prompts, int label, int s,
                    const bool *inside)
{
    float box[4];
    double ijk[2][3];
    char text[128];
    struct sm_err err;
    mask_box(inside, truth->view.dim[1], truth->view.dim[0], box);
    sm_view_to_voxel(&truth->view, (double[]){box[0], box[1], s}, ijk[0]);
    sm_view_to_voxel(&truth->view, (double[]){box[2] - 1, box[3] - 1, s}, ijk[1]);
    snprintf(text, sizeof text, "%d=%g,%g,%g,%g,%g,%g", label, ijk[0][0], ijk[0][1], ijk[0][2],
             ijk[1][0], ijk[1][1], ijk[1][2]);
    give_id(prompts, label);
    if (sm_prompts_add_box(prompts, text, SM_SPACE_VOXEL, &err))
        die(&err);
}

/* How far the label reaches about a pixel: the half side of the largest square in it. */
static int reach_at(const struct truth *truth, const bool *inside, int x, int y)
{
    int width = truth->view.dim[0], height = truth->view.dim[1];
    for (int reach = 0;; reach++)
        for (int d = -reach; d <= reach; d++) {
            const int ring[4][2] = {{x + d, y - reach}, {x + d, y + reach}, {x - reach, y + d}, {x + reach, y + d}};
            for (int n = 0; n < 4; n++)
                if (ring[n][0] < 0 || ring[n][1] < 0 || ring[n][0] >= width || ring[n][1] >= height ||
                    !inside[ring[n][1] * width + ring[n][0]])
                    return reach - 1;
        }
}

static void add_point(const struct truth *truth, struct sm_prompts *prompts, int label, int s,
                      const bool *inside)
{
    int best = -1;
    double ijk[3], at[3] = {0, 0, s};
    char text[128];
    struct sm_err err;
    for (int y = 0; y < truth->view.dim[1]; y++)
        for (int x = 0; x < truth->view.dim[0]; x++)
            if (reach_at(truth, inside, x, y) > best) {
                best = reach_at(truth, inside, x, y);
                at[0] = x;
                at[1] = y;
            }
    sm_view_to_voxel(&truth->view, at, ijk);
    snprintf(text, sizeof text, "%d=%g,%g,%g", label, ijk[0], ijk[1], ijk[2]);
    give_id(prompts, label);
    if (sm_prompts_add_point(prompts, text, true, SM_SPACE_VOXEL, &err))
        die(&err);
}

enum kind { EVERY_BOX, MIDDLE_BOX, QUARTER_BOX, MIDDLE_POINT, KINDS };

/* The slice to prompt on; -1 when the label spans too few. */
static int slice_for(const struct truth *truth, int label, enum kind kind, bool *inside)
{
    size_t area, total = 0, seen = 0;
    int slices = 0, number = 0, s = 0;
    for (int t = 0; t < truth->view.dim[2]; t++) {
        slices += label_on(truth, label, t, inside, &area);
        total += area;
    }
    if (slices < LEAST_SLICES)
        return -1;
    for (;; s++) {
        bool there = label_on(truth, label, s, inside, &area);
        seen += area;
        if (there && (kind == QUARTER_BOX ? number++ == slices / 4 : 2 * seen >= total))
            return s;
    }
}

static void add_label(const struct truth *truth, struct sm_prompts *prompts, int label, enum kind kind)
{
    bool *inside = malloc((size_t)truth->view.dim[0] * (size_t)truth->view.dim[1]);
    size_t area;
    int slice = slice_for(truth, label, kind, inside);
    for (int s = 0; slice >= 0 && s < truth->view.dim[2]; s++) {
        if ((kind != EVERY_BOX && s != slice) || !label_on(truth, label, s, inside, &area))
            continue;
        if (kind == MIDDLE_POINT)
            add_point(truth, prompts, label, s, inside);
        else
            add_box(truth, prompts, label, s, inside);
    }
    free(inside);
}

static double mean_dice(const struct truth *truth, const struct sm_prompts *prompts,
                        const struct sm_result *result, bool list)
{
    static size_t expected[65536], found[65536], both[65536];
    const uint16_t *labels = sm_result_labels(result)->voxels;
    double sum = 0;
    memset(expected, 0, sizeof expected);
    memset(found, 0, sizeof found);
    memset(both, 0, sizeof both);
    for (size_t v = 0; v < sm_grid_voxels(&truth->labels.grid); v++) {
        expected[truth->labels.voxels[v]]++;
        found[labels[v]]++;
        both[labels[v]] += labels[v] == truth->labels.voxels[v];
    }
    for (size_t o = 0; o < prompts->count; o++) {
        int id = prompts->objects[o].id;
        double dice = 2.0 * (double)both[id] / (double)(expected[id] + found[id]);
        const struct sm_object_result *object = sm_result_object(result, o);
        sum += dice;
        if (list)
            printf("      label %d: Dice %.3f, %zu voxels of %zu, slices %d-%d\n", id, dice, found[id],
                   expected[id], object->slices[0], object->slices[1]);
    }
    return sum / (double)prompts->count;
}

static double measure(const struct truth *truth, const struct sm_model *model, enum kind kind,
                      const struct propagation *how)
{
    struct sm_prompts prompts = {0};
    struct sm_result *result;
    struct sm_err err;
    struct sm_segment_options options = {
        .propagate = kind == EVERY_BOX ? SM_PROPAGATE_NONE : SM_PROPAGATE_BOTH};
    for (int label = 1; label < LABELS; label++)
        if (truth->wanted[label])
            add_label(truth, &prompts, label, kind);
    if (sm_prompts_resolve(&prompts, &truth->volume.grid, &err) ||
        segment_with(&result, model, &truth->volume, &prompts, &options, how,
                     truth->embeddings, NULL, &err))
        die(&err);
    double dice = mean_dice(truth, &prompts, result, getenv("LIST") != NULL);
    sm_result_free(result);
    sm_prompts_free(&prompts);
    return dice;
}

static void line(const struct truth *truth, const struct sm_model *model, const char *name,
                 const struct propagation *how)
{
    printf("%-21s", name);
    for (enum kind kind = MIDDLE_BOX; kind < KINDS; kind++)
        printf(" %.3f", measure(truth, model, kind, how));
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct truth truth = {0};
    struct sm_model *model;
    struct sm_err err;
    if (argc < 4)
        return 1;
    for (int label = 1; label < LABELS; label++)
        truth.wanted[label] = argc == 4;
    for (int a = 4; a < argc; a++)
        truth.wanted[atoi(argv[a]) & 255] = true;
    if (sm_model_open(&model, argv[1], &err) || sm_nifti_read(&truth.volume, argv[2], -1, NULL, &err) ||
        sm_nifti_read_labels(&truth.labels, argv[3], NULL, &err))
        die(&err);
    sm_view_choose(&truth.view, &truth.volume, SM_PLANE_AUTO, sm_model_config(model)->orientation);
    to_view(&truth);
    truth.embeddings = calloc((size_t)truth.view.dim[2], sizeof *truth.embeddings);
    const char *only = getenv("WAY");
    if (!only)
        printf("%-21s %.3f\n", "box every slice", measure(&truth, model, EVERY_BOX, &propagation_default));
    for (int w = 0; w < WAYS; w++)
        if (!only || strstr(ways[w].name, only))
            line(&truth, model, ways[w].name, &ways[w].how);
    if (!only)
        line(&truth, model, "as it is", &propagation_default);
    for (int s = 0; s < truth.view.dim[2]; s++)
        free(truth.embeddings[s]);
    free(truth.embeddings);
    sm_model_close(model);
    sm_labels_free(&truth.labels);
    sm_volume_free(&truth.volume);
    free(truth.slices);
    return 0;
}
