/* ref: OpenGVLab/SAM-Med2D, segment_anything/modeling/image_encoder.py, Block and Adapter_Layer */
#include "train/encoder_block.h"

static const struct sm_config *config_of(const struct block_call *call)
{
    return &call->pass->model->config;
}

/* ---- attention: x + proj(attention(norm1(x))) ---- */

static void attention_forward(const struct block_call *call, struct block_tape *tape, const float *x)
{
    const struct sm_config *c = config_of(call);
    const struct pass *pass = call->pass;
    const struct block *w = call->w;
    int dim = c->embed_dim, heads = c->num_heads, d = head_dim(c);
    size_t count = (size_t)call->rows * dim;
    tape->normed1 = take_norm(pass, x, &w->norm1, call->rows, dim, norm_eps_encoder());
    tape->qkv = take_linear(pass, tape->normed1, &w->qkv, call->rows, dim, 3 * dim);
    tape->mixed = take(pass, count);
    tape->attended = take(pass, count);
    size_t mark = arena_mark(pass->arena);
    float *scratch =
        take(pass, nn_window_attention_scratch(call->batch, call->side, call->window, heads, d));
    if (running(pass))
        nn_window_attention(tape->mixed, tape->qkv, w->qkv.bias, w->rel_pos_h, w->rel_pos_w, call->batch,
                            call->side, call->window, heads, d, scratch);
    arena_release(pass->arena, mark);
    run_dense(pass, tape->attended, tape->mixed, &w->proj, call->rows, dim, dim,
              &(struct nn_after){.bias = w->proj.bias, .add = x});
}

static bool attention_trained(const struct block *g)
{
    return norm_trained(&g->norm1) || linear_trained(&g->qkv) || linear_trained(&g->proj) || g->rel_pos_h ||
           g->rel_pos_w;
}

/* d (rows, E): by tape->attended, then by x. */
static void attention_backward(const struct block_call *call, const struct block_tape *tape, float *d,
                               const float *x)
{
    const struct sm_config *c = config_of(call);
    const struct pass *pass = call->pass;
    const struct block *w = call->w, *g = call->g;
    int dim = c->embed_dim, heads = c->num_heads;
    size_t count = (size_t)call->rows * dim, mark = arena_mark(pass->arena);
    float *d_mixed = take(pass, count), *d_qkv = take(pass, 3 * count);
    float *scratch = take(pass, nn_window_attention_backward_scratch(call->batch, call->side, call->window,
                                                                     heads, head_dim(c)));
    linear_backward(pass, d_mixed, &g->proj, d, tape->mixed, &w->proj, call->rows, dim, dim);
    if (running(pass))
        nn_window_attention_backward(d_qkv, into(g->qkv.bias), into(g->rel_pos_h), into(g->rel_pos_w),
                                     d_mixed, tape->qkv, w->qkv.bias, w->rel_pos_h, w->rel_pos_w,
                                     call->batch, call->side, call->window, heads, head_dim(c), scratch);
    float *d_normed = d_mixed;
    linear_backward(pass, d_normed, &g->qkv, d_qkv, tape->normed1, &w->qkv, call->rows, dim, 3 * dim);
    norm_backward(pass, d_normed, &g->norm1, d_normed, x, &w->norm1, call->rows, dim, norm_eps_encoder());
    if (running(pass))
        nn_add(d, d_normed, count);
    arena_release(pass->arena, mark);
}

/* ---- mlp ---- */

static void mlp_forward(const struct block_call *call, struct block_tape *tape, float *out)
{
    const struct sm_config *c = config_of(call);
    const struct pass *pass = call->pass;
    size_t wide = (size_t)call->rows * c->mlp_dim;
    tape->hidden = take_linear(pass, tape->normed2, &call->w->mlp1, call->rows, c->embed_dim, c->mlp_dim);
    tape->act = take_copy(pass, tape->hidden, wide);
    if (running(pass))
        nn_gelu(tape->act, wide);
    run_dense(pass, out, tape->act, &call->w->mlp2, call->rows, c->mlp_dim, c->embed_dim,
              &(struct nn_after){.bias = call->w->mlp2.bias, .add = tape->attended});
}

