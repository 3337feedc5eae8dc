/* Prompts files: which of the three forms it is, and our own. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "pipeline/prompts_internal.h"

enum sm_status json_numbers(const json_t *json, double *numbers, size_t count, const char *path,
                            const char *what, struct sm_err *err)
{
    if (!json_is_array(json) || json_array_size(json) != count)
        return sm_fail(err, SM_CORRUPT, "%s: %s should be a list of %zu numbers", path, what, count);
    for (size_t n = 0; n < count; n++) {
        const json_t *item = json_array_get(json, n);
        if (!json_is_number(item))
            return sm_fail(err, SM_CORRUPT, "%s: %s has something that is not a number", path, what);
        numbers[n] = json_number_value(item);
        if (!isfinite(numbers[n]) || fabs(numbers[n]) > PROMPT_LIMIT)
            return sm_fail(err, SM_CORRUPT, "%s: %s has %g, which is no position in a volume", path,
                           what, numbers[n]);
    }
    return SM_OK;
}

/* A misspelt key would be a prompt silently lost. Keys that start with '_' or '$' are the user's. */
static enum sm_status check_keys(const json_t *json, const char *const *known, const char *path,
                                 const char *what, struct sm_err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)json, key, value) {
        const char *const *k = known;
        while (*k && strcmp(*k, key) != 0)
            k++;
        if (*k || key[0] == '_' || key[0] == '$')
            continue;
        char list[200] = "";
        for (k = known; *k; k++)
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", *list ? ", " : "", *k);
        return sm_fail(err, SM_CORRUPT, "%s: %s has a key \"%.60s\"; known are %s", path, what, key,
                       list);
    }
    return SM_OK;
}

static enum sm_status read_space(const json_t *json, enum sm_space *space, const char *path,
                                 struct sm_err *err)
{
    static const char *const names[] = {"voxel", "lps", "ras"};
    const json_t *given = json_object_get(json, "space");
    if (!given)
        return SM_OK;
    for (int s = 0; s < 3; s++)
        if (json_is_string(given) && strcmp(json_string_value(given), names[s]) == 0) {
            *space = (enum sm_space)s;
            return SM_OK;
        }
    return sm_fail(err, SM_CORRUPT, "%s: \"space\" should be \"voxel\", \"lps\" or \"ras\"", path);
}

static enum sm_status check_list(const json_t *list, const char *key, const char *name,
                                 const char *path, struct sm_err *err)
{
    if (list && !json_is_array(list))
        return sm_fail(err, SM_CORRUPT, "%s: \"%s\" of \"%s\" should be a list of lists", path, key,
                       name);
    return SM_OK;
}

static enum sm_status read_boxes(struct sm_object *object, const json_t *list, enum sm_space space,
                                 const char *path, struct sm_err *err)
{
    enum sm_status status = check_list(list, "boxes", object->name, path, err);
    char what[280];
    snprintf(what, sizeof what, "a box of \"%s\" (i0,j0,k0,i1,j1,k1)", object->name);
    for (size_t n = 0; !status && n < json_array_size(list); n++) {
        double numbers[6];
        status = json_numbers(json_array_get(list, n), numbers, 6, path, what, err);
        if (status)
            break;
        struct sm_box box = prompts_plain_box(space, numbers);
        status = prompts_append_box(object, &box, err);
    }
    return status;
}

static enum sm_status read_points(struct sm_object *object, const json_t *list, enum sm_space space,
                                  const char *path, struct sm_err *err)
{
    enum sm_status status = check_list(list, "points", object->name, path, err);
    char what[280];
    snprintf(what, sizeof what, "a point of \"%s\" (i,j,k and 1 inside, 0 outside)", object->name);
    for (size_t n = 0; !status && n < json_array_size(list); n++) {
        double numbers[4];
        status = json_numbers(json_array_get(list, n), numbers, 4, path, what, err);
        if (!status && numbers[3] != 0 && numbers[3] != 1)
            status = sm_fail(err, SM_CORRUPT, "%s: %s ends in %g instead of 1 or 0", path, what,
                             numbers[3]);
        if (status)
            break;
        struct sm_point point = {.space = space, .positive = numbers[3] == 1};
        memcpy(point.position, numbers, sizeof point.position);
        status = prompts_append_point(object, &point, err);
    }
    return status;
}

/* As written when absolute, else beside the prompts file. */
static char *beside(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    char *joined = NULL;
    if (name[0] == '/' || !slash)
        return strdup(name);
    return asprintf(&joined, "%.*s%s", (int)(slash + 1 - path), path, name) < 0 ? NULL : joined;
}

