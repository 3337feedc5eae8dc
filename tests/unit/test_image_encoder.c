/* The image encoder on small networks of many shapes against the same network put together from the
 * naive twins, one picture at a time, rounded to float32 after each layer.
 *
 * What golden files do not have: no windows, windows that fit, other patch sizes, several pictures.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/hash_weights.h"
#include "lib/nn_check.h"
#include "lib/nn_ref.h"
#include "model/config.h"

static uint64_t seed = 3;

/* A tensor of the encoder in PyTorch's layout; block NONE: of no block. */
enum { NONE = -1 };

static float *tensor(const char *rest, int block, int rank, int64_t a, int64_t b, int64_t c)
{
    char name[128], prefix[32] = "";
    int64_t dim[4] = {a, b, c, c};
    size_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= (size_t)dim[i];
    if (block != NONE)
        snprintf(prefix, sizeof(prefix), "blocks.%d.", block);
    snprintf(name, sizeof(name), "image_encoder.%s%s", prefix, rest);
    float *out = empty_floats(count);
    hash_fill(out, name, rank, dim, seed);
    return out;
}

static float *rounded(double *x, size_t count)
{
    float *out = empty_floats(count);
    for (size_t i = 0; i < count; i++)
        out[i] = (float)x[i];
    free(x);
    return out;
}

static float *linear(const float *x, float *w, float *bias, int rows, int k, int n)
{
    size_t count = (size_t)rows * n;
    double *out = empty_doubles(count), *size = empty_doubles(count);
    ref_linear(out, size, x, k, w, bias, rows, k, n);
    free(size), free(w), free(bias);
    return rounded(out, count);
}

static float *norm(const float *x, float *weight, float *bias, int rows, int n, double eps)
{
    double *out = empty_doubles((size_t)rows * n);
    ref_layer_norm(out, x, weight, bias, rows, n, eps);
    free(weight), free(bias);
    return rounded(out, (size_t)rows * n);
}

static float *conv(const float *x, float *w, float *bias, int side, int cin, int cout, int kernel,
                   int stride, int padding)
{
    int to = (side + 2 * padding - kernel) / stride + 1;
    size_t count = (size_t)to * to * cout;
    double *out = empty_doubles(count), *size = empty_doubles(count);
    ref_conv(out, size, x, w, bias, 1, side, side, cin, cout, kernel, stride, padding);
    free(size), free(w), free(bias);
    return rounded(out, count);
}

static void relu(float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = x[i] < 0 ? 0 : x[i];
}

/* x += y; frees y. */
static void add(float *x, float *y, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] += y[i];
    free(y);
}

static float *attention(const struct sm_config *c, int block, const float *x)
{
    int g = grid_side(c), e = c->embed_dim, rows = g * g, d = head_dim(c);
    int window = c->global_attn[block] ? 0 : c->window_size;
    int positions = 2 * (window ? window : g) - 1;
    float *h = tensor("attn.rel_pos_h", block, 2, positions, d, 0);
    float *w = tensor("attn.rel_pos_w", block, 2, positions, d, 0);
    float *bias = tensor("attn.qkv.bias", block, 1, 3 * e, 0, 0);
    float *qkv = linear(x, tensor("attn.qkv.weight", block, 2, 3 * e, e, 0),
                        tensor("attn.qkv.bias", block, 1, 3 * e, 0, 0), rows, e, 3 * e);
    double *out = empty_doubles((size_t)rows * e);
    ref_window_attention(out, qkv, bias, h, w, 1, g, window, c->num_heads, d);
    free(h), free(w), free(bias), free(qkv);
    float *mixed = rounded(out, (size_t)rows * e);
    float *result = linear(mixed, tensor("attn.proj.weight", block, 2, e, e, 0),
                           tensor("attn.proj.bias", block, 1, e, 0, 0), rows, e, e);
    free(mixed);
    return result;
}

static float *gated(const struct sm_config *c, int block, const float *x)
{
    int e = c->embed_dim, hidden = c->adapter_hidden, rows = grid_side(c) * grid_side(c);
    double *mean = empty_doubles(e);
    ref_mean_pixels(mean, x, 1, rows, e);
    float *pooled = rounded(mean, e), *out = empty_floats((size_t)rows * e);
    float *down = linear(pooled, tensor("Adapter.channel.0.weight", block, 2, hidden, e, 0), NULL,
                         1, e, hidden);
    relu(down, hidden);
    float *gate = linear(down, tensor("Adapter.channel.2.weight", block, 2, e, hidden, 0), NULL, 1,
                         hidden, e);
    for (int i = 0; i < rows * e; i++)
        out[i] = (float)(x[i] * ref_sigmoid(gate[i % e]));
    free(pooled), free(down), free(gate);
    return out;
}

