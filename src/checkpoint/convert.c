#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "checkpoint/convert.h"
#include "checkpoint/interpolate.h"
#include "model/config.h"

static bool is_global(void *context, int block)
{
    const struct sm_config *config = context;
    return block >= 0 && block < config->depth && config->global_attn[block];
}

static enum interpolation following(const struct conversion_plan *plan, const char *name)
{
    return interpolation_of(name, is_global, (void *)plan->config);
}

static void shape_text(char *text, size_t size, const int64_t *dim, int rank)
{
    size_t used = (size_t)snprintf(text, size, "(");
    for (int i = 0; i < rank && used < size; i++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%lld", i ? ", " : "", (long long)dim[i]);
    if (used < size)
        snprintf(text + used, size - used, ")");
}

/* ---- names and shapes ---- */

/* Interpolation changes the sides (dimensions 1 and 2 of four) or the rows (dimension 0 of two). */
static bool may_differ(enum interpolation how, int dim)
{
    return how == INTERPOLATE_SIDES ? dim == 1 || dim == 2 : how == INTERPOLATE_ROWS && dim == 0;
}

static bool shape_fits(const struct conversion_plan *plan, const struct expected_tensor *expected,
                       const struct checkpoint_tensor *found)
{
    enum interpolation how = following(plan, expected->name);
    if (expected->rank != found->rank)
        return false;
    for (int i = 0; i < expected->rank; i++)
        if (expected->dim[i] != found->dim[i] && !(may_differ(how, i) && found->dim[i] > 0))
            return false;
    return how != INTERPOLATE_SIDES || found->dim[1] == found->dim[2];
}

static enum sm_status compare(const struct conversion_plan *plan,
                              const struct expected_tensor *expected, size_t *missing,
                              const struct sm_listener *listener, struct sm_err *err)
{
    const struct checkpoint_tensor *found = checkpoint_find(plan->checkpoint, expected->name);
    char wanted[96], there[160];
    shape_text(wanted, sizeof wanted, expected->dim, expected->rank);
    if (!found) {
        ++*missing;
        sm_warn(listener, "missing tensor: %s %s", expected->name, wanted);
        return SM_OK;
    }
    if (shape_fits(plan, expected, found))
        return SM_OK;
    shape_text(there, sizeof there, found->dim, found->rank);
    return sm_fail(err, SM_UNSUPPORTED, "%s: tensor %s has shape %s, %s expected",
                   checkpoint_path(plan->checkpoint), expected->name, there, wanted);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct expected_tensor *)a)->name,
                  ((const struct expected_tensor *)b)->name);
}

static enum sm_status list_unexpected(const struct conversion_plan *plan,
                                      const struct sm_listener *listener, struct sm_err *err)
{
    struct expected_tensor *sorted = malloc((plan->expected_count + 1) * sizeof *sorted);
    if (!sorted)
        return sm_fail(err, SM_MEMORY, "out of memory");
    memcpy(sorted, plan->expected, plan->expected_count * sizeof *sorted);
    qsort(sorted, plan->expected_count, sizeof *sorted, compare_names);
    for (size_t i = 0; i < checkpoint_count(plan->checkpoint); i++) {
        const struct checkpoint_tensor *tensor = checkpoint_tensor(plan->checkpoint, i);
        struct expected_tensor wanted = {.name = ""};
        char shape[160];
        size_t length = strlen(tensor->name);
        if (length < sizeof wanted.name)
            memcpy(wanted.name, tensor->name, length + 1);
        if (wanted.name[0] &&
            bsearch(&wanted, sorted, plan->expected_count, sizeof wanted, compare_names))
            continue;
        shape_text(shape, sizeof shape, tensor->dim, tensor->rank);
        sm_warn(listener, "unexpected tensor, left out: %s %s", tensor->name, shape);
    }
    free(sorted);
    return SM_OK;
}

