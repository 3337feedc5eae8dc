/* model/weights.h - walking over all tensors of a configuration. */
#ifndef MODEL_WEIGHTS_H
#define MODEL_WEIGHTS_H

#include "model/model_internal.h"

enum layout { PLAIN, CONV, DECONV };

/* One tensor as weights.def says it, the letters replaced by numbers. */
struct tensor {
    char name[96];
    enum layout layout;
    int rank;
    int64_t dim[4];
    int64_t count;       /* product of dim */
    const float **field; /* in struct weights */
    bool whole;          /* int8 numbers, of packed weights (packed.c) */
};

/* The axes (struct h5_shape) of a tensor in the model's layout; "": PyTorch's. */
const char *tensor_axes(const struct tensor *tensor);

/* Calls visit for every tensor of the configuration, in the order of weights.def; stops at the first
 * failure. */
enum sm_status weights_each(struct weights *weights, const struct sm_config *config,
                            enum sm_status (*visit)(void *context, const struct tensor *tensor,
                                                    struct sm_err *err),
                            void *context, struct sm_err *err);

/* out = in, PyTorch's layout, in the model's. */
void tensor_lay_out(const struct tensor *tensor, float *out, const float *in);
/* SM_WEIGHTS, with the path, where the values hold infinities or NaN. */
enum sm_status tensor_check_finite(const char *path, const struct tensor *tensor, const float *values,
                                   struct sm_err *err);

/* deferred.c: a tensor of the encoder that lies in the map, in PyTorch's layout when `kept` is where it will be laid
 * out, else as it is used. Its field points to where it will be. */
enum sm_status deferred_open(struct deferred **deferred, const char *path,
                             void (*forget)(const float *values, int64_t count), struct sm_err *err);
enum sm_status deferred_add(struct sm_model *model, const struct tensor *tensor, const float *given, float *kept,
                            struct sm_err *err);

/* Where tensors come from. */
struct tensor_source {
    void *context;
    const char *path; /* for messages */
    /* Is the tensor there, in this shape? NULL: always. Asked for all before anything is allocated. */
    enum sm_status (*check)(void *context, const struct tensor *tensor, struct sm_err *err);
    /* out has room for tensor->count floats, PyTorch's layout. */
    enum sm_status (*fill)(void *context, const struct tensor *tensor, float *out,
                           struct sm_err *err);
    /* The tensor where it lies already, for as long as the model; *packed: in the model's layout, else in
     * PyTorch's. NULL: fill. May be NULL itself. */
    float *(*place)(void *context, const struct tensor *tensor, bool *packed);
    /* The memory that `place` gave is not needed any more. Goes with place. */
    void (*forget)(const float *values, int64_t count);
    /* Tensors of the encoder that have their place are left alone until model_prepare_encoder. */
    bool lazily;
    /* In which precision it has the encoder's matrices (packed.c), and the mapped numbers of one; NULL: fill. */
    enum sm_precision packed;
    const void *(*numbers)(void *context, const struct tensor *tensor);
};

/* A model of this configuration with tensors from anywhere; sm_model_open is this on a file. */
enum sm_status model_from_source(struct sm_model **model, const struct sm_config *config,
                                    const struct tensor_source *source, struct sm_err *err);
enum sm_status model_from_source_as(struct sm_model **model, const struct sm_config *config,
                                    const struct tensor_source *source, enum sm_precision precision,
                                    struct sm_err *err);
#endif
