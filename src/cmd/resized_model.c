#include "cmd/resized_model.h"
#include <stdlib.h>
#include "checkpoint/interpolate.h"
#include "h5/h5.h"
#include "model/config.h"
#include "model/packed.h"
#include "model/weights.h"

struct origin {
    const struct h5 *file;
    const struct sm_config *config;
};

static bool is_global(void *context, int block)
{
    const struct sm_config *config = context;
    return block >= 0 && block < config->depth && config->global_attn[block];
}

static enum sm_status wrong_shape(const struct origin *from, const struct tensor *tensor, struct sm_err *err)
{
    return sm_fail(err, SM_WEIGHTS, "%s: tensor %s has a shape that the file's configuration does not explain",
                   h5_path(from->file), tensor->name);
}

/* The tensor as it is in the file: another number of sides (1, G, G, E) or rows (N, D). */
static enum sm_status read_resized(const struct origin *from, const struct tensor *tensor, const struct h5_shape *shape,
                                   enum interpolation how, float *out, struct sm_err *err)
{
    const int64_t *in = shape->dim, *to = tensor->dim;
    int64_t count = h5_count(shape);
    bool sides = how == INTERPOLATE_SIDES;
    if (shape->rank != tensor->rank || count < 1 || in[shape->rank - 1] != to[tensor->rank - 1] || (sides && in[1] != in[2]))
        return wrong_shape(from, tensor, err);
    float *values = malloc((size_t)count * sizeof *values);
    if (!values)
        return sm_fail(err, SM_MEMORY, "out of memory");
    enum sm_status status = h5_read_floats(from->file, tensor->name, values, count, err);
    if (!status && sides)
        interpolate_bilinear(out, (int)to[1], (int)to[2], values, (int)in[1], (int)in[2], (int)to[3]);
    else if (!status)
        interpolate_bilinear(out, (int)to[0], 1, values, (int)in[0], 1, (int)to[1]);
    free(values);
    return status;
}

static enum sm_status fill_resized(void *context, const struct tensor *tensor, float *out, struct sm_err *err)
{
    struct origin *from = context;
    struct h5_shape shape;
    enum interpolation how = interpolation_of(tensor->name, is_global, (void *)from->config);
    enum sm_status status = h5_shape(from->file, tensor->name, &shape, err);
    if (status || how == INTERPOLATE_NEVER || h5_count(&shape) == tensor->count)
        return status ? status : h5_read_floats(from->file, tensor->name, out, tensor->count, err);
    return read_resized(from, tensor, &shape, how, out, err);
}

static enum sm_status set_size(struct sm_config *config, int size, const char *path, struct sm_err *err)
{
    if (size < config->patch_size || size % config->patch_size)
        return sm_fail(err, SM_USAGE, "--image-size %d: a multiple of the patch size %d of %s is needed", size,
                       config->patch_size, path);
    config->image_size = size;
    return config_check(config, path, err);
}

enum sm_status resized_model_open(struct sm_model **model, const char *path, int size, struct sm_err *err)
{
    struct h5 *file;
    struct sm_config config = {0};
    *model = NULL;
    enum sm_status status = h5_open(&file, path, err);
    if (status)
        return status;
    struct origin from = {file, &config};
    struct tensor_source source = {.context = &from, .path = path, .fill = fill_resized};
    enum sm_precision packed;
    status = config_read(&config, file, true, err);
    if (!status)
        status = packed_precision(&packed, file, err);
    if (!status && packed != SM_PRECISION_FLOAT32)
        status = sm_fail(err, SM_WEIGHTS, "%s: holds weights packed as %s, float32 expected here; use the file it was made from",
                         path, sm_precision_name(packed));
    if (!status)
        status = set_size(&config, size, path, err);
    if (!status)
        status = model_from_source(model, &config, &source, err);
    h5_close(file);
    return status;
}
