/* Slices through the image encoder, and the prompts on them through the decoder. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "nn/nn.h"
#include "pipeline/embeddings.h"
#include "pipeline/run.h"

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* thread: whose part of the worker's room for values it may use. */
static void fill_picture(const struct run *run, const struct worker *worker, int thread, int slice, int number,
                         struct sm_picture *picture)
{
    const struct sm_view *view = &run->result->view;
    size_t bytes = run->pixels * (size_t)run->volume->channels;
    uint8_t *grey = worker->grey + (size_t)number * bytes;
    float *values = worker->values + (size_t)thread * bytes;
    sm_view_slice(view, run->volume, slice, values);
    struct sm_window window = sm_window_at(&run->result->window, view, slice);
    sm_window_apply(&window, values, bytes, grey);
    *picture = (struct sm_picture){view->dim[1], view->dim[0], run->volume->channels, grey};
}

/* Slices that are encoded together. */
struct batch {
    const int *slices;
    int count;
    struct sm_picture pictures[BATCH]; /* in the worker's room */
    char keys[BATCH][65];
    int left[BATCH], left_count; /* those that the network has to see */
};

static float *embedding_at(const struct run *run, int slice, int image)
{
    return run->embeddings[slice] + (size_t)image * sm_embedding_floats(run->result->config);
}

/* Pictures of the slices, side by side, in mirror image `image`; those before it have been there. What is kept of earlier
 * runs is taken from there: a mirror image is a picture like others. */
static void show_image(struct run *run, const struct worker *worker, struct batch *batch, int image)
{
    bool found[BATCH] = {false};
    int count = batch->count;
#pragma omp parallel for schedule(dynamic, 1) num_threads(nn_threads() < count ? nn_threads() : count)
    for (int n = 0; n < count; n++) {
        struct sm_picture *p = &batch->pictures[n];
        if (image == 0)
            fill_picture(run, worker, omp_get_thread_num(), batch->slices[n], n, p);
        else
            mirror_turn((uint8_t *)p->pixels, p->height, p->width, p->channels, image - 1, image);
        if (!run->kept)
            continue;
        embeddings_key(run->kept, p, batch->keys[n]);
        found[n] = embeddings_find(run->kept, batch->keys[n], embedding_at(run, batch->slices[n], image));
    }
    batch->left_count = 0;
    for (int n = 0; n < count; n++)
        if (!found[n])
            batch->left[batch->left_count++] = n;
}

static void keep_embedding(struct run *run, const struct batch *batch, int n, int image, const float *embedding)
{
    memcpy(embedding_at(run, batch->slices[n], image), embedding,
           sm_embedding_floats(run->result->config) * sizeof *embedding);
    if (run->kept) {
#pragma omp critical(talk)
        embeddings_keep(run->kept, batch->keys[n], embedding, run->listener);
    }
}

/* block: room for all of the batch. */
static enum sm_status encode_image(struct run *run, struct worker *worker, const struct batch *batch, int image,
                                   float *block, struct sm_err *err)
{
    struct sm_picture pictures[BATCH];
    size_t floats = sm_embedding_floats(run->result->config);
    if (!batch->left_count)
        return SM_OK;
    double start = now();
    for (int n = 0; n < batch->left_count; n++)
        pictures[n] = batch->pictures[batch->left[n]];
    enum sm_status status = sm_encode(worker->session, pictures, batch->left_count, block, err);
    worker->encode_seconds += now() - start;
    for (int n = 0; !status && n < batch->left_count; n++)
        keep_embedding(run, batch, batch->left[n], image, block + (size_t)n * floats);
    return status;
}

enum sm_status load_slices(const struct run *run, struct worker *worker, const int *slices, int count,
                           struct sm_err *err)
{
    enum sm_status status = SM_OK;
    double start = now();
    for (int n = 0; !status && n < count; n++)
        status = sm_view_load(&run->result->view, run->volume, slices[n], err);
    worker->load_seconds += now() - start;
    return status;
}

/* By all threads, where the file's slices can be had one by one. */
enum sm_status load_all(struct run *run, struct sm_err *err)
{
    double start = now();
    enum sm_status status = sm_volume_load(run->volume, 0, run->volume->grid.dim[2] - 1, err);
    run->team.load_seconds += now() - start;
    return status;
}

static enum sm_status make_room(struct run *run, const int *slices, int count, struct sm_err *err)
{
    size_t floats = (size_t)run->mirrors * sm_embedding_floats(run->result->config);
    for (int n = 0; n < count; n++)
        if (!(run->embeddings[slices[n]] = malloc(floats * sizeof(float))))
            return sm_fail(err, SM_MEMORY, "out of memory for image embeddings");
    return SM_OK;
}

enum sm_status encode_slices(struct run *run, struct worker *worker, const int *slices, int count, struct sm_err *err)
{
    struct batch batch = {.slices = slices, .count = count};
    bool encoded[BATCH] = {false};
    float *block = malloc((size_t)count * sm_embedding_floats(run->result->config) * sizeof *block);
    enum sm_status status = block ? make_room(run, slices, count, err)
                                  : sm_fail(err, SM_MEMORY, "out of memory for %d image embeddings", count);
    for (int image = 0; !status && image < run->mirrors; image++) {
        show_image(run, worker, &batch, image);
        for (int n = 0; n < batch.left_count; n++)
            encoded[batch.left[n]] = true;
        status = encode_image(run, worker, &batch, image, block, err);
    }
    for (int n = 0; n < count; n++)
        worker->encoded += encoded[n];
    free(block);
    return status;
}

