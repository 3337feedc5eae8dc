/* How a cell is put to the decoder, which takes one box a prompt. */
#include <stdlib.h>
#include "pipeline/pipeline.h"

static bool in_box(const float point[2], const float box[4])
{
    return point[0] >= box[0] && point[0] < box[2] && point[1] >= box[1] && point[1] < box[3];
}

static bool in_any_box(const float point[2], const struct cell *cell)
{
    for (int b = 0; b < cell->shown.box_count; b++)
        if (in_box(point, cell->boxes[b]))
            return true;
    return false;
}

static struct ask *append(struct asks *asks, struct cell *cell)
{
    struct ask *list = realloc(asks->list, (asks->count + 1) * sizeof *list);
    if (!list)
        return NULL;
    asks->list = list;
    list[asks->count] = (struct ask){.cell = cell, .prompt.mask = cell->mask};
    return &list[asks->count++];
}

static enum sm_status no_memory(struct sm_err *err)
{
    return sm_fail(err, SM_MEMORY, "out of memory for prompts");
}

/* With one box, or none, everything goes together. */
static enum sm_status add_whole(struct asks *asks, struct cell *cell, struct sm_err *err)
{
    struct ask *ask = append(asks, cell);
    if (!ask)
        return no_memory(err);
    ask->prompt.point_count = cell->shown.point_count;
    ask->prompt.points = cell->shown.points;
    ask->prompt.point_labels = cell->labels;
    ask->prompt.box = cell->shown.box_count ? cell->boxes[0] : NULL;
    return SM_OK;
}

/* Of several boxes, each takes the points inside it and all excluded ones; box -1 stands for the points
 * that lie in no box. */
static enum sm_status add_part(struct asks *asks, struct cell *cell, int box, struct sm_err *err)
{
    size_t count = (size_t)cell->shown.point_count;
    struct ask *ask = append(asks, cell);
    if (!ask)
        return no_memory(err);
    ask->points = malloc((count + 1) * sizeof *ask->points);
    ask->labels = malloc((count + 1) * sizeof *ask->labels);
    if (!ask->points || !ask->labels)
        return no_memory(err);
    int kept = 0;
    for (size_t p = 0; p < count; p++) {
        const float *point = cell->points[p];
        bool mine = box < 0 ? !in_any_box(point, cell) : in_box(point, cell->boxes[box]);
        if (cell->labels[p] && !mine)
            continue;
        ask->points[kept][0] = point[0];
        ask->points[kept][1] = point[1];
        ask->labels[kept++] = cell->labels[p];
    }
    ask->prompt.point_count = kept;
    ask->prompt.points = (const float (*)[2]) ask->points;
    ask->prompt.point_labels = ask->labels;
    ask->prompt.box = box < 0 ? NULL : cell->boxes[box];
    return SM_OK;
}

enum sm_status asks_add_cell(struct asks *asks, struct cell *cell, struct sm_err *err)
{
    bool outside = false;
    enum sm_status status = SM_OK;
    if (cell->shown.box_count <= 1)
        return add_whole(asks, cell, err);
    for (int p = 0; p < cell->shown.point_count; p++)
        outside |= cell->labels[p] && !in_any_box(cell->points[p], cell);
    for (int box = outside ? -1 : 0; !status && box < cell->shown.box_count; box++)
        status = add_part(asks, cell, box, err);
    return status;
}

void asks_free(struct asks *asks)
{
    for (size_t a = 0; a < asks->count; a++) {
        free(asks->list[a].points);
        free(asks->list[a].labels);
    }
    free(asks->list);
    *asks = (struct asks){0};
}
