/* Label maps as sets of objects, and their names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/json.h"
#include "base/suffix.h"
#include "input/input_internal.h"
#include "sammed2d/nifti.h"
#include "sammed2d/picture.h"

enum { VALUES = 65536 };

void sm_label_set_free(struct sm_label_set *set)
{
    for (size_t n = 0; n < set->count; n++)
        free(set->labels[n].name);
    for (size_t m = 0; m < set->map_count; m++)
        sm_labels_free(&set->maps[m]);
    free(set->labels);
    free(set->maps);
    free(set->slice_origin_lps);
    *set = (struct sm_label_set){0};
}

enum sm_status label_set_add(struct sm_label_set *set, int id, const char *name,
                             const struct sm_labels *map, uint16_t value, struct sm_err *err)
{
    char plain[32];
    snprintf(plain, sizeof plain, "label %d", id);
    struct sm_label *grown = realloc(set->labels, (set->count + 1) * sizeof *grown);
    if (grown)
        set->labels = grown;
    char *copy = grown ? strdup(name ? name : plain) : NULL;
    if (!copy)
        return sm_fail(err, SM_MEMORY, "out of memory for labels");
    set->labels[set->count++] = (struct sm_label){.id = id, .name = copy, .named = name, .map = map, .value = value};
    return SM_OK;
}

/* ---- names ---- */

/* The .json that sammed2d writes beside a label map, or NULL: names are a kindness, not a need. */
static json_t *read_sidecar(const char *path, const struct sm_listener *listener)
{
    struct sm_err err;
    static const char *const suffixes[] = {".nii.gz", ".nii", ".png", ".hdr.gz", ".hdr"};
    json_t *json = NULL;
    for (size_t s = 0; s < sizeof suffixes / sizeof *suffixes; s++) {
        const char *suffix = suffix_of(path, suffixes[s]);
        char *name;
        if (!suffix)
            continue;
        if (asprintf(&name, "%.*s.json", (int)(suffix - path), path) < 0)
            return NULL;
        if (access(name, R_OK) == 0 && json_read(&json, name, &err)) {
            sm_warn(listener, "%s: names nothing: %s", path, err.message);
            json = NULL;
        }
        free(name);
        return json;
    }
    return NULL;
}

/* "labels": [{"id": 1, "name": "liver"}] as sammed2d writes it, or {"1": "liver"} as others do, also without "labels".
 */
static const char *name_of(const json_t *sidecar, int value)
{
    const json_t *labels = json_object_get(sidecar, "labels");
    char key[16];
    if (!labels)
        labels = sidecar;
    for (size_t n = 0; n < json_array_size(labels); n++) {
        const json_t *label = json_array_get(labels, n);
        if (json_integer_value(json_object_get(label, "id")) == value)
            return json_string_value(json_object_get(label, "name"));
    }
    snprintf(key, sizeof key, "%d", value);
    return json_string_value(json_object_get(labels, key));
}

/* ---- maps ---- */

static enum sm_status read_png(struct sm_labels *labels, const char *path, const struct sm_listener *listener,
                               struct sm_err *err)
{
    (void)listener;
    return sm_png_read_labels(labels, path, err);
}

/* Every value of the one map becomes a label. */
static enum sm_status list_values(struct sm_label_set *set, const char *path, const struct sm_listener *listener,
                                  struct sm_err *err)
{
    const struct sm_labels *map = set->maps;
    size_t voxels = sm_grid_voxels(&map->grid);
    enum sm_status status = SM_OK;
    bool *present = calloc(VALUES, sizeof *present);
    if (!present)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    for (size_t v = 0; v < voxels; v++)
        present[map->voxels[v]] = true;
    json_t *sidecar = read_sidecar(path, listener);
    bool named = false;
    for (int value = 1; !status && value < VALUES; value++) {
        const char *name = present[value] ? name_of(sidecar, value) : NULL;
        named |= name != NULL;
        if (present[value])
            status = label_set_add(set, value, name, map, (uint16_t)value, err);
    }
    if (set->count && !named && json_object_get(sidecar, "labels"))
        sm_warn(listener,
                "%s: the \"labels\" of the .json beside it name none of its values; expected is "
                "[{\"id\": 1, \"name\": \"liver\"}, ...] or {\"1\": \"liver\", ...}",
                path);
    json_decref(sidecar);
    free(present);
    return status;
}

static enum sm_status read_map(struct sm_label_set *set, const char *path,
                               enum sm_status (*read)(struct sm_labels *, const char *,
                                                      const struct sm_listener *, struct sm_err *),
                               const struct sm_listener *listener, struct sm_err *err)
{
    set->maps = calloc(1, sizeof *set->maps);
    if (!set->maps)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    set->map_count = 1;
    enum sm_status status = read(set->maps, path, listener, err);
    return status ? status : list_values(set, path, listener, err);
}

enum sm_status sm_label_set_read(struct sm_label_set *set, const char *path, const struct sm_volume *like,
                                 const struct sm_listener *listener, struct sm_err *err)
{
    *set = (struct sm_label_set){0};
    enum sm_status status = input_check(path, err);
    if (status)
        return status;
    enum sm_input_format format = sm_input_detect(path);
    switch (format) {
    case SM_INPUT_PNG: status = read_map(set, path, read_png, listener, err); break;
    case SM_INPUT_NIFTI: status = read_map(set, path, sm_nifti_read_labels, listener, err); break;
    default: status = label_set_read_dicom(set, path, like, listener, err);
    }
    if (status)
        sm_label_set_free(set);
    else
        set->format = format == SM_INPUT_UNKNOWN ? SM_INPUT_DICOM : format;
    return status;
}
