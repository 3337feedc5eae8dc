/* train/round.h - prompts through the decoder to a loss, and its gradient all the way back to the
 * image embeddings; train.py, prompt_and_decoder. */
#ifndef TRAIN_ROUND_H
#define TRAIN_ROUND_H

#include "train/decoder.h"
#include "train/losses.h"
#include "train/prompts.h"

enum outputs { OUTPUTS_THREE, OUTPUTS_ONE, OUTPUTS_BOTH }; /* which masks are trained */
enum choice {
    CHOOSE_PREDICTED, /* of the three, the one with the largest predicted IoU (the first of equals) */
    CHOOSE_LOWEST     /* the one with the lowest loss */
};

enum iou_rule {
    IOU_OF_CHOSEN, /* the chosen mask's own, of probabilities; it moves the mask, too: as published */
    IOU_OF_ALL     /* every mask's, cut at 0.5; masks stay as they are (SAM 2, Ravi et al. 2024). Else what is predicted for a
                      mask is right only where it is the best of the three, which nobody knows who asks. */
};

struct round_rule {
    struct loss_rule loss;
    enum outputs outputs;
    enum choice choice;
    enum iou_rule iou;
};

/* A round's results, in the caller's buffers: of the mask that was chosen, the single one when no other
 * is trained. */
struct round_result {
    struct loss loss;     /* with OUTPUTS_BOTH the mean of the two */
    float *probabilities; /* (n, S, S): sigmoids of the logits */
    float *low_res;       /* (n, L, L) logits */
    float *iou;           /* (n) predicted */
};

/* How far the gradient goes back. */
enum round_way {
    ROUND_LOOK,         /* there is none */
    ROUND_TO_PROMPTS,   /* decoder and prompt encoder */
    ROUND_TO_EMBEDDINGS /* and the image embeddings */
};

/* target (n, S, S), 0 or 1. d_embeddings (pictures, G, G, C) is added to. */
void round_run(struct round_result *result, const struct pass *pass, const struct prompt_batch *batch,
               const float *embeddings, const uint8_t *target, const struct round_rule *rule,
               enum round_way way, float *d_embeddings);

#endif
