#include "cmd/preview.h"

#include <stdio.h>
#include <stdlib.h>
#include "image/preview.h"
#include "sammed2d/picture.h"

enum { EVENLY = 20, AT_MOST = 28 };

struct source {
    const struct sm_volume *volume;
    const struct sm_result *result;
    const struct sm_view *view;
    size_t objects, pixels;
    uint16_t *object_of; /* label value -> 1 + object, 0 for none */
    int *voxels;         /* [slice * objects + object] */
};

static int *voxels_of(const struct source *source, int slice)
{
    return source->voxels + (size_t)slice * source->objects;
}

static void read_objects(const struct source *source, int slice, uint16_t *out)
{
    const struct sm_labels *labels = sm_result_labels(source->result);
    size_t origin;
    ptrdiff_t column_step, row_step;
    sm_view_steps(source->view, &labels->grid, slice, &origin, &column_step, &row_step);
    for (int y = 0; y < source->view->dim[1]; y++)
        for (int x = 0; x < source->view->dim[0]; x++)
            *out++ =
                source
                    ->object_of[labels->voxels[(ptrdiff_t)origin + x * column_step + y * row_step]];
}

static enum sm_status open_source(struct source *source, struct sm_err *err)
{
    source->view = sm_result_view(source->result);
    source->objects = sm_result_objects(source->result);
    source->pixels = (size_t)source->view->dim[0] * (size_t)source->view->dim[1];
    source->object_of = calloc(UINT16_MAX + 1, sizeof *source->object_of);
    source->voxels =
        calloc((size_t)source->view->dim[2] * source->objects + 1, sizeof *source->voxels);
    uint16_t *objects = malloc(source->pixels * sizeof *objects);
    if (!source->object_of || !source->voxels || !objects) {
        free(objects);
        return sm_fail(err, SM_MEMORY, "no memory for a preview of %zu objects", source->objects);
    }
    for (size_t o = 0; o < source->objects; o++)
        source->object_of[sm_result_object(source->result, o)->id & UINT16_MAX] = (uint16_t)(o + 1);
    for (int s = 0; s < source->view->dim[2]; s++) {
        read_objects(source, s, objects);
        for (size_t p = 0; p < source->pixels; p++)
            if (objects[p])
                voxels_of(source, s)[objects[p] - 1]++;
    }
    free(objects);
    return SM_OK;
}

static void close_source(struct source *source)
{
    free(source->object_of);
    free(source->voxels);
}

/* ---- which slices ---- */

struct choice {
    int slices[AT_MOST];
    int count;
};

static bool has_object(const struct source *source, int slice)
{
    for (size_t o = 0; o < source->objects; o++)
        if (voxels_of(source, slice)[o])
            return true;
    return false;
}

static bool has_prompt(const struct source *source, int slice)
{
    for (size_t o = 0; o < source->objects; o++) {
        const struct sm_slice_prompt *prompt = sm_result_prompt(source->result, o, slice);
        if (prompt && !prompt->propagated)
            return true;
    }
    return false;
}

/* One in the middle when nothing was asked or found anywhere. */
static void choose_evenly(struct choice *choice, const struct source *source)
{
    int all = source->view->dim[2], carrying = 0, seen = 0;
    for (int s = 0; s < all; s++)
        carrying += has_object(source, s) || has_prompt(source, s);
    int wanted = carrying < EVENLY ? carrying : EVENLY;
    for (int s = 0; s < all && choice->count < wanted; s++) {
        if (!has_object(source, s) && !has_prompt(source, s))
            continue;
        /* the middle of the part that tile number count stands for */
        if (seen++ == (int)((2 * (long)choice->count + 1) * carrying / (2 * wanted)))
            choice->slices[choice->count++] = s;
    }
    if (!choice->count)
        choice->slices[choice->count++] = all / 2;
}

static bool shown(const struct choice *choice, const struct source *source, size_t object)
{
    for (int n = 0; n < choice->count; n++)
        if (voxels_of(source, choice->slices[n])[object])
            return true;
    return false;
}

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Small objects between the chosen slices get their own: the one that shows most of them. */
static void choose_missed(struct choice *choice, const struct source *source)
{
    for (size_t o = 0; o < source->objects && choice->count < AT_MOST; o++) {
        int best = 0;
        for (int s = 1; s < source->view->dim[2]; s++)
            best = voxels_of(source, s)[o] > voxels_of(source, best)[o] ? s : best;
        if (voxels_of(source, best)[o] && !shown(choice, source, o))
            choice->slices[choice->count++] = best;
    }
    qsort(choice->slices, (size_t)choice->count, sizeof choice->slices[0], by_number);
}

/* ---- one slice ---- */

