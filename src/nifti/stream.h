/* nifti/stream.h - the bytes of a file, inflated when they are gzip, never more than asked for. */
#ifndef NIFTI_STREAM_H
#define NIFTI_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sammed2d/error.h"

struct stream {
    const char *path; /* for messages; not owned */
    void *gz;         /* zlib's gzFile, or NULL: plain bytes from fd */
    int fd;
    uint64_t file_bytes; /* as stored */
    uint64_t position;   /* bytes handed out so far */
};

enum stream_kind {
    STREAM_BY_CONTENT, /* gzip when it begins as gzip does: headers cannot begin so by chance */
    STREAM_BY_NAME     /* gzip when the name ends in .gz: raw voxels can begin with anything */
};

/* SM_NOT_FOUND: no such file, or not a regular one. SM_CORRUPT: empty. */
enum sm_status stream_open(struct stream *stream, const char *path, enum stream_kind kind,
                           struct sm_err *err);
void stream_close(struct stream *stream);

/* Up to `count` bytes; *got is less only at the end. SM_CORRUPT: damaged or cut gzip data. */
enum sm_status stream_read(struct stream *stream, void *bytes, size_t count, size_t *got,
                           struct sm_err *err);
enum sm_status stream_skip(struct stream *stream, uint64_t count, uint64_t *got,
                           struct sm_err *err);

/* The most bytes that can come out: the file's size, or what deflate can at best have packed. */
uint64_t stream_limit(const struct stream *stream);
/* False when the size at the end of a gzip file says that it is not one whole member of `expected`
 * bytes, so that only inflating tells. True for plain files. */
bool stream_size_matches(const struct stream *stream, uint64_t expected);
#endif
