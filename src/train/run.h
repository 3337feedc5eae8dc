/* train/run.h - inside of a training run: its parts in train.c, batch.c and validate.c. */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "synth/synth.h"
#include "train/journal.h"
#include "train/learner.h"
#include "train/state.h"
#include "train/train.h"

/* The prompts of one batch: n = pictures * masks, in the learner's square. */
struct prompts {
    int n;
    int *picture;        /* (n) */
    float (*points)[2];  /* (n, TRAIN_MAX_POINTS at most) */
    int *labels;
    float *boxes;        /* (n, 4) */
    float *masks;        /* (n, L, L): what is fed back */
};

struct run {
    const struct train_options *options;
    const struct sm_listener *listener;
    struct learner learner;
    struct pool *data, *held_out;
    struct synth *synth;
    struct run_place place;
    struct journal journal;
    struct prompts prompts;
    struct example *drawn, *bent; /* (batch): before and after augmentation */
    uint32_t *order;              /* slices of the pool in the order of this epoch */
    int64_t epoch;                /* that `order` is of; -1: none */
    int64_t begun;                /* step it began or went on at */
    int gathered;                 /* rounds whose gradients wait for an update */
    int unusable;                 /* updates in a row whose gradient was no finite number */
    double started;               /* seconds of the clock, less those of earlier parts */
};

double clock_seconds(void);

/* ---- batch.c ---- */

/* What a batch is of. */
struct batch_kind {
    bool boxes; /* its first prompts are boxes, not points */
    bool near;  /* and its pictures are the parts around an object, which are asked for once */
};

struct batch_kind batch_draw_kind(const struct train_options *options, struct rng *rng);
/* Pictures and targets of batch `step` into the learner. */
enum sm_status batch_fill(struct run *run, int64_t step, bool near, struct sm_err *err);
/* Prompts for them. */
void batch_ask_first(struct run *run, struct prompt_batch *batch, bool boxes, struct rng *rng);
/* *batch is of the round before, and becomes that of this one. */
void batch_ask_again(struct run *run, struct prompt_batch *batch, bool mask_only, struct rng *rng);
/* Dice of the last round's masks with the targets, mean over the n masks. */
double batch_dice(const struct run *run, int n);
enum sm_status prompts_alloc(struct run *run, struct sm_err *err);
void prompts_free(struct prompts *prompts);
/* An example as picture `picture` of the batch, its objects as that picture's targets: where there are fewer objects than
 * targets they come again, in turn. */
enum sm_status batch_place(struct run *run, const struct example *example, int picture, struct sm_err *err);

/* ---- validate.c ---- */

/* Dice of the held-out slices into report->val_*: one box, one point, and after all rounds. Stopped by the listener
 * it leaves them as they are. */
enum sm_status validate(struct run *run, struct report *report, struct sm_err *err);

#endif
