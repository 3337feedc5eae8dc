/* Reading attributes. */
#include <stdlib.h>
#include <string.h>
#include "h5/h5.h"
#include "h5/internal.h"

enum { MAX_ATTR_VALUES = 4096, MAX_ATTR_TEXT = 1 << 16 };

static hid_t open_attr(const struct h5 *file, const char *name, const char *attr)
{
    hid_t object = h5_open_object(file, name ? name : "");
    if (object < 0)
        return -1;
    hid_t id = H5Aexists(object, attr) > 0 ? H5Aopen(object, attr, H5P_DEFAULT) : -1;
    H5Oclose(object);
    return id;
}

bool h5_attr_exists(const struct h5 *file, const char *name, const char *attr)
{
    hid_t id = open_attr(file, name, attr);
    if (id < 0)
        return false;
    H5Aclose(id);
    return true;
}

/* Number of values, or -1 when there are none or unreasonably many. */
static int attr_count(hid_t id)
{
    hid_t space = H5Aget_space(id);
    if (space < 0)
        return -1;
    H5S_class_t kind = H5Sget_simple_extent_type(space);
    hssize_t count = -1;
    if ((kind == H5S_SCALAR || kind == H5S_SIMPLE) &&
        H5Sget_simple_extent_ndims(space) <= H5_MAX_RANK)
        count = H5Sget_simple_extent_npoints(space);
    H5Sclose(space);
    return count > MAX_ATTR_VALUES ? -1 : (int)count;
}

static bool is_kind(hid_t id, bool floats_too)
{
    hid_t type = H5Aget_type(id);
    if (type < 0)
        return false;
    enum h5_type found = h5_classify(type);
    H5Tclose(type);
    return found == H5_INT || (floats_too && (found == H5_FLOAT32 || found == H5_FLOAT64));
}

/* All values of 8 bytes each, at most `capacity` of them copied to out. */
static int read_numbers(const struct h5 *file, const char *name, const char *attr, bool floats,
                        void *out, int capacity)
{
    hid_t id = open_attr(file, name, attr);
    if (id < 0)
        return -1;
    int count = is_kind(id, floats) ? attr_count(id) : -1;
    void *values = count > 0 ? malloc((size_t)count * 8) : NULL;
    if (count > 0 &&
        (!values || H5Aread(id, floats ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64, values) < 0))
        count = -1;
    if (count > 0)
        memcpy(out, values, 8 * (size_t)(count < capacity ? count : capacity));
    free(values);
    H5Aclose(id);
    return count;
}

int h5_attr_doubles(const struct h5 *file, const char *name, const char *attr, double *values,
                    int capacity)
{
    return read_numbers(file, name, attr, true, values, capacity);
}

int h5_attr_ints(const struct h5 *file, const char *name, const char *attr, int64_t *values,
                 int capacity)
{
    return read_numbers(file, name, attr, false, values, capacity);
}

bool h5_attr_double(const struct h5 *file, const char *name, const char *attr, double *value)
{
    return h5_attr_doubles(file, name, attr, value, 1) == 1;
}

bool h5_attr_int(const struct h5 *file, const char *name, const char *attr, int64_t *value)
{
    return h5_attr_ints(file, name, attr, value, 1) == 1;
}

/* Text in one piece. HDF5 1.10 trusts what a file says about text of variable length. */
static bool read_text(hid_t id, hid_t type, char *text, size_t size)
{
    size_t length = H5Tget_size(type);
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 || length == 0 ||
        length > MAX_ATTR_TEXT || attr_count(id) != 1)
        return false;
    char *copy = calloc(1, length + 1);
    bool good = copy && H5Aread(id, type, copy) >= 0 && strlen(copy) < size;
    if (good)
        strcpy(text, copy);
    free(copy);
    return good;
}

bool h5_attr_text(const struct h5 *file, const char *name, const char *attr, char *text,
                  size_t size)
{
    hid_t id = open_attr(file, name, attr);
    if (id < 0)
        return false;
    hid_t type = H5Aget_type(id);
    bool good = type >= 0 && read_text(id, type, text, size);
    if (type >= 0)
        H5Tclose(type);
    H5Aclose(id);
    return good;
}
