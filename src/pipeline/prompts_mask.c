/* Label maps as prompts: objects from them, and their voxels brought to the volume's grid. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "pipeline/prompts_internal.h"
#include "sammed2d/nifti.h"
#include "sammed2d/picture.h"
#include "sammed2d/stack.h"

static bool ends_in(const char *text, const char *suffix)
{
    size_t length = strlen(text), tail = strlen(suffix);
    return length > tail && strcasecmp(text + length - tail, suffix) == 0;
}

/* A PNG's grey values are its labels. */
static enum sm_status read_png(struct sm_labels *labels, const char *path, struct sm_err *err)
{
    struct sm_volume picture = {0};
    enum sm_status status = sm_png_read(&picture, path, err);
    if (!status && picture.channels != 1)
        status = sm_fail(err, SM_UNSUPPORTED, "%s: a colour picture cannot be a label map", path);
    if (!status)
        status = sm_labels_alloc(labels, &picture.grid, err);
    for (size_t v = 0; !status && v < sm_grid_voxels(&picture.grid); v++)
        labels->voxels[v] = picture.type == SM_UINT8 ? ((const uint8_t *) picture.voxels)[v]
                                                     : ((const uint16_t *) picture.voxels)[v];
    sm_volume_free(&picture);
    return status;
}

static enum sm_status read_labels(struct sm_labels *labels, const char *path,
                                  const struct sm_listener *listener, struct sm_err *err)
{
    *labels = (struct sm_labels){0};
    return ends_in(path, ".png") ? read_png(labels, path, err)
                                 : sm_nifti_read_labels(labels, path, listener, err);
}

/* present[value] for every label value; how many there are, background apart. */
static int find_values(const struct sm_labels *labels, bool present[65536])
{
    size_t voxels = sm_grid_voxels(&labels->grid);
    int count = 0;
    memset(present, 0, 65536 * sizeof *present);
    for (size_t v = 0; v < voxels; v++)
        present[labels->voxels[v]] = true;
    for (int value = 1; value < 65536; value++)
        count += present[value];
    return count;
}

/* The .json that sammed2d writes beside a label map, or NULL: names are a kindness, not a need. */
static json_t *read_sidecar(const char *path)
{
    static const char *const suffixes[] = {".nii.gz", ".nii", ".png", ".hdr.gz", ".hdr"};
    json_t *json = NULL;
    for (size_t s = 0; s < sizeof suffixes / sizeof *suffixes; s++) {
        char *name;
        if (!ends_in(path, suffixes[s]))
            continue;
        if (asprintf(&name, "%.*s.json", (int) (strlen(path) - strlen(suffixes[s])), path) < 0)
            return NULL;
        if (access(name, R_OK) == 0 && json_read(&json, name, NULL))
            json = NULL;
        free(name);
        return json;
    }
    return NULL;
}

static const char *name_of(const json_t *sidecar, int value)
{
    const json_t *labels = json_object_get(sidecar, "labels");
    for (size_t n = 0; n < json_array_size(labels); n++) {
        const json_t *label = json_array_get(labels, n);
        if (json_integer_value(json_object_get(label, "id")) == value)
            return json_string_value(json_object_get(label, "name"));
    }
    return NULL;
}

enum sm_status prompts_add_mask_object(struct sm_prompts *prompts, const char *path, int value,
                                       const char *name, struct sm_err *err)
{
    char plain[32];
    struct sm_object *object;
    snprintf(plain, sizeof plain, "label %d", value);
    if (sm_prompts_object(prompts, name ? name : plain, &object, err))
        return sm_fail_context(err, "%s", path);
    if (object->mask_path || object->mask)
        return sm_fail(err, SM_USAGE, "%s: object \"%s\" has a mask already", path, object->name);
    object->mask_path = strdup(path);
    if (!object->mask_path)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    object->mask_value = value;
    if (!object->id)
        object->id = value;
    return SM_OK;
}

