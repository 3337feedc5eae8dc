/* A data set: which layout a path has, and the list of its cases. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "dataset/dataset_internal.h"

enum { DEEPEST = 6 }; /* folders of folders */

static const char what_is_read[] =
    "no labelled data: looked for label2image_*.json or image2label_*.json (SA-Med2D), dataset.json (nnU-Net, MSD), "
    "labels.json with \"image\" and \"label\", images/ with labels/ or masks/, and DICOM series with a SEG or RT "
    "structure set of them";

/* ---- one folder ---- */

typedef enum sm_status layout_function(struct sm_dataset *dataset, const char *path, const json_t *json,
                                       struct sm_err *err);

static enum sm_status read_json(struct sm_dataset *dataset, const char *path, layout_function *layout,
                                struct sm_err *err)
{
    json_t *json;
    enum sm_status status = json_read(&json, path, err);
    if (status)
        return status;
    status = layout(dataset, path, json, err);
    json_decref(json);
    return status;
}

static enum sm_status try_sa_med2d(struct sm_dataset *dataset, const char *folder, bool *any, struct sm_err *err)
{
    char **names;
    size_t count;
    enum sm_status status = dataset_list(&names, &count, folder, err);
    if (status)
        return status;
    for (size_t n = 0; !status && n < count; n++) {
        if (!layout_sa_med2d_is(names[n]))
            continue;
        const char *path = dataset_text(dataset, "%s/%s", folder, names[n]);
        *any = true;
        status = path ? read_json(dataset, path, layout_sa_med2d, err) : sm_fail(err, SM_MEMORY, "out of memory");
    }
    dataset_list_free(names, count);
    return status;
}

static enum sm_status try_dataset_json(struct sm_dataset *dataset, const char *folder, bool *any, struct sm_err *err)
{
    const char *path = dataset_text(dataset, "%s/dataset.json", folder);
    *any = path && dataset_is_file(path);
    return *any ? read_json(dataset, path, layout_nnunet, err) : SM_OK;
}

static const char *labels_folder(struct sm_dataset *dataset, const char *folder)
{
    static const char *const names[] = {"images", "labels", "masks"};
    bool there[3];
    for (int n = 0; n < 3; n++) {
        const char *path = dataset_text(dataset, "%s/%s", folder, names[n]);
        there[n] = path && dataset_is_folder(path);
    }
    return !there[0] ? NULL : there[1] ? names[1] : there[2] ? names[2] : NULL;
}

static enum sm_status try_labels_json(struct sm_dataset *dataset, const char *folder, bool *any, struct sm_err *err)
{
    const char *path = dataset_text(dataset, "%s/labels.json", folder), *labels = labels_folder(dataset, folder);
    json_t *json = NULL;
    enum sm_status status = SM_OK;
    if (path && dataset_is_file(path))
        status = json_read(&json, path, err);
    *any = status || json_object_get(json, "image") || labels;
    if (!status && json_object_get(json, "image"))
        status = layout_one(dataset, path, json, err);
    else if (!status && labels)
        status = layout_folders(dataset, folder, labels, path, json, err);
    json_decref(json);
    return status;
}

static void tell_missing(const struct sm_dataset *dataset, const char *path)
{
    if (dataset->missing == 1 && !dataset->starved)
        sm_warn(dataset->listener, "%s: a file is not there: %s", path, dataset->first_missing);
    else if (dataset->missing && !dataset->starved)
        sm_warn(dataset->listener, "%s: %zu files are not there; the first is %s", path, dataset->missing,
                dataset->first_missing);
}

static enum sm_status try_folder(struct sm_dataset *dataset, const char *folder, bool *any, struct sm_err *err)
{
    enum sm_status status = try_sa_med2d(dataset, folder, any, err);
    if (!status && !*any)
        status = try_dataset_json(dataset, folder, any, err);
    if (!status && !*any)
        status = try_labels_json(dataset, folder, any, err);
    if (!status && *any)
        tell_missing(dataset, folder);
    dataset->missing = 0;
    return status;
}

/* ---- folders of folders ---- */

static bool is_final(enum sm_status status)
{
    return status == SM_MEMORY || status == SM_INTERRUPTED;
}

/* One that cannot be read is said, and the others are read. */
static enum sm_status excuse(struct sm_dataset *dataset, enum sm_status status, const struct sm_err *err)
{
    if (!status || is_final(status))
        return status;
    sm_warn(dataset->listener, "left out: %s", err->message);
    dataset->left_out++;
    return SM_OK;
}

