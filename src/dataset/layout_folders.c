/* images/ beside labels/ or masks/, and the folder of one case. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "dataset/dataset_internal.h"

/* ---- images/ and labels/ ---- */

/* labels.json is {"1": "liver"}, or an object with "labels", "subjects", "modality" ... */
static const json_t *labels_of(const json_t *json)
{
    const json_t *labels = json_object_get(json, "labels");
    return labels ? labels : json;
}

static const char *modality_of(struct sm_dataset *dataset, const json_t *json, const char *folder_name)
{
    const char *said = json_string_value(json_object_get(json, "modality"));
    const char *word = said ? dataset_modality_of_word(said) : NULL;
    if (word)
        return word;
    return said ? dataset_text(dataset, "%.16s", said) : dataset_modality_of_name(folder_name);
}

/* The file of a name without suffix, with whichever suffix; NULL: there is none. */
static const char *find_file(const char *stem, char **files, size_t count)
{
    size_t length = strlen(stem);
    for (size_t n = 0; n < count; n++)
        if (strncmp(files[n], stem, length) == 0 && dataset_suffix(files[n]) == files[n] + length &&
            files[n][length])
            return files[n];
    return NULL;
}

static bool is_second_half(const char *name)
{
    const char *suffix = dataset_suffix(name);
    return strcmp(suffix, ".img") == 0 || strcmp(suffix, ".img.gz") == 0; /* its .hdr is read */
}

static bool is_wanted(const char *name)
{
    return dataset_is_image_name(name) && !is_second_half(name);
}

/* Labels of no image are not lost without a word. */
static void miss_images(struct sm_dataset *dataset, const char *folder, char **images, size_t count, char **files,
                        size_t file_count)
{
    for (size_t n = 0; n < file_count; n++) {
        const char *stem = is_wanted(files[n]) ? dataset_stem(dataset, files[n]) : NULL;
        if (stem && !find_file(stem, images, count))
            dataset_miss(dataset, stem, folder);
    }
}

static void add_pair(struct sm_dataset *dataset, const struct sm_case *common, struct source *source,
                     const char *image, const char *label)
{
    struct sm_case about = *common;
    about.name = dataset_stem(dataset, image);
    about.image = image;
    about.picture = strcmp(dataset_suffix(image), ".png") == 0;
    struct entry *entry = dataset_add(dataset, &about, 1);
    if (!entry)
        return;
    entry->files[0] = label;
    entry->source = source;
}

static enum sm_status add_pairs(struct sm_dataset *dataset, const struct sm_case *common, struct source *source,
                                const char *folder, const char *labels, struct sm_err *err)
{
    const char *image_folder = dataset_text(dataset, "%s/images", folder);
    const char *label_folder = dataset_text(dataset, "%s/%s", folder, labels);
    char **images = NULL, **files = NULL;
    size_t count = 0, file_count = 0;
    if (!image_folder || !label_folder)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", folder);
    enum sm_status status = dataset_list(&images, &count, image_folder, err);
    if (!status)
        status = dataset_list(&files, &file_count, label_folder, err);
    for (size_t n = 0; !status && n < count; n++) {
        if (!is_wanted(images[n]))
            continue;
        const char *image = dataset_text(dataset, "%s/%s", image_folder, images[n]);
        const char *stem = dataset_stem(dataset, images[n]);
        const char *file = stem ? find_file(stem, files, file_count) : NULL;
        const char *label = file ? dataset_text(dataset, "%s/%s", label_folder, file) : NULL;
        if (image && label && dataset_is_file(image) && dataset_is_file(label))
            add_pair(dataset, common, source, image, label);
        else if (stem)
            dataset_miss(dataset, stem, label_folder);
    }
    if (!status)
        miss_images(dataset, image_folder, images, count, files, file_count);
    dataset_list_free(images, count);
    dataset_list_free(files, file_count);
    return status;
}

enum sm_status layout_folders(struct sm_dataset *dataset, const char *folder, const char *labels, const char *path,
                              const json_t *json, struct sm_err *err)
{
    size_t first = dataset->count;
    struct source *source = dataset_source(dataset);
    struct sm_case common = {.dataset = dataset_folder_name(dataset, folder)};
    if (!source || !common.dataset)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", folder);
    common.modality = modality_of(dataset, json, common.dataset);
    enum sm_status status = json ? names_from_json(dataset, &source->names, labels_of(json), path, err) : SM_OK;
    if (!status)
        status = add_pairs(dataset, &common, source, folder, labels, err);
    if (!status && dataset->count == first)
        status = sm_fail(err, SM_NOT_FOUND, "%s: no file of images/ has one of the same name in %s/ (.nii, .nii.gz, .hdr "
                         "or .png)%s%s", folder, labels, dataset->missing ? "; the first without is " : "",
                         dataset->first_missing);
    return status ? status : subjects_from_json(dataset, first, json_object_get(json, "subjects"), path, err);
}

/* ---- one case ---- */

/* A folder of DICOM files may be named, but none that holds this one: "/" would be searched whole. */
static bool holds(const char *outer, const char *inner)
{
    char *a = realpath(outer, NULL), *b = realpath(inner, NULL);
    size_t length = a ? strlen(a) : 0;
    bool result = !a || !b || (strncmp(a, b, length) == 0 && (b[length] == '/' || a[length - 1] == '/'));
    free(a);
    free(b);
    return result;
}

static const char *find_named(struct sm_dataset *dataset, const char *folder, const char *path, const char *key,
                              const json_t *json, struct sm_err *err)
{
    const char *name = json_string_value(json_object_get(json, key));
    if (!name || !*name) {
        sm_fail(err, SM_CORRUPT, "%s: \"%s\" should be the path of a file from there", path, key);
        return NULL;
    }
    const char *file = *name == '/' ? dataset_text(dataset, "%s", name) : dataset_text(dataset, "%s/%s", folder, name);
    if (!file) {
        sm_fail(err, SM_MEMORY, "%s: out of memory", path);
        return NULL;
    }
    if (dataset_is_file(file) || (dataset_is_folder(file) && !holds(file, folder)))
        return file;
    sm_fail(err, SM_NOT_FOUND, "%s: \"%s\" is not there; looked for %.300s", path, key, file);
    return NULL;
}

enum sm_status layout_one(struct sm_dataset *dataset, const char *path, const json_t *json, struct sm_err *err)
{
    const char *folder = dataset_folder(dataset, path);
    struct source *source = dataset_source(dataset);
    const char *name = folder ? dataset_folder_name(dataset, folder) : NULL;
    enum sm_status status = SM_OK;
    if (!source || !name)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    const char *image = find_named(dataset, folder, path, "image", json, err);
    const char *label = image ? find_named(dataset, folder, path, "label", json, err) : NULL;
    if (!label)
        return err->status;
    if (json_object_get(json, "labels"))
        status = names_from_json(dataset, &source->names, json_object_get(json, "labels"), path, err);
    struct sm_case about = {.name = *dataset->prefix ? "" : name, .dataset = name, .image = image, .modality = modality_of(dataset, json, name),
                            .picture = strcmp(dataset_suffix(image), ".png") == 0};
    struct entry *entry = status ? NULL : dataset_add(dataset, &about, 1);
    if (!entry)
        return status ? status : sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    entry->files[0] = label;
    entry->source = source;
    const char *subject = json_string_value(json_object_get(json, "subject"));
    if (subject && *subject)
        entry->about.subject = dataset_text(dataset, "%s", subject);
    return SM_OK;
}
