/* The slice loop. Work goes in waves: first the slices that the user speaks of, then those that the
 * objects reach from there, one further at a time. Within a wave slices are in the order of the view,
 * a few are encoded together, and all prompts on a slice are decoded together; a slice's embedding is
 * kept while an object may still come to it, so nothing is encoded twice. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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
    bool multimask, keep;  /* keep: embeddings stay, objects may come to their slices later */
    int batch;
    size_t pixels, low;    /* height * width; L * L */
    float **embeddings;    /* (slices) */
    uint8_t *grey;         /* (batch, height, width, channels) */
    float *values;         /* (height, width, channels) */
    float *low_res;        /* (PROMPTS, 3, L, L) */
    struct appearance *appearances; /* (objects, slices given), handed out one by one */
    size_t appearance_count;
    bool *inside, *followed;        /* (height, width) */
    float *smooth;
    int *stack;
    size_t done, known;    /* slices, for the progress bar */
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double) time.tv_sec + 1e-9 * (double) time.tv_nsec;
}

static int by_place(const void *a, const void *b)
{
    const struct place *p = a, *q = b;
    return p->slice != q->slice ? p->slice - q->slice : p->object - q->object;
}

static enum sm_status wave_add(struct wave *wave, int slice, size_t object, struct sm_err *err)
{
    struct place *places = wave->places;
    if ((wave->count & (wave->count - 1)) == 0)
        places = realloc(places, (wave->count ? 2 * wave->count : 1) * sizeof *places);
    if (!places)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    wave->places = places;
    places[wave->count++] = (struct place){slice, (int) object};
    return SM_OK;
}

/* ---- encoding ---- */

static void fill_picture(struct run *run, int slice, int number, struct sm_picture *picture)
{
    const struct sm_view *view = &run->result->view;
    size_t bytes = run->pixels * (size_t) run->volume->channels;
    uint8_t *grey = run->grey + (size_t) number * bytes;
    sm_view_slice(view, run->volume, slice, run->values);
    struct sm_window window = sm_window_at(&run->result->window, view, slice);
    sm_window_apply(&window, run->values, bytes, grey);
    *picture = (struct sm_picture){view->dim[1], view->dim[0], run->volume->channels, grey};
}

static enum sm_status encode(struct run *run, const int *slices, int count, struct sm_err *err)
{
    struct sm_picture pictures[BATCH];
    size_t floats = sm_embedding_floats(run->result->config);
    float *block = malloc((size_t) count * floats * sizeof *block);
    enum sm_status status = SM_OK;
    if (!block)
        return sm_fail(err, SM_MEMORY, "out of memory for %d image embeddings", count);
    for (int n = 0; n < count; n++)
        fill_picture(run, slices[n], n, &pictures[n]);
    double start = now();
    status = sm_encode(run->session, pictures, count, block, err);
    run->result->encode_seconds += now() - start;
    run->result->encoded += count;
    for (int n = 0; !status && n < count; n++) {
        float *own = malloc(floats * sizeof *own);
        if (!own)
            status = sm_fail(err, SM_MEMORY, "out of memory for image embeddings");
        else
            memcpy(own, block + (size_t) n * floats, floats * sizeof *own);
        run->embeddings[slices[n]] = own;
    }
    free(block);
    return status;
}

/* ---- decoding ---- */

/* The mask with the highest predicted IoU, the first on a tie. */
static int best_mask(const float *iou, int masks)
{
    int best = 0;
    for (int m = 1; m < masks; m++)
        if (iou[m] > iou[best])
            best = m;
    return best;
}

/* Several boxes of one object: the higher logit, and the IoU's smallest. */
static enum sm_status keep_mask(struct run *run, struct cell *cell, const float *low_res, float iou,
                                struct sm_err *err)
{
    if (cell->low_res) {
        for (size_t p = 0; p < run->low; p++)
            cell->low_res[p] = fmaxf(cell->low_res[p], low_res[p]);
        cell->iou = fminf(cell->iou, iou);
        return SM_OK;
    }
    cell->low_res = malloc(run->low * sizeof *cell->low_res);
    if (!cell->low_res)
        return sm_fail(err, SM_MEMORY, "out of memory for masks");
    memcpy(cell->low_res, low_res, run->low * sizeof *low_res);
    cell->iou = iou;
    return SM_OK;
}

