/* The stream format of PyTorch before 1.6: five pickles (a magic number, a version, the machine,
 * the object, the storages' keys), then each storage in the order of the keys: its number of
 * elements in 8 bytes, and the elements. */
#include <stdlib.h>
#include <string.h>
#include "checkpoint/archive_internal.h"

static const unsigned char magic[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};

static enum sm_status damaged(const struct archive *archive, const char *what, struct sm_err *err)
{
    return sm_fail(err, SM_CORRUPT, "%s: damaged checkpoint: %s", archive->path, what);
}

/* What follows one another in the file, as far as pickles can reach. */
struct reader {
    struct archive *archive;
    size_t size, at;
};

static enum sm_status next_pickle(struct reader *reader, struct pickle **pickle,
                                  const struct value **result, struct sm_err *err)
{
    struct archive *archive = reader->archive;
    size_t end;
    enum sm_status status =
        pickle_load(pickle, result, archive->pickle_bytes + reader->at, reader->size - reader->at,
                    &end, archive_budget(archive), archive->path, err);
    reader->at += end;
    return status;
}

static enum sm_status check_magic(struct reader *reader, struct sm_err *err)
{
    struct pickle *pickle;
    const struct value *value;
    enum sm_status status = next_pickle(reader, &pickle, &value, err);
    if (status)
        return status;
    bool good = value->kind == VALUE_BYTES && value->count == sizeof magic &&
                memcmp(value->text, magic, sizeof magic) == 0;
    pickle_free(pickle);
    if (!good)
        return sm_fail(err, SM_UNSUPPORTED,
                       "%s: a pickle, but not a PyTorch checkpoint (no magic number)",
                       reader->archive->path);
    return SM_OK;
}

static enum sm_status check_machine(struct reader *reader, struct sm_err *err)
{
    struct pickle *pickle;
    const struct value *value;
    enum sm_status status = next_pickle(reader, &pickle, &value, err); /* protocol version */
    if (status)
        return status;
    bool known = value->kind == VALUE_INT && value->integer == 1001;
    pickle_free(pickle);
    if (!known)
        return sm_fail(err, SM_UNSUPPORTED, "%s: unknown version of PyTorch's stream format",
                       reader->archive->path);
    status = next_pickle(reader, &pickle, &value, err);
    if (status)
        return status;
    const struct value *little = value_get(value, "little_endian");
    bool big = little && little->kind == VALUE_BOOL && !little->integer;
    pickle_free(pickle);
    if (big)
        return sm_fail(err, SM_UNSUPPORTED,
                       "%s: was saved on a big-endian machine; save it again on "
                       "a little-endian one",
                       reader->archive->path);
    return SM_OK;
}

