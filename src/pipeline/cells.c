/* The user's prompts, slice by slice, in the frame of the view. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "model/mask_prompt.h"
#include "pipeline/pipeline.h"

struct cell *result_cell(const struct sm_result *result, size_t object, int slice)
{
    return result->cells[object * (size_t)result->view.dim[2] + (size_t)slice];
}

struct cell *result_make_cell(struct sm_result *result, size_t object, int slice)
{
    struct cell **cell = &result->cells[object * (size_t)result->view.dim[2] + (size_t)slice];
    if (!*cell)
        *cell = calloc(1, sizeof **cell);
    return *cell;
}

void cell_forget_mask(struct cell *cell)
{
    free(cell->closer.low_res);
    free(cell->low_res);
    cell->closer.low_res = NULL;
    cell->low_res = NULL;
}

void cell_free(struct cell *cell)
{
    if (!cell)
        return;
    cell_forget_mask(cell);
    free(cell->boxes);
    free(cell->points);
    free(cell->labels);
    free(cell->mask);
    free(cell);
}

enum sm_status cell_add_box(struct cell *cell, const float box[4], struct sm_err *err)
{
    size_t count = (size_t)cell->shown.box_count;
    float (*boxes)[4] = realloc(cell->boxes, (count + 1) * sizeof *boxes);
    if (!boxes)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    memcpy(boxes[count], box, sizeof *boxes);
    cell->boxes = boxes;
    cell->shown.boxes = (const float (*)[4]) boxes;
    cell->shown.box_count++;
    return SM_OK;
}

enum sm_status cell_add_point(struct cell *cell, const float point[2], bool positive,
                              struct sm_err *err)
{
    size_t count = (size_t)cell->shown.point_count;
    float (*points)[2] = realloc(cell->points, (count + 1) * sizeof *points);
    if (points)
        cell->points = points;
    int *labels = realloc(cell->labels, (count + 1) * sizeof *labels);
    if (labels)
        cell->labels = labels;
    if (!points || !labels)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    memcpy(points[count], point, sizeof *points);
    labels[count] = positive;
    cell->shown.points = (const float (*)[2]) points;
    cell->shown.point_labels = labels;
    cell->shown.point_count++;
    return SM_OK;
}

/* A cell that the user fills: `says_where` unless there are only excluded points. */
static enum sm_status given_cell(struct sm_result *result, size_t object, int slice, bool says_where,
                                 struct cell **cell, struct sm_err *err)
{
    *cell = result_make_cell(result, object, slice);
    if (!*cell)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    (*cell)->given |= says_where;
    return SM_OK;
}

static enum sm_status add_point(struct sm_result *result, size_t o, const struct sm_point *point,
                                struct sm_err *err)
{
    double xys[3];
    struct cell *cell;
    sm_view_from_voxel(&result->view, point->position, xys);
    float pixel[2] = {(float)xys[0], (float)xys[1]};
    int slice = (int)lround(xys[2]);
    enum sm_status status = given_cell(result, o, slice, point->positive, &cell, err);
    if (!status && cell->shown.point_count == SM_MAX_POINTS)
        return sm_fail(err, SM_USAGE, "object \"%s\" has more than %d points on slice %d; leave some of them out",
                       result->prompts->objects[o].name, SM_MAX_POINTS, result_slice_index(result, slice));
    return status ? status : cell_add_point(cell, pixel, point->positive, err);
}

/* The same 2-D box on each slice of a 3-D one: its pixels, and one past the last as the reference's
 * boxes have it. *flat: it lies on one slice. */
static enum sm_status add_box(struct sm_result *result, size_t o, const struct sm_box *box, bool *flat,
                              struct sm_err *err)
{
    double a[3], b[3];
    enum sm_status status = SM_OK;
    sm_view_from_voxel(&result->view, box->corner[0], a);
    sm_view_from_voxel(&result->view, box->corner[1], b);
    float pixels[4] = {(float)fmin(a[0], b[0]), (float)fmin(a[1], b[1]),
                       (float)fmax(a[0], b[0]) + 1, (float)fmax(a[1], b[1]) + 1};
    int first = (int)lround(fmin(a[2], b[2])), last = (int)lround(fmax(a[2], b[2]));
    *flat = first == last;
    for (int s = first; !status && s <= last; s++) {
        struct cell *cell;
        status = given_cell(result, o, s, true, &cell, err);
        if (!status)
            status = cell_add_box(cell, pixels, err);
    }
    return status;
}

/* The mask's pixels on slice s as 0 and 1, with their box; false when there are none. */
static bool cut_mask(const struct sm_result *result, const struct sm_labels *mask, int s, bool *inside,
                     float box[4])
{
    size_t origin;
    ptrdiff_t column, row;
    int width = result->view.dim[0], height = result->view.dim[1];
    sm_view_steps(&result->view, &mask->grid, s, &origin, &column, &row);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            inside[(size_t)y * (size_t)width + (size_t)x] =
                mask->voxels[(ptrdiff_t)origin + x * column + y * row] != 0;
    return mask_box(inside, height, width, box);
}

