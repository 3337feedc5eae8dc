#include "checkpoint/export.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>
#include "base/output.h"

/* ---- a growing text of bytes ---- */

struct bytes {
    char *data;
    size_t count, room;
    bool starved;
};

static void put(struct bytes *b, const void *data, size_t count)
{
    if (b->count + count > b->room) {
        size_t room = 2 * (b->count + count);
        char *grown = realloc(b->data, room);
        b->starved = b->starved || !grown;
        if (!grown)
            return;
        b->data = grown;
        b->room = room;
    }
    memcpy(b->data + b->count, data, count);
    b->count += count;
}

static void put_text(struct bytes *b, const char *text)
{
    put(b, text, strlen(text));
}

/* ---- pickle, protocol 2: Python's pickletools name the opcodes ---- */

static void put_little_endian(struct bytes *b, uint64_t value, int count)
{
    for (int i = 0; i < count; i++)
        put(b, &(uint8_t){(uint8_t)(value >> 8 * i)}, 1);
}

static void pickle_int(struct bytes *b, int64_t value)
{
    if (value < 1 << 8) {
        put_text(b, "K"); /* BININT1 */
        put_little_endian(b, (uint64_t)value, 1);
    } else if (value < INT32_MAX) {
        put_text(b, "J"); /* BININT */
        put_little_endian(b, (uint64_t)value, 4);
    } else {
        put(b, "\x8a\x08", 2); /* LONG1 of eight bytes */
        put_little_endian(b, (uint64_t)value, 8);
    }
}

static void pickle_text(struct bytes *b, const char *text)
{
    put_text(b, "X"); /* BINUNICODE */
    put_little_endian(b, strlen(text), 4);
    put_text(b, text);
}

/* MARK, the numbers, TUPLE */
static void pickle_tuple(struct bytes *b, const int64_t *values, int count)
{
    put_text(b, "(");
    for (int i = 0; i < count; i++)
        pickle_int(b, values[i]);
    put_text(b, "t");
}

/* torch._utils._rebuild_tensor_v2(storage, 0, size, stride, False, OrderedDict()), contiguous */
static void pickle_tensor(struct bytes *b, const struct h5_shape *shape, size_t number)
{
    char key[24];
    int64_t stride[H5_MAX_RANK], run = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        stride[i] = run;
        run *= shape->dim[i];
    }
    snprintf(key, sizeof key, "%zu", number);
    put_text(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
    pickle_text(b, "storage");
    put_text(b, "ctorch\nFloatStorage\n");
    pickle_text(b, key);
    pickle_text(b, "cpu");
    pickle_int(b, run);
    put_text(b, "tQ"); /* BINPERSID */
    pickle_int(b, 0);
    pickle_tuple(b, shape->dim, shape->rank);
    pickle_tuple(b, stride, shape->rank);
    put(b, "\x89", 1); /* NEWFALSE: requires_grad */
    put_text(b, "ccollections\nOrderedDict\n)RtR");
}

/* ---- what there is ---- */

struct tensors {
    const struct h5 *file;
    char **names;
    size_t count;
};

static int collect(void *context, const char *name)
{
    struct tensors *all = context;
    if (strchr(name, '/'))
        return 0;
    char **grown = realloc(all->names, (all->count + 1) * sizeof *grown);
    if (!grown)
        return 1;
    all->names = grown;
    all->names[all->count] = strdup(name);
    return all->names[all->count++] == NULL;
}

static void tensors_free(struct tensors *all)
{
    for (size_t i = 0; i < all->count; i++)
        free(all->names[i]);
    free(all->names);
}

static enum sm_status pickle_all(struct bytes *b, const struct tensors *all, struct sm_err *err)
{
    put_text(b, "\x80\x02"
                "ccollections\nOrderedDict\n)R(");
    for (size_t i = 0; i < all->count; i++) {
        struct h5_shape shape;
        enum sm_status status = h5_shape(all->file, all->names[i], &shape, err);
        if (status)
            return status;
        pickle_text(b, all->names[i]);
        pickle_tensor(b, &shape, i);
    }
    put_text(b, "u.");
    return b->starved ? sm_fail(err, SM_MEMORY, "out of memory") : SM_OK;
}

/* ---- the archive; libzip asks for each tensor's bytes when it writes ---- */

struct storage {
    const struct h5 *file;
    const char *name;
    float *values;
    size_t bytes, given;
    zip_error_t error;
    struct sm_err *err;
};

static zip_int64_t open_storage(struct storage *s)
{
    s->given = 0;
    s->values = malloc(s->bytes + 1);
    if (s->values && !h5_read_floats(s->file, s->name, s->values, (int64_t)(s->bytes / sizeof(float)), s->err))
        return 0;
    if (!s->values)
        sm_fail(s->err, SM_MEMORY, "out of memory: %zu MB for tensor %s", s->bytes >> 20, s->name);
    zip_error_set(&s->error, ZIP_ER_READ, 0);
    return -1;
}

static zip_int64_t read_storage(struct storage *s, void *data, zip_uint64_t length)
{
    size_t left = s->bytes - s->given, count = length < left ? (size_t)length : left;
    memcpy(data, (const char *)s->values + s->given, count);
    s->given += count;
    return (zip_int64_t)count;
}