enum sm_status sm_prompts_add_mask(struct sm_prompts *prompts, const char *path,
                                   const struct sm_listener *listener, struct sm_err *err)
{
    struct sm_labels labels;
    static const char nothing[] = "%s: holds no label, so it cannot be a prompt";
    if (prompts_is_dicom(path))
        return prompts_add_dicom(prompts, path, listener, err);
    enum sm_status status = read_labels(&labels, path, listener, err);
    if (status)
        return status;
    bool *present = malloc(65536 * sizeof *present);
    json_t *sidecar = read_sidecar(path);
    if (!present)
        status = sm_fail(err, SM_MEMORY, "out of memory for prompts");
    else if (find_values(&labels, present) == 0)
        status = sm_fail(err, SM_USAGE, nothing, path);
    for (int value = 1; !status && value < 65536; value++)
        if (present[value])
            status = prompts_add_mask_object(prompts, path, value, name_of(sidecar, value), err);
    json_decref(sidecar);
    free(present);
    sm_labels_free(&labels);
    return status;
}

/* index_b = offset + step * index_a along axis[a] of b. */
struct turn {
    int axis[3], step[3], offset[3];
};

static bool whole(const double ijk[3], int out[3])
{
    for (int a = 0; a < 3; a++) {
        out[a] = (int) lround(ijk[a]);
        if (!(fabs(ijk[a] - out[a]) < 0.05))
            return false;
    }
    return true;
}

/* The signed permutation that takes voxels of grid a to those of grid b, if there is one. */
static bool find_turn(const struct sm_grid *a, const struct sm_grid *b, struct turn *turn)
{
    bool taken[3] = {false};
    double corner[3] = {0}, lps[3], at[3];
    sm_grid_to_lps(a, corner, lps);
    sm_grid_from_lps(b, lps, at);
    if (!whole(at, turn->offset))
        return false;
    for (int axis = 0; axis < 3; axis++) {
        int last = a->dim[axis] > 1 ? a->dim[axis] - 1 : 1, end[3], moved = -1;
        double far[3] = {0};
        far[axis] = last;
        sm_grid_to_lps(a, far, lps);
        sm_grid_from_lps(b, lps, at);
        if (!whole(at, end))
            return false;
        for (int c = 0; c < 3; c++)
            if (end[c] != turn->offset[c]) {
                if (moved >= 0)
                    return false;
                moved = c;
            }
        if (moved < 0 || taken[moved] || a->dim[axis] != b->dim[moved] ||
            abs(end[moved] - turn->offset[moved]) != last)
            return false;
        taken[moved] = true;
        turn->axis[axis] = moved;
        turn->step[axis] = end[moved] > turn->offset[moved] ? 1 : -1;
    }
    for (int axis = 0; axis < 3; axis++)
        if (turn->offset[turn->axis[axis]] != (turn->step[axis] > 0 ? 0 : a->dim[axis] - 1))
            return false;
    return true;
}

/* 1 where `labels` has the value, on the grid that `turn` comes from. */
static enum sm_status cut_out(struct sm_object *object, const struct sm_labels *labels,
                              const struct turn *turn, const struct sm_grid *grid, int value,
                              struct sm_err *err)
{
    const int *dim = labels->grid.dim;
    const ptrdiff_t stride[3] = {1, dim[0], (ptrdiff_t) dim[0] * dim[1]};
    object->mask = calloc(1, sizeof *object->mask);
    if (!object->mask)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    enum sm_status status = sm_labels_alloc(object->mask, grid, err);
    if (status)
        return status;
    const uint16_t *corner = labels->voxels;
    ptrdiff_t step[3];
    for (int a = 0; a < 3; a++) {
        corner += turn->offset[a] * stride[a];
        step[a] = turn->step[a] * stride[turn->axis[a]];
    }
    uint16_t *out = object->mask->voxels;
    for (int k = 0; k < grid->dim[2]; k++)
        for (int j = 0; j < grid->dim[1]; j++)
            for (int i = 0; i < grid->dim[0]; i++)
                *out++ = corner[i * step[0] + j * step[1] + k * step[2]] == value;
    return SM_OK;
}

/* Which label of a map with several is meant: mask_label, else the only one, else the object's id. */
static enum sm_status choose_value(const struct sm_object *object, const struct sm_labels *labels,
                                   int *value, struct sm_err *err)
{
    bool *present = malloc(65536 * sizeof *present);
    if (!present)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    int count = find_values(labels, present), only = 1;
    while (count == 1 && !present[only])
        only++;
    *value = object->mask_value ? object->mask_value : count == 1 ? only : object->id;
    bool found = *value > 0 && *value < 65536 && present[*value];
    free(present);
    if (found)
        return SM_OK;
    if (count == 0)
        return sm_fail(err, SM_USAGE, "%s: the mask of \"%s\" is empty", object->mask_path,
                       object->name);
    return sm_fail(err, SM_USAGE,
                   "%s: has %d labels, and none is %d; say which one is \"%s\" with \"mask_label\"",
                   object->mask_path, count, *value, object->name);
}

