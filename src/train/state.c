#include "train/state.h"
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "h5/h5.h"

static const int64_t MOST_STEPS = 2000000000; /* more than --steps takes */

/* The arrays of a parameter beside its value. */
static const struct kept {
    const char *group;
    size_t at;
} kept[] = {{"train/m", offsetof(struct parameter, m)},
            {"train/v", offsetof(struct parameter, v)},
            {"train/average", offsetof(struct parameter, average)}};
enum { KEPT = sizeof kept / sizeof *kept, NAME = 160, SUMS = sizeof(struct run_sums) / sizeof(double) };

static float *array_of(const struct parameter *p, const struct kept *k)
{
    return *(float *const *)((const char *)p + k->at);
}

static void name_of(char name[NAME], const struct parameter *p, const struct kept *k)
{
    snprintf(name, NAME, "%s/%s", k->group, p->tensor.name);
}

/* ---- saving ---- */

static enum sm_status save_arrays(struct h5_out *out, const struct parameters *parameters, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    char name[NAME];
    for (size_t i = 0; i < parameters->count * KEPT && !status; i++) {
        const struct parameter *p = &parameters->list[i / KEPT];
        const struct kept *k = &kept[i % KEPT];
        name_of(name, p, k);
        if (array_of(p, k))
            status = tensor_save(out, name, &p->tensor, array_of(p, k), err);
    }
    return status;
}

/* Updates of each parameter. Beyond 2^24 a float has them rounded, by less than 1e-7 of their number: Adam's corrections,
 * which are all that they are for, have long been 1 then. */
static enum sm_status save_updates(struct h5_out *out, const struct parameters *parameters, struct sm_err *err)
{
    struct h5_shape shape = {.rank = 1, .dim = {(int64_t)parameters->count}, .type = H5_FLOAT32};
    float *updates = malloc(parameters->count * sizeof *updates);
    if (!updates)
        return sm_fail(err, SM_MEMORY, "out of memory");
    for (size_t i = 0; i < parameters->count; i++)
        updates[i] = (float)parameters->list[i].step;
    enum sm_status status = h5_write_floats(out, "train/updates", updates, &shape, err);
    free(updates);
    return status;
}

static enum sm_status save_place(struct h5_out *out, const struct run_place *place, struct sm_err *err)
{
    enum sm_status status = h5_set_int(out, "train_step", place->step, err);
    if (!status)
        status = h5_set_int(out, "train_drawn", place->drawn, err);
    if (!status)
        status = h5_set_int(out, "train_threads", place->threads, err);
    if (!status)
        status = h5_set_double(out, "train_seconds", &place->seconds, 1, err);
    if (!status)
        status = h5_set_double(out, "train_sums", &place->sums.loss, SUMS, err);
    return status ? status : h5_set_text(out, "train_settings", place->settings, err);
}

enum sm_status state_save(const char *path, const struct sm_model *model, const struct parameters *parameters,
                          const struct run_place *place, struct sm_err *err)
{
    struct h5_out *out;
    enum sm_status status = h5_create(&out, path, err);
    if (status)
        return status;
    status = model_save(model, out, NULL, NULL, err);
    if (!status)
        status = save_arrays(out, parameters, err);
    if (!status)
        status = save_updates(out, parameters, err);
    if (!status)
        status = save_place(out, place, err);
    if (!status)
        return h5_commit(out, err);
    h5_discard(out);
    return status;
}

/* ---- loading ---- */

/* Within low and the largest float: no infinities, no NaN. */
static bool all_sound(const float *x, size_t count, float low)
{
    for (size_t i = 0; i < count; i++)
        if (!(x[i] >= low && x[i] <= FLT_MAX))
            return false;
    return true;
}

