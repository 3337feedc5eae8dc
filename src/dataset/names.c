/* What label values are called. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "dataset/dataset_internal.h"

enum { MOST_VALUE = 65535 };

static bool is_no_object(const char *name)
{
    return strcasecmp(name, "background") == 0 || strcasecmp(name, "ignore") == 0;
}

void names_free(struct names *names)
{
    for (size_t n = 0; n < names->count; n++)
        free(names->list[n].values);
    free(names->list);
    *names = (struct names){0};
}

static enum sm_status add(struct sm_dataset *dataset, struct names *names, const char *name,
                          const uint16_t *values, size_t count, struct sm_err *err)
{
    struct named *grown = realloc(names->list, (names->count + 1) * sizeof *grown);
    if (grown)
        names->list = grown;
    uint16_t *copy = grown ? malloc(count * sizeof *copy + 1) : NULL;
    const char *text = copy ? dataset_text(dataset, "%s", name) : NULL;
    if (!text) {
        free(copy);
        return sm_fail(err, SM_MEMORY, "out of memory for label names");
    }
    memcpy(copy, values, count * sizeof *copy);
    names->list[names->count++] = (struct named){text, copy, count};
    names->regions |= count > 1;
    return SM_OK;
}

/* A label value as a number or, in quotes, as a key. -1: it is none. */
static long value_of(const json_t *json)
{
    const char *text = json_string_value(json);
    char *end;
    double real = json_number_value(json);
    if (text) {
        real = (double)strtol(text, &end, 10);
        if (end == text || *end)
            return -1;
    } else if (!json_is_number(json)) {
        return -1;
    }
    return real >= 0 && real <= MOST_VALUE && real == (double)(long)real ? (long)real : -1;
}

static enum sm_status fail_value(const char *path, const char *name, struct sm_err *err)
{
    return sm_fail(err, SM_CORRUPT, "%s: \"labels\" should give \"%.80s\" a whole number from 0 to %d, or a list "
                   "of them", path, name, MOST_VALUE);
}

/* "liver": 1, or "whole tumour": [1, 2, 3] */
static enum sm_status add_by_name(struct sm_dataset *dataset, struct names *names, const char *name,
                                  const json_t *json, const char *path, struct sm_err *err)
{
    size_t count = json_is_array(json) ? json_array_size(json) : 1;
    uint16_t *values = count && count <= MOST_VALUE ? malloc(count * sizeof *values) : NULL;
    enum sm_status status = values ? SM_OK : fail_value(path, name, err);
    for (size_t v = 0; !status && v < count; v++) {
        long value = value_of(json_is_array(json) ? json_array_get(json, v) : json);
        if (value < 0)
            status = fail_value(path, name, err);
        else
            values[v] = (uint16_t)value;
    }
    if (!status && !is_no_object(name) && !(count == 1 && values[0] == 0))
        status = add(dataset, names, name, values, count, err);
    free(values);
    return status;
}

/* "1": "liver"; a name that says it is no object is kept, so that the value goes. */
static enum sm_status add_by_value(struct sm_dataset *dataset, struct names *names, const json_t *key,
                                   const json_t *name, const char *path, struct sm_err *err)
{
    long value = value_of(key);
    if (value < 0 || !json_is_string(name) || !*json_string_value(name))
        return sm_fail(err, SM_CORRUPT, "%s: \"labels\" should give each value from 0 to %d a name, or each name a "
                       "value", path, MOST_VALUE);
    uint16_t small = (uint16_t)value;
    return small ? add(dataset, names, json_string_value(name), &small, 1, err) : SM_OK;
}

static enum sm_status from_list(struct sm_dataset *dataset, struct names *names, const json_t *list,
                                const char *path, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    for (size_t n = 0; !status && n < json_array_size(list); n++) {
        json_t *item = json_array_get(list, n), *number = json_integer((json_int_t)n);
        bool plain = !json_is_object(item);
        status = add_by_value(dataset, names, plain ? number : json_object_get(item, "id"),
                              plain ? item : json_object_get(item, "name"), path, err);
        json_decref(number);
    }
    return status;
}

