/* 3D Slicer markups: fiducials as points, boxes of type ROI as boxes. Source: Slicer's
 * markups-schema-v1.0.3.json. The markup's name, else the file's, is the object. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "pipeline/prompts_internal.h"

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

static enum sm_status read_system(const json_t *markup, enum sm_space *space, const char *path,
                                  struct sm_err *err)
{
    const json_t *given = json_object_get(markup, "coordinateSystem");
    const char *name = given ? text_of(markup, "coordinateSystem") : "LPS";
    if (strcmp(name, "LPS") == 0 || strcmp(name, "RAS") == 0) {
        *space = name[0] == 'L' ? SM_SPACE_LPS : SM_SPACE_RAS;
        return SM_OK;
    }
    return sm_fail(err, SM_UNSUPPORTED, "%s: coordinateSystem \"%.20s\" is neither LPS nor RAS", path,
                   name);
}

static enum sm_status read_unit(const json_t *markup, double *mm, const char *path, struct sm_err *err)
{
    static const struct {
        const char *name;
        double mm;
    } units[] = {{"mm", 1}, {"cm", 10}, {"m", 1000}, {"um", 0.001}};
    const json_t *given = json_object_get(markup, "coordinateUnits");
    const char *name = given ? text_of(markup, "coordinateUnits") : "mm";
    for (size_t u = 0; u < sizeof units / sizeof *units; u++)
        if (strcmp(units[u].name, name) == 0) {
            *mm = units[u].mm;
            return SM_OK;
        }
    return sm_fail(err, SM_UNSUPPORTED, "%s: coordinateUnits \"%.20s\" is none of mm, cm, m, um", path,
                   name);
}

/* Slicer has no negative points; a label or description that says so makes one. */
static bool says_outside(const json_t *point)
{
    static const char *const words[] = {"exclude", "negative", "background"};
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        if (strncasecmp(text_of(point, "label"), words[w], strlen(words[w])) == 0 ||
            strncasecmp(text_of(point, "description"), words[w], strlen(words[w])) == 0)
            return true;
    return false;
}

static enum sm_status read_fiducials(struct sm_object *object, const json_t *markup,
                                     enum sm_space space, double mm, const char *path,
                                     struct sm_err *err)
{
    const json_t *points = json_object_get(markup, "controlPoints");
    if (!json_is_array(points))
        return sm_fail(err, SM_CORRUPT, "%s: a Fiducial markup has no list \"controlPoints\"", path);
    for (size_t n = 0; n < json_array_size(points); n++) {
        const json_t *json = json_array_get(points, n);
        const json_t *state = json_object_get(json, "positionStatus");
        struct sm_point point = {.space = space, .positive = !says_outside(json)};
        if (state && strcmp(text_of(json, "positionStatus"), "defined") != 0)
            continue; /* placed nowhere yet */
        enum sm_status status = json_numbers(json_object_get(json, "position"), point.position, 3,
                                             path, "a control point's \"position\"", err);
        for (int a = 0; a < 3; a++)
            point.position[a] *= mm;
        if (!status)
            status = prompts_append_point(object, &point, err);
        if (status)
            return status;
    }
    return SM_OK;
}

/* The columns of orientation (rows one after the other) are the box's own axes. */
static enum sm_status read_frame(const json_t *markup, double frame[3][3], const char *path,
                                 struct sm_err *err)
{
    double numbers[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    const json_t *orientation = json_object_get(markup, "orientation");
    if (orientation) {
        enum sm_status status =
            json_numbers(orientation, numbers, 9, path, "an ROI's \"orientation\"", err);
        if (status)
            return status;
    }
    memcpy(frame, numbers, sizeof numbers);
    for (int a = 0; a < 3; a++)
        for (int b = a; b < 3; b++) {
            double dot = frame[0][a] * frame[0][b] + frame[1][a] * frame[1][b] +
                         frame[2][a] * frame[2][b];
            if (fabs(dot - (a == b)) > 1e-3)
                return sm_fail(err, SM_CORRUPT, "%s: an ROI's \"orientation\" is not a rotation", path);
        }
    return SM_OK;
}

static enum sm_status read_roi(struct sm_object *object, const json_t *markup, enum sm_space space,
                               double mm, const char *path, struct sm_err *err)
{
    struct sm_box box = {.space = space};
    double center[3], size[3];
    if (json_is_true(json_object_get(markup, "insideOut")))
        return sm_fail(err, SM_UNSUPPORTED, "%s: an ROI turned inside out cannot be a box", path);
    enum sm_status status =
        json_numbers(json_object_get(markup, "center"), center, 3, path, "an ROI's \"center\"", err);
    if (!status)
        status = json_numbers(json_object_get(markup, "size"), size, 3, path, "an ROI's \"size\"", err);
    if (!status)
        status = read_frame(markup, box.frame, path, err);
    if (status)
        return status;
    for (int a = 0; a < 3; a++) {
        double middle = box.frame[0][a] * center[0] + box.frame[1][a] * center[1] +
                        box.frame[2][a] * center[2];
        box.corner[0][a] = (middle - fabs(size[a]) / 2) * mm;
        box.corner[1][a] = (middle + fabs(size[a]) / 2) * mm;
    }
    return prompts_append_box(object, &box, err);
}

/* The markup's name, else the file's without directory and suffixes. */
static enum sm_status find_object(struct sm_prompts *prompts, const json_t *markup, const char *path,
                                  struct sm_object **object, struct sm_err *err)
{
    const char *name = text_of(markup, "name"), *slash = strrchr(path, '/');
    if (*name)
        return sm_prompts_object(prompts, name, object, err);
    const char *base = slash ? slash + 1 : path, *dot = strstr(base, ".mrk.json");
    if (!dot)
        dot = strrchr(base, '.');
    char *stem = dot ? strndup(base, (size_t)(dot - base)) : strdup(base);
    if (!stem)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    enum sm_status status = sm_prompts_object(prompts, stem, object, err);
    free(stem);
    return status;
}

static enum sm_status read_markup(struct sm_prompts *prompts, const json_t *markup, const char *path,
                                  struct sm_err *err)
{
    struct sm_object *object;
    enum sm_space space = SM_SPACE_LPS;
    double mm = 1;
    const char *type = text_of(markup, "type");
    bool roi = strcmp(type, "ROI") == 0;
    if (!roi && strcmp(type, "Fiducial") != 0)
        return sm_fail(err, SM_UNSUPPORTED, "%s: a markup of type \"%.40s\"; Fiducial and ROI are read",
                       path, type);
    enum sm_status status = read_system(markup, &space, path, err);
    if (!status)
        status = read_unit(markup, &mm, path, err);
    if (status)
        return status;
    if (find_object(prompts, markup, path, &object, err))
        return sm_fail_context(err, "%s", path);
    return roi ? read_roi(object, markup, space, mm, path, err)
               : read_fiducials(object, markup, space, mm, path, err);
}

enum sm_status prompts_from_slicer(struct sm_prompts *prompts, const json_t *json, const char *path,
                                   struct sm_err *err)
{
    const json_t *markups = json_object_get(json, "markups");
    enum sm_status status = SM_OK;
    if (!json_is_array(markups) || json_array_size(markups) == 0)
        return sm_fail(err, SM_CORRUPT, "%s: \"markups\" should be a list with a markup in it", path);
    for (size_t n = 0; !status && n < json_array_size(markups); n++)
        status = read_markup(prompts, json_array_get(markups, n), path, err);
    return status;
}
