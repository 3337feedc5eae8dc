/* pipeline/pipeline.h - what a run keeps: one cell for each object on each slice it is asked on.
 *
 * All of it is in the frame of the view, so that nothing depends on how the file stores its axes.
 */
#ifndef PIPELINE_PIPELINE_H
#define PIPELINE_PIPELINE_H

#include <math.h>
#include "model/mirror.h"
#include "model/zoom.h"
#include "pipeline/propagate.h"
#include "sammed2d/segment.h"

enum { GO_UP = 1, GO_DOWN = 2 };

struct cell {
    struct sm_slice_prompt shown; /* what was asked; its pointers are the arrays below */
    float (*boxes)[4];
    float (*points)[2];
    int *labels;
    float *mask;    /* (L, L) mask prompt, or NULL */
    float *low_res; /* (L, L) logits once decoded, else NULL */
    struct closer closer; /* what a second look at its box gave */
    float iou;      /* predicted */
    size_t area;    /* pixels inside, once followed up or assembled */
    int directions; /* GO_UP, GO_DOWN: where it carries the object on */
    bool given;     /* the user says where the object is on this slice */
    bool between;   /* ... or is between two slices where the user does, with a box from theirs */
    bool queued;    /* in a wave, now or earlier */
    struct appearance *appearance; /* of its object; shared, owned by the run */
};

struct sm_result {
    const struct sm_config *config;
    const struct sm_prompts *prompts;
    struct sm_view view;
    struct sm_window window;
    struct sm_labels labels;
    struct sm_object_result *objects;
    struct cell **cells; /* (objects, slices); NULL where nothing is asked */
    float *square;       /* S * S, scratch of sm_upsample */
    float *logits;       /* height * width, scratch */
    float *room;         /* height * width, scratch of zoom_merge */
    double load_seconds, encode_seconds, decode_seconds;
    int encoded;
};

struct cell *result_cell(const struct sm_result *result, size_t object, int slice);
/* Makes the cell when there is none. NULL: out of memory. */
struct cell *result_make_cell(struct sm_result *result, size_t object, int slice);
void cell_free(struct cell *cell);
void cell_forget_mask(struct cell *cell); /* as if it had not been decoded */
enum sm_status cell_add_box(struct cell *cell, const float box[4], struct sm_err *err);
enum sm_status cell_add_point(struct cell *cell, const float point[2], bool positive,
                              struct sm_err *err);

/* cells.c: the user's prompts as cells, connected by keys_connect. */
enum sm_status cells_from_prompts(struct sm_result *result, const struct sm_segment_options *options,
                                  const struct sm_listener *listener, struct sm_err *err);

/* contrary.c: warns of points on one voxel that contradict each other, within an object or, without overlap, between two. */
enum sm_status warn_contrary(const struct sm_prompts *prompts, bool overlap, const struct sm_listener *listener,
                             struct sm_err *err);

/* keys.c: gives an object's cells their `directions`, and makes those between key slices. AUTO: not
 * beyond the outermost slices when several carry a box. */
enum sm_status keys_connect(struct sm_result *result, size_t object, enum sm_propagate propagate,
                            struct sm_err *err);

/* asks.c: a cell is put to the decoder as one prompt, or, with several boxes, as one for each. */
struct ask {
    struct cell *cell;
    struct sm_prompt prompt;
    float (*points)[2]; /* owned, where prompt.points is not the cell's */
    int *labels;
    float iou; /* predicted, once decoded */
};
struct asks {
    struct ask *list;
    size_t count;
};
enum sm_status asks_add_cell(struct asks *asks, struct cell *cell, struct sm_err *err);
void asks_free(struct asks *asks);

/* result.c */
/* Voxel index along the slice axis, as the user counts, of slice s of the view. */
int result_slice_index(const struct sm_result *result, int s);
/* A decoded cell's logits (height, width); square and room as those of the result, which result_logits uses. */
void cell_logits(const struct sm_result *result, const struct cell *cell, float *logits, float *square, float *room);
void result_logits(const struct sm_result *result, const struct cell *cell, float *logits);
/* ref: segment_anything/predictor_sammed.py, masks = masks > 0.5 after a sigmoid, in float32: a logit of a
 * few rounding errors above zero is still outside. Beyond those the sigmoid need not be computed. */
static inline bool logit_inside(float logit)
{
    return logit > 1e-3f || (logit > 0 && 1.0f / (1.0f + expf(-logit)) > 0.5f);
}

/* assemble.c: labels and figures of all objects, slice by slice; threads may be at several slices at a time. */
struct assembly;
struct slice; /* what a thread needs for a slice in work; NULL: out of memory */
enum sm_status assembly_open(struct assembly **assembly, struct sm_result *result, const struct sm_volume *volume,
                             const struct sm_segment_options *options, struct sm_err *err);
void assembly_free(struct assembly *assembly); /* also NULL */
struct slice *slice_alloc(const struct assembly *assembly);
void slice_free(struct slice *slice); /* also NULL */
/* No object will come to a slice on which nothing is asked now. */
void assembly_settle(struct assembly *assembly);
/* Slice s of the view, once all on it is decoded for good. */
void assembly_slice(struct assembly *assembly, struct slice *slice, int s);
/* After it: hands stored slices on to options->slice_done whose turn it is. */
enum sm_status assembly_hand_on(struct assembly *assembly, int s, struct sm_err *err);
/* The slices that are not done, the figures, and what was not handed on. */
enum sm_status assembly_finish(struct assembly *assembly, const struct sm_listener *listener, struct sm_err *err);

/* segment.c: sm_segment with the way of propagating spelt out, for measuring. embeddings: NULL, or one
 * for each slice of the view, NULL or malloc'ed, to reuse and to add to; the caller's. */
enum sm_status segment_with(struct sm_result **result, const struct sm_model *model,
                            const struct sm_volume *volume, const struct sm_prompts *prompts,
                            const struct sm_segment_options *options,
                            const struct propagation *propagation, float **embeddings,
                            const struct sm_listener *listener, struct sm_err *err);
#endif
