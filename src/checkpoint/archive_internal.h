/* checkpoint/archive_internal.h - shared by archive.c, archive_zip.c and archive_stream.c. */
#ifndef CHECKPOINT_ARCHIVE_INTERNAL_H
#define CHECKPOINT_ARCHIVE_INTERNAL_H

#include <stdio.h>
#include "checkpoint/archive.h"

enum { MAX_PICKLE = 16 << 20, PIECE = 256 << 10 };

struct stream_record {
    const char *key; /* into the pickle's bytes */
    uint32_t key_length;
    struct record record;
};

struct archive {
    char *path;
    int64_t bytes;
    char *pickle_bytes; /* what the values point into */
    struct pickle *pickle;
    const struct value *object;
    struct zip *zip; /* NULL for a stream */
    char *prefix;    /* of names in the zip, with its slash */
    FILE *file;      /* NULL for a zip */
    struct pickle *keys;
    struct stream_record *records; /* sorted by key */
    size_t record_count;
};

/* Bytes that a pickle in this archive may make us allocate. */
static inline size_t archive_budget(const struct archive *archive)
{
    return (size_t)archive->bytes + (1 << 20);
}

enum sm_status archive_zip_open(struct archive *archive, struct sm_err *err);
void archive_zip_close(struct archive *archive);
bool archive_zip_record(const struct archive *archive, const struct value *key,
                        struct record *record);
enum sm_status archive_zip_read(const struct archive *archive, const struct record *record,
                                int64_t offset, int64_t count,
                                void (*piece)(void *context, const unsigned char *bytes,
                                              size_t count),
                                void *context, struct sm_err *err);

enum sm_status archive_stream_open(struct archive *archive, struct sm_err *err);
bool archive_stream_record(const struct archive *archive, const struct value *key,
                           struct record *record);
enum sm_status archive_stream_read(const struct archive *archive, const struct record *record,
                                   int64_t offset, int64_t count,
                                   void (*piece)(void *context, const unsigned char *bytes,
                                                 size_t count),
                                   void *context, struct sm_err *err);

#endif
