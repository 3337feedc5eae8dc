/* nifti/gzip.h - one gzip stream, deflated in blocks by several threads.
 *
 * Blocks end at bytes of the input that have nothing to do with the number of threads, so the same input gives the
 * same stream. After pigz (Mark Adler): each block knows the last 32 kB before it as its dictionary, and ends on a
 * whole byte (Z_SYNC_FLUSH). RFC 1951 and 1952.
 */
#ifndef NIFTI_GZIP_H
#define NIFTI_GZIP_H

#include <stddef.h>
#include "sammed2d/error.h"

struct gzip;

/* Where the stream goes: `write` gets it piece by piece, from the calling thread. NULL: out of memory. */
struct gzip *gzip_open(enum sm_status (*write)(void *context, const void *bytes, size_t count, struct sm_err *err),
                       void *context);
enum sm_status gzip_write(struct gzip *gzip, const void *bytes, size_t count, struct sm_err *err);
/* What is left, and the stream's end. */
enum sm_status gzip_finish(struct gzip *gzip, struct sm_err *err);
void gzip_close(struct gzip *gzip);
#endif
