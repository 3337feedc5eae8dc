/* Label maps as prompts: objects from them, and their voxels brought to the volume's grid. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "pipeline/prompts_internal.h"
#include "sammed2d/input.h"
#include "sammed2d/stack.h"

static bool is_named(const struct sm_prompts *prompts, const char *name)
{
    for (size_t o = 0; o < prompts->count; o++)
        if (strcmp(prompts->objects[o].name, name) == 0)
            return true;
    return false;
}

/* "liver (2)", where "liver" has a mask already: many programs write a file an organ, and call each the same. */
static enum sm_status another(struct sm_prompts *prompts, const char *path, const char *name, struct sm_object **object,
                              const struct sm_listener *listener, struct sm_err *err)
{
    size_t size = strlen(name) + 32;
    const char *other = (*object)->mask_path ? (*object)->mask_path : "a mask";
    char *unused = malloc(size);
    if (!unused)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    int n = 2;
    do
        snprintf(unused, size, "%s (%d)", name, n++);
    while (is_named(prompts, unused));
    sm_warn(listener, "%s: its \"%s\" becomes \"%s\", as %s has one of that name, too", path, name, unused, other);
    enum sm_status status = sm_prompts_object(prompts, unused, object, err);
    free(unused);
    return status;
}

enum sm_status prompts_add_mask_object(struct sm_prompts *prompts, const char *path, int value, const char *name,
                                       const struct sm_listener *listener, struct sm_err *err)
{
    struct sm_object *object;
    enum sm_status status = sm_prompts_object(prompts, name, &object, err);
    if (status)
        return sm_fail_context(err, "%s", path);
    if (object->mask_path && strcmp(object->mask_path, path) == 0 && object->mask_value == value)
        return sm_fail(err, SM_USAGE, "%s: its \"%s\" is a mask prompt already; give the file once", path, name);
    if (object->mask_path || object->mask)
        status = another(prompts, path, name, &object, listener, err);
    if (status)
        return sm_fail_context(err, "%s", path);
    object->mask_path = strdup(path);
    if (!object->mask_path)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    object->mask_value = object->mask_id = value;
    return SM_OK;
}

static enum sm_status refuse_folder(const char *path, struct sm_err *err)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode)
               ? sm_fail(err, SM_NOT_FOUND, "%s: is a directory; name a file in it", path)
               : SM_OK;
}

enum sm_status sm_prompts_add_mask(struct sm_prompts *prompts, const char *path,
                                   const struct sm_listener *listener, struct sm_err *err)
{
    struct sm_label_set set;
    enum sm_status status = refuse_folder(path, err);
    if (status || prompts_is_dicom(path))
        return status ? status : prompts_add_dicom(prompts, path, listener, err);
    status = sm_label_set_read(&set, path, NULL, listener, err);
    if (!status && set.count == 0)
        status = sm_fail(err, SM_USAGE, "%s: holds no label, so it cannot be a prompt", path);
    for (size_t n = 0; !status && n < set.count; n++)
        status = prompts_add_mask_object(prompts, path, set.labels[n].id, set.labels[n].name, listener, err);
    sm_label_set_free(&set);
    return status;
}

/* 1 where `labels` has the value, on the grid that `turn` comes from. */
static enum sm_status cut_out(struct sm_object *object, const struct sm_labels *labels,
                              const struct sm_turn *turn, const struct sm_grid *grid, int value,
                              struct sm_err *err)
{
    object->mask = calloc(1, sizeof *object->mask);
    if (!object->mask)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    enum sm_status status = sm_labels_turn(object->mask, labels, turn, grid, err);
    for (size_t v = 0; !status && v < sm_grid_voxels(grid); v++)
        object->mask->voxels[v] = object->mask->voxels[v] == value;
    return status;
}

/* Which label of a map with several is meant: mask_label, else the only one, else the object's id, where one was given. */
static enum sm_status choose_value(const struct sm_object *object, const struct sm_label_set *set,
                                   int *value, struct sm_err *err)
{
    *value = object->mask_value ? object->mask_value : set->count == 1 ? set->labels[0].id : object->mask_id;
    for (size_t n = 0; n < set->count; n++)
        if (set->labels[n].id == *value)
            return SM_OK;
    if (set->count == 0)
        return sm_fail(err, SM_USAGE, "%s: the mask of \"%s\" is empty", object->mask_path,
                       object->name);
    if (!*value)
        return sm_fail(err, SM_USAGE, "%s: has %zu labels; say which one is \"%s\" with \"mask_label\"", object->mask_path,
                       set->count, object->name);
    return sm_fail(err, SM_USAGE,
                   "%s: has %zu labels, and none is %d; say which one is \"%s\" with \"mask_label\"",
                   object->mask_path, set->count, *value, object->name);
}

/* A slice from one that is shifted by whole pixels against it: out(x, y) = from(x + by[0], y + by[1]). */
static void copy_shifted(uint16_t *out, const uint16_t *from, const struct sm_grid *grid, const int by[2])
{
    int width = grid->dim[0], height = grid->dim[1];
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int there_x = x + by[0], there_y = y + by[1];
            bool inside = there_x >= 0 && there_x < width && there_y >= 0 && there_y < height;
            out[y * width + x] = inside ? from[there_y * width + there_x] : 0;
        }
}