enum sm_status convert_check(const struct conversion_plan *plan, size_t *missing,
                             const struct sm_listener *listener, struct sm_err *err)
{
    *missing = 0;
    enum sm_status status = SM_OK;
    for (size_t i = 0; status == SM_OK && i < plan->expected_count; i++)
        status = compare(plan, &plan->expected[i], missing, listener, err);
    return status ? status : list_unexpected(plan, listener, err);
}

/* ---- one tensor ---- */

static int64_t product(const int64_t *dim, int rank)
{
    int64_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= dim[i];
    return count;
}

static enum h5_type stored_type(const struct conversion_plan *plan,
                                const struct checkpoint_tensor *tensor, bool interpolated)
{
    if (!plan->keep_type)
        return plan->type;
    if (!interpolated && tensor->type == SCALAR_FLOAT16)
        return H5_FLOAT16;
    return !interpolated && tensor->type == SCALAR_BFLOAT16 ? H5_BFLOAT16 : H5_FLOAT32;
}

static enum sm_status check_values(const struct conversion_plan *plan,
                                   const struct checkpoint_tensor *tensor, const float *values,
                                   int64_t count, enum h5_type type, struct sm_err *err)
{
    float largest = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return sm_fail(err, SM_UNSUPPORTED,
                           "%s: tensor %s holds infinities or NaN; training has "
                           "probably diverged",
                           checkpoint_path(plan->checkpoint), tensor->name);
        largest = fmaxf(largest, fabsf(values[i]));
    }
    if (type == H5_FLOAT16 && largest >= 65520)
        return sm_fail(err, SM_UNSUPPORTED,
                       "%s: tensor %s holds %g, too large for float16; use "
                       "--dtype bfloat16 or float32",
                       checkpoint_path(plan->checkpoint), tensor->name, (double)largest);
    return SM_OK;
}

static void interpolate(enum interpolation how, float *out, const int64_t *to, const float *in,
                        const int64_t *from)
{
    if (how == INTERPOLATE_SIDES)
        interpolate_bilinear(out, (int)to[1], (int)to[2], in, (int)from[1], (int)from[2],
                             (int)to[3]);
    else
        interpolate_bilinear(out, (int)to[0], 1, in, (int)from[0], 1, (int)to[1]);
}

static enum sm_status write_values(const struct conversion_plan *plan, struct h5_out *out,
                                   const struct checkpoint_tensor *tensor, const float *values,
                                   const struct h5_shape *shape, struct sm_err *err)
{
    enum sm_status status = check_values(plan, tensor, values, h5_count(shape), shape->type, err);
    return status ? status : h5_write_floats(out, tensor->name, values, shape, err);
}

static enum sm_status write_interpolated(const struct conversion_plan *plan, struct h5_out *out,
                                         const struct checkpoint_tensor *tensor,
                                         const float *values, const struct h5_shape *shape,
                                         struct sm_err *err)
{
    float *resized = malloc((size_t)h5_count(shape) * sizeof *resized);
    if (!resized)
        return sm_fail(err, SM_MEMORY, "out of memory");
    interpolate(following(plan, tensor->name), resized, shape->dim, values, tensor->dim);
    enum sm_status status = write_values(plan, out, tensor, resized, shape, err);
    free(resized);
    return status;
}

static enum sm_status write_tensor(const struct conversion_plan *plan, struct h5_out *out,
                                   const struct checkpoint_tensor *tensor,
                                   const struct expected_tensor *expected,
                                   const struct sm_listener *listener, struct sm_err *err)
{
    bool resized = product(expected->dim, expected->rank) != tensor->count;
    struct h5_shape shape = {.rank = expected->rank, .type = stored_type(plan, tensor, resized)};
    memcpy(shape.dim, expected->dim, sizeof expected->dim);
    snprintf(shape.axes, sizeof shape.axes, "%s", expected->axes);
    float *values = malloc((size_t)tensor->count * sizeof *values + 1);
    if (!values)
        return sm_fail(err, SM_MEMORY, "out of memory: %lld MB for tensor %s",
                       (long long)tensor->count >> 18, tensor->name);
    enum sm_status status = checkpoint_read(plan->checkpoint, tensor, values, err);
    if (status == SM_OK && resized)
        sm_note(listener, "%s: interpolated", tensor->name);
    if (status == SM_OK)
        status =
            (resized ? write_interpolated : write_values)(plan, out, tensor, values, &shape, err);
    free(values);
    return status;
}

