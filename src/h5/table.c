/* Records under keys in an HDF5 file of fixed form: data sets "records" (slots, floats), "index" (slots)
 * of texts, a key and the record's digest, and "count", how many were ever written. HDF5 makes the file
 * and says where they lie; from then on bytes are read and written in place. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/digest.h"
#include "h5/h5.h"
#include "h5/internal.h"

enum { ENTRY = 2 * H5_KEY, MAX_KIND = 64 };

struct h5_table {
    int fd;
    bool writable;
    int64_t floats, slots;
    size_t records, index, count; /* offsets in the file */
};

/* ---- making ---- */

/* The whole of it has its place in the file from the start, and nothing is written there: zeros. */
static bool reserve(hid_t file, const char *name, hid_t type, int rank, const hsize_t *dims)
{
    hid_t space = H5Screate_simple(rank, dims, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(creation, 0);
    H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
    hid_t id = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    H5Pclose(creation);
    H5Sclose(space);
    return id >= 0 && H5Dclose(id) >= 0;
}

static hid_t entry_type(void)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, ENTRY);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    return type;
}

static enum sm_status make(const char *path, const char *kind, int64_t floats, int64_t slots, struct sm_err *err)
{
    struct h5_out *out;
    enum sm_status status = h5_create(&out, path, err);
    if (status)
        return status;
    hid_t file = h5_out_id(out), entry = entry_type();
    const hsize_t records[2] = {(hsize_t)slots, (hsize_t)floats}, one = 1;
    bool good = reserve(file, "records", H5T_IEEE_F32LE, 2, records) &&
                reserve(file, "index", entry, 1, records) && reserve(file, "count", H5T_STD_I64LE, 1, &one);
    H5Tclose(entry);
    status = good ? h5_set_text(out, "kind", kind, err)
                  : sm_fail(err, SM_OUTPUT, "%s: cannot be written", path);
    if (!status)
        return h5_commit(out, err);
    h5_discard(out);
    return status;
}

/* ---- opening ---- */

static enum sm_status locate(struct h5_table *table, const struct h5 *file, const char *kind, struct sm_err *err)
{
    const char *path = h5_path(file);
    struct h5_shape shape = {0};
    char found[MAX_KIND];
    if (!h5_attr_text(file, NULL, "kind", found, sizeof found) || strcmp(found, kind) != 0)
        return sm_fail(err, SM_USAGE, "%s: holds no %s; give the file another name", path, kind);
    if (h5_shape(file, "records", &shape, err) || shape.rank != 2 || shape.dim[0] < 1)
        return sm_fail(err, SM_USAGE, "%s: damaged; delete it", path);
    if (shape.dim[1] != table->floats)
        return sm_fail(err, SM_USAGE, "%s: holds %s of %lld numbers, but these weights give %lld; "
                       "give the file another name", path, kind, (long long)shape.dim[1], (long long)table->floats);
    table->slots = shape.dim[0];
    hid_t entry = entry_type();
    size_t slots = (size_t)table->slots;
    bool placed = h5_piece(file, "records", H5T_NATIVE_FLOAT, slots * (size_t)table->floats * sizeof(float), &table->records) &&
                  h5_piece(file, "index", entry, slots * ENTRY, &table->index) &&
                  h5_piece(file, "count", H5T_NATIVE_INT64, sizeof(int64_t), &table->count);
    H5Tclose(entry);
    return placed ? SM_OK : sm_fail(err, SM_USAGE, "%s: damaged, or of a machine of another kind; delete it", path);
}

