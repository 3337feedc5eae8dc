/* Slices side by side: each thread takes slices of its own, from the file to the labels, and waits for no other: while
 * one reads, or packs for the output, the others compute. Threads that share a slice have to meet some thirty times in
 * each block of the encoder, which costs two of them 5 % of their time. They share only what cannot be handed out: the
 * last slices of many, slices that are too few, and those of objects that are carried from slice to slice. */
#include <stdlib.h>
#include "nn/nn.h"
#include "pipeline/run.h"

enum {
    MOST_WORKERS = 8, /* each with memory of its own: some 35 MB for a batch of ViT-B at 256 pixels */
    AT_ONCE = 16      /* slices in work, of all workers */
};

enum sm_status worker_open(struct worker *worker, const struct run *run, int batch, struct sm_err *err)
{
    size_t values = run->pixels * (size_t)run->volume->channels;
    *worker = (struct worker){.grey = malloc((size_t)batch * values),
                              .values = malloc((size_t)nn_threads() * values * sizeof *worker->values),
                              .low_res = malloc(PROMPTS * run->low * sizeof *worker->low_res)};
    if (!worker->grey || !worker->values || !worker->low_res)
        return sm_fail(err, SM_MEMORY, "out of memory for slices of %d x %d pixels", run->result->view.dim[0],
                       run->result->view.dim[1]);
    return sm_session_open(&worker->session, run->model, batch, PROMPTS, err);
}

void worker_close(struct worker *worker)
{
    sm_session_close(worker->session);
    slice_free(worker->slice);
    free(worker->grey);
    free(worker->values);
    free(worker->low_res);
    free(worker->looks);
}

void worker_count(struct run *run, const struct worker *worker, int workers)
{
    run->result->load_seconds += worker->load_seconds / workers;
    run->result->encode_seconds += worker->encode_seconds / workers;
    run->result->decode_seconds += worker->decode_seconds / workers;
    run->result->encoded += worker->encoded;
}

/* Slices that workers take from, a few at a time. What is under critical(talk) is one thread's at a time: the
 * pile, and all that is said to the listener. */
struct pile {
    struct run *run;
    const struct place **slices; /* (count + 1) where each slice's places begin; the end of the last's */
    int count, taken;
    int workers, batch;
    enum sm_status status;
    struct sm_err *err;
};

/* More workers than slices to share would leave some idle, and a sequential BLAS has one thread. */
static int choose_workers(const struct run *run, int slices)
{
    int workers = nn_workers(slices);
    bool apart = workers == nn_threads() && workers <= MOST_WORKERS && run->result->config->image_size < LARGE_SIDE;
    return apart ? workers : 1;
}

static enum sm_status pile_make(struct pile *pile, struct run *run, const struct wave *wave, struct sm_err *err)
{
    int slices = 0;
    *pile = (struct pile){.run = run, .err = err, .slices = malloc((wave->count + 1) * sizeof *pile->slices)};
    if (!pile->slices)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    for (size_t n = 0; n < wave->count; n += on_one_slice(wave->places + n, wave->count - n))
        pile->slices[slices++] = wave->places + n;
    pile->slices[slices] = wave->places + wave->count;
    pile->workers = choose_workers(run, slices);
    pile->count = pile->workers > 1 ? slices - slices % pile->workers : 0;
    pile->batch = AT_ONCE / pile->workers < run->batch ? AT_ONCE / pile->workers : run->batch;
    return SM_OK;
}

/* How many slices from *first on, by who has `done` the ones before; none left, or none wanted any more: 0. Towards
 * the end fewer, so that all workers end together. */
static int take(struct pile *pile, int done, int *first)
{
    int count = 0;
#pragma omp critical(talk)
    {
        struct run *run = pile->run;
        int left = pile->count - pile->taken, share = left / pile->workers;
        run->done += (size_t)done;
        if (!pile->status && left && sm_cancelled(run->listener))
            pile->status = sm_fail(pile->err, SM_INTERRUPTED, "interrupted; nothing was written");
        if (!pile->status && left) {
            sm_progress(run->listener, "segmenting slices", run->done, run->known);
            count = share < 1 ? 1 : share < pile->batch ? share : pile->batch;
            *first = pile->taken;
            pile->taken += count;
        }
    }
    return count;
}

/* No object goes on from the slice or comes to it later. */
static enum sm_status put_together(struct run *run, struct worker *worker, int slice, struct sm_err *err)
{
    if (!worker->slice)
        worker->slice = slice_alloc(run->assembly);
    if (!worker->slice)
        return sm_fail(err, SM_MEMORY, "out of memory for slices of %d x %d pixels", run->result->view.dim[0],
                       run->result->view.dim[1]);
    assembly_slice(run->assembly, worker->slice, slice);
    return assembly_hand_on(run->assembly, slice, err);
}

static enum sm_status do_slices(struct run *run, struct worker *worker, const struct place **slices, int count,
                                struct sm_err *err)
{
    enum sm_status status = SM_OK;
    int wanted[BATCH], encode = 0;
    for (int n = 0; n < count; n++)
        if (!run->embeddings[slices[n]->slice])
            wanted[encode++] = slices[n]->slice;
    if (encode)
        status = load_slices(run, worker, wanted, encode, err);
    if (!status && encode)
        status = encode_slices(run, worker, wanted, encode, err);
    for (int n = 0; !status && n < count; n++) {
        status = decode_places(run, worker, slices[n], (size_t)(slices[n + 1] - slices[n]), err);
        if (!status && !run->keep)
            status = put_together(run, worker, slices[n]->slice, err);
        release_embedding(run, slices[n]->slice);
    }
    return status;
}

static void work(struct pile *pile)
{
    struct worker worker;
    struct sm_err err = {0};
    int first, count = 0;
    enum sm_status status = worker_open(&worker, pile->run, pile->batch, &err);
    while (!status && (count = take(pile, count, &first)) > 0)
        status = do_slices(pile->run, &worker, pile->slices + first, count, &err);
#pragma omp critical(talk)
    {
        worker_count(pile->run, &worker, pile->workers);
        if (status && !pile->status)
            pile->status = sm_fail(pile->err, status, "%s", err.message);
    }
    worker_close(&worker);
}

enum sm_status decode_side_by_side(struct run *run, const struct wave *wave, size_t *done, struct sm_err *err)
{
    struct pile pile;
    enum sm_status status = pile_make(&pile, run, wave, err);
    *done = 0;
    if (!status && pile.count) {
#pragma omp parallel num_threads(pile.workers)
        work(&pile);
        *done = (size_t)(pile.slices[pile.count] - wave->places);
        status = pile.status;
    }
    free(pile.slices);
    return status;
}
