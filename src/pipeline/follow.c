/* From slice to slice: where an object is likely to be on the next one, and whether it has ended. */
#include <math.h>
#include <stdlib.h>
#include "model/mask_prompt.h"
#include "pipeline/run.h"
#include "sammed2d/stack.h"

/* The cell's mask in full size, in run->inside; sets its area. */
static void find_inside(struct run *run, struct cell *cell)
{
    result_logits(run->result, cell, run->result->logits);
    cell->area = 0;
    for (size_t p = 0; p < run->pixels; p++) {
        run->inside[p] = logit_inside(run->result->logits[p]);
        cell->area += run->inside[p];
    }
}

/* The slice as the appearance sees it: its first channel. */
static void load_values(struct run *run, int slice)
{
    size_t channels = (size_t)run->volume->channels;
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
    appearance_learn(cell->appearance, run->propagation, run->values, run->inside, dim[1], dim[0], run->smooth);
}

/* How much of the smaller of run->inside and the neighbour's mask is common to both. */
static float common_part(struct run *run, const struct cell *cell, const struct cell *neighbour)
{
    size_t common = 0, smaller = cell->area < neighbour->area ? cell->area : neighbour->area;
    result_logits(run->result, neighbour, run->result->logits);
    for (size_t p = 0; p < run->pixels; p++)
        common += run->inside[p] && logit_inside(run->result->logits[p]);
    return smaller ? (float)common / (float)smaller : 0;
}

static enum end end_by_looks(struct run *run, const struct appearance *looks, int slice)
{
    const int *dim = run->result->view.dim;
    const struct propagation *how = run->propagation;
    float like[2];
    load_values(run, slice);
    appearance_likeness(looks, run->values, run->inside, dim[1], dim[0], run->smooth, like);
    if (like[1] < how->likeness * looks->likeness[1])
        return END_UNLIKE;
    return like[1] - like[0] < how->contrast * (looks->likeness[1] - looks->likeness[0]) ? END_CONTRAST
                                                                                          : GOES_ON;
}

/* Has a propagated object ended? run->inside is its mask, neighbour where it came from. */
static enum end find_end(struct run *run, const struct cell *cell, const struct cell *neighbour, int slice)
{
    const struct propagation *how = run->propagation;
    const struct appearance *looks = cell->appearance;
    float area = (float)cell->area, before = (float)neighbour->area;
    const struct {
        bool ended;
        enum end why;
    } rows[] = {{cell->area == 0, END_EMPTY},
                {area < how->collapse * before, END_SHRUNK},
                {area > how->burst * before, END_BURST},
                {area > how->explosion * (float)looks->area, END_GREW},
                {cell->iou < how->least_iou * looks->iou, END_IOU},
                {common_part(run, cell, neighbour) < how->overlap, END_APART}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        if (rows[r].ended)
            return rows[r].why;
    return end_by_looks(run, looks, slice);
}

/* For -v: the object was carried to `last`, and no further in this direction. */
static void note_end(const struct run *run, size_t object, int last, int direction, enum end why)
{
    static const char *const reasons[] = {
        [END_EMPTY] = "nothing is found there",
        [END_GREY] = "hardly anything there has the grey of the object",
        [END_SHRUNK] = "its area falls steeply",
        [END_BURST] = "its area jumps up",
        [END_GREW] = "its area grows far beyond that of the prompted slice",
        [END_IOU] = "the predicted IoU falls steeply",
        [END_APART] = "the mask lies beside the one before",
        [END_UNLIKE] = "too little of the mask has the grey of the object",
        [END_CONTRAST] = "the surroundings have the grey of the object",
        [END_GAP] = "slices are missing in between; an object beyond them needs a prompt of its own",
        [END_ASIDE] = "that slice lies so far aside that the object has another place there; give it a prompt of its own",
    };
    const struct sm_result *result = run->result;
    const char *name = result->prompts->objects[object].name, *way = direction == GO_UP ? "up" : "down";
    int k = result_slice_index(result, last), step = direction == GO_UP ? 1 : -1;
    if (why == END_VOLUME)
        sm_note(run->listener, "object \"%s\" is carried %s to slice %d, where the volume ends", name, way, k);
    else
        sm_note(run->listener, "object \"%s\" is carried %s to slice %d; it ends before slice %d because %s",
                name, way, k, result_slice_index(result, last + step), reasons[why]);
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
        mask_prompt_from_logits(config, from->low_res, next->mask);
        return SM_OK;
    }
    for (size_t p = 0; p < run->pixels; p++)
        run->result->logits[p] = inside[p];
    mask_prompt_from_pixels(config, run->result->logits, dim[1], dim[0], next->mask);
    return SM_OK;
}

