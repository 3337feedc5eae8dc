#include "model/save.h"
#include <stdlib.h>
#include <string.h>
#include "model/config.h"
#include "model/packed.h"
#include "nn/nn_backward.h"

void tensor_unpack(const struct tensor *t, float *out, const float *in)
{
    if (t->layout == CONV)
        nn_unpack_conv(out, in, (int)t->dim[0], (int)t->dim[1], (int)t->dim[2], (int)t->dim[3]);
    else if (t->layout == DECONV)
        nn_unpack_conv_transpose(out, in, (int)t->dim[0], (int)t->dim[1], (int)t->dim[2]);
    else
        memcpy(out, in, (size_t)t->count * sizeof(*out));
}

void tensor_pack(const struct tensor *t, float *out, const float *in)
{
    if (t->layout == CONV)
        nn_pack_conv(out, in, (int)t->dim[0], (int)t->dim[1], (int)t->dim[2], (int)t->dim[3]);
    else if (t->layout == DECONV)
        nn_pack_conv_transpose(out, in, (int)t->dim[0], (int)t->dim[1], (int)t->dim[2]);
    else
        memcpy(out, in, (size_t)t->count * sizeof(*out));
}

/* ---- tensors ---- */

enum sm_status tensor_save(struct h5_out *out, const char *name, const struct tensor *tensor,
                           const float *values, struct sm_err *err)
{
    struct h5_shape shape = {.rank = tensor->rank, .type = H5_FLOAT32};
    memcpy(shape.dim, tensor->dim, sizeof tensor->dim);
    float *plain = malloc((size_t)tensor->count * sizeof *plain);
    if (!plain)
        return sm_fail(err, SM_MEMORY, "out of memory while writing weights");
    tensor_unpack(tensor, plain, values);
    enum sm_status status = h5_write_floats(out, name, plain, &shape, err);
    free(plain);
    return status;
}

struct saver {
    struct h5_out *out;
    const float *(*value)(void *context, const struct tensor *tensor);
    void *context;
    const struct sm_model *packed; /* NULL: all float32 */
    enum sm_precision precision;
};

static enum sm_status save(void *context, const struct tensor *tensor, struct sm_err *err)
{
    const struct saver *saver = context;
    const struct tensor_source as = {.packed = saver->precision};
    if (saver->packed && is_packed(saver->packed, &as, tensor))
        return packed_save(saver->packed, saver->out, tensor, saver->precision, err);
    const float *values = saver->value ? saver->value(saver->context, tensor) : *tensor->field;
    return tensor_save(saver->out, tensor->name, tensor, values, err);
}

enum sm_status model_save(const struct sm_model *model, struct h5_out *out,
                          const float *(*value)(void *context, const struct tensor *tensor), void *context,
                          struct sm_err *err)
{
    struct saver saver = {.out = out, .value = value, .context = context};
    struct weights weights = model->weights; /* the walk wants to be able to write */
    enum sm_status status = config_write(&model->config, out, err);
    if (!status)
        status = config_write_texts(&model->config, out, err);
    return status ? status : weights_each(&weights, &model->config, save, &saver, err);
}

enum sm_status model_save_packed(struct sm_model *model, struct h5_out *out, enum sm_precision precision,
                                 struct sm_err *err)
{
    struct saver saver = {.out = out, .packed = model, .precision = precision};
    enum sm_status status = config_write(&model->config, out, err);
    if (!status)
        status = config_write_texts(&model->config, out, err);
    if (!status)
        status = h5_set_text(out, "precision", sm_precision_name(precision), err);
    return status ? status : weights_each(&model->weights, &model->config, save, &saver, err);
}
