/* From values of a pickle to tensors whose every claim has been checked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "checkpoint/archive.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gather.h"

struct checkpoint {
    struct archive *archive;
    struct checkpoint_tensor *tensors;
    size_t count;
};

static enum sm_status bad(const struct checkpoint *checkpoint,
                          const struct checkpoint_tensor *tensor, const char *what,
                          struct sm_err *err)
{
    return sm_fail(err, SM_CORRUPT, "%s: refused: tensor \"%s\" %s",
                   archive_path(checkpoint->archive), tensor->name, what);
}

/* ---- finding the state_dict ---- */

static size_t tensors_in(const struct value *dict)
{
    size_t count = 0;
    if (dict->kind == VALUE_DICT)
        for (uint32_t i = 1; i < dict->count; i += 2)
            count += dict->items[i]->kind == VALUE_TENSOR;
    return count;
}

static enum sm_status find_state_dict(const struct checkpoint *checkpoint,
                                      const struct value **dict, struct sm_err *err)
{
    static const char *const keys[] = {"model", "state_dict", "model_state_dict"};
    const struct value *object = archive_object(checkpoint->archive);
    const char *path = archive_path(checkpoint->archive);
    *dict = object;
    if (object->kind == VALUE_OBJECT) {
        char class[256];
        value_global_name(object->items[0], class, sizeof class);
        return sm_fail(err, SM_UNSUPPORTED,
                       "%s: holds a whole Python object (%s), not a state_dict; "
                       "save model.state_dict() instead",
                       path, class);
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct value *inner = value_get(object, keys[i]);
        if (inner && tensors_in(inner) > 0) {
            *dict = inner;
            return SM_OK;
        }
    }
    if (tensors_in(object) == 0)
        return sm_fail(err, SM_UNSUPPORTED,
                       "%s: holds no tensors: neither a state_dict nor a "
                       "dictionary with one under \"model\" or \"state_dict\"",
                       path);
    return SM_OK;
}

/* ---- one tensor ---- */

static bool read_sizes(const struct value *tuple, int rank, int64_t *out)
{
    if ((tuple->kind != VALUE_TUPLE && tuple->kind != VALUE_LIST) || tuple->count != (uint32_t)rank)
        return false;
    for (int i = 0; i < rank; i++) {
        if (tuple->items[i]->kind != VALUE_INT || tuple->items[i]->integer < 0)
            return false;
        out[i] = tuple->items[i]->integer;
    }
    return true;
}

static bool count_elements(struct checkpoint_tensor *tensor)
{
    tensor->count = 1;
    for (int i = 0; i < tensor->rank; i++)
        if (tensor->dim[i] == 0) {
            tensor->count = 0;
            return true;
        }
    for (int i = 0; i < tensor->rank; i++)
        if (__builtin_mul_overflow(tensor->count, tensor->dim[i], &tensor->count))
            return false;
    return true;
}

/* One past the last element it looks at; -1 on overflow. */
static int64_t view_end(const struct checkpoint_tensor *tensor)
{
    int64_t end = tensor->offset, step;
    for (int i = 0; i < tensor->rank; i++)
        if (__builtin_mul_overflow(tensor->dim[i] - 1, tensor->stride[i], &step) ||
            __builtin_add_overflow(end, step, &end))
            return -1;
    return end == INT64_MAX ? -1 : end + 1;
}

static enum sm_status check_view(const struct checkpoint *checkpoint,
                                 const struct checkpoint_tensor *tensor, int64_t storage_elements,
                                 struct sm_err *err)
{
    int64_t width = (int64_t)scalar_bytes(tensor->type);
    if (tensor->count == 0)
        return SM_OK;
    int64_t end = view_end(tensor);
    if (end < 0 || end > storage_elements)
        return bad(checkpoint, tensor, "looks outside its storage", err);
    if (tensor->record_bytes / width < storage_elements)
        return bad(checkpoint, tensor,
                   "has a storage that is shorter than the pickle says; the file is damaged", err);
    if (tensor->count > archive_bytes(checkpoint->archive) / width)
        return bad(checkpoint, tensor, "claims more elements than the file has bytes", err);
    return SM_OK;
}

