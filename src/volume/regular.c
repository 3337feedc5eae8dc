#include <math.h>
#include <string.h>
#include "volume/regular.h"

/* How many steps slice k is from the first. */
static double steps_to(const struct sm_grid *grid, double (*origins)[3], int k)
{
    double along = 0, square = 0;
    for (int a = 0; a < 3; a++) {
        double step = grid->affine_lps[a][2];
        along += (origins[k][a] - origins[0][a]) * step;
        square += step * step;
    }
    return along / square;
}

/* The slice that stands for slice z of the even grid; -1: none. */
static int slice_at(const struct sm_grid *grid, double (*origins)[3], int z, enum regular_how how)
{
    int nearest = 0;
    double best = INFINITY;
    for (int k = 0; k < grid->dim[2]; k++) {
        double off = fabs(steps_to(grid, origins, k) - z);
        if (off < best) {
            best = off;
            nearest = k;
        }
    }
    return how == REGULAR_FILL && best > 0.5 ? -1 : nearest;
}

/* Only what rounding of positions explains counts as on the grid. */
static enum sm_status check_even(const struct sm_grid *grid, double (*origins)[3], struct sm_err *err)
{
    for (int k = 1; k < grid->dim[2]; k++) {
        double steps = steps_to(grid, origins, k), before = steps_to(grid, origins, k - 1);
        if (fabs(steps - round(steps)) > 0.05 || round(steps) <= round(before))
            return sm_fail(err, SM_UNSUPPORTED, "slice %d stands %.3g steps from the first, between the "
                           "slices of an even grid; use --gaps resample, or -o FILE.dcm, which is exact",
                           k, steps);
    }
    return SM_OK;
}

enum sm_status regular_labels(struct sm_labels *regular, const struct sm_labels *labels,
                              double (*origins)[3], enum regular_how how, struct sm_err *err)
{
    const struct sm_grid *from = &labels->grid;
    struct sm_grid grid = *from;
    size_t pixels = (size_t) from->dim[0] * (size_t) from->dim[1];
    grid.dim[2] = (int) lround(steps_to(from, origins, from->dim[2] - 1)) + 1;
    for (int a = 0; a < 3; a++)
        grid.affine_lps[a][3] = origins[0][a];
    enum sm_status status = how == REGULAR_FILL ? check_even(from, origins, err) : SM_OK;
    if (!status)
        status = sm_labels_alloc(regular, &grid, err);
    for (int z = 0; !status && z < grid.dim[2]; z++) {
        int k = slice_at(from, origins, z, how);
        if (k >= 0)
            memcpy(regular->voxels + (size_t) z * pixels, labels->voxels + (size_t) k * pixels,
                   pixels * sizeof *labels->voxels);
    }
    return status;
}
