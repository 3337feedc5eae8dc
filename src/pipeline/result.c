/* From low-res logits to labels, figures and pictures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "pipeline/pipeline.h"
#include "sammed2d/stack.h"

/* ref: segment_anything/predictor_sammed.py, masks = masks > 0.5 after a sigmoid, in float32: a logit
 * of a few rounding errors above zero is still outside. */
bool logit_inside(float logit)
{
    return logit > 0 && 1.0f / (1.0f + expf(-logit)) > 0.5f;
}

void result_logits(const struct sm_result *result, const float *low_res, float *logits)
{
    sm_upsample(result->config, low_res, result->view.dim[1], result->view.dim[0], logits,
                result->square);
}

/* One slice in work. */
struct slice {
    const struct sm_volume *volume;
    int s;
    size_t pixels;
    float *values;  /* intensities */
    float *highest; /* logit of the object that has the pixel */
    int *owner;     /* object, or -1 */
    double *share;  /* (nz): sm_stack_share */
};

/* Sums over slices, from which the figures come. */
struct sums {
    double count, sum, squares;
    double share; /* voxels, each times the part of the step that its slice stands for */
};

static void take(struct sums *sums, float value)
{
    if (!isfinite(value))
        return;
    sums->count++;
    sums->sum += value;
    sums->squares += (double) value * value;
}