/* Several boxes of one object: the higher logit. */
static enum sm_status keep_mask(const struct run *run, struct cell *cell, const float *low_res, struct sm_err *err)
{
    if (cell->low_res) {
        for (size_t p = 0; p < run->low; p++)
            cell->low_res[p] = fmaxf(cell->low_res[p], low_res[p]);
        return SM_OK;
    }
    cell->low_res = malloc(run->low * sizeof *cell->low_res);
    if (!cell->low_res)
        return sm_fail(err, SM_MEMORY, "out of memory for masks");
    memcpy(cell->low_res, low_res, run->low * sizeof *low_res);
    return SM_OK;
}

static enum sm_status decode_asks(const struct run *run, struct worker *worker, int slice, struct asks *asks,
                                  struct sm_err *err)
{
    const int *dim = run->result->view.dim;
    const struct shown shown = {run->embeddings[slice], run->mirrors, dim[1], dim[0]};
    enum sm_status status = SM_OK;
    size_t count;
    for (size_t first = 0; !status && first < asks->count; first += count) {
        struct sm_prompt prompts[PROMPTS];
        float iou[PROMPTS];
        for (count = 0; count < PROMPTS && first + count < asks->count; count++)
            prompts[count] = asks->list[first + count].prompt;
        status = answer_decode(worker->session, &shown, run->choice, prompts, (int)count, worker->low_res, iou, err);
        for (size_t n = 0; !status && n < count; n++) {
            asks->list[first + n].iou = iou[n];
            status = keep_mask(run, asks->list[first + n].cell, worker->low_res + n * run->low, err);
        }
    }
    return status;
}

/* ---- a second look, from near ---- */

/* How stable the mask of both looks is. */
static enum sm_status weigh_looks(const struct run *run, struct worker *worker, const struct cell *cell, float *stability,
                                  struct sm_err *err)
{
    size_t side = (size_t)run->result->config->image_size;
    if (!worker->looks && !(worker->looks = malloc((2 * run->pixels + side * side) * sizeof *worker->looks)))
        return sm_fail(err, SM_MEMORY, "out of memory for masks");
    cell_logits(run->result, cell, worker->looks, worker->looks + 2 * run->pixels, worker->looks + run->pixels);
    *stability = mask_stability(worker->looks, run->pixels);
    return SM_OK;
}

/* Not kept for later runs: another box is another part, and slices would have to make room for them. */
static enum sm_status look_closer(const struct run *run, struct worker *worker, const struct sm_picture *slice,
                                  struct ask *ask, const struct region *region, struct sm_err *err)
{
    const struct sm_config *config = run->result->config;
    struct closer *closer = &ask->cell->closer;
    float *embedding = malloc(sm_embedding_floats(config) * sizeof *embedding), iou = 0, stability = 0;
    double start = now(), encoded = start;
    *closer = (struct closer){*region, malloc(run->low * sizeof *closer->low_res)};
    enum sm_status status = embedding && closer->low_res ? zoom_encode(worker->session, slice, region, embedding, err)
                                                         : sm_fail(err, SM_MEMORY, "out of memory for masks");
    worker->encode_seconds += (encoded = now()) - start;
    if (!status)
        status = zoom_decode(worker->session, embedding, region, &ask->prompt, run->choice, closer->low_res, &iou, err);
    if (!status)
        status = weigh_looks(run, worker, ask->cell, &stability, err);
    worker->decode_seconds += now() - encoded;
    if (!status)
        ask->iou = zoom_iou(ask->iou, iou, stability);
    free(embedding);
    return status;
}

/* Not at one of several boxes of an object: from near, what is in the others is outside. */
static bool is_alone(const struct asks *asks, size_t a)
{
    for (size_t other = 0; other < asks->count; other++)
        if (other != a && asks->list[other].cell == asks->list[a].cell)
            return false;
    return true;
}

static bool is_cancelled(const struct run *run)
{
    bool cancelled;
#pragma omp critical(talk)
    cancelled = sm_cancelled(run->listener);
    return cancelled;
}

static enum sm_status look_at_boxes(const struct run *run, struct worker *worker, int slice, struct asks *asks,
                                    struct sm_err *err)
{
    enum sm_status status = SM_OK;
    struct sm_picture picture = {0};
    struct region region;
    const int *dim = run->result->view.dim;
    for (size_t a = 0; !status && a < asks->count; a++) {
        const struct sm_prompt *prompt = &asks->list[a].prompt;
        if (!zoom_takes(prompt) || !is_alone(asks, a) ||
            !zoom_region(&region, prompt->box, run->zoom, dim[1], dim[0]))
            continue;
        if (is_cancelled(run))
            return sm_fail(err, SM_INTERRUPTED, "interrupted; nothing was written");
        if (!picture.pixels)
            fill_picture(run, worker, 0, slice, 0, &picture);
        status = look_closer(run, worker, &picture, &asks->list[a], &region, err);
    }
    return status;
}

/* Several boxes of one object: the smallest. */
static void set_ious(struct asks *asks)
{
    for (size_t a = 0; a < asks->count; a++)
        asks->list[a].cell->iou = asks->list[a].iou;
    for (size_t a = 0; a < asks->count; a++)
        asks->list[a].cell->iou = fminf(asks->list[a].cell->iou, asks->list[a].iou);
}

enum sm_status decode_places(struct run *run, struct worker *worker, const struct place *places, size_t count,
                             struct sm_err *err)
{
    struct asks asks = {0};
    int slice = places[0].slice;
    enum sm_status status = SM_OK;
    double start = now();
    for (size_t n = 0; !status && n < count; n++)
        status = asks_add_cell(&asks, result_cell(run->result, (size_t)places[n].object, slice), err);
    if (!status)
        status = decode_asks(run, worker, slice, &asks, err);
    worker->decode_seconds += now() - start;
    if (!status)
        status = look_at_boxes(run, worker, slice, &asks, err);
    if (!status)
        set_ious(&asks);
    asks_free(&asks);
    return status;
}
