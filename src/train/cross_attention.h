/* train/cross_attention.h - model/cross_attention.h with its backward pass: attention between a prompt's
 * few tokens and the many of its image, without projecting the image.
 *
 * Letters: n prompts, t tokens a prompt, g image tokens, C prompt_dim, A the attention's width.
 * The bias of k adds the same to all scores of a token that looks at the image: no gradient.
 */
#ifndef TRAIN_CROSS_ATTENTION_H
#define TRAIN_CROSS_ATTENTION_H

#include "train/pass.h"

struct cross_tape {
    const float *x, *y;             /* (n, t, C): tokens that ask, or that are asked and what they tell */
    const float *placed, *keys;     /* (n, g, C): the image's tokens with their places, and without */
    float *asked, *told;            /* (n, t, A): x and y projected; or, looking at the image, what comes before out */
    float *wide, *weights, *values; /* (n, t, heads, C or g): `asked` as wide as the image, softmax, what is mixed */
    int n, t;
};

/* Does it cost less than projecting the image, for t tokens a prompt? */
bool cross_attention_pays(const struct pass *pass, int t);

/* (n, t, C), output projection included. tape->x, placed, keys, n and t are set. */
float *look_at_image(struct cross_tape *tape, const struct pass *pass, const struct attention *w);
/* d_x (n, t, C) is overwritten; d_keys (n, g, C), unless NULL, gets the ways over placed and keys added. */
void look_at_image_backward(const struct cross_tape *tape, const struct pass *pass, const struct attention *w,
                            const struct attention *g, const float *d_out, float *d_x, float *d_keys);

/* sum (n, g, C) += what the image's tokens find. tape->x, y, placed, n and t are set. */
void look_at_tokens(struct cross_tape *tape, const struct pass *pass, const struct attention *w, float *sum);
/* d_keys (n, g, C) is by the sum, and gets, if `below`, the way over placed added; d_x and d_y (n, t, C) are
 * overwritten. */
void look_at_tokens_backward(const struct cross_tape *tape, const struct pass *pass, const struct attention *w,
                             const struct attention *g, float *d_keys, float *d_x, float *d_y, bool below);

#endif
