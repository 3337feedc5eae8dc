/* SA-Med2D: label2image_MODE.json gives each mask its image, image2label_MODE.json each image its masks.
 * Source: OpenGVLab/SAM-Med2D, DataLoader.py; names as in its data_demo and in SA-Med2D-20M. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "dataset/dataset_internal.h"

bool layout_sa_med2d_is(const char *name)
{
    size_t length = strlen(name);
    return (strncmp(name, "label2image_", 12) == 0 || strncmp(name, "image2label_", 12) == 0) && length > 17 &&
           strcmp(name + length - 5, ".json") == 0;
}

/* ---- where the files are ---- */

/* What worked for one path of a file works for the next. */
struct places {
    struct sm_dataset *dataset;
    const char *folder;
    int up, dropped; /* folders above `folder`; first parts of the path left out */
};
enum { HIGHEST = 8, MOST_DROPPED = 8 };

/* The path without its first `dropped` parts; NULL: it has not so many. */
static const char *without(const char *path, int dropped)
{
    while (dropped-- > 0) {
        path = strchr(path, '/');
        if (!path)
            return NULL;
        path++;
    }
    return *path ? path : NULL;
}

/* An absolute path starts as it is, with `up` -1. NULL: there is no such file. */
static char *place(const struct places *places, const char *path, int up, int dropped)
{
    const char *rest = without(path, dropped);
    char *joined = NULL;
    if (!rest || (up < 0 && *path != '/'))
        return NULL;
    if (up < 0)
        joined = strdup(path);
    else if (asprintf(&joined, "%s%.*s/%s", places->folder, 3 * up, "/../../../../../../../..", rest) < 0)
        joined = NULL;
    if (joined && !dataset_is_file(joined)) {
        free(joined);
        joined = NULL;
    }
    return joined;
}

/* Below the folder, whole and without first parts; then whole below the folders above. */
static char *look(struct places *places, const char *path)
{
    char *found = place(places, path, places->up, places->dropped);
    for (int try = -1; !found && try <= MOST_DROPPED + HIGHEST; try++) {
        int up = try < 0 ? -1 : try > MOST_DROPPED ? try - MOST_DROPPED : 0;
        int dropped = try >= 0 && try <= MOST_DROPPED ? try : 0;
        found = place(places, path, up, dropped);
        if (found) {
            places->up = up;
            places->dropped = dropped;
        }
    }
    return found;
}

/* NULL, and counted, when there is no such file. */
static const char *find(struct places *places, const char *path)
{
    char *found = dataset_path_is_tame(path) ? look(places, path) : NULL;
    const char *kept = found ? dataset_text(places->dataset, "%s", found) : NULL;
    if (!found)
        dataset_miss(places->dataset, path, places->folder);
    free(found);
    return kept;
}

/* ---- what the names say ---- */

static bool is_digits(const char *text, size_t length)
{
    for (size_t n = 0; n < length; n++)
        if (!isdigit((unsigned char)text[n]))
            return false;
    return length > 0;
}

/* The length of `name` without a last part "_12". */
static size_t without_number(const char *name, size_t length)
{
    size_t start = length;
    while (start > 0 && name[start - 1] != '_')
        start--;
    return start > 1 && is_digits(name + start, length - start) ? start - 1 : length;
}

static bool ends_in(const char *name, size_t length, const char *suffix)
{
    size_t tail = strlen(suffix);
    return length > tail && memcmp(name + length - tail, suffix, tail) == 0;
}

/* amos_0006_90 is a slice of amos_0006, amos_0006_coronal_90 another. */
static size_t subject_length(const char *stem)
{
    static const char *const planes[] = {"_axial", "_coronal", "_sagittal"};
    size_t length = without_number(stem, strlen(stem));
    if (length == strlen(stem))
        return length;
    for (int p = 0; p < 3; p++)
        if (ends_in(stem, length, planes[p]))
            return length - strlen(planes[p]);
    return length;
}

/* SA-Med2D-20M: ct_00--AMOS2022--amos_0004--x_0075. */
static void fill_about(struct sm_dataset *dataset, struct sm_case *about, const char *folder_name)
{
    const char *stem = about->name, *first = strstr(stem, "--"), *second = first ? strstr(first + 2, "--") : NULL;
    const char *third = second ? strstr(second + 2, "--") : NULL;
    about->dataset = folder_name;
    about->modality = dataset_modality_of_name(stem);
    if (!*about->modality)
        about->modality = dataset_modality_of_name(folder_name);
    if (third) {
        about->dataset = dataset_text(dataset, "%.*s", (int)(second - first - 2), first + 2);
        about->subject = dataset_text(dataset, "%.*s", (int)(third - first - 2), first + 2);
    } else {
        about->subject = dataset_text(dataset, "%.*s", (int)subject_length(stem), stem);
    }
}

