/* train/encoder_block.h - one block of the image encoder, forwards and backwards. */
#ifndef TRAIN_ENCODER_BLOCK_H
#define TRAIN_ENCODER_BLOCK_H

#include "train/encoder.h"

struct block_call {
    const struct pass *pass;
    const struct block *w, *g; /* weights and gradients */
    int batch, side, rows;     /* rows = batch * side * side */
    int window;                /* 0: global */
};

/* out (rows, E) from x; what the way back needs is taken from the arena. */
void block_forward(const struct block_call *call, struct block_tape *tape, float *out, const float *x);
/* d (rows, E): in, the gradient by the block's result; out, that by x, if `below`. */
void block_backward(const struct block_call *call, const struct block_tape *tape, float *d, const float *x,
                    bool below);
/* Anything of the block is trained. */
bool block_trained(const struct block *g);

#endif
