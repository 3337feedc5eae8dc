#include "cmd/clash.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/json.h"
#include "base/suffix.h"

/* A place in the file system; both are 0 where there is nothing. */
struct place {
    dev_t device;
    ino_t inode;
};

struct clash_file {
    char *path;
    const char *what;   /* of what is read; NULL: an output */
    const char *aside;  /* of an output that nobody named */
    char *belongs_to;   /* the file that was named, where this one only goes with it */
    bool folder;        /* nothing in it may be replaced */
    struct place file, parent;
};

static struct place place_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (struct place){status.st_dev, status.st_ino} : (struct place){0};
}

static bool same_place(struct place a, struct place b)
{
    return a.inode && a.inode == b.inode && a.device == b.device;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static struct place parent_of(const char *path)
{
    char parent[PATH_MAX];
    int length = snprintf(parent, sizeof parent, "%.*s.", (int)(base_name(path) - path), path);
    return length < (int)sizeof parent ? place_of(parent) : (struct place){0};
}

static bool same_file(const struct clash_file *a, const struct clash_file *b)
{
    return strcmp(a->path, b->path) == 0 || same_place(a->file, b->file) ||
           (same_place(a->parent, b->parent) && strcmp(base_name(a->path), base_name(b->path)) == 0);
}

bool clash_inside(const char *path, const char *folder)
{
    char *file = realpath(path, NULL), *outer = realpath(folder, NULL);
    size_t length = outer ? strlen(outer) : 0;
    bool inside = file && outer && strncmp(file, outer, length) == 0 && file[length] == '/';
    free(file);
    free(outer);
    return inside;
}

bool clash_same_file(const char *a, const char *b)
{
    struct clash_file first = {.path = (char *)a, .file = place_of(a), .parent = parent_of(a)};
    struct clash_file second = {.path = (char *)b, .file = place_of(b), .parent = parent_of(b)};
    return same_file(&first, &second);
}

/* ---- what is read ---- */

static struct clash_file *add(struct clash *clash, const char *path)
{
    if ((clash->count & (clash->count - 1)) == 0) { /* room for the next power of two */
        size_t room = clash->count ? 2 * clash->count : 1;
        struct clash_file *files = realloc(clash->files, room * sizeof *files);
        clash->no_memory |= !files;
        if (!files)
            return NULL;
        clash->files = files;
    }
    char *copy = strdup(path);
    clash->no_memory |= !copy;
    if (!copy)
        return NULL;
    struct clash_file *file = &clash->files[clash->count++];
    *file = (struct clash_file){.path = copy, .file = place_of(path), .parent = parent_of(path)};
    return file;
}

bool clash_is_our_json(const char *path)
{
    json_t *json = NULL;
    bool ours = suffix_of(path, ".json") && json_read(&json, path, NULL) == SM_OK;
    const char *software = ours ? json_string_value(json_object_get(json, "software")) : NULL;
    ours = software && strncmp(software, "sammed2d ", 9) == 0;
    json_decref(json);
    return ours;
}

/* NAME.json says what a label map's labels are, and a pair of files is one volume. */
static void add_companions(struct clash *clash, const char *path, size_t stem, const char *what, bool image)
{
    static const char *const endings[] = {".json", ".hdr", ".img", ".hdr.gz", ".img.gz"};
    for (size_t n = 0; n < sizeof endings / sizeof *endings; n++) {
        char name[PATH_MAX];
        int length = snprintf(name, sizeof name, "%.*s%s", (int)stem, path, endings[n]);
        if (length >= (int)sizeof name || !place_of(name).inode || clash_same_file(name, path) ||
            (image && clash_is_our_json(name)))
            continue;
        struct clash_file *file = add(clash, name);
        if (!file)
            return;
        file->what = what;
        file->belongs_to = strdup(path);
        clash->no_memory |= !file->belongs_to;
    }
}

static void read_file(struct clash *clash, const char *path, const char *what, bool image)
{
    struct clash_file *file = path ? add(clash, path) : NULL;
    if (!file)
        return;
    file->what = what;
    const char *suffix = suffix_of_image(path);
    if (*suffix)
        add_companions(clash, path, (size_t)(suffix - path), what, image);
}

void clash_reads(struct clash *clash, const char *path, const char *what)
{
    read_file(clash, path, what, false);
}

void clash_reads_image(struct clash *clash, const char *path, const char *what)
{
    read_file(clash, path, what, true);
}

void clash_reads_folder(struct clash *clash, const char *path, const char *what)
{
    struct stat status;
    size_t first = clash->count;
    clash_reads(clash, path, what);
    if (clash->count > first)
        clash->files[first].folder = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

void clash_reads_data(struct clash *clash, const struct sm_dataset *data)
{
    for (size_t n = 0; n < sm_dataset_cases(data); n++) {
        const struct sm_case *about = sm_dataset_case(data, n);
        clash_reads_folder(clash, about->image, "labelled data");
        for (size_t f = 0; f < about->file_count; f++)
            clash_reads(clash, about->files[f], "labelled data");
    }
}

/* ---- what is written ---- */

static enum sm_status refuse(const struct clash_file *output, const struct clash_file *other, struct sm_err *err)
{
    char aside[100] = "";
    if (output->aside)
        snprintf(aside, sizeof aside, " (%s would go there)", output->aside);
    if (!other->what)
        return sm_fail(err, SM_USAGE, "%s: two outputs have this name%s", output->path, aside);
    if (other->belongs_to)
        return sm_fail(err, SM_USAGE, "%s: belongs to %s, which is read%s; give the output another name", output->path,
                       other->belongs_to, aside);
    return sm_fail(err, SM_USAGE, "%s: is %s%s; give the output another name", output->path, other->what, aside);
}

enum sm_status clash_writes(struct clash *clash, const char *path, const char *aside, struct sm_err *err)
{
    struct clash_file *output = path && !clash->no_memory ? add(clash, path) : NULL;
    if (clash->no_memory)
        return sm_fail(err, SM_MEMORY, "out of memory for the names of files");
    if (!output)
        return SM_OK;
    output->aside = aside;
    for (const struct clash_file *other = clash->files; other < output; other++) {
        if (aside && other->aside && strcmp(aside, other->aside) == 0)
            continue;
        if (same_file(output, other))
            return refuse(output, other, err);
        if (other->folder && clash_inside(path, other->path))
            return sm_fail(err, SM_USAGE, "%s: is there already, in the folder that is read; give the output another name "
                                          "or place", path);
    }
    return SM_OK;
}

void clash_free(struct clash *clash)
{
    for (size_t n = 0; n < clash->count; n++) {
        free(clash->files[n].path);
        free(clash->files[n].belongs_to);
    }
    free(clash->files);
    *clash = (struct clash){0};
}
