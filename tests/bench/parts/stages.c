/* Where the time of a forward pass goes, without a clock in the product: the linker hands calls from
 * one file of the library to another to __wrap_NAME here (ld --wrap; the names are in wraps.ld), which
 * switches the stage, calls __real_NAME, and switches back. Time goes to the innermost stage. */
#include <omp.h>
#include "bench/parts/bench.h"
#include "model/mask_decoder.h"
#include "model/preprocess.h"
#include "model/prompt_encoder.h"
#include "nn/nn.h"

#define WRAPPED(name) extern __typeof__(name) __wrap_##name, __real_##name
WRAPPED(preprocess);
WRAPPED(image_encoder_forward);
WRAPPED(nn_conv);
WRAPPED(nn_dense);
WRAPPED(nn_dense_pair);
WRAPPED(nn_dense_conv);
WRAPPED(nn_dense_conv_transpose);
WRAPPED(nn_window_attention);
WRAPPED(two_way_transformer_image_side);
WRAPPED(prompt_encoder_sparse);
WRAPPED(two_way_transformer);
WRAPPED(mask_decoder_predict);
WRAPPED(nn_gemm);
WRAPPED(nn_linear);
WRAPPED(nn_linear_ld);
WRAPPED(nn_linear_add);
WRAPPED(nn_attention);

const char *const stage_names[STAGES] = {
    [IN_PREPROCESS] = "preprocess",     [IN_PATCH_EMBED] = "patch_embed",
    [IN_QKV] = "qkv",                   [IN_ATTENTION] = "attention",
    [IN_PROJ] = "proj",                 [IN_MLP] = "mlp",
    [IN_ADAPTER_DOWN] = "adapter_down", [IN_ADAPTER_UP] = "adapter_up",
    [IN_NECK] = "neck",                 [IN_ENCODER] = "norms_gate_sums",
    [IN_IMAGE_SIDE] = "image_side",     [IN_PROMPT] = "prompt_tokens",
    [IN_TRANSFORMER] = "transformer",   [IN_MASKS] = "masks",
};

/* Stages whose products are counted one by one; those of the others by their layer. */
static const bool sums_products[STAGES] = {
    [IN_ENCODER] = true, [IN_IMAGE_SIDE] = true, [IN_TRANSFORMER] = true, [IN_MASKS] = true};

struct stage_cost stage_costs[STAGES];
static const struct sm_model *watched;
static _Thread_local enum stage_name stage;
static _Thread_local double since;

void stages_begin(const struct sm_model *model)
{
    watched = model;
    for (int i = 0; i < STAGES; i++)
        stage_costs[i] = (struct stage_cost){0};
}

static void count(enum stage_name where, double flop)
{
#pragma omp atomic
    stage_costs[where].gflop += 1e-9 * flop;
}

/* Returns the stage that was left. */
static enum stage_name enter(enum stage_name next)
{
    enum stage_name left = stage;
    double moment = now();
    if (left != NOWHERE) {
#pragma omp atomic
        stage_costs[left].seconds += moment - since;
    }
    stage = next;
    since = moment;
    return left;
}

/* ---- parts of the network ---- */

enum sm_status __wrap_preprocess(const struct sm_config *config, const struct sm_picture *picture,
                                 float *out, struct sm_err *err)
{
    enum stage_name left = enter(IN_PREPROCESS);
    enum sm_status status = __real_preprocess(config, picture, out, err);
    enter(left);
    return status;
}

void __wrap_image_encoder_forward(const struct sm_model *model, struct arena *arena, float *out,
                                  const float *x, int batch, const struct tap *tap)
{
    enum stage_name left = enter(IN_ENCODER);
    __real_image_encoder_forward(model, arena, out, x, batch, tap);
    enter(left);
}

void __wrap_two_way_transformer_image_side(const struct sm_model *model, struct arena *arena, float *k,
                                           float *v, float *q, const float *src)
{
    enum stage_name left = enter(IN_IMAGE_SIDE);
    __real_two_way_transformer_image_side(model, arena, k, v, q, src);
    enter(left);
}

void __wrap_prompt_encoder_sparse(const struct sm_model *model, float *out,
                                  const struct sm_prompt *prompt, const float (*points)[2],
                                  const float *box)
{
    enum stage_name left = enter(IN_PROMPT);
    __real_prompt_encoder_sparse(model, out, prompt, points, box);
    enter(left);
}