static enum sm_status read_label(const json_t *json, const char *key, int *value, const char *name,
                                 const char *path, struct sm_err *err)
{
    const json_t *given = json_object_get(json, key);
    if (!given)
        return SM_OK;
    json_int_t number = json_integer_value(given);
    if (!json_is_integer(given) || number < 1 || number > 65535)
        return sm_fail(err, SM_CORRUPT, "%s: \"%s\" of \"%s\" should be a whole number from 1 to 65535",
                       path, key, name);
    if (*value && *value != number)
        return sm_fail(err, SM_USAGE, "%s: \"%s\" is given two %ss, %d and %d", path, name, key, *value,
                       (int)number);
    *value = (int)number;
    return SM_OK;
}

static enum sm_status read_mask(struct sm_object *object, const json_t *json, const char *path,
                                struct sm_err *err)
{
    const json_t *mask = json_object_get(json, "mask");
    if (!mask && json_object_get(json, "mask_label"))
        return sm_fail(err, SM_CORRUPT, "%s: \"mask_label\" of \"%s\" chooses a label of \"mask\", which is not given",
                       path, object->name);
    if (!mask)
        return SM_OK;
    if (!json_is_string(mask) || !*json_string_value(mask))
        return sm_fail(err, SM_CORRUPT, "%s: \"mask\" of \"%s\" should be a file name", path,
                       object->name);
    if (object->mask_path)
        return sm_fail(err, SM_USAGE, "%s: \"%s\" is given two masks", path, object->name);
    object->mask_path = beside(path, json_string_value(mask));
    if (!object->mask_path)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    return read_label(json, "mask_label", &object->mask_value, object->name, path, err);
}

static enum sm_status read_object(struct sm_prompts *prompts, const json_t *json, enum sm_space space,
                                  const char *path, struct sm_err *err)
{
    static const char *const keys[] = {"name", "id", "boxes", "points", "mask", "mask_label",
                                       "space", NULL};
    const json_t *name = json_object_get(json, "name");
    struct sm_object *object;
    if (!json_is_object(json) || !json_is_string(name))
        return sm_fail(err, SM_CORRUPT, "%s: each of \"objects\" should be an object with a \"name\"",
                       path);
    enum sm_status status = sm_prompts_object(prompts, json_string_value(name), &object, err);
    if (status)
        return sm_fail_context(err, "%s", path);
    status = check_keys(json, keys, path, object->name, err);
    if (!status)
        status = read_space(json, &space, path, err);
    if (!status)
        status = read_label(json, "id", &object->id, object->name, path, err);
    if (!status)
        status = read_boxes(object, json_object_get(json, "boxes"), space, path, err);
    if (!status)
        status = read_points(object, json_object_get(json, "points"), space, path, err);
    if (!status)
        status = read_mask(object, json, path, err);
    return status;
}

enum sm_status prompts_from_own(struct sm_prompts *prompts, const json_t *json, const char *path,
                                struct sm_err *err)
{
    static const char *const keys[] = {"space", "objects", "comment", "description", NULL};
    enum sm_space space = SM_SPACE_VOXEL;
    const json_t *objects = json_object_get(json, "objects");
    enum sm_status status = check_keys(json, keys, path, "the file", err);
    if (!status)
        status = read_space(json, &space, path, err);
    if (!status && !json_is_array(objects))
        status = sm_fail(err, SM_CORRUPT, "%s: \"objects\" should be a list", path);
    for (size_t n = 0; !status && n < json_array_size(objects); n++)
        status = read_object(prompts, json_array_get(objects, n), space, path, err);
    return status;
}

/* SAM-Med2D's: keys are mask file names, values have boxes or points. */
static bool looks_fixed(const json_t *json)
{
    const char *key;
    json_t *value;
    bool any = false;
    json_object_foreach((json_t *)json, key, value) {
        if (!json_object_get(value, "boxes") && !json_object_get(value, "point_coords"))
            return false;
        any = true;
    }
    return any;
}

enum sm_status prompts_from_json(struct sm_prompts *prompts, const json_t *json, const char *path,
                                 const char *picture, struct sm_err *err)
{
    if (json_object_get(json, "markups"))
        return prompts_from_slicer(prompts, json, path, err);
    if (json_object_get(json, "objects"))
        return prompts_from_own(prompts, json, path, err);
    if (looks_fixed(json))
        return prompts_from_fixed(prompts, json, path, picture, err);
    return sm_fail(err, SM_CORRUPT,
                   "%s: no prompts: neither \"objects\" (sammed2d), nor \"markups\" (3D Slicer), nor "
                   "\"boxes\" under mask file names (SAM-Med2D); see man 5 sammed2d-prompts", path);
}

enum sm_status sm_prompts_read(struct sm_prompts *prompts, const char *path, const char *picture,
                               struct sm_err *err)
{
    json_t *json;
    enum sm_status status = json_read(&json, path, err);
    if (status)
        return status;
    prompts->reading = path;
    status = prompts_from_json(prompts, json, path, picture, err);
    prompts->reading = NULL;
    json_decref(json);
    return status;
}
