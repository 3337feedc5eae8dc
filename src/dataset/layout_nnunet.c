/* dataset.json of the Medical Segmentation Decathlon and of nnU-Net, version 1 and 2.
 * Source: MIC-DKFZ/nnUNet, documentation/dataset_format.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dataset/dataset_internal.h"

struct reading {
    struct sm_dataset *dataset;
    const char *path, *folder, *name;
    struct source *source;
    const char *ending; /* of images; NULL: not said */
    bool any;           /* a label file was there */
};

/* ---- images ---- */

/* CASE.nii.gz, or with `separate` CASE_0000.nii.gz, whose other channels are files beside it. */
static const char *find_image(const struct reading *r, const char *relative, bool *separate)
{
    const char *suffix = dataset_suffix(relative);
    const char *plain = dataset_text(r->dataset, "%s/%s", r->folder, relative);
    const char *first = dataset_text(r->dataset, "%s/%.*s_0000%s", r->folder, (int)(suffix - relative), relative, suffix);
    *separate = false;
    if (!plain || !first)
        return NULL;
    size_t stem = (size_t)(suffix - relative);
    if (dataset_is_file(plain)) {
        *separate = stem > 5 && memcmp(suffix - 5, "_0000", 5) == 0;
        return plain;
    }
    *separate = true;
    return dataset_is_file(first) ? first : NULL;
}

static const char *case_name(const struct reading *r, const char *label)
{
    return dataset_stem(r->dataset, label);
}

static void add_case(struct reading *r, const char *image, const char *label, const char *split)
{
    bool separate = false;
    const char *found = NULL, *map = dataset_text(r->dataset, "%s/%s", r->folder, label);
    if (dataset_path_is_tame(image) && dataset_path_is_tame(label) && *image != '/' && *label != '/')
        found = find_image(r, image, &separate);
    if (!found || !map || !dataset_is_file(map)) {
        dataset_miss(r->dataset, found ? label : image, r->folder);
        return;
    }
    size_t length = strlen(found);
    struct sm_case about = {.name = case_name(r, label), .dataset = r->name, .image = found, .split = split,
                            .modality = r->source->modality[0],
                            .picture = length > 4 && strcmp(found + length - 4, ".png") == 0};
    struct entry *entry = dataset_add(r->dataset, &about, 1);
    if (!entry)
        return;
    entry->files[0] = map;
    entry->source = r->source;
    entry->separate = separate;
    r->any = true;
}

/* ---- the lists ---- */

static enum sm_status fail_training(const struct reading *r, struct sm_err *err)
{
    return sm_fail(err, SM_CORRUPT, "%s: \"training\" should be a list of {\"image\": FILE, \"label\": FILE}", r->path);
}

/* "./imagesTr/a.nii.gz" */
static const char *plain_path(const char *path)
{
    while (path && path[0] == '.' && path[1] == '/')
        path += 2;
    return path;
}

static enum sm_status from_training(struct reading *r, const json_t *list, struct sm_err *err)
{
    if (!json_is_array(list))
        return fail_training(r, err);
    for (size_t n = 0; n < json_array_size(list); n++) {
        const json_t *item = json_array_get(list, n);
        const char *image = plain_path(json_string_value(json_object_get(item, "image")));
        const char *label = plain_path(json_string_value(json_object_get(item, "label")));
        if (!image || !label)
            return fail_training(r, err);
        add_case(r, image, label, "train");
    }
    return SM_OK;
}

/* Version 2's {"dataset": {CASE: {"images": [...], "label": FILE}}}. */
static enum sm_status from_dataset(struct reading *r, const json_t *list, struct sm_err *err)
{
    const char *name;
    json_t *item;
    if (!json_is_object(list))
        return sm_fail(err, SM_CORRUPT, "%s: \"dataset\" should be an object of cases", r->path);
    json_object_foreach((json_t *)list, name, item) {
        const char *image = plain_path(json_string_value(json_array_get(json_object_get(item, "images"), 0)));
        const char *label = plain_path(json_string_value(json_object_get(item, "label")));
        if (!image || !label)
            return sm_fail(err, SM_CORRUPT, "%s: case \"%.200s\" should have \"images\" and a \"label\"", r->path, name);
        add_case(r, image, label, "train");
    }
    return SM_OK;
}

