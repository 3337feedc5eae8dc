/* lib/golden.h - reading golden files, and comparing with them by the rule of the project:
 * a stage may differ by max(4 x the largest float32-float64 difference that its file states for that
 * stage, 32 x 1.19e-7 x the largest value); where a file states none, by the relative difference that
 * another file of the same encoder states.
 */
#ifndef LIB_GOLDEN_H
#define LIB_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "h5/h5.h"
#include "sammed2d/model.h"

struct golden_tally {
    int passed, failed;
};

struct golden {
    struct h5 *file;
    char label[64];
    char **names;   /* data sets */
    bool *compared; /* those that golden_compare... has seen */
    size_t count;
    struct golden_tally *tally;
    const struct golden *all; /* every file of the directory */
    size_t all_count;
    enum sm_precision precision; /* of the encoder; but for float32's, differences are reported and not judged */
    int masks;                   /* reported */
    double dice, least_dice;     /* their sum; the least of them */
};

void golden_open(struct golden *g, const char *dir, const char *name, struct golden_tally *tally);
void golden_close(struct golden *g);

/* A line that counts as a failure. */
void golden_fail(struct golden *g, const char *what, const char *why);

/* Compares data set `path` with got, of `rank` dimensions. The data set may hold every n-th element
 * only, when its name ends in _every_<n>th. In a lower precision a line says how far it is: the largest
 * difference in units of the largest value, the root of the mean square in units of the values', and of
 * logits the Dice of the two masks. */
void golden_compare(struct golden *g, const char *path, const float *got, int rank,
                    const int64_t *dim);
/* What golden_compare looks at, without a line of its own; false, and reported, when the data set is not
 * there or of another shape. */
bool golden_difference(struct golden *g, const char *path, const float *got, int rank,
                       const int64_t *dim, double *difference, double *bound);
/* golden_compare within 2 units in the last place, all elements. */
void golden_compare_ulp(struct golden *g, const char *path, const float *got, size_t count);
/* A line about all masks that were reported. */
void golden_report_masks(const struct golden *g);
/* One line: `difference` has to be at most `bound`. Data set `path` counts as compared. */
void golden_verdict(struct golden *g, const char *path, const char *what, double difference, double bound);
/* One line for `count` numbers that have to agree exactly. */
void golden_compare_exact(struct golden *g, const char *what, size_t different, size_t count);

/* The whole data set as floats, in memory to be freed; *shape is filled in. NULL is reported. */
float *golden_floats(struct golden *g, const char *path, struct h5_shape *shape);

/* The kinds of files. */
void golden_inference(struct golden *g);
void golden_preprocess(struct golden *g);
void golden_interpolation(struct golden *g);
void golden_metrics(struct golden *g);
void golden_training(struct golden *g);
#endif
