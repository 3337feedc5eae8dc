#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/digest.h"
#include "dataset/extent.h"
#include "eval/sample.h"
#include "eval/volumes.h"
#include "pipeline/pipeline.h"
#include "sammed2d/metrics.h"

/* One label on the slices of the view. */
struct extent {
    const struct sm_label *label;
    size_t *area; /* (slices) */
    size_t voxels;
    int first, half, last; /* half: where half of the voxels are reached */
    int slices;
};

struct volumes {
    const struct eval_source *source;
    struct extent *extents;
    size_t count;
    uint8_t *mask; /* (height, width) */
    int *distance; /* (height, width) */
    size_t pixels;
};

static void slice_mask(const struct volumes *v, const struct sm_label *label, int s)
{
    const struct sm_view *view = &v->source->view;
    size_t origin;
    ptrdiff_t column, row;
    uint8_t *out = v->mask;
    sm_view_steps(view, &label->map->grid, s, &origin, &column, &row);
    for (int y = 0; y < view->dim[1]; y++)
        for (int x = 0; x < view->dim[0]; x++)
            *out++ = label->map->voxels[(ptrdiff_t)origin + x * column + y * row] == label->value;
}

static enum sm_status measure(struct volumes *v, struct extent *extent, const struct sm_label *label,
                              struct sm_err *err)
{
    int slices = v->source->view.dim[2];
    size_t seen = 0;
    *extent = (struct extent){.label = label, .first = -1, .half = -1};
    extent->area = calloc((size_t)slices, sizeof *extent->area);
    if (!extent->area)
        return sm_fail(err, SM_MEMORY, "out of memory");
    for (int s = 0; s < slices; s++) {
        slice_mask(v, label, s);
        for (size_t p = 0; p < v->pixels; p++)
            extent->area[s] += v->mask[p];
        extent->voxels += extent->area[s];
        if (!extent->area[s])
            continue;
        extent->slices++;
        extent->last = s;
        if (extent->first < 0)
            extent->first = s;
    }
    for (int s = 0; extent->half < 0 && s < slices; s++) {
        seen += extent->area[s];
        if (extent->area[s] && 2 * seen >= extent->voxels)
            extent->half = s;
    }
    return SM_OK;
}

/* ---- prompts ---- */

static enum sm_status add_box(const struct volumes *v, struct sm_prompts *prompts, const struct extent *extent,
                              int s, struct sm_err *err)
{
    const struct sm_view *view = &v->source->view;
    float box[4];
    double ijk[2][3];
    char text[300];
    slice_mask(v, extent->label, s);
    mask_extent(v->mask, view->dim[1], view->dim[0], box);
    sm_view_to_voxel(view, (double[]){box[0], box[1], s}, ijk[0]);
    sm_view_to_voxel(view, (double[]){box[2] - 1, box[3] - 1, s}, ijk[1]);
    snprintf(text, sizeof text, "%d=%g,%g,%g,%g,%g,%g", extent->label->id, ijk[0][0], ijk[0][1], ijk[0][2],
             ijk[1][0], ijk[1][1], ijk[1][2]);
    return sm_prompts_add_box(prompts, text, SM_SPACE_VOXEL, err);
}

static enum sm_status add_point(const struct volumes *v, struct sm_prompts *prompts, const struct extent *extent,
                                int s, struct sm_err *err)
{
    const struct sm_view *view = &v->source->view;
    int at[2];
    double ijk[3];
    char text[200];
    slice_mask(v, extent->label, s);
    sample_innermost(v->mask, view->dim[1], view->dim[0], v->distance, at);
    sm_view_to_voxel(view, (double[]){at[0], at[1], s}, ijk);
    snprintf(text, sizeof text, "%d=%g,%g,%g", extent->label->id, ijk[0], ijk[1], ijk[2]);
    return sm_prompts_add_point(prompts, text, true, SM_SPACE_VOXEL, err);
}

static bool asks_slice(enum sm_eval_way way, const struct extent *extent, int s)
{
    if (way == SM_EVAL_WAY_EVERY)
        return extent->area[s] > 0;
    if (way == SM_EVAL_WAY_THREE)
        return s == extent->first || s == extent->half || s == extent->last;
    return s == extent->half;
}

