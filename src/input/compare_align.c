/* Two label sets on one grid: turned, where the voxels are the same, else resampled. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "input/compare_internal.h"

static const double SAME = 0.01; /* of the smallest spacing */

static double smallest_spacing_mm(const struct sm_grid *grid)
{
    return fmin(sm_grid_spacing_mm(grid, 0), fmin(sm_grid_spacing_mm(grid, 1), sm_grid_spacing_mm(grid, 2)));
}

/* b with its axes in the order of a: index (0, 0, 0) is where a has it. */
static struct sm_grid turned_grid(const struct sm_grid *a, const struct sm_grid *b, const struct sm_turn *turn)
{
    struct sm_grid grid = *a;
    double origin[3], lps[3];
    for (int c = 0; c < 3; c++)
        origin[c] = turn->offset[c];
    sm_grid_to_lps(b, origin, lps);
    for (int row = 0; row < 3; row++) {
        for (int c = 0; c < 3; c++)
            grid.affine_lps[row][c] = turn->step[c] * b->affine_lps[row][turn->axis[c]];
        grid.affine_lps[row][3] = lps[row];
    }
    return grid;
}

static void corner_of(const struct sm_label_set *set, int corner, double lps[3])
{
    double ijk[3];
    for (int c = 0; c < 3; c++)
        ijk[c] = corner >> c & 1 ? set->maps->grid.dim[c] - 1 : 0;
    compare_place(set, ijk, lps);
}

/* The farthest that a corner of a is from the nearest corner of b. */
static double corners_apart_mm(const struct sm_label_set *a, const struct sm_label_set *b)
{
    double farthest = 0;
    for (int n = 0; n < 8; n++) {
        double at[3], other[3], nearest = INFINITY;
        corner_of(a, n, at);
        for (int m = 0; m < 8; m++) {
            corner_of(b, m, other);
            nearest = fmin(nearest, hypot(hypot(at[0] - other[0], at[1] - other[1]), at[2] - other[2]));
        }
        farthest = fmax(farthest, nearest);
    }
    return farthest;
}

/* ---- resampling ---- */

/* From one set's voxels to another's. */
struct passage {
    const struct sm_label_set *to, *from;
    double step[2][3];  /* what a step along i and j of `to` adds to the index in `from` */
    double (*place)[3]; /* (dim[2]) where slices of `from` begin, in indices of its grid; NULL: where its affine says */
};

static enum sm_status find_passage(struct passage *passage, struct sm_err *err)
{
    const struct sm_label_set *from = passage->from;
    const struct sm_grid *grid = &from->maps->grid;
    double start[3], lps[3];
    sm_grid_to_lps(&passage->to->maps->grid, (const double[3]){0, 0, 0}, lps);
    sm_grid_from_lps(grid, lps, start);
    for (int c = 0; c < 2; c++) {
        double one[3] = {0};
        one[c] = 1;
        sm_grid_to_lps(&passage->to->maps->grid, one, lps);
        sm_grid_from_lps(grid, lps, passage->step[c]);
        for (int x = 0; x < 3; x++)
            passage->step[c][x] -= start[x];
    }
    if (!from->slice_origin_lps)
        return SM_OK;
    passage->place = malloc((size_t)grid->dim[2] * sizeof *passage->place);
    if (!passage->place)
        return sm_fail(err, SM_MEMORY, "out of memory for %d slices", grid->dim[2]);
    for (int k = 0; k < grid->dim[2]; k++)
        sm_grid_from_lps(grid, from->slice_origin_lps[k], passage->place[k]);
    return SM_OK;
}

