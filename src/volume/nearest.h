/* volume/nearest.h - from many voxels to the nearest of many others, in mm: trees of boxes around their
 * centres.
 *
 * Exact on every grid, sheared ones too, and its cost goes with how many voxels there are, not with the
 * grid they lie in: a surface is small where its volume is large. */
#ifndef VOLUME_NEAREST_H
#define VOLUME_NEAREST_H

#include <stddef.h>
#include <stdint.h>
#include "sammed2d/volume.h"
#include "volume/nearest_close.h"

struct nearest_box {
    double low[3], high[3];
};
struct nearest {
    double axes[3][3];       /* upper triangle: mm = axes * (i, j, k), in a frame turned to suit */
    int32_t (*voxel)[3];     /* (count), not owned, put into the tree's order */
    size_t count;
    struct nearest_box *box; /* of node n, whose halves are nodes 2n + 1 and 2n + 2; owned */
    struct close close;      /* for those that are near anyway */
};

/* Indices (count, 3) within the grid, count at least 1; only the columns of its affine count. SM_MEMORY
 * says how much. Free with nearest_free. */
enum sm_status nearest_build(struct nearest *tree, int32_t (*voxel)[3], size_t count,
                             const struct sm_grid *grid, struct sm_err *err);
void nearest_free(struct nearest *tree);
/* Distance of each voxel of `from`, in its order, from the nearest of `to`; trees of one grid. */
void nearest_distances(const struct nearest *from, const struct nearest *to, double *distance_mm);
#endif
