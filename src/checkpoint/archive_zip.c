/* The zip format: PREFIX/data.pkl, and PREFIX/data/KEY for each storage. */
#include <stdlib.h>
#include <string.h>
#include <zip.h>
#include "checkpoint/archive_internal.h"

enum { MAX_KEY = 64, MAX_PREFIX = 1024, MAX_ENTRIES = 1 << 20, DEFLATE_RATIO = 1032 };

static enum sm_status damaged(const struct archive *archive, const char *what, struct sm_err *err)
{
    return sm_fail(err, SM_CORRUPT, "%s: damaged checkpoint: %s", archive->path, what);
}

/* Index of PREFIX/data.pkl, and PREFIX; -1 when there is none. */
static zip_int64_t find_pickle(struct archive *archive)
{
    static const char wanted[] = "data.pkl";
    zip_int64_t count = zip_get_num_entries(archive->zip, 0);
    for (zip_int64_t i = 0; i < count && i < MAX_ENTRIES; i++) {
        const char *name = zip_get_name(archive->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        const char *slash = name ? strchr(name, '/') : NULL;
        const char *base = slash ? slash + 1 : name;
        if (!base || strcmp(base, wanted) != 0 || base - name > MAX_PREFIX)
            continue;
        archive->prefix = strndup(name, (size_t)(base - name));
        return i;
    }
    return -1;
}

/* The size of an entry that this file can hold; -1 for others. */
static int64_t entry_bytes(const struct archive *archive, zip_uint64_t index)
{
    zip_stat_t entry;
    const zip_uint64_t wanted = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(archive->zip, index, 0, &entry) != 0 || (entry.valid & wanted) != wanted ||
        entry.comp_size > (zip_uint64_t)archive->bytes ||
        entry.size / DEFLATE_RATIO > entry.comp_size ||
        (entry.comp_method == ZIP_CM_STORE && entry.size != entry.comp_size))
        return -1;
    return (int64_t)entry.size;
}

static bool read_all(zip_file_t *entry, char *to, int64_t count)
{
    while (count > 0) {
        zip_int64_t got = zip_fread(entry, to, (zip_uint64_t)count);
        if (got <= 0)
            return false;
        to += got;
        count -= got;
    }
    return true;
}

static enum sm_status load_pickle(struct archive *archive, zip_uint64_t index, struct sm_err *err)
{
    int64_t bytes = entry_bytes(archive, index);
    size_t end;
    if (bytes < 0 || bytes > archive->bytes)
        return damaged(archive, "its data.pkl claims more bytes than the file has", err);
    if (bytes > MAX_PICKLE)
        return sm_fail(err, SM_UNSUPPORTED, "%s: its data.pkl has %lld MB; at most 16 MB are read",
                       archive->path, (long long)bytes >> 20);
    archive->pickle_bytes = malloc((size_t)bytes + 1);
    zip_file_t *entry = zip_fopen_index(archive->zip, index, 0);
    bool good = entry && archive->pickle_bytes && read_all(entry, archive->pickle_bytes, bytes);
    if (entry)
        zip_fclose(entry);
    if (!good)
        return damaged(archive, "its data.pkl cannot be read", err);
    return pickle_load(&archive->pickle, &archive->object, archive->pickle_bytes, (size_t)bytes,
                       &end, archive_budget(archive), archive->path, err);
}

static bool is_big_endian(const struct archive *archive)
{
    char name[MAX_PREFIX + 16], order[4] = "";
    snprintf(name, sizeof name, "%sbyteorder", archive->prefix);
    zip_file_t *entry = zip_fopen(archive->zip, name, ZIP_FL_ENC_RAW);
    if (!entry)
        return false;
    bool big = zip_fread(entry, order, 3) == 3 && memcmp(order, "big", 3) == 0;
    zip_fclose(entry);
    return big;
}

enum sm_status archive_zip_open(struct archive *archive, struct sm_err *err)
{
    int error = 0;
    archive->zip = zip_open(archive->path, ZIP_RDONLY, &error);
    if (!archive->zip && error == ZIP_ER_MEMORY)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", archive->path);
    if (!archive->zip)
        return damaged(
            archive,
            "its zip archive cannot be opened; the file is probably cut short, fetch it again",
            err);
    zip_int64_t index = find_pickle(archive);
    if (index < 0)
        return sm_fail(err, SM_UNSUPPORTED,
                       "%s: a zip archive, but no PyTorch checkpoint (it has no data.pkl)",
                       archive->path);
    if (!archive->prefix)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", archive->path);
    if (is_big_endian(archive))
        return sm_fail(err, SM_UNSUPPORTED,
                       "%s: was saved on a big-endian machine; save it again on "
                       "a little-endian one",
                       archive->path);
    return load_pickle(archive, (zip_uint64_t)index, err);
}

void archive_zip_close(struct archive *archive)
{
    if (archive->zip)
        zip_discard(archive->zip);
    free(archive->prefix);
}

bool archive_zip_record(const struct archive *archive, const struct value *key,
                        struct record *record)
{
    char name[MAX_PREFIX + MAX_KEY + 16];
    if (key->count > MAX_KEY || memchr(key->text, 0, key->count))
        return false;
    snprintf(name, sizeof name, "%sdata/%.*s", archive->prefix, (int)key->count, key->text);
    zip_int64_t index = zip_name_locate(archive->zip, name, ZIP_FL_ENC_RAW);
    if (index < 0)
        return false;
    *record = (struct record){.place = (uint64_t)index,
                              .bytes = entry_bytes(archive, (zip_uint64_t)index)};
    return record->bytes >= 0;
}

/* Stored entries can be entered in the middle; compressed ones are read from their start. */
static bool skip(zip_file_t *entry, int64_t offset, char *buffer)
{
    if (offset == 0 || zip_fseek(entry, offset, SEEK_SET) == 0)
        return true;
    while (offset > 0) {
        int64_t part = offset < PIECE ? offset : PIECE;
        if (!read_all(entry, buffer, part))
            return false;
        offset -= part;
    }
    return true;
}

enum sm_status archive_zip_read(const struct archive *archive, const struct record *record,
                                int64_t offset, int64_t count,
                                void (*piece)(void *context, const unsigned char *bytes,
                                              size_t count),
                                void *context, struct sm_err *err)
{
    char *buffer = malloc(PIECE);
    if (!buffer)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", archive->path);
    zip_file_t *entry = zip_fopen_index(archive->zip, record->place, 0);
    bool good = entry && skip(entry, offset, buffer);
    while (good && count > 0) {
        int64_t part = count < PIECE ? count : PIECE;
        good = read_all(entry, buffer, part);
        if (good)
            piece(context, (const unsigned char *)buffer, (size_t)part);
        count -= part;
    }
    /* libzip compares the checksum when it meets the end. */
    if (good && offset == 0)
        good = zip_fread(entry, buffer, 1) >= 0;
    if (entry)
        zip_fclose(entry);
    free(buffer);
    return good ? SM_OK
                : damaged(archive, "a tensor's record cannot be read, or its checksum is wrong",
                          err);
}
