/* cmd/train.h - what `train` was asked: options as they were given, and what they mean. */
#ifndef CMD_TRAIN_H
#define CMD_TRAIN_H

#include <limits.h>
#include "cmd/cmd.h"
#include "train/train.h"

enum { TRAIN_STEPS_OPEN = INT_MIN }; /* of train_command.steps and .epochs: not given */

struct train_command {
    const char *weights, *preset, *output, *subjects;
    struct option_list data, val; /* free both with option_list_free */
    const char *parts, *later, *protocol, *points, *first_points, *component, *loss, *focal, *loss_over, *outputs, *choose, *iou_of;
    const char *optimizer, *schedule, *lr_steps, *betas, *checkpointing, *augment;
    const char *plane, *orient, *window, *log, *curve, *name, *licence;
    bool resume, downscaling;
    int steps, seed, warmup, report_every, val_every, save_every;
    int image_size, channel, hold_out, cache_mb;
    double epochs, synthetic, min_mask_percent;
};

/* Parses the command line; -1: go on. */
int train_parse(struct train_command *command, struct train_options *options, int *argc, char ***argv);
/* What the texts mean; everything but what depends on the model and the data. */
enum sm_status train_settle(const struct train_command *command, struct train_options *options,
                            struct sm_err *err);
#endif
