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

/* ---- which picture's ---- */

/* "31_liver_000": a number, the picture's own as SAM-Med2D names slices, before a label and its number. */
static bool begins_with_number(const char *name)
{
    const char *after = name + strspn(name, "0123456789");
    return after > name && *after == '_' && strchr(after + 1, '_');
}

/* What masks of a picture begin with: its path without folder and suffix. */
static const char *stem_of(const char *picture, size_t *length)
{
    const char *slash = strrchr(picture, '/'), *stem = slash ? slash + 1 : picture;
    const char *dot = strrchr(stem, '.');
    *length = dot ? (size_t)(dot - stem) : strlen(stem);
    return stem;
}

/* The name without its picture's; NULL: another picture's. */
static const char *after_picture(const char *name, const char *picture)
{
    size_t length;
    const char *stem = stem_of(picture, &length);
    if (strncmp(name, stem, length) != 0 || name[length] != '_' || !name[length + 1] ||
        begins_with_number(name + length + 1))
        return NULL;
    return name + length + 1;
}

static enum sm_status fail_other_pictures(const char *path, const char *picture, const json_t *json,
                                          struct sm_err *err)
{
    size_t length;
    const char *stem = stem_of(picture, &length);
    return sm_fail(err, SM_USAGE,
                   "%s: none of its %zu objects is of the picture %s: SAM-Med2D's prompts go by the names of masks, "
                   "here \"%.*s_LABEL_000.png\" (a label that begins with a number and _ is taken for another slice's), but the "
                   "first is called \"%.100s\"",
                   path, json_object_size(json), picture, (int)length, stem,
                   json_object_iter_key(json_object_iter((json_t *)json)));
}

/* ---- the file ---- */

struct file {
    const char *path, *picture;
    struct numbers *numbers; /* (3) */
    size_t taken;
};

static enum sm_status add_object(struct sm_prompts *prompts, struct file *file, const char *key,
                                 const json_t *value, struct sm_err *err)
{
    struct sm_object *object;
    size_t length = strlen(key);
    bool png = length > 4 && strcmp(key + length - 4, ".png") == 0;
    char *name = strndup(key, png ? length - 4 : length);
    if (!name)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    const char *own = file->picture ? after_picture(name, file->picture) : name;
    enum sm_status status = own ? sm_prompts_object(prompts, own, &object, err) : SM_OK;
    free(name);
    if (status)
        return sm_fail_context(err, "%s", file->path);
    if (!own)
        return SM_OK;
    file->taken++;
    return read_mask_prompts(object, value, file->numbers, file->path, err);
}

enum sm_status prompts_from_fixed(struct sm_prompts *prompts, const json_t *json, const char *path,
                                  const char *picture, struct sm_err *err)
{
    struct file file = {path, picture, malloc(3 * sizeof *file.numbers), 0};
    enum sm_status status = file.numbers ? SM_OK : sm_fail(err, SM_MEMORY, "out of memory for prompts");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)json, key, value) {
        if (status)
            break;
        status = add_object(prompts, &file, key, value, err);
    }
    if (!status && picture && !file.taken)
        status = fail_other_pictures(path, picture, json, err);
    free(file.numbers);
    return status;
}
