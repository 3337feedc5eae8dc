/* model/answer.h - one mask for a prompt, out of those that the network gives.
 *
 * Segment Anything takes the mask with the highest predicted IoU. Points that correct a mask say more: an answer that has one
 * of them on the wrong side is wrong there for certain, whatever is predicted of it; and what is wrong in the end is put right
 * there (model/obey.h). weights/README.md has what that is worth.
 */
#ifndef MODEL_ANSWER_H
#define MODEL_ANSWER_H

#include "model/mirror.h"

/* What was asked for, or what the weights say. */
enum sm_multimask answer_choice(const struct sm_config *config, enum sm_choice asked);

/* The mask with the highest predicted IoU, the first on a tie. */
int best_mask(const float *iou, int masks);

/* As mirror_decode, with one mask a prompt: low_res (count, L, L), iou (count). Prompts of all kinds may be mixed; they are
 * asked one kind after the other. */
enum sm_status answer_decode(struct sm_session *session, const struct shown *shown, enum sm_multimask choice,
                             const struct sm_prompt *prompts, int count, float *low_res, float *iou, struct sm_err *err);
#endif
