/* Strings and paths. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/suffix.h"
#include "dataset/dataset_internal.h"

static const char *keep(struct sm_dataset *dataset, char *text)
{
    if (text && dataset->text_count == dataset->text_room) {
        size_t room = dataset->text_room ? 2 * dataset->text_room : 256;
        char **grown = realloc(dataset->texts, room * sizeof *grown);
        if (grown) {
            dataset->texts = grown;
            dataset->text_room = room;
        }
    }
    if (!text || dataset->text_count == dataset->text_room) {
        free(text);
        dataset->starved = true;
        return NULL;
    }
    return dataset->texts[dataset->text_count++] = text;
}

const char *dataset_text(struct sm_dataset *dataset, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    return keep(dataset, text);
}

const char *dataset_suffix(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return suffix_of_image(name);
}

bool dataset_is_image_name(const char *path)
{
    return *dataset_suffix(path) != 0;
}

const char *dataset_stem(struct sm_dataset *dataset, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return dataset_text(dataset, "%.*s", (int)(dataset_suffix(name) - name), name);
}

bool dataset_is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

bool dataset_is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool dataset_path_is_tame(const char *path)
{
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (part[0] == '.' && part[1] == '.' && (part[2] == '/' || part[2] == 0))
            return false;
    }
    return *path != 0;
}

const char *dataset_folder(struct sm_dataset *dataset, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return dataset_text(dataset, ".");
    return dataset_text(dataset, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

const char *dataset_folder_name(struct sm_dataset *dataset, const char *folder)
{
    char *real = realpath(folder, NULL);
    const char *path = real ? real : folder, *slash = strrchr(path, '/');
    const char *name = dataset_text(dataset, "%s", slash && slash[1] ? slash + 1 : path);
    free(real);
    return name;
}

static int by_version(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

enum sm_status dataset_list(char ***names, size_t *count, const char *folder, struct sm_err *err)
{
    DIR *dir = opendir(folder);
    size_t room = 0;
    enum sm_status status = SM_OK;
    *names = NULL;
    *count = 0;
    if (!dir)
        return sm_fail(err, SM_NOT_FOUND, "%s: %s", folder, strerror(errno));
    for (struct dirent *entry; !status && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        if (*count == room) {
            room = room ? 2 * room : 64;
            char **grown = realloc(*names, room * sizeof *grown);
            if (grown)
                *names = grown;
            else
                status = SM_MEMORY;
        }
        if (!status && ((*names)[*count] = strdup(entry->d_name)))
            ++*count;
        else
            status = SM_MEMORY;
    }
    closedir(dir);
    if (status) {
        dataset_list_free(*names, *count);
        return sm_fail(err, status, "%s: out of memory", folder);
    }
    if (*count)
        qsort(*names, *count, sizeof **names, by_version);
    return SM_OK;
}

void dataset_list_free(char **names, size_t count)
{
    for (size_t n = 0; n < count; n++)
        free(names[n]);
    free(names);
}

void dataset_miss(struct sm_dataset *dataset, const char *path, const char *where)
{
    dataset->left_out++;
    if (dataset->missing++ == 0)
        snprintf(dataset->first_missing, sizeof dataset->first_missing, "%.200s (looked for %.280s)", path, where);
}
