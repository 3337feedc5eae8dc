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
    float *overlap, *less;    /* (n, tokens): IoU of each mask, and minus its loss, where it was looked at */
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

/* From token `first` on, the one with the largest value. */
static int largest_of(const float *values, int first, int tokens)
{
    int largest = first;
    for (int token = first + 1; token < tokens; token++)
        if (values[token] > values[largest])
            largest = token;
    return largest;
}

static void upsample_chosen(struct round *r)
{
    for (int i = 0; i < r->n; i++)
        nn_resize_bilinear(r->logits + i * pixels(r), r->side, r->side, r->side,
                           mask_of(r, r->decoder.masks, i, r->chosen[i]), r->low, r->low, r->low);
}

/* Loss and overlap of token `token` of every prompt. */
static void look_at_token(struct round *r, const struct round_result *result, int token)
{
    double loss[LOSS_MAX_MASKS];
    float overlap[LOSS_MAX_MASKS];
    for (int i = 0; i < r->n; i++)
        r->chosen[i] = token;
    upsample_chosen(r);
    loss_of_each(loss, overlap, r->logits, r->target, r->n, pixels(r), &r->rule->loss, result->probabilities);
    for (int i = 0; i < r->n; i++) {
        r->overlap[i * r->tokens + token] = overlap[i];
        r->less[i * r->tokens + token] = (float)-loss[i];
    }
}

/* Of the tokens from `first` to before `end`. */
static void choose(struct round *r, const struct round_result *result, int first, int end)
{
    bool lowest = r->rule->choice == CHOOSE_LOWEST;
    for (int token = first; token < end && (r->rule->iou == IOU_OF_ALL || (lowest && end - first > 1)); token++)
        look_at_token(r, result, token);
    for (int i = 0; i < r->n; i++) {
        const float *values = (lowest ? r->less : r->decoder.iou) + (size_t)i * r->tokens;
        r->chosen[i] = largest_of(values, first, end);
    }
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

/* The gradient by the chosen masks' logits, `share` of it, goes to d_masks. */
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
    for (int i = 0; i < n; i++)
        r->wanted[i * r->tokens + r->chosen[i]] = true;
    arena_release(r->pass->arena, mark);
}

/* What is predicted for each mask against its overlap: mean square, and the gradient by what is predicted. */
static double iou_of_all(struct round *r, int first, int end, double share)
{
    double squares = 0, count = (double)r->n * (end - first);
    for (int i = 0; i < r->n; i++)
        for (int token = first; token < end; token++) {
            int at = i * r->tokens + token;
            double off = r->overlap[at] - r->decoder.iou[at];
            squares += off * off / count;
            r->d_iou[at] = (float)(-2 * off / count * r->rule->loss.iou * share);
        }
    return squares;
}

/* Masks of the tokens from `first` to before `end`. */
static void loss_of_set(struct round *r, struct round_result *result, int first, int end, double share)
{
    struct loss loss;
    struct loss_rule rule = r->rule->loss;
    choose(r, result, first, end);
    upsample_chosen(r);
    keep_results(r, result);
    if (r->rule->iou == IOU_OF_ALL)
        rule.iou = 0;
    loss_and_gradient(&loss, r->logits, r->d_iou_chosen, result->probabilities, r->target, result->iou, r->n,
                      pixels(r), &rule);
    if (r->rule->iou == IOU_OF_ALL) {
        loss.iou = iou_of_all(r, first, end, share);
        loss.total += r->rule->loss.iou * loss.iou;
    } else {
        for (int i = 0; i < r->n; i++)
            r->d_iou[i * r->tokens + r->chosen[i]] = r->d_iou_chosen[i] * (float)share;
    }
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
    r.overlap = take(pass, masks);
    r.less = take(pass, masks);
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
            loss_of_set(&r, result, 0, 1, both ? 0.5 : 1);
        if (rule->outputs != OUTPUTS_ONE)
            loss_of_set(&r, result, 1, r.tokens, both ? 0.5 : 1);
    } else {
        gradient_to_low_res(&r, 1);
    }
    if (way != ROUND_LOOK)
        backward(&r, way == ROUND_TO_EMBEDDINGS, d_embeddings);
    arena_release(pass->arena, mark);
}