static enum sm_status load_array(const struct h5 *file, const struct parameter *p, const struct kept *k,
                                 struct sm_err *err)
{
    char name[NAME];
    float *plain = malloc(p->count * sizeof *plain);
    if (!plain)
        return sm_fail(err, SM_MEMORY, "out of memory");
    name_of(name, p, k);
    enum sm_status status = h5_read_floats(file, name, plain, (int64_t)p->count, err);
    if (!status && !all_sound(plain, p->count, k->at == offsetof(struct parameter, v) ? 0 : -FLT_MAX))
        status = sm_fail(err, SM_WEIGHTS, "%s: damaged: %s holds what no training leaves", h5_path(file), name);
    if (!status)
        tensor_pack(&p->tensor, array_of(p, k), plain);
    free(plain);
    return status;
}

static enum sm_status load_updates(const struct h5 *file, struct parameters *parameters, struct sm_err *err)
{
    float *updates = malloc(parameters->count * sizeof *updates);
    if (!updates)
        return sm_fail(err, SM_MEMORY, "out of memory");
    enum sm_status status = h5_read_floats(file, "train/updates", updates, (int64_t)parameters->count, err);
    for (size_t i = 0; i < parameters->count && !status; i++)
        if (updates[i] >= 0 && updates[i] < 0x1p53f)
            parameters->list[i].step = (int64_t)updates[i];
        else
            status = sm_fail(err, SM_WEIGHTS, "%s: damaged: %g updates of a tensor", h5_path(file), updates[i]);
    free(updates);
    return status;
}

static enum sm_status load_place(const struct h5 *file, struct run_place *place, struct sm_err *err)
{
    char settings[SETTINGS_MAX];
    if (!h5_attr_int(file, NULL, "train_step", &place->step) ||
        !h5_attr_int(file, NULL, "train_drawn", &place->drawn) ||
        !h5_attr_int(file, NULL, "train_threads", &place->threads) ||
        !h5_attr_double(file, NULL, "train_seconds", &place->seconds) ||
        h5_attr_doubles(file, NULL, "train_sums", &place->sums.loss, SUMS) != SUMS ||
        !h5_attr_text(file, NULL, "train_settings", settings, sizeof settings))
        return sm_fail(err, SM_WEIGHTS, "%s: not the state of a training run; `train` writes one beside its output",
                       h5_path(file));
    if (place->step < 0 || place->step > MOST_STEPS || place->drawn < 0 ||
        !(place->seconds >= 0 && place->seconds < 1e12))
        return sm_fail(err, SM_WEIGHTS, "%s: damaged: after %lld batches, %lld updates and %g seconds", h5_path(file),
                       (long long)place->step, (long long)place->drawn, place->seconds);
    return settings_compare(h5_path(file), settings, place->settings, err);
}

enum sm_status state_load(const char *path, struct parameters *parameters, struct run_place *place,
                          struct sm_err *err)
{
    struct h5 *file;
    enum sm_status status = h5_open(&file, path, err);
    if (status)
        return status;
    status = load_place(file, place, err);
    if (!status)
        status = load_updates(file, parameters, err);
    for (size_t i = 0; i < parameters->count * KEPT && !status; i++) {
        const struct parameter *p = &parameters->list[i / KEPT];
        const struct kept *k = &kept[i % KEPT];
        if (array_of(p, k))
            status = load_array(file, p, k, err);
    }
    h5_close(file);
    return status;
}

/* ---- weights to use ---- */

static const float *average_of(void *context, const struct tensor *tensor)
{
    const struct parameters *parameters = context;
    for (size_t i = 0; i < parameters->count; i++) {
        const struct parameter *p = &parameters->list[i];
        if (p->average && strcmp(p->tensor.name, tensor->name) == 0)
            return p->average;
    }
    return *tensor->field;
}

enum sm_status weights_save(const char *path, struct sm_model *model, const struct parameters *parameters,
                            const char *name, const char *provenance, struct sm_err *err)
{
    struct h5_out *out;
    struct sm_config before = model->config;
    enum sm_status status = h5_create(&out, path, err);
    if (status)
        return status;
    snprintf(model->config.name, sizeof model->config.name, "%s", name);
    snprintf(model->config.provenance, sizeof model->config.provenance, "%s", provenance);
    model->config.source_sha256[0] = 0;
    status = model_save(model, out, average_of, (void *)parameters, err);
    model->config = before;
    if (!status)
        return h5_commit(out, err);
    h5_discard(out);
    return status;
}