static enum sm_status add_object(const struct volumes *v, struct sm_prompts *prompts, const struct extent *extent,
                                 enum sm_eval_way way, struct sm_err *err)
{
    char name[16];
    struct sm_object *object;
    snprintf(name, sizeof name, "%d", extent->label->id);
    enum sm_status status = sm_prompts_object(prompts, name, &object, err);
    if (!status)
        object->id = extent->label->id;
    for (int s = 0; !status && s < v->source->view.dim[2]; s++)
        if (asks_slice(way, extent, s))
            status = (way == SM_EVAL_WAY_POINT ? add_point : add_box)(v, prompts, extent, s, err);
    return status;
}

static enum sm_status make_prompts(const struct volumes *v, struct sm_prompts *prompts, enum sm_eval_way way,
                                   struct sm_err *err)
{
    enum sm_status status = SM_OK;
    for (size_t e = 0; !status && e < v->count; e++)
        status = add_object(v, prompts, &v->extents[e], way, err);
    return status ? status : sm_prompts_resolve_in(prompts, v->source->image, NULL, err);
}

/* ---- scores ---- */

static enum sm_status score_label(const struct volumes *v, const struct extent *extent,
                                  const struct sm_labels *found, uint8_t *truth, uint8_t *answer,
                                  struct solid *solid, struct sm_err *err)
{
    size_t voxels = sm_grid_voxels(&found->grid);
    struct sm_surface surface = {0};
    for (size_t i = 0; i < voxels; i++) {
        truth[i] = extent->label->map->voxels[i] == extent->label->value;
        answer[i] = found->voxels[i] == extent->label->id;
    }
    struct sm_overlap overlap = sm_overlap_masks(truth, answer, voxels);
    enum sm_status status = sm_surface_masks(&surface, truth, answer, &found->grid,
                                             v->source->options->tolerance_mm, err);
    *solid = (struct solid){sm_overlap_dice(overlap), sm_overlap_iou(overlap), surface.hd95, surface.surface_dice,
                            overlap.b};
    return status;
}

/* [dice, iou, hd95, surface dice, voxels found]; HD95 null: infinite */
static json_t *solid_json(const struct solid *solid)
{
    return json_pack("[o, o, o, o, I]", results_number(solid->dice), results_number(solid->iou),
                     results_number(solid->hd95_mm), results_number(solid->surface_dice),
                     (json_int_t)solid->found);
}

static struct solid solid_from(const json_t *json)
{
    struct solid solid = {results_value(json_array_get(json, 0)), results_value(json_array_get(json, 1)),
                          results_value(json_array_get(json, 2)), results_value(json_array_get(json, 3)),
                          (size_t)json_integer_value(json_array_get(json, 4))};
    if (isnan(solid.hd95_mm))
        solid.hd95_mm = INFINITY;
    return solid;
}

static enum sm_status score_all(const struct volumes *v, const struct sm_labels *found, json_t *scores,
                                struct sm_err *err)
{
    size_t voxels = sm_grid_voxels(&found->grid);
    uint8_t *masks = malloc(2 * voxels);
    enum sm_status status = masks ? SM_OK : sm_fail(err, SM_MEMORY, "out of memory for masks of %zu voxels", voxels);
    for (size_t e = 0; !status && e < v->count; e++) {
        struct solid solid;
        status = score_label(v, &v->extents[e], found, masks, masks + voxels, &solid, err);
        if (!status)
            json_array_append_new(scores, solid_json(&solid));
    }
    free(masks);
    return status;
}

/* The pipeline's warnings (an object came out empty) would drown the table that says so. */
static bool stopped(void *context)
{
    return sm_cancelled(context);
}

/* The reference looks once. */
static double zoom_asked(const struct sm_eval_options *options)
{
    return options->reference ? 1 : options->zoom;
}