static enum sm_status decode_asks(struct run *run, const struct asks *asks, struct sm_err *err)
{
    int masks = run->multimask ? 3 : 1;
    enum sm_status status = SM_OK;
    for (size_t first = 0; !status && first < asks->count; first += PROMPTS) {
        struct sm_prompt prompts[PROMPTS];
        float iou[3 * PROMPTS];
        size_t count = asks->count - first < PROMPTS ? asks->count - first : PROMPTS;
        for (size_t n = 0; n < count; n++)
            prompts[n] = asks->list[first + n].prompt;
        status = sm_decode(run->session, prompts, (int) count, run->multimask, run->low_res, iou, err);
        for (size_t n = 0; !status && n < count; n++) {
            int best = best_mask(iou + n * (size_t) masks, masks);
            size_t mask = n * (size_t) masks + (size_t) best;
            status = keep_mask(run, asks->list[first + n].cell, run->low_res + mask * run->low,
                               iou[mask], err);
        }
    }
    return status;
}

static enum sm_status decode(struct run *run, const struct place *places, size_t count,
                             struct sm_err *err)
{
    struct asks asks = {0};
    const struct sm_view *view = &run->result->view;
    int slice = places[0].slice;
    enum sm_status status = SM_OK;
    double start = now();
    for (size_t n = 0; !status && n < count; n++)
        status = asks_add_cell(&asks, result_cell(run->result, (size_t) places[n].object, slice), err);
    if (!status)
        status = sm_set_image(run->session, run->embeddings[slice], view->dim[1], view->dim[0], err);
    if (!status)
        status = decode_asks(run, &asks, err);
    asks_free(&asks);
    run->result->decode_seconds += now() - start;
    return status;
}

/* ---- from slice to slice ---- */

/* The cell's mask in full size, in run->inside; sets its area. */
static void find_inside(struct run *run, struct cell *cell)
{
    result_logits(run->result, cell->low_res, run->result->logits);
    cell->area = 0;
    for (size_t p = 0; p < run->pixels; p++) {
        run->inside[p] = logit_inside(run->result->logits[p]);
        cell->area += run->inside[p];
    }
}

/* The slice as the appearance sees it: its first channel. */
static void load_values(struct run *run, int slice)
{
    size_t channels = (size_t) run->volume->channels;
    sm_view_slice(&run->result->view, run->volume, slice, run->values);
    for (size_t p = 1; channels > 1 && p < run->pixels; p++)
        run->values[p] = run->values[p * channels];
}

static void learn(struct run *run, struct cell *cell, int slice)
{
    const int *dim = run->result->view.dim;
    cell->appearance = &run->appearances[run->appearance_count++];
    cell->appearance->iou = cell->iou;
    load_values(run, slice);
    appearance_learn(cell->appearance, run->values, run->inside, dim[1], dim[0], run->smooth);
}

/* Has a propagated object ended? Its cell is then emptied again. */
static bool ended(const struct run *run, const struct cell *cell, size_t area_before)
{
    const struct propagation *how = run->propagation;
    return cell->area == 0 || (float) cell->area < how->collapse * (float) area_before ||
           (float) cell->area > how->explosion * (float) area_before ||
           cell->iou < how->least_iou * cell->appearance->iou;
}

