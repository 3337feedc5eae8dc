/* sammed2d/evaluate.h - how good a model is on labelled data: the protocol of SAM-Med2D's test.py.
 *
 * Every object on every slice is asked with prompts made from its own mask, and the answer is compared
 * with that mask at the picture's own size. sammed2d-eval(1) has the sampling rules and where they differ
 * from the reference's.
 */
#ifndef SAMMED2D_EVALUATE_H
#define SAMMED2D_EVALUATE_H

#include "sammed2d/dataset.h"
#include "sammed2d/segment.h"

#ifdef __cplusplus
extern "C" {
#endif

/* FILLED and ELLIPSE need no network: the box itself, and the ellipse inscribed in it. */
enum sm_eval_kind { SM_EVAL_BOX, SM_EVAL_POINTS, SM_EVAL_ITERATIVE, SM_EVAL_FILLED, SM_EVAL_ELLIPSE };
struct sm_eval_prompt {
    enum sm_eval_kind kind;
    int points;    /* POINTS at once; ITERATIVE: one after the other */
    char name[16]; /* "box", "point3", "iter5" */
};
enum { SM_EVAL_MAX_PROMPTS = 24, SM_EVAL_MAX_POINTS = 64 };

/* How a volume is prompted for figures in three dimensions. */
enum sm_eval_way {
    SM_EVAL_WAY_EVERY, /* the object's box on every slice that shows it */
    SM_EVAL_WAY_THREE, /* ... on its first slice, the one that halves it, and its last */
    SM_EVAL_WAY_BOX,   /* ... on the slice that halves it, carried on from there */
    SM_EVAL_WAY_POINT, /* its innermost point on that slice, carried on */
    SM_EVAL_WAYS
};

enum sm_eval_component {
    SM_EVAL_COMPONENT_DEFAULT, /* LARGEST; ALL with `reference` */
    SM_EVAL_COMPONENT_LARGEST, /* the object is the largest connected part of a label on a slice */
    SM_EVAL_COMPONENT_ALL      /* all of the label; its box is that of the largest part */
};

struct sm_eval_options {
    struct sm_eval_prompt prompts[SM_EVAL_MAX_PROMPTS];
    size_t prompt_count;
    bool ways[SM_EVAL_WAYS];
    const char *fixed;  /* SAM-Med2D's fixed prompts, or NULL; pictures only */
    double min_pixels;  /* an object's least area, were its picture 256 x 256 */
    enum sm_eval_component component;
    bool by_image;      /* mean over the objects of each image, then over images; else over objects */
    bool reference;     /* the reference's own preparation, sampling frame and metrics */
    enum sm_plane plane;
    bool orient_given;
    enum sm_orient orient;
    struct sm_window window;
    enum sm_choice multimask;
    double zoom;        /* as in sm_segment_options; none with `reference` */
    int mirrors;        /* likewise */
    enum sm_precision precision; /* of the encoder; weights packed for one keep it */
    double jitter;      /* each side of a box is moved by up to this part of the box's size */
    uint64_t seed;
    size_t limit;       /* so many objects only, drawn at random; 0: all */
    int every_nth;      /* slices 0, n, 2n ... of a volume; 0 and 1: all */
    int held_out;       /* n: only the subjects that sm_dataset_held_out leaves out with n; 0: all */
    int resamples;      /* bootstrap */
    double tolerance_mm; /* surface Dice */
    const char *results; /* JSON lines to take known results from and to add new ones to, or NULL */
    const char *masks;   /* directory for predicted masks, or NULL */
};
/* "box,point1,iter3" into options->prompts; SM_USAGE says what is known. */
enum sm_status sm_eval_prompts_parse(struct sm_eval_options *options, const char *text, struct sm_err *err);
/* "every,three,box,point" or "all" into options->ways. */
enum sm_status sm_eval_ways_parse(struct sm_eval_options *options, const char *text, struct sm_err *err);

struct sm_evaluation;
/* Each slice is encoded once a model, whatever the prompts. A case that cannot be read is a warning, and
 * counted. SM_USAGE: the same data twice. SM_NOT_FOUND: not one object was left. SM_INTERRUPTED: what is known is in
 * `results`. Free with sm_evaluation_free. */
enum sm_status sm_evaluate(struct sm_evaluation **evaluation, const char *const *weights, size_t weights_count,
                           struct sm_dataset *const *data, size_t data_count,
                           const struct sm_eval_options *options, const struct sm_listener *listener,
                           struct sm_err *err);
void sm_evaluation_free(struct sm_evaluation *evaluation);
/* Cases left out because they could not be read or evaluated. */
size_t sm_evaluation_failed(const struct sm_evaluation *evaluation);

enum sm_eval_format { SM_EVAL_TEXT, SM_EVAL_MARKDOWN, SM_EVAL_CSV, SM_EVAL_JSON, SM_EVAL_OBJECTS };
/* All the tables as text, in memory to be freed. OBJECTS: CSV with a line for each object and prompt. */
enum sm_status sm_evaluation_report(char **text, const struct sm_evaluation *evaluation,
                                    enum sm_eval_format format, struct sm_err *err);

#ifdef __cplusplus
}
#endif

#endif