enum sm_status names_from_json(struct sm_dataset *dataset, struct names *names, const json_t *json,
                               const char *path, struct sm_err *err)
{
    const char *key;
    json_t *value;
    enum sm_status status = SM_OK;
    if (json_is_array(json))
        return from_list(dataset, names, json, path, err);
    if (!json_is_object(json))
        return sm_fail(err, SM_CORRUPT, "%s: \"labels\" should be an object that gives each label value a name",
                       path);
    json_object_foreach((json_t *)json, key, value) {
        json_t *text = json_string(key);
        bool by_value = json_is_string(value) && value_of(text) >= 0;
        status = by_value ? add_by_value(dataset, names, text, value, path, err)
                          : add_by_name(dataset, names, key, value, path, err);
        json_decref(text);
        if (status)
            break;
    }
    return status;
}

/* ---- applying them ---- */

static const struct named *find(const struct names *names, uint16_t value)
{
    for (size_t n = 0; n < names->count; n++)
        if (names->list[n].count == 1 && names->list[n].values[0] == value)
            return &names->list[n];
    return NULL;
}

static enum sm_status rename_label(struct sm_label *label, const char *name, struct sm_err *err)
{
    char *copy = strdup(name);
    if (!copy)
        return sm_fail(err, SM_MEMORY, "out of memory for label names");
    free(label->name);
    label->name = copy;
    return SM_OK;
}

static enum sm_status apply_values(const struct names *names, struct sm_label_set *set, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    size_t kept = 0;
    for (size_t n = 0; n < set->count; n++) {
        struct sm_label label = set->labels[n];
        const struct named *named = find(names, (uint16_t)label.id);
        if (!status && named)
            status = rename_label(&label, named->name, err);
        if (is_no_object(label.name))
            free(label.name);
        else
            set->labels[kept++] = label;
    }
    set->count = kept;
    return status;
}

/* 1 where the map has a value of the region; how many such voxels there are. */
static size_t fill_region(struct sm_labels *region, const struct sm_labels *map, const struct named *named,
                          bool *inside)
{
    size_t voxels = sm_grid_voxels(&map->grid), count = 0;
    memset(inside, 0, (MOST_VALUE + 1) * sizeof *inside);
    for (size_t v = 0; v < named->count; v++)
        inside[named->values[v]] = true;
    inside[0] = false;
    for (size_t v = 0; v < voxels; v++)
        if (inside[map->voxels[v]]) {
            region->voxels[v] = 1;
            count++;
        }
    return count;
}

/* nnU-Net's regions may overlap, so each gets a map of its own. */
static enum sm_status apply_regions(const struct names *names, struct sm_label_set *set, struct sm_err *err)
{
    struct sm_label_set made = {.maps = calloc(names->count, sizeof *made.maps),
                                .labels = calloc(names->count, sizeof *made.labels)};
    bool *inside = malloc((MOST_VALUE + 1) * sizeof *inside);
    enum sm_status status = made.maps && made.labels && inside ? SM_OK : sm_fail(err, SM_MEMORY, "out of memory for regions");
    for (size_t n = 0; !status && n < names->count; n++) {
        struct sm_labels *map = &made.maps[made.map_count];
        struct sm_label *label = &made.labels[made.count];
        status = sm_labels_alloc(map, &set->maps->grid, err);
        if (!status && fill_region(map, set->maps, &names->list[n], inside)) {
            *label = (struct sm_label){.id = (int)n + 1, .map = map, .value = 1};
            made.map_count++;
            made.count++;
            status = rename_label(label, names->list[n].name, err);
        } else if (!status) {
            sm_labels_free(map);
        }
    }
    free(inside);
    if (status) {
        sm_label_set_free(&made);
        return status;
    }
    sm_label_set_free(set);
    *set = made;
    return SM_OK;
}

enum sm_status names_apply(const struct names *names, struct sm_label_set *set, struct sm_err *err)
{
    return names->regions && set->map_count == 1 ? apply_regions(names, set, err) : apply_values(names, set, err);
}