static enum sm_status explore(struct sm_dataset *dataset, const char *folder, int depth, bool *any, struct sm_err *err);

static enum sm_status explore_dicom(struct sm_dataset *dataset, const char *folder, struct sm_err *err)
{
    enum sm_status status = layout_dicom(dataset, folder, err);
    return excuse(dataset, status, err);
}

/* Every folder below; then, where some have data and others none, those others as DICOM. */
static enum sm_status explore_children(struct sm_dataset *dataset, const char *folder, char **names, size_t count,
                                       int depth, bool *any, struct sm_err *err)
{
    bool *found = calloc(count + 1, sizeof *found);
    enum sm_status status = found ? SM_OK : sm_fail(err, SM_MEMORY, "%s: out of memory", folder);
    const char *prefix = dataset->prefix;
    for (int round = 0; round < 2; round++) {
        for (size_t n = 0; !status && n < count; n++) {
            const char *path = dataset_text(dataset, "%s/%s", folder, names[n]);
            if (!path || !dataset_is_folder(path) || (round && (found[n] || !*any)))
                continue;
            dataset->prefix = dataset_text(dataset, "%s%s/", prefix, names[n]);
            if (!dataset->prefix)
                status = sm_fail(err, SM_MEMORY, "%s: out of memory", folder);
            else if (round)
                status = explore_dicom(dataset, path, err);
            else
                status = explore(dataset, path, depth + 1, &found[n], err);
        }
        for (size_t n = 0; n < count && found; n++)
            *any |= found[n];
    }
    dataset->prefix = prefix;
    free(found);
    return status;
}

static enum sm_status explore(struct sm_dataset *dataset, const char *folder, int depth, bool *any, struct sm_err *err)
{
    char **names;
    size_t count;
    enum sm_status status = try_folder(dataset, folder, any, err);
    if (depth && status && !is_final(status)) {
        *any = true; /* it is no DICOM folder for that */
        return excuse(dataset, status, err);
    }
    if (status || *any || depth == DEEPEST)
        return status;
    status = dataset_list(&names, &count, folder, err);
    if (status)
        return depth ? excuse(dataset, status, err) : status;
    status = explore_children(dataset, folder, names, count, depth, any, err);
    dataset_list_free(names, count);
    return status;
}

static enum sm_status open_folder(struct sm_dataset *dataset, const char *folder, struct sm_err *err)
{
    bool any = false;
    enum sm_status status = explore(dataset, folder, 0, &any, err);
    if (!status && !any)
        status = layout_dicom(dataset, folder, err);
    if (!status && !dataset->count && !dataset->starved)
        status = sm_fail(err, SM_NOT_FOUND, "%s: %s", folder, what_is_read);
    return status;
}

/* ---- one file ---- */

static enum sm_status open_file(struct sm_dataset *dataset, const char *path, struct sm_err *err)
{
    json_t *json;
    const char *dot = strrchr(path, '.');
    if (!dot || strcasecmp(dot, ".json") != 0)
        return sm_fail(err, SM_NOT_FOUND, "%s: neither a folder nor a JSON file of SA-Med2D, nnU-Net or MSD", path);
    enum sm_status status = json_read(&json, path, err);
    if (status)
        return status;
    if (json_is_string(json_object_get(json, "image")) && json_is_string(json_object_get(json, "label")))
        status = layout_one(dataset, path, json, err);
    else if (json_is_object(json_object_get(json, "labels")) || json_is_array(json_object_get(json, "training")))
        status = layout_nnunet(dataset, path, json, err);
    else
        status = layout_sa_med2d(dataset, path, json, err);
    json_decref(json);
    if (!status && !dataset->count && !dataset->starved)
        status = sm_fail(err, SM_NOT_FOUND, "%s: none of its %zu files is there; the first is %s", path,
                         dataset->missing, dataset->first_missing);
    if (!status)
        tell_missing(dataset, path);
    return status;
}

/* ---- the list ---- */

static int by_name(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strverscmp(x->about.name, y->about.name);
    return order ? order : strcmp(x->about.image, y->about.image);
}