static float *adapter(const struct sm_config *c, int block, const float *x)
{
    int e = c->embed_dim, g = grid_side(c), rows = g * g;
    float *gate = gated(c, block, x);
    float *half =
        conv(gate, tensor("Adapter.spatial.0.weight", block, 4, e, e, 3), NULL, g, e, e, 3, 2, 1);
    relu(half, (size_t)rows / 4 * e);
    float *up = tensor("Adapter.spatial.2.weight", block, 4, e, e, 4);
    double *out = empty_doubles((size_t)rows * e), *size = empty_doubles((size_t)rows * e);
    ref_conv_transpose(out, size, half, up, NULL, 1, g / 2, g / 2, e, e, 4);
    float *branch = rounded(out, (size_t)rows * e), *skip = empty_floats((size_t)rows * e);
    relu(branch, (size_t)rows * e);
    memcpy(skip, x, (size_t)rows * e * sizeof(float));
    add(branch, skip, (size_t)rows * e);
    float *result = norm(branch, tensor("Adapter.norm.weight", block, 1, e, 0, 0),
                         tensor("Adapter.norm.bias", block, 1, e, 0, 0), rows, e, 1e-5);
    free(gate), free(half), free(up), free(size), free(branch);
    return result;
}

static void block_forward(const struct sm_config *c, int block, float *x)
{
    int e = c->embed_dim, m = c->mlp_dim, rows = grid_side(c) * grid_side(c);
    float *n = norm(x, tensor("norm1.weight", block, 1, e, 0, 0),
                    tensor("norm1.bias", block, 1, e, 0, 0), rows, e, 1e-6);
    add(x, attention(c, block, n), (size_t)rows * e);
    free(n);
    n = norm(x, tensor("norm2.weight", block, 1, e, 0, 0), tensor("norm2.bias", block, 1, e, 0, 0),
             rows, e, 1e-6);
    float *hidden = linear(n, tensor("mlp.lin1.weight", block, 2, m, e, 0),
                           tensor("mlp.lin1.bias", block, 1, m, 0, 0), rows, e, m);
    for (int i = 0; i < rows * m; i++)
        hidden[i] = (float)ref_gelu(hidden[i]);
    add(x,
        linear(hidden, tensor("mlp.lin2.weight", block, 2, e, m, 0),
               tensor("mlp.lin2.bias", block, 1, e, 0, 0), rows, m, e),
        (size_t)rows * e);
    if (c->adapter)
        add(x, adapter(c, block, n), (size_t)rows * e);
    free(hidden), free(n);
}

static float *encode(const struct sm_config *c, const float *pixels)
{
    int e = c->embed_dim, g = grid_side(c), p = c->patch_size, width = c->prompt_dim;
    float *x =
        conv(pixels, tensor("patch_embed.proj.weight", NONE, 4, e, 3, p),
             tensor("patch_embed.proj.bias", NONE, 1, e, 0, 0), c->image_size, 3, e, p, p, 0);
    float *pos = empty_floats((size_t)g * g * e);
    hash_fill(pos, "image_encoder.pos_embed", 4, (int64_t[]){1, g, g, e}, seed);
    add(x, pos, (size_t)g * g * e);
    for (int block = 0; block < c->depth; block++)
        block_forward(c, block, x);
    float *narrow = linear(x, tensor("neck.0.weight", NONE, 4, width, e, 1), NULL, g * g, e, width);
    float *normed = norm(narrow, tensor("neck.1.weight", NONE, 1, width, 0, 0),
                         tensor("neck.1.bias", NONE, 1, width, 0, 0), g * g, width, 1e-6);
    float *wide = conv(normed, tensor("neck.2.weight", NONE, 4, width, width, 3), NULL, g, width,
                       width, 3, 1, 1);
    float *out = norm(wide, tensor("neck.3.weight", NONE, 1, width, 0, 0),
                      tensor("neck.3.bias", NONE, 1, width, 0, 0), g * g, width, 1e-6);
    free(x), free(narrow), free(normed), free(wide);
    return out;
}

static struct sm_config small_config(int image_size, int patch, int heads, int window,
                                     bool adapter_too)
{
    struct sm_config c;
    assert_true(config_preset(&c, "vit_b", 256, adapter_too));
    c.image_size = image_size;
    c.patch_size = patch;
    c.embed_dim = 8 * heads;
    c.mlp_dim = 4 * c.embed_dim;
    c.num_heads = heads;
    c.depth = 3;
    c.window_size = window ? window : 14;
    c.adapter_hidden = adapter_too ? c.embed_dim / 4 : 0;
    c.prompt_dim = 32;
    memset(c.global_attn, 0, sizeof(c.global_attn));
    for (int block = 0; block < c.depth; block++)
        c.global_attn[block] = block == 1 || !window;
    return c;
}

