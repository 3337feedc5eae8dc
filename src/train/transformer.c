/* ref: OpenGVLab/SAM-Med2D, segment_anything/modeling/transformer.py */
#include "train/transformer.h"

static int image_tokens(const struct pass *pass)
{
    return grid_side(&pass->model->config) * grid_side(&pass->model->config);
}

static int narrow_of(const struct pass *pass)
{
    return pass->model->config.prompt_dim / pass->model->config.decoder_downsample;
}

static void add(const struct pass *pass, float *x, const float *y, size_t count)
{
    if (running(pass))
        nn_add(x, y, count);
}

/* ---- one attention ---- */

/* (n, tq, C). tape->xq, xk, xv and the sizes are set. */
static float *attend(struct attend_tape *tape, const struct pass *pass, const struct attention *w)
{
    const struct sm_config *c = &pass->model->config;
    int heads = c->decoder_heads, d = tape->width / heads;
    int queries = tape->n * tape->tq, keys = tape->n * tape->tk;
    tape->q = take_linear(pass, tape->xq, &w->q, queries, c->prompt_dim, tape->width);
    tape->k = take_linear(pass, tape->xk, &w->k, keys, c->prompt_dim, tape->width);
    tape->v = take_linear(pass, tape->xv, &w->v, keys, c->prompt_dim, tape->width);
    tape->mixed = take(pass, (size_t)queries * tape->width);
    size_t mark = arena_mark(pass->arena);
    float *scratch = take(pass, nn_attention_scratch(tape->n, tape->tq, tape->tk, heads, d));
    if (running(pass))
        nn_attention(tape->mixed, tape->q, tape->k, tape->v, tape->n, tape->tq, tape->tk, heads, d, scratch);
    arena_release(pass->arena, mark);
    return take_linear(pass, tape->mixed, &w->out, queries, tape->width, c->prompt_dim);
}

/* d_xq, d_xk and d_xv are overwritten; NULL: not wanted. */
static void attend_backward(const struct attend_tape *tape, const struct pass *pass,
                            const struct attention *w, const struct attention *g, const float *d_out,
                            float *d_xq, float *d_xk, float *d_xv)
{
    const struct sm_config *c = &pass->model->config;
    int heads = c->decoder_heads, d = tape->width / heads, dim = c->prompt_dim;
    int queries = tape->n * tape->tq, keys = tape->n * tape->tk;
    size_t mark = arena_mark(pass->arena);
    float *d_mixed = take(pass, (size_t)queries * tape->width);
    float *d_q = take(pass, (size_t)queries * tape->width);
    float *d_k = take(pass, (size_t)keys * tape->width), *d_v = take(pass, (size_t)keys * tape->width);
    float *scratch = take(pass, nn_attention_backward_scratch(tape->n, tape->tq, tape->tk, heads, d));
    linear_backward(pass, d_mixed, &g->out, d_out, tape->mixed, &w->out, queries, tape->width, dim);
    if (running(pass))
        nn_attention_backward(d_q, d_k, d_v, d_mixed, tape->q, tape->k, tape->v, tape->n, tape->tq, tape->tk,
                              heads, d, scratch);
    linear_backward(pass, d_xq, &g->q, d_q, tape->xq, &w->q, queries, dim, tape->width);
    linear_backward(pass, d_xk, &g->k, d_k, tape->xk, &w->k, keys, dim, tape->width);
    linear_backward(pass, d_xv, &g->v, d_v, tape->xv, &w->v, keys, dim, tape->width);
    arena_release(pass->arena, mark);
}

/* ---- between tokens and the image ---- */

/* What the n prompts' tokens find in the image: (n, t, C). */
static float *tokens_to_image(struct between_tape *tape, const struct pass *pass, const struct attention *w,
                              const float *x, const float *placed, const float *keys, int n, int t)
{
    *tape = (struct between_tape){.folded = cross_attention_pays(pass, t)};
    if (tape->folded) {
        tape->few = (struct cross_tape){.x = x, .placed = placed, .keys = keys, .n = n, .t = t};
        return look_at_image(&tape->few, pass, w);
    }
    tape->many = (struct attend_tape){.xq = x, .xk = placed, .xv = keys, .n = n, .tq = t,
                                      .tk = image_tokens(pass), .width = narrow_of(pass)};
    return attend(&tape->many, pass, w);
}

