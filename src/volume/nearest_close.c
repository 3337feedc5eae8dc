#include "volume/nearest_close.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How far apart the planes of the lattice are across axis c: what it takes to leave them. */
static double height_mm(const struct sm_grid *grid, int c)
{
    const double (*a)[4] = grid->affine_lps;
    int b = (c + 1) % 3, d = (c + 2) % 3;
    double square = 0;
    for (int row = 0; row < 3; row++) {
        int y = (row + 1) % 3, z = (row + 2) % 3;
        double normal = a[y][b] * a[z][d] - a[z][b] * a[y][d];
        square += normal * normal;
    }
    return 1000 * sm_grid_voxel_volume_ml(grid) / sqrt(square);
}

static int by_distance(const void *a, const void *b)
{
    const struct close_step *x = a, *y = b;
    return (x->mm > y->mm) - (x->mm < y->mm);
}

static double length_mm(const struct sm_grid *grid, const int off[3])
{
    double square = 0;
    for (int row = 0; row < 3; row++) {
        const double *a = grid->affine_lps[row];
        double part = a[0] * off[0] + a[1] * off[1] + a[2] * off[2];
        square += part * part;
    }
    return sqrt(square);
}

/* Every step that is shorter than any that leaves the cube of CLOSE_REACH. */
static void list_steps(struct close *close, const struct sm_grid *grid)
{
    double sure_mm = INFINITY;
    for (int c = 0; c < 3; c++)
        sure_mm = fmin(sure_mm, (CLOSE_REACH + 1) * height_mm(grid, c));
    sure_mm *= 1 - 1e-9; /* beyond rounding */
    for (int n = 0; n < CLOSE_MOST; n++) {
        const int off[3] = {n % CLOSE_SIDE - CLOSE_REACH, n / CLOSE_SIDE % CLOSE_SIDE - CLOSE_REACH,
                            n / (CLOSE_SIDE * CLOSE_SIDE) - CLOSE_REACH};
        double mm = length_mm(grid, off);
        if (mm < sure_mm)
            close->steps[close->count++] = (struct close_step){
                mm, off[0] * close->stride[0] + off[1] * close->stride[1] + off[2] * close->stride[2]};
    }
    qsort(close->steps, (size_t)close->count, sizeof *close->steps, by_distance);
}

enum sm_status close_make(struct close *close, const int32_t (*voxel)[3], size_t count,
                          const struct sm_grid *grid, struct sm_err *err)
{
    ptrdiff_t voxels = 1;
    close->count = 0;
    for (int c = 0; c < 3; c++) {
        close->stride[c] = voxels;
        voxels *= grid->dim[c] + 2 * CLOSE_REACH;
    }
    close->bits = calloc((size_t)voxels / 8 + 1, 1);
    if (!close->bits)
        return sm_fail(err, SM_MEMORY, "out of memory: %zu bytes for the surface of a mask", (size_t)voxels / 8 + 1);
    for (size_t v = 0; v < count; v++) {
        ptrdiff_t at = close_index(close, voxel[v]);
        close->bits[at >> 3] |= (uint8_t)(1 << (at & 7));
    }
    list_steps(close, grid);
    return SM_OK;
}

void close_free(struct close *close)
{
    free(close->bits);
    close->bits = NULL;
}
