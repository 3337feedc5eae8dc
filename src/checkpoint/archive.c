#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "checkpoint/archive_internal.h"

static enum sm_status read_start(struct archive *archive, unsigned char start[4],
                                 struct sm_err *err)
{
    struct stat status;
    FILE *file = fopen(archive->path, "rb");
    if (!file)
        return sm_fail(err, SM_NOT_FOUND, "%s: cannot be read: %s", archive->path, strerror(errno));
    if (fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode)) {
        fclose(file);
        return sm_fail(err, SM_NOT_FOUND, "%s: not a regular file", archive->path);
    }
    archive->bytes = status.st_size;
    size_t count = fread(start, 1, 4, file);
    fclose(file);
    if (count < 4)
        return sm_fail(err, SM_CORRUPT, "%s: too short for a PyTorch checkpoint (%lld bytes)",
                       archive->path, (long long)archive->bytes);
    return SM_OK;
}

static enum sm_status open_either(struct archive *archive, struct sm_err *err)
{
    unsigned char start[4] = {0};
    enum sm_status status = read_start(archive, start, err);
    if (status)
        return status;
    if (start[0] == 'P' && start[1] == 'K')
        return archive_zip_open(archive, err);
    if (start[0] == 0x80)
        return archive_stream_open(archive, err);
    return sm_fail(err, SM_UNSUPPORTED,
                   "%s: not a PyTorch checkpoint (neither a zip archive nor a pickle)",
                   archive->path);
}

enum sm_status archive_open(struct archive **archive, const char *path, struct sm_err *err)
{
    *archive = NULL;
    struct archive *opened = calloc(1, sizeof *opened);
    if (opened)
        opened->path = strdup(path);
    if (!opened || !opened->path) {
        free(opened);
        return sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    }
    enum sm_status status = open_either(opened, err);
    if (status) {
        archive_close(opened);
        return status;
    }
    *archive = opened;
    return SM_OK;
}

void archive_close(struct archive *archive)
{
    if (!archive)
        return;
    archive_zip_close(archive);
    if (archive->file)
        fclose(archive->file);
    pickle_free(archive->pickle);
    pickle_free(archive->keys);
    free(archive->records);
    free(archive->pickle_bytes);
    free(archive->path);
    free(archive);
}

const char *archive_path(const struct archive *archive)
{
    return archive->path;
}

int64_t archive_bytes(const struct archive *archive)
{
    return archive->bytes;
}

const struct value *archive_object(const struct archive *archive)
{
    return archive->object;
}

bool archive_record(const struct archive *archive, const struct value *key, struct record *record)
{
    if (key->kind != VALUE_TEXT)
        return false;
    return archive->zip ? archive_zip_record(archive, key, record)
                        : archive_stream_record(archive, key, record);
}

enum sm_status archive_read(const struct archive *archive, const struct record *record,
                            int64_t offset, int64_t count,
                            void (*piece)(void *context, const unsigned char *bytes, size_t count),
                            void *context, struct sm_err *err)
{
    return (archive->zip ? archive_zip_read : archive_stream_read)(archive, record, offset, count,
                                                                   piece, context, err);
}
