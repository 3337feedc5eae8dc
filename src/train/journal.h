/* train/journal.h - what is kept of a run: a line of JSON a report, and the learning curve as a picture. */
#ifndef TRAIN_JOURNAL_H
#define TRAIN_JOURNAL_H

#include <stddef.h>
#include <stdint.h>
#include "sammed2d/error.h"

/* Means since the last report; NAN where there is nothing. */
struct report {
    int64_t step;
    double seconds;        /* since the run began, earlier parts of a resumed run included */
    double loss, focal, dice_loss, iou_loss; /* of all rounds */
    double dice_first, dice_last;            /* of the first prompt and after the last round */
    double lr, gradient_norm;
    double val_box, val_point, val_last;     /* Dice of what was held out */
};

struct journal {
    struct report *reports;
    size_t count, room;
    const char *log_path, *curve_path; /* NULL: none */
};

/* Reads what is there of a run that is gone on with, up to `step`; later lines are dropped. */
enum sm_status journal_open(struct journal *journal, const char *log_path, const char *curve_path,
                            int64_t step, struct sm_err *err);
/* Adds a report to the log at once, and draws the curve anew. */
enum sm_status journal_add(struct journal *journal, const struct report *report, struct sm_err *err);
void journal_close(struct journal *journal);
/* The curve alone. */
enum sm_status curve_draw(const struct report *reports, size_t count, const char *path, struct sm_err *err);

#endif
