#include "model/average.h"
#include <stdlib.h>
#include "model/config.h"
#include "model/save.h"
#include "model/weights.h"

/* Tensors come in one order from both models. */
struct average {
    const float **others; /* (count) */
    size_t count, next;
    int64_t largest;
    float *mean; /* (largest) */
    double share;
};

static enum sm_status note_tensor(void *context, const struct tensor *tensor, struct sm_err *err)
{
    struct average *a = context;
    const float **grown = realloc(a->others, (a->count + 1) * sizeof *grown);
    if (!grown)
        return sm_fail(err, SM_MEMORY, "out of memory for a list of tensors");
    a->others = grown;
    a->others[a->count++] = *tensor->field;
    a->largest = tensor->count > a->largest ? tensor->count : a->largest;
    return SM_OK;
}

static const float *mean_of(void *context, const struct tensor *tensor)
{
    struct average *a = context;
    const float *own = *tensor->field, *other = a->others[a->next++];
    for (int64_t i = 0; i < tensor->count; i++)
        a->mean[i] = (float)((1 - a->share) * own[i] + a->share * other[i]);
    return a->mean;
}

enum sm_status model_save_average(const struct sm_model *model, const struct sm_model *other, double share,
                                  const char *path, const char *other_path, struct h5_out *out, struct sm_err *err)
{
    struct average a = {.share = share};
    struct weights weights = other->weights; /* the walk wants to be able to write */
    const char *differs = config_difference(&model->config, &other->config);
    if (differs)
        return sm_fail(err, SM_UNSUPPORTED, "%s: its network is another than that of %s: %s differs; only weights of one "
                                            "architecture can be averaged", other_path, path, differs);
    enum sm_status status = weights_each(&weights, &other->config, note_tensor, &a, err);
    if (!status && !(a.mean = malloc((size_t)a.largest * sizeof *a.mean)))
        status = sm_fail(err, SM_MEMORY, "out of memory for the mean of two tensors");
    if (!status)
        status = model_save(model, out, mean_of, &a, err);
    free(a.others);
    free(a.mean);
    return status;
}