/* d_normed += what came through the mlp, if `below`; d is by the block's result. */
static void mlp_backward(const struct block_call *call, const struct block_tape *tape, float *d_normed,
                         const float *d, bool below)
{
    const struct sm_config *c = config_of(call);
    const struct pass *pass = call->pass;
    const struct block *w = call->w, *g = call->g;
    size_t wide = (size_t)call->rows * c->mlp_dim, count = (size_t)call->rows * c->embed_dim;
    size_t mark = arena_mark(pass->arena);
    float *d_hidden = take(pass, wide), *d_x = take(pass, count);
    bool further = below || linear_trained(&g->mlp1);
    linear_backward(pass, further ? d_hidden : NULL, &g->mlp2, d, tape->act, &w->mlp2, call->rows,
                    c->mlp_dim, c->embed_dim);
    if (running(pass) && further)
        nn_gelu_backward(d_hidden, tape->hidden, wide);
    if (further)
        linear_backward(pass, below ? d_x : NULL, &g->mlp1, d_hidden, tape->normed2, &w->mlp1, call->rows,
                        c->embed_dim, c->mlp_dim);
    if (running(pass) && below)
        nn_add(d_normed, d_x, count);
    arena_release(pass->arena, mark);
}

/* ---- adapter ---- */

static void gate_forward(const struct block_call *call, struct block_tape *tape)
{
    const struct sm_config *c = config_of(call);
    const struct pass *pass = call->pass;
    const struct adapter *w = &call->w->adapter;
    int dim = c->embed_dim, pixels = call->side * call->side, hidden = c->adapter_hidden;
    struct linear down = {w->channel_down, NULL}, up = {w->channel_up, NULL};
    tape->mean = take(pass, (size_t)call->batch * dim);
    if (running(pass))
        nn_mean_pixels(tape->mean, tape->normed2, call->batch, pixels, dim);
    tape->gate_hidden = take_linear(pass, tape->mean, &down, call->batch, dim, hidden);
    if (running(pass))
        nn_relu(tape->gate_hidden, (size_t)call->batch * hidden);
    tape->gate = take_linear(pass, tape->gate_hidden, &up, call->batch, hidden, dim);
    tape->gated = take(pass, (size_t)call->rows * dim);
    if (!running(pass))
        return;
    nn_sigmoid(tape->gate, (size_t)call->batch * dim);
    for (int b = 0; b < call->batch; b++) {
        size_t at = (size_t)b * pixels * dim;
        nn_scale_rows(tape->gated + at, tape->normed2 + at, tape->gate + (size_t)b * dim, pixels, dim);
    }
}

/* d_gated (rows, E) becomes what it was by normed2, the way over the means included. */
static void gate_backward(const struct block_call *call, const struct block_tape *tape, float *d_gated)
{
    const struct sm_config *c = config_of(call);
    const struct pass *pass = call->pass;
    const struct adapter *w = &call->w->adapter, *g = &call->g->adapter;
    int dim = c->embed_dim, pixels = call->side * call->side, hidden = c->adapter_hidden;
    struct linear down = {w->channel_down, NULL}, up = {w->channel_up, NULL};
    struct linear d_down = {g->channel_down, NULL}, d_up = {g->channel_up, NULL};
    size_t values = (size_t)call->batch * dim, mark = arena_mark(pass->arena);
    float *d_gate = take(pass, values), *d_hidden = take(pass, (size_t)call->batch * hidden);
    for (int b = 0; b < call->batch && running(pass); b++) {
        size_t at = (size_t)b * pixels * dim, gate = (size_t)b * dim;
        nn_scale_rows_backward(d_gated + at, d_gate + gate, d_gated + at, tape->normed2 + at,
                               tape->gate + gate, pixels, dim);
    }
    if (running(pass))
        nn_sigmoid_backward(d_gate, tape->gate, values);
    linear_backward(pass, d_hidden, &d_up, d_gate, tape->gate_hidden, &up, call->batch, hidden, dim);
    if (running(pass))
        nn_relu_backward(d_hidden, tape->gate_hidden, (size_t)call->batch * hidden);
    float *d_mean = d_gate;
    linear_backward(pass, d_mean, &d_down, d_hidden, tape->mean, &down, call->batch, dim, hidden);
    if (running(pass))
        nn_mean_pixels_backward(d_gated, d_mean, call->batch, pixels, dim);
    arena_release(pass->arena, mark);
}

static void adapter_forward(const struct block_call *call, struct block_tape *tape, float *out)
{
    const struct pass *pass = call->pass;
    const struct adapter *w = &call->w->adapter;
    int dim = config_of(call)->embed_dim, side = call->side, half = (side - 1) / 2 + 1;
    size_t count = (size_t)call->rows * dim, small = (size_t)call->batch * half * half * dim;
    gate_forward(call, tape);
    tape->halved = take(pass, small);
    tape->spatial = take(pass, count);
    struct nn_weights down = nn_weights_conv(w->spatial_down, dim, dim, 3);
    struct nn_weights up = nn_weights_conv_transpose(w->spatial_up, dim, dim, 4);
    struct nn_after relu = {.activation = NN_RELU};
    size_t floats_down = nn_dense_conv_scratch(&down, call->batch, side, side, 3, 2, 1);
    size_t floats_up = nn_dense_conv_transpose_scratch(&up, call->batch, half, half, 4);
    size_t mark = arena_mark(pass->arena);
    float *scratch = take(pass, floats_down > floats_up ? floats_down : floats_up);
    if (running(pass)) {
        nn_dense_conv(tape->halved, tape->gated, &down, &relu, call->batch, side, side, 3, 2, 1, scratch);
        nn_dense_conv_transpose(tape->spatial, tape->halved, &up, &relu, call->batch, half, half, 4, scratch);
    }
    arena_release(pass->arena, mark);
    tape->sum = take_sum(pass, tape->spatial, tape->normed2, count, count);
    mark = arena_mark(pass->arena);
    const float *normed = take_norm(pass, tape->sum, &w->norm, call->rows, dim, norm_eps_torch());
    if (running(pass))
        nn_add(out, normed, count);
    arena_release(pass->arena, mark);
}

