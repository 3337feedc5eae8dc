/* ref: OpenGVLab/SAM-Med2D, segment_anything/modeling/mask_decoder.py */
#include "train/decoder.h"

/* ---- small perceptrons on one token a prompt ---- */

/* tape->x[0] (n, in) is set. */
static void mlp_forward(struct mlp_tape *tape, const struct pass *pass, const struct linear *layers,
                        int depth, int n, int in, int hidden, int out)
{
    for (int i = 0; i < depth; i++) {
        int width = i == depth - 1 ? out : hidden;
        tape->x[i + 1] = take_linear(pass, tape->x[i], &layers[i], n, in, width);
        if (i < depth - 1 && running(pass))
            nn_relu(tape->x[i + 1], (size_t)n * width);
        in = width;
    }
}

/* d (n, out) is by the result; d_x (n, in) by tape->x[0]. */
static void mlp_backward(const struct mlp_tape *tape, const struct pass *pass, float *d_x,
                         const struct linear *gradients, const float *d, const struct linear *layers,
                         int depth, int n, int in, int hidden, int out)
{
    size_t mark = arena_mark(pass->arena);
    for (int i = depth - 1; i >= 0; i--) {
        int below = i == 0 ? in : hidden, width = i == depth - 1 ? out : hidden;
        float *d_below = i == 0 ? d_x : take(pass, (size_t)n * below);
        linear_backward(pass, d_below, &gradients[i], d, tape->x[i], &layers[i], n, below, width);
        if (i > 0 && running(pass))
            nn_relu_backward(d_below, tape->x[i], (size_t)n * below);
        d = d_below;
    }
    arena_release(pass->arena, mark);
}

/* ---- tokens ---- */

static int own_tokens(const struct pass *pass)
{
    return 1 + pass->model->config.mask_tokens;
}

/* Output tokens, then the prompt's own: (n, t, C). */
static float *gather_tokens(const struct pass *pass, const float *sparse, int sparse_count, int n)
{
    const struct mask_decoder *w = &pass->model->weights.mask_decoder;
    size_t dim = pass->model->config.prompt_dim, own = own_tokens(pass) * dim, given = sparse_count * dim;
    float *tokens = take(pass, n * (own + given));
    for (int i = 0; i < n && running(pass); i++) {
        float *out = tokens + i * (own + given);
        memcpy(out, w->iou_token, dim * sizeof(float));
        memcpy(out + dim, w->mask_tokens, (own - dim) * sizeof(float));
        if (given)
            memcpy(out + own, sparse + i * given, given * sizeof(float));
    }
    return tokens;
}

static void scatter_tokens(const struct pass *pass, float *d_sparse, const float *d_tokens, int n, int t)
{
    const struct mask_decoder *g = &pass->gradients->mask_decoder;
    size_t dim = pass->model->config.prompt_dim, own = own_tokens(pass) * dim, all = t * dim;
    for (int i = 0; i < n && running(pass); i++, d_tokens += all) {
        if (g->iou_token)
            nn_add(into(g->iou_token), d_tokens, dim);
        if (g->mask_tokens)
            nn_add(into(g->mask_tokens), d_tokens + dim, own - dim);
        if (d_sparse && all > own)
            memcpy(d_sparse + i * (all - own), d_tokens + own, (all - own) * sizeof(float));
    }
}

/* Token `index` of each prompt: (n, C). */
static float *take_token(const struct decoder_tape *tape, const struct pass *pass, int index)
{
    size_t dim = pass->model->config.prompt_dim;
    float *x = take(pass, tape->n * dim);
    for (int i = 0; i < tape->n && running(pass); i++)
        memcpy(x + i * dim, tape->transformer.queries + ((size_t)i * tape->t + index) * dim,
               dim * sizeof(float));
    return x;
}

static void put_token(const struct decoder_tape *tape, const struct pass *pass, float *d_queries,
                      const float *d_token, int index)
{
    size_t dim = pass->model->config.prompt_dim;
    for (int i = 0; i < tape->n && running(pass); i++)
        memcpy(d_queries + ((size_t)i * tape->t + index) * dim, d_token + i * dim, dim * sizeof(float));
}

/* ---- upscaling: keys (n, G, G, C) to (n, 4G, 4G, C/8) ---- */

/* What nn_conv_transpose is asked for twice. */
struct upscale {
    int side, cin, cout;
};

static struct upscale upscale_step(const struct pass *pass, int step)
{
    int g = grid_side(&pass->model->config), dim = pass->model->config.prompt_dim;
    return step == 0 ? (struct upscale){g, dim, dim / 4} : (struct upscale){2 * g, dim / 4, dim / 8};
}

