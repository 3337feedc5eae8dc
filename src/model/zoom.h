/* model/zoom.h - a second look at what is in a box: the part of the picture around it, encoded by itself.
 *
 * A small object covers few of the network's patches; seen from near it covers more, and the mean of both answers
 * is better than either. The idea is Zoom-In of f-BRS (Sofiiuk et al., 2020), which encodes a crop about
 * the object instead of the whole picture; here the whole picture keeps its say.
 */
#ifndef MODEL_ZOOM_H
#define MODEL_ZOOM_H

#include "model/answer.h"

/* Pixels of a picture, from (x, y) on. */
struct region {
    int x, y, width, height;
};

/* What was asked for, 0 meaning what the weights say. */
static inline double zoom_factor(const struct sm_config *config, double asked)
{
    return asked > 0 ? asked : config->zoom;
}

/* What is shown for a box: a square of `zoom` times the box's longer side about its middle, moved to lie in the picture
 * and cut where the picture is smaller. False: it would show all of the picture, or zoom is 1 or less. */
bool zoom_region(struct region *region, const float box[4], double zoom, int height, int width);

/* The region as a picture of its own, with pixels to be freed by the caller. SM_MEMORY. */
enum sm_status zoom_crop(struct sm_picture *crop, const struct sm_picture *picture, const struct region *region,
                         struct sm_err *err);

/* The region encoded by itself: embedding (G, G, C). */
enum sm_status zoom_encode(struct sm_session *session, const struct sm_picture *picture, const struct region *region,
                           float *embedding, struct sm_err *err);

/* Whether a prompt can be asked of a region: without a box nobody knows which, and a mask is in the frame of the whole
 * picture. */
static inline bool zoom_takes(const struct sm_prompt *prompt)
{
    return prompt->box && !prompt->mask;
}

/* The prompt of the whole picture, asked of the region's embedding (G, G, C): low_res (L, L) and its predicted IoU.
 * Afterwards the session speaks of the region; whoever wants to go on with the picture
 * calls sm_set_image. */
enum sm_status zoom_decode(struct sm_session *session, const float *embedding, const struct region *region,
                           const struct sm_prompt *prompt, enum sm_multimask choice, float *low_res, float *iou,
                           struct sm_err *err);

/* The answer from near. */
struct closer {
    struct region region;
    float *low_res; /* (L, L) in the frame of the region; NULL: there is none */
};
/* logits (height, width), of the whole picture, become the mean of themselves and of the answer from near where there
 * is one. scratch: S * S floats; room: as many as the region has pixels. */
void zoom_merge(const struct sm_config *config, const struct closer *closer, int width, float *logits, float *room,
                float *scratch);

/* How little of a mask hangs on where exactly the line is drawn: the pixels with logits above 1 over those with logits above
 * -1; 0 where there are none. ref: segment_anything/utils/amg.py, calculate_stability_score. */
float mask_stability(const float *logits, size_t count);

/* The predicted IoU of the mean of both. It is better than either, so the higher prediction is the one to go by; and a mask
 * of clear logits is more often right. Half of each is off by less than either on real pictures (weights/README.md). */
static inline float zoom_iou(float whole, float part, float stability)
{
    return ((whole > part ? whole : part) + stability) / 2;
}
#endif
