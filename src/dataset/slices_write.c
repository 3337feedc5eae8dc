#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "dataset/components.h"
#include "dataset/slices_write.h"
#include "sammed2d/picture.h"

enum { VALUES = 65536 };

/* One case on its way. */
struct work {
    const struct sm_slices *slices;
    const char *name; /* CASE */
    const struct sm_volume *volume;
    const struct sm_label_set *objects; /* NULL: none */
    struct sm_window window;            /* prepared */
    char **label_names;                 /* of the objects */
    size_t *counter_of;                 /* per object: the first of its name */
    uint32_t **label_of;                /* per map: (VALUES) object from 1, or 0 */
};

/* One plane of it. */
struct cut {
    const struct work *work;
    struct sm_view view;
    char *name;    /* CASE, with the plane's name where there are several */
    int *slices;   /* of the view, in the order of voxel indices */
    int *voxel;    /* their voxel index along the slice axis */
    size_t count;
    json_t **rows; /* (count): {image path: [mask paths]}, or NULL */
};

/* What a thread needs. */
struct desk {
    float *values;
    uint8_t *grey;
    uint16_t *labels;
    uint32_t *components_of; /* per object: how many components its name has on this slice */
    struct components components;
    struct sm_slices_count count;
};

/* ---- one picture ---- */

static bool is_there(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
}

/* Files are whole or not there, so what is there is kept. */
static enum sm_status write_png(struct desk *desk, const char *path, const uint8_t *pixels, const struct sm_view *view,
                                int channels, struct sm_err *err)
{
    if (is_there(path)) {
        desk->count.kept++;
        return SM_OK;
    }
    return sm_png_write(path, pixels, view->dim[0], view->dim[1], channels, err);
}

static enum sm_status write_image(struct desk *desk, const struct cut *cut, size_t n, const char *path,
                                  struct sm_err *err)
{
    const struct work *work = cut->work;
    const struct sm_view *view = &cut->view;
    int channels = work->volume->channels;
    desk->count.images++;
    if (is_there(path)) {
        desk->count.kept++;
        return SM_OK;
    }
    sm_view_slice(view, work->volume, cut->slices[n], desk->values);
    struct sm_window window = sm_window_at(&work->window, view, cut->slices[n]);
    sm_window_apply(&window, desk->values, (size_t)view->dim[0] * (size_t)view->dim[1] * (size_t)channels, desk->grey);
    return write_png(desk, path, desk->grey, view, channels, err);
}

/* ---- the masks of one slice ---- */

/* Which object each pixel of the slice belongs to in map m, from 1. False: none does. */
static bool cut_labels(struct desk *desk, const struct cut *cut, size_t m, int s)
{
    const struct work *work = cut->work;
    const struct sm_view *view = &cut->view;
    const uint16_t *voxels = work->objects->maps[m].voxels;
    const uint32_t *label_of = work->label_of[m];
    uint16_t *out = desk->labels;
    size_t origin;
    ptrdiff_t column, row;
    bool any = false;
    sm_view_steps(view, &work->volume->grid, s, &origin, &column, &row);
    for (int y = 0; y < view->dim[1]; y++) {
        const uint16_t *from = voxels + origin + y * row;
        for (int x = 0; x < view->dim[0]; x++, from += column) {
            *out = *from ? (uint16_t)label_of[*from] : 0;
            any |= *out++ != 0;
        }
    }
    return any;
}

static enum sm_status write_mask(struct desk *desk, const struct cut *cut, const char *path, uint32_t component,
                                 struct sm_err *err)
{
    const struct sm_view *view = &cut->view;
    size_t pixels = (size_t)view->dim[0] * (size_t)view->dim[1];
    desk->count.masks++;
    for (size_t at = 0; at < pixels; at++)
        desk->grey[at] = desk->components.id[at] == component ? 255 : 0;
    return write_png(desk, path, desk->grey, view, 1, err);
}

static enum sm_status add_mask(struct desk *desk, const struct cut *cut, size_t n, size_t object, uint32_t component,
                               json_t *masks, struct sm_err *err)
{
    const struct work *work = cut->work;
    char *path = NULL;
    uint32_t number = desk->components_of[work->counter_of[object]]++;
    if (asprintf(&path, "%s/masks/%s_%d_%s_%03u.png", work->slices->folder, cut->name, cut->voxel[n],
                 work->label_names[object], number) < 0)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", work->slices->folder);
    enum sm_status status = write_mask(desk, cut, path, component, err);
    if (!status && json_array_append_new(masks, json_text(path)) != 0)
        status = sm_fail(err, SM_MEMORY, "%s: out of memory", work->slices->folder);
    free(path);
    return status;
}