/* Every file of labelsTr with its image in imagesTr. */
static enum sm_status from_folder(struct reading *r, const char *images, const char *labels, const char *split,
                                  struct sm_err *err)
{
    const char *folder = dataset_text(r->dataset, "%s/%s", r->folder, labels);
    char **files;
    size_t count;
    if (!folder || !dataset_is_folder(folder))
        return SM_OK;
    enum sm_status status = dataset_list(&files, &count, folder, err);
    for (size_t n = 0; !status && n < count; n++) {
        if (!dataset_is_image_name(files[n]))
            continue;
        const char *label = dataset_text(r->dataset, "%s/%s", labels, files[n]);
        const char *suffix = r->ending ? r->ending : dataset_suffix(files[n]);
        const char *image = dataset_text(r->dataset, "%s/%.*s%s", images, (int)(dataset_suffix(files[n]) - files[n]),
                                         files[n], suffix);
        if (image && label)
            add_case(r, image, label, split);
    }
    if (!status)
        dataset_list_free(files, count);
    return status;
}

/* ---- the whole file ---- */

/* {"0": "MRI"} */
static void read_modalities(struct reading *r, const json_t *json)
{
    char key[24];
    for (int channel = 0; channel < CHANNELS; channel++) {
        snprintf(key, sizeof key, "%d", channel);
        const char *word = json_string_value(json_object_get(json, key));
        r->source->modality[channel] = word ? dataset_modality_of_word(word) : NULL;
    }
}

static enum sm_status read_cases(struct reading *r, const json_t *json, struct sm_err *err)
{
    const json_t *training = json_object_get(json, "training"), *dataset = json_object_get(json, "dataset");
    enum sm_status status = SM_OK;
    if (dataset)
        status = from_dataset(r, dataset, err);
    else if (json_array_size(training) > 0 || (training && !json_is_array(training)))
        status = from_training(r, training, err);
    else
        status = from_folder(r, "imagesTr", "labelsTr", "train", err);
    return status ? status : from_folder(r, "imagesTs", "labelsTs", "test", err);
}

enum sm_status layout_nnunet(struct sm_dataset *dataset, const char *path, const json_t *json, struct sm_err *err)
{
    const char *folder = dataset_folder(dataset, path), *name = json_string_value(json_object_get(json, "name"));
    size_t first = dataset->count;
    struct reading r = {.dataset = dataset, .path = path, .folder = folder, .source = dataset_source(dataset)};
    r.name = name && *name ? dataset_text(dataset, "%s", name) : folder ? dataset_folder_name(dataset, folder) : NULL;
    r.ending = json_string_value(json_object_get(json, "file_ending"));
    if (!r.source || !folder || !r.name)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    if (!json_is_object(json) || !json_object_get(json, "labels"))
        return sm_fail(err, SM_CORRUPT, "%s: should be an object with \"labels\" and, as MSD's, \"training\"", path);
    enum sm_status status = names_from_json(dataset, &r.source->names, json_object_get(json, "labels"), path, err);
    const json_t *channels = json_object_get(json, "channel_names");
    read_modalities(&r, channels ? channels : json_object_get(json, "modality"));
    if (!status)
        status = read_cases(&r, json, err);
    if (!status && !r.any)
        status = sm_fail(err, SM_NOT_FOUND, "%s: none of its cases is there; looked for \"training\" and for labelsTr/ "
                         "with imagesTr/ in %s%s%s", path, folder, dataset->missing ? "; the first missing is " : "",
                         dataset->first_missing);
    return status ? status : subjects_from_json(dataset, first, json_object_get(json, "subjects"), path, err);
}
