/* ref: OpenGVLab/SAM-Med2D, segment_anything/modeling/image_encoder.py */
#include "model/model_internal.h"
#include "nn/nn.h"

/* One forward pass: what every part of it needs to know. */
struct pass {
    const struct sm_config *config;
    struct arena *arena;
    int batch, side; /* side: tokens along a side of a picture, G */
    int rows;        /* tokens of all pictures: batch * G * G */
    bool lay_out;    /* filters are laid out here */
};

static bool measuring(const struct pass *pass)
{
    return !pass->arena->base;
}

static float *take_rows(const struct pass *pass, int width)
{
    return arena_floats(pass->arena, (size_t)pass->rows * width);
}

/* Scratch that is used by one after the other. */
static float *take_largest(const struct pass *pass, const size_t floats[3])
{
    size_t most = floats[0] > floats[1] ? floats[0] : floats[1];
    return arena_floats(pass->arena, most > floats[2] ? most : floats[2]);
}

/* x (rows, E) from pixels (batch, S, S, 3). ref: PatchEmbed, and pos_embed in
 * ImageEncoderViT.forward */
static void embed_patches(const struct pass *pass, const struct image_encoder *weights, float *x,
                          const float *pixels)
{
    int size = pass->config->image_size, patch = pass->config->patch_size;
    int dim = pass->config->embed_dim;
    size_t mark = arena_mark(pass->arena), picture = (size_t)pass->side * pass->side * dim;
    float *scratch = arena_floats(
        pass->arena, nn_conv_scratch(pass->batch, size, size, 3, dim, patch, patch, 0));
    if (!measuring(pass)) {
        nn_conv(x, pixels, weights->patch.weight, weights->patch.bias, pass->batch, size, size, 3,
                dim, patch, patch, 0, scratch);
        for (int b = 0; b < pass->batch; b++)
            nn_add(x + b * picture, weights->pos_embed, picture);
    }
    arena_release(pass->arena, mark);
}

/* x += proj(attention(norm1(x))). ref: Block.forward, first half; Attention.forward */
static void add_attention(const struct pass *pass, const struct block *block, int window, float *x)
{
    const struct sm_config *config = pass->config;
    const struct block_products *products = &block->products;
    int dim = config->embed_dim, heads = config->num_heads, d = head_dim(config);
    size_t mark = arena_mark(pass->arena);
    float *normed = take_rows(pass, dim); /* later what attention gives */
    float *qkv = take_rows(pass, 3 * dim);
    float *scratch = take_largest(
        pass, (size_t[]){nn_window_attention_scratch(pass->batch, pass->side, window, heads, d),
                         nn_dense_scratch(pass->rows, &products->qkv),
                         nn_dense_scratch(pass->rows, &products->proj)});
    if (!measuring(pass)) {
        nn_layer_norm(normed, x, block->norm1.weight, block->norm1.bias, pass->rows, dim,
                      norm_eps_encoder());
        nn_dense(qkv, normed, &products->qkv, &(struct nn_after){.bias = block->qkv.bias},
                 pass->rows, scratch);
        nn_window_attention(normed, qkv, block->qkv.bias, block->rel_pos_h, block->rel_pos_w,
                            pass->batch, pass->side, window, heads, d, scratch);
        nn_dense(x, normed, &products->proj,
                 &(struct nn_after){.bias = block->proj.bias, .add = x}, pass->rows, scratch);
    }
    arena_release(pass->arena, mark);
}

/* x += mlp(normed), by way of memory. */
static void add_mlp_apart(const struct pass *pass, const struct block *block, float *x,
                          const float *normed, const struct nn_after after[2])
{
    const struct block_products *products = &block->products;
    float *hidden = take_rows(pass, pass->config->mlp_dim);
    float *scratch =
        take_largest(pass, (size_t[]){nn_dense_scratch(pass->rows, &products->mlp1),
                                      nn_dense_scratch(pass->rows, &products->mlp2), 0});
    if (!measuring(pass)) {
        nn_dense(hidden, normed, &products->mlp1, &after[0], pass->rows, scratch);
        nn_dense(x, hidden, &products->mlp2, &after[1], pass->rows, scratch);
    }
}

