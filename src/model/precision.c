/* Which weights the encoder multiplies with, and in which precision.
 *
 * Lowered are the matrices of the blocks, 99 % of the arithmetic. The patch embedding and the neck
 * stay float32: all that follows rests on the one, and the decoder looks at the other.
 */
#include "model/model_internal.h"

static const enum nn_precision precisions[] = {
    [SM_PRECISION_FLOAT32] = NN_F32, [SM_PRECISION_BF16] = NN_BF16, [SM_PRECISION_INT8] = NN_INT8};

enum shape { LINEAR, CONVOLUTION, TRANSPOSED };

/* A tensor and the product it is for. */
struct pair {
    const float *const *field;
    struct nn_weights *product;
    enum shape shape;
    int n, k, kernel;
    const float **given; /* NULL: used in PyTorch's layout */
};

enum { BLOCK_PAIRS = 6 };

static void block_pairs(struct pair pairs[BLOCK_PAIRS], struct sm_model *model, int number)
{
    struct block *b = &model->weights.image_encoder.blocks[number];
    struct block_products *p = &b->products;
    int dim = model->config.embed_dim, mlp_dim = model->config.mlp_dim;
    const struct pair all[BLOCK_PAIRS] = {
        {&b->qkv.weight, &p->qkv, LINEAR, 3 * dim, dim, 1, NULL},
        {&b->proj.weight, &p->proj, LINEAR, dim, dim, 1, NULL},
        {&b->mlp1.weight, &p->mlp1, LINEAR, mlp_dim, dim, 1, NULL},
        {&b->mlp2.weight, &p->mlp2, LINEAR, dim, mlp_dim, 1, NULL},
        {&b->adapter.spatial_down, &p->spatial_down, CONVOLUTION, dim, dim, 3, &p->given_down},
        {&b->adapter.spatial_up, &p->spatial_up, TRANSPOSED, dim, dim, 4, &p->given_up},
    };
    for (int i = 0; i < BLOCK_PAIRS; i++)
        pairs[i] = all[i];
}

static struct nn_weights view(const struct pair *pair, const float *x)
{
    return pair->shape == CONVOLUTION  ? nn_weights_conv(x, pair->n, pair->k, pair->kernel)
           : pair->shape == TRANSPOSED ? nn_weights_conv_transpose(x, pair->k, pair->n, pair->kernel)
                                       : nn_weights_linear(x, pair->n, pair->k);
}

static bool find(struct pair *pair, const struct sm_model *model, const float *const *field)
{
    struct pair pairs[BLOCK_PAIRS];
    for (int number = 0; number < model->config.depth; number++) {
        block_pairs(pairs, (struct sm_model *)model, number);
        for (int i = 0; i < BLOCK_PAIRS; i++)
            if (pairs[i].field == field) {
                *pair = pairs[i];
                return true;
            }
    }
    return false;
}

bool product_of(const struct sm_model *model, const float *const *field, const float *x, struct nn_weights *weights,
                struct nn_weights **kept)
{
    struct pair pair;
    if (!find(&pair, model, field))
        return false;
    *weights = view(&pair, x);
    *kept = pair.product;
    return true;
}

const float **filter_given(struct sm_model *model, const float *const *field)
{
    struct pair pair;
    return find(&pair, model, field) ? pair.given : NULL;
}

enum nn_precision nn_precision_of(enum sm_precision precision)
{
    return precisions[precision];
}

size_t lowered_bytes(const struct sm_model *model, const float *const *field)
{
    struct pair pair;
    if (model->precision == SM_PRECISION_FLOAT32 || !find(&pair, model, field))
        return 0;
    struct nn_weights shape = view(&pair, NULL);
    return nn_weights_bytes(&shape, precisions[model->precision]);
}

void keep_lowered(struct sm_model *model, const float *const *field, const float *x, void *memory)
{
    struct pair pair;
    if (!find(&pair, model, field))
        return;
    struct nn_weights weights = view(&pair, x);
    *pair.product = nn_weights_lower(memory, &weights, precisions[model->precision]);
}

void keep_products(struct sm_model *model)
{
    struct image_encoder *encoder = &model->weights.image_encoder;
    int dim = model->config.embed_dim, width = model->config.prompt_dim;
    for (int number = 0; number < model->config.depth; number++) {
        struct pair pairs[BLOCK_PAIRS];
        block_pairs(pairs, model, number);
        for (int i = 0; i < BLOCK_PAIRS; i++)
            if (*pairs[i].field)
                *pairs[i].product = view(&pairs[i], *pairs[i].field);
    }
    encoder->neck = (struct neck_products){
        .conv1 = nn_weights_linear(encoder->neck_conv1, width, dim),
        .conv2 = nn_weights_conv(encoder->neck_conv2, width, width, 3),
    };
}