/* The mask from the regular grid to the volume's own slices, each from where it lies. */
static enum sm_status gather_slices(struct sm_object *object, const struct sm_stack *stack,
                                    const struct sm_volume *volume, struct sm_err *err)
{
    struct sm_labels own = {0};
    size_t slice = (size_t) volume->grid.dim[0] * (size_t) volume->grid.dim[1];
    enum sm_status status = sm_labels_alloc(&own, &volume->grid, err);
    for (int k = 0; !status && k < volume->grid.dim[2]; k++) {
        double ijk[3];
        sm_grid_from_lps(&stack->grid, volume->slice_origin_lps[k], ijk);
        int m = (int) fmax(0, fmin(stack->grid.dim[2] - 1, round(ijk[2])));
        memcpy(own.voxels + (size_t) k * slice, object->mask->voxels + (size_t) m * slice,
               slice * sizeof *own.voxels);
    }
    sm_labels_free(object->mask);
    *object->mask = own;
    return status;
}

/* A volume with gaps: label maps as `--gaps fill` and `--gaps resample` make them. */
static enum sm_status load_regular(struct sm_object *object, const struct sm_labels *labels,
                                   const struct sm_volume *volume, bool *fits, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    *fits = false;
    for (int way = SM_GAPS_FILL; !*fits && way <= SM_GAPS_RESAMPLE; way++) {
        struct sm_stack stack;
        struct turn turn;
        int value = 0;
        if (sm_stack_make(&stack, volume, (enum sm_gaps) way, NULL))
            continue;
        *fits = find_turn(&stack.grid, &labels->grid, &turn);
        if (*fits)
            status = choose_value(object, labels, &value, err);
        if (*fits && !status)
            status = cut_out(object, labels, &turn, &stack.grid, value, err);
        if (*fits && !status)
            status = gather_slices(object, &stack, volume, err);
        sm_stack_free(&stack);
    }
    return status;
}

static enum sm_status load_one(struct sm_object *object, const struct sm_labels *labels,
                               const struct sm_volume *volume, struct sm_err *err)
{
    const struct sm_grid *grid = &volume->grid;
    struct turn turn;
    int value = 0;
    bool fits = false;
    if (volume->slice_origin_lps) {
        enum sm_status loaded = load_regular(object, labels, volume, &fits, err);
        if (fits)
            return loaded;
    }
    if (volume->slice_origin_lps || !find_turn(grid, &labels->grid, &turn))
        return sm_fail(err, SM_USAGE,
                       "%s: the mask of \"%s\" is on another grid (%dx%dx%d) than the volume "
                       "(%dx%dx%d, or placed elsewhere); resample it to the volume first",
                       object->mask_path, object->name, labels->grid.dim[0], labels->grid.dim[1],
                       labels->grid.dim[2], grid->dim[0], grid->dim[1], grid->dim[2]);
    enum sm_status status = choose_value(object, labels, &value, err);
    return status ? status : cut_out(object, labels, &turn, grid, value, err);
}

enum sm_status sm_prompts_load_masks(struct sm_prompts *prompts, const struct sm_volume *volume,
                                     const struct sm_listener *listener, struct sm_err *err)
{
    struct sm_labels labels = {0};
    const char *loaded = NULL;
    enum sm_status status = SM_OK;
    for (size_t o = 0; !status && o < prompts->count; o++) {
        struct sm_object *object = &prompts->objects[o];
        if (!object->mask_path || object->mask)
            continue;
        if (prompts_is_dicom(object->mask_path)) {
            status = prompts_load_dicom(prompts, object->mask_path, volume, listener, err);
            continue;
        }
        if (!loaded || strcmp(loaded, object->mask_path) != 0) {
            sm_labels_free(&labels);
            status = read_labels(&labels, object->mask_path, listener, err);
            loaded = object->mask_path;
        }
        if (!status)
            status = load_one(object, &labels, volume, err);
    }
    sm_labels_free(&labels);
    return status;
}