static zip_int64_t serve_storage(void *context, void *data, zip_uint64_t length, zip_source_cmd_t command)
{
    struct storage *s = context;
    switch (command) {
    case ZIP_SOURCE_OPEN: return open_storage(s);
    case ZIP_SOURCE_READ: return read_storage(s, data, length);
    case ZIP_SOURCE_CLOSE:
        free(s->values);
        s->values = NULL;
        return 0;
    case ZIP_SOURCE_STAT: {
        zip_stat_t *stat = data;
        zip_stat_init(stat);
        stat->valid = ZIP_STAT_SIZE;
        stat->size = s->bytes;
        return sizeof *stat;
    }
    case ZIP_SOURCE_ERROR: return zip_error_to_data(&s->error, data, length);
    case ZIP_SOURCE_FREE:
        free(s->values);
        free(s);
        return 0;
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
                                              ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, -1);
    default: zip_error_set(&s->error, ZIP_ER_OPNOTSUPP, 0); return -1;
    }
}

/* Stored, not compressed, with a date that says nothing; takes the source. */
static bool add_entry(zip_t *zip, const char *name, zip_source_t *source)
{
    zip_int64_t index = source ? zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8) : -1;
    if (index < 0) {
        zip_source_free(source);
        return false;
    }
    return zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) == 0 &&
           zip_file_set_dostime(zip, (zip_uint64_t)index, 0, 1 << 5 | 1, 0) == 0; /* 1 January 1980 */
}

static bool add_bytes(zip_t *zip, const char *name, const void *data, size_t count)
{
    return add_entry(zip, name, zip_source_buffer(zip, data, count, 0));
}

static bool add_storage(zip_t *zip, const struct tensors *all, size_t number, struct sm_err *err)
{
    char name[64];
    struct h5_shape shape;
    struct storage *s = calloc(1, sizeof *s);
    if (!s || h5_shape(all->file, all->names[number], &shape, err)) {
        free(s);
        return false;
    }
    *s = (struct storage){.file = all->file, .name = all->names[number], .err = err,
                          .bytes = (size_t)h5_count(&shape) * sizeof(float)};
    zip_error_init(&s->error);
    snprintf(name, sizeof name, "archive/data/%zu", number);
    zip_source_t *source = zip_source_function(zip, serve_storage, s);
    if (!source)
        free(s);
    return add_entry(zip, name, source);
}

static void tell_progress(zip_t *zip, double share, void *listener)
{
    (void)zip;
    sm_progress(listener, "writing tensors", (size_t)(share * 1000), 1000);
}

static int stop_asked(zip_t *zip, void *listener)
{
    (void)zip;
    return sm_cancelled(listener);
}

static enum sm_status write_archive(const char *path, const struct bytes *pickle, const struct tensors *all,
                                    const struct sm_listener *listener, struct sm_err *err)
{
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    *err = (struct sm_err){0};
    bool ok = zip && add_bytes(zip, "archive/data.pkl", pickle->data, pickle->count);
    for (size_t i = 0; i < all->count && ok; i++)
        ok = add_storage(zip, all, i, err);
    ok = ok && add_bytes(zip, "archive/version", "3\n", 2);
    if (ok) {
        zip_register_progress_callback_with_state(zip, 0.001, tell_progress, NULL, (void *)listener);
        zip_register_cancel_callback_with_state(zip, stop_asked, NULL, (void *)listener);
    }
    if (ok && zip_close(zip) == 0)
        return SM_OK;
    if (!err->status && sm_cancelled(listener))
        sm_fail(err, SM_INTERRUPTED, "interrupted; nothing was written");
    if (!err->status)
        sm_fail(err, SM_OUTPUT, "%s: cannot be written: %s", path, zip ? zip_strerror(zip) : strerror(errno));
    if (zip)
        zip_discard(zip);
    return err->status;
}

/* libzip makes a file of its own and renames it: the one to be synced is that one. */
static enum sm_status commit(struct output *output, struct sm_err *err)
{
    struct stat made;
    int fd = open(output->temporary, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(output->fd, &made) != 0 || fchmod(fd, made.st_mode & 0777) != 0 || dup2(fd, output->fd) < 0) {
        sm_fail(err, SM_OUTPUT, "%s: cannot be written: %s", output->path, strerror(errno));
        if (fd >= 0)
            close(fd);
        output_discard(output);
        return SM_OUTPUT;
    }
    close(fd);
    return output_commit(output, err);
}

enum sm_status export_checkpoint(const char *path, const struct h5 *weights, const struct sm_listener *listener,
                                 struct sm_err *err)
{
    struct tensors all = {.file = weights};
    struct bytes pickle = {0};
    struct output output = {0};
    enum sm_status status = output_open(&output, path, err);
    if (!status && h5_each(weights, "", collect, &all))
        status = sm_fail(err, SM_WEIGHTS, "%s: its tensors cannot be listed", h5_path(weights));
    if (!status)
        status = pickle_all(&pickle, &all, err);
    if (!status)
        status = write_archive(output.temporary, &pickle, &all, listener, err);
    if (!status)
        status = commit(&output, err);
    else
        output_discard(&output);
    tensors_free(&all);
    free(pickle.data);
    return status;
}
