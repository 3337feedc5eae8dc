/* model/mirror.h - a picture looked at in its mirror images, too: the mean of all answers, each turned back.
 *
 * No side of a picture means more to the network than another, and yet it answers differently in a mirror, above all to
 * points; the mean of these answers is better than any. It is what nnU-Net does by default
 * (Isensee et al., 2021, test-time augmentation by mirroring).
 */
#ifndef MODEL_MIRROR_H
#define MODEL_MIRROR_H

#include "sammed2d/model.h"

enum { MIRRORS_MOST = 4 };

/* Images looked at, the picture itself being the first: 1, 2 (with columns reversed) or 4 (rows and both, too). What was
 * asked for, 0 meaning what the weights say. */
static inline int mirror_count(const struct sm_config *config, int asked)
{
    int count = asked > 0 ? asked : config->mirrors;
    return count > 1 ? count : 1;
}

/* SM_USAGE: another number than these, or more than one where pictures are padded, so that the mirror image of an answer is not the answer to the mirror
 * image. */
enum sm_status mirror_check(const struct sm_config *config, int count, struct sm_err *err);

/* (height, width, channels), mirror image `from` of a picture, becomes image `to`. 0 is the picture. */
void mirror_turn(uint8_t *pixels, int height, int width, int channels, int from, int to);

/* A picture as the network was shown it. */
struct shown {
    const float *embeddings; /* (mirrors, G, G, C), of the images in turn */
    int mirrors, height, width;
};

/* As sm_set_image and sm_decode: logits and predicted IoU are means over the images, mask by mask. Afterwards the session
 * speaks of the last image. SM_MEMORY too. */
enum sm_status mirror_decode(struct sm_session *session, const struct shown *shown, const struct sm_prompt *prompts, int count,
                             bool multimask, float *low_res, float *iou, struct sm_err *err);
#endif
