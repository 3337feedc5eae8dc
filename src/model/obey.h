/* model/obey.h - an answer on the right side of every point.
 *
 * A point that corrects a mask is known to be right; the network may answer as if it were not there. Backpropagating
 * refinement (Jang and Kim, 2019) makes clicked pixels have their labels by fitting the network's input; here the
 * logits themselves are moved, by a Gaussian about each point, which needs no gradient.
 */
#ifndef MODEL_OBEY_H
#define MODEL_OBEY_H

#include "sammed2d/model.h"

/* Points of the prompt that logits (height, width) of the picture have on the wrong side. Padding and points beside the
 * picture are on no side. */
int points_wrong(const struct sm_prompt *prompt, const float *logits, int height, int width);

/* Moves low_res (L, L) until no point of the prompt is on the wrong side of it in a picture (height, width); where none
 * is, or the logits are not finite, nothing is moved. Points with different labels that lie within a cell of low_res (4
 * x 4 pixels where the network sees the picture in its own size) may stay at odds. logits: room for height * width
 * floats; square: S * S. */
void obey_points(const struct sm_config *config, const struct sm_prompt *prompt, int height, int width, float *low_res,
                 float *logits, float *square);
#endif
