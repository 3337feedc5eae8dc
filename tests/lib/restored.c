#include <stdlib.h>
#include <string.h>
#include "lib/restored.h"

static const int permutation[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                      {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

void restored_to_original(const struct sm_volume *volume, int order, const int ijk[3],
                          int original[3])
{
    for (int axis = 0; axis < 3; axis++) {
        int from = permutation[order / 8][axis];
        original[from] =
            order >> axis & 1 ? volume->grid.dim[from] - 1 - ijk[axis] : ijk[axis];
    }
}

static struct sm_grid restored_grid(const struct sm_volume *volume, int order)
{
    const struct sm_grid *old = &volume->grid;
    struct sm_grid grid = *old;
    for (int axis = 0; axis < 3; axis++) {
        int from = permutation[order / 8][axis], reversed = order >> axis & 1;
        grid.dim[axis] = old->dim[from];
        for (int row = 0; row < 3; row++) {
            double step = old->affine_lps[row][from];
            grid.affine_lps[row][axis] = reversed ? -step : step;
            if (reversed)
                grid.affine_lps[row][3] += (old->dim[from] - 1) * step;
        }
    }
    return grid;
}

void restored_volume(struct sm_volume *restored, const struct sm_volume *volume, int order)
{
    struct sm_grid grid = restored_grid(volume, order);
    if (sm_volume_alloc(restored, &grid, volume->type, volume->channels, NULL) != SM_OK)
        abort();
    size_t bytes = sm_voxel_type_bytes(volume->type) * (size_t)volume->channels;
    char *to = restored->voxels;
    int ijk[3];
    for (ijk[2] = 0; ijk[2] < grid.dim[2]; ijk[2]++)
        for (ijk[1] = 0; ijk[1] < grid.dim[1]; ijk[1]++)
            for (ijk[0] = 0; ijk[0] < grid.dim[0]; ijk[0]++, to += bytes) {
                int o[3];
                restored_to_original(volume, order, ijk, o);
                size_t at = ((size_t)o[2] * (size_t)volume->grid.dim[1] + (size_t)o[1]) *
                                (size_t)volume->grid.dim[0] + (size_t)o[0];
                memcpy(to, (const char *)volume->voxels + at * bytes, bytes);
            }
    for (int k = 0; k < grid.dim[2]; k++)
        restored->rescale[k] = volume->rescale[0];
    restored->format = volume->format;
    restored->display_ready = volume->display_ready;
}
