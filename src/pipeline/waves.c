/* The slice loop. Work goes in waves: first the slices that the user speaks of, then those that the
 * objects reach from there, one further at a time. Within a wave slices are in the order of the view,
 * a few are encoded together, and all prompts on a slice are decoded together; a slice's embedding is
 * kept while an object may still come to it, and no longer, so nothing is encoded twice. */
#include <stdlib.h>
#include "model/model_internal.h"
#include "pipeline/run.h"

static int by_place(const void *a, const void *b)
{
    const struct place *p = a, *q = b;
    return p->slice != q->slice ? p->slice - q->slice : p->object - q->object;
}

enum sm_status wave_add(struct wave *wave, int slice, size_t object, struct sm_err *err)
{
    struct place *places = wave->places;
    if ((wave->count & (wave->count - 1)) == 0)
        places = realloc(places, (wave->count ? 2 * wave->count : 1) * sizeof *places);
    if (!places)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    wave->places = places;
    places[wave->count++] = (struct place){slice, (int)object};
    return SM_OK;
}

static size_t count_slices(const struct wave *wave)
{
    size_t count = 0;
    for (size_t n = 0; n < wave->count; n++)
        count += n == 0 || wave->places[n].slice != wave->places[n - 1].slice;
    return count;
}

size_t on_one_slice(const struct place *places, size_t count)
{
    size_t n = 0;
    while (n < count && places[n].slice == places[0].slice)
        n++;
    return n;
}

/* Up to a batch of slices from the front of places: encodes those that need it. */
static enum sm_status encode_ahead(struct run *run, const struct place *places, size_t count,
                                   struct sm_err *err)
{
    int slices[BATCH], wanted = 0;
    for (size_t n = 0; n < count && wanted < run->batch; n += on_one_slice(places + n, count - n))
        if (!run->embeddings[places[n].slice])
            slices[wanted++] = places[n].slice;
    return wanted ? encode_slices(run, &run->team, slices, wanted, err) : SM_OK;
}

static void drop_embedding(struct run *run, int slice)
{
    free(run->embeddings[slice]);
    run->embeddings[slice] = NULL;
}

void release_embedding(struct run *run, int slice)
{
    if (!run->keep)
        drop_embedding(run, slice);
}

/* The slice that places[0] is on, by all threads; of the `left` places behind it some slices are encoded with it. */
static enum sm_status decode_together(struct run *run, const struct place *places, size_t left, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    sm_progress(run->listener, "segmenting slices", run->done, run->known);
    if (sm_cancelled(run->listener))
        return sm_fail(err, SM_INTERRUPTED, "interrupted; nothing was written");
    if (!run->embeddings[places->slice])
        status = encode_ahead(run, places, left, err);
    if (!status)
        status = decode_places(run, &run->team, places, on_one_slice(places, left), err);
    release_embedding(run, places->slice);
    run->done++;
    return status;
}

/* By all threads, and before the encoder's clock starts. Where embeddings are kept it may not be needed at all. */
static enum sm_status prepare_encoder(const struct run *run, struct sm_err *err)
{
    return run->kept || run->lent ? SM_OK : model_prepare_encoder(run->model, run->known * (size_t)run->mirrors > (size_t)run->batch, err);
}

/* In the first wave all places are given, and so may be decoded before any of them is followed up; later a slice's
 * prompts may depend on what was found on the one before it. */
static enum sm_status run_wave(struct run *run, const struct wave *wave, bool given, struct wave *next,
                               struct sm_err *err)
{
    size_t decoded = 0;
    run->known += count_slices(wave);
    enum sm_status status = prepare_encoder(run, err);
    if (!status && run->result->view.axis[2] != 2)
        status = load_all(run, err); /* each slice of the view shows some of every stored one */
    if (!status && given)
        status = decode_side_by_side(run, wave, &decoded, err);
    if (!status)
        status = load_all(run, err);
    for (size_t n = 0, count; !status && n < wave->count; n += count) {
        const struct place *places = wave->places + n;
        count = on_one_slice(places, wave->count - n);
        if (n >= decoded)
            status = decode_together(run, places, wave->count - n, err);
        for (size_t p = 0; !status && p < count; p++)
            status = follow_up(run, places[p], next, err);
    }
    return status;
}

static enum sm_status first_wave(struct run *run, struct wave *wave, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    size_t given = 0;
    for (int s = 0; s < run->result->view.dim[2]; s++)
        for (size_t o = 0; !status && o < run->result->prompts->count; o++) {
            struct cell *cell = result_cell(run->result, o, s);
            if (!cell || !(cell->given || cell->between))
                continue;
            cell->queued = true;
            run->keep |= cell->directions != 0;
            given++;
            status = wave_add(wave, s, o, err);
        }
    run->appearances = calloc(given ? given : 1, sizeof *run->appearances);
    if (!run->appearances)
        status = sm_fail(err, SM_MEMORY, "out of memory for prompts");
    return status;
}

/* Slices behind all objects of the next wave, whichever way they go, will not be asked for again. */
static void release_passed(struct run *run, const struct wave *next)
{
    int slices = run->result->view.dim[2], lowest_up = slices, highest_down = -1;
    for (size_t n = 0; n < next->count; n++) {
        struct place at = next->places[n];
        int directions = result_cell(run->result, (size_t)at.object, at.slice)->directions;
        if ((directions & GO_UP) && at.slice < lowest_up)
            lowest_up = at.slice;
        if ((directions & GO_DOWN) && at.slice > highest_down)
            highest_down = at.slice;
    }
    for (int s = highest_down + 1; s < lowest_up && !run->lent; s++)
        drop_embedding(run, s);
}

enum sm_status run_waves(struct run *run, struct sm_err *err)
{
    struct wave wave = {0}, next = {0};
    enum sm_status status = first_wave(run, &wave, err);
    if (!status && !run->keep)
        assembly_settle(run->assembly);
    for (bool first = true; !status && wave.count; first = false) {
        next = (struct wave){0};
        status = run_wave(run, &wave, first, &next, err);
        release_passed(run, &next);
        free(wave.places);
        wave = next;
        if (wave.count)
            qsort(wave.places, wave.count, sizeof *wave.places, by_place);
    }
    free(wave.places);
    if (!status)
        status = load_all(run, err); /* also when nothing was asked: the file may be damaged */
    if (!status)
        sm_progress(run->listener, "segmenting slices", run->known, run->known);
    return status;
}
