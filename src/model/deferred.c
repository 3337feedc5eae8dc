/* What is put off until the encoder is used: a look at each of its tensors, and the copies of those that are not in the
 * model's layout. Of these the filters of the adapters are 0.7 GB of ViT-B's 1.1: who encodes one slice does without
 * a copy of them all, which takes longer than the slice where memory is fresh. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "model/weights.h"

enum { UNSEEN, CHECKED, LAID_OUT };

struct later {
    struct tensor tensor;
    const float *given;
    float *kept; /* NULL: used where it lies */
    bool filter;
};

struct deferred {
    char *path;
    void (*forget)(const float *values, int64_t count);
    struct later *list;
    size_t count, filters;
    atomic_int stage; /* of work done */
    pthread_mutex_t lock;
};

enum sm_status deferred_open(struct deferred **deferred, const char *path,
                             void (*forget)(const float *values, int64_t count), struct sm_err *err)
{
    struct deferred *d = calloc(1, sizeof *d);
    if (!d || !(d->path = strdup(path))) {
        free(d);
        return sm_fail(err, SM_MEMORY, "out of memory");
    }
    d->forget = forget;
    pthread_mutex_init(&d->lock, NULL);
    *deferred = d;
    return SM_OK;
}

void deferred_free(struct deferred *d)
{
    if (!d)
        return;
    pthread_mutex_destroy(&d->lock);
    free(d->path);
    free(d->list);
    free(d);
}

enum sm_status deferred_add(struct sm_model *model, const struct tensor *tensor, const float *given, float *kept,
                            struct sm_err *err)
{
    struct deferred *d = model->deferred;
    struct later *list = d->list;
    const float **filter = kept ? filter_given(model, tensor->field) : NULL;
    if ((d->count & (d->count - 1)) == 0)
        list = realloc(list, (d->count ? 2 * d->count : 1) * sizeof *list);
    if (!list)
        return sm_fail(err, SM_MEMORY, "out of memory");
    d->list = list;
    list[d->count++] = (struct later){*tensor, given, kept, filter};
    *tensor->field = kept ? kept : given;
    if (filter) {
        *filter = given;
        d->filters++;
    }
    return SM_OK;
}

static void lay_out(const struct deferred *d, bool filters)
{
    for (size_t n = 0; n < d->count; n++) {
        const struct later *later = &d->list[n];
        if (!later->kept || later->filter != filters)
            continue;
        tensor_lay_out(&later->tensor, later->kept, later->given);
        d->forget(later->given, later->tensor.count);
    }
}

static enum sm_status check(const struct deferred *d, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    for (size_t n = 0; !status && n < d->count; n++)
        status = tensor_check_finite(d->path, &d->list[n].tensor, d->list[n].given, err);
    return status;
}

enum sm_status model_prepare_encoder(const struct sm_model *model, bool often, struct sm_err *err)
{
    struct deferred *d = model->deferred;
    enum sm_status status = SM_OK;
    if (!d || atomic_load(&d->stage) >= (often ? LAID_OUT : CHECKED))
        return SM_OK;
    pthread_mutex_lock(&d->lock);
    if (atomic_load(&d->stage) == UNSEEN) {
        status = check(d, err);
        if (!status) {
            lay_out(d, false);
            atomic_store(&d->stage, CHECKED);
        }
    }
    if (!status && often && atomic_load(&d->stage) == CHECKED) {
        lay_out(d, true);
        atomic_store(&d->stage, LAID_OUT);
    }
    pthread_mutex_unlock(&d->lock);
    return status;
}

bool model_lays_out(const struct sm_model *model)
{
    const struct deferred *d = model->deferred;
    return d && d->filters && atomic_load(&d->stage) < LAID_OUT;
}
