/* Slices into pages: which objects are on them, and in which frame they are asked. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/digest.h"
#include "dataset/extent.h"
#include "eval/page.h"
#include "eval/sample.h"
#include "nn/nn.h"

enum { SQUARE = 256 }; /* what SA-Med2D's sizes are stated for */

enum sm_status source_prepare(struct eval_source *source, struct sm_err *err)
{
    const struct sm_eval_options *options = source->options;
    const struct sm_config *config = source->config;
    sm_view_choose(&source->view, source->image, options->plane,
                   options->orient_given ? options->orient : config->orientation);
    source->window = options->window;
    if (source->window.mode == SM_WINDOW_DEFAULT && source->image->display_ready)
        source->window.mode = SM_WINDOW_STORED;
    if (source->window.mode == SM_WINDOW_DEFAULT)
        source->window = config->normalization;
    if (source->window.mode == SM_WINDOW_DEFAULT)
        source->window.mode = SM_WINDOW_MINMAX;
    return sm_window_prepare(&source->window, source->image, err);
}

static size_t page_pixels(const struct page *page)
{
    return (size_t)page->height * (size_t)page->width;
}

static struct ask_frame ask_frame_of(const struct eval_source *source)
{
    int width = source->view.dim[0], height = source->view.dim[1], side = source->config->image_size;
    struct ask_frame ask = {.height = height, .width = width};
    if (!source->options->reference)
        return ask;
    ask = (struct ask_frame){.height = side, .width = side, .square = true,
                             .padded = height < side && width < side};
    ask.left = ask.padded ? (side - width) / 2 : 0;
    ask.top = ask.padded ? (side - height) / 2 : 0;
    return ask;
}

/* Which column (or row) of the picture each of `side` places of the square shows; -1: padding. */
static void square_index(const struct ask_frame *ask, int start, int size, int side, int *index)
{
    if (!ask->padded)
        nn_nearest_index(index, size, side);
    for (int n = 0; ask->padded && n < side; n++)
        index[n] = n >= start && n < start + size ? n - start : -1;
}

struct square_map {
    int column[2048], row[2048]; /* config_check: no side is larger */
};

static void square_map_of(const struct page *page, struct square_map *map)
{
    square_index(&page->ask, page->ask.left, page->width, page->ask.width, map->column);
    square_index(&page->ask, page->ask.top, page->height, page->ask.height, map->row);
}

/* ---- objects ---- */

/* Label values of slice s of one map: (height, width). */
static void slice_values(const struct eval_source *source, const struct sm_labels *map, int s, uint16_t *out)
{
    size_t origin;
    ptrdiff_t column, row;
    sm_view_steps(&source->view, &map->grid, s, &origin, &column, &row);
    for (int y = 0; y < source->view.dim[1]; y++)
        for (int x = 0; x < source->view.dim[0]; x++)
            *out++ = map->voxels[(ptrdiff_t)origin + x * column + y * row];
}

static bool wants_largest(const struct sm_eval_options *options)
{
    return options->component == SM_EVAL_COMPONENT_LARGEST ||
           (options->component == SM_EVAL_COMPONENT_DEFAULT && !options->reference);
}

/* The mask as the reference sees it, and the box of its largest part. False: nothing of it is left. */
static bool ask_in_square(const struct page *page, struct page_object *object, struct square_map *map,
                          uint8_t *part, int *stack)
{
    int height = page->ask.height, width = page->ask.width;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int u = map->column[x], v = map->row[y];
            object->ask_truth[y * width + x] = u >= 0 && v >= 0 && object->truth[v * page->width + u];
        }
    return sample_largest(object->ask_truth, height, width, part, stack) &&
           mask_extent(part, height, width, object->ask_box);
}

