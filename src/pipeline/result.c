/* What a run has found, for whoever asks: logits and probabilities from the low-res ones, and what is only handed out.
 * Labels and figures are put together in assemble.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "pipeline/pipeline.h"

void cell_logits(const struct sm_result *result, const struct cell *cell, float *logits, float *square, float *room)
{
    int width = result->view.dim[0], height = result->view.dim[1];
    sm_upsample(result->config, cell->low_res, height, width, logits, square);
    zoom_merge(result->config, &cell->closer, width, logits, room, square);
}

void result_logits(const struct sm_result *result, const struct cell *cell, float *logits)
{
    cell_logits(result, cell, logits, result->square, result->room);
}

int result_slice_index(const struct sm_result *result, int s)
{
    return result->view.reversed[2] ? result->view.dim[2] - 1 - s : s;
}

const struct sm_labels *sm_result_labels(const struct sm_result *result)
{
    return &result->labels;
}

size_t sm_result_objects(const struct sm_result *result)
{
    return result->prompts->count;
}

const struct sm_object_result *sm_result_object(const struct sm_result *result, size_t object)
{
    return &result->objects[object];
}

const struct sm_view *sm_result_view(const struct sm_result *result)
{
    return &result->view;
}

const struct sm_window *sm_result_window(const struct sm_result *result)
{
    return &result->window;
}

int sm_result_encoded(const struct sm_result *result)
{
    return result->encoded;
}

void sm_result_seconds(const struct sm_result *result, double *load, double *encode, double *decode)
{
    *load = result->load_seconds;
    *encode = result->encode_seconds;
    *decode = result->decode_seconds;
}

bool sm_result_has(const struct sm_result *result, size_t object, int slice)
{
    const struct cell *cell = result_cell(result, object, slice);
    return cell && cell->low_res;
}

void sm_result_logits(const struct sm_result *result, size_t object, int slice, float *logits)
{
    result_logits(result, result_cell(result, object, slice), logits);
}

void sm_result_probabilities(const struct sm_result *result, size_t object, float *out)
{
    const struct sm_view *view = &result->view;
    memset(out, 0, sm_grid_voxels(&result->labels.grid) * sizeof *out);
    for (int s = 0; s < view->dim[2]; s++) {
        size_t origin;
        ptrdiff_t column, row;
        if (!sm_result_has(result, object, s))
            continue;
        sm_result_logits(result, object, s, result->logits);
        sm_view_steps(view, &result->labels.grid, s, &origin, &column, &row);
        const float *logit = result->logits;
        for (int y = 0; y < view->dim[1]; y++)
            for (int x = 0; x < view->dim[0]; x++, logit++)
                out[(ptrdiff_t)origin + x * column + y * row] = 1.0f / (1.0f + expf(-*logit));
    }
}

const struct sm_slice_prompt *sm_result_prompt(const struct sm_result *result, size_t object,
                                               int slice)
{
    const struct cell *cell = result_cell(result, object, slice);
    return cell && cell->low_res ? &cell->shown : NULL;
}
