/* model/prompt_encoder.h - points, boxes and masks to embeddings; prompt_encoder.py.
 *
 * "Frame" is the network's square of S x S pixels; frame.h takes picture coordinates there.
 */
#ifndef MODEL_PROMPT_ENCODER_H
#define MODEL_PROMPT_ENCODER_H

#include "model/model_internal.h"

/* out (G, G, C): the positional encoding of the image's tokens (get_dense_pe). */
void prompt_encoder_dense_pe(const struct sm_model *model, float *out);

/* Tokens that a prompt becomes: its points, one padding point when there is no box, two corners. */
int prompt_encoder_tokens(const struct sm_prompt *prompt);

/* out (prompt_encoder_tokens, C). The prompt's coordinates are in the frame already: points
 * (point_count, 2) and box (4), which replace those in *prompt. */
void prompt_encoder_sparse(const struct sm_model *model, float *out, const struct sm_prompt *prompt,
                           const float (*points)[2], const float *box);

/* out (G, G, C) from mask (L, L). Buffers from the arena; nothing is computed while measuring. */
void prompt_encoder_dense(const struct sm_model *model, struct arena *arena, float *out,
                          const float *mask);
#endif
