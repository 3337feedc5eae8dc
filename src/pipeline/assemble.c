/* From low-res logits to labels and figures. Slices are worked on side by side: each writes voxels of its
 * own, and its sums are added up in the order of the slices, so that threads change nothing. Slices that are
 * done are handed on in the order of the file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "nn/nn.h"
#include "pipeline/pipeline.h"
#include "sammed2d/stack.h"

enum { MOST_WORKERS = 8 }; /* each has some 5 MB for a slice of 512 x 512 */

/* Of one object on one slice, or on all. */
struct sums {
    size_t voxels;
    int first, last;            /* slice numbers k, when there are voxels */
    double share;               /* voxels, each times the part of the step that its slice stands for */
    double count, sum, squares; /* of intensities that are finite */
};

struct assembly {
    struct sm_result *result;
    const struct sm_volume *volume;
    const struct sm_segment_options *options;
    double *share;     /* (nz): sm_stack_share */
    struct sums *sums; /* (slices, objects) */
    bool *done;        /* (slices) */
    bool *whole;       /* (nz) labels of the stored slice will not change any more */
    int handed_on;     /* stored slices, from 0 */
    bool handing;      /* by a thread, now */
};

/* One slice in work. */
struct slice {
    int s;
    size_t pixels;
    struct sums *sums; /* (objects) */
    float *values;     /* intensities */
    float *highest;    /* logit of the object that has the pixel */
    float *logits, *square, *room;
    int *owner;        /* object, or -1 */
};

static void upsample(const struct assembly *a, struct slice *slice, const struct cell *cell)
{
    cell_logits(a->result, cell, slice->logits, slice->square, slice->room);
}

static struct cell *decoded_cell(const struct assembly *a, size_t object, int s)
{
    struct cell *cell = result_cell(a->result, object, s);
    return cell && cell->low_res ? cell : NULL;
}

/* The higher logit wins a pixel; the object named first wins a tie. */
static void compete(const struct assembly *a, struct slice *slice)
{
    for (size_t p = 0; p < slice->pixels; p++)
        slice->owner[p] = -1;
    for (size_t o = 0; o < a->result->prompts->count; o++) {
        struct cell *cell = decoded_cell(a, o, slice->s);
        if (!cell)
            continue;
        upsample(a, slice, cell);
        cell->area = 0;
        for (size_t p = 0; p < slice->pixels; p++) {
            float logit = slice->logits[p];
            bool inside = logit_inside(logit);
            cell->area += inside;
            if (!inside || (slice->owner[p] >= 0 && logit <= slice->highest[p]))
                continue;
            slice->highest[p] = logit;
            slice->owner[p] = (int)o;
        }
    }
}

static void store(struct sm_result *result, const struct slice *slice)
{
    size_t origin;
    ptrdiff_t column, row;
    int width = result->view.dim[0], height = result->view.dim[1];
    sm_view_steps(&result->view, &result->labels.grid, slice->s, &origin, &column, &row);
    const int *owner = slice->owner;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, owner++)
            if (*owner >= 0)
                result->labels.voxels[(ptrdiff_t)origin + x * column + y * row] =
                    (uint16_t)result->prompts->objects[*owner].id;
}

/* The voxel index k of pixel p: where a view is not of the stored slices, it is in the picture. */
static int stored_slice(const struct sm_view *view, int s, size_t p)
{
    size_t width = (size_t)view->dim[0];
    const int at[3] = {(int)(p % width), (int)(p / width), s};
    int a = 0;
    while (view->axis[a] != 2)
        a++;
    return view->reversed[a] ? view->dim[a] - 1 - at[a] : at[a];
}

static void count_pixel(const struct assembly *a, struct slice *slice, size_t o, size_t p)
{
    struct sums *sums = &slice->sums[o];
    float value = slice->values[p * (size_t)a->volume->channels];
    sums->voxels++;
    sums->first = sums->last = result_slice_index(a->result, slice->s);
    sums->share += a->share[stored_slice(&a->result->view, slice->s, p)];
    if (!isfinite(value))
        return;
    sums->count++;
    sums->sum += value;
    sums->squares += (double)value * value;
}