/* Boxes, and with `reference` the square's mask. False: the object is too small to be seen there. */
static bool place_object(const struct page *page, const struct eval_source *source, struct page_object *object,
                         const uint8_t *largest, uint8_t *scratch, int *stack)
{
    const struct sm_eval_options *options = source->options;
    mask_extent(largest, page->height, page->width, object->box);
    bool seen = true;
    if (page->ask.square) {
        struct square_map map;
        square_map_of(page, &map);
        seen = ask_in_square(page, object, &map, scratch, stack);
    }
    if (options->jitter > 0) {
        struct rng rng = rng_for(options->seed, object->seed_name), same = rng;
        sample_jitter(&rng, options->jitter, page->height, page->width, object->box);
        if (page->ask.square)
            sample_jitter(&same, options->jitter, page->ask.height, page->ask.width, object->ask_box);
    }
    if (!page->ask.square)
        memcpy(object->ask_box, object->box, sizeof object->box);
    if (object->fixed && object->fixed->has_box) {
        memcpy(object->ask_box, object->fixed->box, sizeof object->ask_box);
        if (!page->ask.square)
            memcpy(object->box, object->fixed->box, sizeof object->box);
    }
    return seen;
}

/* Scratch for a slice: masks and a stack of the larger of both frames. */
struct bench {
    uint16_t *values;
    uint8_t *mask, *largest;
    int *stack;
    size_t *counts; /* (65536) */
};

static bool bench_open(struct bench *bench, size_t pixels)
{
    *bench = (struct bench){malloc(pixels * sizeof *bench->values), malloc(pixels), malloc(pixels),
                            malloc(pixels * sizeof *bench->stack), calloc(65536, sizeof *bench->counts)};
    return bench->values && bench->mask && bench->largest && bench->stack && bench->counts;
}

static void bench_close(struct bench *bench)
{
    free(bench->values);
    free(bench->mask);
    free(bench->largest);
    free(bench->stack);
    free(bench->counts);
}

static void object_free(struct page_object *object)
{
    if (object->ask_truth != object->truth)
        free(object->ask_truth);
    free(object->truth);
    free(object->fixed);
}

static enum sm_status add_object(struct page *page, const struct eval_source *source,
                                 const struct sm_label *label, struct bench *bench, struct sm_err *err)
{
    size_t pixels = page_pixels(page), square = (size_t)page->ask.height * (size_t)page->ask.width;
    struct page_object *object = &page->objects[page->count];
    for (size_t p = 0; p < pixels; p++)
        bench->mask[p] = bench->values[p] == label->value;
    size_t area = sample_largest(bench->mask, page->height, page->width, bench->largest, bench->stack);
    const uint8_t *truth = wants_largest(source->options) ? bench->largest : bench->mask;
    *object = (struct page_object){.id = label->id, .name = label->name};
    object->pixels = truth == bench->mask ? bench->counts[label->value] : area;
    snprintf(object->seed_name, sizeof object->seed_name, "%.150s/%.250s/%d/%d", source->about->dataset,
             source->about->name, page->slice, label->id);
    struct rng rank = rng_for(source->options->seed + 1, object->seed_name);
    object->rank = rng_next(&rank);
    if ((double)object->pixels * SQUARE * SQUARE < source->options->min_pixels * (double)pixels ||
        object->rank > source->last_rank)
        return SM_OK;
    object->truth = malloc(pixels);
    object->ask_truth = page->ask.square ? malloc(square) : object->truth;
    if (!object->truth || !object->ask_truth) {
        object_free(object);
        return sm_fail(err, SM_MEMORY, "out of memory for masks");
    }
    memcpy(object->truth, truth, pixels);
    enum sm_status status = fixed_prompt_of(&object->fixed, source, label->id, err);
    if (status) {
        object_free(object);
        return status;
    }
    if (place_object(page, source, object, bench->largest, bench->mask, bench->stack))
        page->count++;
    else
        object_free(object);
    return SM_OK;
}

static enum sm_status add_objects(struct page *page, const struct eval_source *source, int s,
                                  struct bench *bench, struct sm_err *err)
{
    const struct sm_label_set *set = source->labels;
    const struct sm_labels *map = NULL;
    enum sm_status status = SM_OK;
    for (size_t n = 0; !status && n < set->count; n++) {
        const struct sm_label *label = &set->labels[n];
        if (label->map != map) {
            map = label->map;
            slice_values(source, map, s, bench->values);
            memset(bench->counts, 0, 65536 * sizeof *bench->counts);
            for (size_t p = 0; p < page_pixels(page); p++)
                bench->counts[bench->values[p]]++;
        }
        if (label->value && bench->counts[label->value])
            status = add_object(page, source, label, bench, err);
    }
    return status;
}

