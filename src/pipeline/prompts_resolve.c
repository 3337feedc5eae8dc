/* Prompts to voxel indices of one volume, and every check that needs the volume. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "pipeline/prompts_internal.h"
#include "sammed2d/stack.h"

/* Headers keep positions in float32 and users type three decimals: within a thousandth of a voxel of
 * a border counts as on it, so that the result does not hang on the last bit. */
static const double TIE = 1e-3;
enum { SQUARE = 256 };

/* Index of a position among slices at their own places: half way between two slices is half an index,
 * however long that way. True where it is farther than half the usual step from every slice and between
 * two: the index is then that half. */
static bool among_slices(const struct sm_volume *volume, const double lps[3], double ijk[3])
{
    int best = 0, last = volume->grid.dim[2] - 1;
    double at[3];
    for (int k = 0; k <= last; k++) {
        sm_stack_from_lps(volume, k, lps, at);
        if (k == 0 || fabs(at[2] - k) < fabs(ijk[2] - best)) {
            best = k;
            memcpy(ijk, at, sizeof at);
        }
    }
    int next = ijk[2] > best ? best + 1 : best - 1;
    if (next < 0 || next > last)
        return false;
    sm_stack_from_lps(volume, best, volume->slice_origin_lps[next], at);
    double reach = fmin(1, fabs(at[2] - best)), off = (ijk[2] - best) / (reach > 0 ? reach : 1);
    bool gap = fabs(off) > 0.5 + TIE;
    ijk[2] = best + (gap ? copysign(0.5, off) : off);
    return gap;
}

/* True: in a gap between slices. */
static bool to_voxel(const struct sm_volume *volume, enum sm_space space, const double position[3],
                     double ijk[3])
{
    if (space == SM_SPACE_VOXEL) {
        memcpy(ijk, position, 3 * sizeof *ijk);
        return false;
    }
    double sign = space == SM_SPACE_RAS ? -1 : 1; /* RAS mm to LPS mm */
    double lps[3] = {sign * position[0], sign * position[1], position[2]};
    if (volume->slice_origin_lps)
        return among_slices(volume, lps, ijk);
    sm_grid_from_lps(&volume->grid, lps, ijk);
    return false;
}

void prompts_nearest(const struct sm_grid *grid, double ijk[3])
{
    struct sm_orientation orientation;
    sm_grid_orientation(grid, &orientation);
    for (int a = 0; a < 3; a++)
        ijk[a] = orientation.positive[a] ? floor(ijk[a] + 0.5 + TIE) : ceil(ijk[a] - 0.5 - TIE);
}

/* The picture's pixel span [low, high) of a span in the reference's 256 x 256 picture, along an axis of
 * `size` pixels. `padded`: the picture is smaller both ways and sits centred in the square. */
static void from_square(double *low, double *high, int size, bool padded)
{
    double scale = padded ? 1 : (double)size / SQUARE;
    double shift = padded ? floor((SQUARE - size) / 2.0) : 0;
    *low = floor((*low - shift) * scale + TIE);
    *high = ceil((*high - shift) * scale - TIE);
}

static enum sm_status check_square(const struct sm_object *object, const struct sm_grid *grid,
                                   struct sm_err *err)
{
    if (grid->dim[2] == 1)
        return SM_OK;
    return sm_fail(err, SM_USAGE,
                   "the prompts of \"%s\" are SAM-Med2D's for single pictures, but the input has %d "
                   "slices; use a PNG, or a prompts file with three indices", object->name, grid->dim[2]);
}

static bool is_padded(const struct sm_grid *grid)
{
    return grid->dim[0] < SQUARE && grid->dim[1] < SQUARE;
}

static bool inside(const struct sm_grid *grid, const double ijk[3])
{
    for (int a = 0; a < 3; a++)
        if (!(ijk[a] >= 0 && ijk[a] <= grid->dim[a] - 1))
            return false;
    return true;
}

static enum sm_status fail_outside(const struct sm_object *object, const char *what,
                                   const double ijk[3], const struct sm_grid *grid, struct sm_err *err)
{
    return sm_fail(err, SM_USAGE,
                   "%s of \"%s\" lies outside the volume: voxel %g,%g,%g, but indices go from 0,0,0 "
                   "to %d,%d,%d; check --space and the order of the indices", what, object->name,
                   ijk[0] + 0.0, ijk[1] + 0.0, ijk[2] + 0.0, /* not "-0" */
                   grid->dim[0] - 1, grid->dim[1] - 1, grid->dim[2] - 1);
}