/* d_x (n, t, C) is overwritten; d_keys (n, g, C), unless NULL, is added to. */
static void tokens_to_image_backward(const struct between_tape *tape, const struct pass *pass,
                                     const struct attention *w, const struct attention *g, const float *d_out,
                                     float *d_x, float *d_keys)
{
    if (tape->folded) {
        look_at_image_backward(&tape->few, pass, w, g, d_out, d_x, d_keys);
        return;
    }
    size_t mark = arena_mark(pass->arena);
    size_t pixels = (size_t)tape->many.n * tape->many.tk * pass->model->config.prompt_dim;
    float *d_xk = d_keys ? take(pass, pixels) : NULL, *d_xv = d_keys ? take(pass, pixels) : NULL;
    attend_backward(&tape->many, pass, w, g, d_out, d_x, d_xk, d_xv);
    if (d_keys) {
        add(pass, d_keys, d_xk, pixels);
        add(pass, d_keys, d_xv, pixels);
    }
    arena_release(pass->arena, mark);
}

/* keys + what they find in tokens: x are looked for, y is what they tell; (n, g, C). */
static float *image_to_tokens(struct between_tape *tape, const struct pass *pass, const struct attention *w,
                              const float *placed, const float *keys, const float *x, const float *y, int n, int t)
{
    int g = image_tokens(pass);
    size_t pixels = (size_t)n * g * pass->model->config.prompt_dim;
    *tape = (struct between_tape){.folded = cross_attention_pays(pass, t)};
    if (tape->folded) {
        float *sum = take_copy(pass, keys, pixels);
        tape->few = (struct cross_tape){.x = x, .y = y, .placed = placed, .n = n, .t = t};
        look_at_tokens(&tape->few, pass, w, sum);
        return sum;
    }
    tape->many = (struct attend_tape){.xq = placed, .xk = x, .xv = y, .n = n, .tq = g, .tk = t,
                                      .width = narrow_of(pass)};
    float *sum = attend(&tape->many, pass, w);
    add(pass, sum, keys, pixels);
    return sum;
}

/* d_keys: by the sum, then, if `below`, by the keys, placed or not; d_x and d_y are overwritten. */
static void image_to_tokens_backward(const struct between_tape *tape, const struct pass *pass,
                                     const struct attention *w, const struct attention *g, float *d_keys,
                                     float *d_x, float *d_y, bool below)
{
    if (tape->folded) {
        look_at_tokens_backward(&tape->few, pass, w, g, d_keys, d_x, d_y, below);
        return;
    }
    size_t mark = arena_mark(pass->arena);
    size_t pixels = (size_t)tape->many.n * tape->many.tq * pass->model->config.prompt_dim;
    float *d_placed = below ? take(pass, pixels) : NULL;
    attend_backward(&tape->many, pass, w, g, d_keys, d_placed, d_x, d_y);
    if (below)
        add(pass, d_keys, d_placed, pixels);
    arena_release(pass->arena, mark);
}

/* ---- a layer ---- */

/* queries after self attention and norm1; the first layer replaces them and adds no position. */
static const float *self_attention(struct layer_tape *tape, const struct pass *pass,
                                   const struct decoder_layer *w, const float *queries, const float *tokens,
                                   int n, int t, bool first)
{
    int dim = pass->model->config.prompt_dim;
    size_t count = (size_t)n * t * dim;
    const float *placed = first ? queries : take_sum(pass, queries, tokens, count, count);
    tape->self_attn = (struct attend_tape){
        .xq = placed, .xk = placed, .xv = queries, .n = n, .tq = t, .tk = t, .width = dim};
    tape->sum1 = attend(&tape->self_attn, pass, &w->self_attn);
    if (!first && running(pass))
        nn_add(tape->sum1, queries, count);
    return take_norm(pass, tape->sum1, &w->norm1, n * t, dim, norm_eps_torch());
}

static void token_mlp(struct layer_tape *tape, const struct pass *pass, const struct decoder_layer *w, int rows)
{
    const struct sm_config *c = &pass->model->config;
    int dim = c->prompt_dim, wide = c->decoder_mlp_dim;
    tape->hidden = take_linear(pass, tape->queries2, &w->mlp1, rows, dim, wide);
    if (running(pass))
        nn_relu(tape->hidden, (size_t)rows * wide);
    tape->sum3 = take_linear(pass, tape->hidden, &w->mlp2, rows, wide, dim);
    if (running(pass))
        nn_add(tape->sum3, tape->queries2, (size_t)rows * dim);
    tape->queries = take_norm(pass, tape->sum3, &w->norm3, rows, dim, norm_eps_torch());
}