/* Slices follow one another by number; in the body the next one may be far away, or lie so far aside that nothing of
 * the object, whose box this is, would be where it was. */
static enum end end_by_place(const struct run *run, int slice, int next, const float box[4])
{
    static const double FARTHEST = 2.5; /* usual steps: one slice may be missing, two are a gap */
    const struct sm_view *view = &run->result->view;
    const struct sm_volume *volume = run->volume;
    int k = result_slice_index(run->result, slice), to = result_slice_index(run->result, next);
    double begins[3]; /* the next slice, in pixels of this one */
    if (!volume->slice_origin_lps || view->axis[2] != 2)
        return GOES_ON;
    sm_stack_from_lps(volume, k, volume->slice_origin_lps[to], begins);
    if (fabs(begins[2] - k) > FARTHEST)
        return END_GAP;
    for (int p = 0; p < 2; p++)
        if (fabs(begins[view->axis[p]]) >= (double)(box[2 + p] - box[p]))
            return END_ASIDE;
    return GOES_ON;
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
    return (float)area < how->collapse * (float)from->area ? NULL : run->followed;
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
    float box[4], before[4];
    const int *dim = run->result->view.dim;
    struct cell *cell = result_cell(run->result, (size_t)to.object, to.slice);
    if (cell && (cell->given || cell->low_res))
        return SM_OK; /* the user speaks for this slice, or the other front has been here */
    int here = to.slice - (direction == GO_UP ? 1 : -1);
    enum end why = mask_box(run->inside, dim[1], dim[0], before) ? end_by_place(run, here, to.slice, before) : END_EMPTY;
    const bool *where = why ? NULL : expected(run, from, to.slice);
    if (!why && !(where && mask_box(where, dim[1], dim[0], box)))
        why = where ? END_EMPTY : END_GREY;
    if (why) {
        note_end(run, (size_t)to.object, here, direction, why);
        return SM_OK;
    }
    appearance_limit_box(from->appearance, run->propagation, before, box);
    cell = result_make_cell(run->result, (size_t)to.object, to.slice);
    if (!cell)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    enum sm_status status = SM_OK;
    if (run->propagation->box)
        status = ask_box(cell, box, err);
    if (!status && run->propagation->mask)
        status = propagated_mask(run, cell, from, where, err);
    if (!status && !cell->queued)
        status = wave_add(next, to.slice, (size_t)to.object, err);
    if (!cell->queued)
        cell->appearance = from->appearance;
    cell->queued = true;
    cell->directions |= direction;
    cell->shown.propagated = true;
    return status;
}

/* The cell that a propagated one came from: the larger of two. */
static const struct cell *came_from(const struct run *run, struct place at)
{
    const struct cell *best = NULL;
    for (int side = -1; side <= 1; side += 2) {
        int s = at.slice + side;
        const struct cell *cell = s < 0 || s >= run->result->view.dim[2]
                                      ? NULL : result_cell(run->result, (size_t)at.object, s);
        if (cell && cell->low_res && (!best || cell->area > best->area))
            best = cell;
    }
    return best;
}

/* The object is not on this slice: whoever brought it here ends one slice before. */
static void take_back(struct run *run, struct cell *cell, struct place at, enum end why)
{
    cell_forget_mask(cell);
    for (int direction = GO_UP; direction <= GO_DOWN; direction++)
        if (cell->directions & direction)
            note_end(run, (size_t)at.object, at.slice - (direction == GO_UP ? 1 : -1), direction, why);
}

enum sm_status follow_up(struct run *run, struct place at, struct wave *next, struct sm_err *err)
{
    struct cell *cell = result_cell(run->result, (size_t)at.object, at.slice);
    enum sm_status status = SM_OK;
    enum end why = GOES_ON;
    int slices = run->result->view.dim[2];
    if ((!cell->directions || slices == 1) && (cell->given || cell->between))
        return SM_OK; /* nothing goes on from here */
    find_inside(run, cell);
    if (cell->given)
        learn(run, cell, at.slice);
    if (!cell->given && !cell->between)
        why = find_end(run, cell, came_from(run, at), at.slice);
    if (why) {
        take_back(run, cell, at, why);
        return SM_OK;
    }
    for (int direction = GO_UP; !status && direction <= GO_DOWN; direction++) {
        struct place to = {at.slice + (direction == GO_UP ? 1 : -1), at.object};
        if (!(cell->directions & direction))
            continue;
        if (to.slice < 0 || to.slice >= slices) {
            if (slices > 1)
                note_end(run, (size_t)at.object, at.slice, direction, END_VOLUME);
        } else {
            status = step(run, cell, to, direction, next, err);
        }
    }
    return status;
}
