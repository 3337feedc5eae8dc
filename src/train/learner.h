/* train/learner.h - a model in training: its parameters, and rounds of forward and backward passes. */
#ifndef TRAIN_LEARNER_H
#define TRAIN_LEARNER_H

#include "train/encoder.h"
#include "train/parameters.h"
#include "train/round.h"

/* Blocks of the encoder that keep their input only and run again on the way back. */
enum checkpointing { CHECKPOINT_NEVER, CHECKPOINT_ALWAYS, CHECKPOINT_WHEN_SHORT /* of memory */ };

struct learner_sizes {
    int pictures, prompts, points; /* at once, at most; points a prompt */
    enum checkpointing checkpointing;
    int workers; /* pictures side by side, each on one thread; 0 or 1: all together,
                  * on all threads. With more, prompts are in the order of pictures, as many for each. */
};

enum { LEARNER_MAX_WORKERS = 64 };

/* What works on some of a batch's pictures. */
struct worker {
    struct arena arena;
    struct gradients gradients;
    struct loss loss;
};

struct learner {
    struct sm_model *model; /* the caller's; its trained tensors change */
    struct parameters parameters;
    unsigned later_parts; /* trained by rounds that reuse an embedding */
    struct worker *workers; /* (sizes.workers) */
    struct arena arena;
    struct learner_sizes sizes;
    int pictures;        /* that embeddings are of */
    float *pixels;       /* (pictures, S, S, 3): the pictures to look at, normalised */
    uint8_t *target;     /* (prompts, S, S) */
    float *embeddings;   /* (pictures, G, G, C): what the encoder made of them */
    float *d_embeddings;
    struct round_result result;
};

/* Trains `parts`; rounds on a kept embedding train those of `later_parts` only. `average`: keep moving
 * averages of the weights. Free with learner_close, before the model. */
enum sm_status learner_open(struct learner *learner, struct sm_model *model, unsigned parts,
                            unsigned later_parts, bool average, struct learner_sizes sizes,
                            struct sm_err *err);
void learner_close(struct learner *learner);

/* learner->pixels of `pictures` pictures through the encoder, the prompts through the decoder, and the
 * gradient of the loss added to the parameters'. learner->result holds what came out. */
void learner_first_round(struct learner *learner, int pictures, const struct prompt_batch *batch,
                         const struct round_rule *rule);
/* The same on the embeddings of the last first round, or of learner_encode. */
void learner_later_round(struct learner *learner, const struct prompt_batch *batch,
                         const struct round_rule *rule);
/* Embeddings alone, without a way back. */
void learner_encode(struct learner *learner, int pictures);
/* Prompts on them, without gradients: for validation. */
void learner_look(struct learner *learner, const struct prompt_batch *batch, const struct round_rule *rule);

#endif