/* `ijk` is half way between two slices. */
static enum sm_status fail_gap(const struct sm_object *object, const char *what, const double ijk[3],
                               const struct sm_volume *volume, struct sm_err *err)
{
    int k = (int)floor(ijk[2]);
    const double *from = volume->slice_origin_lps[k], *to = volume->slice_origin_lps[k + 1];
    return sm_fail(err, SM_USAGE,
                   "%s of \"%s\" lies in a gap of the series, farther than half a step from every "
                   "slice: slice %d begins at %.6g,%.6g,%.6g, the next at %.6g,%.6g,%.6g (LPS mm); move "
                   "it to one of them", what, object->name, k, from[0], from[1], from[2], to[0], to[1],
                   to[2]);
}

static enum sm_status resolve_point(const struct sm_object *object, struct sm_point *point,
                                    const struct sm_volume *volume, struct sm_err *err)
{
    const struct sm_grid *grid = &volume->grid;
    const char *what = point->positive ? "a point" : "an excluded point";
    double ijk[3];
    enum sm_status status = SM_OK;
    if (point->space == SM_SPACE_SQUARE) {
        status = check_square(object, grid, err);
        for (int a = 0; a < 2; a++) {
            double low = point->position[a] + 0.5, high = low;
            from_square(&low, &high, grid->dim[a], is_padded(grid));
            ijk[a] = low;
        }
        ijk[2] = 0;
    } else {
        if (to_voxel(volume, point->space, point->position, ijk))
            status = fail_gap(object, what, ijk, volume, err);
        prompts_nearest(grid, ijk);
    }
    if (!status && !inside(grid, ijk))
        status = fail_outside(object, what, ijk, grid, err);
    memcpy(point->position, ijk, sizeof ijk);
    point->space = SM_SPACE_VOXEL;
    return status;
}

/* Bounds of the eight corners, as fractional voxel indices. True: all in one gap between slices. */
static bool box_bounds(const struct sm_box *box, const struct sm_volume *volume, double low[3],
                       double high[3])
{
    bool gap = true;
    for (int a = 0; a < 3; a++) {
        low[a] = INFINITY;
        high[a] = -INFINITY;
    }
    for (int corner = 0; corner < 8; corner++) {
        double own[3], position[3], ijk[3];
        for (int a = 0; a < 3; a++)
            own[a] = box->corner[corner >> a & 1][a];
        for (int a = 0; a < 3; a++)
            position[a] = box->frame[a][0] * own[0] + box->frame[a][1] * own[1] +
                          box->frame[a][2] * own[2];
        gap &= to_voxel(volume, box->space, position, ijk);
        for (int a = 0; a < 3; a++) {
            low[a] = fmin(low[a], ijk[a]);
            high[a] = fmax(high[a], ijk[a]);
        }
    }
    return gap && high[2] - low[2] < TIE;
}

/* The voxels that share more than a border with the box: voxel i spans i-0.5..i+0.5. */
static void voxels_touched(double low[3], double high[3])
{
    for (int a = 0; a < 3; a++) {
        double first = floor(low[a] + 0.5 + TIE), last = ceil(high[a] - 0.5 - TIE);
        low[a] = fmin(first, last); /* a box without thickness on a border: both sides */
        high[a] = fmax(first, last);
    }
}

static void cut_to_volume(const struct sm_grid *grid, double low[3], double high[3])
{
    for (int a = 0; a < 3; a++)
        if (high[a] >= 0 && low[a] <= grid->dim[a] - 1) {
            low[a] = fmax(low[a], 0);
            high[a] = fmin(high[a], grid->dim[a] - 1);
        }
}

static enum sm_status square_box(const struct sm_object *object, const struct sm_box *box,
                                 const struct sm_grid *grid, double low[3], double high[3],
                                 struct sm_err *err)
{
    memcpy(low, box->corner[0], 3 * sizeof *low);
    memcpy(high, box->corner[1], 3 * sizeof *high);
    for (int a = 0; a < 2; a++) {
        from_square(&low[a], &high[a], grid->dim[a], is_padded(grid));
        high[a] = fmax(high[a] - 1, low[a]);
    }
    return check_square(object, grid, err);
}