static enum sm_status propagated_mask(struct run *run, struct cell *next, const struct cell *from,
                                      const bool *inside, struct sm_err *err)
{
    const struct sm_config *config = run->result->config;
    const int *dim = run->result->view.dim;
    if (!next->mask)
        next->mask = malloc(run->low * sizeof *next->mask);
    if (!next->mask)
        return sm_fail(err, SM_MEMORY, "out of memory for masks");
    next->shown.has_mask = true;
    if (inside == run->inside) { /* the network's own: fed back as it came out */
        for (size_t p = 0; p < run->low; p++)
            next->mask[p] = config->mask_prompt_logits ? from->low_res[p]
                                                       : 1.0f / (1.0f + expf(-from->low_res[p]));
        return SM_OK;
    }
    for (size_t p = 0; p < run->pixels; p++)
        run->result->logits[p] = inside[p];
    sm_mask_to_low_res(config, run->result->logits, dim[1], dim[0], next->mask);
    for (size_t p = 0; config->mask_prompt_logits && p < run->low; p++)
        next->mask[p] = (2 * next->mask[p] - 1) * 8;
    return SM_OK;
}

/* Where the object is likely to be on the next slice: run->inside, or what of it the grey follows. NULL:
 * nowhere. */
static const bool *expected(struct run *run, const struct cell *from, int slice)
{
    const struct propagation *how = run->propagation;
    const struct appearance *looks = from->appearance;
    const int *dim = run->result->view.dim;
    if (!how->by_grey || looks->separation < how->separation)
        return run->inside;
    load_values(run, slice);
    size_t area = appearance_follow(looks, how, run->values, run->inside, dim[1], dim[0],
                                    run->followed, run->smooth, run->stack);
    return (float) area < how->collapse * (float) from->area ? NULL : run->followed;
}

/* Two fronts of one object that meet on a slice ask with one box around both. */
static enum sm_status ask_box(struct cell *cell, const float box[4], struct sm_err *err)
{
    if (!cell->shown.box_count)
        return cell_add_box(cell, box, err);
    float *own = cell->boxes[0];
    for (int n = 0; n < 2; n++) {
        own[n] = fminf(own[n], box[n]);
        own[2 + n] = fmaxf(own[2 + n], box[2 + n]);
    }
    return SM_OK;
}

/* Asks for the object on the slice after `from`'s; run->inside holds from's mask. */
static enum sm_status step(struct run *run, const struct cell *from, struct place to, int direction,
                           struct wave *next, struct sm_err *err)
{
    float box[4];
    const int *dim = run->result->view.dim;
    struct cell *cell = result_cell(run->result, (size_t) to.object, to.slice);
    if (cell && (cell->given || cell->low_res))
        return SM_OK; /* the user speaks for this slice, or the other front has been here */
    const bool *where = expected(run, from, to.slice);
    if (!where || !mask_box(where, dim[1], dim[0], box))
        return SM_OK;
    cell = result_make_cell(run->result, (size_t) to.object, to.slice);
    if (!cell)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    enum sm_status status = SM_OK;
    if (run->propagation->box)
        status = ask_box(cell, box, err);
    if (!status && run->propagation->mask)
        status = propagated_mask(run, cell, from, where, err);
    if (!status && !cell->queued)
        status = wave_add(next, to.slice, (size_t) to.object, err);
    if (!cell->queued)
        cell->appearance = from->appearance;
    cell->queued = true;
    cell->directions |= direction;
    cell->shown.propagated = true;
    return status;
}

static size_t area_before(const struct run *run, struct place at)
{
    size_t area = 0;
    for (int side = -1; side <= 1; side += 2) {
        int s = at.slice + side;
        const struct cell *cell = s < 0 || s >= run->result->view.dim[2]
                                      ? NULL : result_cell(run->result, (size_t) at.object, s);
        if (cell && cell->low_res && cell->area > area)
            area = cell->area;
    }
    return area;
}

/* After its decoding: how large it is, whether the object goes on, and to where. */
static enum sm_status follow_up(struct run *run, struct place at, struct wave *next,
                                struct sm_err *err)
{
    struct cell *cell = result_cell(run->result, (size_t) at.object, at.slice);
    enum sm_status status = SM_OK;
    find_inside(run, cell);
    if (cell->given && cell->directions)
        learn(run, cell, at.slice);
    if (!cell->given && ended(run, cell, area_before(run, at))) {
        free(cell->low_res);
        cell->low_res = NULL;
        return SM_OK;
    }
    for (int direction = GO_UP; !status && direction <= GO_DOWN; direction++) {
        struct place to = {at.slice + (direction == GO_UP ? 1 : -1), at.object};
        if (!(cell->directions & direction) || to.slice < 0 || to.slice >= run->result->view.dim[2])
            continue;
        status = step(run, cell, to, direction, next, err);
    }
    return status;
}

