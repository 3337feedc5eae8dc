/* Segmentations (SEG) and RT structure sets as prompts. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "pipeline/prompts_internal.h"
#include "sammed2d/dicom.h"
#include "sammed2d/input.h"

/* A file of no known kind may be a data set without preamble. */
bool prompts_is_dicom(const char *path)
{
    enum sm_input_format format = sm_input_detect(path);
    return format == SM_INPUT_DICOM || format == SM_INPUT_UNKNOWN;
}

enum sm_status prompts_add_dicom(struct sm_prompts *prompts, const char *path,
                                 const struct sm_listener *listener, struct sm_err *err)
{
    struct sm_dicom_mask *masks;
    size_t count;
    enum sm_status status = sm_dicom_list_masks(&masks, &count, path, listener, err);
    for (size_t m = 0; !status && m < count; m++)
        status = prompts_add_mask_object(prompts, path, masks[m].number, masks[m].label, listener, err);
    sm_dicom_masks_free(masks, count);
    return status;
}

/* Which mask is meant: the one numbered mask_label, else the only one, else the one of that name, else
 * the one numbered as the object, where it was given a number. */
static struct sm_dicom_mask *choose(struct sm_dicom_mask *masks, size_t count,
                                    const struct sm_object *object)
{
    int number = object->mask_value, wanted = number ? number : object->mask_id;
    if (!number && count == 1)
        return masks;
    for (size_t m = 0; !number && m < count; m++)
        if (strcasecmp(masks[m].label, object->name) == 0)
            return &masks[m];
    for (size_t m = 0; wanted && m < count; m++)
        if (masks[m].number == wanted)
            return &masks[m];
    return NULL;
}

static enum sm_status copy_labels(struct sm_labels *to, const struct sm_labels *from, struct sm_err *err)
{
    enum sm_status status = sm_labels_alloc(to, &from->grid, err);
    for (size_t v = 0; !status && v < sm_grid_voxels(&from->grid); v++)
        if (from->voxels[v]) /* empty pages stay untouched */
            to->voxels[v] = from->voxels[v];
    return status;
}

/* The object gets the mask itself, unless it went to another object before. */
static enum sm_status take(struct sm_object *object, struct sm_dicom_mask *mask,
                           const struct sm_object **owner, struct sm_err *err)
{
    object->mask = calloc(1, sizeof *object->mask);
    if (!object->mask)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    if (*owner)
        return copy_labels(object->mask, (*owner)->mask, err);
    *object->mask = mask->mask;
    mask->mask = (struct sm_labels){0};
    *owner = object;
    return SM_OK;
}

enum sm_status prompts_load_dicom(struct sm_prompts *prompts, const char *path,
                                  const struct sm_volume *volume, const struct sm_listener *listener,
                                  struct sm_err *err)
{
    struct sm_dicom_mask *masks;
    size_t count;
    enum sm_status status = sm_dicom_read_masks(&masks, &count, path, volume, listener, err);
    const struct sm_object **owners = calloc(count + 1, sizeof *owners);
    if (!status && !owners)
        status = sm_fail(err, SM_MEMORY, "out of memory for prompts");
    for (size_t o = 0; !status && o < prompts->count; o++) {
        struct sm_object *object = &prompts->objects[o];
        if (object->mask || !object->mask_path || strcmp(object->mask_path, path) != 0)
            continue;
        struct sm_dicom_mask *mask = choose(masks, count, object);
        status = mask ? take(object, mask, &owners[mask - masks], err)
                      : sm_fail(err, SM_USAGE,
                                "%s: has %zu segments, and none is \"%s\"; say which one is meant with "
                                "\"mask_label\" and its number", path, count, object->name);
    }
    free(owners);
    sm_dicom_masks_free(masks, count);
    return status;
}