/* The mask from the regular grid to the volume's own slices, each from where it lies. */
static enum sm_status gather_slices(struct sm_object *object, const struct sm_stack *stack,
                                    const struct sm_volume *volume, struct sm_err *err)
{
    struct sm_labels own = {0};
    size_t slice = (size_t)volume->grid.dim[0] * (size_t)volume->grid.dim[1];
    enum sm_status status = sm_labels_alloc(&own, &volume->grid, err);
    for (int k = 0; !status && k < volume->grid.dim[2]; k++) {
        double ijk[3];
        sm_grid_from_lps(&stack->grid, volume->slice_origin_lps[k], ijk);
        prompts_nearest(&stack->grid, ijk);
        int m = (int)fmax(0, fmin(stack->grid.dim[2] - 1, ijk[2]));
        int by[2] = {(int)fmax(-1e6, fmin(1e6, ijk[0])), (int)fmax(-1e6, fmin(1e6, ijk[1]))};
        for (int a = 0; a < 2 && stack->slice[m] == k; a++) /* the way back: half a pixel must not be rounded twice */
            by[a] = -stack->shift[m][a];
        copy_shifted(own.voxels + (size_t)k * slice, object->mask->voxels + (size_t)m * slice, &volume->grid, by);
    }
    sm_labels_free(object->mask);
    *object->mask = own;
    return status;
}

/* A volume with gaps: label maps as `--gaps fill` and `--gaps resample` make them. */
static enum sm_status load_regular(struct sm_object *object, const struct sm_label_set *set,
                                   const struct sm_volume *volume, bool *fits, struct sm_err *err)
{
    const struct sm_labels *labels = set->maps;
    enum sm_status status = SM_OK;
    *fits = false;
    for (int way = SM_GAPS_FILL; !*fits && way <= SM_GAPS_RESAMPLE; way++) {
        struct sm_stack stack;
        struct sm_turn turn;
        int value = 0;
        if (sm_stack_make(&stack, volume, (enum sm_gaps)way, NULL))
            continue;
        *fits = sm_grid_find_turn(&turn, &stack.grid, &labels->grid) && turn.whole;
        if (*fits)
            status = choose_value(object, set, &value, err);
        if (*fits && !status)
            status = cut_out(object, labels, &turn, &stack.grid, value, err);
        if (*fits && !status)
            status = gather_slices(object, &stack, volume, err);
        sm_stack_free(&stack);
    }
    return status;
}

static enum sm_status fail_grid(const struct sm_object *object, const struct sm_grid *own, const struct sm_grid *grid,
                                struct sm_err *err)
{
    char text[200], wanted[200];
    sm_grid_describe(own, text, sizeof text);
    sm_grid_describe(grid, wanted, sizeof wanted);
    return sm_fail(err, SM_USAGE,
                   "%s: the mask of \"%s\" is on another grid than the volume: it has %s; the volume has %s "
                   "(LPS mm). Resample it to the volume first",
                   object->mask_path, object->name, text, wanted);
}

static enum sm_status load_one(struct sm_object *object, const struct sm_label_set *set,
                               const struct sm_volume *volume, struct sm_err *err)
{
    const struct sm_grid *grid = &volume->grid;
    const struct sm_labels *labels = set->maps;
    struct sm_turn turn;
    int value = 0;
    bool fits = false;
    if (volume->slice_origin_lps) {
        enum sm_status loaded = load_regular(object, set, volume, &fits, err);
        if (fits)
            return loaded;
    }
    if (volume->slice_origin_lps || !sm_volume_find_turn(&turn, volume, &labels->grid) || !turn.whole)
        return fail_grid(object, &labels->grid, grid, err);
    enum sm_status status = choose_value(object, set, &value, err);
    return status ? status : cut_out(object, labels, &turn, grid, value, err);
}

enum sm_status sm_prompts_load_masks(struct sm_prompts *prompts, const struct sm_volume *volume,
                                     const struct sm_listener *listener, struct sm_err *err)
{
    struct sm_label_set set = {0};
    const char *loaded = NULL;
    enum sm_status status = SM_OK;
    for (size_t o = 0; !status && o < prompts->count; o++) {
        struct sm_object *object = &prompts->objects[o];
        if (!object->mask_path || object->mask)
            continue;
        status = refuse_folder(object->mask_path, err);
        if (status)
            break;
        if (prompts_is_dicom(object->mask_path)) {
            status = prompts_load_dicom(prompts, object->mask_path, volume, listener, err);
            continue;
        }
        if (!loaded || strcmp(loaded, object->mask_path) != 0) {
            sm_label_set_free(&set);
            status = sm_label_set_read(&set, object->mask_path, NULL, listener, err);
            loaded = object->mask_path;
        }
        if (!status)
            status = load_one(object, &set, volume, err);
    }
    sm_label_set_free(&set);
    return status;
}
