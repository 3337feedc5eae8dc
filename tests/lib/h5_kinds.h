/* lib/h5_kinds.h - data sets of golden files that the library has no use for: whole numbers and texts. */
#ifndef LIB_H5_KINDS_H
#define LIB_H5_KINDS_H

#include <stdint.h>
#include "h5/h5.h"

/* Integer data sets only; values outside the range of out's type are clipped to it. SM_WEIGHTS when the data set has
 * another number of elements. */
enum sm_status h5_read_ints(const struct h5 *file, const char *name, int32_t *out, int64_t count, struct sm_err *err);
enum sm_status h5_read_bytes(const struct h5 *file, const char *name, uint8_t *out, int64_t count, struct sm_err *err);
/* Texts of fixed length, at most width - 1 bytes each: out (count, width), each ended by a zero. */
enum sm_status h5_read_texts(const struct h5 *file, const char *name, char *out, size_t width, int64_t count,
                             struct sm_err *err);
#endif
