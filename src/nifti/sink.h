/* nifti/sink.h - bytes to a .nii or .nii.gz file that appears whole or not at all. */
#ifndef NIFTI_SINK_H
#define NIFTI_SINK_H

#include <stddef.h>
#include "base/output.h"
#include "nifti/gzip.h"

/* Where it is must not change while it is open. */
struct sink {
    const char *path; /* not owned */
    struct output output;
    struct gzip *gzip;   /* NULL: not compressed */
    bool held;           /* in memory until it is closed; */
    unsigned char *kept; /* there */
    size_t count, room;
};

/* SM_USAGE when the name ends neither in .nii nor in .nii.gz. */
enum sm_status sink_open(struct sink *sink, const char *path, struct sm_err *err);
/* The same, but there is no file, not even a temporary one, before it is closed: what is written over minutes leaves
 * nothing behind when the program is killed. */
enum sm_status sink_hold(struct sink *sink, const char *path, struct sm_err *err);
enum sm_status sink_write(struct sink *sink, const void *bytes, size_t count, struct sm_err *err);
/* Ends the file. Discards it when status is not SM_OK, and returns status. */
enum sm_status sink_close(struct sink *sink, enum sm_status status, struct sm_err *err);
#endif
