/* train/transformer.h - the two-way transformer with its backward pass; transformer.py.
 *
 * Letters: n prompts, t tokens a prompt, g = G * G image tokens, C prompt_dim.
 */
#ifndef TRAIN_TRANSFORMER_H
#define TRAIN_TRANSFORMER_H

#include "train/cross_attention.h"

/* One attention with its projections. */
struct attend_tape {
    const float *xq, *xk, *xv;  /* (n, tq, C), (n, tk, C) twice: what is projected */
    float *q, *k, *v, *mixed;   /* (n, tq, width), (n, tk, width) twice, (n, tq, width) */
    int n, tq, tk, width;
};

/* Between tokens and the image: one of the two, as the number of tokens has it. */
struct between_tape {
    bool folded;
    struct cross_tape few;
    struct attend_tape many;
};

struct layer_tape {
    struct attend_tape self_attn;
    struct between_tape token_to_image, image_to_token;
    float *sum1, *sum2, *sum3, *sum4;       /* what norm1 to norm4 are given */
    float *queries2, *queries, *keys, *hidden; /* after norm2, norm3 and norm4; the MLP's, after ReLU */
};

struct transformer_tape {
    int n, t;
    struct layer_tape layers[MAX_DECODER_DEPTH];
    struct between_tape final_attn;
    float *sum;              /* what norm_final is given */
    float *queries, *keys;   /* (n, t, C), (n, g, C): the results */
};

/* tokens (n, t, C) and src (n, g, C) stay alive until the way back. */
void transformer_forward(struct transformer_tape *tape, const struct pass *pass, const float *tokens,
                         const float *src, int n, int t);
/* d_queries (n, t, C) and d_keys (n, g, C) are by the results and are used up; d_tokens (n, t, C) is
 * overwritten. d_keys becomes the gradient by src, if `below`. */
void transformer_backward(const struct transformer_tape *tape, const struct pass *pass, float *d_tokens,
                          float *d_queries, float *d_keys, bool below);

#endif
