#include "model/packed.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nn/nn.h"

static const char *const names[] = {[SM_PRECISION_FLOAT32] = "float32",
                                    [SM_PRECISION_BF16] = "bf16",
                                    [SM_PRECISION_INT8] = "int8",
                                    [SM_PRECISION_INT8 + 1] = NULL};

const char *const *sm_precision_words(void)
{
    return names;
}

const char *sm_precision_name(enum sm_precision precision)
{
    return names[precision];
}

enum sm_status packed_precision(enum sm_precision *precision, const struct h5 *file, struct sm_err *err)
{
    char text[16];
    *precision = SM_PRECISION_FLOAT32;
    if (!h5_attr_text(file, NULL, "precision", text, sizeof text))
        return SM_OK;
    for (int i = SM_PRECISION_BF16; names[i]; i++)
        if (strcmp(text, names[i]) == 0) {
            *precision = (enum sm_precision)i;
            return SM_OK;
        }
    return sm_fail(err, SM_WEIGHTS, "%s: holds weights in the precision \"%s\", bf16 or int8 expected", h5_path(file),
                   text);
}

/* ---- what is in the file ---- */

struct packed {
    struct nn_weights view, *kept;
    enum nn_precision precision;
    struct tensor numbers, scale;
};

static bool describe(struct packed *p, const struct sm_model *model, const struct tensor *tensor,
                     enum sm_precision precision)
{
    if (!product_of(model, tensor->field, *tensor->field, &p->view, &p->kept))
        return false;
    p->precision = nn_precision_of(precision);
    p->numbers = *tensor;
    p->numbers.layout = PLAIN;
    p->numbers.rank = 3;
    p->numbers.dim[0] = p->view.n;
    p->numbers.dim[1] = p->view.taps;
    p->numbers.dim[2] = p->view.k;
    p->numbers.whole = p->precision == NN_INT8;
    p->scale = (struct tensor){.rank = 1, .dim = {p->view.n}, .count = p->view.n, .field = tensor->field};
    snprintf(p->scale.name, sizeof p->scale.name, "%.*s.scale", (int)sizeof p->scale.name - 7, tensor->name);
    return true;
}

bool is_packed(const struct sm_model *model, const struct tensor_source *source, const struct tensor *tensor)
{
    struct packed p;
    return source->packed != SM_PRECISION_FLOAT32 && describe(&p, model, tensor, source->packed);
}

/* ---- reading ---- */

static size_t number_bytes(const struct packed *p)
{
    return (size_t)p->numbers.count * (p->numbers.whole ? 1 : 2);
}

static const void *place(const struct tensor_source *source, const struct packed *p)
{
    return source->numbers ? source->numbers(source->context, &p->numbers) : NULL;
}

static enum sm_status check_storable(const char *path, const struct packed *p, struct sm_err *err)
{
    if (nn_weights_storable(p->view.k, p->precision))
        return SM_OK;
    return sm_fail(err, SM_UNSUPPORTED, "%s: tensor %s has rows of %d numbers, which cannot be packed: not a multiple of %d",
                   path, p->numbers.name, p->view.k, p->precision == NN_INT8 ? 4 : 2);
}

enum sm_status packed_measure(const struct sm_model *model, const struct tensor_source *source,
                              const struct tensor *tensor, struct arena *block, int64_t *staged, struct sm_err *err)
{
    struct packed p;
    describe(&p, model, tensor, source->packed);
    enum sm_status status = check_storable(source->path, &p, err);
    if (!status)
        status = source->check(source->context, &p.numbers, err);
    if (!status && p.precision == NN_INT8)
        status = source->check(source->context, &p.scale, err);
    if (status)
        return status;
    if (!place(source, &p)) {
        arena_take(block, number_bytes(&p));
        *staged = p.numbers.count > *staged ? p.numbers.count : *staged;
    }
    if (p.precision == NN_INT8)
        arena_floats(block, (size_t)p.view.n);
    arena_take(block, nn_weights_stored_bytes(&p.view, p.precision));
    return SM_OK;
}

static enum sm_status refuse(const struct tensor_source *source, const char *name, struct sm_err *err)
{
    return sm_fail(err, SM_WEIGHTS, "%s: tensor %s holds infinities or NaN; the file is damaged, convert it again",
                   source->path, name);
}

