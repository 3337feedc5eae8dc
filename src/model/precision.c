/* Which weights the encoder multiplies with. */
#include "model/model_internal.h"

void encoder_products(struct sm_model *model)
{
    const struct sm_config *config = &model->config;
    struct image_encoder *encoder = &model->weights.image_encoder;
    int dim = config->embed_dim, mlp_dim = config->mlp_dim, width = config->prompt_dim;
    for (int i = 0; i < config->depth; i++) {
        struct block *block = &encoder->blocks[i];
        const struct adapter *adapter = &block->adapter;
        block->products = (struct block_products){
            .qkv = nn_weights_linear(block->qkv.weight, 3 * dim, dim),
            .proj = nn_weights_linear(block->proj.weight, dim, dim),
            .mlp1 = nn_weights_linear(block->mlp1.weight, mlp_dim, dim),
            .mlp2 = nn_weights_linear(block->mlp2.weight, dim, mlp_dim),
            .spatial_down = nn_weights_conv(adapter->spatial_down, dim, dim, 3),
            .spatial_up = nn_weights_conv_transpose(adapter->spatial_up, dim, dim, 4),
        };
    }
    encoder->neck = (struct neck_products){
        .conv1 = nn_weights_linear(encoder->neck_conv1, width, dim),
        .conv2 = nn_weights_conv(encoder->neck_conv2, width, width, 3),
    };
}
