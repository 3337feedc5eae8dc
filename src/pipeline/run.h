/* pipeline/run.h - one run of the slice loop, shared by its parts: waves.c (which slice comes next), workers.c
 * (slices side by side), decode.c (encoding and decoding), follow.c (from slice to slice).
 */
#ifndef PIPELINE_RUN_H
#define PIPELINE_RUN_H

#include "pipeline/pipeline.h"

enum { BATCH = 4, BATCH_LARGE = 1, PROMPTS = 16, LARGE_SIDE = 512 };

/* A place in the cells table. */
struct place {
    int slice, object;
};
struct wave {
    struct place *places;
    size_t count;
};

/* What encodes and decodes slices, one after the other: all threads together, or one of several by itself. */
struct worker {
    struct sm_session *session;
    uint8_t *grey;  /* (batch, height, width, channels) */
    float *values;  /* (threads, height, width, channels) */
    float *low_res; /* (PROMPTS, L, L) */
    float *looks;   /* (2, height, width) and (S, S): where two looks are weighed; NULL: not yet */
    struct slice *slice; /* where slices are put together; NULL: not yet */
    double load_seconds, encode_seconds, decode_seconds;
    int encoded; /* slices */
};

struct run {
    struct sm_result *result;
    const struct sm_model *model;
    const struct sm_volume *volume;
    const struct propagation *propagation;
    const struct sm_listener *listener;
    struct sm_embeddings *kept; /* of earlier runs, and for later ones; may be NULL */
    enum sm_multimask choice;
    double zoom;           /* 1 or less: no second look */
    int mirrors;           /* images that a slice is looked at in */
    struct assembly *assembly;
    bool keep;             /* embeddings stay, objects may come to their slices later */
    bool lent;             /* embeddings are the caller's */
    int batch;
    size_t pixels, low;    /* height * width; L * L */
    float **embeddings;    /* (slices): each (mirrors, G, G, C) */
    struct worker team;    /* all threads */
    float *values;         /* (height, width, channels) */
    struct appearance *appearances; /* (objects, slices given), handed out one by one */
    size_t appearance_count;
    bool *inside, *followed;        /* (height, width) */
    float *smooth;
    int *stack;
    size_t done, known;    /* slices, for the progress bar */
};

/* waves.c */
enum sm_status wave_add(struct wave *wave, int slice, size_t object, struct sm_err *err);
enum sm_status run_waves(struct run *run, struct sm_err *err);
/* Places of the slice that places[0] is on. */
size_t on_one_slice(const struct place *places, size_t count);
/* After a slice's decoding: unless an object may still come to it. */
void release_embedding(struct run *run, int slice);

/* workers.c */
enum sm_status worker_open(struct worker *worker, const struct run *run, int batch, struct sm_err *err);
void worker_close(struct worker *worker);
/* Adds what the worker did, in seconds of the clock, `workers` of them side by side. */
void worker_count(struct run *run, const struct worker *worker, int workers);
/* Encodes and decodes slices of the wave from the front on, each by a thread of its own; *done: how many places.
 * Only for waves whose places have nothing to do with each other. */
enum sm_status decode_side_by_side(struct run *run, const struct wave *wave, size_t *done, struct sm_err *err);

/* decode.c: has slices of the view, or all the volume, brought to memory; */
enum sm_status load_slices(const struct run *run, struct worker *worker, const int *slices, int count,
                           struct sm_err *err);
enum sm_status load_all(struct run *run, struct sm_err *err);
/* up to BATCH slices to embeddings; the prompts of places on one slice to cells' masks. */
enum sm_status encode_slices(struct run *run, struct worker *worker, const int *slices, int count, struct sm_err *err);
enum sm_status decode_places(struct run *run, struct worker *worker, const struct place *places, size_t count,
                             struct sm_err *err);

/* follow.c: after a place's decoding: how large it is, whether the object goes on, and to where. */
enum sm_status follow_up(struct run *run, struct place at, struct wave *next, struct sm_err *err);
#endif