/* Components of one object after the other, as they come on the slice. */
static enum sm_status add_masks_of_map(struct desk *desk, const struct cut *cut, size_t n, size_t m, json_t *masks,
                                       struct sm_err *err)
{
    const struct work *work = cut->work;
    double pixels = (double)cut->view.dim[0] * cut->view.dim[1];
    if (!cut_labels(desk, cut, m, cut->slices[n]))
        return SM_OK;
    enum sm_status status = components_find(&desk->components, desk->labels, err);
    for (size_t object = 0; !status && object < work->objects->count; object++) {
        if (work->objects->labels[object].map != &work->objects->maps[m])
            continue;
        for (size_t c = 0; !status && c < desk->components.count; c++) {
            const struct component *component = &desk->components.list[c];
            if (component->value != object + 1)
                continue;
            if ((double)component->pixels < work->slices->options.smallest_mask * pixels)
                desk->count.small_masks++;
            else
                status = add_mask(desk, cut, n, object, (uint32_t)c + 1, masks, err);
        }
    }
    return status;
}

static enum sm_status add_masks(struct desk *desk, const struct cut *cut, size_t n, json_t *masks, struct sm_err *err)
{
    const struct sm_label_set *objects = cut->work->objects;
    enum sm_status status = SM_OK;
    memset(desk->components_of, 0, objects->count * sizeof *desk->components_of);
    for (size_t m = 0; !status && m < objects->map_count; m++)
        status = add_masks_of_map(desk, cut, n, m, masks, err);
    return status;
}

/* ---- one slice ---- */

static enum sm_status do_slice(struct desk *desk, const struct cut *cut, size_t n, struct sm_err *err)
{
    const struct work *work = cut->work;
    bool labelled = work->slices->options.labelled;
    char *path = NULL;
    json_t *masks = json_array(), *row = json_object();
    enum sm_status status = SM_OK;
    if (!masks || !row || asprintf(&path, "%s%s/%s_%d.png", work->slices->folder, labelled ? "/images" : "", cut->name,
                                   cut->voxel[n]) < 0)
        status = sm_fail(err, SM_MEMORY, "%s: out of memory", work->slices->folder);
    if (!status && labelled && work->objects)
        status = add_masks(desk, cut, n, masks, err);
    bool empty = labelled && json_array_size(masks) == 0;
    if (!status && !empty)
        status = write_image(desk, cut, n, path, err);
    desk->count.empty_slices += !status && empty;
    if (!status && !empty && json_object_set(row, path, masks) == 0)
        cut->rows[n] = json_incref(row);
    json_decref(masks);
    json_decref(row);
    free(path);
    return status;
}

static enum sm_status sit_down(struct desk *desk, const struct cut *cut, struct sm_err *err)
{
    const struct work *work = cut->work;
    size_t pixels = (size_t)cut->view.dim[0] * (size_t)cut->view.dim[1], channels = (size_t)work->volume->channels;
    size_t objects = work->objects ? work->objects->count : 0;
    *desk = (struct desk){.values = malloc(pixels * channels * sizeof *desk->values),
                          .grey = malloc(pixels * channels),
                          .labels = malloc(pixels * sizeof *desk->labels),
                          .components_of = malloc((objects + 1) * sizeof *desk->components_of)};
    if (!desk->values || !desk->grey || !desk->labels || !desk->components_of)
        return sm_fail(err, SM_MEMORY, "out of memory for a slice of %d x %d pixels", cut->view.dim[0], cut->view.dim[1]);
    return work->objects ? components_alloc(&desk->components, cut->view.dim[0], cut->view.dim[1], err) : SM_OK;
}

static void leave(struct desk *desk)
{
    components_free(&desk->components);
    free(desk->values);
    free(desk->grey);
    free(desk->labels);
    free(desk->components_of);
}

static void add_counts(struct sm_slices_count *to, const struct sm_slices_count *from)
{
    to->images += from->images;
    to->masks += from->masks;
    to->kept += from->kept;
    to->small_masks += from->small_masks;
    to->empty_slices += from->empty_slices;
}

/* All slices of a plane, shared among the threads; the first error ends them all. */
static enum sm_status do_slices(const struct cut *cut, struct sm_slices_count *count, struct sm_err *err)
{
    const struct sm_listener *listener = cut->work->slices->listener;
    int total = (int)cut->count, done = 0;
    enum sm_status result = SM_OK;
#pragma omp parallel num_threads(cut->work->slices->options.threads)
    {
        struct desk desk;
        struct sm_err trouble = {.status = SM_OK};
        enum sm_status own = sit_down(&desk, cut, &trouble);
#pragma omp for schedule(dynamic)
        for (int n = 0; n < total; n++) {
            enum sm_status others;
#pragma omp atomic read
            others = result;
            if (!own && !others && sm_cancelled(listener))
                own = sm_fail(&trouble, SM_INTERRUPTED, "interrupted; the same command goes on from here");
            if (!own && !others)
                own = do_slice(&desk, cut, (size_t)n, &trouble);
#pragma omp critical(sm_slices_work)
            if (own && !result) {
                result = own;
                if (err)
                    *err = trouble;
            } else if (!own && !result) {
                sm_progress(listener, "writing slices", (size_t)++done, (size_t)total);
            }
        }
#pragma omp critical(sm_slices_work)
        add_counts(count, &desk.count);
        leave(&desk);
    }
    return result;
}

/* ---- one plane ---- */