static bool same_files(const struct sm_case *a, const struct sm_case *b)
{
    if (strcmp(a->image, b->image) != 0 || a->file_count != b->file_count)
        return false;
    for (size_t f = 0; f < a->file_count; f++)
        if (strcmp(a->files[f], b->files[f]) != 0)
            return false;
    return true;
}

/* What two JSON files of a folder both list is there once, and in no split. */
static void drop_doubles(struct sm_dataset *dataset)
{
    size_t kept = 0;
    for (size_t n = 0; n < dataset->count; n++) {
        struct entry *entry = &dataset->entries[n], *last = kept ? &dataset->entries[kept - 1] : NULL;
        if (!last || !same_files(&last->about, &entry->about)) {
            dataset->entries[kept++] = *entry;
            continue;
        }
        if (strcmp(last->about.split, entry->about.split) != 0)
            last->about.split = "";
        free(entry->files);
        free(entry->objects);
    }
    dataset->count = kept;
}

/* Images of one name in several folders. */
static void make_unique(struct sm_dataset *dataset)
{
    size_t like = 1;
    const char *plain = "";
    for (size_t n = 0; n < dataset->count; n++) {
        struct sm_case *about = &dataset->entries[n].about;
        if (strcmp(about->name, plain) != 0) {
            plain = about->name;
            like = 1;
            continue;
        }
        bool own = about->subject == about->name;
        const char *name = dataset_text(dataset, "%s~%zu", plain, ++like);
        about->name = name ? name : plain;
        if (own)
            about->subject = about->name;
    }
}

/* The first case of a patient gives the name. */
static void join_patients(struct sm_dataset *dataset)
{
    for (size_t n = 0; n < dataset->count; n++) {
        struct entry *entry = &dataset->entries[n];
        for (size_t m = 0; entry->patient && m < n; m++)
            if (dataset->entries[m].patient && strcmp(dataset->entries[m].patient, entry->patient) == 0) {
                entry->about.subject = dataset->entries[m].about.subject;
                break;
            }
    }
}

static enum sm_status finish(struct sm_dataset *dataset, struct sm_err *err)
{
    if (dataset->starved)
        return sm_fail(err, SM_MEMORY, "out of memory for the list of cases");
    if (dataset->count)
        qsort(dataset->entries, dataset->count, sizeof *dataset->entries, by_name);
    drop_doubles(dataset);
    make_unique(dataset);
    join_patients(dataset);
    dataset->listener = NULL;
    return subjects_number(dataset, err);
}

enum sm_status sm_dataset_open(struct sm_dataset **result, const char *path, const struct sm_listener *listener,
                               struct sm_err *err)
{
    struct stat kind;
    struct sm_err trouble = {.status = SM_OK};
    struct sm_dataset *dataset = calloc(1, sizeof *dataset);
    enum sm_status status;
    *result = NULL;
    if (!dataset)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    dataset->listener = listener;
    dataset->prefix = "";
    dataset->path = dataset_text(dataset, "%s", path);
    if (stat(path, &kind) != 0)
        status = sm_fail(&trouble, SM_NOT_FOUND, "%s: %s", path, strerror(errno));
    else if (S_ISDIR(kind.st_mode))
        status = open_folder(dataset, path, &trouble);
    else
        status = open_file(dataset, path, &trouble);
    if (!status)
        status = finish(dataset, &trouble);
    if (!status) {
        *result = dataset;
        return SM_OK;
    }
    sm_dataset_close(dataset);
    if (err)
        *err = trouble;
    return status;
}

void sm_dataset_close(struct sm_dataset *dataset)
{
    if (!dataset)
        return;
    for (size_t n = 0; n < dataset->count; n++) {
        free(dataset->entries[n].files);
        free(dataset->entries[n].objects);
    }
    while (dataset->sources) {
        struct source *next = dataset->sources->next;
        names_free(&dataset->sources->names);
        free(dataset->sources);
        dataset->sources = next;
    }
    dataset_list_free(dataset->texts, dataset->text_count);
    free(dataset->entries);
    free(dataset);
}

const char *sm_dataset_path(const struct sm_dataset *dataset)
{
    return dataset->path;
}

size_t sm_dataset_left_out(const struct sm_dataset *dataset)
{
    return dataset->left_out;
}

size_t sm_dataset_cases(const struct sm_dataset *dataset)
{
    return dataset->count;
}

const struct sm_case *sm_dataset_case(const struct sm_dataset *dataset, size_t index)
{
    return &dataset->entries[index].about;
}
