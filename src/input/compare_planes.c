/* Two segmentations, one of which at least has unevenly spaced planes: the planes of either. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "input/compare_internal.h"

static const double SAME = 0.05; /* of a voxel: as far as rounded headers put one place apart */

void compare_place(const struct sm_label_set *set, const double ijk[3], double lps[3])
{
    struct sm_grid grid = set->maps->grid;
    if (!set->slice_origin_lps) {
        sm_grid_to_lps(&grid, ijk, lps);
        return;
    }
    const double in_plane[3] = {ijk[0], ijk[1], 0};
    for (int row = 0; row < 3; row++)
        grid.affine_lps[row][3] = set->slice_origin_lps[(int)ijk[2]][row];
    sm_grid_to_lps(&grid, in_plane, lps);
}

static double apart_mm(const double p[3], const double q[3])
{
    return hypot(hypot(p[0] - q[0], p[1] - q[1]), p[2] - q[2]);
}

struct plane {
    double depth_mm, corner[3];
    bool of[2]; /* A, B */
};
struct planes {
    struct plane *plane;
    int count;
    double normal[3];
};

static double depth_of(const struct planes *planes, const double at[3])
{
    return planes->normal[0] * at[0] + planes->normal[1] * at[1] + planes->normal[2] * at[2];
}

static void find_normal(struct planes *planes, const struct sm_grid *grid)
{
    const double (*a)[4] = grid->affine_lps;
    double length = 0, along = 0;
    for (int row = 0; row < 3; row++) {
        int y = (row + 1) % 3, z = (row + 2) % 3;
        planes->normal[row] = a[y][0] * a[z][1] - a[z][0] * a[y][1];
        length += planes->normal[row] * planes->normal[row];
        along += planes->normal[row] * a[row][2];
    }
    for (int row = 0; row < 3; row++)
        planes->normal[row] /= along < 0 ? -sqrt(length) : sqrt(length);
}

/* How B's pixels lie to A's in any plane: pictures of one size, in whatever order. */
static bool find_picture_turn(struct sm_turn *turn, const struct sm_grid *a, const struct sm_grid *b)
{
    struct sm_grid picture[2] = {*a, *b};
    for (int n = 0; n < 2; n++) {
        picture[n].dim[2] = 1;
        for (int row = 0; row < 3; row++) {
            picture[n].affine_lps[row][2] = a->affine_lps[row][2];
            picture[n].affine_lps[row][3] = 0;
        }
    }
    return sm_grid_find_turn(turn, &picture[0], &picture[1]) && turn->axis[2] == 2 &&
           a->dim[0] == b->dim[turn->axis[0]] && a->dim[1] == b->dim[turn->axis[1]];
}

/* Frames without a pixel are not written, so a plane without one may be none. */
static bool has_voxels(const struct sm_label_set *set, int k)
{
    const int *dim = set->maps->grid.dim;
    size_t pixels = (size_t)dim[0] * (size_t)dim[1];
    for (size_t m = 0; m < set->map_count; m++)
        for (size_t p = 0; p < pixels; p++)
            if (set->maps[m].voxels[(size_t)k * pixels + p])
                return true;
    return false;
}

static void add_planes(struct planes *planes, const struct sm_label_set *set, int side, const struct sm_turn *turn)
{
    const int *dim = set->maps->grid.dim;
    for (int k = 0; k < dim[2]; k++) {
        struct plane *plane = &planes->plane[planes->count];
        double at[3] = {0, 0, k};
        for (int c = 0; c < 2; c++)
            at[turn->axis[c]] = turn->step[c] > 0 ? 0 : dim[turn->axis[c]] - 1;
        if (!has_voxels(set, k))
            continue;
        compare_place(set, at, plane->corner);
        plane->depth_mm = depth_of(planes, plane->corner);
        plane->of[side] = true;
        planes->count++;
    }
}

static int by_depth(const void *x, const void *y)
{
    const struct plane *p = x, *q = y;
    return p->depth_mm != q->depth_mm ? (p->depth_mm > q->depth_mm) - (p->depth_mm < q->depth_mm)
                                      : p->of[1] - q->of[1];
}

