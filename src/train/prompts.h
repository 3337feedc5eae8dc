/* train/prompts.h - the prompt encoder with its backward pass, for prompts of one kind; prompt_encoder.py. */
#ifndef TRAIN_PROMPTS_H
#define TRAIN_PROMPTS_H

#include "train/pass.h"

/* n prompts on several pictures, all with as many points, all with or without a box and a mask.
 * Coordinates are in the frame, the network's square of S x S pixels. */
struct prompt_batch {
    int n, point_count;
    const int *picture;       /* (n): which embedding the prompt speaks of */
    const float (*points)[2]; /* (n, point_count) x, y */
    const int *labels;        /* (n, point_count): 1, 0, or -1: none */
    const float *boxes;       /* (n, 4) x0, y0, x1, y1, or NULL */
    const float *masks;       /* (n, L, L), or NULL */
};

struct prompts_tape {
    const struct prompt_batch *batch; /* the caller's */
    int sparse_count;
    float *sparse;       /* (n, sparse_count, C) */
    float *src;          /* (n, G, G, C): image embedding and dense embedding */
    float *conv1, *norm1, *act1; /* (n, 2G, 2G, K/4): mask downscaling, each step's result */
    float *conv2, *norm2, *act2; /* (n, G, G, K) */
};

/* embeddings (pictures, G, G, C) */
void prompts_forward(struct prompts_tape *tape, const struct pass *pass, const struct prompt_batch *batch,
                     const float *embeddings);
/* d_sparse (n, sparse_count, C) and d_src (n, G, G, C) are by tape->sparse and tape->src; d_embeddings
 * (pictures, G, G, C) is added to, NULL: not wanted. */
void prompts_backward(const struct prompts_tape *tape, const struct pass *pass, float *d_embeddings,
                      const float *d_sparse, const float *d_src);
/* Anything of the prompt encoder is trained that this batch makes use of: d_sparse or d_src is needed. */
bool points_trained(const struct pass *pass);
bool dense_trained(const struct pass *pass, const struct prompt_batch *batch);

#endif
