/* Reading. Every object is reached through hard links only, and every claim about sizes is compared
 * with the file before HDF5 or the caller acts on it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/half.h"
#include "h5/h5.h"
#include "h5/internal.h"

enum {
    MAX_NAME = 1024,
    MAX_DEPTH = 8,         /* groups within groups; hard links can make circles */
    MAX_OBJECTS = 1 << 17, /* data sets and groups visited by h5_each */
    DEFLATE_RATIO = 1032   /* the most that deflate can do */
};

struct h5 {
    hid_t id;
    char *path;
    int64_t bytes; /* size of the file */
};

const char *h5_type_name(enum h5_type type)
{
    static const char *const names[] = {"float32", "float16", "bfloat16",
                                        "float64", "integer", "of another type"};
    return names[type];
}

hid_t h5_float16_type(void)
{
    hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    if (type < 0)
        return type;
    if (H5Tset_fields(type, 15, 10, 5, 0, 10) < 0 || H5Tset_size(type, 2) < 0 ||
        H5Tset_ebias(type, 15) < 0) {
        H5Tclose(type);
        return -1;
    }
    return type;
}

/* ---- opening ---- */

static enum sm_status check_signature(const char *path, int64_t *bytes, struct sm_err *err)
{
    static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    unsigned char found[8] = {0};
    struct stat status;
    FILE *file = fopen(path, "rb");
    if (!file)
        return sm_fail(err, SM_WEIGHTS, "%s: cannot be read: %s", path, strerror(errno));
    if (fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode)) {
        fclose(file);
        return sm_fail(err, SM_WEIGHTS, "%s: not a regular file", path);
    }
    size_t count = fread(found, 1, sizeof found, file);
    fclose(file);
    if (count != sizeof found || memcmp(found, signature, sizeof found) != 0)
        return sm_fail(err, SM_WEIGHTS,
                       "%s: not an HDF5 file; weights files are made by \"sammed2d convert\"",
                       path);
    *bytes = status.st_size;
    return SM_OK;
}

static hid_t open_file(const char *path)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(access, 0, 1); /* read-only and network file systems often have no locks */
#endif
    hid_t id = H5Fopen(path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    return id;
}

enum sm_status h5_open(struct h5 **file, const char *path, struct sm_err *err)
{
    *file = NULL;
    int64_t bytes = 0;
    enum sm_status status = check_signature(path, &bytes, err);
    if (status)
        return status;
    h5_silence();
    struct h5 *opened = calloc(1, sizeof *opened);
    char *copy = strdup(path);
    if (!opened || !copy) {
        free(opened);
        free(copy);
        return sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    }
    *opened = (struct h5){.id = open_file(path), .path = copy, .bytes = bytes};
    if (opened->id < 0) {
        h5_close(opened);
        return sm_fail(err, SM_WEIGHTS, "%s: damaged HDF5 file (truncated or overwritten)", path);
    }
    *file = opened;
    return SM_OK;
}

void h5_close(struct h5 *file)
{
    if (!file)
        return;
    if (file->id >= 0)
        H5Fclose(file->id);
    free(file->path);
    free(file);
}

const char *h5_path(const struct h5 *file)
{
    return file->path;
}

/* ---- reaching objects ---- */

static bool is_hard_link(hid_t place, const char *name)
{
    H5L_info_t info;
    return H5Lget_info(place, name, &info, H5P_DEFAULT) >= 0 && info.type == H5L_TYPE_HARD;
}

hid_t h5_open_object(const struct h5 *file, const char *name)
{
    hid_t place = H5Gopen2(file->id, "/", H5P_DEFAULT);
    while (place >= 0 && *name) {
        size_t length = strcspn(name, "/");
        char step[MAX_NAME];
        hid_t next = -1;
        if (length > 0 && length < sizeof step && H5Iget_type(place) == H5I_GROUP) {
            memcpy(step, name, length);
            step[length] = 0;
            if (strcmp(step, ".") != 0 && is_hard_link(place, step))
                next = H5Oopen(place, step, H5P_DEFAULT);
        }
        H5Oclose(place);
        place = next;
        name += length + (name[length] == '/');
    }
    return place;
}

static hid_t open_data_set(const struct h5 *file, const char *name)
{
    hid_t id = h5_open_object(file, name);
    if (id >= 0 && H5Iget_type(id) != H5I_DATASET) {
        H5Oclose(id);
        return -1;
    }
    return id;
}

bool h5_has(const struct h5 *file, const char *name)
{
    hid_t id = open_data_set(file, name);
    if (id < 0)
        return false;
    H5Dclose(id);
    return true;
}

/* ---- what a data set claims ---- */