/* ref: TwoWayAttentionBlock.forward */
static void layer_forward(struct layer_tape *tape, const struct pass *pass, int index, const float *queries,
                          const float *keys, const float *tokens, int n, int t)
{
    const struct decoder_layer *w = &pass->model->weights.mask_decoder.layers[index];
    int dim = pass->model->config.prompt_dim, g = image_tokens(pass);
    size_t count = (size_t)n * t * dim, picture = (size_t)g * dim;
    const float *queries1 = self_attention(tape, pass, w, queries, tokens, n, t, index == 0);
    const float *placed_keys = take_sum(pass, keys, pass->model->image_pe, n * picture, picture);
    tape->sum2 = tokens_to_image(&tape->token_to_image, pass, &w->token_to_image,
                                 take_sum(pass, queries1, tokens, count, count), placed_keys, keys, n, t);
    add(pass, tape->sum2, queries1, count);
    tape->queries2 = take_norm(pass, tape->sum2, &w->norm2, n * t, dim, norm_eps_torch());
    token_mlp(tape, pass, w, n * t);
    tape->sum4 = image_to_tokens(&tape->image_to_token, pass, &w->image_to_token, placed_keys, keys,
                                 take_sum(pass, tape->queries, tokens, count, count), tape->queries, n, t);
    tape->keys = take_norm(pass, tape->sum4, &w->norm4, n * g, dim, norm_eps_torch());
}

/* The image's half: d_keys by tape->keys to what it is by the keys below, the way over
 * token_to_image still missing. */
static void image_side_backward(const struct layer_tape *tape, const struct pass *pass, int index,
                                float *d_tokens, float *d_queries, float *d_keys, bool below)
{
    const struct decoder_layer *w = &pass->model->weights.mask_decoder.layers[index];
    const struct decoder_layer *g = &pass->gradients->mask_decoder.layers[index];
    int dim = pass->model->config.prompt_dim, n = tape->self_attn.n, t = tape->self_attn.tq;
    size_t count = (size_t)n * t * dim, mark = arena_mark(pass->arena);
    float *d_x = take(pass, count), *d_y = take(pass, count);
    norm_backward(pass, d_keys, &g->norm4, d_keys, tape->sum4, &w->norm4, n * image_tokens(pass), dim,
                  norm_eps_torch());
    image_to_tokens_backward(&tape->image_to_token, pass, &w->image_to_token, &g->image_to_token, d_keys, d_x, d_y,
                             below);
    add(pass, d_queries, d_x, count);
    add(pass, d_queries, d_y, count);
    add(pass, d_tokens, d_x, count);
    arena_release(pass->arena, mark);
}

static void token_mlp_backward(const struct layer_tape *tape, const struct pass *pass, int index, float *d)
{
    const struct sm_config *c = &pass->model->config;
    const struct decoder_layer *w = &pass->model->weights.mask_decoder.layers[index];
    const struct decoder_layer *g = &pass->gradients->mask_decoder.layers[index];
    int rows = tape->self_attn.n * tape->self_attn.tq, dim = c->prompt_dim, wide = c->decoder_mlp_dim;
    size_t mark = arena_mark(pass->arena), count = (size_t)rows * dim;
    float *d_hidden = take(pass, (size_t)rows * wide), *d_x = take(pass, count);
    norm_backward(pass, d, &g->norm3, d, tape->sum3, &w->norm3, rows, dim, norm_eps_torch());
    linear_backward(pass, d_hidden, &g->mlp2, d, tape->hidden, &w->mlp2, rows, wide, dim);
    if (running(pass))
        nn_relu_backward(d_hidden, tape->hidden, (size_t)rows * wide);
    linear_backward(pass, d_x, &g->mlp1, d_hidden, tape->queries2, &w->mlp1, rows, dim, wide);
    add(pass, d, d_x, count);
    arena_release(pass->arena, mark);
}

/* d_queries: by a sum of queries and what they found in the image, then by the queries. */
static void token_side_backward(const struct between_tape *tape, const struct pass *pass, const struct attention *w,
                                const struct attention *g, float *d_tokens, float *d_queries, float *d_keys,
                                size_t count)
{
    size_t mark = arena_mark(pass->arena);
    float *d_x = take(pass, count);
    tokens_to_image_backward(tape, pass, w, g, d_queries, d_x, d_keys);
    add(pass, d_queries, d_x, count);
    add(pass, d_tokens, d_x, count);
    arena_release(pass->arena, mark);
}