/* x += mlp(normed). ref: common.py, MLPBlock */
static void add_mlp(const struct pass *pass, const struct block *block, float *x,
                    const float *normed)
{
    const struct nn_weights *mlp1 = &block->products.mlp1, *mlp2 = &block->products.mlp2;
    const struct nn_after after[2] = {{.bias = block->mlp1.bias, .activation = NN_GELU},
                                      {.bias = block->mlp2.bias, .add = x}};
    size_t mark = arena_mark(pass->arena);
    if (nn_dense_pairs(mlp1, mlp2)) {
        float *scratch = arena_floats(pass->arena, nn_dense_pair_scratch(mlp1, mlp2));
        if (!measuring(pass))
            nn_dense_pair(x, normed, mlp1, &after[0], mlp2, &after[1], pass->rows, scratch);
    } else {
        add_mlp_apart(pass, block, x, normed, after);
    }
    arena_release(pass->arena, mark);
}

/* gated = normed, each channel times its gate. ref: Adapter_Layer, self.channel */
static void gate_channels(const struct pass *pass, const struct adapter *adapter, float *gated,
                          const float *normed)
{
    int dim = pass->config->embed_dim, hidden_dim = pass->config->adapter_hidden;
    int pixels = pass->side * pass->side;
    size_t mark = arena_mark(pass->arena), values = (size_t)pass->batch * dim;
    float *gate = arena_floats(pass->arena, values);
    float *hidden = arena_floats(pass->arena, (size_t)pass->batch * hidden_dim);
    if (!measuring(pass)) {
        nn_mean_pixels(gate, normed, pass->batch, pixels, dim);
        nn_linear(hidden, gate, adapter->channel_down, NULL, pass->batch, dim, hidden_dim);
        nn_relu(hidden, (size_t)pass->batch * hidden_dim);
        nn_linear(gate, hidden, adapter->channel_up, NULL, pass->batch, hidden_dim, dim);
        nn_sigmoid(gate, values);
        for (int b = 0; b < pass->batch; b++)
            nn_scale_rows(gated + (size_t)b * pixels * dim, normed + (size_t)b * pixels * dim,
                          gate + (size_t)b * dim, pixels, dim);
    }
    arena_release(pass->arena, mark);
}

/* A filter's place for as long as it is used, where it is in PyTorch's layout still. */
static float *take_filter(const struct pass *pass, int taps)
{
    size_t dim = (size_t)pass->config->embed_dim;
    return pass->lay_out ? arena_floats(pass->arena, taps * dim * dim) : NULL;
}

/* x to relu(up(relu(down(x)))) + skip, in place. ref: Adapter_Layer, self.spatial */
static void convolve_down_and_up(const struct pass *pass, const struct block_products *products,
                                 float *x, const float *skip)
{
    int dim = pass->config->embed_dim, side = pass->side, half = (side - 1) / 2 + 1;
    const struct nn_weights *down = &products->spatial_down, *up = &products->spatial_up;
    struct nn_weights placed;
    size_t mark = arena_mark(pass->arena);
    float *filter = take_filter(pass, 4 * 4);
    float *halved = arena_floats(pass->arena, (size_t)pass->batch * half * half * dim);
    float *scratch = take_largest(
        pass, (size_t[]){nn_dense_conv_scratch(down, pass->batch, side, side, 3, 2, 1),
                         nn_dense_conv_transpose_scratch(up, pass->batch, half, half, 4), 0});
    if (!measuring(pass)) {
        if (filter && products->given_down) {
            nn_pack_conv(filter, products->given_down, dim, dim, 3, 3);
            placed = *down;
            placed.data = filter;
            down = &placed;
        }
        nn_dense_conv(halved, x, down, &(struct nn_after){.activation = NN_RELU}, pass->batch,
                      side, side, 3, 2, 1, scratch);
        if (filter && products->given_up) {
            nn_pack_conv_transpose(filter, products->given_up, dim, dim, 4);
            placed = *up;
            placed.data = filter;
            up = &placed;
        }
        nn_dense_conv_transpose(x, halved, up,
                                &(struct nn_after){.activation = NN_RELU, .add = skip},
                                pass->batch, half, half, 4, scratch);
    }
    arena_release(pass->arena, mark);
}

