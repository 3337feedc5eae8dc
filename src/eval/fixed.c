/* SAM-Med2D's fixed prompts: in pixels of the 256 x 256 square that its DataLoader makes, keyed by mask file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "eval/page.h"

enum { SQUARE = 256 };

static const struct sm_object *find(const struct eval_source *source, int id)
{
    if (!source->fixed || id < 1 || (size_t)id > source->about->file_count)
        return NULL;
    const char *file = source->about->files[id - 1], *slash = strrchr(file, '/');
    const char *name = slash ? slash + 1 : file, *dot = strrchr(name, '.');
    size_t length = dot ? (size_t)(dot - name) : strlen(name);
    for (size_t o = 0; o < source->fixed->count; o++) {
        const char *key = source->fixed->objects[o].name;
        if (strncmp(key, name, length) == 0 && !key[length])
            return &source->fixed->objects[o];
    }
    return NULL;
}

/* From the square to the frame that prompts are drawn in. No rounding: the network is to get the very number. A
 * point may lie in the padding. */
struct place {
    double scale[2], shift[2];
    const struct sm_view *view; /* NULL: the square itself */
};

static struct place place_of(const struct eval_source *source)
{
    struct place place = {{1, 1}, {0, 0}, NULL};
    const int *dim = source->image->grid.dim;
    bool padded = dim[0] < SQUARE && dim[1] < SQUARE;
    if (source->options->reference) {
        place.scale[0] = place.scale[1] = (double)source->config->image_size / SQUARE;
        return place;
    }
    place.view = &source->view;
    for (int a = 0; a < 2; a++) {
        place.scale[a] = padded ? 1 : (double)dim[a] / SQUARE;
        place.shift[a] = padded ? (SQUARE - dim[a]) / 2 : 0;
    }
    return place;
}

static void to_frame(const struct place *place, const double position[2], double out[3])
{
    double index[3] = {0};
    for (int a = 0; a < 2; a++)
        index[a] = out[a] = (position[a] - place->shift[a]) * place->scale[a];
    if (place->view)
        sm_view_from_voxel(place->view, index, out);
}

/* The upper ends are one past the last pixel; a view that is turned makes them lower ends. */
static void place_box(const struct place *place, const struct sm_box *box, float out[4])
{
    const double *high = box->corner[1];
    double from[3], to[3], edge[2] = {high[0] - 1 / place->scale[0], high[1] - 1 / place->scale[1]};
    to_frame(place, box->corner[0], from);
    to_frame(place, edge, to);
    for (int a = 0; a < 2; a++) {
        out[a] = (float)fmin(from[a], to[a]);
        out[a + 2] = (float)fmax(from[a], to[a]) + 1;
    }
}

enum sm_status fixed_prompt_of(struct fixed_prompt **out, const struct eval_source *source, int id,
                               struct sm_err *err)
{
    const struct sm_object *object = find(source, id);
    const struct place place = place_of(source);
    *out = NULL;
    if (!object)
        return SM_OK;
    struct fixed_prompt *fixed = *out = calloc(1, sizeof *fixed);
    if (!fixed)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    fixed->has_box = object->box_count > 0;
    if (fixed->has_box)
        place_box(&place, &object->boxes[0], fixed->box);
    fixed->count = object->point_count < SM_EVAL_MAX_POINTS ? (int)object->point_count : SM_EVAL_MAX_POINTS;
    for (int p = 0; p < fixed->count; p++) {
        double at[3];
        to_frame(&place, object->points[p].position, at);
        fixed->points[p][0] = (float)at[0];
        fixed->points[p][1] = (float)at[1];
        fixed->labels[p] = object->points[p].positive;
    }
    return SM_OK;
}
