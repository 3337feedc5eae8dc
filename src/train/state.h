/* train/state.h - a run on disk: a weights file that also holds what going on exactly takes. */
#ifndef TRAIN_STATE_H
#define TRAIN_STATE_H

#include "train/parameters.h"
#include "train/settings.h"

/* Since the last report, and how much went in. */
struct run_sums {
    double loss, focal, dice_loss, iou_loss, rounds;
    double dice_first, dice_last, batches;
    double lr; /* the last one */
    double gradient_norm, updates;
};

struct run_place {
    int64_t step;         /* batches done */
    int64_t drawn;        /* updates done */
    int64_t threads;      /* another number rounds sums in another way */
    double seconds;       /* of training so far */
    struct run_sums sums;
    char settings[SETTINGS_MAX];
};

/* The model with every tensor; moments, averages and numbers of updates as "train/...". Whole or not at all. */
enum sm_status state_save(const char *path, const struct sm_model *model, const struct parameters *parameters,
                          const struct run_place *place, struct sm_err *err);
/* Into parameters made of the model in the same file. SM_USAGE: the settings are not those of *place, whose
 * other fields are filled in. SM_WEIGHTS: it is no such file, or damaged. */
enum sm_status state_load(const char *path, struct parameters *parameters, struct run_place *place,
                          struct sm_err *err);
/* A weights file to use: averages where they are kept, with this name and provenance. */
enum sm_status weights_save(const char *path, struct sm_model *model, const struct parameters *parameters,
                            const char *name, const char *provenance, struct sm_err *err);

#endif