static enum sm_status read_grey(const struct source *source, int slice, uint8_t *grey,
                                struct sm_err *err)
{
    int channels = source->volume->channels;
    size_t values = source->pixels * (size_t)channels;
    float *rescaled = malloc(values * sizeof *rescaled);
    uint8_t *shades = malloc(values);
    if (rescaled && shades) {
        sm_view_slice(source->view, source->volume, slice, rescaled);
        struct sm_window window = sm_window_at(sm_result_window(source->result), source->view, slice);
        sm_window_apply(&window, rescaled, values, shades);
        for (size_t p = 0; p < source->pixels; p++) {
            int sum = 0;
            for (int c = 0; c < channels; c++)
                sum += shades[p * (size_t)channels + (size_t)c];
            grey[p] = (uint8_t)(sum / channels);
        }
    }
    bool good = rescaled && shades;
    free(rescaled);
    free(shades);
    return good ? SM_OK : sm_fail(err, SM_MEMORY, "no memory for a slice of the preview");
}

static int count_marks(const struct source *source, int slice)
{
    int count = 0;
    for (size_t o = 0; o < source->objects; o++) {
        const struct sm_slice_prompt *prompt = sm_result_prompt(source->result, o, slice);
        count += prompt ? prompt->box_count + prompt->point_count : 0;
    }
    return count;
}

static void add_marks(struct preview_tile *tile, const struct sm_slice_prompt *prompt, int object)
{
    for (int n = 0; n < prompt->box_count; n++) {
        const float *b = prompt->boxes[n];
        tile->marks[tile->mark_count++] = (struct preview_mark){
            PREVIEW_BOX, object, {b[0], b[1], b[2], b[3]}, prompt->propagated};
    }
    for (int n = 0; n < prompt->point_count; n++)
        tile->marks[tile->mark_count++] =
            (struct preview_mark){prompt->point_labels[n] > 0 ? PREVIEW_POSITIVE : PREVIEW_NEGATIVE,
                                  object,
                                  {prompt->points[n][0], prompt->points[n][1], 0, 0},
                                  prompt->propagated};
}

static enum sm_status fill_tile(struct preview_tile *tile, const struct source *source, int slice,
                                struct sm_err *err)
{
    int marks = count_marks(source, slice);
    tile->grey = malloc(source->pixels);
    tile->object = malloc(source->pixels * sizeof *tile->object);
    tile->marks = calloc((size_t)marks + 1, sizeof *tile->marks);
    if (!tile->grey || !tile->object || !tile->marks)
        return sm_fail(err, SM_MEMORY, "no memory for a slice of the preview");
    double xys[3] = {0, 0, slice}, ijk[3];
    int axis = source->view->axis[2];
    sm_view_to_voxel(source->view, xys, ijk);
    snprintf(tile->caption, sizeof tile->caption, "%c %d", "ijk"[axis], (int)(ijk[axis] + 0.5));
    read_objects(source, slice, tile->object);
    for (size_t o = 0; o < source->objects; o++) {
        const struct sm_slice_prompt *prompt = sm_result_prompt(source->result, o, slice);
        if (prompt)
            add_marks(tile, prompt, (int)o);
    }
    return read_grey(source, slice, tile->grey, err);
}

static enum sm_status draw_and_write(const char *path, const struct preview_sheet *sheet,
                                     struct sm_err *err)
{
    struct canvas canvas;
    enum sm_status status = preview_draw(&canvas, sheet, err);
    if (!status)
        status = sm_png_write(path, canvas.rgb, canvas.width, canvas.height, 3, err);
    canvas_close(&canvas);
    return status;
}

static enum sm_status draw_tiles(const char *path, const struct source *source, const char **names,
                                 struct sm_err *err)
{
    const struct sm_view *view = source->view;
    struct choice choice = {{0}, 0};
    struct preview_tile tiles[AT_MOST] = {{{0}, NULL, NULL, NULL, 0}};
    enum sm_status status = SM_OK;
    choose_evenly(&choice, source);
    choose_missed(&choice, source);
    for (int n = 0; n < choice.count && !status; n++)
        status = fill_tile(&tiles[n], source, choice.slices[n], err);
    struct preview_sheet sheet = {
        view->dim[0],
        view->dim[1],
        {view->spacing_mm[0], view->spacing_mm[1]},
        {{view->letters[0][0], view->letters[0][1]}, {view->letters[1][0], view->letters[1][1]}},
        names,
        (int)source->objects,
        tiles,
        choice.count};
    if (!status)
        status = draw_and_write(path, &sheet, err);
    for (int n = 0; n < choice.count; n++) {
        free(tiles[n].grey);
        free(tiles[n].object);
        free(tiles[n].marks);
    }
    return status;
}

enum sm_status cmd_write_preview(const char *path, const struct sm_volume *volume,
                                 const struct sm_result *result, struct sm_err *err)
{
    struct source source = {.volume = volume, .result = result};
    enum sm_status status = open_source(&source, err);
    const char **names = calloc(source.objects + 1, sizeof *names);
    if (!names && !status)
        status = sm_fail(err, SM_MEMORY, "no memory for a preview of %zu objects", source.objects);
    if (!status) {
        for (size_t o = 0; o < source.objects; o++)
            names[o] = sm_result_object(result, o)->name;
        status = draw_tiles(path, &source, names, err);
    }
    free(names);
    close_source(&source);
    return status;
}
