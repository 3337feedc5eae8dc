/* volume/voi.h - the window or table that a DICOM file wants its values shown with. */
#ifndef VOLUME_VOI_H
#define VOLUME_VOI_H

#include "sammed2d/volume.h"

/* grey (count) from rescaled values (count), as slice k wants it. PS3.3 C.11.2.1.2 and C.11.2.1.3; the
 * brightest is 255. Values that are not finite are black. */
void voi_apply(const struct sm_voi *voi, int k, const float *values, size_t count, uint8_t *grey);
#endif