static float *take_upscaled(const struct pass *pass, const float *x, const struct linear *w, int n, int step)
{
    struct upscale u = upscale_step(pass, step);
    float *out = take(pass, (size_t)n * 4 * u.side * u.side * u.cout);
    size_t mark = arena_mark(pass->arena);
    struct nn_weights weights = nn_weights_conv_transpose(w->weight, u.cin, u.cout, 2);
    float *scratch = take(pass, nn_dense_conv_transpose_scratch(&weights, n, u.side, u.side, 2));
    if (running(pass))
        nn_dense_conv_transpose(out, x, &weights, &(struct nn_after){.bias = w->bias}, n, u.side, u.side, 2,
                                scratch);
    arena_release(pass->arena, mark);
    return out;
}

static void upscale_backward(const struct pass *pass, float *d_x, const struct linear *g, const float *d,
                             const float *x, const struct linear *w, int n, int step)
{
    struct upscale u = upscale_step(pass, step);
    size_t mark = arena_mark(pass->arena);
    float *scratch = take(pass, nn_conv_transpose_backward_scratch(n, u.side, u.side, u.cin, u.cout, 2));
    if (running(pass))
        nn_conv_transpose_backward(d_x, into(g->weight), into(g->bias), d, x, w->weight, n, u.side, u.side,
                                   u.cin, u.cout, 2, scratch);
    arena_release(pass->arena, mark);
}

static float *take_gelu(const struct pass *pass, const float *x, size_t count)
{
    float *y = take_copy(pass, x, count);
    if (running(pass))
        nn_gelu(y, count);
    return y;
}

static void upscaling_forward(struct decoder_tape *tape, const struct pass *pass)
{
    const struct mask_decoder *w = &pass->model->weights.mask_decoder;
    struct upscale u = upscale_step(pass, 1);
    int pixels = tape->n * u.side * u.side;
    tape->half = take_upscaled(pass, tape->transformer.keys, &w->upscale1, tape->n, 0);
    tape->half_normed = take_norm(pass, tape->half, &w->upscale_norm, pixels, u.cin, norm_eps_encoder());
    tape->half_act = take_gelu(pass, tape->half_normed, (size_t)pixels * u.cin);
    tape->full = take_upscaled(pass, tape->half_act, &w->upscale2, tape->n, 1);
    tape->full_act = take_gelu(pass, tape->full, (size_t)4 * pixels * u.cout);
}

/* d_full (n, 4G, 4G, C/8) is by tape->full_act and used up; d_keys (n, G, G, C) is overwritten. */
static void upscaling_backward(const struct decoder_tape *tape, const struct pass *pass, float *d_keys,
                               float *d_full)
{
    const struct mask_decoder *w = &pass->model->weights.mask_decoder;
    const struct mask_decoder *g = &pass->gradients->mask_decoder;
    struct upscale u = upscale_step(pass, 1);
    int pixels = tape->n * u.side * u.side;
    size_t half = (size_t)pixels * u.cin, mark = arena_mark(pass->arena);
    float *d_half = take(pass, half);
    if (running(pass))
        nn_gelu_backward(d_full, tape->full, (size_t)4 * pixels * u.cout);
    upscale_backward(pass, d_half, &g->upscale2, d_full, tape->half_act, &w->upscale2, tape->n, 1);
    if (running(pass))
        nn_gelu_backward(d_half, tape->half_normed, half);
    norm_backward(pass, d_half, &g->upscale_norm, d_half, tape->half, &w->upscale_norm, pixels, u.cin,
                  norm_eps_encoder());
    upscale_backward(pass, d_keys, &g->upscale1, d_half, tape->transformer.keys, &w->upscale1, tape->n, 0);
    arena_release(pass->arena, mark);
}

/* ---- masks: each pixel's features times what the token's hypernetwork says ---- */

static int low_pixels(const struct pass *pass)
{
    return 16 * grid_side(&pass->model->config) * grid_side(&pass->model->config);
}

static void masks_forward(struct decoder_tape *tape, const struct pass *pass)
{
    const struct sm_config *c = &pass->model->config;
    int width = c->prompt_dim / 8, pixels = low_pixels(pass), tokens = c->mask_tokens;
    tape->masks = take(pass, (size_t)tape->n * tokens * pixels);
    for (int m = 0; m < tokens; m++) {
        tape->hyper[m].x[0] = take_token(tape, pass, 1 + m);
        mlp_forward(&tape->hyper[m], pass, pass->model->weights.mask_decoder.hyper[m].layer, HYPER_DEPTH,
                    tape->n, c->prompt_dim, c->prompt_dim, width);
    }
    size_t mark = arena_mark(pass->arena);
    float *hyper = take(pass, (size_t)tokens * width);
    for (int i = 0; i < tape->n && running(pass); i++) {
        for (int m = 0; m < tokens; m++)
            memcpy(hyper + (size_t)m * width, tape->hyper[m].x[HYPER_DEPTH] + (size_t)i * width,
                   width * sizeof(float));
        nn_gemm(tape->masks + (size_t)i * tokens * pixels, pixels, hyper, width, false,
                tape->full_act + (size_t)i * pixels * width, width, true, tokens, pixels, width, 1, 0);
    }
    arena_release(pass->arena, mark);
}