/* What could not be mapped is read as floats. */
static enum sm_status read_numbers(void *out, const struct tensor_source *source, const struct packed *p, float *staging,
                                   struct sm_err *err)
{
    enum sm_status status = source->fill(source->context, &p->numbers, staging, err);
    uint16_t *halves = out;
    int8_t *bytes = out;
    for (int64_t i = 0; !status && i < p->numbers.count; i++) {
        uint32_t bits;
        memcpy(&bits, staging + i, sizeof bits);
        if (p->numbers.whole)
            bytes[i] = (int8_t)fmaxf(-128, fminf(127, staging[i]));
        else
            halves[i] = (uint16_t)(bits >> 16);
    }
    return status;
}

static bool halves_finite(const uint16_t *x, int64_t count)
{
    int odd = 0;
#pragma omp parallel for simd reduction(| : odd) num_threads(nn_threads())
    for (int64_t i = 0; i < count; i++)
        odd |= (x[i] & 0x7F80) == 0x7F80;
    return !odd;
}

static enum sm_status read_scale(float *scale, const struct tensor_source *source, const struct packed *p,
                                 struct sm_err *err)
{
    enum sm_status status = source->fill(source->context, &p->scale, scale, err);
    for (int i = 0; !status && i < p->view.n; i++)
        if (!isfinite(scale[i]))
            status = refuse(source, p->scale.name, err);
    return status;
}

enum sm_status packed_load(struct sm_model *model, const struct tensor_source *source, const struct tensor *tensor,
                           struct arena *block, float *staging, struct sm_err *err)
{
    struct packed p;
    enum sm_status status = SM_OK;
    describe(&p, model, tensor, source->packed);
    const void *numbers = place(source, &p);
    if (!numbers) {
        void *own = arena_take(block, number_bytes(&p));
        status = read_numbers(own, source, &p, staging, err);
        numbers = own;
    }
    float *scale = NULL;
    if (p.precision == NN_INT8) {
        scale = arena_floats(block, (size_t)p.view.n);
        status = status ? status : read_scale(scale, source, &p, err);
    } else if (!status && !halves_finite(numbers, p.numbers.count)) {
        status = refuse(source, tensor->name, err);
    }
    void *memory = arena_take(block, nn_weights_stored_bytes(&p.view, p.precision));
    if (!status)
        *p.kept = nn_weights_stored(memory, numbers, scale, &p.view, p.precision);
    return status;
}

/* ---- writing ---- */

static void widen(float *out, const void *numbers, const struct packed *p)
{
    const uint16_t *halves = numbers;
    const int8_t *bytes = numbers;
    for (int64_t i = 0; i < p->numbers.count; i++) {
        uint32_t bits = p->numbers.whole ? 0 : (uint32_t)halves[i] << 16;
        memcpy(out + i, &bits, sizeof bits);
        if (p->numbers.whole)
            out[i] = bytes[i];
    }
}

enum sm_status packed_save(const struct sm_model *model, struct h5_out *out, const struct tensor *tensor,
                           enum sm_precision precision, struct sm_err *err)
{
    struct packed p;
    describe(&p, model, tensor, precision);
    enum sm_status status = check_storable("the weights", &p, err);
    if (status)
        return status;
    struct h5_shape shape = {.rank = 3, .type = p.numbers.whole ? H5_INT : H5_BFLOAT16};
    struct h5_shape row = {.rank = 1, .dim = {p.view.n}, .type = H5_FLOAT32};
    memcpy(shape.dim, p.numbers.dim, sizeof p.numbers.dim);
    void *numbers = malloc(number_bytes(&p));
    float *wide = malloc((size_t)p.numbers.count * sizeof *wide), *scale = malloc((size_t)p.view.n * sizeof *scale);
    if (numbers && wide && scale) {
        nn_weights_numbers(numbers, scale, &p.view, p.precision);
        widen(wide, numbers, &p);
        status = h5_write_floats(out, p.numbers.name, wide, &shape, err);
        if (!status && p.numbers.whole)
            status = h5_write_floats(out, p.scale.name, scale, &row, err);
    } else {
        status = sm_fail(err, SM_MEMORY, "out of memory while writing weights");
    }
    free(numbers), free(wide), free(scale);
    return status;
}
