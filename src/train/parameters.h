/* train/parameters.h - the tensors that are trained, each with its gradient and the optimiser's state. */
#ifndef TRAIN_PARAMETERS_H
#define TRAIN_PARAMETERS_H

#include "model/save.h"

/* Parts of the network, to be or-ed. */
enum part {
    PART_ENCODER = 1,      /* the image encoder but for its adapters */
    PART_ADAPTERS = 2,
    PART_POINTS = 4,       /* embeddings of points: foreground, background, none */
    PART_PROMPTS = 8,      /* embeddings of box corners, and of having no mask */
    PART_DOWNSCALING = 16, /* of mask prompts */
    PART_DECODER = 32,
    PART_ALL = 63
};

struct parameter {
    struct tensor tensor;  /* name, layout, shape; gradients and state are laid out as the value */
    enum part part;
    bool decays;           /* weight decay: matrices and kernels; not norms, biases and embeddings */
    size_t count;
    float *value;          /* in the model */
    float *gradient, *m, *v; /* Adam's two moments */
    float *average;        /* exponential moving average of the value; NULL: none is kept */
    int64_t step;          /* updates so far */
};

struct parameters {
    struct parameter *list; /* in the order of weights.def */
    size_t count;
    struct weights gradients; /* the same gradients where the backward passes look for them */
    struct arena block;
};

/* The tensors of `parts`, whose values are *model's own and will change. Everything else is zero, but
 * averages, which begin as the values. Free with parameters_free, before the model is closed. */
enum sm_status parameters_make(struct parameters *parameters, struct sm_model *model, unsigned parts,
                               bool average, struct sm_err *err);
void parameters_free(struct parameters *parameters);
void parameters_zero_gradients(struct parameters *parameters, unsigned parts);

#endif
