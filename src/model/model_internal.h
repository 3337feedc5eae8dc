/* model/model_internal.h - what the files of src/model share: weights by name, the network's parts.
 *
 * Shapes use the letters of weights.def and sammed2d/model.h. Pictures are channels-last.
 */
#ifndef MODEL_MODEL_INTERNAL_H
#define MODEL_MODEL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "h5/h5.h"
#include "nn/nn.h"
#include "sammed2d/model.h"

/* ---- weights: pointers into one block, filled once at open (weights.c) ---- */

struct linear {
    const float *weight, *bias; /* (out, in), (out) */
};
struct norm {
    const float *weight, *bias;
};

/* image_encoder.py, Adapter_Layer. LayerNorm eps 1e-5. */
struct adapter {
    struct norm norm;
    const float *channel_down; /* (H, E), no bias */
    const float *channel_up;   /* (E, H), no bias */
    const float *spatial_down; /* packed by nn_pack_conv: 3x3, stride 2, padding 1 */
    const float *spatial_up;   /* packed by nn_pack_conv_transpose: 4x4, stride 2, padding 1 */
};

/* What the encoder multiplies with: the tensors named so, as they are or in a lower precision. */
struct block_products {
    struct nn_weights qkv, proj, mlp1, mlp2, spatial_down, spatial_up;
    const float *given_down, *given_up; /* the last two in PyTorch's layout, where they are deferred */
};
struct neck_products {
    struct nn_weights conv1, conv2;
};

struct block {
    struct norm norm1, norm2; /* eps 1e-6 */
    struct linear qkv, proj, mlp1, mlp2;
    const float *rel_pos_h, *rel_pos_w; /* (R, D) */
    struct adapter adapter;             /* all NULL when the configuration has none */
    struct block_products products;
};

struct image_encoder {
    struct linear patch;    /* weight packed by nn_pack_conv */
    const float *pos_embed; /* (G, G, E) */
    struct block blocks[SM_MAX_DEPTH];
    const float *neck_conv1; /* (C, E): 1x1, a linear layer without bias */
    const float *neck_conv2; /* packed by nn_pack_conv: 3x3, padding 1, no bias */
    struct norm neck_norm1, neck_norm2; /* LayerNorm2d, eps 1e-6 */
    struct neck_products neck;
};

enum { POINT_KINDS = 4 }; /* background, foreground, box top left, box bottom right */

struct prompt_encoder {
    const float *gaussian; /* (2, C/2): rows x, y */
    const float *point_embed[POINT_KINDS];
    const float *not_a_point, *no_mask; /* (C) */
    struct linear mask_conv1, mask_conv2; /* packed by nn_pack_conv: 2x2, stride 2 */
    struct norm mask_norm1, mask_norm2;
    struct linear mask_conv3; /* (C, K): 1x1 */
};

/* transformer.py, Attention: width A = C / decoder_downsample, or C in self attention. */
struct attention {
    struct linear q, k, v, out;
};

enum { MAX_DECODER_DEPTH = 16, MAX_MASK_TOKENS = 16, MAX_IOU_DEPTH = 16, HYPER_DEPTH = 3 };

struct decoder_layer {
    struct attention self_attn, token_to_image, image_to_token;
    struct norm norm1, norm2, norm3, norm4; /* eps 1e-5 */
    struct linear mlp1, mlp2;
};

struct hypernetwork {
    struct linear layer[HYPER_DEPTH];
};

struct mask_decoder {
    struct decoder_layer layers[MAX_DECODER_DEPTH];
    struct attention final_attn;
    struct norm norm_final; /* eps 1e-5 */
    const float *iou_token, *mask_tokens; /* (C), (T, C) */
    struct linear upscale1, upscale2; /* packed by nn_pack_conv_transpose: 2x2, stride 2 */
    struct norm upscale_norm;         /* LayerNorm2d, eps 1e-6 */
    struct hypernetwork hyper[MAX_MASK_TOKENS];
    struct linear iou_head[MAX_IOU_DEPTH];
};

struct weights {
    struct image_encoder image_encoder;
    struct prompt_encoder prompt_encoder;
    struct mask_decoder mask_decoder;
};

struct sm_model {
    struct sm_config config;
    enum sm_precision precision;
    struct weights weights;
    struct arena block;    /* the tensors that are not in the map, and what is computed from tensors alone */
    struct h5_map map;     /* of the weights file: tensors used as they are stored; may be empty */
    const float *image_pe; /* (G, G, C): prompt_encoder.get_dense_pe() */
    struct deferred *deferred; /* what is left to do to the encoder's tensors; NULL: nothing */
};

/* deferred.c: before the encoder is used; safe from several threads. `often`: the adapters' filters, most of what has
 * to be copied, are laid out for good, else in each forward pass anew, in the arena. */
enum sm_status model_prepare_encoder(const struct sm_model *model, bool often, struct sm_err *err);
bool model_lays_out(const struct sm_model *model);
void deferred_free(struct deferred *deferred);

/* ---- precision.c ---- */

/* Bytes that the tensor of this field takes in a lower precision instead of its floats; 0: it stays
 * float32. */
size_t lowered_bytes(const struct sm_model *model, const float *const *field);
/* Keeps the tensor of this field in `memory`; x as it would have been kept in float32. */
void keep_lowered(struct sm_model *model, const float *const *field, const float *x, void *memory);
/* After all tensors are in their places: the products that are in float32. */
void keep_products(struct sm_model *model);

/* The weights' view, with float32 data at x, of the product that a tensor is for, and where it is kept; false: none. */
bool product_of(const struct sm_model *model, const float *const *field, const float *x, struct nn_weights *view,
                struct nn_weights **kept);
enum nn_precision nn_precision_of(enum sm_precision precision);
/* Where the tensor of this field is kept in PyTorch's layout; NULL: it is no filter of an adapter. */
const float **filter_given(struct sm_model *model, const float *const *field);

/* ---- numbers that follow from the configuration ---- */

static inline int grid_side(const struct sm_config *config)
{
    return config->image_size / config->patch_size; /* G */
}
static inline int head_dim(const struct sm_config *config)
{
    return config->embed_dim / config->num_heads; /* D */
}
static inline float norm_eps_encoder(void)
{
    return 1e-6f; /* norm1, norm2 and every LayerNorm2d */
}
static inline float norm_eps_torch(void)
{
    return 1e-5f; /* adapters and the decoder's transformer: torch's default */
}

/* ---- looking inside: check_golden compares stage by stage ---- */

enum stage { STAGE_PATCH_EMBED, STAGE_BLOCK, STAGE_EMBEDDING };

/* x (batch, G, G, E), or (batch, G, G, C) for the embedding; `block` is 0 unless STAGE_BLOCK. */
struct tap {
    void *context;
    void (*stage)(void *context, enum stage stage, int block, const float *x);
};

/* ---- image_encoder.c ---- */

/* x (batch, S, S, 3) normalised pixels to out (batch, G, G, C). Buffers come from `arena` and go
 * back. tap may be NULL. With a measuring arena (base NULL) nothing is computed, and arena->peak
 * grows to what a real call needs. */
void image_encoder_forward(const struct sm_model *model, struct arena *arena, float *out,
                           const float *x, int batch, const struct tap *tap);

#endif