/* items: storage, offset, sizes, strides, requires_grad, hooks, and for version 3 a dtype. */
static enum sm_status read_shape(const struct checkpoint *checkpoint, const struct value *value,
                                 struct checkpoint_tensor *tensor, struct sm_err *err)
{
    if (value->count < 4 || value->items[0]->kind != VALUE_STORAGE ||
        value->items[1]->kind != VALUE_INT)
        return bad(checkpoint, tensor, "is not described as PyTorch does it", err);
    const struct value *sizes = value->items[2];
    tensor->offset = value->items[1]->integer;
    if (tensor->offset < 0)
        return bad(checkpoint, tensor, "starts before its storage", err);
    if (sizes->kind == VALUE_TUPLE && sizes->count > CHECKPOINT_MAX_RANK)
        return bad(checkpoint, tensor, "has more than 8 dimensions", err);
    tensor->rank = (int)sizes->count;
    if (!read_sizes(sizes, tensor->rank, tensor->dim) ||
        !read_sizes(value->items[3], tensor->rank, tensor->stride))
        return bad(checkpoint, tensor, "has a negative or missing size or stride", err);
    if (!count_elements(tensor))
        return bad(checkpoint, tensor, "claims more elements than the file has bytes", err);
    return SM_OK;
}

/* A storage counts its elements; UntypedStorage counts bytes and the tensor says the type. */
static enum sm_status read_storage(const struct checkpoint *checkpoint, const struct value *value,
                                   struct checkpoint_tensor *tensor, struct sm_err *err)
{
    const struct value *storage = value->items[0];
    struct record record;
    tensor->type = known_scalar(storage->items[1]);
    bool bytes = tensor->type == SCALAR_BYTES;
    if (bytes)
        tensor->type = value->count > 6 ? known_scalar(value->items[6]) : SCALAR_UNKNOWN;
    if (tensor->type == SCALAR_UNKNOWN || tensor->type == SCALAR_BYTES) {
        tensor->type = SCALAR_UNKNOWN;
        return SM_OK; /* refused when it is wanted */
    }
    if (storage->items[4]->kind != VALUE_INT || storage->items[4]->integer < 0)
        return bad(checkpoint, tensor, "has a storage without a size", err);
    if (storage->count > 5 && storage->items[5]->kind != VALUE_NONE)
        return bad(checkpoint, tensor, "is a view as PyTorch before 0.4 wrote it; save it again",
                   err);
    int64_t elements = storage->items[4]->integer;
    if (bytes)
        elements /= (int64_t)scalar_bytes(tensor->type);
    if (!archive_record(checkpoint->archive, storage->items[2], &record)) {
        if (tensor->count == 0)
            return SM_OK;
        return bad(checkpoint, tensor, "has a storage that is not in the file", err);
    }
    tensor->record_place = record.place;
    tensor->record_bytes = record.bytes;
    return check_view(checkpoint, tensor, elements, err);
}

static enum sm_status read_tensor(const struct checkpoint *checkpoint, const struct value *value,
                                  struct checkpoint_tensor *tensor, struct sm_err *err)
{
    enum sm_status status = read_shape(checkpoint, value, tensor, err);
    return status ? status : read_storage(checkpoint, value, tensor, err);
}

/* ---- all tensors ---- */

/* False when it is too long or has characters no tensor's name has. */
static bool copy_name(char *to, const struct value *key, size_t prefix)
{
    if (key->kind != VALUE_TEXT || key->count <= prefix ||
        key->count - prefix >= CHECKPOINT_MAX_NAME)
        return false;
    for (uint32_t i = 0; i < key->count; i++)
        if ((unsigned char)key->text[i] <= 0x20 || (unsigned char)key->text[i] >= 0x7f ||
            key->text[i] == '/' || key->text[i] == '"')
            return false;
    memcpy(to, key->text + prefix, key->count - prefix);
    to[key->count - prefix] = 0;
    return true;
}

static bool has_prefix(const struct value *dict, const char *prefix)
{
    size_t length = strlen(prefix);
    for (uint32_t i = 0; i + 1 < dict->count; i += 2)
        if (dict->items[i + 1]->kind == VALUE_TENSOR &&
            (dict->items[i]->kind != VALUE_TEXT || dict->items[i]->count <= length ||
             memcmp(dict->items[i]->text, prefix, length) != 0))
            return false;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct checkpoint_tensor *)a)->name,
                  ((const struct checkpoint_tensor *)b)->name);
}

