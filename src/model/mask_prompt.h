/* model/mask_prompt.h - masks as the prompt encoder takes them.
 *
 * SAM-Med2D was trained with probabilities (its train.py feeds the sigmoid of the low-resolution logits back), SAM with
 * logits; config->mask_prompt_logits says which.
 */
#ifndef MODEL_MASK_PROMPT_H
#define MODEL_MASK_PROMPT_H

#include "sammed2d/model.h"

/* Of an answer's logits, mask and low_res (L, L). */
void mask_prompt_from_logits(const struct sm_config *config, const float *low_res, float *mask);
/* Of a mask in pixels (height, width), 1 inside and 0 outside: mask (L, L). */
void mask_prompt_from_pixels(const struct sm_config *config, const float *pixels, int height, int width, float *mask);
#endif
