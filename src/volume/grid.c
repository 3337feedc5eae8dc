#include <math.h>
#include <string.h>
#include "sammed2d/volume.h"

double sm_grid_spacing_mm(const struct sm_grid *grid, int axis)
{
    double square = 0;
    for (int row = 0; row < 3; row++)
        square += grid->affine_lps[row][axis] * grid->affine_lps[row][axis];
    return sqrt(square);
}

static double determinant(const double (*a)[4])
{
    return a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
           a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
           a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
}

double sm_grid_voxel_volume_ml(const struct sm_grid *grid)
{
    return fabs(determinant(grid->affine_lps)) / 1000;
}

size_t sm_grid_voxels(const struct sm_grid *grid)
{
    return (size_t)grid->dim[0] * (size_t)grid->dim[1] * (size_t)grid->dim[2];
}

bool sm_grid_invertible(const struct sm_grid *grid)
{
    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 4; column++)
            if (!isfinite(grid->affine_lps[row][column]))
                return false;
    double box = 1; /* the volume of a voxel were its edges at right angles */
    for (int axis = 0; axis < 3; axis++)
        box *= sm_grid_spacing_mm(grid, axis);
    return isfinite(box) && box > 0 && fabs(determinant(grid->affine_lps)) > 1e-6 * box;
}

void sm_grid_to_lps(const struct sm_grid *grid, const double ijk[3], double lps_mm[3])
{
    double result[3];
    for (int row = 0; row < 3; row++) {
        const double *a = grid->affine_lps[row];
        result[row] = a[0] * ijk[0] + a[1] * ijk[1] + a[2] * ijk[2] + a[3];
    }
    memcpy(lps_mm, result, sizeof result);
}

static void cross_of_columns(const double (*a)[4], int b, int c, double out[3])
{
    for (int row = 0; row < 3; row++) {
        int y = (row + 1) % 3, z = (row + 2) % 3;
        out[row] = a[y][b] * a[z][c] - a[z][b] * a[y][c];
    }
}

/* Each index is one quotient over the other two axes' normal. Written so, a grid with its axes
 * permuted or reversed gives the same numbers to the last bit for the same offset. */
void sm_grid_from_lps(const struct sm_grid *grid, const double lps_mm[3], double ijk[3])
{
    const double (*a)[4] = grid->affine_lps;
    double result[3];
    for (int axis = 0; axis < 3; axis++) {
        double normal[3], offset = 0, step = 0;
        cross_of_columns(a, (axis + 1) % 3, (axis + 2) % 3, normal);
        for (int row = 0; row < 3; row++) {
            offset += (lps_mm[row] - a[row][3]) * normal[row];
            step += a[row][axis] * normal[row];
        }
        result[axis] = offset / step;
    }
    memcpy(ijk, result, sizeof result);
}

double sm_grid_distance_mm(const struct sm_grid *a, const struct sm_grid *b)
{
    double largest = 0;
    for (int corner = 0; corner < 8; corner++) {
        double ijk[3], at[3], bt[3], square = 0;
        for (int axis = 0; axis < 3; axis++)
            ijk[axis] = corner >> axis & 1 ? a->dim[axis] - 1 : 0;
        sm_grid_to_lps(a, ijk, at);
        sm_grid_to_lps(b, ijk, bt);
        for (int axis = 0; axis < 3; axis++)
            square += (at[axis] - bt[axis]) * (at[axis] - bt[axis]);
        if (!(square <= largest * largest)) /* NaN counts as far */
            largest = sqrt(square);
    }
    return largest;
}

bool sm_grid_equal(const struct sm_grid *a, const struct sm_grid *b, double tolerance_mm)
{
    return memcmp(a->dim, b->dim, sizeof a->dim) == 0 &&
           sm_grid_distance_mm(a, b) <= tolerance_mm;
}
