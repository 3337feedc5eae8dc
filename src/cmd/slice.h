/* cmd/slice.h - what `slice` was asked for, and what it slices. */
#ifndef CMD_SLICE_H
#define CMD_SLICE_H

#include "base/json.h"
#include "cmd/cmd.h"
#include "sammed2d/dataset.h"
#include "sammed2d/slices.h"

struct slice_command {
    const char *output, *labels, *data, *series, *name, *plane, *orient, *window, *range, *subjects;
    int volume, channel, hold_out, synthetic, seed;
    double smallest_mask_percent, smallest_aspect;
    bool json;
};

/* Everything of the run. A source of pictures calls sm_slices_add for each case. */
struct slice_job {
    const struct slice_command *command;
    const char *input; /* NULL: a data set */
    struct sm_slices_options options;
    struct sm_slices *slices;
    json_t *failed; /* [{"case", "reason"}] */
    size_t left_out; /* what the data set was opened without */
};

/* The sources: one input, with --labels or without, a data set, and generated pictures. Each opens job->slices, adds its cases and leaves finishing to the caller. */
enum sm_status slice_input(struct slice_job *job, struct sm_err *err);
enum sm_status slice_data(struct slice_job *job, struct sm_err *err);
enum sm_status slice_synthetic(struct slice_job *job, struct sm_err *err);

/* Words of the command line as options of the job. */
enum sm_status slice_options(struct slice_job *job, struct sm_err *err);

#endif