/* One's own descriptor of the file that HDF5 has open, whatever its name is by now. */
static bool reopen(struct h5_table *table, const struct h5 *file)
{
    struct stat there, here;
    table->fd = open(h5_path(file), O_RDWR | O_CLOEXEC);
    table->writable = table->fd >= 0;
    if (table->fd < 0)
        table->fd = open(h5_path(file), O_RDONLY | O_CLOEXEC);
    return table->fd >= 0 && fstat(table->fd, &here) == 0 && fstat(h5_descriptor(file), &there) == 0 &&
           here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

enum sm_status h5_table_open(struct h5_table **out, const char *path, const char *kind, int64_t floats,
                             int64_t slots, struct sm_err *err)
{
    struct h5 *file = NULL;
    struct h5_table *table = calloc(1, sizeof *table);
    *out = NULL;
    if (!table)
        return sm_fail(err, SM_MEMORY, "out of memory");
    *table = (struct h5_table){.fd = -1, .floats = floats};
    enum sm_status status = SM_OK;
    if (access(path, F_OK) != 0 && errno == ENOENT) /* two at a time: the later one's file stays */
        status = make(path, kind, floats, slots, err);
    if (!status && h5_open(&file, path, err))
        status = sm_fail(err, SM_USAGE, "%s: holds no %s; give the file another name", path, kind);
    if (!status)
        status = locate(table, file, kind, err);
    if (!status && !reopen(table, file))
        status = sm_fail(err, SM_USAGE, "%s: was replaced while it was being opened; try again", path);
    h5_close(file);
    if (status)
        h5_table_close(table);
    else
        *out = table;
    return status;
}

void h5_table_close(struct h5_table *table)
{
    if (table && table->fd >= 0)
        close(table->fd);
    free(table);
}

/* ---- records ---- */

static bool read_all(int fd, void *bytes, size_t count, size_t offset)
{
    for (size_t done = 0; done < count;) {
        ssize_t n = pread(fd, (char *)bytes + done, count - done, (off_t)(offset + done));
        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool write_all(int fd, const void *bytes, size_t count, size_t offset)
{
    for (size_t done = 0; done < count;) {
        ssize_t n = pwrite(fd, (const char *)bytes + done, count - done, (off_t)(offset + done));
        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* The index as it is now; others write to it too. NULL: it cannot be read. Free it. */
static char *read_index(const struct h5_table *table)
{
    size_t bytes = (size_t)table->slots * ENTRY;
    char *index = malloc(bytes);
    if (index && read_all(table->fd, index, bytes, table->index))
        return index;
    free(index);
    return NULL;
}

static int64_t find(const struct h5_table *table, const char *index, const char *key)
{
    for (int64_t slot = 0; slot < table->slots; slot++)
        if (memcmp(index + (size_t)slot * ENTRY, key, H5_KEY) == 0)
            return slot;
    return -1;
}

static size_t record_bytes(const struct h5_table *table)
{
    return (size_t)table->floats * sizeof(float);
}

bool h5_table_get(const struct h5_table *table, const char *key, float *out)
{
    char digest[65], *index = read_index(table);
    int64_t slot = index ? find(table, index, key) : -1;
    bool found = slot >= 0 && read_all(table->fd, out, record_bytes(table),
                                       table->records + (size_t)slot * record_bytes(table));
    if (found) {
        digest_bytes(out, record_bytes(table), digest);
        found = memcmp(digest, index + (size_t)slot * ENTRY + H5_KEY, H5_KEY) == 0;
    }
    free(index);
    return found;
}

/* The key last: whoever finds it finds the record. Who is stopped in between leaves an empty slot. */
static bool write_slot(struct h5_table *table, size_t slot, const char *key, const float *values)
{
    static const char nothing[ENTRY];
    char entry[ENTRY + 1];
    memcpy(entry, key, H5_KEY);
    digest_bytes(values, record_bytes(table), entry + H5_KEY);
    return write_all(table->fd, nothing, ENTRY, table->index + slot * ENTRY) &&
           write_all(table->fd, values, record_bytes(table), table->records + slot * record_bytes(table)) &&
           write_all(table->fd, entry, ENTRY, table->index + slot * ENTRY);
}

bool h5_table_put(struct h5_table *table, const char *key, const float *values)
{
    int64_t count = 0;
    if (!table->writable || flock(table->fd, LOCK_EX) != 0)
        return false;
    char *index = read_index(table);
    bool there = index && find(table, index, key) >= 0;
    bool good = there || (index && read_all(table->fd, &count, sizeof count, table->count) && count >= 0);
    free(index);
    if (good && !there) {
        size_t slot = (size_t)(count % table->slots);
        count = count < INT64_MAX ? count + 1 : 0;
        good = write_slot(table, slot, key, values) && write_all(table->fd, &count, sizeof count, table->count);
    }
    flock(table->fd, LOCK_UN);
    return good;
}
