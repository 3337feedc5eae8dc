/* SAM-Med2D's fixed prompts: in pixels of the square that its DataLoader makes, keyed by mask file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "eval/page.h"

static const struct sm_object *find(const struct eval_source *source, int id)
{
    if (!source->fixed || id < 1 || (size_t) id > source->about->file_count)
        return NULL;
    const char *file = source->about->files[id - 1], *slash = strrchr(file, '/');
    const char *name = slash ? slash + 1 : file, *dot = strrchr(name, '.');
    size_t length = dot ? (size_t) (dot - name) : strlen(name);
    for (size_t o = 0; o < source->fixed->count; o++) {
        const char *key = source->fixed->objects[o].name;
        if (strncmp(key, name, length) == 0 && !key[length])
            return &source->fixed->objects[o];
    }
    return NULL;
}

/* A resolved object: whole voxels. */
static void to_picture(struct fixed_prompt *fixed, const struct sm_object *object, const struct sm_view *view)
{
    double low[3], high[3];
    if (fixed->has_box) {
        sm_view_from_voxel(view, object->boxes[0].corner[0], low);
        sm_view_from_voxel(view, object->boxes[0].corner[1], high);
        for (int a = 0; a < 2; a++) {
            fixed->box[a] = (float) fmin(low[a], high[a]);
            fixed->box[a + 2] = (float) fmax(low[a], high[a]) + 1;
        }
    }
    for (int p = 0; p < fixed->count; p++) {
        sm_view_from_voxel(view, object->points[p].position, low);
        fixed->points[p][0] = (float) low[0];
        fixed->points[p][1] = (float) low[1];
    }
}

/* The square's own coordinates, as they are. */
static void to_square(struct fixed_prompt *fixed, const struct sm_object *object)
{
    for (int a = 0; a < 4 && fixed->has_box; a++)
        fixed->box[a] = (float) object->boxes[0].corner[a / 2][a % 2];
    for (int p = 0; p < fixed->count; p++)
        for (int a = 0; a < 2; a++)
            fixed->points[p][a] = (float) object->points[p].position[a];
}

static enum sm_status resolve(struct fixed_prompt *fixed, const struct sm_object *object,
                              const struct eval_source *source, struct sm_err *err)
{
    struct sm_object copy = *object;
    struct sm_prompts prompts = {&copy, 1};
    copy.points = malloc((object->point_count + 1) * sizeof *copy.points);
    copy.boxes = malloc((object->box_count + 1) * sizeof *copy.boxes);
    enum sm_status status = copy.points && copy.boxes ? SM_OK : sm_fail(err, SM_MEMORY, "out of memory for prompts");
    if (!status) {
        memcpy(copy.points, object->points, object->point_count * sizeof *copy.points);
        memcpy(copy.boxes, object->boxes, object->box_count * sizeof *copy.boxes);
        status = sm_prompts_resolve(&prompts, &source->image->grid, err);
    }
    if (!status)
        to_picture(fixed, &copy, &source->view);
    free(copy.points);
    free(copy.boxes);
    return status;
}

enum sm_status fixed_prompt_of(struct fixed_prompt **out, const struct eval_source *source, int id,
                               struct sm_err *err)
{
    const struct sm_object *object = find(source, id);
    *out = NULL;
    if (!object)
        return SM_OK;
    struct fixed_prompt *fixed = calloc(1, sizeof *fixed);
    if (!fixed)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    fixed->has_box = object->box_count > 0;
    fixed->count = object->point_count < SM_EVAL_MAX_POINTS ? (int) object->point_count : SM_EVAL_MAX_POINTS;
    for (int p = 0; p < fixed->count; p++)
        fixed->labels[p] = object->points[p].positive;
    enum sm_status status = SM_OK;
    if (source->options->reference)
        to_square(fixed, object);
    else
        status = resolve(fixed, object, source, err);
    if (status)
        free(fixed);
    else
        *out = fixed;
    return status;
}
