#include "train/learner.h"
#include <unistd.h>

static size_t embedding_floats(const struct learner *n)
{
    return sm_embedding_floats(&n->model->config);
}

static struct pass pass_of(struct learner *n, bool later)
{
    return (struct pass){n->model, later ? &n->later_gradients : &n->parameters.gradients, &n->arena};
}

static void first_round(struct learner *n, int pictures, const struct prompt_batch *batch,
                        const struct round_rule *rule)
{
    struct pass pass = pass_of(n, false);
    size_t mark = arena_mark(&n->arena), floats = pictures * embedding_floats(n);
    struct encoder_tape tape;
    bool through = encoder_trained(&pass);
    if (through) {
        encoder_forward(&tape, &pass, n->pixels, pictures, n->sizes.checkpointing == CHECKPOINT_ALWAYS);
        if (running(&pass)) {
            memcpy(n->embeddings, tape.embedding, floats * sizeof(float));
            memset(n->d_embeddings, 0, floats * sizeof(float));
        }
    } else {
        image_encoder_forward(n->model, &n->arena, n->embeddings, n->pixels, pictures, NULL);
    }
    round_run(&n->result, &pass, batch, n->embeddings, n->target, rule,
              through ? ROUND_TO_EMBEDDINGS : ROUND_TO_PROMPTS, n->d_embeddings);
    if (through)
        encoder_backward(&tape, &pass, n->d_embeddings);
    arena_release(&n->arena, mark);
}

void learner_first_round(struct learner *n, int pictures, const struct prompt_batch *batch,
                         const struct round_rule *rule)
{
    first_round(n, pictures, batch, rule);
}

void learner_later_round(struct learner *n, const struct prompt_batch *batch, const struct round_rule *rule)
{
    struct pass pass = pass_of(n, true);
    round_run(&n->result, &pass, batch, n->embeddings, n->target, rule, ROUND_TO_PROMPTS, NULL);
}

void learner_encode(struct learner *n, int pictures)
{
    image_encoder_forward(n->model, &n->arena, n->embeddings, n->pixels, pictures, NULL);
}

void learner_look(struct learner *n, const struct prompt_batch *batch, const struct round_rule *rule)
{
    struct pass pass = pass_of(n, true);
    round_run(&n->result, &pass, batch, n->embeddings, n->target, rule, ROUND_LOOK, NULL);
}

/* ---- opening: the same code on a measuring arena gives the size ---- */

static void take_buffers(struct learner *n)
{
    const struct sm_config *c = &n->model->config;
    struct learner_sizes s = n->sizes;
    size_t square = (size_t)c->image_size * c->image_size, low = sm_low_res_side(c);
    n->pixels = arena_floats(&n->arena, s.pictures * square * 3);
    n->target = arena_take(&n->arena, s.prompts * square);
    n->embeddings = arena_floats(&n->arena, s.pictures * embedding_floats(n));
    n->d_embeddings = arena_floats(&n->arena, s.pictures * embedding_floats(n));
    n->result.probabilities = arena_floats(&n->arena, s.prompts * square);
    n->result.low_res = arena_floats(&n->arena, s.prompts * low * low);
    n->result.iou = arena_floats(&n->arena, s.prompts);
}

static size_t measure(struct learner *n)
{
    static const float something[1];
    struct round_rule rule = {0};
    struct prompt_batch batch = {.n = n->sizes.prompts, .point_count = n->sizes.points};
    take_buffers(n);
    first_round(n, n->sizes.pictures, &batch, &rule);
    image_encoder_forward(n->model, &n->arena, NULL, NULL, n->sizes.pictures, NULL);
    batch.masks = something; /* never looked at while measuring */
    learner_later_round(n, &batch, &rule);
    return n->arena.peak;
}

static struct weights without_parts(const struct parameters *all, const struct sm_model *model,
                                    unsigned parts);

/* Bytes of activations; the results are the same either way, so it may depend on the machine. */
static size_t settle_checkpointing(struct learner *n)
{
    size_t bytes, available = (size_t)sysconf(_SC_AVPHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    bool when_short = n->sizes.checkpointing == CHECKPOINT_WHEN_SHORT;
    if (when_short)
        n->sizes.checkpointing = CHECKPOINT_NEVER;
    bytes = measure(n);
    if (!when_short || bytes < available / 10 * 8)
        return bytes;
    n->sizes.checkpointing = CHECKPOINT_ALWAYS;
    n->arena = (struct arena){0};
    return measure(n);
}

enum sm_status learner_open(struct learner *n, struct sm_model *model, unsigned parts, unsigned later_parts,
                            bool average, struct learner_sizes sizes, struct sm_err *err)
{
    *n = (struct learner){.model = model, .sizes = sizes};
    if (sizes.prompts > LOSS_MAX_MASKS)
        return sm_fail(err, SM_USAGE, "%d masks at once, expected at most %d", sizes.prompts, LOSS_MAX_MASKS);
    enum sm_status status = parameters_make(&n->parameters, model, parts, average, err);
    if (status)
        return status;
    n->later_gradients = without_parts(&n->parameters, model, later_parts);
    size_t bytes = settle_checkpointing(n);
    n->arena = (struct arena){0};
    if (arena_init(&n->arena, bytes, err)) {
        parameters_free(&n->parameters);
        return SM_MEMORY;
    }
    take_buffers(n);
    return SM_OK;
}

void learner_close(struct learner *n)
{
    parameters_free(&n->parameters);
    arena_free(&n->arena);
}

/* ---- gradients of some parts only ---- */

struct mask {
    const struct parameters *all;
    unsigned parts;
    size_t next;
};

static enum sm_status keep_some(void *context, const struct tensor *tensor, struct sm_err *err)
{
    struct mask *mask = context;
    (void)err;
    if (mask->next == mask->all->count ||
        strcmp(mask->all->list[mask->next].tensor.name, tensor->name) != 0)
        return SM_OK;
    const struct parameter *p = &mask->all->list[mask->next++];
    *tensor->field = p->part & mask->parts ? p->gradient : NULL;
    return SM_OK;
}

static struct weights without_parts(const struct parameters *all, const struct sm_model *model,
                                    unsigned parts)
{
    struct weights some = {0};
    struct mask mask = {all, parts, 0};
    weights_each(&some, &model->config, keep_some, &mask, NULL);
    return some;
}
