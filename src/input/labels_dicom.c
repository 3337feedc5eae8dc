/* Segmentations (SEG) and RT structure sets as sets of objects. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "input/input_internal.h"
#include "sammed2d/dicom.h"

/* ---- which file of a folder ---- */

/* The one SEG or structure set under `path`; SM_USAGE names the candidates when there are several. */
static enum sm_status find_mask(char **found, const char *path, const struct sm_listener *listener,
                                struct sm_err *err)
{
    struct sm_dicom_study *study;
    char list[700] = "";
    size_t count = 0, length = 0;
    enum sm_status status = sm_dicom_scan(&study, &path, 1, listener, err);
    if (status)
        return status;
    for (size_t n = 0; n < sm_dicom_left_out(study); n++) {
        const struct sm_left_out *file = sm_dicom_left_out_at(study, n);
        if (file->kind != SM_LEFT_OUT_MASK || (count++ == 0 && !(*found = strdup(file->file))))
            continue;
        if (length < sizeof list)
            length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", length ? ", " : "", file->file);
    }
    sm_dicom_study_free(study);
    if (count == 0)
        return sm_fail(err, SM_NOT_FOUND, "%s: neither a segmentation (SEG) nor an RT structure set is in it",
                       path);
    if (count > 1)
        return sm_fail(err, SM_USAGE, "%s: holds %zu segmentations or structure sets; name one of %s", path,
                       count, list);
    return *found ? SM_OK : sm_fail(err, SM_MEMORY, "%s: out of memory", path);
}

/* ---- masks ---- */

static int by_id(const void *a, const void *b)
{
    const struct sm_label *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static bool has_voxels(const struct sm_labels *mask)
{
    size_t voxels = sm_grid_voxels(&mask->grid);
    for (size_t v = 0; v < voxels; v++)
        if (mask->voxels[v])
            return true;
    return false;
}

/* The maps go over to the set. */
static enum sm_status take_masks(struct sm_label_set *set, struct sm_dicom_mask *masks, size_t count,
                                 struct sm_err *err)
{
    enum sm_status status = SM_OK;
    set->maps = calloc(count + 1, sizeof *set->maps);
    if (!set->maps)
        return sm_fail(err, SM_MEMORY, "out of memory for labels");
    for (size_t m = 0; !status && m < count; m++) {
        if (!has_voxels(&masks[m].mask))
            continue;
        struct sm_labels *map = &set->maps[set->map_count++];
        *map = masks[m].mask;
        masks[m].mask = (struct sm_labels){0};
        status = label_set_add(set, masks[m].number, masks[m].label, map, 1, err);
    }
    if (set->count)
        qsort(set->labels, set->count, sizeof *set->labels, by_id);
    return status;
}

static enum sm_status take_origins(struct sm_label_set *set, const struct sm_volume *like, struct sm_err *err)
{
    size_t bytes = (size_t)like->grid.dim[2] * sizeof *set->slice_origin_lps;
    if (!like->slice_origin_lps)
        return SM_OK;
    set->slice_origin_lps = malloc(bytes);
    if (!set->slice_origin_lps)
        return sm_fail(err, SM_MEMORY, "out of memory for labels");
    memcpy(set->slice_origin_lps, like->slice_origin_lps, bytes);
    return SM_OK;
}

static enum sm_status read_file(struct sm_label_set *set, const char *path, const struct sm_volume *like,
                                const struct sm_listener *listener, struct sm_err *err)
{
    struct sm_dicom_mask *masks = NULL;
    struct sm_volume own = {0};
    size_t count = 0;
    enum sm_status status = like ? SM_OK : sm_dicom_mask_grid(&own, path, listener, err);
    like = like ? like : &own;
    if (!status)
        status = sm_dicom_read_masks(&masks, &count, path, like, listener, err);
    if (!status)
        status = take_masks(set, masks, count, err);
    if (!status)
        status = take_origins(set, like, err);
    sm_dicom_masks_free(masks, count);
    sm_volume_free(&own);
    return status;
}

enum sm_status label_set_read_dicom(struct sm_label_set *set, const char *path,
                                    const struct sm_volume *like, const struct sm_listener *listener,
                                    struct sm_err *err)
{
    struct stat kind;
    struct sm_err trouble = {.status = SM_OK};
    char *found = NULL;
    enum sm_status status = SM_OK;
    if (stat(path, &kind) == 0 && S_ISDIR(kind.st_mode))
        status = find_mask(&found, path, listener, &trouble);
    if (!status)
        status = read_file(set, found ? found : path, like, listener, &trouble);
    free(found);
    if (status && input_is_foreign(path, &trouble))
        return input_fail_unknown(path, err);
    if (status && err)
        *err = trouble;
    return status;
}