enum sm_status page_make(struct page *page, const struct eval_source *source, int s, struct sm_err *err)
{
    const struct sm_view *view = &source->view;
    *page = (struct page){.case_number = source->case_number, .width = view->dim[0], .height = view->dim[1],
                          .channels = source->image->channels, .ask = ask_frame_of(source)};
    page->slice = view->reversed[2] ? view->dim[2] - 1 - s : s;
    size_t pixels = page_pixels(page), square = (size_t)page->ask.height * (size_t)page->ask.width;
    struct bench bench;
    enum sm_status status = SM_OK;
    page->objects = calloc(source->labels->count + 1, sizeof *page->objects);
    if (!bench_open(&bench, pixels > square ? pixels : square) || !page->objects)
        status = sm_fail(err, SM_MEMORY, "out of memory for slices of %d x %d pixels", page->width, page->height);
    if (!status)
        status = add_objects(page, source, s, &bench, err);
    bench_close(&bench);
    if (status)
        page_free(page);
    return status;
}

/* ---- the picture ---- */

/* ref: DataLoader.py. Read as blue, green, red and normalised with the means of red, green, blue, in double;
 * padding is 0 after that. */
static void paint_square(const struct page *page, const struct sm_config *config)
{
    struct square_map map;
    square_map_of(page, &map);
    float *out = page->input;
    for (int y = 0; y < page->ask.height; y++)
        for (int x = 0; x < page->ask.width; x++, out += 3) {
            int u = map.column[x], v = map.row[y];
            const uint8_t *pixel = page->grey + ((size_t)v * (size_t)page->width + (size_t)u) * (size_t)page->channels;
            for (int c = 0; c < 3; c++)
                out[c] = u < 0 || v < 0 ? 0
                                        : (float)((pixel[page->channels == 3 ? 2 - c : 0] - (double)config->pixel_mean[c]) /
                                                  (double)config->pixel_std[c]);
        }
}

static enum sm_status digest_page(struct page *page, struct sm_err *err)
{
    size_t pixels = page_pixels(page), size = 256 + page->count * 700, used;
    char *text = malloc(size), hex[65];
    if (!text)
        return sm_fail(err, SM_MEMORY, "out of memory");
    digest_bytes(page->grey, pixels * (size_t)page->channels, hex);
    used = (size_t)snprintf(text, size, "%d %d %d %s\n", page->height, page->width, page->channels, hex);
    for (size_t n = 0; n < page->count; n++) {
        const struct page_object *object = &page->objects[n];
        digest_bytes(object->truth, pixels, hex);
        used += (size_t)snprintf(text + used, size - used, "%s %g,%g,%g,%g %s\n", hex, (double)object->box[0],
                                 (double)object->box[1], (double)object->box[2], (double)object->box[3],
                                 object->seed_name);
    }
    digest_bytes(text, used, page->digest);
    free(text);
    return SM_OK;
}

enum sm_status page_paint(struct page *page, const struct eval_source *source, int s, struct sm_err *err)
{
    size_t count = page_pixels(page) * (size_t)page->channels;
    size_t square = (size_t)page->ask.height * (size_t)page->ask.width;
    float *values = malloc(count * sizeof *values);
    page->grey = malloc(count);
    page->input = page->ask.square ? malloc(3 * square * sizeof *page->input) : NULL;
    if (!values || !page->grey || (page->ask.square && !page->input)) {
        free(values);
        return sm_fail(err, SM_MEMORY, "out of memory for slices of %d x %d pixels", page->width, page->height);
    }
    sm_view_slice(&source->view, source->image, s, values);
    struct sm_window window = sm_window_at(&source->window, &source->view, s);
    sm_window_apply(&window, values, count, page->grey);
    free(values);
    if (page->ask.square)
        paint_square(page, source->config);
    return digest_page(page, err);
}

void page_free(struct page *page)
{
    for (size_t n = 0; n < page->count; n++)
        object_free(&page->objects[n]);
    free(page->objects);
    free(page->grey);
    free(page->input);
    free(page->embedding);
    *page = (struct page){0};
}
