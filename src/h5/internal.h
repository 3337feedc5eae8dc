/* h5/internal.h - what reading and writing share; included in src/h5, and by tests/lib/h5_kinds.c. */
#ifndef H5_INTERNAL_H
#define H5_INTERNAL_H

#include <hdf5.h>
#include "h5/h5.h"

/* HDF5 prints a stack of its own for every error unless told not to. And when a disk was full it tries
 * again as the program exits, with what it has freed: everything is closed here instead. */
static inline void h5_silence(void)
{
    H5dont_atexit();
    H5open();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

/* IEEE binary16, little-endian, which HDF5 does not predefine; numpy's float16 is the same. Close
 * with H5Tclose. */
hid_t h5_float16_type(void);

/* Only types whose conversion is HDF5's everyday work; anything odd is OTHER. */
enum h5_type h5_classify(hid_t type);

/* Opens the object called name ("" = root) step by step; -1 when a step is absent or no hard link.
 * Close with H5Oclose. */
hid_t h5_open_object(const struct h5 *file, const char *name);

/* The descriptor that HDF5 reads by, its own; -1: it has none. The name may meanwhile stand for another
 * file. */
int h5_descriptor(const struct h5 *file);
/* HDF5's own name of a file that is being written. */
hid_t h5_out_id(const struct h5_out *file);
/* Where a data set lies in the file: one piece of `bytes` of exactly `type`. */
bool h5_piece(const struct h5 *file, const char *name, hid_t type, size_t bytes, size_t *offset);

/* axes.c: the attribute "axes" of a data set; shape->axes. */
bool axes_fit(const char *axes, int rank); /* an order of that many axes */
void axes_stored_dims(const struct h5_shape *shape, int64_t stored[H5_MAX_RANK]);
void axes_logical_dims(struct h5_shape *shape); /* shape->dim as it is stored becomes PyTorch's */
float *axes_to_stored(const float *values, const struct h5_shape *shape); /* malloc'ed; NULL: no memory */
bool axes_to_logical(float *values, const struct h5_shape *shape); /* in place; false: no memory */

#endif