/* Of places in order the one that is nearest in depth. */
static int nearest_place(const double (*place)[3], int count, double depth)
{
    int low = 0, high = count - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (place[middle][2] + place[middle + 1][2] < 2 * depth)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A slice that has its own place fills half a usual step to either side, and no gap that is wider. */
static uint16_t value_at(const struct sm_labels *map, const double (*place)[3], const double index[3])
{
    const int *dim = map->grid.dim;
    double at[3] = {index[0], index[1], index[2]};
    if (place) {
        int k = nearest_place(place, dim[2], at[2]);
        at[0] -= place[k][0];
        at[1] -= place[k][1];
        at[2] = fabs(at[2] - place[k][2]) <= 0.5 ? k : -1;
    }
    size_t voxel[3];
    for (int c = 0; c < 3; c++) {
        double nearest = rint(at[c]);
        if (!(nearest >= 0 && nearest < dim[c]))
            return 0;
        voxel[c] = (size_t)nearest;
    }
    return map->voxels[(voxel[2] * (size_t)dim[1] + voxel[1]) * (size_t)dim[0] + voxel[0]];
}

static void resample_slice(uint16_t *out, const struct passage *passage, const struct sm_labels *map, int k)
{
    const int *dim = passage->to->maps->grid.dim;
    const double (*step)[3] = passage->step;
    double start[3], lps[3];
    compare_place(passage->to, (const double[3]){0, 0, k}, lps);
    sm_grid_from_lps(&map->grid, lps, start);
    for (int j = 0; j < dim[1]; j++)
        for (int i = 0; i < dim[0]; i++) {
            double at[3];
            for (int x = 0; x < 3; x++)
                at[x] = start[x] + i * step[0][x] + j * step[1][x];
            uint16_t value = value_at(map, passage->place, at);
            if (value) /* empty pages stay untouched */
                out[(size_t)j * (size_t)dim[0] + (size_t)i] = value;
        }
}

static enum sm_status resample(struct sm_labels *map, const struct passage *passage, struct sm_err *err)
{
    const int *dim = passage->to->maps->grid.dim;
    struct sm_labels out;
    enum sm_status status = sm_labels_alloc(&out, &passage->to->maps->grid, err);
    if (status)
        return status;
#pragma omp parallel for
    for (int k = 0; k < dim[2]; k++)
        resample_slice(out.voxels + (size_t)k * (size_t)dim[0] * (size_t)dim[1], passage, map, k);
    sm_labels_free(map);
    *map = out;
    return SM_OK;
}

/* B's maps on A's voxels; its slices are A's then. */
static enum sm_status resample_all(const struct sm_label_set *a, struct sm_label_set *b, struct sm_err *err)
{
    struct passage passage = {.to = a, .from = b};
    enum sm_status status = find_passage(&passage, err);
    for (size_t m = 0; !status && m < b->map_count; m++)
        status = resample(&b->maps[m], &passage, err);
    free(passage.place);
    free(b->slice_origin_lps);
    b->slice_origin_lps = NULL;
    return status;
}

/* ---- what to do ---- */

static const char *unevenly(const struct sm_label_set *set)
{
    return set->slice_origin_lps ? " on unevenly spaced slices" : "";
}

static enum sm_status fail_grids(const struct sm_comparison *comparison, const struct sm_label_set *a,
                                 const struct sm_label_set *b, const char *how, struct sm_err *err)
{
    char text_a[200], text_b[200];
    sm_grid_describe(&a->maps->grid, text_a, sizeof text_a);
    sm_grid_describe(&b->maps->grid, text_b, sizeof text_b);
    return sm_fail(err, SM_USAGE,
                   "the grids %s: A has %s%s; B has %s%s (LPS mm); corners are up to %.6g mm apart. "
                   "Use --resample to bring B onto A's grid by nearest neighbour",
                   how, text_a, unevenly(a), text_b, unevenly(b), comparison->distance_mm);
}

/* Regular grids are what their affines say; uneven slices have been brought to the same places, or differ. */
static bool slices_agree(const struct sm_label_set *a, const struct sm_label_set *b)
{
    size_t bytes = (size_t)a->maps->grid.dim[2] * sizeof *a->slice_origin_lps;
    if (!a->slice_origin_lps || !b->slice_origin_lps)
        return a->slice_origin_lps == b->slice_origin_lps;
    return a->maps->grid.dim[2] == b->maps->grid.dim[2] && memcmp(a->slice_origin_lps, b->slice_origin_lps, bytes) == 0;
}

static const struct sm_turn identity = {{0, 1, 2}, {1, 1, 1}, {0, 0, 0}, true};

static bool stored_alike(const struct sm_turn *turn)
{
    return memcmp(turn->axis, identity.axis, sizeof turn->axis) == 0 &&
           memcmp(turn->step, identity.step, sizeof turn->step) == 0;
}

enum sm_status compare_align(struct sm_comparison *comparison, struct sm_turn *turn,
                             const struct sm_label_set *a, struct sm_label_set *b, bool resample_b,
                             const struct sm_listener *listener, struct sm_err *err)
{
    const struct sm_grid *grid_a = &a->maps->grid, grid_b = b->maps->grid;
    bool aligned = slices_agree(a, b) && sm_grid_find_turn(turn, grid_a, &grid_b);
    bool covers = aligned && (turn->whole || !compare_is_map(a) || !compare_is_map(b));
    struct sm_grid turned = aligned ? turned_grid(grid_a, &grid_b, turn) : grid_b;
    comparison->grid = *grid_a;
    comparison->distance_mm = covers ? fmax(sm_grid_distance_mm(grid_a, &turned), fmax(a->moved_mm, b->moved_mm))
                                     : corners_apart_mm(a, b);
    comparison->same_grid = covers && comparison->distance_mm <= SAME * smallest_spacing_mm(grid_a);
    comparison->same_order = comparison->same_grid && stored_alike(turn);
    if (covers && !comparison->same_grid)
        sm_warn(listener, "the grids are up to %.4g mm apart; they are compared voxel by voxel all the same",
                comparison->distance_mm);
    if (covers)
        return SM_OK;
    if (!resample_b)
        return fail_grids(comparison, a, b, aligned ? "cover different regions" : "have different voxels", err);
    comparison->resampled = true;
    *turn = identity;
    return resample_all(a, b, err);
}
