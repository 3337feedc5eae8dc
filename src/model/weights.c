#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model/config.h"
#include "model/packed.h"
#include "model/prompt_encoder.h"
#include "model/weights.h"
#include "nn/nn.h"

/* ---- the walk ---- */

struct walk {
    struct weights *weights;
    const struct sm_config *config;
    enum sm_status (*visit)(void *context, const struct tensor *tensor, struct sm_err *err);
    void *context;
    struct sm_err *err;
};

static enum sm_status offer(const struct walk *walk, const char *pattern, int index,
                            enum layout layout, const float **field, int rank, const int64_t *dim)
{
    struct tensor tensor = {.layout = layout, .rank = rank, .count = 1, .field = field};
    const char *number = strstr(pattern, "%d");
    if (number)
        snprintf(tensor.name, sizeof tensor.name, "%.*s%d%s", (int)(number - pattern), pattern, index,
                 number + 2);
    else
        snprintf(tensor.name, sizeof tensor.name, "%s", pattern);
    for (int i = 0; i < rank; i++) {
        tensor.dim[i] = dim[i];
        tensor.count *= dim[i];
    }
    return walk->visit(walk->context, &tensor, walk->err);
}

/* The letters of weights.def. */
#define CONFIG (walk->config)
#define E ((int64_t)CONFIG->embed_dim)
#define D ((int64_t)head_dim(CONFIG))
#define M ((int64_t)CONFIG->mlp_dim)
#define H ((int64_t)CONFIG->adapter_hidden)
#define P ((int64_t)CONFIG->patch_size)
#define G ((int64_t)grid_side(CONFIG))
#define R (2 * (CONFIG->global_attn[INDEX] ? G : (int64_t)CONFIG->window_size) - 1)
#define C ((int64_t)CONFIG->prompt_dim)
#define K ((int64_t)CONFIG->mask_in_chans)
#define F ((int64_t)CONFIG->decoder_mlp_dim)
#define A (C / CONFIG->decoder_downsample)
#define T ((int64_t)CONFIG->mask_tokens)
#define Q ((int64_t)CONFIG->iou_head_hidden)
#define IN (INDEX == 0 ? C : Q)
#define OUT (INDEX == CONFIG->iou_head_depth - 1 ? T : Q)

#define OFFER(pattern, member, layout, ...)                                                        \
    {                                                                                              \
        const int64_t dim[] = {__VA_ARGS__};                                                       \
        enum sm_status status =                                                                    \
            offer(walk, pattern, INDEX, layout, &(member), sizeof dim / sizeof *dim, dim);         \
        if (status)                                                                                \
            return status;                                                                         \
    }

static enum sm_status encoder_tensors(const struct walk *walk)
{
    enum { INDEX = 0 };
    struct image_encoder *part = &walk->weights->image_encoder;
#define ENCODER(name, field, layout, ...) OFFER(name, part->field, layout, __VA_ARGS__)
#include "model/weights.def"
    return SM_OK;
}

static enum sm_status block_tensors(const struct walk *walk, int INDEX)
{
    struct block *part = &walk->weights->image_encoder.blocks[INDEX];
#define BLOCK(name, field, layout, ...) OFFER(name, part->field, layout, __VA_ARGS__)
#include "model/weights.def"
    if (!walk->config->adapter)
        return SM_OK;
#define ADAPTER(name, field, layout, ...) OFFER(name, part->field, layout, __VA_ARGS__)
#include "model/weights.def"
    return SM_OK;
}

static enum sm_status prompt_tensors(const struct walk *walk)
{
    struct prompt_encoder *part = &walk->weights->prompt_encoder;
    {
        enum { INDEX = 0 };
#define PROMPT(name, field, layout, ...) OFFER(name, part->field, layout, __VA_ARGS__)
#include "model/weights.def"
    }
    for (int INDEX = 0; INDEX < POINT_KINDS; INDEX++) {
#define CORNER(name, field, layout, ...) OFFER(name, part->field, layout, __VA_ARGS__)
#include "model/weights.def"
    }
    return SM_OK;
}

static enum sm_status layer_tensors(const struct walk *walk, int INDEX)
{
    struct decoder_layer *part = &walk->weights->mask_decoder.layers[INDEX];
#define LAYER(name, field, layout, ...) OFFER(name, part->field, layout, __VA_ARGS__)
#include "model/weights.def"
    return SM_OK;
}

