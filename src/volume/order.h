/* volume/order.h - exact order statistics of a volume's values.
 *
 * Counted, not sorted: the same numbers come out whatever order the voxels are stored in, in two
 * passes and half a megabyte a rank. */
#ifndef VOLUME_ORDER_H
#define VOLUME_ORDER_H

#include "sammed2d/volume.h"

/* Smallest and largest finite value; both 0 when there is none. */
enum sm_status order_extremes(const struct sm_volume *volume, double *low, double *high,
                              struct sm_err *err);

/* Percentiles (0..100, linear between ranks, as numpy.percentile) of the finite values that are not
 * zero; 0 when there are none. */
enum sm_status order_percentiles(const struct sm_volume *volume, const double *percent, int count,
                                 double *value, struct sm_err *err);
#endif
