#include <string.h>
#include "model/two_way_transformer.h"
#include "model/cross_attention.h"
#include "nn/nn.h"

static struct call call_sizes(const struct sm_model *model, struct arena *arena, int n, int t)
{
    const struct sm_config *c = &model->config;
    int narrow = c->prompt_dim / c->decoder_downsample;
    return (struct call){.model = model, .arena = arena, .run = arena->base != NULL, .n = n, .t = t,
                         .g = grid_side(c) * grid_side(c), .dim = c->prompt_dim, .narrow = narrow,
                         .heads = c->decoder_heads, .d = narrow / c->decoder_heads};
}

float *call_project(const struct call *c, const struct linear *w, const float *x, int rows, int in,
                    int out)
{
    float *y = arena_floats(c->arena, (size_t)rows * out);
    if (c->run)
        nn_linear(y, x, w->weight, w->bias, rows, in, out);
    return y;
}

float *call_attend(const struct call *c, const float *q, const float *k, const float *v, int batch,
                   int tq, int tk, int width)
{
    int d = width / c->heads;
    float *out = arena_floats(c->arena, (size_t)batch * tq * width);
    size_t mark = arena_mark(c->arena);
    float *scratch = arena_floats(c->arena, nn_attention_scratch(batch, tq, tk, c->heads, d));
    if (c->run)
        nn_attention(out, q, k, v, batch, tq, tk, c->heads, d, scratch);
    arena_release(c->arena, mark);
    return out;
}

/* ---- steps on all prompts' tokens: queries (n, t, C) ---- */

/* queries + tokens: the tokens' own embeddings are their positions. */
static float *placed_tokens(const struct call *c, const float *queries, const float *tokens)
{
    size_t count = (size_t)c->n * c->t * c->dim;
    float *out = arena_floats(c->arena, count);
    if (c->run)
        nn_sum(out, queries, tokens, count);
    return out;
}

static void add(const struct call *c, float *queries, const float *x)
{
    if (c->run)
        nn_add(queries, x, (size_t)c->n * c->t * c->dim);
}

static void normalise(const struct call *c, float *x, const struct norm *w, int rows)
{
    if (c->run)
        nn_layer_norm(x, x, w->weight, w->bias, rows, c->dim, norm_eps_torch());
}

/* queries (+)= self attention. The first layer replaces them and adds no position. */
static void self_attention(const struct call *c, const struct decoder_layer *w, float *queries,
                           const float *tokens, bool first)
{
    const struct attention *a = &w->self_attn;
    size_t mark = arena_mark(c->arena);
    int rows = c->n * c->t, dim = c->dim;
    const float *placed = first ? queries : placed_tokens(c, queries, tokens);
    const float *q = call_project(c, &a->q, placed, rows, dim, dim);
    const float *k = call_project(c, &a->k, placed, rows, dim, dim);
    const float *v = call_project(c, &a->v, queries, rows, dim, dim);
    const float *mixed = call_attend(c, q, k, v, c->n, c->t, c->t, dim);
    const float *out = call_project(c, &a->out, mixed, rows, dim, dim);
    if (c->run && first)
        memcpy(queries, out, (size_t)rows * dim * sizeof(float));
    else
        add(c, queries, out);
    arena_release(c->arena, mark);
    normalise(c, queries, &w->norm1, rows);
}

/* queries += attention of the tokens to the image. With `shared`, all prompts look at one image, and
 * their tokens are rows of a single attention. */
static void add_from_image(const struct call *c, const struct attention *a, float *queries,
                           const float *tokens, const struct images *images,
                           const struct image_side *shared)
{
    size_t mark = arena_mark(c->arena);
    int rows = c->n * c->t;
    const float *placed = placed_tokens(c, queries, tokens);
    const float *q = call_project(c, &a->q, placed, rows, c->dim, c->narrow), *mixed;
    if (shared)
        mixed = call_attend(c, q, shared->k, shared->v, 1, rows, c->g, c->narrow);
    else
        mixed = tokens_to_image(c, a, q, images);
    add(c, queries, call_project(c, &a->out, mixed, rows, c->narrow, c->dim));
    arena_release(c->arena, mark);
}