static bool is_any_of(hid_t type, const hid_t *known, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (H5Tequal(type, known[i]) > 0)
            return true;
    return false;
}

static bool is_float16(hid_t type)
{
    hid_t half = h5_float16_type();
    bool equal = half >= 0 && H5Tequal(type, half) > 0;
    if (half >= 0)
        H5Tclose(half);
    return equal;
}

enum h5_type h5_classify(hid_t type)
{
    const hid_t floats[] = {H5T_IEEE_F32LE, H5T_IEEE_F32BE};
    const hid_t doubles[] = {H5T_IEEE_F64LE, H5T_IEEE_F64BE};
    const hid_t ints[] = {H5T_STD_I8LE,  H5T_STD_U8LE,  H5T_STD_I16LE, H5T_STD_U16LE,
                          H5T_STD_I32LE, H5T_STD_U32LE, H5T_STD_I64LE, H5T_STD_U64LE,
                          H5T_STD_I8BE,  H5T_STD_U8BE,  H5T_STD_I16BE, H5T_STD_U16BE,
                          H5T_STD_I32BE, H5T_STD_U32BE, H5T_STD_I64BE, H5T_STD_U64BE};
    if (is_any_of(type, floats, sizeof floats / sizeof *floats))
        return H5_FLOAT32;
    if (is_any_of(type, doubles, sizeof doubles / sizeof *doubles))
        return H5_FLOAT64;
    if (is_any_of(type, ints, sizeof ints / sizeof *ints))
        return H5_INT;
    return is_float16(type) ? H5_FLOAT16 : H5_OTHER;
}

static enum h5_type data_set_type(hid_t id, size_t *element_bytes)
{
    hid_t type = H5Dget_type(id);
    if (type < 0)
        return H5_OTHER;
    enum h5_type result = h5_classify(type);
    *element_bytes = H5Tget_size(type);
    if (result == H5_INT && H5Tequal(type, H5T_STD_U16LE) > 0 && H5Aexists(id, "bfloat16") > 0)
        result = H5_BFLOAT16;
    H5Tclose(type);
    return result;
}

static bool read_dims(hid_t id, struct h5_shape *shape)
{
    hid_t space = H5Dget_space(id);
    if (space < 0)
        return false;
    hsize_t dims[H5_MAX_RANK];
    H5S_class_t kind = H5Sget_simple_extent_type(space);
    int rank = H5Sget_simple_extent_ndims(space);
    bool good = (kind == H5S_SIMPLE || kind == H5S_SCALAR) && rank >= 0 && rank <= H5_MAX_RANK &&
                H5Sget_simple_extent_dims(space, dims, NULL) == rank;
    H5Sclose(space);
    for (int i = 0; good && i < rank; i++) {
        good = dims[i] <= INT64_MAX;
        shape->dim[i] = (int64_t)dims[i];
    }
    shape->rank = rank;
    return good;
}

int64_t h5_count(const struct h5_shape *shape)
{
    int64_t count = 1;
    bool empty = false;
    for (int i = 0; i < shape->rank; i++)
        empty = empty || shape->dim[i] == 0;
    for (int i = 0; !empty && i < shape->rank; i++)
        if (shape->dim[i] < 0 || __builtin_mul_overflow(count, shape->dim[i], &count))
            return -1;
    return empty ? 0 : count;
}

/* Deflate and shuffle only; *ratio is how much larger than its storage the data may be. */
static bool filters_known(hid_t plist, int64_t *ratio)
{
    *ratio = 1;
    int count = H5Pget_nfilters(plist);
    for (int i = 0; i < count; i++) {
        unsigned flags, values[16];
        size_t value_count = 16;
        H5Z_filter_t filter =
            H5Pget_filter2(plist, (unsigned)i, &flags, &value_count, values, 0, NULL, NULL);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE)
            return false;
        if (filter == H5Z_FILTER_DEFLATE)
            *ratio *= DEFLATE_RATIO;
    }
    return count >= 0 && *ratio <= DEFLATE_RATIO;
}

/* HDF5 allocates whole chunks: none may exceed what the file could unpack to. */
static bool chunk_fits(hid_t plist, size_t element_bytes, int64_t limit)
{
    hsize_t dims[H5_MAX_RANK];
    int rank = H5Pget_chunk(plist, H5_MAX_RANK, dims);
    int64_t bytes = (int64_t)element_bytes;
    for (int i = 0; i < rank && i < H5_MAX_RANK; i++)
        if (dims[i] == 0 || dims[i] > INT32_MAX ||
            __builtin_mul_overflow(bytes, (int64_t)dims[i], &bytes) || bytes > limit)
            return false;
    return rank > 0 && rank <= H5_MAX_RANK;
}

