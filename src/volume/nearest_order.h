/* volume/nearest_order.h - voxels sorted along a space-filling curve. */
#ifndef VOLUME_NEAREST_ORDER_H
#define VOLUME_NEAREST_ORDER_H

#include <stddef.h>
#include <stdint.h>
#include "sammed2d/volume.h"

/* Sorts voxels (count, 3) of the grid so that neighbours in the list are neighbours in space (Morton's
 * order, with the bits of the indices mixed so that its cells are about cubes in mm). */
enum sm_status nearest_sort(int32_t (*voxel)[3], size_t count, const struct sm_grid *grid, struct sm_err *err);
#endif
