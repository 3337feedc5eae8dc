/* The main job: sets a run up, lets it go in waves over the slices, and puts the result together. */
#include <stdlib.h>
#include "pipeline/run.h"

static enum sm_status run_open(struct run *run, struct sm_err *err)
{
    const struct sm_view *view = &run->result->view;
    const struct sm_config *config = run->result->config;
    size_t side = (size_t)sm_low_res_side(config), channels = (size_t)run->volume->channels;
    run->pixels = (size_t)view->dim[0] * (size_t)view->dim[1];
    run->low = side * side;
    run->batch = config->image_size >= LARGE_SIDE ? BATCH_LARGE : BATCH;
    if (!run->lent)
        run->embeddings = calloc((size_t)view->dim[2], sizeof *run->embeddings);
    run->values = malloc(run->pixels * channels * sizeof *run->values);
    run->inside = malloc(run->pixels * sizeof *run->inside);
    run->followed = malloc(run->pixels * sizeof *run->followed);
    run->smooth = malloc(run->pixels * sizeof *run->smooth);
    run->stack = malloc(run->pixels * sizeof *run->stack);
    if (!run->embeddings || !run->values || !run->inside || !run->followed || !run->smooth || !run->stack)
        return sm_fail(err, SM_MEMORY, "out of memory for slices of %d x %d pixels", view->dim[0],
                       view->dim[1]);
    return worker_open(&run->team, run, run->batch, err);
}

static void run_close(struct run *run)
{
    for (int s = 0; !run->lent && run->embeddings && s < run->result->view.dim[2]; s++)
        free(run->embeddings[s]);
    if (!run->lent)
        free(run->embeddings);
    free(run->values);
    free(run->appearances);
    free(run->inside);
    free(run->followed);
    free(run->smooth);
    free(run->stack);
    assembly_free(run->assembly);
    worker_close(&run->team);
}

static enum sm_status choose_window(struct sm_result *result, const struct sm_volume *volume,
                                    const struct sm_segment_options *options, struct sm_err *err)
{
    result->window = options->window;
    if (result->window.mode == SM_WINDOW_DEFAULT)
        result->window = result->config->normalization;
    if (options->window.mode == SM_WINDOW_DEFAULT && volume->display_ready)
        result->window.mode = SM_WINDOW_STORED;
    if (result->window.mode == SM_WINDOW_DEFAULT)
        result->window.mode = SM_WINDOW_MINMAX;
    return sm_window_prepare(&result->window, volume, err);
}

static enum sm_status result_open(struct sm_result *result, const struct sm_volume *volume,
                                  const struct sm_segment_options *options, struct sm_err *err)
{
    size_t objects = result->prompts->count, side = (size_t)result->config->image_size;
    sm_view_choose(&result->view, volume, options->plane,
                   options->orient_given ? options->orient : result->config->orientation);
    const int *dim = result->view.dim;
    result->objects = calloc(objects + 1, sizeof *result->objects);
    result->cells = calloc(objects * (size_t)dim[2] + 1, sizeof(struct cell *));
    result->square = malloc(side * side * sizeof *result->square);
    result->logits = malloc((size_t)dim[0] * (size_t)dim[1] * sizeof *result->logits);
    result->room = malloc((size_t)dim[0] * (size_t)dim[1] * sizeof *result->room);
    if (!result->objects || !result->cells || !result->square || !result->logits || !result->room)
        return sm_fail(err, SM_MEMORY, "out of memory for slices of %d x %d pixels", dim[0], dim[1]);
    for (size_t o = 0; o < objects; o++)
        result->objects[o] = (struct sm_object_result){.id = result->prompts->objects[o].id,
                                                       .name = result->prompts->objects[o].name,
                                                       .slices = {-1, -1}};
    enum sm_status status = sm_labels_alloc(&result->labels, &volume->grid, err);
    return status ? status : choose_window(result, volume, options, err);
}

void sm_result_free(struct sm_result *result)
{
    if (!result)
        return;
    size_t cells = result->prompts->count * (size_t)result->view.dim[2];
    for (size_t c = 0; result->cells && c < cells; c++)
        cell_free(result->cells[c]);
    free(result->cells);
    free(result->objects);
    free(result->square);
    free(result->logits);
    free(result->room);
    sm_labels_free(&result->labels);
    free(result);
}

enum sm_status segment_with(struct sm_result **out, const struct sm_model *model,
                            const struct sm_volume *volume, const struct sm_prompts *prompts,
                            const struct sm_segment_options *options,
                            const struct propagation *propagation, float **embeddings,
                            const struct sm_listener *listener, struct sm_err *err)
{
    struct sm_result *result = calloc(1, sizeof *result);
    *out = NULL;
    if (!result)
        return sm_fail(err, SM_MEMORY, "out of memory");
    result->config = sm_model_config(model);
    result->prompts = prompts;
    struct run run = {.result = result, .model = model, .volume = volume, .propagation = propagation,
                      .embeddings = embeddings, .keep = embeddings, .lent = embeddings,
                      .listener = listener, .kept = options->embeddings,
                      .choice = answer_choice(result->config, options->multimask), .zoom = zoom_factor(result->config, options->zoom),
                      .mirrors = mirror_count(result->config, options->mirrors)};
    enum sm_status status = mirror_check(result->config, run.mirrors, err);
    if (!status)
        status = result_open(result, volume, options, err);
    if (!status)
        status = cells_from_prompts(result, options, listener, err);
    if (!status)
        status = assembly_open(&run.assembly, result, volume, options, err);
    if (!status)
        status = run_open(&run, err);
    if (!status)
        status = run_waves(&run, err);
    if (!status)
        status = assembly_finish(run.assembly, listener, err);
    worker_count(&run, &run.team, 1);
    run_close(&run);
    if (status)
        sm_result_free(result);
    else
        *out = result;
    return status;
}

enum sm_status sm_segment(struct sm_result **result, const struct sm_model *model,
                          const struct sm_volume *volume, const struct sm_prompts *prompts,
                          const struct sm_segment_options *options,
                          const struct sm_listener *listener, struct sm_err *err)
{
    return segment_with(result, model, volume, prompts, options, &propagation_default, NULL, listener,
                        err);
}