/* NULL when the file can hold `total` bytes of this data set, else what is wrong. */
static const char *storage_problem(const struct h5 *file, hid_t id, size_t element_bytes,
                                   int64_t total)
{
    hid_t plist = H5Dget_create_plist(id);
    if (plist < 0)
        return "its storage is not described";
    const char *problem = NULL;
    int64_t ratio = 1, stored = (int64_t)H5Dget_storage_size(id);
    H5D_layout_t layout = H5Pget_layout(plist);
    if (layout != H5D_CONTIGUOUS && layout != H5D_COMPACT && layout != H5D_CHUNKED)
        problem = "its data lie in another data set";
    else if (H5Pget_external_count(plist) != 0)
        problem = "its data lie in another file";
    else if (!filters_known(plist, &ratio))
        problem = "it is compressed in a way sammed2d does not read (only deflate and shuffle)";
    else if (stored < 0 || stored > file->bytes || total > stored * ratio)
        problem = "it claims more data than the file holds";
    else if (layout == H5D_CHUNKED && total > 0 &&
             !chunk_fits(plist, element_bytes, file->bytes * ratio))
        problem = "its chunks are larger than the file";
    H5Pclose(plist);
    return problem;
}

static enum sm_status describe(const struct h5 *file, const char *name, hid_t id,
                               struct h5_shape *shape, struct sm_err *err)
{
    size_t element_bytes = 0;
    int64_t total;
    shape->type = data_set_type(id, &element_bytes);
    shape->axes[0] = 0;
    if (!read_dims(id, shape))
        return sm_fail(err, SM_WEIGHTS, "%s: %s: has no simple shape of at most %d dimensions",
                       file->path, name, H5_MAX_RANK);
    int64_t count = h5_count(shape);
    if (count < 0 || element_bytes > INT_MAX ||
        __builtin_mul_overflow(count, (int64_t)element_bytes, &total))
        return sm_fail(err, SM_WEIGHTS, "%s: %s: its shape is impossibly large", file->path, name);
    const char *problem = storage_problem(file, id, element_bytes, total);
    if (problem)
        return sm_fail(err, SM_WEIGHTS, "%s: %s: %s", file->path, name, problem);
    if (!h5_attr_text(file, name, "axes", shape->axes, sizeof shape->axes))
        shape->axes[0] = 0;
    else if (!axes_fit(shape->axes, shape->rank))
        return sm_fail(err, SM_WEIGHTS, "%s: %s: its attribute axes is no order of %d dimensions", file->path, name,
                       shape->rank);
    axes_logical_dims(shape);
    return SM_OK;
}

/* Opens and describes; the caller closes *id when SM_OK. */
static enum sm_status open_described(const struct h5 *file, const char *name, hid_t *id,
                                     struct h5_shape *shape, struct sm_err *err)
{
    *id = open_data_set(file, name);
    if (*id < 0)
        return sm_fail(err, SM_WEIGHTS, "%s: has no data set \"%s\"", file->path, name);
    enum sm_status status = describe(file, name, *id, shape, err);
    if (status)
        H5Dclose(*id);
    return status;
}

enum sm_status h5_shape(const struct h5 *file, const char *name, struct h5_shape *shape,
                        struct sm_err *err)
{
    hid_t id;
    enum sm_status status = open_described(file, name, &id, shape, err);
    if (status == SM_OK)
        H5Dclose(id);
    return status;
}

/* ---- data ---- */

