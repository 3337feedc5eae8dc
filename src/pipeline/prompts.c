/* Prompts as a growing list, and the texts of --box, --point and --exclude. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "pipeline/prompts_internal.h"

enum { MOST_OBJECTS = 65535, LONGEST_NAME = 200 };

static void free_object(struct sm_object *object)
{
    free(object->name);
    free(object->file);
    free(object->points);
    free(object->boxes);
    free(object->mask_path);
    if (object->mask)
        sm_labels_free(object->mask);
    free(object->mask);
}

void sm_prompts_free(struct sm_prompts *prompts)
{
    for (size_t o = 0; o < prompts->count; o++)
        free_object(&prompts->objects[o]);
    free(prompts->objects);
    *prompts = (struct sm_prompts){0};
}

static enum sm_status check_name(const char *name, struct sm_err *err)
{
    size_t length = strlen(name);
    if (length == 0)
        return sm_fail(err, SM_USAGE, "an object has an empty name; give it one");
    if (length > LONGEST_NAME)
        return sm_fail(err, SM_USAGE, "an object name of %zu bytes is too long; at most %d", length,
                       LONGEST_NAME);
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127)
            return sm_fail(err, SM_USAGE, "an object name has a control character in it");
    return SM_OK;
}

/* Grows when count is 0 or a power of two. */
static void *grown(void *array, size_t count, size_t size)
{
    if (count & (count - 1))
        return array;
    return realloc(array, (count ? 2 * count : 1) * size);
}

static void forget_file(struct sm_object *object)
{
    free(object->file);
    object->file = NULL;
}

enum sm_status sm_prompts_object(struct sm_prompts *prompts, const char *name,
                                 struct sm_object **object, struct sm_err *err)
{
    for (size_t o = 0; o < prompts->count; o++)
        if (strcmp(prompts->objects[o].name, name) == 0) {
            *object = &prompts->objects[o];
            if (!prompts->reading || ((*object)->file && strcmp((*object)->file, prompts->reading) != 0))
                forget_file(*object); /* from several places */
            return SM_OK;
        }
    enum sm_status status = check_name(name, err);
    if (status)
        return status;
    if (prompts->count >= MOST_OBJECTS)
        return sm_fail(err, SM_USAGE, "more than %d objects do not fit into a label map",
                       MOST_OBJECTS);
    void *objects = grown(prompts->objects, prompts->count, sizeof *prompts->objects);
    if (objects)
        prompts->objects = objects;
    char *copy = strdup(name), *file = prompts->reading ? strdup(prompts->reading) : NULL;
    if (!objects || !copy || (prompts->reading && !file)) {
        free(copy);
        free(file);
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    }
    *object = &prompts->objects[prompts->count++];
    **object = (struct sm_object){.name = copy, .file = file};
    return SM_OK;
}

enum sm_status prompts_append_point(struct sm_object *object, const struct sm_point *point,
                                    struct sm_err *err)
{
    void *points = grown(object->points, object->point_count, sizeof *object->points);
    if (!points)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    object->points = points;
    object->points[object->point_count++] = *point;
    return SM_OK;
}

enum sm_status prompts_append_box(struct sm_object *object, const struct sm_box *box,
                                  struct sm_err *err)
{
    void *boxes = grown(object->boxes, object->box_count, sizeof *object->boxes);
    if (!boxes)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    object->boxes = boxes;
    object->boxes[object->box_count++] = *box;
    return SM_OK;
}

struct sm_box prompts_plain_box(enum sm_space space, const double numbers[6])
{
    struct sm_box box = {.space = space, .frame = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    for (int a = 0; a < 3; a++) {
        box.corner[0][a] = fmin(numbers[a], numbers[3 + a]);
        box.corner[1][a] = fmax(numbers[a], numbers[3 + a]);
    }
    return box;
}

/* "n,n,n": exactly `count` finite numbers and nothing else. */
static bool parse_numbers(const char *text, double *numbers, int count)
{
    for (int n = 0; n < count; n++) {
        char *end;
        numbers[n] = strtod(text, &end);
        if (end == text || !isfinite(numbers[n]) || fabs(numbers[n]) > PROMPT_LIMIT)
            return false;
        if (*end != (n + 1 < count ? ',' : '\0'))
            return false;
        text = end + 1;
    }
    return true;
}

/* Splits at the last '=', so that a name may contain one. */
static enum sm_status parse_text(struct sm_prompts *prompts, const char *text, const char *form,
                                 double *numbers, int count, struct sm_object **object,
                                 struct sm_err *err)
{
    const char *equals = strrchr(text, '=');
    if (!equals || equals == text || !parse_numbers(equals + 1, numbers, count))
        return sm_fail(err, SM_USAGE, "\"%.200s\" is not of the form %s with %d numbers", text, form,
                       count);
    char *name = strndup(text, (size_t)(equals - text));
    if (!name)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    enum sm_status status = sm_prompts_object(prompts, name, object, err);
    free(name);
    return status;
}

enum sm_status sm_prompts_add_box(struct sm_prompts *prompts, const char *text, enum sm_space space,
                                  struct sm_err *err)
{
    double numbers[6];
    struct sm_object *object;
    enum sm_status status =
        parse_text(prompts, text, "NAME=i0,j0,k0,i1,j1,k1", numbers, 6, &object, err);
    if (status)
        return status;
    struct sm_box box = prompts_plain_box(space, numbers);
    return prompts_append_box(object, &box, err);
}

enum sm_status sm_prompts_add_point(struct sm_prompts *prompts, const char *text, bool positive,
                                    enum sm_space space, struct sm_err *err)
{
    struct sm_point point = {.space = space, .positive = positive};
    struct sm_object *object;
    enum sm_status status =
        parse_text(prompts, text, "NAME=i,j,k", point.position, 3, &object, err);
    return status ? status : prompts_append_point(object, &point, err);
}
