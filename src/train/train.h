/* train/train.h - a training run, as SAM-Med2D's train.py makes it: a first round that trains the encoder too,
 * then rounds of corrections on the kept embedding.
 */
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include "train/asking.h"
#include "train/augment.h"
#include "train/learner.h"
#include "train/optimiser.h"
#include "train/pool.h"
#include "sammed2d/listener.h"

enum schedule { SCHEDULE_CONSTANT, SCHEDULE_LINEAR, SCHEDULE_COSINE, SCHEDULE_STEP };
enum { TRAIN_MAX_COUNTS = 8, TRAIN_MAX_POINTS = 64 };

/* Of SCHEDULE_STEP: at each of these shares of the run the rate becomes `factor` times what it was. */
struct lr_steps {
    double factor, at[2];
};

/* Numbers of points; one of them is drawn. */
struct point_counts {
    int of[TRAIN_MAX_COUNTS], count;
};

struct train_options {
    unsigned parts, later_parts; /* enum part; later: of the rounds on a kept embedding */
    bool keep_zeros;             /* later rounds' updates move everything, by momentum: PyTorch before 2.0 */
    struct example_quirks quirks;
    bool aimless;                /* points where nothing is wrong, labelled as none */
    struct round_rule rule;

    int64_t steps;               /* batches; as many more as the last update takes */
    double minutes;              /* ends earlier; 0: no limit */
    uint64_t seed;
    uint64_t data_digest;         /* of the pictures learned from: a resumed run must have the same */
    int batch, masks, accumulate; /* pictures at once; masks a picture; batches an update */
    double box_share;             /* of first rounds that show a box, not a point */
    struct box_jitter jitter;
    int rounds, mask_only;        /* after the first one; of these, with the mask prompt alone */
    struct point_counts first_points, points; /* of the first prompt when it is no box, and of later rounds */
    bool keep_prompts;            /* later rounds ask with what was asked before, too */
    double threshold;             /* probability above which a pixel is in a mask that is corrected */
    bool largest_component;       /* of each mask, nothing else is asked for */
    struct augmentation augmentation;
    double synthetic;             /* share of pictures that are generated; 1: no data are needed */
    double plain;                 /* of these, share of plain ones (synth.h) */
    double zoom;                  /* of batches asked with boxes, the share that shows the part around one object only */

    struct adam adam;             /* its lr is the largest */
    enum schedule schedule;
    int64_t warmup;               /* batches */
    double lr_end;                /* of linear and cosine, as a share of lr */
    struct lr_steps lr_steps;
    double clip;                  /* norm of gradients at most; 0: as they are */
    double ema;                   /* decay of averages; 0: none are kept */
    enum checkpointing checkpointing; /* of activations */

    int64_t report_every, val_every, save_every; /* batches; 0: never */
    int val_slices;               /* at most, spread evenly */
    const char *output, *state, *log, *curve; /* paths; NULL: not written, but for output and state */
    bool resume;
    const char *provenance, *name;
};

/* Trains *model and writes options->output. `data` and `held_out` may be NULL. SM_INTERRUPTED: stopped by the
 * listener; state and weights as they are then have been written, and so they are when something fails on the way. */
enum sm_status train_run(struct sm_model *model, const struct train_options *options, struct pool *data,
                         struct pool *held_out, const struct sm_listener *listener, struct sm_err *err);

/* The largest number of points that a prompt may have, at most TRAIN_MAX_POINTS. */
int train_most_points(const struct train_options *options);

/* The learning rate at a share 0..1 of the run. */
double schedule_lr(const struct train_options *options, int64_t step, double share);

#endif
