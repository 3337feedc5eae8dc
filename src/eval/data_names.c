#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "eval/data_names.h"

/* ---- the same data twice ---- */

struct place {
    struct stat folder, file;
    bool is_file; /* else `file` is the folder too */
};

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The last folder of a path goes; "/" stays. */
static void cut_name(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        slash[slash == path] = 0;
}

/* Its folder too, malloc'ed; false: it is gone since it was opened, or memory is. */
static bool find_place(struct place *place, const char *path, char **folder)
{
    *folder = realpath(path, NULL);
    if (!*folder || stat(*folder, &place->file))
        return false;
    place->is_file = !S_ISDIR(place->file.st_mode);
    if (place->is_file)
        cut_name(*folder);
    return stat(*folder, &place->folder) == 0;
}

/* Two JSON files of one folder are two halves of it, as a rule. */
static bool overlap(const struct place *a, const struct place *b)
{
    return a->is_file && b->is_file ? same(&a->file, &b->file) : same(&a->folder, &b->folder);
}

static enum sm_status find_places(struct data_names *names, struct place *places, struct sm_dataset *const *data,
                                  struct sm_err *err)
{
    for (size_t d = 0; d < names->count; d++) {
        const char *path = sm_dataset_path(data[d]);
        if (!find_place(&places[d], path, &names->list[d].folder))
            return sm_fail(err, SM_NOT_FOUND, "%s: is not there any more", path);
        for (size_t before = 0; before < d; before++)
            if (overlap(&places[before], &places[d]))
                return sm_fail(err, SM_USAGE,
                               "%s and %s are the same data, whose cases would count twice; give them once",
                               sm_dataset_path(data[before]), path);
    }
    return SM_OK;
}

/* ---- the names ---- */

enum sm_status data_names_make(struct data_names *names, struct sm_dataset *const *data, size_t count,
                               struct sm_err *err)
{
    struct place *places = calloc(count + 1, sizeof *places);
    *names = (struct data_names){calloc(count + 1, sizeof *names->list), count};
    enum sm_status status =
        places && names->list ? find_places(names, places, data, err) : sm_fail(err, SM_MEMORY, "out of memory");
    for (size_t d = 0; !status && d < count; d++)
        for (size_t c = 0; !status && c < sm_dataset_cases(data[d]); c++)
            if (words_add(&names->list[d].names, sm_dataset_case(data[d], c)->dataset) < 0)
                status = sm_fail(err, SM_MEMORY, "out of memory");
    free(places);
    return status;
}

void data_names_free(struct data_names *names)
{
    for (size_t d = 0; names->list && d < names->count; d++) {
        free(names->list[d].folder);
        words_free(&names->list[d].names);
    }
    free(names->list);
    *names = (struct data_names){0};
}

static bool has(const struct named_data *data, const char *name)
{
    for (size_t n = 0; n < data->names.count; n++)
        if (strcmp(data->names.list[n], name) == 0)
            return true;
    return false;
}

/* The last `depth` folders of the path, and the name where it is not the last of them. */
static char *long_name(const struct named_data *data, const char *name, int depth)
{
    const char *start = data->folder + strlen(data->folder), *last = strrchr(data->folder, '/');
    char *text = NULL;
    for (int n = 0; n < depth && start > data->folder; n++)
        for (start--; start > data->folder && start[-1] != '/';)
            start--;
    bool own = last && strcmp(last + 1, name) == 0;
    return asprintf(&text, "%s%s%s", start, own ? "" : "/", own ? "" : name) < 0 ? NULL : text;
}

/* Whether long names of this depth tell all folders apart that have data of this name. */
static bool tells_apart(const struct data_names *names, const char *name, int depth)
{
    bool good = true;
    for (size_t a = 0; a < names->count; a++)
        for (size_t b = 0; good && b < a; b++) {
            const struct named_data *one = &names->list[a], *other = &names->list[b];
            if (!has(one, name) || !has(other, name) || strcmp(one->folder, other->folder) == 0)
                continue;
            char *left = long_name(one, name, depth), *right = long_name(other, name, depth);
            good = left && right && strcmp(left, right) != 0;
            free(left);
            free(right);
        }
    return good;
}

char *data_names_of(const struct data_names *names, size_t number, const char *name)
{
    enum { DEEPEST = 64 };
    bool alone = true;
    int depth = 1;
    for (size_t d = 0; alone && d < names->count; d++)
        alone = !has(&names->list[d], name) || strcmp(names->list[d].folder, names->list[number].folder) == 0;
    if (alone)
        return strdup(name);
    while (depth < DEEPEST && !tells_apart(names, name, depth))
        depth++;
    return long_name(&names->list[number], name, depth);
}