void __wrap_two_way_transformer(const struct sm_model *model, struct arena *arena, float *queries,
                                float *keys, const float *tokens, const struct image_side *shared,
                                int n, int t)
{
    enum stage_name left = enter(IN_TRANSFORMER);
    __real_two_way_transformer(model, arena, queries, keys, tokens, shared, n, t);
    enter(left);
}

void __wrap_mask_decoder_predict(const struct sm_model *model, struct arena *arena, float *const *masks,
                                 float *const *iou, const float *sparse, int sparse_count,
                                 const struct image_side *shared, float *src, int n, bool multimask)
{
    enum stage_name left = enter(IN_MASKS);
    __real_mask_decoder_predict(model, arena, masks, iou, sparse, sparse_count, shared, src, n,
                                multimask);
    enter(left);
}

/* ---- the encoder's layers ---- */

/* Which layer these weights belong to: by where they lie in the model. */
static enum stage_name stage_of(const struct nn_weights *weights)
{
    static const struct {
        size_t offset;
        enum stage_name stage;
    } of_block[] = {
        {offsetof(struct block_products, qkv), IN_QKV},
        {offsetof(struct block_products, proj), IN_PROJ},
        {offsetof(struct block_products, mlp1), IN_MLP},
        {offsetof(struct block_products, mlp2), IN_MLP},
        {offsetof(struct block_products, spatial_down), IN_ADAPTER_DOWN},
        {offsetof(struct block_products, spatial_up), IN_ADAPTER_UP},
    };
    for (int i = 0; watched && i < watched->config.depth; i++)
        for (size_t j = 0; j < sizeof of_block / sizeof *of_block; j++)
            if ((const char *)weights ==
                (const char *)&watched->weights.image_encoder.blocks[i].products + of_block[j].offset)
                return of_block[j].stage;
    return IN_NECK;
}

/* Pairs of an output place and a tap along one axis that meet inside the picture. */
static double meetings(int size, int places, int kernel, int stride, int padding)
{
    double inside = 0;
    for (int place = 0; place < places; place++)
        for (int tap = 0; tap < kernel; tap++) {
            int at = place * stride - padding + tap;
            inside += at >= 0 && at < size;
        }
    return inside;
}

static double conv_flop(int batch, int height, int width, int cin, int cout, int kernel, int stride,
                        int padding)
{
    int oh = (height + 2 * padding - kernel) / stride + 1, ow = (width + 2 * padding - kernel) / stride + 1;
    return 2.0 * batch * cin * cout * meetings(height, oh, kernel, stride, padding) *
           meetings(width, ow, kernel, stride, padding);
}

void __wrap_nn_conv(float *out, const float *x, const float *packed, const float *bias, int batch,
                    int height, int width, int cin, int cout, int kernel, int stride, int padding,
                    float *scratch)
{
    enum stage_name left = stage;
    if (left == IN_ENCODER) { /* else inside nn_dense_conv, by BLAS */
        enter(IN_PATCH_EMBED);
        count(IN_PATCH_EMBED, conv_flop(batch, height, width, cin, cout, kernel, stride, padding));
    }
    __real_nn_conv(out, x, packed, bias, batch, height, width, cin, cout, kernel, stride, padding, scratch);
    if (left == IN_ENCODER)
        enter(left);
}

void __wrap_nn_dense(float *out, const float *x, const struct nn_weights *weights,
                     const struct nn_after *after, int rows, float *scratch)
{
    enum stage_name here = stage == IN_ENCODER ? stage_of(weights) : stage, left = enter(here);
    count(here, 2.0 * rows * weights->n * weights->k);
    __real_nn_dense(out, x, weights, after, rows, scratch);
    enter(left);
}

void __wrap_nn_dense_pair(float *out, const float *x, const struct nn_weights *first,
                          const struct nn_after *between, const struct nn_weights *second,
                          const struct nn_after *after, int rows, float *scratch)
{
    enum stage_name here = stage == IN_ENCODER ? stage_of(first) : stage, left = enter(here);
    /* Of the weights of the masks' logits three quarters are zeros. */
    double needed = here == IN_MASKS ? second->n / 4.0 : second->n;
    count(here, 2.0 * rows * first->n * (first->k + needed));
    __real_nn_dense_pair(out, x, first, between, second, after, rows, scratch);
    enter(left);
}

