/* volume/nearest_close.h - whether one of many voxels is close by: a bit for every voxel of the grid, looked
 * up at growing distance. Most voxels of two masks that are alike are found so. */
#ifndef VOLUME_NEAREST_CLOSE_H
#define VOLUME_NEAREST_CLOSE_H

#include <stddef.h>
#include <stdint.h>
#include "sammed2d/volume.h"

enum { CLOSE_REACH = 3, CLOSE_SIDE = 2 * CLOSE_REACH + 1, CLOSE_MOST = CLOSE_SIDE * CLOSE_SIDE * CLOSE_SIDE };

struct close {
    uint8_t *bits;       /* of the grid's voxels with CLOSE_REACH more on every side; owned */
    ptrdiff_t stride[3];
    struct close_step {
        double mm;
        ptrdiff_t delta;
    } steps[CLOSE_MOST]; /* nearest first; no other voxel is nearer than the last */
    int count;
};

/* Sets a bit for each voxel (count, 3) of the grid. Free with close_free. */
enum sm_status close_make(struct close *close, const int32_t (*voxel)[3], size_t count,
                          const struct sm_grid *grid, struct sm_err *err);
void close_free(struct close *close);

static inline ptrdiff_t close_index(const struct close *close, const int32_t voxel[3])
{
    return (voxel[0] + CLOSE_REACH) * close->stride[0] + (voxel[1] + CLOSE_REACH) * close->stride[1] +
           (voxel[2] + CLOSE_REACH) * close->stride[2];
}

/* Distance of the nearest voxel; negative when none is close enough to be sure. */
static inline double close_distance(const struct close *close, const int32_t voxel[3])
{
    ptrdiff_t at = close_index(close, voxel);
    for (int n = 0; n < close->count; n++) {
        ptrdiff_t bit = at + close->steps[n].delta;
        if (close->bits[bit >> 3] >> (bit & 7) & 1)
            return close->steps[n].mm;
    }
    return -1;
}
#endif
