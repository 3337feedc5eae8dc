#include <string.h>
#include "model/mask_decoder.h"
#include "nn/nn.h"

/* Output tokens, then the prompt's own: (n, 1 + T + sparse_count, C). */
static void gather_tokens(const struct sm_model *model, float *tokens, const float *sparse,
                          int sparse_count, int n)
{
    const struct mask_decoder *w = &model->weights.mask_decoder;
    size_t dim = (size_t)model->config.prompt_dim;
    size_t own = (size_t)model->config.mask_tokens * dim, given = (size_t)sparse_count * dim;
    for (int i = 0; i < n; i++) {
        memcpy(tokens, w->iou_token, dim * sizeof(float));
        memcpy(tokens + dim, w->mask_tokens, own * sizeof(float));
        if (given)
            memcpy(tokens + dim + own, sparse + i * given, given * sizeof(float));
        tokens += dim + own + given;
    }
}

/* Token `index` of each prompt: hs (n, t, C) to out (n, C). */
static void pick_token(float *out, const float *hs, int index, int n, int t, int dim)
{
    for (int i = 0; i < n; i++)
        memcpy(out + (size_t)i * dim, hs + ((size_t)i * t + index) * dim, dim * sizeof(float));
}

/* ref: mask_decoder.py MLP: linear layers with ReLU between them. x (n, in) is an input; the result,
 * (n, out), is taken from the arena. */
static float *perceptron(struct arena *arena, const float *x, const struct linear *layers, int depth,
                         int n, int in, int hidden, int out)
{
    float *y = NULL;
    for (int i = 0; i < depth; i++) {
        int width = i == depth - 1 ? out : hidden;
        y = arena_floats(arena, (size_t)n * width);
        if (arena->base) {
            nn_linear(y, x, layers[i].weight, layers[i].bias, n, in, width);
            if (i < depth - 1)
                nn_relu(y, (size_t)n * width);
        }
        x = y;
        in = width;
    }
    return y;
}

static void predict_iou(const struct sm_model *model, struct arena *arena, float *const *iou,
                        const float *hs, int n, int t, bool multimask)
{
    const struct sm_config *c = &model->config;
    size_t mark = arena_mark(arena);
    float *token = arena_floats(arena, (size_t)n * c->prompt_dim);
    if (arena->base)
        pick_token(token, hs, 0, n, t, c->prompt_dim);
    const float *all = perceptron(arena, token, model->weights.mask_decoder.iou_head,
                                  c->iou_head_depth, n, c->prompt_dim, c->iou_head_hidden,
                                  c->mask_tokens);
    for (int i = 0; i < n && arena->base; i++)
        memcpy(iou[i], all + (size_t)i * c->mask_tokens + multimask,
               (size_t)mask_count(c, multimask) * sizeof(float));
    arena_release(arena, mark);
}

/* hyper (n, M, C/8): the weights that turn each pixel's features into a logit. */
static void hypernetworks(const struct sm_model *model, struct arena *arena, float *hyper,
                          const float *hs, int n, int t, bool multimask)
{
    const struct sm_config *c = &model->config;
    int dim = c->prompt_dim, width = dim / 8, count = mask_count(c, multimask);
    for (int m = 0; m < count; m++) {
        size_t mark = arena_mark(arena);
        int token = m + multimask;
        float *x = arena_floats(arena, (size_t)n * dim);
        if (arena->base)
            pick_token(x, hs, 1 + token, n, t, dim);
        const float *y = perceptron(arena, x, model->weights.mask_decoder.hyper[token].layer,
                                    HYPER_DEPTH, n, dim, dim, width);
        for (int i = 0; i < n && arena->base; i++)
            memcpy(hyper + ((size_t)i * count + m) * width, y + (size_t)i * width,
                   (size_t)width * sizeof(float));
        arena_release(arena, mark);
    }
}

/* Buffers for one prompt's upscaling, used for all in turn. A pixel's four quarters, and their quarters,
 * lie together (transposed convolutions of 2x2 and stride 2 are a linear layer with four times the
 * outputs), and only the logits at the end are put where they belong. */
struct upscaling {
    float *half;          /* (G, G, 4, C/4) */
    float *full;          /* (G, G, 4, 4, C/8), or NULL: it never reaches memory */
    float *logits;        /* (G, G, 4, M, 4) */
    float *bias1, *bias2; /* one for each of the four */
    float *hyper;         /* (M, 4, 4, C/8): the weights of each mask, at each of the four; else zeros */
    float *scratch;
    struct nn_weights first, second, logit; /* hyper's at last */
};