/* The higher logit wins a pixel; the object named first wins a tie. */
static void compete(const struct sm_result *result, struct slice *slice)
{
    for (size_t p = 0; p < slice->pixels; p++)
        slice->owner[p] = -1;
    for (size_t o = 0; o < result->prompts->count; o++) {
        const struct cell *cell = result_cell(result, o, slice->s);
        if (!cell || !cell->low_res)
            continue;
        result_logits(result, cell->low_res, result->logits);
        for (size_t p = 0; p < slice->pixels; p++) {
            float logit = result->logits[p];
            if (!logit_inside(logit) || (slice->owner[p] >= 0 && logit <= slice->highest[p]))
                continue;
            slice->highest[p] = logit;
            slice->owner[p] = (int) o;
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
                result->labels.voxels[(ptrdiff_t) origin + x * column + y * row] =
                    (uint16_t) result->prompts->objects[*owner].id;
}

int result_slice_index(const struct sm_result *result, int s)
{
    return result->view.reversed[2] ? result->view.dim[2] - 1 - s : s;
}

/* The voxel index k of pixel p: where a view is not of the stored slices, it is in the picture. */
static int stored_slice(const struct sm_view *view, int s, size_t p)
{
    size_t width = (size_t) view->dim[0];
    const int at[3] = {(int) (p % width), (int) (p / width), s};
    int a = 0;
    while (view->axis[a] != 2)
        a++;
    return view->reversed[a] ? view->dim[a] - 1 - at[a] : at[a];
}

static void count_pixel(struct sm_result *result, size_t o, const struct slice *slice, size_t p,
                        struct sums *sums)
{
    struct sm_object_result *object = &result->objects[o];
    int k = result_slice_index(result, slice->s);
    sums[o].share += slice->share[stored_slice(&result->view, slice->s, p)];
    if (object->voxels == 0 || k < object->slices[0])
        object->slices[0] = k;
    if (object->voxels == 0 || k > object->slices[1])
        object->slices[1] = k;
    object->voxels++;
    take(&sums[o], slice->values[p * (size_t) slice->volume->channels]);
}

static void count_slice(struct sm_result *result, const struct slice *slice, bool overlap,
                        struct sums *sums)
{
    for (size_t p = 0; !overlap && p < slice->pixels; p++)
        if (slice->owner[p] >= 0)
            count_pixel(result, (size_t) slice->owner[p], slice, p, sums);
    for (size_t o = 0; overlap && o < result->prompts->count; o++) {
        const struct cell *cell = result_cell(result, o, slice->s);
        if (!cell || !cell->low_res)
            continue;
        result_logits(result, cell->low_res, result->logits);
        for (size_t p = 0; p < slice->pixels; p++)
            if (logit_inside(result->logits[p]))
                count_pixel(result, o, slice, p, sums);
    }
}

/* Mean predicted IoU over the slices where something came out. */
static double mean_iou(const struct sm_result *result, size_t o)
{
    double sum = 0, count = 0;
    for (int s = 0; s < result->view.dim[2]; s++) {
        const struct cell *cell = result_cell(result, o, s);
        if (cell && cell->low_res && cell->area) {
            sum += cell->iou;
            count++;
        }
    }
    return count ? sum / count : 0;
}

static void finish_object(struct sm_result *result, size_t o, const struct sums *sums,
                          const struct sm_listener *listener)
{
    struct sm_object_result *object = &result->objects[o];
    object->volume_ml = sums->share * sm_grid_voxel_volume_ml(&result->labels.grid);
    object->predicted_iou = mean_iou(result, o);
    if (sums->count) {
        object->mean = sums->sum / sums->count;
        object->sd = sqrt(fmax(0, sums->squares / sums->count - object->mean * object->mean));
    }
    if (!object->voxels)
        sm_warn(listener, "object \"%s\" came out empty", object->name);
}

/* Excluded points alone do not bring an object to a slice. */
static void warn_unused(const struct sm_result *result, size_t o, const struct sm_listener *listener)
{
    for (int s = 0; s < result->view.dim[2]; s++) {
        const struct cell *cell = result_cell(result, o, s);
        if (cell && !cell->low_res && !cell->given && !cell->queued)
            sm_warn(listener, "an excluded point of \"%s\" had no effect: the object does not reach "
                              "its slice", result->objects[o].name);
    }
}

static bool anything_on(const struct sm_result *result, int s)
{
    for (size_t o = 0; o < result->prompts->count; o++)
        if (result_cell(result, o, s) && result_cell(result, o, s)->low_res)
            return true;
    return false;
}

enum sm_status result_assemble(struct sm_result *result, const struct sm_volume *volume, bool overlap,
                               const struct sm_listener *listener, struct sm_err *err)
{
    size_t count = result->prompts->count;
    size_t pixels = (size_t) result->view.dim[0] * (size_t) result->view.dim[1];
    struct slice slice = {.volume = volume, .pixels = pixels};
    struct sums *sums = calloc(count, sizeof *sums);
    slice.values = malloc(pixels * (size_t) volume->channels * sizeof *slice.values);
    slice.highest = malloc(pixels * sizeof *slice.highest);
    slice.owner = malloc(pixels * sizeof *slice.owner);
    slice.share = malloc((size_t) volume->grid.dim[2] * sizeof *slice.share);
    enum sm_status status = SM_OK;
    for (int k = 0; slice.share && k < volume->grid.dim[2]; k++)
        slice.share[k] = sm_stack_share(volume, k);
    if (!sums || !slice.values || !slice.highest || !slice.owner || !slice.share)
        status = sm_fail(err, SM_MEMORY, "out of memory for slices of %zu pixels", pixels);
    for (slice.s = 0; !status && slice.s < result->view.dim[2]; slice.s++) {
        if (!anything_on(result, slice.s))
            continue;
        sm_view_slice(&result->view, volume, slice.s, slice.values);
        compete(result, &slice);
        store(result, &slice);
        count_slice(result, &slice, overlap, sums);
    }
    for (size_t o = 0; !status && o < count; o++) {
        finish_object(result, o, &sums[o], listener);
        warn_unused(result, o, listener);
    }
    free(slice.share);
    free(slice.owner);
    free(slice.highest);
    free(slice.values);
    free(sums);
    return status;
}

const struct sm_labels *sm_result_labels(const struct sm_result *result)
{
    return &result->labels;
}

size_t sm_result_objects(const struct sm_result *result)
{
    return result->prompts->count;
}

const struct sm_object_result *sm_result_object(const struct sm_result *result, size_t object)
{
    return &result->objects[object];
}

const struct sm_view *sm_result_view(const struct sm_result *result)
{
    return &result->view;
}

const struct sm_window *sm_result_window(const struct sm_result *result)
{
    return &result->window;
}

int sm_result_encoded(const struct sm_result *result)
{
    return result->encoded;
}

void sm_result_seconds(const struct sm_result *result, double *encode, double *decode)
{
    *encode = result->encode_seconds;
    *decode = result->decode_seconds;
}

bool sm_result_has(const struct sm_result *result, size_t object, int slice)
{
    const struct cell *cell = result_cell(result, object, slice);
    return cell && cell->low_res;
}

void sm_result_logits(const struct sm_result *result, size_t object, int slice, float *logits)
{
    result_logits(result, result_cell(result, object, slice)->low_res, logits);
}

void sm_result_probabilities(const struct sm_result *result, size_t object, float *out)
{
    const struct sm_view *view = &result->view;
    memset(out, 0, sm_grid_voxels(&result->labels.grid) * sizeof *out);
    for (int s = 0; s < view->dim[2]; s++) {
        size_t origin;
        ptrdiff_t column, row;
        if (!sm_result_has(result, object, s))
            continue;
        sm_result_logits(result, object, s, result->logits);
        sm_view_steps(view, &result->labels.grid, s, &origin, &column, &row);
        const float *logit = result->logits;
        for (int y = 0; y < view->dim[1]; y++)
            for (int x = 0; x < view->dim[0]; x++, logit++)
                out[(ptrdiff_t) origin + x * column + y * row] = 1.0f / (1.0f + expf(-*logit));
    }
}

const struct sm_slice_prompt *sm_result_prompt(const struct sm_result *result, size_t object,
                                               int slice)
{
    const struct cell *cell = result_cell(result, object, slice);
    return cell && cell->low_res ? &cell->shown : NULL;
}
