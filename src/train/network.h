/* train/network.h - a model in training: its parameters, and rounds of forward and backward passes. */
#ifndef TRAIN_NETWORK_H
#define TRAIN_NETWORK_H

#include "train/encoder.h"
#include "train/parameters.h"
#include "train/round.h"

struct network_sizes {
    int pictures, prompts, points; /* at once, at most; points a prompt */
    bool checkpointing;            /* of the encoder's activations */
};

struct network {
    struct sm_model *model; /* the caller's; its trained tensors change */
    struct parameters parameters;
    struct weights later_gradients; /* those of rounds that reuse an embedding */
    struct arena arena;
    struct network_sizes sizes;
    float *pixels;       /* (pictures, S, S, 3): the pictures to look at, normalised */
    uint8_t *target;     /* (prompts, S, S) */
    float *embeddings;   /* (pictures, G, G, C): what the encoder made of them */
    float *d_embeddings;
    struct round_result result;
};

/* Trains `parts`; rounds on a kept embedding train those of `later_parts` only. `average`: keep moving
 * averages of the weights. Free with network_close, before the model. */
enum sm_status network_open(struct network *network, struct sm_model *model, unsigned parts,
                            unsigned later_parts, bool average, struct network_sizes sizes,
                            struct sm_err *err);
void network_close(struct network *network);

/* network->pixels of `pictures` pictures through the encoder, the prompts through the decoder, and the
 * gradient of the loss added to the parameters'. network->result holds what came out. */
void network_first_round(struct network *network, int pictures, const struct prompt_batch *batch,
                         const struct round_rule *rule);
/* The same on the embeddings of the last first round, or of network_encode. */
void network_later_round(struct network *network, const struct prompt_batch *batch,
                         const struct round_rule *rule);
/* Embeddings alone, without a way back. */
void network_encode(struct network *network, int pictures);
/* Prompts on them, without gradients: for validation. */
void network_look(struct network *network, const struct prompt_batch *batch, const struct round_rule *rule);

#endif
