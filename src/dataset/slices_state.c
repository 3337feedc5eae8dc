/* Whether the pictures that are in a folder already are those that would be written. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "dataset/slices_internal.h"

static const char *plane_name(const struct sm_slices_options *options)
{
    return options->all_planes ? "all" : sm_plane_words()[options->plane];
}

static json_t *settings(const struct sm_slices *slices)
{
    const struct sm_slices_options *o = &slices->options;
    char window[64], range[64];
    sm_window_name(&o->window, window, sizeof window);
    snprintf(range, sizeof range, "%d-%d/%d", o->first, o->last, o->step);
    return json_pack("{s:b, s:s, s:s, s:s, s:s, s:f, s:f, s:s}", "labelled", o->labelled, "plane", plane_name(o),
                     "orient", sm_orient_words()[o->orient], "window", window, "slices", range, "smallest_mask",
                     o->smallest_mask, "smallest_aspect", o->smallest_aspect, "inputs",
                     slices->inputs ? slices->inputs : "");
}

/* A file name that ends in .png below the folder; such a picture would pass for one of ours. */
static bool holds_pictures(const char *folder, const char *below)
{
    char *path = NULL;
    bool found = false;
    if (asprintf(&path, "%s%s", folder, below) < 0)
        return false;
    DIR *dir = opendir(path);
    free(path);
    for (struct dirent *entry; dir && !found && (entry = readdir(dir));) {
        const char *dot = strrchr(entry->d_name, '.');
        found = dot && dot != entry->d_name && strcasecmp(dot, ".png") == 0;
    }
    if (dir)
        closedir(dir);
    return found;
}

/* What an earlier run was for may be plain pictures or a data set. */
static bool holds_any(const char *folder)
{
    return holds_pictures(folder, "") || holds_pictures(folder, "/images") || holds_pictures(folder, "/masks");
}

static enum sm_status check_foreign(const struct sm_slices *slices, struct sm_err *err)
{
    static const char *const labelled[] = {"/images", "/masks"}, *const plain[] = {""};
    const char *const *below = slices->options.labelled ? labelled : plain;
    for (int n = 0; n < (slices->options.labelled ? 2 : 1); n++)
        if (holds_pictures(slices->folder, below[n]))
            return sm_fail(err, SM_USAGE, "%s%s: holds pictures that were not made by this command; name another folder",
                           slices->folder, below[n]);
    return SM_OK;
}

/* A setting as a user would write it; all slices are 0--1/1. Malloc'ed. */
static char *as_written(const char *key, const json_t *value)
{
    const char *text = strcmp(key, "slices") == 0 ? json_string_value(value) : NULL;
    const char *open = text ? strstr(text, "--1/") : NULL;
    char *said = NULL;
    if (!open)
        return json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    if (strcmp(text, "0--1/1") == 0)
        return strdup("all");
    return asprintf(&said, "\"%.*s-%s\"", (int)(open - text), text, open + 3) < 0 ? NULL : said;
}

static enum sm_status compare(const json_t *there, json_t *now, const char *path, struct sm_err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach(now, key, value) {
        const json_t *old = json_object_get(there, key);
        if (json_equal(old, value))
            continue;
        if (strcmp(key, "inputs") == 0)
            return sm_fail(err, SM_USAGE, "%s: the pictures there were made from other inputs; name another folder, or "
                           "remove this one", path);
        char *was = as_written(key, old), *is = as_written(key, value);
        sm_fail(err, SM_USAGE, "%s: the pictures there were made with another \"%s\" (%.60s) than this run (%.60s); name "
                "another folder, or remove this one", path, key, was ? was : "none", is ? is : "none");
        free(was);
        free(is);
        return SM_USAGE;
    }
    return SM_OK;
}

enum sm_status slices_claim_folder(const struct sm_slices *slices, struct sm_err *err)
{
    char *path = NULL;
    json_t *now = settings(slices), *there = NULL;
    struct stat kind;
    enum sm_status status = SM_OK;
    if (!now || asprintf(&path, "%s/.sammed2d-slice.json", slices->folder) < 0)
        status = sm_fail(err, SM_MEMORY, "%s: out of memory", slices->folder);
    else if (stat(path, &kind) == 0 && holds_any(slices->folder))
        status = json_read(&there, path, err);
    else /* a run that came to no picture is nothing to go on with */
        status = check_foreign(slices, err);
    if (!status)
        status = there ? compare(there, now, slices->folder, err) : json_write(path, now, err);
    json_decref(there);
    json_decref(now);
    free(path);
    return status;
}
