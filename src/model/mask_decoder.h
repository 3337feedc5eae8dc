/* model/mask_decoder.h - tokens and image to mask logits and predicted IoU; mask_decoder.py. */
#ifndef MODEL_MASK_DECODER_H
#define MODEL_MASK_DECODER_H

#include "model/two_way_transformer.h"

/* Masks that a prompt gives: the first token's alone, or those of all others. */
static inline int mask_count(const struct sm_config *config, bool multimask)
{
    return multimask ? config->mask_tokens - 1 : 1;
}

/* n prompts of `sparse_count` sparse tokens each: sparse (n, sparse_count, C). The image with the
 * dense embedding added is shared->src for all of them, or src (n, G, G, C), which is overwritten.
 * masks[i] (M, L, L) and iou[i] (M) are where prompt i's results go. Nothing is computed while the
 * arena measures. */
void mask_decoder_predict(const struct sm_model *model, struct arena *arena, float *const *masks,
                          float *const *iou, const float *sparse, int sparse_count,
                          const struct image_side *shared, float *src, int n, bool multimask);
#endif