static void count_slice(const struct assembly *a, struct slice *slice)
{
    for (size_t p = 0; !a->options->overlap && p < slice->pixels; p++)
        if (slice->owner[p] >= 0)
            count_pixel(a, slice, (size_t)slice->owner[p], p);
    for (size_t o = 0; a->options->overlap && o < a->result->prompts->count; o++) {
        const struct cell *cell = decoded_cell(a, o, slice->s);
        if (!cell)
            continue;
        upsample(a, slice, cell);
        for (size_t p = 0; p < slice->pixels; p++)
            if (logit_inside(slice->logits[p]))
                count_pixel(a, slice, o, p);
    }
}

static bool anything_on(const struct assembly *a, int s)
{
    for (size_t o = 0; o < a->result->prompts->count; o++)
        if (decoded_cell(a, o, s))
            return true;
    return false;
}

static bool anything_asked(const struct assembly *a, int s)
{
    for (size_t o = 0; o < a->result->prompts->count; o++) {
        const struct cell *cell = result_cell(a->result, o, s);
        if (cell && cell->queued)
            return true;
    }
    return false;
}

/* ---- all slices ---- */

void slice_free(struct slice *slice)
{
    if (!slice)
        return;
    free(slice->values);
    free(slice->highest);
    free(slice->logits);
    free(slice->square);
    free(slice->room);
    free(slice->owner);
    free(slice);
}

struct slice *slice_alloc(const struct assembly *a)
{
    const struct sm_result *result = a->result;
    size_t pixels = (size_t)result->view.dim[0] * (size_t)result->view.dim[1];
    size_t side = (size_t)result->config->image_size;
    struct slice *slice = calloc(1, sizeof *slice);
    if (!slice)
        return NULL;
    *slice = (struct slice){.pixels = pixels,
                            .values = malloc(pixels * (size_t)a->volume->channels * sizeof(float)),
                            .highest = malloc(pixels * sizeof(float)),
                            .logits = malloc(pixels * sizeof(float)),
                            .square = malloc(side * side * sizeof(float)),
                            .room = malloc(pixels * sizeof(float)),
                            .owner = malloc(pixels * sizeof(int))};
    if (slice->values && slice->highest && slice->logits && slice->square && slice->room && slice->owner)
        return slice;
    slice_free(slice);
    return NULL;
}

void assembly_settle(struct assembly *a)
{
    for (int s = 0; a->result->view.axis[2] == 2 && s < a->result->view.dim[2]; s++)
        a->whole[result_slice_index(a->result, s)] = !anything_asked(a, s);
}

void assembly_slice(struct assembly *a, struct slice *slice, int s)
{
    a->done[s] = true;
    if (!anything_on(a, s))
        return;
    slice->s = s;
    slice->sums = a->sums + (size_t)s * a->result->prompts->count;
    sm_view_slice(&a->result->view, a->volume, s, slice->values);
    compete(a, slice);
    store(a->result, slice);
    count_slice(a, slice);
}

static bool assemble_rest(struct assembly *a)
{
    int slices = a->result->view.dim[2], most = slices < MOST_WORKERS ? slices : MOST_WORKERS;
    int workers = nn_threads() < most ? nn_threads() : most; /* a single slice's resizing has the threads to itself */
    bool good = true;
#pragma omp parallel num_threads(workers) reduction(&& : good)
    {
        struct slice *slice = slice_alloc(a);
        good = slice;
#pragma omp for schedule(dynamic, 1)
        for (int s = 0; s < slices; s++)
            if (good && !a->done[s])
                assembly_slice(a, slice, s);
        slice_free(slice);
    }
    return good;
}

/* ---- handing on ---- */

/* The next stored slice that is whole and whose turn it is, -1: none, or another thread is at it. */
static int next_whole(struct assembly *a, bool *mine)
{
    int k = -1;
#pragma omp critical(handing)
    if (*mine || !a->handing) {
        if (a->handed_on < a->volume->grid.dim[2] && a->whole[a->handed_on])
            k = a->handed_on++;
        a->handing = *mine = k >= 0;
    }
    return k;
}

static enum sm_status hand_on(struct assembly *a, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    bool mine = false;
    for (int k; !status && a->options->slice_done && (k = next_whole(a, &mine)) >= 0;)
        status = a->options->slice_done(a->options->context, &a->result->labels, k, err);
    return status;
}

enum sm_status assembly_hand_on(struct assembly *a, int s, struct sm_err *err)
{
    if (a->result->view.axis[2] != 2)
        return SM_OK; /* all stored slices become whole at the end */
#pragma omp critical(handing)
    a->whole[result_slice_index(a->result, s)] = true;
    return hand_on(a, err);
}

