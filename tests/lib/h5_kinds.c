#include "lib/h5_kinds.h"
#include "h5/internal.h"

/* Opens data set `name` of `count` elements of the type; close *id with H5Oclose. */
static enum sm_status open_data(hid_t *id, const struct h5 *file, const char *name, enum h5_type type, int64_t count,
                                struct sm_err *err)
{
    struct h5_shape shape;
    enum sm_status status = h5_shape(file, name, &shape, err);
    if (status)
        return status;
    if (shape.type != type || h5_count(&shape) != count)
        return sm_fail(err, SM_WEIGHTS, "%s: %s: has %lld values, %lld expected, or of another kind", h5_path(file),
                       name, (long long)h5_count(&shape), (long long)count);
    *id = h5_open_object(file, name);
    return *id >= 0 ? SM_OK : sm_fail(err, SM_WEIGHTS, "%s: %s: cannot be opened", h5_path(file), name);
}

static enum sm_status read_data(hid_t id, const struct h5 *file, const char *name, hid_t type, void *out,
                                struct sm_err *err)
{
    herr_t result = H5Dread(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
    return result >= 0 ? SM_OK : sm_fail(err, SM_WEIGHTS, "%s: %s: cannot be read", h5_path(file), name);
}

static enum sm_status read_whole(const struct h5 *file, const char *name, hid_t type, void *out, int64_t count,
                                 struct sm_err *err)
{
    hid_t id;
    enum sm_status status = open_data(&id, file, name, H5_INT, count, err);
    if (status)
        return status;
    status = read_data(id, file, name, type, out, err);
    H5Oclose(id);
    return status;
}

enum sm_status h5_read_ints(const struct h5 *file, const char *name, int32_t *out, int64_t count, struct sm_err *err)
{
    return read_whole(file, name, H5T_NATIVE_INT32, out, count, err);
}

enum sm_status h5_read_bytes(const struct h5 *file, const char *name, uint8_t *out, int64_t count, struct sm_err *err)
{
    return read_whole(file, name, H5T_NATIVE_UINT8, out, count, err);
}

enum sm_status h5_read_texts(const struct h5 *file, const char *name, char *out, size_t width, int64_t count,
                             struct sm_err *err)
{
    hid_t id;
    enum sm_status status = open_data(&id, file, name, H5_OTHER, count, err);
    if (status)
        return status;
    hid_t stored = H5Dget_type(id), type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, width); /* a zero at the end */
    if (H5Tget_class(stored) != H5T_STRING || H5Tis_variable_str(stored) != 0 || H5Tget_size(stored) >= width)
        status = sm_fail(err, SM_WEIGHTS, "%s: %s: does not hold texts of fixed length below %zu bytes", h5_path(file),
                         name, width);
    if (!status)
        status = read_data(id, file, name, type, out, err);
    H5Tclose(type);
    H5Tclose(stored);
    H5Oclose(id);
    return status;
}
