#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/suffix.h"
#include "cmd/listing.h"

enum { DEEPEST = 64 };

struct listing {
    void (*file)(void *context, const char *path, const struct sm_err *trouble);
    void *context;
};

static void trouble(const struct listing *listing, const char *path, const char *what)
{
    struct sm_err err;
    sm_fail(&err, SM_NOT_FOUND, "%s: %s", path, what);
    listing->file(listing->context, path, &err);
}

static int not_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* a/b.img or a/b.img.gz, where a/b.hdr or a/b.hdr.gz is there too */
static bool voxels_of_pair(const char *path)
{
    char *header = strdup(path);
    const char *gz = header ? suffix_of(header, ".gz") : NULL;
    size_t length = gz ? (size_t)(gz - header) : header ? strlen(header) : 0;
    bool found = false;
    if (length > 4 && strncasecmp(header + length - 4, ".img", 4) == 0) {
        char *other = NULL;
        header[length - 4] = 0;
        for (int form = 0; form < 4 && !found; form++) {
            if (asprintf(&other, "%s.%s%s", header, form & 1 ? "HDR" : "hdr",
                         form & 2 ? ".gz" : "") < 0)
                break;
            found = access(other, F_OK) == 0;
            free(other);
        }
    }
    free(header);
    return found;
}

static void walk(const struct listing *listing, const char *path, int depth);

static void walk_entry(const struct listing *listing, const char *directory, const char *name,
                       int depth)
{
    char *path = NULL;
    struct stat own, target;
    size_t length = strlen(directory);
    bool slash = length && directory[length - 1] == '/';
    if (asprintf(&path, "%s%s%s", directory, slash ? "" : "/", name) < 0)
        return;
    if (lstat(path, &own) != 0 || stat(path, &target) != 0)
        trouble(listing, path, strerror(errno));
    else if (S_ISDIR(own.st_mode))
        walk(listing, path, depth + 1);
    else if (S_ISDIR(target.st_mode))
        trouble(listing, path, "a link to a directory, which is not followed");
    else if (!S_ISREG(target.st_mode))
        trouble(listing, path, "not a regular file");
    else if (!voxels_of_pair(path))
        listing->file(listing->context, path, NULL);
    free(path);
}

static void walk(const struct listing *listing, const char *path, int depth)
{
    struct dirent **entries;
    if (depth > DEEPEST) {
        trouble(listing, path, "directories nested too deeply");
        return;
    }
    int count = scandir(path, &entries, not_dots, by_bytes);
    if (count < 0) {
        trouble(listing, path, strerror(errno));
        return;
    }
    for (int n = 0; n < count; n++) {
        walk_entry(listing, path, entries[n]->d_name, depth);
        free(entries[n]);
    }
    free(entries);
}

void cmd_list_files(const char *path,
                    void (*file)(void *context, const char *path, const struct sm_err *trouble),
                    void *context)
{
    const struct listing listing = {file, context};
    struct stat status;
    if (stat(path, &status) != 0)
        trouble(&listing, path, strerror(errno));
    else if (S_ISDIR(status.st_mode))
        walk(&listing, path, 0);
    else
        file(context, path, NULL);
}