static enum sm_status head_tensors(const struct walk *walk)
{
    struct mask_decoder *decoder = &walk->weights->mask_decoder;
    for (int INDEX = 0; INDEX < walk->config->mask_tokens; INDEX++) {
        struct hypernetwork *part = &decoder->hyper[INDEX];
#define HYPER(name, field, layout, ...) OFFER(name, part->field, layout, __VA_ARGS__)
#include "model/weights.def"
    }
    for (int INDEX = 0; INDEX < walk->config->iou_head_depth; INDEX++) {
        struct linear *part = &decoder->iou_head[INDEX];
#define IOU(name, field, layout, ...) OFFER(name, part->field, layout, __VA_ARGS__)
#include "model/weights.def"
    }
    return SM_OK;
}

static enum sm_status decoder_tensors(const struct walk *walk)
{
    struct mask_decoder *part = &walk->weights->mask_decoder;
    enum { INDEX = 0 };
#define DECODER(name, field, layout, ...) OFFER(name, part->field, layout, __VA_ARGS__)
#include "model/weights.def"
    return SM_OK;
}

#undef CONFIG
#undef E
#undef D
#undef M
#undef H
#undef P
#undef G
#undef R
#undef C
#undef K
#undef F
#undef A
#undef T
#undef Q
#undef IN
#undef OUT

enum sm_status weights_each(struct weights *weights, const struct sm_config *config,
                            enum sm_status (*visit)(void *context, const struct tensor *tensor,
                                                    struct sm_err *err),
                            void *context, struct sm_err *err)
{
    struct walk walk = {weights, config, visit, context, err};
    enum sm_status status = encoder_tensors(&walk);
    for (int i = 0; i < config->depth && !status; i++)
        status = block_tensors(&walk, i);
    if (!status)
        status = prompt_tensors(&walk);
    for (int i = 0; i < config->decoder_depth && !status; i++)
        status = layer_tensors(&walk, i);
    if (!status)
        status = decoder_tensors(&walk);
    if (!status)
        status = head_tensors(&walk);
    return status;
}

const char *tensor_axes(const struct tensor *tensor)
{
    static const char *const axes[] = {[PLAIN] = "", [CONV] = "0231", [DECONV] = "2310"};
    return axes[tensor->layout];
}

/* ---- loading ---- */

struct loader {
    const struct tensor_source *source;
    struct sm_model *model;
    struct arena *block;
    int64_t largest_staged; /* floats of staging needed */
    float *staging, *repacked; /* as PyTorch has it; in our layout, before it is lowered */
};

enum { LARGE = 1 << 16 };

static enum sm_status measure(void *context, const struct tensor *tensor, struct sm_err *err)
{
    struct loader *loader = context;
    const struct tensor_source *source = loader->source;
    if (is_packed(loader->model, source, tensor))
        return packed_measure(loader->model, source, tensor, loader->block, &loader->largest_staged, err);
    if (source->check) {
        enum sm_status status = source->check(source->context, tensor, err);
        if (status)
            return status;
    }
    size_t lowered = lowered_bytes(loader->model, tensor->field);
    bool packed = tensor->layout == PLAIN;
    bool placed = source->place && source->place(source->context, tensor, &packed);
    bool repacked = !packed || lowered;
    if (placed && !repacked)
        return SM_OK;
    arena_take(loader->block, lowered ? lowered : (size_t)tensor->count * sizeof(float));
    if (repacked && tensor->count > loader->largest_staged)
        loader->largest_staged = tensor->count;
    return SM_OK;
}

/* Infinities and NaN have an exponent of ones. Integers, as their sums need not wait for each other. */
static bool all_finite(const float *x, int64_t count)
{
    const uint32_t exponent = 0x7F800000, *bits = (const uint32_t *)x;
    uint32_t odd = 0;
#pragma omp parallel for simd reduction(| : odd) num_threads(nn_threads()) if (count >= LARGE)
    for (int64_t i = 0; i < count; i++)
        odd |= (bits[i] & exponent) == exponent;
    return !odd;
}

void tensor_lay_out(const struct tensor *t, float *out, const float *in)
{
    if (t->layout == CONV)
        nn_pack_conv(out, in, (int)t->dim[0], (int)t->dim[1], (int)t->dim[2], (int)t->dim[3]);
    else
        nn_pack_conv_transpose(out, in, (int)t->dim[0], (int)t->dim[1], (int)t->dim[2]);
}

/* In our layout and precision; `given` is as PyTorch has it, or packed already and where it has to be. */
static void keep(struct loader *loader, const struct tensor *tensor, size_t lowered, float *given, bool packed,
                 void *kept)
{
    float *place = lowered ? loader->repacked : kept;
    if (!packed)
        tensor_lay_out(tensor, place, given);
    else
        place = given;
    if (lowered)
        keep_lowered(loader->model, tensor->field, place, kept);
    else
        *tensor->field = place;
}

