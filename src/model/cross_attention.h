/* model/cross_attention.h - attention between a prompt's few tokens and the many of its image;
 * transformer.py, Attention, called cross_attn_token_to_image, cross_attn_image_to_token and
 * final_attn_token_to_image there.
 *
 * With queries x, keys y and heads of width d, a score is (x Wq + bq) . (y Wk + bk) / sqrt(d). Few x:
 * it is (q Wk^T) . y, and projecting q back to the width of y costs less than projecting all of y. bk
 * adds the same to all scores of a query, which softmax does not see. The weighted mean of projected
 * values is the projected weighted mean, and the weights add up to 1, so bv is added once. In the other
 * direction the output projection goes to the few values: P (v Wo) for (P v) Wo. The work is then
 * heads * t rows of width C where it was A columns: used while heads * t < A.
 */
#ifndef MODEL_CROSS_ATTENTION_H
#define MODEL_CROSS_ATTENTION_H

#include "model/model_internal.h"

/* The sizes of one call of the transformer, so that its steps need few arguments. */
struct call {
    const struct sm_model *model;
    struct arena *arena;
    bool run;                   /* false while the arena measures */
    int n, t, g;                /* prompts, tokens a prompt, image tokens */
    int dim, narrow, heads, d;  /* C; A of the cross attentions; its heads, and their width */
};

/* The n prompts' images, (n, g, C), and the same with image_pe added. */
struct images {
    float *keys, *placed;
    const float *before; /* (g, C): what all keys are before the first step, which then writes them; else NULL */
};

/* y (rows, out) = w x, from the arena. */
float *call_project(const struct call *c, const struct linear *w, const float *x, int rows, int in,
                    int out);
/* Attention between the projections: q (batch, tq, width) with k and v (batch, tk, width). */
float *call_attend(const struct call *c, const float *q, const float *k, const float *v, int batch,
                   int tq, int tk, int width);

/* (n, t, A), before the output projection, from the arena; q (n, t, A) projected. */
float *tokens_to_image(const struct call *c, const struct attention *a, const float *q,
                       const struct images *images);

/* Adds to images->keys - or to `before`, into keys - what they find in k and v (n, t, A), projected; output projection included.
 * image_q (g, A): the projected queries when they are the same for all prompts, else NULL. */
void image_to_tokens(const struct call *c, const struct attention *a, const float *image_q,
                     const float *k, const float *v, const struct images *images);
#endif