static enum sm_status write_tensors(const struct conversion_plan *plan, struct h5_out *out,
                                    const struct sm_listener *listener, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    for (size_t i = 0; status == SM_OK && i < plan->expected_count; i++) {
        const struct checkpoint_tensor *tensor =
            checkpoint_find(plan->checkpoint, plan->expected[i].name);
        if (sm_cancelled(listener))
            return sm_fail(err, SM_INTERRUPTED, "interrupted; nothing was written");
        if (tensor)
            status = write_tensor(plan, out, tensor, &plan->expected[i], listener, err);
        sm_progress(listener, "converting", i + 1, plan->expected_count);
    }
    return status;
}

/* ---- attributes: man/sammed2d-weights.5 ---- */

static enum sm_status write_texts(const struct conversion_plan *plan, struct h5_out *out,
                                  struct sm_err *err)
{
    const struct kind *kind = plan->kind;
    const struct {
        const char *name, *text;
    } texts[] = {
        {"normalization", kind ? kind->normalization : NULL},
        {"orientation", plan->orientation},
        {"resize", kind ? kind->resize : NULL},
        {"mask_prompt", kind ? kind->mask_prompt : NULL},
        {"kind", kind ? kind->name : NULL},
        {"name", plan->name},
        {"provenance", plan->provenance},
        {"licence", plan->licence},
        {"source_sha256", plan->sha256},
    };
    enum sm_status status = SM_OK;
    for (size_t i = 0; status == SM_OK && i < sizeof texts / sizeof *texts; i++)
        if (texts[i].text)
            status = h5_set_text(out, texts[i].name, texts[i].text, err);
    return status;
}

/* ---- all of it ---- */

static enum sm_status finish(struct h5_out *out, enum sm_status status, struct sm_err *err)
{
    if (status == SM_OK)
        return h5_commit(out, err);
    h5_discard(out);
    return status;
}

enum sm_status convert_write(const struct conversion_plan *plan, const char *path,
                             const struct sm_listener *listener, struct sm_err *err)
{
    struct h5_out *out;
    enum sm_status status = h5_create(&out, path, err);
    if (status)
        return status;
    status = config_write(plan->config, out, err);
    if (status == SM_OK)
        status = write_texts(plan, out, err);
    if (status == SM_OK)
        status = write_tensors(plan, out, listener, err);
    return finish(out, status, err);
}

static enum sm_status write_as_is(const struct conversion_plan *plan, struct h5_out *out,
                                  const struct checkpoint_tensor *tensor, struct sm_err *err)
{
    struct h5_shape shape = {.rank = tensor->rank, .type = stored_type(plan, tensor, false)};
    memcpy(shape.dim, tensor->dim, sizeof shape.dim);
    float *values = malloc((size_t)tensor->count * sizeof *values + 1);
    if (!values)
        return sm_fail(err, SM_MEMORY, "out of memory");
    enum sm_status status = checkpoint_read(plan->checkpoint, tensor, values, err);
    if (status == SM_OK)
        status = h5_write_floats(out, tensor->name, values, &shape, err);
    free(values);
    return status;
}

enum sm_status convert_any(const struct conversion_plan *plan, const char *path,
                           const struct sm_listener *listener, struct sm_err *err)
{
    struct h5_out *out;
    size_t count = checkpoint_count(plan->checkpoint);
    enum sm_status status = h5_create(&out, path, err);
    if (status)
        return status;
    status = write_texts(plan, out, err);
    for (size_t i = 0; status == SM_OK && i < count; i++) {
        status = write_as_is(plan, out, checkpoint_tensor(plan->checkpoint, i), err);
        sm_progress(listener, "converting", i + 1, count);
    }
    return finish(out, status, err);
}