/* ---- waves ---- */

static size_t count_slices(const struct wave *wave)
{
    size_t count = 0;
    for (size_t n = 0; n < wave->count; n++)
        count += n == 0 || wave->places[n].slice != wave->places[n - 1].slice;
    return count;
}

/* Places of the slice that places[0] is on. */
static size_t on_one_slice(const struct place *places, size_t count)
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
    return wanted ? encode(run, slices, wanted, err) : SM_OK;
}

static enum sm_status run_wave(struct run *run, const struct wave *wave, struct wave *next,
                               struct sm_err *err)
{
    enum sm_status status = SM_OK;
    run->known += count_slices(wave);
    for (size_t n = 0, count; !status && n < wave->count; n += count) {
        const struct place *places = wave->places + n;
        count = on_one_slice(places, wave->count - n);
        sm_progress(run->listener, "segmenting slices", run->done, run->known);
        if (sm_cancelled(run->listener))
            return sm_fail(err, SM_INTERRUPTED, "interrupted; nothing was written");
        if (!run->embeddings[places->slice])
            status = encode_ahead(run, places, wave->count - n, err);
        if (!status)
            status = decode(run, places, count, err);
        for (size_t p = 0; !status && p < count; p++)
            status = follow_up(run, places[p], next, err);
        if (!run->keep) {
            free(run->embeddings[places->slice]);
            run->embeddings[places->slice] = NULL;
        }
        run->done++;
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
            if (!cell || !cell->given)
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

static enum sm_status run_waves(struct run *run, struct sm_err *err)
{
    struct wave wave = {0}, next = {0};
    enum sm_status status = first_wave(run, &wave, err);
    while (!status && wave.count) {
        next = (struct wave){0};
        status = run_wave(run, &wave, &next, err);
        free(wave.places);
        wave = next;
        if (wave.count)
            qsort(wave.places, wave.count, sizeof *wave.places, by_place);
    }
    free(wave.places);
    if (!status)
        sm_progress(run->listener, "segmenting slices", run->known, run->known);
    return status;
}

/* ---- setting up ---- */

static enum sm_status run_open(struct run *run, const struct sm_model *model, struct sm_err *err)
{
    const struct sm_view *view = &run->result->view;
    const struct sm_config *config = run->result->config;
    size_t side = (size_t) sm_low_res_side(config), channels = (size_t) run->volume->channels;
    run->pixels = (size_t) view->dim[0] * (size_t) view->dim[1];
    run->low = side * side;
    run->batch = config->image_size >= LARGE_SIDE ? BATCH_LARGE : BATCH;
    run->embeddings = calloc((size_t) view->dim[2], sizeof *run->embeddings);
    run->grey = malloc((size_t) run->batch * run->pixels * channels);
    run->values = malloc(run->pixels * channels * sizeof *run->values);
    run->low_res = malloc(3 * PROMPTS * run->low * sizeof *run->low_res);
    run->inside = malloc(run->pixels * sizeof *run->inside);
    run->followed = malloc(run->pixels * sizeof *run->followed);
    run->smooth = malloc(run->pixels * sizeof *run->smooth);
    run->stack = malloc(run->pixels * sizeof *run->stack);
    if (!run->embeddings || !run->grey || !run->values || !run->low_res || !run->inside ||
        !run->followed || !run->smooth || !run->stack)
        return sm_fail(err, SM_MEMORY, "out of memory for slices of %d x %d pixels", view->dim[0],
                       view->dim[1]);
    return sm_session_open(&run->session, model, run->batch, PROMPTS, err);
}

static void run_close(struct run *run)
{
    for (int s = 0; run->embeddings && s < run->result->view.dim[2]; s++)
        free(run->embeddings[s]);
    free(run->embeddings);
    free(run->grey);
    free(run->values);
    free(run->low_res);
    free(run->appearances);
    free(run->inside);
    free(run->followed);
    free(run->smooth);
    free(run->stack);
    if (run->session)
        sm_session_close(run->session);
}

static enum sm_status choose_window(struct sm_result *result, const struct sm_volume *volume,
                                    const struct sm_segment_options *options, struct sm_err *err)
{
    result->window = options->window;
    if (result->window.mode == SM_WINDOW_DEFAULT)
        result->window = result->config->normalization;
    if (options->window.mode == SM_WINDOW_DEFAULT && volume->display_ready)
        result->window.mode = SM_WINDOW_STORED;
    if (result->window.mode == SM_WINDOW_DEFAULT)
        result->window.mode = SM_WINDOW_MINMAX;
    return sm_window_prepare(&result->window, volume, err);
}

static enum sm_status result_open(struct sm_result *result, const struct sm_volume *volume,
                                  const struct sm_segment_options *options, struct sm_err *err)
{
    size_t objects = result->prompts->count, side = (size_t) result->config->image_size;
    sm_view_choose(&result->view, volume, options->plane,
                   options->orient_given ? options->orient : result->config->orientation);
    const int *dim = result->view.dim;
    result->objects = calloc(objects + 1, sizeof *result->objects);
    result->cells = calloc(objects * (size_t) dim[2] + 1, sizeof(struct cell *));
    result->square = malloc(side * side * sizeof *result->square);
    result->logits = malloc((size_t) dim[0] * (size_t) dim[1] * sizeof *result->logits);
    if (!result->objects || !result->cells || !result->square || !result->logits)
        return sm_fail(err, SM_MEMORY, "out of memory for slices of %d x %d pixels", dim[0], dim[1]);
    for (size_t o = 0; o < objects; o++)
        result->objects[o] = (struct sm_object_result){.id = result->prompts->objects[o].id,
                                                       .name = result->prompts->objects[o].name,
                                                       .slices = {-1, -1}};
    enum sm_status status = sm_labels_alloc(&result->labels, &volume->grid, err);
    return status ? status : choose_window(result, volume, options, err);
}

void sm_result_free(struct sm_result *result)
{
    if (!result)
        return;
    size_t cells = result->prompts->count * (size_t) result->view.dim[2];
    for (size_t c = 0; result->cells && c < cells; c++)
        cell_free(result->cells[c]);
    free(result->cells);
    free(result->objects);
    free(result->square);
    free(result->logits);
    sm_labels_free(&result->labels);
    free(result);
}

enum sm_status segment_with(struct sm_result **out, const struct sm_model *model,
                            const struct sm_volume *volume, const struct sm_prompts *prompts,
                            const struct sm_segment_options *options,
                            const struct propagation *propagation,
                            const struct sm_listener *listener, struct sm_err *err)
{
    struct sm_result *result = calloc(1, sizeof *result);
    *out = NULL;
    if (!result)
        return sm_fail(err, SM_MEMORY, "out of memory");
    result->config = sm_model_config(model);
    result->prompts = prompts;
    struct run run = {.result = result, .volume = volume, .propagation = propagation,
                      .listener = listener};
    run.multimask = options->multimask == SM_CHOICE_DEFAULT ? result->config->multimask
                                                            : options->multimask == SM_CHOICE_YES;
    enum sm_status status = result_open(result, volume, options, err);
    if (!status)
        status = cells_from_prompts(result, options, listener, err);
    if (!status)
        status = run_open(&run, model, err);
    if (!status)
        status = run_waves(&run, err);
    run_close(&run);
    if (!status)
        status = result_assemble(result, volume, options->overlap, listener, err);
    if (status)
        sm_result_free(result);
    else
        *out = result;
    return status;
}

enum sm_status sm_segment(struct sm_result **result, const struct sm_model *model,
                          const struct sm_volume *volume, const struct sm_prompts *prompts,
                          const struct sm_segment_options *options,
                          const struct sm_listener *listener, struct sm_err *err)
{
    return segment_with(result, model, volume, prompts, options, &propagation_default, listener, err);
}
