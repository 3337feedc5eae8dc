/* volume/line.h - voxels of any type as rescaled floats, a line at a time. */
#ifndef VOLUME_LINE_H
#define VOLUME_LINE_H

#include "sammed2d/volume.h"

/* n values starting at voxel number `first` of (nz, ny, nx), `step` voxels apart; each is rescaled
 * with *rescale, which moves on by rescale_step after every value (0 or +-1: a line along k). out
 * gets one value every out_step. */
struct line {
    const struct sm_volume *volume;
    size_t first;
    ptrdiff_t step;
    int channel, n;
    const struct sm_rescale *rescale;
    ptrdiff_t rescale_step;
    float *out;
    ptrdiff_t out_step;
};
void volume_line_read(const struct line *line);

/* Voxels from one voxel to the next along an axis. */
ptrdiff_t volume_step(const struct sm_grid *grid, int axis);

/* Calls use(context, values, n) for every line along i of every channel. nx floats of scratch are
 * allocated. */
enum sm_status volume_each_line(const struct sm_volume *volume,
                                void (*use)(void *context, const float *values, int n),
                                void *context, struct sm_err *err);
#endif