static enum sm_status read_data(const struct h5 *file, const char *name, hid_t id, hid_t type,
                                void *out, struct sm_err *err)
{
    if (H5Dread(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0)
        return sm_fail(err, SM_WEIGHTS, "%s: %s: its data cannot be read; the file is damaged",
                       file->path, name);
    return SM_OK;
}

/* The 16-bit values go into the upper half of out and are widened from the front: value i is read
 * before anything is written over it. HDF5's own conversion of binary16 is slow. */
static enum sm_status read_16_bit(const struct h5 *file, const char *name, hid_t id,
                                  enum h5_type type, float *out, int64_t count, struct sm_err *err)
{
    unsigned char *raw = (unsigned char *)out + 2 * (size_t)count;
    hid_t stored = type == H5_FLOAT16 ? h5_float16_type() : H5Tcopy(H5T_STD_U16LE);
    enum sm_status status = read_data(file, name, id, stored, raw, err);
    H5Tclose(stored);
    for (int64_t i = 0; status == SM_OK && i < count; i++) {
        unsigned low = raw[2 * i], high = raw[2 * i + 1];
        uint16_t value = (uint16_t)(low | high << 8);
        float wide = type == H5_FLOAT16 ? half_to_float(value) : bfloat_to_float(value);
        memcpy((unsigned char *)out + 4 * i, &wide, 4);
    }
    return status;
}

static enum sm_status check_count(const struct h5 *file, const char *name,
                                  const struct h5_shape *shape, int64_t count, struct sm_err *err)
{
    if (h5_count(shape) != count)
        return sm_fail(err, SM_WEIGHTS, "%s: %s: has %lld values, %lld expected", file->path, name,
                       (long long)h5_count(shape), (long long)count);
    return SM_OK;
}

enum sm_status h5_read_floats(const struct h5 *file, const char *name, float *out, int64_t count,
                              struct sm_err *err)
{
    hid_t id;
    struct h5_shape shape;
    enum sm_status status = open_described(file, name, &id, &shape, err);
    if (status)
        return status;
    status = check_count(file, name, &shape, count, err);
    if (status == SM_OK && shape.type == H5_OTHER)
        status = sm_fail(err, SM_WEIGHTS, "%s: %s: does not hold numbers sammed2d can read",
                         file->path, name);
    if (status == SM_OK && count > 0) {
        if (shape.type == H5_FLOAT16 || shape.type == H5_BFLOAT16)
            status = read_16_bit(file, name, id, shape.type, out, count, err);
        else
            status = read_data(file, name, id, H5T_NATIVE_FLOAT, out, err);
    }
    if (status == SM_OK && shape.axes[0] && !axes_to_logical(out, &shape))
        status = sm_fail(err, SM_MEMORY, "%s: out of memory", file->path);
    H5Dclose(id);
    return status;
}

/* ---- walking ---- */

struct walk {
    const struct h5 *file;
    int (*visit)(void *context, const char *name);
    void *context;
    int objects, depth;
    char name[MAX_NAME]; /* of the object in hand */
};

static int walk_group(struct walk *walk, hid_t group);

static int walk_member(struct walk *walk, hid_t group, const char *member)
{
    size_t used = strlen(walk->name), length = strlen(member);
    if (!is_hard_link(group, member) || used + length + 2 > sizeof walk->name)
        return 0;
    if (++walk->objects > MAX_OBJECTS)
        return -1;
    hid_t id = H5Oopen(group, member, H5P_DEFAULT);
    if (id < 0)
        return -1;
    if (used)
        walk->name[used++] = '/';
    memcpy(walk->name + used, member, length + 1);
    int result = 0;
    if (H5Iget_type(id) == H5I_DATASET)
        result = walk->visit(walk->context, walk->name);
    else if (H5Iget_type(id) == H5I_GROUP)
        result = walk_group(walk, id);
    H5Oclose(id);
    return result;
}

/* Names of a group's members. */
struct members {
    char **names;
    size_t count;
};

static herr_t add_member(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    struct members *members = context;
    char **names = members->names;
    (void)group, (void)info;
    if (members->count == MAX_OBJECTS)
        return -1;
    if ((members->count & (members->count - 1)) == 0)
        names = realloc(names, (members->count ? 2 * members->count : 1) * sizeof *names);
    if (!names)
        return -1;
    members->names = names;
    names[members->count] = strdup(name);
    return names[members->count] && ++members->count ? 0 : -1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Asking for members one by one by their names' order would do the sorting in HDF5, which in 1.10 trips over its own
 * list where a file is damaged. */
static int walk_group(struct walk *walk, hid_t group)
{
    struct members members = {0};
    size_t used = strlen(walk->name);
    int result = 0;
    if (walk->depth == MAX_DEPTH || H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, add_member, &members) < 0)
        result = -1;
    if (members.count)
        qsort(members.names, members.count, sizeof *members.names, by_name);
    walk->depth++;
    for (size_t i = 0; i < members.count && result == 0; i++) {
        result = walk_member(walk, group, members.names[i]);
        walk->name[used] = 0;
    }
    walk->depth--;
    for (size_t i = 0; i < members.count; i++)
        free(members.names[i]);
    free(members.names);
    return result;
}

int h5_each(const struct h5 *file, const char *group, int (*visit)(void *context, const char *name),
            void *context)
{
    struct walk walk = {.file = file, .visit = visit, .context = context};
    hid_t id = h5_open_object(file, group);
    if (id < 0 || H5Iget_type(id) != H5I_GROUP || strlen(group) >= sizeof walk.name) {
        if (id >= 0)
            H5Oclose(id);
        return -1;
    }
    strcpy(walk.name, group);
    int result = walk_group(&walk, id);
    H5Oclose(id);
    return result;
}
