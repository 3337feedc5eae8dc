/* eval/evaluation.h - what a run has found: an object a row, a prompt a column, a table for each model.
 */
#ifndef EVAL_EVALUATION_H
#define EVAL_EVALUATION_H

#include "eval/score.h"
#include "sammed2d/evaluate.h"

/* "every", "three", "box", "point": how volumes are prompted, as options, results and reports have it. */
extern const char *const way_words[SM_EVAL_WAYS];

/* Texts, each once. */
struct words {
    char **list;
    size_t count;
};
/* The number of `text`, added when it is new; -1: out of memory. */
int words_add(struct words *words, const char *text);
void words_free(struct words *words);

struct seen_case {
    char *name;
    int dataset, modality, subject; /* in the evaluation's names */
    bool failed;
};

/* An object on a slice. */
struct row {
    int case_number, image; /* image: running number of slices with objects */
    int label, id, slice;   /* label in the evaluation's names; slice: voxel index along the slice axis */
    size_t pixels;
    float box[4];           /* picture pixels, as the trivial answers took it */
};

/* An object of a volume. */
struct solid {
    double dice, iou, hd95_mm, surface_dice; /* dice NAN: not asked */
    size_t found;                            /* voxels */
};
struct volume_row {
    int case_number, label, id;
    size_t voxels;
    struct solid solids[SM_EVAL_WAYS];
};

struct table {
    const char *weights; /* path */
    char sha256[65];
    enum sm_precision precision; /* that the encoder computed with */
    double zoom;                 /* of boxes; 1 or less: none */
    int mirrors;                 /* images that a picture was looked at in */
    struct row *rows;
    struct score *scores; /* (rows, prompts) */
    size_t count;
    int images;
    struct volume_row *volumes;
    size_t volume_count;
    size_t encoded; /* slices that went through the encoder; the others' results were known */
};

struct sm_evaluation {
    struct sm_eval_options options; /* prompts: FILLED and ELLIPSE are the last two */
    struct words datasets, modalities, subjects, labels;
    struct seen_case *cases;
    size_t case_count;
    struct table *tables;
    size_t table_count; /* all of the run, from its beginning: names of files hang on it */
};

/* Room for one row more and its scores, all NAN; NULL: out of memory. */
struct row *table_add(struct table *table, size_t prompts);
struct volume_row *table_add_volume(struct table *table);
struct score *table_scores(const struct sm_evaluation *evaluation, const struct table *table, size_t row);
#endif