/* Three blocks and the neck keep a rounding error's size: the norms divide it by what they divide
 * the numbers by, the residual sums add those of each layer. Values are of the order of 1 to 10;
 * the twins round as often as the encoder does. 400 roundings are 2.4e-5, what the golden files
 * allow. */
static void one_config(const struct sm_config *c, int batch)
{
    struct sm_model *model;
    struct sm_err err;
    struct tensor_source source = hash_source(&seed);
    if (model_from_source(&model, c, &source, &err))
        fail_msg("%s", err.message);
    size_t picture = (size_t)c->image_size * c->image_size * 3, floats = sm_embedding_floats(c);
    float *pixels = random_floats(batch * picture, 2), *out = empty_floats(batch * floats);
    struct arena arena = {0};
    image_encoder_forward(model, &arena, NULL, NULL, batch, NULL);
    assert_int_equal(arena.used, 0);
    assert_int_equal(arena_init(&arena, arena.peak, &err), SM_OK);
    image_encoder_forward(model, &arena, out, pixels, batch, NULL);
    assert_int_equal(arena.used, 0);
    assert_true(arena.peak <= arena.size);
    for (int b = 0; b < batch; b++) {
        float *wanted = encode(c, pixels + b * picture);
        double *wide = empty_doubles(floats);
        for (size_t i = 0; i < floats; i++)
            wide[i] = wanted[i];
        check_close("embedding", out + b * floats, wide, NULL, floats, 200);
        free(wanted), free(wide);
    }
    free(pixels), free(out);
    arena_free(&arena);
    sm_model_close(model);
}

static void test_shapes(void **unused)
{
    (void)unused;
    dice_start("image encoder");
    static const struct {
        int image_size, patch, heads, window, batch;
    } rows[] = {
        {64, 16, 2, 0, 1}, /* no windows */
        {64, 8, 4, 4, 3},  /* windows that fit, three pictures */
        {96, 16, 1, 4, 2}, /* windows with padding */
        {80, 8, 3, 14, 2}, /* a window larger than the picture */
        {256, 16, 2, 14, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int with = 0; with < 2; with++) {
            struct sm_config c = small_config(rows[i].image_size, rows[i].patch, rows[i].heads,
                                              rows[i].window, with);
            one_config(&c, rows[i].batch);
        }
    report_worst("image encoder");
}

static void encode_in(float *out, const struct sm_config *c, const float *pixels,
                      enum sm_precision precision)
{
    struct sm_model *model;
    struct sm_err err;
    struct tensor_source source = hash_source(&seed);
    struct arena arena = {0};
    if (model_from_source_as(&model, c, &source, precision, &err))
        fail_msg("%s", err.message);
    image_encoder_forward(model, &arena, NULL, NULL, 1, NULL);
    assert_int_equal(arena_init(&arena, arena.peak, &err), SM_OK);
    image_encoder_forward(model, &arena, out, pixels, 1, NULL);
    arena_free(&arena);
    sm_model_close(model);
}

static double relative_difference(const float *a, const float *b, size_t count)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        difference += (a[i] - b[i]) * (a[i] - b[i]);
        size += b[i] * b[i];
    }
    return sqrt(difference / size);
}

/* Eight bits of significand are wrong by 2^-9 at most, eight bits of a token's range by more: lower
 * precisions give the same embedding but for a few of such roundings, and not the same bits. */
static void test_precisions(void **unused)
{
    (void)unused;
    dice_start("precisions");
    static const double most[] = {[SM_PRECISION_BF16] = 0.02, [SM_PRECISION_INT8] = 0.06};
    struct sm_config c = small_config(128, 16, 4, 6, true);
    size_t floats = sm_embedding_floats(&c);
    float *pixels = random_floats((size_t)c.image_size * c.image_size * 3, 2);
    float *exact = empty_floats(floats), *lower = empty_floats(floats);
    encode_in(exact, &c, pixels, SM_PRECISION_FLOAT32);
    for (int p = SM_PRECISION_BF16; p <= SM_PRECISION_INT8; p++) {
        encode_in(lower, &c, pixels, p);
        double difference = relative_difference(lower, exact, floats);
        printf("# %s: %.4f of the embedding\n", p == SM_PRECISION_BF16 ? "bf16" : "int8", difference);
        assert_true(difference > 1e-5 && difference < most[p]);
    }
    free(pixels), free(exact), free(lower);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shapes),
                                       cmocka_unit_test(test_precisions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