static struct upscaling upscaling_buffers(const struct sm_model *model, struct arena *arena, int count)
{
    const struct mask_decoder *w = &model->weights.mask_decoder;
    int places = grid_side(&model->config) * grid_side(&model->config), dim = model->config.prompt_dim;
    size_t g = (size_t)places;
    struct upscaling u;
    u.half = arena_floats(arena, g * dim);
    u.logits = arena_floats(arena, 16 * g * (size_t)count);
    u.bias1 = arena_floats(arena, dim);
    u.bias2 = arena_floats(arena, dim / 2);
    u.hyper = arena_floats(arena, (size_t)count * 2 * dim);
    u.first = nn_weights_linear(w->upscale1.weight, dim, dim);
    u.second = nn_weights_linear(w->upscale2.weight, dim / 2, dim / 4);
    u.logit = nn_weights_linear(u.hyper, 4 * count, dim / 2);
    bool pairs = nn_dense_pairs(&u.second, &u.logit);
    u.full = pairs ? NULL : arena_floats(arena, 2 * g * dim);
    size_t alone = nn_dense_scratch(places, &u.first);
    size_t both = pairs ? nn_dense_pair_scratch(&u.second, &u.logit) : 0;
    u.scratch = arena_floats(arena, alone > both ? alone : both);
    return u;
}

static void repeat(float *out, const float *x, int n)
{
    for (int i = 0; i < 4; i++)
        memcpy(out + i * n, x, (size_t)n * sizeof(float));
}

/* hyper (M, width) to rows that take each of a quarter's four quarters by itself. */
static void spread_hyper(float *out, const float *hyper, int count, int width)
{
    memset(out, 0, (size_t)count * 16 * width * sizeof(float));
    for (int row = 0; row < 4 * count; row++)
        memcpy(out + (size_t)row * 4 * width + row % 4 * width, hyper + (size_t)row / 4 * width,
               (size_t)width * sizeof(float));
}

/* ref: mask_decoder.py output_upscaling, and the product with the hypernetworks' weights (M, C/8); keys
 * (G, G, C) to u->logits. */
static void upscale(const struct sm_model *model, const struct upscaling *u, const float *keys,
                    const float *hyper, int count)
{
    const struct mask_decoder *w = &model->weights.mask_decoder;
    int g = grid_side(&model->config) * grid_side(&model->config), dim = model->config.prompt_dim;
    const struct nn_after nothing = {0}, gelu = {.bias = u->bias2, .activation = NN_GELU};
    spread_hyper(u->hyper, hyper, count, dim / 8);
    nn_dense(u->half, keys, &u->first, &(struct nn_after){.bias = u->bias1}, g, u->scratch);
    nn_layer_norm(u->half, u->half, w->upscale_norm.weight, w->upscale_norm.bias, 4 * g, dim / 4,
                  norm_eps_encoder());
    nn_gelu(u->half, (size_t)g * dim);
    if (u->full) {
        nn_linear(u->full, u->half, w->upscale2.weight, NULL, 4 * g, dim / 4, dim / 2);
        nn_bias_gelu(u->full, u->bias2, 4 * g, dim / 2);
        nn_linear(u->logits, u->full, u->hyper, NULL, 4 * g, dim / 2, 4 * count);
    } else {
        nn_dense_pair(u->logits, u->half, &u->second, &gelu, &u->logit, &nothing, 4 * g, u->scratch);
    }
}

/* (G, G, 2, 2, M, 2, 2) quarters of quarters to rows of the masks (M, L, L). */
static void unfold(float *masks, const float *logits, int side, int count)
{
    for (int m = 0; m < count; m++)
        for (int y = 0; y < 4 * side; y++) {
            const float *row = logits + ((y / 4 * side * 4 + 2 * (y / 2 % 2)) * count + m) * 4 + 2 * (y % 2);
            for (int place = 0; place < side; place++, masks += 4) {
                const float *from = row + place * 16 * count;
                memcpy(masks, from, 2 * sizeof(float)); /* of the left quarter */
                memcpy(masks + 2, from + 4 * count, 2 * sizeof(float));
            }
        }
}

/* ref: mask_decoder.py MaskDecoder.predict_masks */
void mask_decoder_predict(const struct sm_model *model, struct arena *arena, float *const *masks,
                          float *const *iou, const float *sparse, int sparse_count,
                          const struct image_side *shared, float *src, int n, bool multimask)
{
    const struct sm_config *c = &model->config;
    const struct mask_decoder *w = &model->weights.mask_decoder;
    int t = 1 + c->mask_tokens + sparse_count, dim = c->prompt_dim, side = grid_side(c);
    int count = mask_count(c, multimask), width = dim / 8;
    size_t mark = arena_mark(arena), picture = (size_t)side * (size_t)side * (size_t)dim;
    float *tokens = arena_floats(arena, (size_t)n * t * dim);
    float *hs = arena_floats(arena, (size_t)n * t * dim);
    float *keys = shared ? arena_floats(arena, n * picture) : src;
    if (arena->base)
        gather_tokens(model, tokens, sparse, sparse_count, n);
    two_way_transformer(model, arena, hs, keys, tokens, shared, n, t);
    predict_iou(model, arena, iou, hs, n, t, multimask);
    float *hyper = arena_floats(arena, (size_t)n * count * width);
    hypernetworks(model, arena, hyper, hs, n, t, multimask);
    struct upscaling u = upscaling_buffers(model, arena, count);
    if (arena->base) {
        repeat(u.bias1, w->upscale1.bias, dim / 4);
        repeat(u.bias2, w->upscale2.bias, dim / 8);
    }
    for (int i = 0; i < n && arena->base; i++) {
        upscale(model, &u, keys + i * picture, hyper + (size_t)i * count * width, count);
        unfold(masks[i], u.logits, side, count);
    }
    arena_release(arena, mark);
}