/* Boxes in millimetres are drawn by hand around things and end where they end: they are cut to the
 * volume. A voxel box that does not fit is a mistake. */
static enum sm_status resolve_box(const struct sm_object *object, struct sm_box *box,
                                  const struct sm_volume *volume, struct sm_err *err)
{
    const struct sm_grid *grid = &volume->grid;
    double low[3], high[3];
    enum sm_status status = SM_OK;
    if (box->space == SM_SPACE_SQUARE)
        status = square_box(object, box, grid, low, high, err);
    else if (box_bounds(box, volume, low, high))
        status = fail_gap(object, "a box", low, volume, err);
    if (box->space != SM_SPACE_SQUARE)
        voxels_touched(low, high);
    if (box->space != SM_SPACE_VOXEL)
        cut_to_volume(grid, low, high);
    if (!status && (!inside(grid, low) || !inside(grid, high)))
        status = fail_outside(object, "a box", inside(grid, low) ? high : low, grid, err);
    memcpy(box->corner[0], low, sizeof low);
    memcpy(box->corner[1], high, sizeof high);
    box->space = SM_SPACE_VOXEL;
    return status;
}

/* Millimetres of the patient mean nothing where the volume's own are made up. */
static enum sm_status check_place(const struct sm_object *object, const struct sm_volume *volume,
                                  struct sm_err *err)
{
    bool mm = false;
    for (size_t p = 0; p < object->point_count; p++)
        mm |= object->points[p].space == SM_SPACE_LPS || object->points[p].space == SM_SPACE_RAS;
    for (size_t b = 0; b < object->box_count; b++)
        mm |= object->boxes[b].space == SM_SPACE_LPS || object->boxes[b].space == SM_SPACE_RAS;
    if (!mm || !volume->unplaced)
        return SM_OK;
    return sm_fail(err, SM_USAGE,
                   "the prompts of \"%s\" are in millimetres of the patient, but where the input lies in the patient is "
                   "not known; give voxel indices (--space voxel)", object->name);
}

static enum sm_status resolve_object(struct sm_object *object, const struct sm_volume *volume,
                                     struct sm_err *err)
{
    enum sm_status status = SM_OK;
    if (!object->point_count && !object->box_count && !object->mask_path && !object->mask)
        return sm_fail(err, SM_USAGE, "object \"%s\" has no prompt: give it a box, a point or a mask",
                       object->name);
    status = check_place(object, volume, err);
    for (size_t p = 0; !status && p < object->point_count; p++)
        status = resolve_point(object, &object->points[p], volume, err);
    for (size_t b = 0; !status && b < object->box_count; b++)
        status = resolve_box(object, &object->boxes[b], volume, err);
    return status;
}

/* Names of the objects that have masks, with commas, the first few; "": there are none. */
static void list_masks(const struct sm_prompts *prompts, char *text, size_t size)
{
    size_t length = 0;
    *text = '\0';
    for (size_t o = 0; o < prompts->count; o++) {
        const struct sm_object *object = &prompts->objects[o];
        if (!object->mask_path && !object->mask)
            continue;
        if (length + strlen(object->name) + sizeof ", ..." >= size) {
            snprintf(text + length, size - length, ", ...");
            return;
        }
        length += (size_t)snprintf(text + length, size - length, "%s%s", length ? ", " : "", object->name);
    }
}

/* An object of points alone: where it is must be known, and beside masks its name may be one of theirs, misspelt. */
static enum sm_status check_pointed(const struct sm_prompts *prompts, const struct sm_object *object,
                                    const struct sm_listener *listener, struct sm_err *err)
{
    char masks[300];
    bool somewhere = object->box_count || object->mask_path || object->mask;
    if (somewhere)
        return SM_OK;
    list_masks(prompts, masks, sizeof masks);
    for (size_t p = 0; p < object->point_count; p++)
        somewhere |= object->points[p].positive;
    if (!somewhere)
        return sm_fail(err, SM_USAGE, "object \"%s\" has excluded points only; say with a box or a point where it is%s%s",
                       object->name, *masks ? ", or name one of the masks: " : "", masks);
    if (*masks)
        sm_warn(listener, "no mask is called \"%s\"; it is a new object beside those of the masks: %s", object->name, masks);
    return SM_OK;
}

