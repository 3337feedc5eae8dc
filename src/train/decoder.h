/* train/decoder.h - the mask decoder with its backward pass; mask_decoder.py. */
#ifndef TRAIN_DECODER_H
#define TRAIN_DECODER_H

#include "train/transformer.h"

enum { MAX_MLP_DEPTH = MAX_IOU_DEPTH };

/* Linear layers with ReLU between them: what goes into each, and what comes out last. */
struct mlp_tape {
    float *x[MAX_MLP_DEPTH + 1];
};

/* Every mask token's mask is made: M = mask_tokens, of which the first is the single mask's. */
struct decoder_tape {
    int n, t;
    struct transformer_tape transformer;
    struct mlp_tape iou_head, hyper[MAX_MASK_TOKENS];
    float *half, *half_normed, *half_act; /* (n, 2G, 2G, C/4) before and after norm, after GELU */
    float *full, *full_act;               /* (n, 4G, 4G, C/8) before and after GELU */
    float *masks;                         /* (n, M, L, L) logits */
    float *iou;                           /* (n, M) */
};

/* sparse (n, sparse_count, C), src (n, G, G, C): image embedding and dense embedding added up; both
 * stay alive until the way back. */
void decoder_forward(struct decoder_tape *tape, const struct pass *pass, const float *sparse,
                     int sparse_count, const float *src, int n);
/* wanted (n, M): the masks that have a gradient, d_masks (n, M, L, L), read only there; d_iou (n, M).
 * d_sparse (n, sparse_count, C), if not NULL, and d_src (n, G, G, C), if `below`, are overwritten. */
void decoder_backward(const struct decoder_tape *tape, const struct pass *pass, float *d_sparse,
                      float *d_src, bool below, const bool *wanted, const float *d_masks,
                      const float *d_iou);

#endif
