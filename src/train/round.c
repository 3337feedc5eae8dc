/* ref: OpenGVLab/SAM-Med2D, train.py */
#include "train/round.h"

/* Everything one round works with. */
struct round {
    const struct pass *pass;
    const struct prompt_batch *batch;
    const struct round_rule *rule;
    const uint8_t *target;
    struct prompts_tape prompts;
    struct decoder_tape decoder;
    int n, tokens, side, low; /* tokens: masks a prompt */
    int *chosen;              /* (n): mask token whose loss is looked at */
    float *logits;            /* (n, S, S); then the gradient by them */
    float *d_iou_chosen;      /* (n) */
    bool *wanted;             /* (n, tokens) */
    float *d_masks, *d_iou;   /* (n, tokens, L, L), (n, tokens) */
};

static size_t low_pixels(const struct round *r)
{
    return (size_t)r->low * r->low;
}
static size_t pixels(const struct round *r)
{
    return (size_t)r->side * r->side;
}

static float *mask_of(const struct round *r, float *masks, int prompt, int token)
{
    return masks + ((size_t)prompt * r->tokens + token) * low_pixels(r);
}

/* ---- which mask ---- */

static void choose_predicted(struct round *r)
{
    for (int i = 0; i < r->n; i++) {
        const float *iou = r->decoder.iou + (size_t)i * r->tokens;
        r->chosen[i] = 1;
        for (int token = 2; token < r->tokens; token++)
            if (iou[token] > iou[r->chosen[i]])
                r->chosen[i] = token;
    }
}

static void upsample_chosen(struct round *r)
{
    for (int i = 0; i < r->n; i++)
        nn_resize_bilinear(r->logits + i * pixels(r), r->side, r->side, r->side,
                           mask_of(r, r->decoder.masks, i, r->chosen[i]), r->low, r->low, r->low);
}

static void choose_lowest(struct round *r, struct round_result *result)
{
    double best[LOSS_MAX_MASKS], loss[LOSS_MAX_MASKS];
    int lowest[LOSS_MAX_MASKS];
    for (int token = 1; token < r->tokens; token++) {
        for (int i = 0; i < r->n; i++)
            r->chosen[i] = token;
        upsample_chosen(r);
        loss_of_each(loss, r->logits, r->target, r->n, pixels(r), &r->rule->loss, result->probabilities);
        for (int i = 0; i < r->n; i++)
            if (token == 1 || loss[i] < best[i]) {
                best[i] = loss[i];
                lowest[i] = token;
            }
    }
    memcpy(r->chosen, lowest, r->n * sizeof *lowest);
}

static void choose(struct round *r, struct round_result *result, bool single)
{
    if (!single && r->rule->choice == CHOOSE_LOWEST)
        choose_lowest(r, result);
    else if (!single)
        choose_predicted(r);
    for (int i = 0; i < r->n && single; i++)
        r->chosen[i] = 0;
}

/* ---- the loss of one set of masks ---- */

static void keep_results(const struct round *r, struct round_result *result)
{
    for (int i = 0; i < r->n; i++) {
        memcpy(result->low_res + i * low_pixels(r), mask_of(r, r->decoder.masks, i, r->chosen[i]),
               low_pixels(r) * sizeof(float));
        result->iou[i] = r->decoder.iou[i * r->tokens + r->chosen[i]];
    }
}

/* The gradient by the chosen masks' logits, `share` of it, goes to d_masks and d_iou. */
static void gradient_to_low_res(struct round *r, float share)
{
    size_t mark = arena_mark(r->pass->arena), count = (size_t)r->low * r->side;
    float *scratch = take(r->pass, r->n * count);
    int n = running(r->pass) ? r->n : 0;
#pragma omp parallel for num_threads(nn_threads())
    for (int i = 0; i < n; i++) {
        float *d = mask_of(r, r->d_masks, i, r->chosen[i]);
        nn_resize_bilinear_backward(d, r->low, r->low, r->logits + i * pixels(r), r->side, r->side,
                                    scratch + i * count);
        for (size_t j = 0; j < low_pixels(r) && share != 1; j++)
            d[j] *= share;
    }
    for (int i = 0; i < n; i++) {
        r->wanted[i * r->tokens + r->chosen[i]] = true;
        r->d_iou[i * r->tokens + r->chosen[i]] = r->d_iou_chosen[i] * share;
    }
    arena_release(r->pass->arena, mark);
}

