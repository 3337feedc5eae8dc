#include "train/parameters.h"
#include <stdlib.h>
#include <string.h>
#include "nn/nn.h"

static bool starts(const char *name, const char *head)
{
    return strncmp(name, head, strlen(head)) == 0;
}

/* 0 for the one tensor that is not learned. */
static unsigned part_of(const char *name)
{
    if (strstr(name, "positional_encoding_gaussian_matrix"))
        return 0;
    if (starts(name, "prompt_encoder.mask_downscaling."))
        return PART_DOWNSCALING;
    if (starts(name, "prompt_encoder.point_embeddings.0") ||
        starts(name, "prompt_encoder.point_embeddings.1") || starts(name, "prompt_encoder.not_a_point"))
        return PART_POINTS;
    if (starts(name, "prompt_encoder."))
        return PART_PROMPTS;
    if (starts(name, "mask_decoder."))
        return PART_DECODER;
    return strstr(name, ".Adapter.") ? PART_ADAPTERS : PART_ENCODER;
}

static bool decays(const struct tensor *tensor)
{
    return tensor->rank > 1 && !strstr(tensor->name, "_embed") && !strstr(tensor->name, "rel_pos") &&
           !strstr(tensor->name, "token.weight") && !strstr(tensor->name, "tokens.weight");
}

struct collector {
    struct parameters *parameters;
    unsigned parts;
    bool average, counting;
};

static enum sm_status collect(void *context, const struct tensor *tensor, struct sm_err *err)
{
    struct collector *c = context;
    struct parameters *all = c->parameters;
    unsigned part = part_of(tensor->name);
    (void)err;
    if (!(part & c->parts))
        return SM_OK;
    struct parameter p = {.tensor = *tensor,
                          .part = (enum part)part,
                          .decays = decays(tensor),
                          .count = (size_t)tensor->count,
                          .value = (float *)*tensor->field};
    p.gradient = arena_floats(&all->block, p.count);
    p.m = arena_floats(&all->block, p.count);
    p.v = arena_floats(&all->block, p.count);
    p.average = c->average ? arena_floats(&all->block, p.count) : NULL;
    if (!c->counting)
        all->list[all->count] = p;
    all->count++;
    return SM_OK;
}

enum sm_status parameters_make(struct parameters *parameters, struct sm_model *model, unsigned parts,
                               bool average, struct sm_err *err)
{
    struct collector collector = {parameters, parts, average, true};
    *parameters = (struct parameters){0};
    weights_each(&model->weights, &model->config, collect, &collector, NULL);
    if (parameters->count == 0)
        return sm_fail(err, SM_USAGE, "nothing to train: the model has no tensors of the parts asked for");
    size_t bytes = parameters->block.peak, count = parameters->count;
    parameters->list = calloc(count, sizeof *parameters->list);
    if (!parameters->list || arena_init(&parameters->block, bytes, NULL)) {
        parameters_free(parameters);
        return sm_fail(err, SM_MEMORY, "out of memory: gradients and the optimiser's state take %zu MB",
                       bytes >> 20);
    }
    memset(parameters->block.base, 0, parameters->block.size);
    collector.counting = false;
    parameters->count = 0;
    weights_each(&model->weights, &model->config, collect, &collector, NULL);
    for (size_t i = 0; i < count && average; i++)
        memcpy(parameters->list[i].average, parameters->list[i].value,
               parameters->list[i].count * sizeof(float));
    return SM_OK;
}

void parameters_free(struct parameters *parameters)
{
    free(parameters->list);
    arena_free(&parameters->block);
    *parameters = (struct parameters){0};
}

void parameters_zero_gradients(struct parameters *parameters, unsigned parts)
{
    for (size_t i = 0; i < parameters->count; i++)
        if (parameters->list[i].part & parts)
            memset(parameters->list[i].gradient, 0, parameters->list[i].count * sizeof(float));
}

/* ---- gradients, where the backward passes look for them ---- */

struct placer {
    const struct parameters *parameters;
    float *const *each;
    unsigned parts;
    size_t next;
};

static enum sm_status place(void *context, const struct tensor *tensor, struct sm_err *err)
{
    struct placer *placer = context;
    const struct parameters *all = placer->parameters;
    (void)err;
    if (placer->next == all->count || strcmp(all->list[placer->next].tensor.name, tensor->name) != 0)
        return SM_OK;
    bool wanted = all->list[placer->next].part & placer->parts;
    float *gradient = placer->each[placer->next++];
    *tensor->field = wanted ? gradient : NULL;
    return SM_OK;
}

static struct weights fields_of(const struct gradients *g, const struct parameters *parameters,
                                const struct sm_model *model, unsigned parts)
{
    struct weights fields = {0};
    struct placer placer = {parameters, g->each, parts, 0};
    weights_each(&fields, &model->config, place, &placer, NULL);
    return fields;
}

static enum sm_status make_copies(struct gradients *g, const struct parameters *parameters, struct sm_err *err)
{
    for (size_t i = 0; i < parameters->count; i++)
        arena_floats(&g->block, parameters->list[i].count);
    size_t bytes = g->block.peak;
    g->block = (struct arena){0};
    if (arena_init(&g->block, bytes, NULL))
        return sm_fail(err, SM_MEMORY, "out of memory: gradients of one more thread take %zu MB", bytes >> 20);
    memset(g->block.base, 0, bytes);
    for (size_t i = 0; i < parameters->count; i++)
        g->each[i] = arena_floats(&g->block, parameters->list[i].count);
    return SM_OK;
}

enum sm_status gradients_make(struct gradients *g, const struct parameters *parameters, const struct sm_model *model,
                              unsigned later_parts, bool copies, struct sm_err *err)
{
    *g = (struct gradients){.each = calloc(parameters->count, sizeof *g->each)};
    if (!g->each)
        return sm_fail(err, SM_MEMORY, "out of memory");
    for (size_t i = 0; i < parameters->count && !copies; i++)
        g->each[i] = parameters->list[i].gradient;
    enum sm_status status = copies ? make_copies(g, parameters, err) : SM_OK;
    if (!status) {
        g->all = fields_of(g, parameters, model, PART_ALL);
        g->later = fields_of(g, parameters, model, later_parts);
    }
    return status;
}

void gradients_free(struct gradients *g)
{
    free(g->each);
    arena_free(&g->block);
    *g = (struct gradients){0};
}

void gradients_gather(struct parameters *parameters, struct gradients *copies, unsigned parts)
{
#pragma omp parallel for schedule(dynamic, 4) num_threads(nn_threads())
    for (size_t i = 0; i < parameters->count; i++) {
        struct parameter *p = &parameters->list[i];
        if (p->part & parts) {
            nn_add(p->gradient, copies->each[i], p->count);
            memset(copies->each[i], 0, p->count * sizeof(float));
        }
    }
}
