/* Two label sets on one grid: turned, where the voxels are the same, else resampled. */
#include <math.h>
#include <stdio.h>
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

static void corner_of(const struct sm_grid *grid, int corner, double lps[3])
{
    double ijk[3];
    for (int c = 0; c < 3; c++)
        ijk[c] = corner >> c & 1 ? grid->dim[c] - 1 : 0;
    sm_grid_to_lps(grid, ijk, lps);
}

/* The farthest that a corner of a is from the nearest corner of b. */
static double corners_apart_mm(const struct sm_grid *a, const struct sm_grid *b)
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

/* Fractional index in b of index (0, 0, 0) of a, and what a step along each of a's axes adds to it. */
static void index_map(const struct sm_grid *a, const struct sm_grid *b, double start[3], double step[3][3])
{
    double lps[3];
    sm_grid_to_lps(a, (const double[3]){0, 0, 0}, lps);
    sm_grid_from_lps(b, lps, start);
    for (int c = 0; c < 3; c++) {
        double one[3] = {0};
        one[c] = 1;
        sm_grid_to_lps(a, one, lps);
        sm_grid_from_lps(b, lps, step[c]);
        for (int x = 0; x < 3; x++)
            step[c][x] -= start[x];
    }
}

static uint16_t value_at(const struct sm_labels *map, const double at[3])
{
    const int *dim = map->grid.dim;
    size_t index[3];
    for (int c = 0; c < 3; c++) {
        double nearest = rint(at[c]);
        if (!(nearest >= 0 && nearest < dim[c]))
            return 0;
        index[c] = (size_t) nearest;
    }
    return map->voxels[(index[2] * (size_t) dim[1] + index[1]) * (size_t) dim[0] + index[0]];
}

static enum sm_status resample(struct sm_labels *map, const struct sm_grid *grid, struct sm_err *err)
{
    double start[3], step[3][3];
    const int *dim = grid->dim;
    struct sm_labels out;
    enum sm_status status = sm_labels_alloc(&out, grid, err);
    if (status)
        return status;
    index_map(grid, &map->grid, start, step);
#pragma omp parallel for
    for (int k = 0; k < dim[2]; k++)
        for (int j = 0; j < dim[1]; j++) {
            uint16_t *row = out.voxels + ((size_t) k * (size_t) dim[1] + (size_t) j) * (size_t) dim[0];
            for (int i = 0; i < dim[0]; i++) {
                double at[3];
                for (int x = 0; x < 3; x++)
                    at[x] = start[x] + i * step[0][x] + j * step[1][x] + k * step[2][x];
                uint16_t value = value_at(map, at);
                if (value) /* empty pages stay untouched */
                    row[i] = value;
            }
        }
    sm_labels_free(map);
    *map = out;
    return SM_OK;
}

/* ---- what to do ---- */

static void describe(char *text, size_t size, const struct sm_grid *grid)
{
    char letters[4];
    sm_grid_orientation_letters(grid, letters);
    snprintf(text, size, "%d x %d x %d voxels of %.6g x %.6g x %.6g mm, %s, the first at %.6g,%.6g,%.6g",
             grid->dim[0], grid->dim[1], grid->dim[2], sm_grid_spacing_mm(grid, 0), sm_grid_spacing_mm(grid, 1),
             sm_grid_spacing_mm(grid, 2), letters, grid->affine_lps[0][3], grid->affine_lps[1][3],
             grid->affine_lps[2][3]);
}

static enum sm_status fail_grids(const struct sm_comparison *comparison, const struct sm_grid *a,
                                 const struct sm_grid *b, const char *how, struct sm_err *err)
{
    char text_a[200], text_b[200];
    describe(text_a, sizeof text_a, a);
    describe(text_b, sizeof text_b, b);
    return sm_fail(err, SM_USAGE, "the grids %s: A has %s; B has %s (LPS mm); corners are up to %.6g mm apart. "
                   "Use --resample to bring B onto A's grid by nearest neighbour", how, text_a, text_b,
                   comparison->distance_mm);
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
    bool aligned = sm_grid_find_turn(turn, grid_a, &grid_b);
    bool covers = aligned && (turn->whole || !compare_is_map(a) || !compare_is_map(b));
    struct sm_grid turned = aligned ? turned_grid(grid_a, &grid_b, turn) : grid_b;
    comparison->grid = *grid_a;
    comparison->distance_mm = covers ? sm_grid_distance_mm(grid_a, &turned) : corners_apart_mm(grid_a, &grid_b);
    comparison->same_grid = covers && comparison->distance_mm <= SAME * smallest_spacing_mm(grid_a);
    comparison->same_order = comparison->same_grid && stored_alike(turn);
    if (covers && !comparison->same_grid)
        sm_warn(listener, "the grids are up to %.4g mm apart; they are compared voxel by voxel all the same",
                comparison->distance_mm);
    if (covers)
        return SM_OK;
    if (!resample_b)
        return fail_grids(comparison, grid_a, &grid_b, aligned ? "cover different regions" : "have different voxels",
                          err);
    enum sm_status status = SM_OK;
    for (size_t m = 0; !status && m < b->map_count; m++)
        status = resample(&b->maps[m], grid_a, err);
    comparison->resampled = true;
    *turn = identity;
    return status;
}
