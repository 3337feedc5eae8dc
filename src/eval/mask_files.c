#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "eval/mask_files.h"
#include "sammed2d/picture.h"

/* File names hold no folders. */
static void flatten(char *text)
{
    for (; *text; text++)
        if (*text == '/')
            *text = '_';
}

static void weights_folder(const struct sm_evaluation *evaluation, size_t table, char *folder, size_t size)
{
    const char *path = evaluation->tables[table].weights, *slash = strrchr(path, '/');
    const char *stem = slash ? slash + 1 : path, *dot = strrchr(stem, '.');
    int length = (int)(dot && dot > stem ? (size_t)(dot - stem) : strlen(stem));
    if (evaluation->table_count > 1)
        snprintf(folder, size, "%zu-%.*s", table + 1, length, stem);
    else
        snprintf(folder, size, "%.*s", length, stem);
}

bool mask_path(char path[MASK_PATH], const struct sm_evaluation *evaluation, size_t table, const struct row *row,
               size_t prompt)
{
    const struct seen_case *seen = &evaluation->cases[row->case_number];
    char folder[256], dataset[256], name[300];
    weights_folder(evaluation, table, folder, sizeof folder);
    snprintf(dataset, sizeof dataset, "%s", evaluation->datasets.list[seen->dataset]);
    snprintf(name, sizeof name, "%s", seen->name);
    flatten(dataset);
    flatten(name);
    int length = snprintf(path, MASK_PATH, "%s/%s/%s/%s_%d_%d_%s.png", evaluation->options.masks, folder,
                          *dataset ? dataset : "data", name, row->slice, row->id,
                          evaluation->options.prompts[prompt].name);
    return length < MASK_PATH;
}

static enum sm_status make_folders(const char *path, struct sm_err *err)
{
    char folder[MASK_PATH];
    snprintf(folder, sizeof folder, "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(folder, 0777) && errno != EEXIST)
            return sm_fail(err, SM_OUTPUT, "%s: the folder cannot be made: %s", folder, strerror(errno));
        *slash = '/';
    }
    return SM_OK;
}

enum sm_status mask_write(const char *path, const uint8_t *inside, int height, int width, struct sm_err *err)
{
    size_t pixels = (size_t)height * (size_t)width;
    uint8_t *grey = malloc(pixels);
    enum sm_status status = grey ? make_folders(path, err) : sm_fail(err, SM_MEMORY, "out of memory for a mask");
    for (size_t p = 0; !status && p < pixels; p++)
        grey[p] = inside[p] ? 255 : 0;
    if (!status)
        status = sm_png_write(path, grey, width, height, 1, err);
    free(grey);
    return status;
}
