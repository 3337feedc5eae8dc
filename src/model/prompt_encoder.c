#include <math.h>
#include <string.h>
#include "model/prompt_encoder.h"
#include "nn/nn.h"

/* ref: prompt_encoder.py PositionEmbeddingRandom._pe_encoding; x and y in [0, 1], float32 throughout
 * as there, so that the angles round alike. */
static void encode_position(const struct sm_model *model, float *out, float x, float y)
{
    int half = model->config.prompt_dim / 2;
    const float *along_x = model->weights.prompt_encoder.gaussian, *along_y = along_x + half;
    const float two_pi = (float)(2 * 3.14159265358979323846);
    x = 2 * x - 1;
    y = 2 * y - 1;
    for (int i = 0; i < half; i++) {
        float angle = two_pi * (x * along_x[i] + y * along_y[i]);
        out[i] = sinf(angle);
        out[half + i] = cosf(angle);
    }
}

void prompt_encoder_dense_pe(const struct sm_model *model, float *out)
{
    int side = grid_side(&model->config), dim = model->config.prompt_dim;
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            encode_position(model, out + ((size_t)y * side + x) * dim, ((float)x + 0.5f) / (float)side,
                            ((float)y + 0.5f) / (float)side);
}

int prompt_encoder_tokens(const struct sm_prompt *prompt)
{
    int points = prompt->point_count;
    if (points > 0 && !prompt->box)
        points++;
    return points + (prompt->box ? 2 : 0);
}

/* One point of the frame, and the learned embedding of its kind (NULL: none). */
static void embed_point(const struct sm_model *model, float *out, const float xy[2],
                        const float *kind)
{
    float size = (float)model->config.image_size;
    encode_position(model, out, (xy[0] + 0.5f) / size, (xy[1] + 0.5f) / size);
    if (kind)
        nn_add(out, kind, (size_t)model->config.prompt_dim);
}

void prompt_encoder_sparse(const struct sm_model *model, float *out, const struct sm_prompt *prompt,
                           const float (*points)[2], const float *box)
{
    const struct prompt_encoder *w = &model->weights.prompt_encoder;
    size_t dim = (size_t)model->config.prompt_dim, bytes = dim * sizeof(float);
    for (int i = 0; i < prompt->point_count; i++, out += dim) {
        int label = prompt->point_labels[i];
        if (label == -1)
            memcpy(out, w->not_a_point, bytes);
        else
            embed_point(model, out, points[i],
                        label == 0 || label == 1 ? w->point_embed[label] : NULL);
    }
    if (prompt->point_count > 0 && !box) { /* the padding point: label -1 */
        memcpy(out, w->not_a_point, bytes);
        out += dim;
    }
    for (int corner = 0; box && corner < 2; corner++, out += dim)
        embed_point(model, out, box + 2 * corner, w->point_embed[2 + corner]);
}

/* ref: prompt_encoder.py mask_downscaling; two 2x2 convolutions of stride 2, then one of 1x1. */
void prompt_encoder_dense(const struct sm_model *model, struct arena *arena, float *out,
                          const float *mask)
{
    const struct prompt_encoder *w = &model->weights.prompt_encoder;
    const struct sm_config *c = &model->config;
    int side = 4 * grid_side(c), half = side / 2, quarter = side / 4;
    int k1 = c->mask_in_chans / 4, k2 = c->mask_in_chans;
    size_t mark = arena_mark(arena);
    float *x1 = arena_floats(arena, (size_t)half * half * k1);
    float *x2 = arena_floats(arena, (size_t)quarter * quarter * k2);
    size_t scratch1 = nn_conv_scratch(1, side, side, 1, k1, 2, 2, 0);
    size_t scratch2 = nn_conv_scratch(1, half, half, k1, k2, 2, 2, 0);
    float *scratch = arena_floats(arena, scratch1 > scratch2 ? scratch1 : scratch2);
    if (arena->base) {
        nn_conv(x1, mask, w->mask_conv1.weight, w->mask_conv1.bias, 1, side, side, 1, k1, 2, 2, 0,
                scratch);
        nn_layer_norm(x1, x1, w->mask_norm1.weight, w->mask_norm1.bias, half * half, k1,
                      norm_eps_encoder());
        nn_gelu(x1, (size_t)half * half * k1);
        nn_conv(x2, x1, w->mask_conv2.weight, w->mask_conv2.bias, 1, half, half, k1, k2, 2, 2, 0,
                scratch);
        nn_layer_norm(x2, x2, w->mask_norm2.weight, w->mask_norm2.bias, quarter * quarter, k2,
                      norm_eps_encoder());
        nn_gelu(x2, (size_t)quarter * quarter * k2);
        nn_linear(out, x2, w->mask_conv3.weight, w->mask_conv3.bias, quarter * quarter, k2,
                  c->prompt_dim);
    }
    arena_release(arena, mark);
}
