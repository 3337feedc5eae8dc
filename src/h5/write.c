/* Writing. The HDF5 1.8 format is asked for because its metadata carry checksums, so that a damaged
 * file is noticed; no times are stored, so that the same calls give the same bytes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/half.h"
#include "base/output.h"
#include "h5/h5.h"
#include "h5/internal.h"

struct h5_out {
    hid_t id;
    struct output output;
};

static enum sm_status fail(const struct h5_out *file, const char *what, struct sm_err *err)
{
    return sm_fail(err, SM_OUTPUT, "%s: %s cannot be written: %s", file->output.path, what,
                   errno ? strerror(errno) : "HDF5 gives no reason");
}

static hid_t create_file(const char *path)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), creation = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18);
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(access, 0, 1);
#endif
    H5Pset_obj_track_times(creation, 0);
    H5Pset_alignment(access, 4096, 64); /* large data sets can be used where they lie (map.c) */
    hid_t id = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    H5Pclose(creation);
    H5Pclose(access);
    return id;
}

enum sm_status h5_create(struct h5_out **file, const char *path, struct sm_err *err)
{
    *file = NULL;
    h5_silence();
    struct h5_out *created = calloc(1, sizeof *created);
    if (!created)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    created->id = -1;
    enum sm_status status = output_open(&created->output, path, err);
    if (status) {
        free(created);
        return status;
    }
    errno = 0;
    created->id = create_file(created->output.temporary);
    if (created->id < 0) {
        status = fail(created, "the file", err);
        h5_discard(created);
        return status;
    }
    *file = created;
    return SM_OK;
}

hid_t h5_out_id(const struct h5_out *file)
{
    return file->id;
}

/* ---- data ---- */

static hid_t stored_type(enum h5_type type)
{
    switch (type) {
    case H5_FLOAT16:
        return h5_float16_type();
    case H5_BFLOAT16:
        return H5Tcopy(H5T_STD_U16LE);
    case H5_INT:
        return H5Tcopy(H5T_STD_I8LE);
    default:
        return H5Tcopy(H5T_IEEE_F32LE);
    }
}

/* Groups on the way to name. HDF5 would make them itself, but with the time in them. */
static bool make_groups(const struct h5_out *file, const char *name)
{
    bool good = true;
    hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_obj_track_times(creation, 0);
    for (const char *slash = strchr(name, '/'); good && slash; slash = strchr(slash + 1, '/')) {
        char *group = strndup(name, (size_t)(slash - name));
        good = group != NULL;
        if (good && H5Lexists(file->id, group, H5P_DEFAULT) <= 0) {
            hid_t id = H5Gcreate2(file->id, group, H5P_DEFAULT, creation, H5P_DEFAULT);
            good = id >= 0 && H5Gclose(id) >= 0;
        }
        free(group);
    }
    H5Pclose(creation);
    return good;
}

static hid_t create_data_set(const struct h5_out *file, const char *name,
                             const struct h5_shape *shape)
{
    hsize_t dims[H5_MAX_RANK];
    int64_t stored[H5_MAX_RANK];
    axes_stored_dims(shape, stored);
    for (int i = 0; i < shape->rank; i++)
        dims[i] = (hsize_t)stored[i];
    hid_t space = shape->rank ? H5Screate_simple(shape->rank, dims, NULL) : H5Screate(H5S_SCALAR);
    hid_t type = stored_type(shape->type);
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(creation, 0);
    hid_t id = H5Dcreate2(file->id, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    H5Pclose(creation);
    H5Tclose(type);
    H5Sclose(space);
    return id;
}

static bool write_16_bit(hid_t id, const float *values, hsize_t count, enum h5_type type)
{
    uint16_t *narrow = malloc(count * sizeof *narrow);
    if (!narrow)
        return false;
    for (hsize_t i = 0; i < count; i++)
        narrow[i] = type == H5_FLOAT16 ? half_from_float(values[i]) : bfloat_from_float(values[i]);
    hid_t memory = stored_type(type);
    bool good = H5Dwrite(id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, narrow) >= 0;
    H5Tclose(memory);
    free(narrow);
    return good;
}

static bool mark_bfloat16(hid_t id)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attr = H5Acreate2(id, "bfloat16", H5T_STD_U8LE, space, H5P_DEFAULT, H5P_DEFAULT);
    const unsigned char one = 1;
    bool good = attr >= 0 && H5Awrite(attr, H5T_NATIVE_UCHAR, &one) >= 0;
    if (attr >= 0)
        H5Aclose(attr);
    H5Sclose(space);
    return good;
}

