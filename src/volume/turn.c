/* One lattice, two files: which voxel of one is which of the other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "sammed2d/volume.h"

static const double WHOLE = 0.05; /* of a voxel: as far as rounded headers put one lattice apart */
static const double FARTHEST = 1e8;

static bool whole(const double ijk[3], int out[3])
{
    for (int a = 0; a < 3; a++) {
        if (!(fabs(ijk[a]) < FARTHEST) || !(fabs(ijk[a] - round(ijk[a])) < WHOLE))
            return false;
        out[a] = (int)lround(ijk[a]);
    }
    return true;
}

static bool voxel_of(const struct sm_grid *a, const struct sm_grid *b, const double ijk[3], int out[3])
{
    double lps[3], at[3];
    sm_grid_to_lps(a, ijk, lps);
    sm_grid_from_lps(b, lps, at);
    return whole(at, out);
}

/* The one axis of b along which `end` lies `length` voxels from `start`; -1: there is none. */
static int moved_along(const int start[3], const int end[3], int length)
{
    int moved = -1;
    for (int c = 0; c < 3; c++) {
        if (end[c] == start[c])
            continue;
        if (moved >= 0 || abs(end[c] - start[c]) != length)
            return -1;
        moved = c;
    }
    return moved;
}

bool sm_grid_find_turn(struct sm_turn *turn, const struct sm_grid *a, const struct sm_grid *b)
{
    bool taken[3] = {false};
    const double corner[3] = {0};
    if (!voxel_of(a, b, corner, turn->offset))
        return false;
    turn->whole = true;
    for (int axis = 0; axis < 3; axis++) {
        int length = a->dim[axis] > 1 ? a->dim[axis] - 1 : 1, end[3];
        double far[3] = {0};
        far[axis] = length;
        if (!voxel_of(a, b, far, end))
            return false;
        int along = moved_along(turn->offset, end, length);
        if (along < 0 || taken[along])
            return false;
        taken[along] = true;
        turn->axis[axis] = along;
        turn->step[axis] = end[along] > turn->offset[along] ? 1 : -1;
        turn->whole &= a->dim[axis] == b->dim[along] &&
                       turn->offset[along] == (turn->step[axis] > 0 ? 0 : b->dim[along] - 1);
    }
    return true;
}

/* As a NIfTI header without sform and qform has it, and as near to the volume's size as headers keep it. */
static bool is_bare(const struct sm_grid *labels, const struct sm_grid *volume)
{
    for (int row = 0; row < 3; row++) {
        double spacing = sm_grid_spacing_mm(volume, row);
        for (int column = 0; column < 4; column++) {
            double expected = row != column ? 0 : row == 2 ? spacing : -spacing;
            if (fabs(labels->affine_lps[row][column] - expected) > 1e-3 * spacing)
                return false;
        }
    }
    return memcmp(labels->dim, volume->dim, sizeof labels->dim) == 0;
}

bool sm_volume_find_turn(struct sm_turn *turn, const struct sm_volume *volume, const struct sm_grid *labels)
{
    if (volume->unplaced && is_bare(labels, &volume->grid)) {
        *turn = (struct sm_turn){.axis = {0, 1, 2}, .step = {1, 1, 1}, .whole = true};
        return true;
    }
    return sm_grid_find_turn(turn, &volume->grid, labels);
}

/* The indices first <= x < end along axis c of `grid` that `labels` has voxels for. */
static void overlap(const struct sm_turn *turn, const struct sm_grid *grid, const struct sm_grid *labels,
                    int c, int *first, int *end)
{
    int offset = turn->offset[turn->axis[c]], last = labels->dim[turn->axis[c]] - 1;
    int from = turn->step[c] > 0 ? -offset : offset - last, to = turn->step[c] > 0 ? last - offset : offset;
    *first = from > 0 ? from : 0;
    *end = to < grid->dim[c] - 1 ? to + 1 : grid->dim[c];
}

enum sm_status sm_labels_turn(struct sm_labels *out, const struct sm_labels *labels,
                              const struct sm_turn *turn, const struct sm_grid *grid, struct sm_err *err)
{
    const int *dim = labels->grid.dim;
    const ptrdiff_t stride[3] = {1, dim[0], (ptrdiff_t)dim[0] * dim[1]};
    ptrdiff_t step[3], origin = 0;
    int first[3], end[3];
    enum sm_status status = sm_labels_alloc(out, grid, err);
    if (status)
        return status;
    for (int c = 0; c < 3; c++) {
        int along = turn->axis[c];
        origin += turn->offset[along] * stride[along];
        step[c] = turn->step[c] * stride[along];
        overlap(turn, grid, &labels->grid, c, &first[c], &end[c]);
    }
    for (int k = first[2]; k < end[2]; k++)
        for (int j = first[1]; j < end[1]; j++) {
            uint16_t *row = out->voxels + ((size_t)k * (size_t)grid->dim[1] + (size_t)j) * (size_t)grid->dim[0];
            for (int i = first[0]; i < end[0]; i++)
                row[i] = labels->voxels[origin + i * step[0] + j * step[1] + k * step[2]];
        }
    return SM_OK;
}
