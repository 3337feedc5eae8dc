/* volume/regular.h - labels of slices that stand at uneven distances, on an evenly spaced grid. */
#ifndef VOLUME_REGULAR_H
#define VOLUME_REGULAR_H

#include "sammed2d/volume.h"

enum regular_how {
    REGULAR_FILL,    /* missing slices become background; each slice must stand on the grid */
    REGULAR_RESAMPLE /* each slice of the grid is the nearest one there is */
};

/* `origins`: sm_volume's slice_origin_lps. The grid keeps the step of labels->grid and the place of its
 * first slice. SM_UNSUPPORTED: FILL, and a slice stands between those of the grid. */
enum sm_status regular_labels(struct sm_labels *regular, const struct sm_labels *labels,
                              double (*origins)[3], enum regular_how how, struct sm_err *err);
#endif
