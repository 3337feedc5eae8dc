/* ref: OpenGVLab/SAM-Med2D, segment_anything/modeling/image_encoder.py */
#include "train/encoder.h"
#include "train/encoder_block.h"

static struct linear without_bias(const float *weight)
{
    return (struct linear){weight, NULL};
}

/* ---- patches and neck ---- */

static void embed_patches(struct encoder_tape *tape, const struct pass *pass)
{
    const struct sm_config *c = &pass->model->config;
    const struct image_encoder *w = &pass->model->weights.image_encoder;
    int size = c->image_size, patch = c->patch_size, dim = c->embed_dim;
    size_t picture = (size_t)grid_side(c) * grid_side(c) * dim;
    tape->x[0] = take(pass, tape->batch * picture);
    size_t mark = arena_mark(pass->arena);
    float *scratch = take(pass, nn_conv_scratch(tape->batch, size, size, 3, dim, patch, patch, 0));
    if (running(pass))
        nn_conv(tape->x[0], tape->pixels, w->patch.weight, w->patch.bias, tape->batch, size, size, 3, dim,
                patch, patch, 0, scratch);
    for (int b = 0; b < tape->batch && running(pass); b++)
        nn_add(tape->x[0] + b * picture, w->pos_embed, picture);
    arena_release(pass->arena, mark);
}

static void embed_patches_backward(const struct encoder_tape *tape, const struct pass *pass, const float *d)
{
    const struct sm_config *c = &pass->model->config;
    const struct image_encoder *w = &pass->model->weights.image_encoder;
    const struct image_encoder *g = &pass->gradients->image_encoder;
    int size = c->image_size, patch = c->patch_size, dim = c->embed_dim;
    size_t picture = (size_t)grid_side(c) * grid_side(c) * dim, mark = arena_mark(pass->arena);
    float *scratch = take(pass, nn_conv_backward_scratch(tape->batch, size, size, 3, dim, patch, patch, 0));
    if (running(pass))
        nn_conv_backward(NULL, into(g->patch.weight), into(g->patch.bias), d, tape->pixels, w->patch.weight,
                         tape->batch, size, size, 3, dim, patch, patch, 0, scratch);
    for (int b = 0; b < tape->batch && running(pass) && g->pos_embed; b++)
        nn_add(into(g->pos_embed), d + b * picture, picture);
    arena_release(pass->arena, mark);
}

static void neck_forward(struct encoder_tape *tape, const struct pass *pass, const float *x)
{
    const struct sm_config *c = &pass->model->config;
    const struct image_encoder *w = &pass->model->weights.image_encoder;
    struct linear conv1 = without_bias(w->neck_conv1);
    int side = grid_side(c), rows = tape->batch * side * side, width = c->prompt_dim;
    tape->narrow = take_linear(pass, x, &conv1, rows, c->embed_dim, width);
    tape->normed = take_norm(pass, tape->narrow, &w->neck_norm1, rows, width, norm_eps_encoder());
    tape->convolved = take(pass, (size_t)rows * width);
    size_t mark = arena_mark(pass->arena);
    float *scratch = take(pass, nn_conv_scratch(tape->batch, side, side, width, width, 3, 1, 1));
    if (running(pass))
        nn_conv(tape->convolved, tape->normed, w->neck_conv2, NULL, tape->batch, side, side, width, width, 3,
                1, 1, scratch);
    arena_release(pass->arena, mark);
    tape->embedding = take_norm(pass, tape->convolved, &w->neck_norm2, rows, width, norm_eps_encoder());
}