void __wrap_nn_dense_conv(float *out, const float *x, const struct nn_weights *weights,
                          const struct nn_after *after, int batch, int height, int width, int kernel,
                          int stride, int padding, float *scratch)
{
    enum stage_name here = stage_of(weights), left = enter(here);
    count(here, conv_flop(batch, height, width, weights->k, weights->n, kernel, stride, padding));
    __real_nn_dense_conv(out, x, weights, after, batch, height, width, kernel, stride, padding, scratch);
    enter(left);
}

void __wrap_nn_dense_conv_transpose(float *out, const float *x, const struct nn_weights *weights,
                                    const struct nn_after *after, int batch, int height, int width,
                                    int kernel, float *scratch)
{
    enum stage_name here = stage_of(weights), left = enter(here);
    int padding = kernel / 2 - 1; /* the convolution that goes the other way meets the same pairs */
    count(here, conv_flop(batch, 2 * height, 2 * width, weights->n, weights->k, kernel, 2, padding));
    __real_nn_dense_conv_transpose(out, x, weights, after, batch, height, width, kernel, scratch);
    enter(left);
}

/* Products of queries with keys and of weights with values in all windows of one picture and head, over
 * d. Padded tokens all have the same key and value: one product for all of them. */
static double window_products(int side, int w)
{
    double products = 0;
    for (int y = 0; y < side; y += w)
        for (int x = 0; x < side; x += w) {
            int rows = side - y < w ? side - y : w, columns = side - x < w ? side - x : w;
            double tokens = (double)rows * columns;
            products += 2 * tokens * (tokens + (rows < w || columns < w));
        }
    return products;
}

void __wrap_nn_window_attention(float *out, const float *qkv, const float *qkv_bias,
                                const float *rel_pos_h, const float *rel_pos_w, int batch, int side,
                                int window, int heads, int d, float *scratch)
{
    enum stage_name left = enter(IN_ATTENTION);
    int w = window ? window : side;
    double positions = rel_pos_h ? 2.0 * w * side * side : 0;
    count(IN_ATTENTION, 2.0 * batch * heads * d * (window_products(side, w) + positions));
    __real_nn_window_attention(out, qkv, qkv_bias, rel_pos_h, rel_pos_w, batch, side, window, heads, d,
                               scratch);
    enter(left);
}

/* ---- products of the decoder ---- */

static void count_product(double m, double n, double k)
{
    if (sums_products[stage])
        count(stage, 2 * m * n * k);
}

void __wrap_nn_gemm(float *c, int ldc, const float *a, int lda, bool transpose_a, const float *b, int ldb,
                    bool transpose_b, int m, int n, int k, float alpha, float beta)
{
    count_product(m, n, k);
    __real_nn_gemm(c, ldc, a, lda, transpose_a, b, ldb, transpose_b, m, n, k, alpha, beta);
}

void __wrap_nn_linear(float *out, const float *x, const float *w, const float *bias, int rows, int k, int n)
{
    count_product(rows, n, k);
    __real_nn_linear(out, x, w, bias, rows, k, n);
}

void __wrap_nn_linear_ld(float *out, int ld_out, const float *x, int ld_x, const float *w,
                         const float *bias, int rows, int k, int n)
{
    count_product(rows, n, k);
    __real_nn_linear_ld(out, ld_out, x, ld_x, w, bias, rows, k, n);
}

void __wrap_nn_linear_add(float *out, const float *x, const float *w, const float *bias, int rows, int k,
                          int n)
{
    count_product(rows, n, k);
    __real_nn_linear_add(out, x, w, bias, rows, k, n);
}

/* Its own products, on whichever threads, are not counted again. */
void __wrap_nn_attention(float *out, const float *q, const float *k, const float *v, int batch, int tq,
                         int tk, int heads, int d, float *scratch)
{
    enum stage_name here = stage;
    count_product(2.0 * batch * heads * tq, tk, d);
    enter(here); /* the time so far */
    stage = NOWHERE;
    __real_nn_attention(out, q, k, v, batch, tq, tk, heads, d, scratch);
    stage = here;
}