static enum sm_status mask_prompt(const struct sm_result *result, struct cell *cell, const bool *inside,
                                  struct sm_err *err)
{
    size_t pixels = (size_t)result->view.dim[0] * (size_t)result->view.dim[1];
    int side = sm_low_res_side(result->config);
    size_t count = (size_t)side * (size_t)side;
    cell->mask = malloc(count * sizeof *cell->mask);
    if (!cell->mask)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    for (size_t p = 0; p < pixels; p++)
        result->logits[p] = inside[p];
    mask_prompt_from_pixels(result->config, result->logits, result->view.dim[1], result->view.dim[0], cell->mask);
    cell->shown.has_mask = true;
    return SM_OK;
}

static enum sm_status add_mask(struct sm_result *result, size_t o, const struct sm_labels *mask,
                               enum sm_mask_as as, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    bool *inside = malloc((size_t)result->view.dim[0] * (size_t)result->view.dim[1]);
    if (!inside)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    for (int s = 0; !status && s < result->view.dim[2]; s++) {
        float box[4];
        struct cell *cell;
        if (!cut_mask(result, mask, s, inside, box))
            continue;
        status = given_cell(result, o, s, true, &cell, err);
        if (!status && as != SM_MASK_AS_MASK)
            status = cell_add_box(cell, box, err);
        if (!status && as != SM_MASK_AS_BOX)
            status = mask_prompt(result, cell, inside, err);
    }
    free(inside);
    return status;
}

static void note_mixed(const struct sm_result *result, size_t o, const struct sm_listener *listener)
{
    for (int s = 0; s < result->view.dim[2]; s++) {
        const struct cell *cell = result_cell(result, o, s);
        if (cell && cell->shown.box_count && cell->shown.point_count) {
            sm_note(listener, "object \"%s\" has a box and points on one slice; SAM-Med2D was never "
                              "trained on both together", result->prompts->objects[o].name);
            return;
        }
    }
}

static enum sm_status add_object(struct sm_result *result, size_t o,
                                 const struct sm_segment_options *options, struct sm_err *err)
{
    const struct sm_object *object = &result->prompts->objects[o];
    enum sm_status status = SM_OK;
    bool all_flat = !object->mask;
    for (size_t p = 0; !status && p < object->point_count; p++)
        status = add_point(result, o, &object->points[p], err);
    for (size_t b = 0; !status && b < object->box_count; b++) {
        bool flat;
        status = add_box(result, o, &object->boxes[b], &flat, err);
        all_flat &= flat;
    }
    if (!status && object->mask)
        status = add_mask(result, o, object->mask, options->mask_as, err);
    enum sm_propagate propagate = options->propagate;
    if (propagate == SM_PROPAGATE_AUTO && !all_flat)
        propagate = SM_PROPAGATE_NONE;
    return status ? status : keys_connect(result, o, propagate, err);
}

/* ---- what is one object's is not another's ---- */

static bool mask_has(const struct sm_labels *mask, const struct sm_point *point)
{
    const int *dim = mask->grid.dim;
    size_t at[3];
    for (int a = 0; a < 3; a++)
        at[a] = (size_t)lround(point->position[a]);
    return mask->voxels[at[0] + (size_t)dim[0] * (at[1] + (size_t)dim[1] * at[2])] != 0;
}

static bool has_point_at(const struct cell *cell, const float pixel[2])
{
    for (int p = 0; p < cell->shown.point_count; p++)
        if (lroundf(cell->points[p][0]) == lroundf(pixel[0]) && lroundf(cell->points[p][1]) == lroundf(pixel[1]))
            return true;
    return false;
}

/* A point of another object, where this one's mask has claimed it and its own points say nothing: excluded here. */
static enum sm_status cede_point(struct sm_result *result, size_t o, const struct sm_point *point, struct sm_err *err)
{
    double xys[3];
    if (!point->positive || !mask_has(result->prompts->objects[o].mask, point))
        return SM_OK;
    sm_view_from_voxel(&result->view, point->position, xys);
    float pixel[2] = {(float)xys[0], (float)xys[1]};
    struct cell *cell = result_cell(result, o, (int)lround(xys[2]));
    if (!cell || !cell->mask || has_point_at(cell, pixel) || cell->shown.point_count == SM_MAX_POINTS)
        return SM_OK;
    return cell_add_point(cell, pixel, false, err);
}

/* In a label map a pixel is one object's: whoever corrects the spleen with a point in the liver means both. */
static enum sm_status cede_points(struct sm_result *result, struct sm_err *err)
{
    const struct sm_prompts *prompts = result->prompts;
    enum sm_status status = SM_OK;
    for (size_t o = 0; o < prompts->count; o++)
        for (size_t other = 0; prompts->objects[o].mask && other < prompts->count; other++)
            for (size_t p = 0; !status && other != o && p < prompts->objects[other].point_count; p++)
                status = cede_point(result, o, &prompts->objects[other].points[p], err);
    return status;
}

enum sm_status cells_from_prompts(struct sm_result *result, const struct sm_segment_options *options,
                                  const struct sm_listener *listener, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    for (size_t o = 0; !status && o < result->prompts->count; o++) {
        status = add_object(result, o, options, err);
        if (!status)
            note_mixed(result, o, listener);
    }
    if (!status)
        status = warn_contrary(result->prompts, options->overlap, listener, err);
    return status || options->overlap ? status : cede_points(result, err);
}
