/* dataset/slices_write.h - the pictures of one case. */
#ifndef DATASET_SLICES_WRITE_H
#define DATASET_SLICES_WRITE_H

#include "dataset/slices_internal.h"

/* Writes what is not there yet; *images is {image path: [mask paths]}, slices in order (NULL when it fails). */
enum sm_status slices_write_case(const struct sm_slices *slices, const char *name, const struct sm_volume *volume,
                                 const struct sm_label_set *objects, json_t **images, struct sm_slices_count *count,
                                 struct sm_err *err);
#endif