/* Planes of both sets at one depth become one. False: they lie beside one another. */
static bool join_planes(struct planes *planes, double *moved_mm, const struct sm_grid *a, const struct sm_grid *b)
{
    double step_mm = fmin(sm_grid_spacing_mm(a, 2), sm_grid_spacing_mm(b, 2));
    double beside_mm = SAME * (step_mm + fmin(sm_grid_spacing_mm(a, 0), sm_grid_spacing_mm(a, 1)));
    int kept = 0;
    for (int p = 0; p < planes->count; p++) {
        struct plane *here = &planes->plane[p], *last = &planes->plane[kept - (kept > 0)];
        if (kept == 0 || here->depth_mm - last->depth_mm > SAME * step_mm) {
            planes->plane[kept++] = *here;
            continue;
        }
        double off_mm = apart_mm(here->corner, last->corner);
        if ((here->of[0] && last->of[0]) || (here->of[1] && last->of[1]) || off_mm > beside_mm)
            return false;
        *moved_mm = fmax(*moved_mm, off_mm);
        last->of[0] = last->of[1] = true;
    }
    planes->count = kept;
    return true;
}

/* Where both sets are, are all planes those of both? Of two series one of which is thicker they are not. */
static bool interlock(const struct planes *planes)
{
    int first[2] = {-1, -1}, last[2] = {-1, -1};
    for (int p = 0; p < planes->count; p++)
        for (int n = 0; n < 2; n++)
            if (planes->plane[p].of[n]) {
                first[n] = first[n] < 0 ? p : first[n];
                last[n] = p;
            }
    int from = first[0] > first[1] ? first[0] : first[1], to = last[0] < last[1] ? last[0] : last[1];
    for (int p = from; p <= to; p++)
        if (!planes->plane[p].of[0] || !planes->plane[p].of[1])
            return false;
    return from <= to;
}

/* A's grid, with the usual step of whichever has more planes. */
static enum sm_status take_planes(struct sm_volume *like, const struct planes *planes, const struct sm_grid *a,
                                  const struct sm_grid *b, struct sm_err *err)
{
    const struct sm_grid *longer = b->dim[2] > a->dim[2] ? b : a;
    like->grid = *a;
    like->grid.dim[2] = planes->count;
    like->slice_origin_lps = malloc((size_t)planes->count * sizeof *like->slice_origin_lps);
    if (!like->slice_origin_lps)
        return sm_fail(err, SM_MEMORY, "out of memory for %d planes", planes->count);
    for (int p = 0; p < planes->count; p++)
        memcpy(like->slice_origin_lps[p], planes->plane[p].corner, sizeof planes->plane[p].corner);
    for (int row = 0; row < 3; row++) {
        like->grid.affine_lps[row][2] = longer->affine_lps[row][2];
        like->grid.affine_lps[row][3] = like->slice_origin_lps[0][row];
    }
    return SM_OK;
}

enum sm_status compare_unite(struct sm_volume *like, double *moved_mm, const struct sm_label_set *a,
                             const struct sm_label_set *b, bool same_series, struct sm_err *err)
{
    static const struct sm_turn as_stored = {.axis = {0, 1, 2}, .step = {1, 1, 1}};
    const struct sm_grid *grid_a = &a->maps->grid, *grid_b = &b->maps->grid;
    struct planes planes = {calloc((size_t)grid_a->dim[2] + (size_t)grid_b->dim[2] + 1, sizeof *planes.plane), 0, {0}};
    struct sm_turn turn;
    enum sm_status status = SM_OK;
    *like = (struct sm_volume){0};
    *moved_mm = 0;
    if (!planes.plane)
        return sm_fail(err, SM_MEMORY, "out of memory for planes");
    find_normal(&planes, grid_a);
    if (find_picture_turn(&turn, grid_a, grid_b)) {
        add_planes(&planes, a, 0, &as_stored);
        add_planes(&planes, b, 1, &turn);
        qsort(planes.plane, (size_t)planes.count, sizeof *planes.plane, by_depth);
        if (join_planes(&planes, moved_mm, grid_a, grid_b) && (same_series || interlock(&planes)))
            status = take_planes(like, &planes, grid_a, grid_b, err);
    }
    free(planes.plane);
    return status;
}
