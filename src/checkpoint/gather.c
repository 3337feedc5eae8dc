#include <stdlib.h>
#include <string.h>
#include "base/half.h"
#include "checkpoint/gather.h"

/* One little-endian element as float32. */
static float element(enum scalar_type type, const unsigned char *at)
{
    uint64_t bits = 0;
    size_t width = scalar_bytes(type);
    for (size_t i = 0; i < width; i++)
        bits |= (uint64_t)at[i] << 8 * i;
    union {
        uint32_t bits;
        float value;
    } single = {.bits = (uint32_t)bits};
    union {
        uint64_t bits;
        double value;
    } wide = {.bits = bits};
    switch (type) {
    case SCALAR_FLOAT32:
        return single.value;
    case SCALAR_FLOAT64:
        return (float)wide.value;
    case SCALAR_FLOAT16:
        return half_to_float((uint16_t)bits);
    case SCALAR_BFLOAT16:
        return bfloat_to_float((uint16_t)bits);
    case SCALAR_INT64:
        return (float)(int64_t)bits;
    case SCALAR_INT32:
        return (float)(int32_t)(uint32_t)bits;
    case SCALAR_INT16:
        return (float)(int16_t)(uint16_t)bits;
    case SCALAR_INT8:
        return (float)(int8_t)(uint8_t)bits;
    default:
        return (float)bits; /* uint8, bool */
    }
}

static bool is_contiguous(const struct checkpoint_tensor *tensor)
{
    int64_t expected = 1;
    for (int i = tensor->rank - 1; i >= 0; i--) {
        if (tensor->dim[i] != 1 && tensor->stride[i] != expected)
            return false;
        expected *= tensor->dim[i];
    }
    return true;
}

struct conversion {
    enum scalar_type type;
    size_t width;
    float *out;
};

/* A piece is a multiple of 8 bytes, except the last, so no element is ever split. */
static void convert_piece(void *context, const unsigned char *bytes, size_t count)
{
    struct conversion *conversion = context;
    if (conversion->type == SCALAR_FLOAT32 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
        memcpy(conversion->out, bytes, count);
        conversion->out += count / 4;
        return;
    }
    for (size_t i = 0; i < count; i += conversion->width)
        *conversion->out++ = element(conversion->type, bytes + i);
}

static void copy_piece(void *context, const unsigned char *bytes, size_t count)
{
    unsigned char **to = context;
    memcpy(*to, bytes, count);
    *to += count;
}

/* Elements in C order: the index counts up like an odometer. */
static void pick(const struct checkpoint_tensor *tensor, const unsigned char *raw, float *out)
{
    int64_t index[CHECKPOINT_MAX_RANK] = {0}, at = 0;
    size_t width = scalar_bytes(tensor->type);
    for (int64_t n = 0; n < tensor->count; n++) {
        out[n] = element(tensor->type, raw + (size_t)at * width);
        for (int i = tensor->rank - 1; i >= 0; i--) {
            at += tensor->stride[i];
            if (++index[i] < tensor->dim[i])
                break;
            at -= tensor->stride[i] * tensor->dim[i];
            index[i] = 0;
        }
    }
}

static enum sm_status gather_strided(const struct archive *archive, const struct record *record,
                                     const struct checkpoint_tensor *tensor, float *out,
                                     struct sm_err *err)
{
    int64_t width = (int64_t)scalar_bytes(tensor->type), span = 1;
    for (int i = 0; i < tensor->rank; i++)
        span += (tensor->dim[i] - 1) * tensor->stride[i];
    unsigned char *raw = malloc((size_t)(span * width)), *to = raw;
    if (!raw)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", archive_path(archive));
    enum sm_status status =
        archive_read(archive, record, tensor->offset * width, span * width, copy_piece, &to, err);
    if (status == SM_OK)
        pick(tensor, raw, out);
    free(raw);
    return status;
}

enum sm_status gather_tensor(const struct archive *archive, const struct checkpoint_tensor *tensor,
                             float *out, struct sm_err *err)
{
    struct record record = {tensor->record_place, tensor->record_bytes};
    size_t width = scalar_bytes(tensor->type);
    struct conversion conversion = {tensor->type, width, out};
    if (tensor->count == 0)
        return SM_OK;
    if (!is_contiguous(tensor))
        return gather_strided(archive, &record, tensor, out, err);
    return archive_read(archive, &record, tensor->offset * (int64_t)width,
                        tensor->count * (int64_t)width, convert_piece, &conversion, err);
}
