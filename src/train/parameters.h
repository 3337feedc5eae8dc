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
    struct arena block;
};

/* One worker's sums: of the first worker the parameters' own gradients, of another one copies. */
struct gradients {
    struct weights all, later; /* where the backward passes look; later: NULL outside of some parts */
    float **each;              /* (parameters->count) the same in the list's order */
    struct arena block;        /* of copies */
};

/* The tensors of `parts`, whose values are *model's own and will change. Everything else is zero, but
 * averages, which begin as the values. Free with parameters_free, before the model is closed. */
enum sm_status parameters_make(struct parameters *parameters, struct sm_model *model, unsigned parts,
                               bool average, struct sm_err *err);
void parameters_free(struct parameters *parameters);
void parameters_zero_gradients(struct parameters *parameters, unsigned parts);

/* Free with gradients_free, before the parameters. Copies begin as zeros. */
enum sm_status gradients_make(struct gradients *gradients, const struct parameters *parameters,
                              const struct sm_model *model, unsigned later_parts, bool copies, struct sm_err *err);
void gradients_free(struct gradients *gradients);
/* Copies of `parts` are added to the parameters' own gradients, and are zero again. */
void gradients_gather(struct parameters *parameters, struct gradients *copies, unsigned parts);

#endif
