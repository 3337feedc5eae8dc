/* eval/statistics.h - means, and how far they can be trusted.
 */
#ifndef EVAL_STATISTICS_H
#define EVAL_STATISTICS_H

#include "eval/evaluation.h"

/* What a mean is resampled over: each unit brings the sum of its values and how many they are. */
struct unit {
    double sum, count;
};
/* The 2.5 and 97.5 percentiles (linear between ranks) of sum over count among `resamples` draws of as many
 * units with replacement. False, and NAN: fewer than two units, or no memory. */
bool bootstrap(const struct unit *units, size_t count, int resamples, uint64_t seed, double interval[2]);

/* The q-quantile, 0..1, linear between ranks, of sorted values. */
double quantile(const double *sorted, size_t count, double q);

/* Means of fewer subjects than this are resampled over images: among two or three subjects the few means that can
 * be drawn say nothing. */
enum { LEAST_SUBJECTS = 5 };

/* Which rows a figure is about; -1: all. */
struct group {
    int label, modality, dataset;
};
struct figures {
    size_t objects, images, subjects;
    double dice, iou;                      /* NAN without objects */
    double dice_interval[2], iou_interval[2]; /* NAN where there is none */
    bool by_subject;                       /* the units were subjects; else images */
    double predicted_error;                /* mean |predicted IoU - IoU|; NAN where nothing was predicted */
};
/* Of one prompt's column. */
void figures_of(struct figures *figures, const struct sm_evaluation *evaluation, const struct table *table,
                size_t prompt, struct group group);

struct volume_figures {
    size_t objects, subjects;
    double dice, hd95_mm, surface_dice; /* hd95_mm: over the objects that were found at all */
    size_t missed;                      /* empty answers */
    double dice_interval[2];
};
void volume_figures_of(struct volume_figures *figures, const struct sm_evaluation *evaluation,
                       const struct table *table, enum sm_eval_way way, struct group group);
#endif
