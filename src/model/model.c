#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "h5/h5.h"
#include "model/config.h"
#include "model/packed.h"
#include "model/weights.h"

static void print_shape(char *text, size_t size, const int64_t *dim, int rank)
{
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, i ? ", " : "", dim[i]);
}

struct open_file {
    struct h5 *file;
    struct h5_map map;
};

static enum sm_status check_in_file(void *context, const struct tensor *tensor, struct sm_err *err)
{
    const struct h5 *file = ((const struct open_file *)context)->file;
    char expected[96], found[256];
    struct h5_shape shape;
    print_shape(expected, sizeof expected, tensor->dim, tensor->rank);
    if (!h5_has(file, tensor->name))
        return sm_fail(err, SM_WEIGHTS,
                       "%s: tensor %s is missing, expected shape (%s); the file is damaged or was "
                       "made from an incomplete checkpoint",
                       h5_path(file), tensor->name, expected);
    enum sm_status status = h5_shape(file, tensor->name, &shape, err);
    if (status)
        return status;
    bool same = shape.rank == tensor->rank;
    for (int i = 0; same && i < shape.rank; i++)
        same = shape.dim[i] == tensor->dim[i];
    print_shape(found, sizeof found, shape.dim, shape.rank);
    if (!same)
        return sm_fail(err, SM_WEIGHTS,
                       "%s: tensor %s has shape (%s), expected (%s) from the file's configuration",
                       h5_path(file), tensor->name, found, expected);
    if (tensor->whole && shape.type != H5_INT)
        return sm_fail(err, SM_WEIGHTS, "%s: tensor %s does not hold whole numbers, as the file's precision says",
                       h5_path(file), tensor->name);
    if ((shape.type == H5_INT && !tensor->whole) || shape.type == H5_OTHER)
        return sm_fail(err, SM_WEIGHTS, "%s: tensor %s does not hold floating-point numbers",
                       h5_path(file), tensor->name);
    return SM_OK;
}

static enum sm_status fill_from_file(void *context, const struct tensor *tensor, float *out,
                                     struct sm_err *err)
{
    const struct open_file *open = context;
    return h5_read_floats(open->file, tensor->name, out, tensor->count, err);
}

static float *place_in_file(void *context, const struct tensor *tensor, bool *packed)
{
    const struct open_file *open = context;
    const char *axes = tensor_axes(tensor);
    float *values = h5_mapped_floats(open->file, &open->map, tensor->name, tensor->count, axes);
    *packed = values || !*axes;
    return values || !*axes ? values : h5_mapped_floats(open->file, &open->map, tensor->name, tensor->count, "");
}

static const void *numbers_in_file(void *context, const struct tensor *tensor)
{
    const struct open_file *open = context;
    return h5_mapped_numbers(open->file, &open->map, tensor->name, tensor->whole ? H5_INT : H5_BFLOAT16,
                             tensor->count);
}

/* What the file holds decides; float32 asks for nothing else. */
static enum sm_status choose_precision(enum sm_precision *precision, enum sm_precision *packed, const struct h5 *file,
                                       struct sm_err *err)
{
    enum sm_status status = packed_precision(packed, file, err);
    if (status || *packed == SM_PRECISION_FLOAT32)
        return status;
    if (*precision != SM_PRECISION_FLOAT32 && *precision != *packed)
        return sm_fail(err, SM_WEIGHTS, "%s: holds weights packed as %s, which cannot become %s; use the file it was made from",
                       h5_path(file), sm_precision_name(*packed), sm_precision_name(*precision));
    *precision = *packed;
    return SM_OK;
}

enum sm_status sm_model_open(struct sm_model **model, const char *path, struct sm_err *err)
{
    enum sm_status status = sm_model_open_as(model, path, SM_PRECISION_FLOAT32, err);
    if (status || (*model)->precision == SM_PRECISION_FLOAT32)
        return status;
    status = sm_fail(err, SM_WEIGHTS, "%s: holds weights packed as %s, float32 expected here; use the file it was made from",
                     path, sm_precision_name((*model)->precision));
    sm_model_close(*model);
    *model = NULL;
    return status;
}

enum sm_precision sm_model_precision(const struct sm_model *model)
{
    return model->precision;
}

static enum sm_status open_model(struct sm_model **model, const char *path, enum sm_precision precision,
                                 bool lazily, struct sm_err *err)
{
    struct open_file open = {0};
    struct sm_config config = {0};
    *model = NULL;
    enum sm_status status = h5_open(&open.file, path, err);
    if (status)
        return status;
    bool mapped = h5_map(open.file, &open.map, NULL) == SM_OK; /* else everything is read */
    struct tensor_source source = {&open, path, check_in_file, fill_from_file,
                                   mapped ? place_in_file : NULL, h5_map_forget, mapped && lazily, .numbers = numbers_in_file};
    status = config_read(&config, open.file, true, err);
    if (!status)
        status = choose_precision(&precision, &source.packed, open.file, err);
    if (!status)
        status = model_from_source_as(model, &config, &source, precision, err);
    if (status)
        h5_unmap(&open.map);
    else
        (*model)->map = open.map;
    h5_close(open.file);
    return status;
}

enum sm_status sm_model_open_as(struct sm_model **model, const char *path,
                                enum sm_precision precision, struct sm_err *err)
{
    return open_model(model, path, precision, false, err);
}

enum sm_status sm_model_open_lazily(struct sm_model **model, const char *path,
                                    enum sm_precision precision, struct sm_err *err)
{
    return open_model(model, path, precision, true, err);
}

void sm_model_close(struct sm_model *model)
{
    if (!model)
        return;
    deferred_free(model->deferred);
    arena_free(&model->block);
    h5_unmap(&model->map);
    free(model);
}

const struct sm_config *sm_model_config(const struct sm_model *model)
{
    return &model->config;
}

size_t sm_embedding_floats(const struct sm_config *config)
{
    size_t side = (size_t)grid_side(config);
    return side * side * (size_t)config->prompt_dim;
}

int sm_low_res_side(const struct sm_config *config)
{
    return 4 * grid_side(config);
}