static enum sm_status check_names(struct checkpoint *checkpoint, struct sm_err *err)
{
    qsort(checkpoint->tensors, checkpoint->count, sizeof *checkpoint->tensors, compare_names);
    for (size_t i = 1; i < checkpoint->count; i++)
        if (compare_names(&checkpoint->tensors[i - 1], &checkpoint->tensors[i]) == 0)
            return bad(checkpoint, &checkpoint->tensors[i], "is there twice", err);
    return SM_OK;
}

static enum sm_status read_tensors(struct checkpoint *checkpoint, const struct value *dict,
                                   struct sm_err *err)
{
    size_t prefix = has_prefix(dict, "module.") ? 7 : has_prefix(dict, "model.") ? 6 : 0;
    size_t count = tensors_in(dict);
    if (count * sizeof *checkpoint->tensors >
        (size_t)archive_bytes(checkpoint->archive) + (1 << 20))
        return sm_fail(err, SM_CORRUPT, "%s: refused: more tensors than the file can hold",
                       archive_path(checkpoint->archive));
    checkpoint->tensors = calloc(count + 1, sizeof *checkpoint->tensors);
    if (!checkpoint->tensors)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", archive_path(checkpoint->archive));
    for (uint32_t i = 0; i + 1 < dict->count; i += 2) {
        if (dict->items[i + 1]->kind != VALUE_TENSOR)
            continue;
        struct checkpoint_tensor *tensor = &checkpoint->tensors[checkpoint->count++];
        if (!copy_name(tensor->name, dict->items[i], prefix))
            return sm_fail(err, SM_CORRUPT, "%s: refused: a tensor has no proper name",
                           archive_path(checkpoint->archive));
        enum sm_status status = read_tensor(checkpoint, dict->items[i + 1], tensor, err);
        if (status)
            return status;
    }
    return check_names(checkpoint, err);
}

enum sm_status checkpoint_open(struct checkpoint **checkpoint, const char *path, struct sm_err *err)
{
    *checkpoint = NULL;
    struct checkpoint *opened = calloc(1, sizeof *opened);
    if (!opened)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    const struct value *dict = NULL;
    enum sm_status status = archive_open(&opened->archive, path, err);
    if (status == SM_OK)
        status = find_state_dict(opened, &dict, err);
    if (status == SM_OK)
        status = read_tensors(opened, dict, err);
    if (status) {
        checkpoint_close(opened);
        return status;
    }
    *checkpoint = opened;
    return SM_OK;
}

void checkpoint_close(struct checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    archive_close(checkpoint->archive);
    free(checkpoint->tensors);
    free(checkpoint);
}

const char *checkpoint_path(const struct checkpoint *checkpoint)
{
    return archive_path(checkpoint->archive);
}

size_t checkpoint_count(const struct checkpoint *checkpoint)
{
    return checkpoint->count;
}

const struct checkpoint_tensor *checkpoint_tensor(const struct checkpoint *checkpoint, size_t index)
{
    return &checkpoint->tensors[index];
}

const struct checkpoint_tensor *checkpoint_find(const struct checkpoint *checkpoint,
                                                const char *name)
{
    struct checkpoint_tensor wanted;
    if (strlen(name) >= sizeof wanted.name)
        return NULL;
    strcpy(wanted.name, name);
    return bsearch(&wanted, checkpoint->tensors, checkpoint->count, sizeof wanted, compare_names);
}

enum sm_status checkpoint_read(const struct checkpoint *checkpoint,
                               const struct checkpoint_tensor *tensor, float *out,
                               struct sm_err *err)
{
    if (tensor->type == SCALAR_UNKNOWN)
        return sm_fail(err, SM_UNSUPPORTED,
                       "%s: tensor \"%s\" is of a type that is not read (only "
                       "float32, float64, float16, bfloat16 and integers)",
                       checkpoint_path(checkpoint), tensor->name);
    return gather_tensor(checkpoint->archive, tensor, out, err);
}