/* d_x (rows, E) from d_embedding. */
static void neck_backward(const struct encoder_tape *tape, const struct pass *pass, float *d_x,
                          const float *d_embedding, const float *x)
{
    const struct sm_config *c = &pass->model->config;
    const struct image_encoder *w = &pass->model->weights.image_encoder;
    const struct image_encoder *g = &pass->gradients->image_encoder;
    struct linear conv1 = without_bias(w->neck_conv1), d_conv1 = without_bias(g->neck_conv1);
    int side = grid_side(c), rows = tape->batch * side * side, width = c->prompt_dim;
    size_t mark = arena_mark(pass->arena);
    float *d = take(pass, (size_t)rows * width), *d_normed = take(pass, (size_t)rows * width);
    float *scratch = take(pass, nn_conv_backward_scratch(tape->batch, side, side, width, width, 3, 1, 1));
    norm_backward(pass, d, &g->neck_norm2, d_embedding, tape->convolved, &w->neck_norm2, rows, width,
                  norm_eps_encoder());
    if (running(pass))
        nn_conv_backward(d_normed, into(g->neck_conv2), NULL, d, tape->normed, w->neck_conv2, tape->batch,
                         side, side, width, width, 3, 1, 1, scratch);
    norm_backward(pass, d, &g->neck_norm1, d_normed, tape->narrow, &w->neck_norm1, rows, width,
                  norm_eps_encoder());
    linear_backward(pass, d_x, &d_conv1, d, x, &conv1, rows, c->embed_dim, width);
    arena_release(pass->arena, mark);
}

/* ---- the whole ---- */

static struct block_call call_of(const struct encoder_tape *tape, const struct pass *pass, int index)
{
    const struct sm_config *c = &pass->model->config;
    int side = grid_side(c);
    return (struct block_call){.pass = pass,
                               .w = &pass->model->weights.image_encoder.blocks[index],
                               .g = &pass->gradients->image_encoder.blocks[index],
                               .batch = tape->batch,
                               .side = side,
                               .rows = tape->batch * side * side,
                               .window = c->global_attn[index] ? 0 : c->window_size};
}

void encoder_forward(struct encoder_tape *tape, const struct pass *pass, const float *pixels, int batch,
                     bool checkpointing)
{
    const struct sm_config *c = &pass->model->config;
    size_t count = (size_t)batch * grid_side(c) * grid_side(c) * c->embed_dim;
    *tape = (struct encoder_tape){.batch = batch, .checkpointing = checkpointing, .pixels = pixels};
    embed_patches(tape, pass);
    for (int i = 0; i < c->depth; i++) {
        struct block_call call = call_of(tape, pass, i);
        tape->x[i + 1] = take(pass, count);
        size_t mark = arena_mark(pass->arena);
        block_forward(&call, &tape->blocks[i], tape->x[i + 1], tape->x[i]);
        if (checkpointing)
            arena_release(pass->arena, mark);
    }
    neck_forward(tape, pass, tape->x[c->depth]);
}

static bool patches_trained(const struct image_encoder *g)
{
    return linear_trained(&g->patch) || g->pos_embed;
}

/* The first block with anything to train in it or below, or depth: only the neck, or depth + 1: nothing. */
static int lowest_trained(const struct pass *pass)
{
    const struct image_encoder *g = &pass->gradients->image_encoder;
    int depth = pass->model->config.depth, i = 0;
    if (patches_trained(g))
        return 0;
    while (i < depth && !block_trained(&g->blocks[i]))
        i++;
    if (i == depth && !g->neck_conv1 && !g->neck_conv2 && !norm_trained(&g->neck_norm1) &&
        !norm_trained(&g->neck_norm2))
        i++;
    return i;
}

bool encoder_trained(const struct pass *pass)
{
    return lowest_trained(pass) <= pass->model->config.depth;
}

void encoder_backward(const struct encoder_tape *tape, const struct pass *pass, const float *d_embedding)
{
    const struct sm_config *c = &pass->model->config;
    size_t count = (size_t)tape->batch * grid_side(c) * grid_side(c) * c->embed_dim;
    int lowest = lowest_trained(pass);
    bool to_patches = patches_trained(&pass->gradients->image_encoder);
    size_t mark = arena_mark(pass->arena);
    if (lowest > c->depth)
        return;
    float *d = take(pass, count);
    neck_backward(tape, pass, d, d_embedding, tape->x[c->depth]);
    for (int i = c->depth - 1; i >= lowest; i--) {
        struct block_call call = call_of(tape, pass, i);
        struct block_tape block = tape->blocks[i];
        size_t before = arena_mark(pass->arena);
        if (tape->checkpointing)
            block_forward(&call, &block, take(pass, count), tape->x[i]);
        block_backward(&call, &block, d, tape->x[i], to_patches || i > lowest);
        arena_release(pass->arena, before);
    }
    if (to_patches)
        embed_patches_backward(tape, pass, d);
    arena_release(pass->arena, mark);
}