/* Of what is wrong with an object of a prompts file. */
static enum sm_status name_file(const struct sm_object *object, enum sm_status status, struct sm_err *err)
{
    return status && object->file ? sm_fail_context(err, "%s", object->file) : status;
}

static enum sm_status claim_id(const struct sm_prompts *prompts, size_t o, size_t *owner, struct sm_err *err)
{
    const struct sm_object *object = &prompts->objects[o];
    enum sm_status status = SM_OK;
    if (object->id < 1 || object->id > 65535)
        status = sm_fail(err, SM_USAGE, "object \"%s\" has id %d; label values go from 1 to 65535", object->name, object->id);
    else if (owner[object->id])
        status = sm_fail(err, SM_USAGE, "objects \"%s\" and \"%s\" both have id %d; give one of them another",
                         prompts->objects[owner[object->id] - 1].name, object->name, object->id);
    else
        owner[object->id] = o + 1;
    return name_file(object, status, err);
}

/* The first number from `id` on, and after the last from 1, that nobody has; id itself when all are taken. */
static int first_free(const size_t *owner, int id)
{
    for (int n = 0; n < 65535; n++) {
        int next = (id - 1 + n) % 65535 + 1;
        if (!owner[next])
            return next;
    }
    return id;
}

/* The number of its label in the mask file, if it is one that a label can have here; else 0. */
static int wished_id(const struct sm_object *object)
{
    return object->mask_id >= 1 && object->mask_id <= 65535 ? object->mask_id : 0;
}

static void take_free_id(struct sm_prompts *prompts, size_t o, const size_t *owner, const struct sm_listener *listener)
{
    struct sm_object *object = &prompts->objects[o];
    int wish = wished_id(object);
    object->id = first_free(owner, wish ? wish : (int)o + 1);
    if (wish && owner[wish])
        sm_warn(listener, "\"%s\" of %s gets id %d, as \"%s\" has id %d", object->name, object->mask_path, object->id,
                prompts->objects[owner[wish] - 1].name, wish);
}

/* Those that the user gave, then those of labels in mask files, then places in the order of appearance. */
static enum sm_status give_ids(struct sm_prompts *prompts, const struct sm_listener *listener, struct sm_err *err)
{
    size_t *owner = calloc(65536, sizeof *owner); /* object number + 1 */
    struct sm_object *objects = prompts->objects;
    enum sm_status status = owner ? SM_OK : sm_fail(err, SM_MEMORY, "out of memory for prompts");
    for (size_t o = 0; !status && o < prompts->count; o++)
        if (objects[o].id) {
            objects[o].mask_id = objects[o].mask_id ? objects[o].mask_id : objects[o].id;
            status = claim_id(prompts, o, owner, err);
        }
    for (size_t o = 0; !status && o < prompts->count; o++)
        if (!objects[o].id && wished_id(&objects[o]) && !owner[wished_id(&objects[o])]) {
            objects[o].id = wished_id(&objects[o]);
            status = claim_id(prompts, o, owner, err);
        }
    for (size_t o = 0; !status && o < prompts->count; o++)
        if (!objects[o].id) {
            take_free_id(prompts, o, owner, listener);
            status = claim_id(prompts, o, owner, err);
        }
    free(owner);
    return status;
}

enum sm_status sm_prompts_resolve_in(struct sm_prompts *prompts, const struct sm_volume *volume,
                                     const struct sm_listener *listener, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    if (!prompts->count)
        return sm_fail(err, SM_USAGE, "no prompts: give --box, --point, --prompts or --mask");
    for (size_t o = 0; !status && o < prompts->count; o++)
        status = name_file(&prompts->objects[o], resolve_object(&prompts->objects[o], volume, err), err);
    for (size_t o = 0; !status && o < prompts->count; o++)
        status = name_file(&prompts->objects[o], check_pointed(prompts, &prompts->objects[o], listener, err), err);
    return status ? status : give_ids(prompts, listener, err);
}

enum sm_status sm_prompts_resolve(struct sm_prompts *prompts, const struct sm_grid *grid,
                                  struct sm_err *err)
{
    const struct sm_volume volume = {.grid = *grid};
    return sm_prompts_resolve_in(prompts, &volume, NULL, err);
}
