/* eval/page.h - one slice and the objects on it, as they are asked for.
 *
 * A page has two frames. The picture is the slice at its own size: answers are scored there. Prompts are
 * drawn in the frame `ask`: the picture too, but with `reference` the square of S x S that the reference's
 * DataLoader makes of picture and mask alike, so that a box is what the shrunken mask says.
 */
#ifndef EVAL_PAGE_H
#define EVAL_PAGE_H

#include "eval/evaluation.h"
#include "sammed2d/view.h"

/* Prompts of SAM-Med2D's fixed-prompt JSON, in the frame `ask`. */
struct fixed_prompt {
    bool has_box;
    float box[4];
    int count;
    float points[SM_EVAL_MAX_POINTS][2];
    int labels[SM_EVAL_MAX_POINTS];
};

struct page_object {
    int id;
    const char *name;    /* the label set's */
    uint8_t *truth;      /* (height, width) 0, 1; owned */
    uint8_t *ask_truth;  /* (ask.height, ask.width); `truth` itself where the frames are one */
    size_t pixels;
    float box[4];        /* in the picture */
    float ask_box[4];
    uint64_t rank;       /* the same in every run: for a random choice of objects */
    char seed_name[512]; /* what its random numbers hang on: data set, case, slice, id */
    struct fixed_prompt *fixed; /* owned; NULL: none */
};

struct ask_frame {
    int height, width; /* of the frame prompts are drawn in */
    bool square;       /* reference */
    bool padded;       /* ... and the picture sits in its middle, from (left, top) on; else stretched */
    int left, top;
};

struct page {
    int case_number, slice; /* slice as in struct row */
    int height, width, channels;
    uint8_t *grey;          /* (height, width, channels), owned; NULL until page_paint */
    float *input;           /* (S, S, 3), owned, where ask.square; made by page_paint */
    float *embedding;       /* owned, NULL until encoded */
    struct ask_frame ask;
    struct page_object *objects;
    size_t count;
    char digest[65];        /* of picture and objects */
};

/* A volume or picture with its labels, ready to be cut into pages. */
struct eval_source {
    const struct sm_eval_options *options;
    const struct sm_config *config;
    const struct sm_case *about;
    int case_number;
    const struct sm_volume *image;
    const struct sm_label_set *labels;
    const struct sm_prompts *fixed; /* NULL: none */
    struct sm_view view;
    struct sm_window window;
    uint64_t last_rank; /* objects of a higher rank are not wanted */
};
/* View and window as the options and the weights have them. */
enum sm_status source_prepare(struct eval_source *source, struct sm_err *err);

/* fixed.c: the fixed prompts of object `id`, malloc'ed; *fixed is NULL when there are none. */
enum sm_status fixed_prompt_of(struct fixed_prompt **fixed, const struct eval_source *source, int id,
                               struct sm_err *err);

/* The wanted objects on slice s of the view; a page without objects is no error. Free with page_free. */
enum sm_status page_make(struct page *page, const struct eval_source *source, int s, struct sm_err *err);
/* The picture itself, and the digest. */
enum sm_status page_paint(struct page *page, const struct eval_source *source, int s, struct sm_err *err);
void page_free(struct page *page);
#endif
