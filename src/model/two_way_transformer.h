/* model/two_way_transformer.h - tokens and image attend to each other; transformer.py. */
#ifndef MODEL_TWO_WAY_TRANSFORMER_H
#define MODEL_TWO_WAY_TRANSFORMER_H

#include "model/model_internal.h"

/* What the first layer needs of a picture without a mask prompt: the same for every prompt on it.
 * g = G * G, a = C / decoder_downsample. */
struct image_side {
    const float *src; /* (g, C): image embedding + no_mask_embed */
    const float *k, *v; /* (g, a): layer 0's cross_attn_token_to_image, k of src + image_pe */
    const float *q;     /* (g, a): layer 0's cross_attn_image_to_token, of src + image_pe */
};

/* Fills k, v and q, (g, a) each, from src. */
void two_way_transformer_image_side(const struct sm_model *model, struct arena *arena, float *k,
                                    float *v, float *q, const float *src);

/* tokens (n, t, C) of n prompts. Out: queries (n, t, C) and keys (n, g, C). When `shared` is given all
 * prompts start from shared->src; else keys holds the n starting images. Nothing is computed while
 * the arena measures. */
void two_way_transformer(const struct sm_model *model, struct arena *arena, float *queries,
                         float *keys, const float *tokens, const struct image_side *shared, int n,
                         int t);
#endif