/* d: by the queries after norm1, then by those before the layer. */
static void self_attention_backward(const struct layer_tape *tape, const struct pass *pass, int index,
                                    float *d_tokens, float *d)
{
    const struct decoder_layer *w = &pass->model->weights.mask_decoder.layers[index];
    const struct decoder_layer *g = &pass->gradients->mask_decoder.layers[index];
    int dim = pass->model->config.prompt_dim, rows = tape->self_attn.n * tape->self_attn.tq;
    size_t count = (size_t)rows * dim, mark = arena_mark(pass->arena);
    bool first = index == 0;
    float *d_xq = take(pass, count), *d_xk = take(pass, count), *d_xv = take(pass, count);
    norm_backward(pass, d, &g->norm1, d, tape->sum1, &w->norm1, rows, dim, norm_eps_torch());
    attend_backward(&tape->self_attn, pass, &w->self_attn, &g->self_attn, d, d_xq, d_xk, d_xv);
    add(pass, d_xq, d_xk, count); /* both saw queries + tokens, or queries alone */
    if (!first)
        add(pass, d_tokens, d_xq, count);
    add(pass, d_xq, d_xv, count);
    if (first && running(pass))
        memcpy(d, d_xq, count * sizeof(*d));
    else
        add(pass, d, d_xq, count);
    arena_release(pass->arena, mark);
}

static void layer_backward(const struct layer_tape *tape, const struct pass *pass, int index, float *d_tokens,
                           float *d_queries, float *d_keys, bool below)
{
    const struct decoder_layer *w = &pass->model->weights.mask_decoder.layers[index];
    const struct decoder_layer *g = &pass->gradients->mask_decoder.layers[index];
    int dim = pass->model->config.prompt_dim, rows = tape->self_attn.n * tape->self_attn.tq;
    image_side_backward(tape, pass, index, d_tokens, d_queries, d_keys, below);
    token_mlp_backward(tape, pass, index, d_queries);
    norm_backward(pass, d_queries, &g->norm2, d_queries, tape->sum2, &w->norm2, rows, dim, norm_eps_torch());
    token_side_backward(&tape->token_to_image, pass, &w->token_to_image, &g->token_to_image, d_tokens, d_queries,
                        below ? d_keys : NULL, (size_t)rows * dim);
    self_attention_backward(tape, pass, index, d_tokens, d_queries);
}

/* ---- the whole ---- */

/* ref: TwoWayTransformer.forward */
void transformer_forward(struct transformer_tape *tape, const struct pass *pass, const float *tokens,
                         const float *src, int n, int t)
{
    const struct mask_decoder *w = &pass->model->weights.mask_decoder;
    int dim = pass->model->config.prompt_dim, g = image_tokens(pass);
    size_t count = (size_t)n * t * dim, picture = (size_t)g * dim;
    const float *queries = tokens, *keys = src;
    *tape = (struct transformer_tape){.n = n, .t = t};
    for (int i = 0; i < pass->model->config.decoder_depth; i++) {
        layer_forward(&tape->layers[i], pass, i, queries, keys, tokens, n, t);
        queries = tape->layers[i].queries;
        tape->keys = tape->layers[i].keys;
        keys = tape->keys;
    }
    const float *placed = take_sum(pass, queries, tokens, count, count);
    tape->sum = tokens_to_image(&tape->final_attn, pass, &w->final_attn, placed,
                                take_sum(pass, keys, pass->model->image_pe, n * picture, picture), keys, n, t);
    add(pass, tape->sum, queries, count);
    tape->queries = take_norm(pass, tape->sum, &w->norm_final, n * t, dim, norm_eps_torch());
}

void transformer_backward(const struct transformer_tape *tape, const struct pass *pass, float *d_tokens,
                          float *d_queries, float *d_keys, bool below)
{
    const struct mask_decoder *w = &pass->model->weights.mask_decoder;
    const struct mask_decoder *g = &pass->gradients->mask_decoder;
    int rows = tape->n * tape->t, dim = pass->model->config.prompt_dim;
    size_t count = (size_t)rows * dim;
    if (running(pass))
        memset(d_tokens, 0, count * sizeof(*d_tokens));
    norm_backward(pass, d_queries, &g->norm_final, d_queries, tape->sum, &w->norm_final, rows, dim,
                  norm_eps_torch());
    token_side_backward(&tape->final_attn, pass, &w->final_attn, &g->final_attn, d_tokens, d_queries, d_keys, count);
    for (int i = pass->model->config.decoder_depth - 1; i >= 0; i--)
        layer_backward(&tape->layers[i], pass, i, d_tokens, d_queries, d_keys, below || i > 0);
    add(pass, d_tokens, d_queries, count); /* the queries began as the tokens */
}