static bool any(const bool *wanted, int n, int stride)
{
    for (int i = 0; i < n; i++)
        if (wanted[i * stride])
            return true;
    return false;
}

/* d_hyper (n, width) of token m, and its share of d_full. */
static void mask_backward(const struct decoder_tape *tape, const struct pass *pass, float *d_hyper,
                          float *d_full, const bool *wanted, const float *d_masks, int m)
{
    const struct sm_config *c = &pass->model->config;
    int width = c->prompt_dim / 8, pixels = low_pixels(pass), tokens = c->mask_tokens;
    for (int i = 0; i < tape->n && running(pass); i++) {
        size_t features = (size_t)i * pixels * width;
        const float *d = d_masks + ((size_t)i * tokens + m) * pixels;
        memset(d_hyper + (size_t)i * width, 0, width * sizeof(float));
        if (!wanted[i * tokens + m])
            continue;
        nn_gemm(d_hyper + (size_t)i * width, width, d, pixels, false, tape->full_act + features, width,
                false, 1, width, pixels, 1, 0);
        nn_gemm(d_full + features, width, d, 1, false, tape->hyper[m].x[HYPER_DEPTH] + (size_t)i * width,
                width, false, pixels, width, 1, 1, 1);
    }
}

/* d_full (n, L, L, C/8) is overwritten; d_queries gets its mask tokens' rows. */
static void masks_backward(const struct decoder_tape *tape, const struct pass *pass, float *d_full,
                           float *d_queries, const bool *wanted, const float *d_masks)
{
    const struct sm_config *c = &pass->model->config;
    int dim = c->prompt_dim, width = dim / 8;
    size_t mark = arena_mark(pass->arena);
    float *d_hyper = take(pass, (size_t)tape->n * width), *d_token = take(pass, (size_t)tape->n * dim);
    if (running(pass))
        memset(d_full, 0, (size_t)tape->n * low_pixels(pass) * width * sizeof(*d_full));
    for (int m = 0; m < c->mask_tokens; m++) {
        if (running(pass) && !any(wanted + m, tape->n, c->mask_tokens))
            continue;
        mask_backward(tape, pass, d_hyper, d_full, wanted, d_masks, m);
        mlp_backward(&tape->hyper[m], pass, d_token, pass->gradients->mask_decoder.hyper[m].layer, d_hyper,
                     pass->model->weights.mask_decoder.hyper[m].layer, HYPER_DEPTH, tape->n, dim, dim, width);
        put_token(tape, pass, d_queries, d_token, 1 + m);
    }
    arena_release(pass->arena, mark);
}

/* ---- the whole ---- */

void decoder_forward(struct decoder_tape *tape, const struct pass *pass, const float *sparse,
                     int sparse_count, const float *src, int n)
{
    const struct sm_config *c = &pass->model->config;
    *tape = (struct decoder_tape){.n = n, .t = own_tokens(pass) + sparse_count};
    const float *tokens = gather_tokens(pass, sparse, sparse_count, n);
    transformer_forward(&tape->transformer, pass, tokens, src, n, tape->t);
    tape->iou_head.x[0] = take_token(tape, pass, 0);
    mlp_forward(&tape->iou_head, pass, pass->model->weights.mask_decoder.iou_head, c->iou_head_depth, n,
                c->prompt_dim, c->iou_head_hidden, c->mask_tokens);
    tape->iou = tape->iou_head.x[c->iou_head_depth];
    upscaling_forward(tape, pass);
    masks_forward(tape, pass);
}

void decoder_backward(const struct decoder_tape *tape, const struct pass *pass, float *d_sparse,
                      float *d_src, bool below, const bool *wanted, const float *d_masks,
                      const float *d_iou)
{
    const struct sm_config *c = &pass->model->config;
    int dim = c->prompt_dim, n = tape->n;
    size_t tokens = (size_t)n * tape->t * dim, pixels = (size_t)n * low_pixels(pass);
    size_t mark = arena_mark(pass->arena);
    float *d_queries = take_zeros(pass, tokens), *d_tokens = take(pass, tokens);
    float *d_token = take(pass, (size_t)n * dim);
    float *d_keys = below ? d_src : take(pass, pixels / 16 * dim);
    size_t full = arena_mark(pass->arena);
    float *d_full = take(pass, pixels * (dim / 8));
    mlp_backward(&tape->iou_head, pass, d_token, pass->gradients->mask_decoder.iou_head, d_iou,
                 pass->model->weights.mask_decoder.iou_head, c->iou_head_depth, n, dim, c->iou_head_hidden,
                 c->mask_tokens);
    put_token(tape, pass, d_queries, d_token, 0);
    masks_backward(tape, pass, d_full, d_queries, wanted, d_masks);
    upscaling_backward(tape, pass, d_keys, d_full);
    arena_release(pass->arena, full);
    transformer_backward(&tape->transformer, pass, d_tokens, d_queries, d_keys, below);
    scatter_tokens(pass, d_sparse, d_tokens, n, tape->t);
    arena_release(pass->arena, mark);
}
