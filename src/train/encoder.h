/* train/encoder.h - the image encoder with its backward pass; image_encoder.py. */
#ifndef TRAIN_ENCODER_H
#define TRAIN_ENCODER_H

#include "train/pass.h"

/* What a block keeps; rows = batch * G * G. */
struct block_tape {
    float *normed1, *qkv, *mixed, *attended; /* (rows, E), 3 E, E, E: x + proj(mixed) */
    float *normed2, *hidden, *act;           /* (rows, E), M before and after GELU */
    float *mean, *gate_hidden, *gate;        /* (batch, E), H, E */
    float *gated, *halved, *spatial, *sum;   /* (rows, E), a quarter of it, and twice (rows, E) */
};

struct encoder_tape {
    int batch;
    bool checkpointing;              /* blocks keep their input only, and run again on the way back */
    const float *pixels;             /* (batch, S, S, 3), the caller's */
    float *x[SM_MAX_DEPTH + 1];      /* (rows, E): what goes into each block, and what comes out last */
    struct block_tape blocks[SM_MAX_DEPTH];
    float *narrow, *normed, *convolved; /* (rows, C): the neck */
    float *embedding;                   /* (batch, G, G, C) */
};

/* As image_encoder_forward. */
void encoder_forward(struct encoder_tape *tape, const struct pass *pass, const float *pixels, int batch,
                     bool checkpointing);
/* d_embedding (batch, G, G, C) is the gradient by tape->embedding. Stops at the lowest block with
 * anything to train. */
void encoder_backward(const struct encoder_tape *tape, const struct pass *pass, const float *d_embedding);
/* Anything of the encoder is trained. */
bool encoder_trained(const struct pass *pass);

#endif
