#include "cmd/clash.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool same_inode(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool clash_same_file(const char *a, const char *b)
{
    if (strcmp(a, b) == 0 || same_inode(a, b))
        return true;
    if (strcmp(base_name(a), base_name(b)) != 0)
        return false;
    char first[PATH_MAX], second[PATH_MAX];
    snprintf(first, sizeof first, "%.*s.", (int) (base_name(a) - a), a);
    snprintf(second, sizeof second, "%.*s.", (int) (base_name(b) - b), b);
    return same_inode(first, second);
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

enum sm_status clash_check(const char *output, const char *input, const char *what, struct sm_err *err)
{
    if (!output || !input)
        return SM_OK;
    if (clash_same_file(output, input))
        return sm_fail(err, SM_USAGE, "%s: is %s; give the output another name", output, what);
    if (clash_inside(output, input))
        return sm_fail(err, SM_USAGE, "%s: is there already, in the folder that is read; give the output another name or place",
                       output);
    return SM_OK;
}