static void token_mlp(const struct call *c, const struct decoder_layer *w, float *queries)
{
    size_t mark = arena_mark(c->arena);
    int rows = c->n * c->t, wide = c->model->config.decoder_mlp_dim;
    float *hidden = call_project(c, &w->mlp1, queries, rows, c->dim, wide);
    if (c->run)
        nn_relu(hidden, (size_t)rows * wide);
    add(c, queries, call_project(c, &w->mlp2, hidden, rows, wide, c->dim));
    arena_release(c->arena, mark);
    normalise(c, queries, &w->norm3, rows);
}

/* ---- steps on all prompts' images ---- */

static void place(const struct call *c, const struct images *images)
{
    size_t picture = (size_t)c->g * c->dim;
    for (int i = 0; i < c->n && c->run; i++)
        nn_sum(images->placed + i * picture, images->keys + i * picture, c->model->image_pe, picture);
}

/* keys += attention of the image to the tokens; norm4. */
static void update_images(const struct call *c, const struct decoder_layer *w,
                          const struct images *images, const float *queries, const float *tokens,
                          const struct image_side *shared)
{
    const struct attention *a = &w->image_to_token;
    size_t mark = arena_mark(c->arena);
    int rows = c->n * c->t;
    const float *placed = placed_tokens(c, queries, tokens);
    const float *k = call_project(c, &a->k, placed, rows, c->dim, c->narrow);
    const float *v = call_project(c, &a->v, queries, rows, c->dim, c->narrow);
    struct images first = {images->keys, images->placed, shared ? shared->src : NULL};
    image_to_tokens(c, a, shared ? shared->q : NULL, k, v, &first);
    arena_release(c->arena, mark);
    normalise(c, images->keys, &w->norm4, c->n * c->g);
    place(c, images);
}

/* ref: transformer.py TwoWayAttentionBlock.forward */
static void layer(const struct call *c, int index, float *queries, const struct images *images,
                  const float *tokens, const struct image_side *shared)
{
    const struct decoder_layer *w = &c->model->weights.mask_decoder.layers[index];
    self_attention(c, w, queries, tokens, index == 0);
    add_from_image(c, &w->token_to_image, queries, tokens, images, shared);
    normalise(c, queries, &w->norm2, c->n * c->t);
    token_mlp(c, w, queries);
    update_images(c, w, images, queries, tokens, shared);
}

void two_way_transformer_image_side(const struct sm_model *model, struct arena *arena, float *k,
                                    float *v, float *q, const float *src)
{
    struct call c = call_sizes(model, arena, 1, 0);
    const struct decoder_layer *w = &model->weights.mask_decoder.layers[0];
    size_t mark = arena_mark(arena), picture = (size_t)c.g * c.dim;
    float *placed = arena_floats(arena, picture);
    if (c.run) {
        const struct linear *wk = &w->token_to_image.k, *wv = &w->token_to_image.v;
        const struct linear *wq = &w->image_to_token.q;
        nn_sum(placed, src, model->image_pe, picture);
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
    size_t mark = arena_mark(arena);
    struct images images = {keys, arena_floats(arena, (size_t)n * c.g * c.dim), NULL};
    if (c.run)
        memcpy(queries, tokens, (size_t)n * t * c.dim * sizeof(float));
    if (!shared)
        place(&c, &images);
    for (int i = 0; i < model->config.decoder_depth; i++)
        layer(&c, i, queries, &images, tokens, i == 0 ? shared : NULL);
    add_from_image(&c, &w->final_attn, queries, tokens, &images, NULL);
    normalise(&c, queries, &w->norm_final, n * t);
    arena_release(arena, mark);
}
