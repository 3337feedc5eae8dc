/* train/state.h - a run on disk: a weights file that also holds what going on exactly takes. */
#ifndef TRAIN_STATE_H
#define TRAIN_STATE_H

#include "train/parameters.h"

struct run_place {
    int64_t step;         /* batches done */
    int64_t drawn;        /* updates done */
    double seconds;       /* of training so far */
    char settings[768];   /* what a run must have in common with the one that it goes on with */
};

/* The model with every tensor; moments, averages and numbers of updates as "train/...". Whole or not at all. */
enum sm_status state_save(const char *path, const struct sm_model *model, const struct parameters *parameters,
                          const struct run_place *place, struct sm_err *err);
/* Into parameters made of the model in the same file. SM_USAGE: the settings are not those of *place, whose
 * other fields are filled in. */
enum sm_status state_load(const char *path, struct parameters *parameters, struct run_place *place,
                          struct sm_err *err);
/* A weights file to use: averages where they are kept, with this name and provenance. */
enum sm_status weights_save(const char *path, struct sm_model *model, const struct parameters *parameters,
                            const char *name, const char *provenance, struct sm_err *err);

#endif