static enum sm_status ask_one_way(const struct volumes *v, const struct sm_model *model, enum sm_eval_way way,
                                  float **embeddings, json_t *scores, const struct sm_listener *listener,
                                  struct sm_err *err)
{
    const struct sm_eval_options *asked = v->source->options;
    const struct sm_listener quiet = {.context = (void *)listener, .cancelled = stopped};
    struct sm_segment_options options = {.window = asked->window, .plane = asked->plane, .orient = asked->orient,
                                         .orient_given = asked->orient_given, .multimask = asked->multimask,
                                         .zoom = zoom_asked(asked),
                                         .mirrors = asked->reference ? 1 : asked->mirrors,
                                         .propagate = way == SM_EVAL_WAY_EVERY ? SM_PROPAGATE_NONE : SM_PROPAGATE_AUTO};
    struct sm_prompts prompts = {0};
    struct sm_result *result = NULL;
    enum sm_status status = make_prompts(v, &prompts, way, err);
    if (!status)
        status = segment_with(&result, model, v->source->image, &prompts, &options, &propagation_default, embeddings,
                              &quiet, err);
    if (!status)
        status = score_all(v, sm_result_labels(result), scores, err);
    sm_result_free(result);
    sm_prompts_free(&prompts);
    return status;
}

static void way_key(const char *key, enum sm_eval_way way, const struct sm_eval_options *options, char hex[65])
{
    char text[256];
    int length = snprintf(text, sizeof text, "%s volume 2 %s %g", key, way_words[way], options->tolerance_mm);
    digest_bytes(text, (size_t)length, hex);
}

static enum sm_status one_way(const struct volumes *v, const struct sm_model *model, enum sm_eval_way way,
                              float **embeddings, struct results *results, const char *key,
                              struct volume_row *rows, const struct sm_listener *listener, struct sm_err *err)
{
    char hex[65];
    way_key(key, way, v->source->options, hex);
    const json_t *scores = results_find(results, hex);
    enum sm_status status = SM_OK;
    if (!scores || json_array_size(scores) != v->count) {
        json_t *fresh = json_array();
        status = ask_one_way(v, model, way, embeddings, fresh, listener, err);
        if (status)
            json_decref(fresh);
        else
            status = results_add(results, hex, v->source->about->name, -1, way_words[way], fresh, err);
        scores = results_find(results, hex);
    }
    for (size_t e = 0; !status && e < v->count; e++)
        rows[e].solids[way] = solid_from(json_array_get(scores, e));
    return status;
}

static enum sm_status measure_all(struct volumes *v, struct sm_err *err)
{
    const struct sm_label_set *set = v->source->labels;
    enum sm_status status = SM_OK;
    for (size_t n = 0; !status && n < set->count; n++) {
        struct extent *extent = &v->extents[v->count];
        status = measure(v, extent, &set->labels[n], err);
        if (!status && extent->slices >= VOLUME_LEAST_SLICES)
            v->count++;
        else
            free(extent->area);
    }
    return status;
}

static enum sm_status add_rows(const struct volumes *v, struct sm_evaluation *evaluation, struct table *table,
                               size_t *first, struct sm_err *err)
{
    *first = table->volume_count;
    for (size_t e = 0; e < v->count; e++) {
        struct volume_row *row = table_add_volume(table);
        int label = words_add(&evaluation->labels, v->extents[e].label->name);
        if (!row || label < 0)
            return sm_fail(err, SM_MEMORY, "out of memory");
        row->case_number = v->source->case_number;
        row->label = label;
        row->id = v->extents[e].label->id;
        row->voxels = v->extents[e].voxels;
    }
    return SM_OK;
}

enum sm_status volumes_evaluate(struct sm_evaluation *evaluation, struct table *table,
                                const struct eval_source *source, const struct sm_model *model,
                                float **embeddings, struct results *results, const char *key,
                                const struct sm_listener *listener, struct sm_err *err)
{
    struct volumes v = {.source = source, .pixels = (size_t)source->view.dim[0] * (size_t)source->view.dim[1]};
    size_t first = 0;
    v.extents = calloc(source->labels->count + 1, sizeof *v.extents);
    v.mask = malloc(v.pixels);
    v.distance = malloc(v.pixels * sizeof *v.distance);
    enum sm_status status = v.extents && v.mask && v.distance ? measure_all(&v, err)
                                                              : sm_fail(err, SM_MEMORY, "out of memory");
    if (!status)
        status = add_rows(&v, evaluation, table, &first, err);
    for (int w = 0; !status && v.count && w < SM_EVAL_WAYS; w++)
        if (evaluation->options.ways[w])
            status = one_way(&v, model, (enum sm_eval_way)w, embeddings, results, key, table->volumes + first,
                             listener, err);
    if (status)
        table->volume_count = first;
    for (size_t e = 0; e < v.count; e++)
        free(v.extents[e].area);
    free(v.extents);
    free(v.mask);
    free(v.distance);
    return status;
}