/* The slices that are wanted, by voxel index. */
static enum sm_status choose_slices(struct cut *cut, struct sm_err *err)
{
    const struct sm_slices_options *o = &cut->work->slices->options;
    int slices = cut->view.dim[2], last = o->last < 0 || o->last >= slices ? slices - 1 : o->last;
    cut->slices = malloc((size_t)slices * sizeof *cut->slices);
    cut->voxel = malloc((size_t)slices * sizeof *cut->voxel);
    cut->rows = calloc((size_t)slices, sizeof *cut->rows);
    if (!cut->slices || !cut->voxel || !cut->rows)
        return sm_fail(err, SM_MEMORY, "out of memory for %d slices", slices);
    for (int64_t k = o->first; k <= last; k += o->step) {
        cut->voxel[cut->count] = (int)k;
        cut->slices[cut->count++] = cut->view.reversed[2] ? slices - 1 - (int)k : (int)k;
    }
    return SM_OK;
}

static bool too_oblong(const struct cut *cut)
{
    const struct sm_slices_options *o = &cut->work->slices->options;
    int width = cut->view.dim[0], height = cut->view.dim[1];
    int shorter = width < height ? width : height, longer = width < height ? height : width;
    return o->labelled && shorter < o->smallest_aspect * longer;
}

static enum sm_status do_plane(const struct work *work, enum sm_plane plane, json_t *images,
                               struct sm_slices_count *count, struct sm_err *err)
{
    const struct sm_slices_options *o = &work->slices->options;
    struct cut cut = {.work = work};
    sm_view_choose(&cut.view, work->volume, plane, o->orient);
    const char *word = o->all_planes ? sm_plane_words()[plane] : "";
    if (asprintf(&cut.name, "%s%s%s", work->name, o->all_planes ? "_" : "", word) < 0)
        return sm_fail(err, SM_MEMORY, "out of memory for %s", work->name);
    enum sm_status status = choose_slices(&cut, err);
    if (!status && too_oblong(&cut))
        count->extreme_slices += cut.count;
    else if (!status)
        status = do_slices(&cut, count, err);
    for (size_t n = 0; cut.rows && n < cut.count; n++) {
        if (cut.rows[n])
            json_object_update(images, cut.rows[n]);
        json_decref(cut.rows[n]);
    }
    free(cut.rows);
    free(cut.slices);
    free(cut.voxel);
    free(cut.name);
    return status;
}

/* ---- the case ---- */

static void clear(struct work *work)
{
    for (size_t n = 0; work->label_names && n < work->objects->count; n++)
        free(work->label_names[n]);
    for (size_t m = 0; work->label_of && m < work->objects->map_count; m++)
        free(work->label_of[m]);
    free(work->label_names);
    free(work->label_of);
    free(work->counter_of);
}

static enum sm_status prepare_objects(struct work *work, struct sm_err *err)
{
    const struct sm_label_set *objects = work->objects;
    static const char starved[] = "out of memory for %zu labels";
    if (objects->count >= VALUES)
        return sm_fail(err, SM_UNSUPPORTED, "%s: %zu objects are too many", work->name, objects->count);
    work->label_names = slices_label_names(objects);
    work->label_of = calloc(objects->map_count + 1, sizeof *work->label_of);
    work->counter_of = calloc(objects->count + 1, sizeof *work->counter_of);
    if (!work->label_names || !work->label_of || !work->counter_of)
        return sm_fail(err, SM_MEMORY, starved, objects->count);
    for (size_t m = 0; m < objects->map_count; m++)
        if (!(work->label_of[m] = calloc(VALUES, sizeof **work->label_of)))
            return sm_fail(err, SM_MEMORY, starved, objects->count);
    for (size_t n = 0; n < objects->count; n++) {
        const struct sm_label *label = &objects->labels[n];
        work->label_of[label->map - objects->maps][label->value] = (uint32_t)n + 1;
        while (strcmp(work->label_names[work->counter_of[n]], work->label_names[n]) != 0)
            work->counter_of[n]++;
    }
    return SM_OK;
}

enum sm_status slices_write_case(const struct sm_slices *slices, const char *name, const struct sm_volume *volume,
                                 const struct sm_label_set *objects, json_t **images, struct sm_slices_count *count,
                                 struct sm_err *err)
{
    const struct sm_slices_options *o = &slices->options;
    struct work work = {.slices = slices, .name = name, .volume = volume, .objects = objects, .window = o->window};
    enum sm_status status = sm_window_prepare(&work.window, volume, err);
    *images = json_object();
    if (!status && !*images)
        status = sm_fail(err, SM_MEMORY, "out of memory for %s", name);
    if (!status && objects)
        status = prepare_objects(&work, err);
    for (int plane = o->all_planes ? SM_PLANE_AXIAL : (int)o->plane;
         !status && plane <= (o->all_planes ? SM_PLANE_SAGITTAL : (int)o->plane); plane++)
        status = do_plane(&work, (enum sm_plane)plane, *images, count, err);
    clear(&work);
    if (status) {
        json_decref(*images);
        *images = NULL;
    }
    return status;
}