/* amos_0006_90_liver_000 on image amos_0006_90: liver. */
static const char *object_name(struct sm_dataset *dataset, const char *mask, const char *image)
{
    const char *stem = dataset_stem(dataset, mask), *name = stem;
    size_t prefix = image ? strlen(image) : 0;
    if (!stem)
        return NULL;
    if (prefix && strncmp(stem, image, prefix) == 0)
        name += prefix;
    name += strspn(name, "_-");
    size_t length = without_number(name, strlen(name));
    return length ? dataset_text(dataset, "%.*s", (int)length, name) : stem;
}

/* ---- images with their masks ---- */

static const char *split_of(struct sm_dataset *dataset, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (!layout_sa_med2d_is(name))
        return "";
    return dataset_text(dataset, "%.*s", (int)(strlen(name) - 17), name + 12);
}

/* The masks that are there go into the entry; one without any is dropped. */
static void add_case(struct places *places, const char *image, const json_t *masks, const char *split,
                     const char *folder_name)
{
    struct sm_dataset *dataset = places->dataset;
    const char *found = find(places, image), *stem = dataset_stem(dataset, image);
    if (!found || !stem)
        return;
    struct sm_case about = {.name = stem, .image = found, .split = split, .picture = true};
    fill_about(dataset, &about, folder_name);
    struct entry *entry = dataset_add(dataset, &about, json_array_size(masks));
    if (!entry)
        return;
    size_t kept = 0;
    entry->kind = ENTRY_MASKS;
    for (size_t m = 0; m < json_array_size(masks); m++) {
        const char *path = json_string_value(json_array_get(masks, m));
        const char *file = find(places, path);
        if (!file)
            continue;
        entry->files[kept] = file;
        entry->objects[kept++] = object_name(dataset, path, stem);
    }
    entry->about.file_count = kept;
    if (kept == 0)
        dataset_drop(dataset);
}

static enum sm_status fail_form(const char *path, struct sm_err *err)
{
    return sm_fail(err, SM_CORRUPT, "%s: not SA-Med2D's: each key should be the path of a mask and its value that of "
                   "its image, or each key that of an image and its value a list of masks", path);
}

/* Gives the image one mask more; takes `mask` over. */
static bool append(json_t *images, const char *image, json_t *mask)
{
    json_t *masks = json_object_get(images, image);
    if (!masks && *image && json_object_set_new(images, image, json_array()) == 0)
        masks = json_object_get(images, image);
    if (masks)
        return json_array_append_new(masks, mask) == 0;
    json_decref(mask);
    return false;
}

static bool append_row(json_t *images, const char *key, json_t *value)
{
    bool good = json_is_string(value) ? append(images, json_string_value(value), json_string(key)) : json_is_array(value);
    for (size_t m = 0; good && m < json_array_size(value); m++) {
        json_t *mask = json_array_get(value, m);
        good = json_is_string(mask) && append(images, key, json_incref(mask));
    }
    return good;
}

/* {image: [masks]} of either form; NULL: neither. Free with json_decref. */
static json_t *by_image(const json_t *json)
{
    json_t *images = json_object(), *value;
    const char *key;
    bool good = images && json_object_size(json) > 0;
    json_object_foreach((json_t *)json, key, value) {
        good = good && append_row(images, key, value);
    }
    if (good)
        return images;
    json_decref(images);
    return NULL;
}

enum sm_status layout_sa_med2d(struct sm_dataset *dataset, const char *path, const json_t *json, struct sm_err *err)
{
    const char *folder = dataset_folder(dataset, path), *image;
    const char *folder_name = folder ? dataset_folder_name(dataset, folder) : NULL;
    json_t *images = by_image(json), *masks;
    struct places places = {.dataset = dataset, .folder = folder, .up = 0, .dropped = 0};
    if (!images)
        return fail_form(path, err);
    const char *split = split_of(dataset, path);
    json_object_foreach(images, image, masks) {
        if (folder_name && split)
            add_case(&places, image, masks, split, folder_name);
    }
    json_decref(images);
    return dataset->starved ? sm_fail(err, SM_MEMORY, "%s: out of memory", path) : SM_OK;
}