static int compare_spans(const char *a, uint32_t a_length, const char *b, uint32_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_records(const void *a, const void *b)
{
    const struct stream_record *left = a, *right = b;
    return compare_spans(left->key, left->key_length, right->key, right->key_length);
}

static int compare_storages(const void *a, const void *b)
{
    const struct value *left = (*(const struct value *const *)a)->items[2];
    const struct value *right = (*(const struct value *const *)b)->items[2];
    return compare_spans(left->text, left->count, right->text, right->count);
}

/* The storages the object speaks of, sorted by key; those without a text key are left out. */
static const struct value **sorted_storages(const struct archive *archive, size_t *count)
{
    *count = pickle_storages(archive->pickle, NULL);
    const struct value **storages = malloc((*count + 1) * sizeof *storages);
    if (!storages)
        return NULL;
    pickle_storages(archive->pickle, storages);
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (storages[i]->items[2]->kind == VALUE_TEXT)
            storages[kept++] = storages[i];
    *count = kept;
    qsort(storages, kept, sizeof *storages, compare_storages);
    return storages;
}

/* Bytes an element of the storage called key takes; 0 when the object never mentions it. */
static size_t element_bytes(const struct value *const *storages, size_t count,
                            const struct value *key)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct value *found = storages[middle]->items[2];
        int order = compare_spans(found->text, found->count, key->text, key->count);
        if (order == 0)
            return scalar_bytes(known_scalar(storages[middle]->items[1]));
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* The storage at `at`; moves on to the next. */
static enum sm_status locate(struct archive *archive, const struct value *key, size_t width,
                             int64_t *at, struct stream_record *record, struct sm_err *err)
{
    unsigned char raw[8];
    uint64_t elements = 0;
    if (fseeko(archive->file, *at, SEEK_SET) != 0 || fread(raw, 1, 8, archive->file) != 8)
        return damaged(archive, "it is cut short; fetch it again", err);
    for (int i = 0; i < 8; i++)
        elements |= (uint64_t)raw[i] << 8 * i;
    if (width == 0)
        return sm_fail(err, SM_UNSUPPORTED, "%s: a storage has elements of an unknown type",
                       archive->path);
    *at += 8;
    if (elements > (uint64_t)(archive->bytes - *at) / width)
        return damaged(archive,
                       "a storage claims more bytes than the file has; it is cut short, fetch "
                       "it again",
                       err);
    *record =
        (struct stream_record){key->text, key->count, {(uint64_t)*at, (int64_t)(elements * width)}};
    *at += record->record.bytes;
    return SM_OK;
}

static enum sm_status locate_all(struct archive *archive, const struct value *keys, int64_t at,
                                 struct sm_err *err)
{
    if (keys->kind != VALUE_LIST)
        return damaged(archive, "it has no list of storages", err);
    size_t count;
    const struct value **storages = sorted_storages(archive, &count);
    archive->records = calloc((size_t)keys->count + 1, sizeof *archive->records);
    enum sm_status status = SM_OK;
    if (!storages || !archive->records)
        status = sm_fail(err, SM_MEMORY, "%s: out of memory", archive->path);
    for (uint32_t i = 0; status == SM_OK && i < keys->count; i++) {
        const struct value *key = keys->items[i];
        if (key->kind != VALUE_TEXT)
            status = damaged(archive, "a storage has no name", err);
        else
            status = locate(archive, key, element_bytes(storages, count, key), &at,
                            &archive->records[archive->record_count++], err);
    }
    free(storages);
    if (status == SM_OK)
        qsort(archive->records, archive->record_count, sizeof *archive->records, compare_records);
    return status;
}

enum sm_status archive_stream_open(struct archive *archive, struct sm_err *err)
{
    struct reader reader = {.archive = archive};
    reader.size = archive->bytes < 2 * MAX_PICKLE ? (size_t)archive->bytes : 2 * MAX_PICKLE;
    archive->file = fopen(archive->path, "rb");
    archive->pickle_bytes = malloc(reader.size + 1);
    if (!archive->pickle_bytes)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", archive->path);
    if (!archive->file ||
        fread(archive->pickle_bytes, 1, reader.size, archive->file) != reader.size)
        return damaged(archive, "it cannot be read", err);
    const struct value *keys = NULL;
    enum sm_status status = check_magic(&reader, err);
    if (status == SM_OK)
        status = check_machine(&reader, err);
    if (status == SM_OK)
        status = next_pickle(&reader, &archive->pickle, &archive->object, err);
    if (status == SM_OK)
        status = next_pickle(&reader, &archive->keys, &keys, err);
    return status ? status : locate_all(archive, keys, (int64_t)reader.at, err);
}

bool archive_stream_record(const struct archive *archive, const struct value *key,
                           struct record *record)
{
    struct stream_record wanted = {.key = key->text, .key_length = key->count};
    const struct stream_record *found =
        archive->record_count ? bsearch(&wanted, archive->records, archive->record_count,
                                        sizeof wanted, compare_records)
                              : NULL;
    if (found)
        *record = found->record;
    return found != NULL;
}

enum sm_status archive_stream_read(const struct archive *archive, const struct record *record,
                                   int64_t offset, int64_t count,
                                   void (*piece)(void *context, const unsigned char *bytes,
                                                 size_t count),
                                   void *context, struct sm_err *err)
{
    unsigned char *buffer = malloc(PIECE);
    if (!buffer)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", archive->path);
    bool good = fseeko(archive->file, (off_t)record->place + offset, SEEK_SET) == 0;
    while (good && count > 0) {
        size_t part = count < PIECE ? (size_t)count : PIECE;
        good = fread(buffer, 1, part, archive->file) == part;
        if (good)
            piece(context, buffer, part);
        count -= (int64_t)part;
    }
    free(buffer);
    return good ? SM_OK : damaged(archive, "a tensor's data cannot be read", err);
}
