/* lib/restored.h - one study stored in each of the 48 axis orders and directions. */
#ifndef LIB_RESTORED_H
#define LIB_RESTORED_H

#include "sammed2d/volume.h"

enum { STORAGE_ORDERS = 48 };

/* restored: `volume` with voxel axes permuted and reversed as `order` (0: unchanged) says, and an
 * affine that puts every voxel where it was. Free with sm_volume_free. Aborts without memory. */
void restored_volume(struct sm_volume *restored, const struct sm_volume *volume, int order);

/* Index in `volume` of voxel ijk of its restored twin. */
void restored_to_original(const struct sm_volume *volume, int order, const int ijk[3],
                          int original[3]);
#endif
