/* SAM-Med2D's fixed prompts, as its test.py saves them: {"MASK.png": {"boxes": [[x0, y0, x1, y1]],
 * "point_coords": [[x, y]], "point_labels": [1]}}, with one list more around points when there are
 * several. Source: OpenGVLab/SAM-Med2D, test.py and DataLoader.py (TestingDataset). */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "pipeline/prompts_internal.h"

enum { DEEPEST = 4, MOST_NUMBERS = 4096 };

struct numbers {
    double value[MOST_NUMBERS];
    size_t count;
};

/* Lists in lists of numbers, laid flat. */
static bool flatten(const json_t *json, int depth, struct numbers *numbers)
{
    if (json_is_number(json)) {
        double value = json_number_value(json);
        if (numbers->count == MOST_NUMBERS || !isfinite(value) || fabs(value) > PROMPT_LIMIT)
            return false;
        numbers->value[numbers->count++] = value;
        return true;
    }
    if (!json_is_array(json) || depth == DEEPEST)
        return false;
    for (size_t n = 0; n < json_array_size(json); n++)
        if (!flatten(json_array_get(json, n), depth + 1, numbers))
            return false;
    return true;
}

/* corner is inclusive, as everywhere; x1 and y1 in the file are one past the last pixel. The exact
 * pixel of the picture is found when the box is resolved. */
static enum sm_status add_boxes(struct sm_object *object, const struct numbers *boxes,
                                struct sm_err *err)
{
    for (size_t n = 0; n + 4 <= boxes->count; n += 4) {
        const double *b = boxes->value + n;
        struct sm_box box = prompts_plain_box(SM_SPACE_SQUARE, (double[]){b[0], b[1], 0, b[2], b[3], 0});
        enum sm_status status = prompts_append_box(object, &box, err);
        if (status)
            return status;
    }
    return SM_OK;
}

static enum sm_status add_points(struct sm_object *object, const struct numbers *points,
                                 const struct numbers *labels, struct sm_err *err)
{
    for (size_t n = 0; n < labels->count; n++) {
        struct sm_point point = {.space = SM_SPACE_SQUARE,
                                 .position = {points->value[2 * n], points->value[2 * n + 1], 0},
                                 .positive = labels->value[n] == 1};
        if (labels->value[n] < 0)
            continue; /* padding */
        enum sm_status status = prompts_append_point(object, &point, err);
        if (status)
            return status;
    }
    return SM_OK;
}

static enum sm_status read_mask_prompts(struct sm_object *object, const json_t *json,
                                        struct numbers numbers[3], const char *path,
                                        struct sm_err *err)
{
    static const char *const keys[3] = {"boxes", "point_coords", "point_labels"};
    for (int k = 0; k < 3; k++) {
        const json_t *list = json_object_get(json, keys[k]);
        numbers[k].count = 0;
        if (list && !json_is_null(list) && !flatten(list, 0, &numbers[k]))
            return sm_fail(err, SM_CORRUPT, "%s: \"%s\" of \"%s\" should be a list of numbers", path,
                           keys[k], object->name);
    }
    if (numbers[0].count % 4)
        return sm_fail(err, SM_CORRUPT, "%s: a box of \"%s\" has not four numbers", path, object->name);
    if (numbers[1].count != 2 * numbers[2].count)
        return sm_fail(err, SM_CORRUPT, "%s: \"%s\" has %zu point coordinates and %zu point labels",
                       path, object->name, numbers[1].count, numbers[2].count);
    enum sm_status status = add_boxes(object, &numbers[0], err);
    return status ? status : add_points(object, &numbers[1], &numbers[2], err);
}

enum sm_status prompts_from_fixed(struct sm_prompts *prompts, const json_t *json, const char *path,
                                  struct sm_err *err)
{
    struct numbers *numbers = malloc(3 * sizeof *numbers);
    enum sm_status status = numbers ? SM_OK : sm_fail(err, SM_MEMORY, "out of memory for prompts");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *) json, key, value) {
        struct sm_object *object;
        if (status)
            break;
        size_t length = strlen(key);
        bool png = length > 4 && strcmp(key + length - 4, ".png") == 0;
        char *name = strndup(key, png ? length - 4 : length);
        status = name ? sm_prompts_object(prompts, name, &object, err)
                      : sm_fail(err, SM_MEMORY, "out of memory for prompts");
        free(name);
        if (status)
            sm_fail_context(err, "%s", path);
        else
            status = read_mask_prompts(object, value, numbers, path, err);
    }
    free(numbers);
    return status;
}