/* ---- figures ---- */

static struct sums add_up(const struct assembly *a, size_t o)
{
    struct sums all = {0};
    for (int s = 0; s < a->result->view.dim[2]; s++) {
        const struct sums *one = &a->sums[(size_t)s * a->result->prompts->count + o];
        if (!one->voxels)
            continue;
        all.first = !all.voxels || one->first < all.first ? one->first : all.first;
        all.last = !all.voxels || one->last > all.last ? one->last : all.last;
        all.voxels += one->voxels;
        all.share += one->share;
        all.count += one->count;
        all.sum += one->sum;
        all.squares += one->squares;
    }
    return all;
}

/* Mean predicted IoU over the slices where something came out. */
static double mean_iou(const struct assembly *a, size_t o)
{
    double sum = 0, count = 0;
    for (int s = 0; s < a->result->view.dim[2]; s++) {
        const struct cell *cell = decoded_cell(a, o, s);
        if (cell && cell->area) {
            sum += cell->iou;
            count++;
        }
    }
    return count ? sum / count : 0;
}

static void finish_object(const struct assembly *a, size_t o, const struct sm_listener *listener)
{
    struct sm_object_result *object = &a->result->objects[o];
    struct sums sums = add_up(a, o);
    object->voxels = sums.voxels;
    object->volume_ml = sums.share * sm_grid_voxel_volume_ml(&a->result->labels.grid);
    object->predicted_iou = mean_iou(a, o);
    if (sums.count) {
        object->mean = sums.sum / sums.count;
        object->sd = sqrt(fmax(0, sums.squares / sums.count - object->mean * object->mean));
    }
    if (!object->voxels) {
        sm_warn(listener, "object \"%s\" came out empty", object->name);
        return;
    }
    object->slices[0] = sums.first;
    object->slices[1] = sums.last;
}

/* Excluded points alone do not bring an object to a slice. */
static void warn_unused(const struct assembly *a, size_t o, const struct sm_listener *listener)
{
    for (int s = 0; s < a->result->view.dim[2]; s++) {
        const struct cell *cell = result_cell(a->result, o, s);
        if (cell && !cell->low_res && !cell->given && !cell->queued)
            sm_warn(listener, "an excluded point of \"%s\" had no effect: the object does not reach "
                              "its slice", a->result->objects[o].name);
    }
}

/* ---- all of it ---- */

void assembly_free(struct assembly *a)
{
    if (!a)
        return;
    free(a->share);
    free(a->sums);
    free(a->done);
    free(a->whole);
    free(a);
}

enum sm_status assembly_open(struct assembly **out, struct sm_result *result, const struct sm_volume *volume,
                             const struct sm_segment_options *options, struct sm_err *err)
{
    size_t count = result->prompts->count, slices = (size_t)result->view.dim[2], stored = (size_t)volume->grid.dim[2];
    struct assembly *a = *out = calloc(1, sizeof *a);
    if (!a)
        return sm_fail(err, SM_MEMORY, "out of memory");
    *a = (struct assembly){.result = result, .volume = volume, .options = options,
                           .share = malloc(stored * sizeof *a->share),
                           .sums = calloc(slices * count + 1, sizeof *a->sums),
                           .done = calloc(slices, sizeof *a->done),
                           .whole = calloc(stored, sizeof *a->whole)};
    if (!a->share || !a->sums || !a->done || !a->whole)
        return sm_fail(err, SM_MEMORY, "out of memory for %zu slices of %zu objects", slices, count);
    for (size_t k = 0; k < stored; k++)
        a->share[k] = sm_stack_share(volume, (int)k);
    return SM_OK;
}

enum sm_status assembly_finish(struct assembly *a, const struct sm_listener *listener, struct sm_err *err)
{
    const struct sm_result *result = a->result;
    if (!assemble_rest(a))
        return sm_fail(err, SM_MEMORY, "out of memory for slices of %d x %d pixels", result->view.dim[0],
                       result->view.dim[1]);
    for (size_t o = 0; o < result->prompts->count; o++) {
        finish_object(a, o, listener);
        warn_unused(a, o, listener);
    }
    for (int k = 0; k < a->volume->grid.dim[2]; k++)
        a->whole[k] = true;
    return hand_on(a, err);
}