/* x += Adapter(normed): the skip adds normed itself, not what the gate made of it.
 * ref: Adapter_Layer.forward */
static void add_adapter(const struct pass *pass, const struct block *block, float *x,
                        const float *normed)
{
    const struct adapter *adapter = &block->adapter;
    int dim = pass->config->embed_dim;
    size_t mark = arena_mark(pass->arena);
    float *branch = take_rows(pass, dim);
    gate_channels(pass, adapter, branch, normed);
    convolve_down_and_up(pass, &block->products, branch, normed);
    if (!measuring(pass)) {
        nn_layer_norm(branch, branch, adapter->norm.weight, adapter->norm.bias, pass->rows, dim,
                      norm_eps_torch());
        nn_add(x, branch, (size_t)pass->rows * dim);
    }
    arena_release(pass->arena, mark);
}

/* ref: Block.forward */
static void block_forward(const struct pass *pass, const struct block *block, int window, float *x)
{
    int dim = pass->config->embed_dim;
    add_attention(pass, block, window, x);
    size_t mark = arena_mark(pass->arena);
    float *normed = take_rows(pass, dim);
    if (!measuring(pass))
        nn_layer_norm(normed, x, block->norm2.weight, block->norm2.bias, pass->rows, dim,
                      norm_eps_encoder());
    add_mlp(pass, block, x, normed);
    if (pass->config->adapter)
        add_adapter(pass, block, x, normed);
    arena_release(pass->arena, mark);
}

/* out (rows, C) from x (rows, E). ref: ImageEncoderViT, self.neck */
static void neck(const struct pass *pass, const struct image_encoder *weights, float *out,
                 const float *x)
{
    int width = pass->config->prompt_dim, side = pass->side;
    size_t mark = arena_mark(pass->arena);
    float *narrow = take_rows(pass, width);
    const struct neck_products *products = &weights->neck;
    const struct nn_after nothing = {0};
    float *scratch = take_largest(
        pass, (size_t[]){nn_dense_scratch(pass->rows, &products->conv1),
                         nn_dense_conv_scratch(&products->conv2, pass->batch, side, side, 3, 1, 1),
                         0});
    if (!measuring(pass)) {
        nn_dense(narrow, x, &products->conv1, &nothing, pass->rows, scratch);
        nn_layer_norm(narrow, narrow, weights->neck_norm1.weight, weights->neck_norm1.bias,
                      pass->rows, width, norm_eps_encoder());
        nn_dense_conv(out, narrow, &products->conv2, &nothing, pass->batch, side, side, 3, 1, 1,
                      scratch);
        nn_layer_norm(out, out, weights->neck_norm2.weight, weights->neck_norm2.bias, pass->rows,
                      width, norm_eps_encoder());
    }
    arena_release(pass->arena, mark);
}

static void show(const struct pass *pass, const struct tap *tap, enum stage stage, int block,
                 const float *x)
{
    if (tap && !measuring(pass))
        tap->stage(tap->context, stage, block, x);
}

void image_encoder_forward(const struct sm_model *model, struct arena *arena, float *out,
                           const float *x, int batch, const struct tap *tap)
{
    const struct sm_config *config = &model->config;
    const struct image_encoder *weights = &model->weights.image_encoder;
    int side = grid_side(config);
    struct pass pass = {config, arena, batch, side, batch * side * side, model_lays_out(model)};
    size_t mark = arena_mark(arena);
    float *tokens = take_rows(&pass, config->embed_dim);
    embed_patches(&pass, weights, tokens, x);
    show(&pass, tap, STAGE_PATCH_EMBED, 0, tokens);
    for (int i = 0; i < config->depth; i++) {
        int window = config->global_attn[i] ? 0 : config->window_size;
        block_forward(&pass, &weights->blocks[i], window, tokens);
        show(&pass, tap, STAGE_BLOCK, i, tokens);
    }
    neck(&pass, weights, out, tokens);
    show(&pass, tap, STAGE_EMBEDDING, 0, out);
    arena_release(arena, mark);
}