static void loss_of_set(struct round *r, struct round_result *result, bool single, double share)
{
    struct loss loss;
    choose(r, result, single);
    upsample_chosen(r);
    keep_results(r, result);
    loss_and_gradient(&loss, r->logits, r->d_iou_chosen, result->probabilities, r->target, result->iou, r->n,
                      pixels(r), &r->rule->loss);
    result->loss.focal += loss.focal * share;
    result->loss.dice += loss.dice * share;
    result->loss.iou += loss.iou * share;
    result->loss.total += loss.total * share;
    gradient_to_low_res(r, (float)share);
}

/* ---- the round ---- */

static struct round set_up(const struct pass *pass, const struct prompt_batch *batch, const uint8_t *target,
                           const struct round_rule *rule)
{
    const struct sm_config *c = &pass->model->config;
    struct round r = {.pass = pass, .batch = batch, .rule = rule, .target = target, .n = batch->n,
                      .tokens = c->mask_tokens, .side = c->image_size, .low = sm_low_res_side(c)};
    size_t masks = (size_t)r.n * r.tokens;
    r.chosen = arena_take(pass->arena, r.n * sizeof *r.chosen);
    r.wanted = arena_take(pass->arena, masks * sizeof *r.wanted);
    r.logits = take(pass, r.n * pixels(&r));
    r.d_iou_chosen = take(pass, r.n);
    r.d_masks = take(pass, masks * low_pixels(&r));
    r.d_iou = take_zeros(pass, masks);
    if (running(pass))
        memset(r.wanted, 0, masks * sizeof *r.wanted);
    return r;
}

static void backward(struct round *r, bool to_embeddings, float *d_embeddings)
{
    const struct pass *pass = r->pass;
    size_t dim = pass->model->config.prompt_dim, sparse = r->prompts.sparse_count * dim;
    bool to_image = to_embeddings || dense_trained(pass, r->batch);
    float *d_sparse = points_trained(pass) ? take(pass, r->n * sparse) : NULL;
    float *d_src = to_image ? take(pass, r->n * sm_embedding_floats(&pass->model->config)) : NULL;
    decoder_backward(&r->decoder, pass, d_sparse, d_src, to_image, r->wanted, r->d_masks, r->d_iou);
    if (to_image || d_sparse)
        prompts_backward(&r->prompts, pass, d_embeddings, d_sparse, d_src);
}

void round_run(struct round_result *result, const struct pass *pass, const struct prompt_batch *batch,
               const float *embeddings, const uint8_t *target, const struct round_rule *rule, enum round_way way,
               float *d_embeddings)
{
    size_t mark = arena_mark(pass->arena);
    struct round r = set_up(pass, batch, target, rule);
    bool both = rule->outputs == OUTPUTS_BOTH;
    prompts_forward(&r.prompts, pass, batch, embeddings);
    decoder_forward(&r.decoder, pass, r.prompts.sparse, r.prompts.sparse_count, r.prompts.src, r.n);
    if (running(pass)) {
        result->loss = (struct loss){0};
        if (rule->outputs != OUTPUTS_THREE)
            loss_of_set(&r, result, true, both ? 0.5 : 1);
        if (rule->outputs != OUTPUTS_ONE)
            loss_of_set(&r, result, false, both ? 0.5 : 1);
    } else {
        gradient_to_low_res(&r, 1);
    }
    if (way != ROUND_LOOK)
        backward(&r, way == ROUND_TO_EMBEDDINGS, d_embeddings);
    arena_release(pass->arena, mark);
}