static bool mark_axes(hid_t id, const char *axes)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, strlen(axes) + 1);
    hid_t attr = H5Acreate2(id, "axes", type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = attr >= 0 && H5Awrite(attr, type, axes) >= 0;
    if (attr >= 0)
        H5Aclose(attr);
    H5Sclose(space);
    H5Tclose(type);
    return good;
}

static bool write_values(hid_t id, const float *values, const struct h5_shape *shape, int64_t count)
{
    return shape->type == H5_FLOAT32 || shape->type == H5_INT
               ? H5Dwrite(id, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0
               : write_16_bit(id, values, (hsize_t)count, shape->type);
}

static bool write_turned(hid_t id, const float *values, const struct h5_shape *shape, int64_t count)
{
    float *stored = axes_to_stored(values, shape);
    bool good = stored && mark_axes(id, shape->axes) && write_values(id, stored, shape, count);
    free(stored);
    return good;
}

enum sm_status h5_write_floats(struct h5_out *file, const char *name, const float *values,
                               const struct h5_shape *shape, struct sm_err *err)
{
    int64_t count = h5_count(shape);
    if (count < 0 || shape->rank > H5_MAX_RANK || (shape->type > H5_BFLOAT16 && shape->type != H5_INT) ||
        (shape->axes[0] && !axes_fit(shape->axes, shape->rank)))
        return sm_fail(err, SM_USAGE, "%s: no data set of this shape and type can be written",
                       name);
    errno = 0;
    hid_t id = make_groups(file, name) ? create_data_set(file, name, shape) : -1;
    bool good = id >= 0;
    if (good && shape->type == H5_BFLOAT16)
        good = mark_bfloat16(id);
    if (good && count > 0)
        good = (shape->axes[0] ? write_turned : write_values)(id, values, shape, count);
    if (id >= 0 && H5Dclose(id) < 0)
        good = false;
    return good ? SM_OK : fail(file, name, err);
}

/* ---- attributes of the root ---- */

static enum sm_status set(struct h5_out *file, const char *attr, hid_t stored, hid_t memory,
                          const void *value, int count, struct sm_err *err)
{
    hsize_t dim = (hsize_t)(count < 0 ? 1 : count);
    hid_t space = count < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &dim, NULL);
    errno = 0;
    hid_t id = H5Acreate2(file->id, attr, stored, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = id >= 0 && (dim == 0 || H5Awrite(id, memory, value) >= 0);
    if (id >= 0)
        H5Aclose(id);
    H5Sclose(space);
    return good ? SM_OK : fail(file, attr, err);
}

enum sm_status h5_set_int(struct h5_out *file, const char *attr, int64_t value, struct sm_err *err)
{
    return set(file, attr, H5T_STD_I64LE, H5T_NATIVE_INT64, &value, -1, err);
}

enum sm_status h5_set_double(struct h5_out *file, const char *attr, const double *values, int count,
                             struct sm_err *err)
{
    return set(file, attr, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, values, count, err);
}

enum sm_status h5_set_ints(struct h5_out *file, const char *attr, const int *values, int count,
                           struct sm_err *err)
{
    return set(file, attr, H5T_STD_I32LE, H5T_NATIVE_INT, values, count, err);
}

enum sm_status h5_set_text(struct h5_out *file, const char *attr, const char *text,
                           struct sm_err *err)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, strlen(text) + 1); /* with its NUL: a text may be empty */
    H5Tset_cset(type, H5T_CSET_UTF8);
    enum sm_status status = set(file, attr, type, type, text, -1, err);
    H5Tclose(type);
    return status;
}

/* ---- the end ---- */

enum sm_status h5_commit(struct h5_out *file, struct sm_err *err)
{
    errno = 0;
    if (H5Fclose(file->id) < 0) {
        file->id = -1;
        enum sm_status status = fail(file, "the file", err);
        h5_discard(file);
        return status;
    }
    enum sm_status status = output_commit(&file->output, err);
    free(file);
    return status;
}

void h5_discard(struct h5_out *file)
{
    if (!file)
        return;
    if (file->id >= 0)
        H5Fclose(file->id);
    output_discard(&file->output);
    free(file);
}
