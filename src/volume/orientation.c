/* Which anatomical direction each voxel axis runs along.
 *
 * The answer must not depend on how a file numbers or turns its axes, so nothing here looks at the
 * number of a voxel axis: near ties (a grid turned by 45 degrees) are decided by figures that keep
 * their value when an axis is reversed, and that belong to world directions. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "sammed2d/volume.h"

enum { PERMUTATIONS = 6, KEYS = 10 };

/* Two scores this close are a tie: float32 headers move a score by about 1e-7. */
static const double tie = 1e-5;

static const int permutation[PERMUTATIONS][3] = {/* voxel axis that runs along L, P, S */
                                                 {0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                                 {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

static void unit_columns(const struct sm_grid *grid, double cosine[3][3])
{
    for (int axis = 0; axis < 3; axis++) {
        double length = sm_grid_spacing_mm(grid, axis);
        for (int world = 0; world < 3; world++)
            cosine[axis][world] = grid->affine_lps[world][axis] / length;
    }
}

static double score(const int *choice, double cosine[3][3])
{
    return fabs(cosine[choice[0]][0]) * fabs(cosine[choice[1]][1]) * fabs(cosine[choice[2]][2]);
}

/* Products of two components determine a direction up to its sign. */
static void keys_of(const int *choice, double cosine[3][3], double key[KEYS])
{
    for (int world = 0; world < 2; world++) {
        const double *v = cosine[choice[world]];
        const double products[KEYS / 2] = {v[0] * v[1], v[0] * v[2], v[1] * v[2], v[0] * v[0],
                                           v[1] * v[1]};
        memcpy(key + world * (KEYS / 2), products, sizeof products);
    }
}

static bool goes_before(const int *a, const int *b, double cosine[3][3])
{
    double key_a[KEYS], key_b[KEYS];
    keys_of(a, cosine, key_a);
    keys_of(b, cosine, key_b);
    for (int i = 0; i < KEYS; i++)
        if (fabs(key_a[i] - key_b[i]) > tie)
            return key_a[i] > key_b[i];
    return false;
}

void sm_grid_orientation(const struct sm_grid *grid, struct sm_orientation *orientation)
{
    double cosine[3][3], best = 0;
    unit_columns(grid, cosine);
    for (int p = 0; p < PERMUTATIONS; p++)
        best = fmax(best, score(permutation[p], cosine));
    const int *chosen = NULL;
    for (int p = 0; p < PERMUTATIONS; p++)
        if (score(permutation[p], cosine) >= best * (1 - tie) &&
            (!chosen || goes_before(permutation[p], chosen, cosine)))
            chosen = permutation[p];
    if (!chosen) /* only for a grid that is not invertible */
        chosen = permutation[0];
    for (int world = 0; world < 3; world++) {
        orientation->world[chosen[world]] = world;
        orientation->positive[chosen[world]] = cosine[chosen[world]][world] > 0;
    }
}

void sm_grid_orientation_letters(const struct sm_grid *grid, char letters[4])
{
    static const char names[3][2] = {{'R', 'L'}, {'A', 'P'}, {'I', 'S'}};
    struct sm_orientation orientation;
    sm_grid_orientation(grid, &orientation);
    for (int axis = 0; axis < 3; axis++)
        letters[axis] = names[orientation.world[axis]][orientation.positive[axis]];
    letters[3] = 0;
}

void sm_grid_describe(const struct sm_grid *grid, char *text, size_t size)
{
    char letters[4];
    sm_grid_orientation_letters(grid, letters);
    snprintf(text, size, "%d x %d x %d voxels of %.6g x %.6g x %.6g mm, %s, the first at %.6g,%.6g,%.6g", grid->dim[0],
             grid->dim[1], grid->dim[2], sm_grid_spacing_mm(grid, 0), sm_grid_spacing_mm(grid, 1),
             sm_grid_spacing_mm(grid, 2), letters, grid->affine_lps[0][3], grid->affine_lps[1][3],
             grid->affine_lps[2][3]);
}
