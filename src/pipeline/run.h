/* pipeline/run.h - one run of the slice loop, shared by its three parts: waves.c (which slice comes
 * next), decode.c (encoding and decoding), follow.c (from slice to slice).
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

struct run {
    struct sm_result *result;
    struct sm_session *session;
    const struct sm_volume *volume;
    const struct propagation *propagation;
    const struct sm_listener *listener;
    struct sm_embeddings *kept; /* of earlier runs, and for later ones; may be NULL */
    bool multimask;
    bool keep;             /* embeddings stay, objects may come to their slices later */
    bool lent;             /* embeddings are the caller's */
    int batch;
    size_t pixels, low;    /* height * width; L * L */
    float **embeddings;    /* (slices) */
    uint8_t *grey;         /* (batch, height, width, channels) */
    float *values;         /* (batch, height, width, channels) */
    float *low_res;        /* (PROMPTS, 3, L, L) */
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

/* decode.c: up to BATCH slices to embeddings (`slices` is used up); the prompts of places on one slice to cells' masks. */
enum sm_status encode_slices(struct run *run, int *slices, int count, struct sm_err *err);
enum sm_status decode_places(struct run *run, const struct place *places, size_t count,
                             struct sm_err *err);

/* follow.c: after a place's decoding: how large it is, whether the object goes on, and to where. */
enum sm_status follow_up(struct run *run, struct place at, struct wave *next, struct sm_err *err);
#endif
