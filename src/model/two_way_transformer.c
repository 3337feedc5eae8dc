#include <string.h>
#include "model/two_way_transformer.h"
#include "nn/nn.h"

/* The sizes of one call, so that the steps below need few arguments. */
struct call {
    const struct sm_model *model;
    struct arena *arena;
    bool run;        /* false while the arena measures */
    int n, t, g;     /* prompts, tokens a prompt, image tokens */
    int dim, narrow; /* C, and A of the cross attentions */
};

static struct call call_sizes(const struct sm_model *model, struct arena *arena, int n, int t)
{
    const struct sm_config *c = &model->config;
    return (struct call){model, arena, arena->base != NULL, n, t, grid_side(c) * grid_side(c),
                         c->prompt_dim, c->prompt_dim / c->decoder_downsample};
}

static float *project(const struct call *c, const struct linear *w, const float *x, int rows, int in,
                      int out)
{
    float *y = arena_floats(c->arena, (size_t)rows * out);
    if (c->run)
        nn_linear(y, x, w->weight, w->bias, rows, in, out);
    return y;
}

/* x + y (count floats), y repeated every `period` floats. */
static float *sum(const struct call *c, const float *x, const float *y, size_t count, size_t period)
{
    float *out = arena_floats(c->arena, count);
    if (!c->run)
        return out;
    memcpy(out, x, count * sizeof(float));
    for (size_t i = 0; i < count; i += period)
        nn_add(out + i, y, period);
    return out;
}

static void normalise(const struct call *c, float *x, const struct norm *w, int rows)
{
    if (c->run)
        nn_layer_norm(x, x, w->weight, w->bias, rows, c->dim, norm_eps_torch());
}

/* Attention between the projections: q (batch, tq, width) with k and v (batch, tk, width). */
static float *attend(const struct call *c, const float *q, const float *k, const float *v, int batch,
                     int tq, int tk, int width)
{
    int heads = c->model->config.decoder_heads, d = width / heads;
    float *out = arena_floats(c->arena, (size_t)batch * tq * width);
    size_t mark = arena_mark(c->arena);
    float *scratch = arena_floats(c->arena, nn_attention_scratch(batch, tq, tk, heads, d));
    if (c->run)
        nn_attention(out, q, k, v, batch, tq, tk, heads, d, scratch);
    arena_release(c->arena, mark);
    return out;
}

/* queries (+)= self attention. The first layer replaces them and adds no position. */
static void self_attention(const struct call *c, const struct decoder_layer *w, float *queries,
                           const float *tokens, bool first)
{
    const struct attention *a = &w->self_attn;
    size_t mark = arena_mark(c->arena), count = (size_t)c->n * c->t * c->dim;
    int rows = c->n * c->t, dim = c->dim;
    const float *placed = first ? queries : sum(c, queries, tokens, count, count);
    const float *q = project(c, &a->q, placed, rows, dim, dim);
    const float *k = project(c, &a->k, placed, rows, dim, dim);
    const float *v = project(c, &a->v, queries, rows, dim, dim);
    const float *mixed = attend(c, q, k, v, c->n, c->t, c->t, dim);
    const float *out = project(c, &a->out, mixed, rows, dim, dim);
    if (c->run && first)
        memcpy(queries, out, count * sizeof(float));
    else if (c->run)
        nn_add(queries, out, count);
    arena_release(c->arena, mark);
    normalise(c, queries, &w->norm1, rows);
}

/* queries += attention of the tokens to the image. With `shared`, all prompts look at one image, and
 * their tokens are rows of a single attention. placed_keys is keys + image_pe. */
static void tokens_to_image(const struct call *c, const struct attention *a, float *queries,
                            const float *tokens, const float *keys, const float *placed_keys,
                            const struct image_side *shared)
{
    size_t mark = arena_mark(c->arena), count = (size_t)c->n * c->t * c->dim;
    int rows = c->n * c->t;
    const float *placed = sum(c, queries, tokens, count, count);
    const float *q = project(c, &a->q, placed, rows, c->dim, c->narrow), *mixed;
    if (shared) {
        mixed = attend(c, q, shared->k, shared->v, 1, rows, c->g, c->narrow);
    } else {
        const float *k = project(c, &a->k, placed_keys, c->n * c->g, c->dim, c->narrow);
        const float *v = project(c, &a->v, keys, c->n * c->g, c->dim, c->narrow);
        mixed = attend(c, q, k, v, c->n, c->t, c->g, c->narrow);
    }
    const float *out = project(c, &a->out, mixed, rows, c->narrow, c->dim);
    if (c->run)
        nn_add(queries, out, count);
    arena_release(c->arena, mark);
}

static void token_mlp(const struct call *c, const struct decoder_layer *w, float *queries)
{
    size_t mark = arena_mark(c->arena);
    int rows = c->n * c->t, wide = c->model->config.decoder_mlp_dim;
    float *hidden = project(c, &w->mlp1, queries, rows, c->dim, wide);
    if (c->run)
        nn_relu(hidden, (size_t)rows * wide);
    const float *out = project(c, &w->mlp2, hidden, rows, wide, c->dim);
    if (c->run)
        nn_add(queries, out, (size_t)rows * c->dim);
    arena_release(c->arena, mark);
    normalise(c, queries, &w->norm3, rows);
}

