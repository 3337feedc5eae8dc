/* h5/h5.h - the only door to HDF5: read tensors and attributes, write them whole or not at all.
 *
 * Opening is safe for foreign files: errors become sentences with status SM_WEIGHTS, HDF5's own
 * error printing is off, and sizes are checked against the file before anything is allocated. What
 * HDF5 could follow out of the file or into trouble is not followed: soft and external links,
 * external and virtual storage, filters other than deflate and shuffle, text of variable length.
 *
 * Debian's HDF5 is not thread-safe: one thread at a time in here.
 */
#ifndef H5_H5_H
#define H5_H5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sammed2d/error.h"

enum { H5_MAX_RANK = 8 };
enum h5_type { H5_FLOAT32, H5_FLOAT16, H5_BFLOAT16, H5_FLOAT64, H5_INT, H5_OTHER };
const char *h5_type_name(enum h5_type type); /* "float32" ... */

struct h5_shape {
    int rank;
    int64_t dim[H5_MAX_RANK];
    enum h5_type type; /* as stored; bfloat16 is uint16 with the attribute "bfloat16" */
    /* "": stored as it is here. Else which of dim the stored dimensions are, the first first: "0231" has
     * dim[1] innermost. dim, and the values read and written, are in PyTorch's order in any case. */
    char axes[H5_MAX_RANK + 1];
};

struct h5; /* an open file */

/* SM_WEIGHTS: not there, not HDF5, damaged. */
enum sm_status h5_open(struct h5 **file, const char *path, struct sm_err *err);
void h5_close(struct h5 *file);
const char *h5_path(const struct h5 *file);

/* A data set of that name is there. */
bool h5_has(const struct h5 *file, const char *name);
/* SM_WEIGHTS also when the data set claims more than the file can hold. */
enum sm_status h5_shape(const struct h5 *file, const char *name, struct h5_shape *shape,
                        struct sm_err *err);
int64_t h5_count(const struct h5_shape *shape); /* product of dims; -1 on overflow */
/* Reads the whole data set as float32 (converted, also from integers) into out, which has room for
 * `count` floats; SM_WEIGHTS when the data set has another number of elements. */
enum sm_status h5_read_floats(const struct h5 *file, const char *name, float *out, int64_t count,
                              struct sm_err *err);
/* The whole file in memory, pages shared with every process that maps it until somebody writes to his
 * own copy of one; it outlives h5_close. SM_UNSUPPORTED where the system cannot. */
struct h5_map {
    void *base;
    size_t bytes;
};
enum sm_status h5_map(const struct h5 *file, struct h5_map *map, struct sm_err *err);
void h5_unmap(struct h5_map *map); /* also of a zeroed one */
/* Gives back the memory of the pages that lie wholly in these floats; they come again when looked at. */
void h5_map_forget(const float *values, int64_t count);
/* The data set in the map, when it is stored there as this machine's float32 in one piece of `count`, with
 * these axes; NULL: h5_read_floats has to read it. */
float *h5_mapped_floats(const struct h5 *file, const struct h5_map *map, const char *name, int64_t count,
                        const char *axes);

/* ---- table.c: records under keys, in a file that several processes use at a time ---- */

/* The file is made once, with room for all records (where a file system can, holes take no space), and
 * never changes its size or its form: records are written where they lie, under a lock, each with a
 * digest of itself, so that a reader needs no lock and takes nothing that is half there. When the table is
 * full the oldest record makes room. */
struct h5_table;
enum { H5_KEY = 64 }; /* hexadecimal digits of a key: a SHA-256 */

/* Opens, or makes with room for `slots`, a table of records of `floats` each; `kind` says of what, a few
 * words. SM_USAGE: the file is something else, or of other records; it is left as it is. SM_OUTPUT: it is
 * not there and cannot be made. A file that cannot be written to is only read. */
enum sm_status h5_table_open(struct h5_table **table, const char *path, const char *kind, int64_t floats,
                             int64_t slots, struct sm_err *err);
void h5_table_close(struct h5_table *table);
/* False: there is no such record. out may hold anything then. */
bool h5_table_get(const struct h5_table *table, const char *key, float *out);
/* Puts a record there unless it is; false: it could not be written (disk full, read-only). */
bool h5_table_put(struct h5_table *table, const char *key, const float *values);

/* The same of bytes with a sign (H5_INT) or bfloat16 (H5_BFLOAT16). */
const void *h5_mapped_numbers(const struct h5 *file, const struct h5_map *map, const char *name, enum h5_type type,
                              int64_t count);

/* Attributes of the root (name NULL) or of an object. Return false when absent or of another kind;
 * a number may be a scalar or an array of one. */
/* Of any type. */
bool h5_attr_exists(const struct h5 *file, const char *name, const char *attr);
bool h5_attr_int(const struct h5 *file, const char *name, const char *attr, int64_t *value);
bool h5_attr_double(const struct h5 *file, const char *name, const char *attr, double *value);
/* Text of fixed length, as h5_set_text writes it; false when it does not fit. */
bool h5_attr_text(const struct h5 *file, const char *name, const char *attr, char *text,
                  size_t size);
/* Up to capacity values; the number there are (perhaps more), or -1. doubles: integers too. */
int h5_attr_doubles(const struct h5 *file, const char *name, const char *attr, double *values,
                    int capacity);
int h5_attr_ints(const struct h5 *file, const char *name, const char *attr, int64_t *values,
                 int capacity);

/* Calls visit for every data set below `group` ("" = root), with its full name, names in strcmp
 * order within a group. A non-zero return stops and is passed on; -1 when the file cannot be
 * walked. */
int h5_each(const struct h5 *file, const char *group, int (*visit)(void *context, const char *name),
            void *context);

/* Writing: to a temporary file, renamed by h5_commit. The same calls give the same bytes. */
struct h5_out;
enum sm_status h5_create(struct h5_out **file, const char *path, struct sm_err *err);
/* Float data stored as `type` (FLOAT32, FLOAT16 or BFLOAT16; INT: whole numbers from -128 to 127), contiguous, groups made on the way
 * when name has slashes. Names with dots are plain names. */
enum sm_status h5_write_floats(struct h5_out *file, const char *name, const float *values,
                               const struct h5_shape *shape, struct sm_err *err);
enum sm_status h5_set_int(struct h5_out *file, const char *attr, int64_t value, struct sm_err *err);
enum sm_status h5_set_double(struct h5_out *file, const char *attr, const double *values, int count,
                             struct sm_err *err);
enum sm_status h5_set_ints(struct h5_out *file, const char *attr, const int *values, int count,
                           struct sm_err *err);
enum sm_status h5_set_text(struct h5_out *file, const char *attr, const char *text,
                           struct sm_err *err);
enum sm_status h5_commit(struct h5_out *file, struct sm_err *err); /* frees file, also on failure */
void h5_discard(struct h5_out *file);

#endif
