/* checkpoint/archive.h - the two containers of torch.save: a zip archive, and the stream before it.
 *
 * Source: torch/serialization.py (_save, _legacy_save). libzip is used in archive.c only.
 */
#ifndef CHECKPOINT_ARCHIVE_H
#define CHECKPOINT_ARCHIVE_H

#include "checkpoint/known.h"
#include "checkpoint/pickle.h"

struct archive;

/* Opens, runs the pickles (see pickle.h) and finds the storages. SM_NOT_FOUND, SM_CORRUPT,
 * SM_UNSUPPORTED. */
enum sm_status archive_open(struct archive **archive, const char *path, struct sm_err *err);
void archive_close(struct archive *archive);
const char *archive_path(const struct archive *archive);
int64_t archive_bytes(const struct archive *archive); /* size of the file */
/* What was saved; lives as long as the archive. */
const struct value *archive_object(const struct archive *archive);

/* Where a storage's bytes are. */
struct record {
    uint64_t place; /* index in the zip, or offset in the stream */
    int64_t bytes;  /* there are so many */
};
/* False when there is no record of that key (a TEXT). */
bool archive_record(const struct archive *archive, const struct value *key, struct record *record);
/* bytes [offset, offset + count) of a record, which must have them; handed over in pieces of at
 * most 256 KB. SM_CORRUPT when they cannot be read. */
enum sm_status archive_read(const struct archive *archive, const struct record *record,
                            int64_t offset, int64_t count,
                            void (*piece)(void *context, const unsigned char *bytes, size_t count),
                            void *context, struct sm_err *err);

#endif