/* Attention of the image to the tokens of each prompt, when the image's queries are the same for all. */
static const float *shared_image_attention(const struct call *c, const float *q, const float *k,
                                           const float *v)
{
    size_t picture = (size_t)c->g * c->narrow, prompt = (size_t)c->t * c->narrow;
    int heads = c->model->config.decoder_heads, d = c->narrow / heads;
    float *out = arena_floats(c->arena, (size_t)c->n * picture);
    float *scratch = arena_floats(c->arena, nn_attention_scratch(1, c->g, c->t, heads, d));
    for (int i = 0; i < c->n && c->run; i++)
        nn_attention(out + i * picture, q, k + i * prompt, v + i * prompt, 1, c->g, c->t, heads, d,
                     scratch);
    return out;
}

/* keys += attention of the image to the tokens; norm4. */
static void image_to_tokens(const struct call *c, const struct decoder_layer *w, float *keys,
                            const float *placed_keys, const float *queries, const float *tokens,
                            const struct image_side *shared)
{
    const struct attention *a = &w->image_to_token;
    size_t mark = arena_mark(c->arena), count = (size_t)c->n * c->t * c->dim;
    size_t picture = (size_t)c->g * c->dim;
    int rows = c->n * c->t, pixels = c->n * c->g;
    const float *placed = sum(c, queries, tokens, count, count), *mixed;
    const float *k = project(c, &a->k, placed, rows, c->dim, c->narrow);
    const float *v = project(c, &a->v, queries, rows, c->dim, c->narrow);
    if (shared)
        mixed = shared_image_attention(c, shared->q, k, v);
    else
        mixed = attend(c, project(c, &a->q, placed_keys, pixels, c->dim, c->narrow), k, v, c->n, c->g,
                       c->t, c->narrow);
    const float *out = project(c, &a->out, mixed, pixels, c->narrow, c->dim);
    for (int i = 0; i < c->n && c->run; i++) {
        if (shared)
            memcpy(keys + i * picture, shared->src, picture * sizeof(float));
        nn_add(keys + i * picture, out + i * picture, picture);
    }
    arena_release(c->arena, mark);
    normalise(c, keys, &w->norm4, pixels);
}

/* ref: transformer.py TwoWayAttentionBlock.forward */
static void layer(const struct call *c, int index, float *queries, float *keys, const float *tokens,
                  const struct image_side *shared)
{
    const struct decoder_layer *w = &c->model->weights.mask_decoder.layers[index];
    size_t mark = arena_mark(c->arena), picture = (size_t)c->g * c->dim;
    const float *placed_keys = NULL;
    if (!shared)
        placed_keys = sum(c, keys, c->model->image_pe, c->n * picture, picture);
    self_attention(c, w, queries, tokens, index == 0);
    tokens_to_image(c, &w->token_to_image, queries, tokens, keys, placed_keys, shared);
    normalise(c, queries, &w->norm2, c->n * c->t);
    token_mlp(c, w, queries);
    image_to_tokens(c, w, keys, placed_keys, queries, tokens, shared);
    arena_release(c->arena, mark);
}

void two_way_transformer_image_side(const struct sm_model *model, struct arena *arena, float *k,
                                    float *v, float *q, const float *src)
{
    struct call c = call_sizes(model, arena, 1, 0);
    const struct decoder_layer *w = &model->weights.mask_decoder.layers[0];
    size_t mark = arena_mark(arena), picture = (size_t)c.g * c.dim;
    const float *placed = sum(&c, src, model->image_pe, picture, picture);
    if (c.run) {
        const struct linear *wk = &w->token_to_image.k, *wv = &w->token_to_image.v;
        const struct linear *wq = &w->image_to_token.q;
        nn_linear(k, placed, wk->weight, wk->bias, c.g, c.dim, c.narrow);
        nn_linear(v, src, wv->weight, wv->bias, c.g, c.dim, c.narrow);
        nn_linear(q, placed, wq->weight, wq->bias, c.g, c.dim, c.narrow);
    }
    arena_release(arena, mark);
}

/* ref: transformer.py TwoWayTransformer.forward */
void two_way_transformer(const struct sm_model *model, struct arena *arena, float *queries,
                         float *keys, const float *tokens, const struct image_side *shared, int n,
                         int t)
{
    struct call c = call_sizes(model, arena, n, t);
    const struct mask_decoder *w = &model->weights.mask_decoder;
    size_t picture = (size_t)c.g * c.dim;
    if (c.run)
        memcpy(queries, tokens, (size_t)n * t * c.dim * sizeof(float));
    for (int i = 0; i < model->config.decoder_depth; i++)
        layer(&c, i, queries, keys, tokens, i == 0 ? shared : NULL);

    size_t mark = arena_mark(arena);
    const float *placed_keys = sum(&c, keys, model->image_pe, n * picture, picture);
    tokens_to_image(&c, &w->final_attn, queries, tokens, keys, placed_keys, NULL);
    normalise(&c, queries, &w->norm_final, n * t);
    arena_release(arena, mark);
}