enum sm_status tensor_check_finite(const char *path, const struct tensor *tensor, const float *values,
                                   struct sm_err *err)
{
    if (all_finite(values, tensor->count))
        return SM_OK;
    return sm_fail(err, SM_WEIGHTS,
                   "%s: tensor %s holds infinities or NaN; the file is damaged, convert it again", path,
                   tensor->name);
}

static bool of_encoder(const struct tensor *tensor)
{
    static const char prefix[] = "image_encoder.";
    return strncmp(tensor->name, prefix, sizeof prefix - 1) == 0;
}

static enum sm_status load(void *context, const struct tensor *tensor, struct sm_err *err)
{
    struct loader *loader = context;
    const struct tensor_source *source = loader->source;
    if (is_packed(loader->model, source, tensor))
        return packed_load(loader->model, source, tensor, loader->block, loader->staging, err);
    size_t lowered = lowered_bytes(loader->model, tensor->field);
    bool packed = tensor->layout == PLAIN;
    float *placed = source->place ? source->place(source->context, tensor, &packed) : NULL;
    bool repacked = !packed || lowered;
    void *kept = NULL;
    if (!placed || repacked)
        kept = arena_take(loader->block, lowered ? lowered : (size_t)tensor->count * sizeof(float));
    if (loader->model->deferred && placed && !lowered && of_encoder(tensor))
        return deferred_add(loader->model, tensor, placed, kept, err);
    float *given = placed ? placed : repacked ? loader->staging : kept;
    enum sm_status status = placed ? SM_OK : source->fill(source->context, tensor, given, err);
    if (!status)
        status = tensor_check_finite(source->path, tensor, given, err);
    if (status)
        return status;
    keep(loader, tensor, lowered, given, packed, kept);
    if (placed && repacked)
        source->forget(placed, tensor->count);
    return SM_OK;
}

static enum sm_status fill_model(struct sm_model *model, const struct tensor_source *source,
                                 struct sm_err *err)
{
    const struct sm_config *config = &model->config;
    size_t pe = (size_t)grid_side(config) * (size_t)grid_side(config) * (size_t)config->prompt_dim;
    struct arena measuring = {0};
    struct loader loader = {.source = source, .model = model, .block = &measuring};
    enum sm_status status = weights_each(&model->weights, config, measure, &loader, err);
    if (status)
        return status;
    arena_floats(&measuring, pe);
    if (arena_init(&model->block, measuring.peak, NULL))
        return sm_fail(err, SM_MEMORY, "%s: out of memory: the network's weights take %zu MB",
                       source->path, measuring.peak >> 20);
    loader.block = &model->block;
    bool lower = model->precision != SM_PRECISION_FLOAT32;
    loader.staging = malloc((size_t)loader.largest_staged * (lower ? 2 : 1) * sizeof(float));
    loader.repacked = loader.staging + (lower ? loader.largest_staged : 0);
    if (!loader.staging)
        return sm_fail(err, SM_MEMORY, "%s: out of memory while reading weights", source->path);
    status = weights_each(&model->weights, config, load, &loader, err);
    free(loader.staging);
    if (status)
        return status;
    float *image_pe = arena_floats(&model->block, pe);
    prompt_encoder_dense_pe(model, image_pe);
    model->image_pe = image_pe;
    keep_products(model);
    return SM_OK;
}

enum sm_status model_from_source(struct sm_model **model, const struct sm_config *config,
                                    const struct tensor_source *source, struct sm_err *err)
{
    return model_from_source_as(model, config, source, SM_PRECISION_FLOAT32, err);
}

enum sm_status model_from_source_as(struct sm_model **model, const struct sm_config *config,
                                    const struct tensor_source *source, enum sm_precision precision,
                                    struct sm_err *err)
{
    *model = NULL;
    enum sm_status status = config_check(config, source->path, err);
    if (status)
        return status;
    struct sm_model *made = calloc(1, sizeof *made);
    if (!made)
        return sm_fail(err, SM_MEMORY, "out of memory");
    made->config = *config;
    made->precision = precision;
    status = source->lazily ? deferred_open(&made->deferred, source->path, source->forget, err) : SM_OK;
    if (!status)
        status = fill_model(made, source, err);
    if (status)
        sm_model_close(made);
    else
        *model = made;
    return status;
}