/* d_normed (rows, E): what came through the adapter. */
static void adapter_backward(const struct block_call *call, const struct block_tape *tape, float *d_normed,
                             const float *d)
{
    const struct pass *pass = call->pass;
    const struct adapter *w = &call->w->adapter, *g = &call->g->adapter;
    int dim = config_of(call)->embed_dim, side = call->side, half = (side - 1) / 2 + 1;
    size_t count = (size_t)call->rows * dim, small = (size_t)call->batch * half * half * dim;
    size_t down = nn_conv_backward_scratch(call->batch, side, side, dim, dim, 3, 2, 1);
    size_t up = nn_conv_transpose_backward_scratch(call->batch, half, half, dim, dim, 4);
    size_t mark = arena_mark(pass->arena);
    float *d_branch = take(pass, count), *d_halved = take(pass, small);
    float *scratch = take(pass, down > up ? down : up);
    norm_backward(pass, d_normed, &g->norm, d, tape->sum, &w->norm, call->rows, dim, norm_eps_torch());
    if (running(pass)) {
        memcpy(d_branch, d_normed, count * sizeof(float));
        nn_relu_backward(d_branch, tape->spatial, count);
        nn_conv_transpose_backward(d_halved, into(g->spatial_up), NULL, d_branch, tape->halved,
                                   w->spatial_up, call->batch, half, half, dim, dim, 4, scratch);
        nn_relu_backward(d_halved, tape->halved, small);
        nn_conv_backward(d_branch, into(g->spatial_down), NULL, d_halved, tape->gated, w->spatial_down,
                         call->batch, side, side, dim, dim, 3, 2, 1, scratch);
    }
    gate_backward(call, tape, d_branch);
    if (running(pass))
        nn_add(d_normed, d_branch, count);
    arena_release(pass->arena, mark);
}

static bool adapter_trained(const struct adapter *g)
{
    return norm_trained(&g->norm) || g->channel_down || g->channel_up || g->spatial_down || g->spatial_up;
}

/* ---- block ---- */

void block_forward(const struct block_call *call, struct block_tape *tape, float *out, const float *x)
{
    const struct sm_config *c = config_of(call);
    *tape = (struct block_tape){0};
    attention_forward(call, tape, x);
    tape->normed2 = take_norm(call->pass, tape->attended, &call->w->norm2, call->rows, c->embed_dim,
                              norm_eps_encoder());
    mlp_forward(call, tape, out);
    if (c->adapter)
        adapter_forward(call, tape, out);
}

void block_backward(const struct block_call *call, const struct block_tape *tape, float *d, const float *x,
                    bool below)
{
    const struct sm_config *c = config_of(call);
    const struct pass *pass = call->pass;
    const struct block *w = call->w, *g = call->g;
    size_t count = (size_t)call->rows * c->embed_dim, mark = arena_mark(pass->arena);
    bool to_attention = below || attention_trained(g);
    bool to_norm = to_attention || norm_trained(&g->norm2);
    float *d_normed = take_zeros(pass, count);
    if (c->adapter && (to_norm || adapter_trained(&g->adapter)))
        adapter_backward(call, tape, d_normed, d);
    if (to_norm || linear_trained(&g->mlp1) || linear_trained(&g->mlp2))
        mlp_backward(call, tape, d_normed, d, to_norm);
    if (to_norm) {
        norm_backward(pass, d_normed, &g->norm2, d_normed, tape->attended, &w->norm2, call->rows,
                      c->embed_dim, norm_eps_encoder());
        if (running(pass))
            nn_add(d, d_normed, count);
    }
    if (to_attention)
        attention_backward(call, tape, d, x);
    arena_release(pass->arena, mark);
}

bool block_trained(const struct block *g)
{
    return attention_trained(g) || norm_trained(&g->norm2) || linear_trained(&g->mlp1) ||
           linear_trained(&g->mlp2) || adapter_trained(&g->adapter);
}
