/* Prompts files and prompt texts. The first byte says which: 'b' box text, 'p' point text, anything
 * else starts a JSON file. What parses is resolved on an odd, oblique grid. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "pipeline/prompts_internal.h"

static const struct sm_grid grid = {
    .dim = {31, 17, 1},
    .affine_lps = {{0.9, 0.1, 0, -20}, {-0.1, 0.9, 0.2, 10}, {0, -0.2, 2.5, 5}, {0, 0, 0, 1}}};

/* Whatever was accepted must be whole voxels of the volume. */
static void check_inside(const double ijk[3])
{
    for (int a = 0; a < 3; a++)
        if (!(ijk[a] >= 0 && ijk[a] <= grid.dim[a] - 1 && ijk[a] == floor(ijk[a])))
            abort();
}

static void check(const struct sm_prompts *prompts)
{
    for (size_t o = 0; o < prompts->count; o++) {
        const struct sm_object *object = &prompts->objects[o];
        if (object->id < 1 || object->id > 65535)
            abort();
        for (size_t p = 0; p < object->point_count; p++)
            check_inside(object->points[p].position);
        for (size_t b = 0; b < object->box_count; b++) {
            check_inside(object->boxes[b].corner[0]);
            check_inside(object->boxes[b].corner[1]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sm_prompts prompts = {0};
    struct sm_err err = {0};
    enum sm_status status = SM_USAGE;
    char *text = strndup((const char *)data, size);
    if (!text)
        return 0;
    if (text[0] == 'b') {
        status = sm_prompts_add_box(&prompts, text + 1, SM_SPACE_RAS, &err);
    } else if (text[0] == 'p') {
        status = sm_prompts_add_point(&prompts, text + 1, true, SM_SPACE_VOXEL, &err);
    } else {
        json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
        if (json)
            status = prompts_from_json(&prompts, json, "dir/liver.mrk.json", size & 1 ? "dir/amos_1.png" : NULL,
                                       &err);
        json_decref(json);
    }
    if (status == SM_OK && sm_prompts_resolve(&prompts, &grid, &err) == SM_OK)
        check(&prompts);
    sm_prompts_free(&prompts);
    free(text);
    return 0;
}
