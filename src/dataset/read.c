/* The voxels and objects of one case. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dataset/dataset_internal.h"
#include "sammed2d/picture.h"

/* ---- channels ---- */

/* CASE_0000.nii.gz -> CASE_0002.nii.gz; NULL when there is no such file. */
static const char *channel_file(struct sm_dataset *dataset, const char *image, int channel)
{
    const char *suffix = dataset_suffix(image);
    const char *file = dataset_text(dataset, "%.*s_%04d%s", (int)(suffix - image) - 5, image, channel, suffix);
    return file && dataset_is_file(file) ? file : NULL;
}

enum sm_status sm_dataset_set_channel(struct sm_dataset *dataset, int channel, struct sm_err *err)
{
    if (channel < 0)
        return sm_fail(err, SM_USAGE, "channels are numbered from 0; there is no %d", channel);
    for (size_t n = 0; n < dataset->count; n++) {
        struct entry *entry = &dataset->entries[n];
        if (!entry->separate)
            continue;
        const char *file = channel_file(dataset, entry->about.image, channel);
        if (!file)
            return sm_fail(err, SM_NOT_FOUND, "%s: has no channel %d: no file of its name with _%04d is beside it",
                           entry->about.image, channel, channel);
    }
    for (size_t n = 0; n < dataset->count; n++) {
        struct entry *entry = &dataset->entries[n];
        const char *modality = entry->source && channel < CHANNELS ? entry->source->modality[channel] : NULL;
        if (entry->separate)
            entry->about.image = channel_file(dataset, entry->about.image, channel);
        if (modality)
            entry->about.modality = modality;
    }
    dataset->channel = channel;
    return dataset->starved ? sm_fail(err, SM_MEMORY, "out of memory for the list of cases") : SM_OK;
}

/* ---- one mask a file ---- */

static enum sm_status read_mask(struct sm_labels *map, const char *path, const struct sm_volume *image,
                                struct sm_err *err)
{
    struct sm_volume mask = {0};
    enum sm_status status = sm_png_read(&mask, path, err);
    const int *dim = mask.grid.dim, *want = image->grid.dim;
    if (!status && (mask.type != SM_UINT8 || mask.channels != 1))
        status = sm_fail(err, SM_UNSUPPORTED, "%s: a mask should be grey with 8 bits", path);
    if (!status && (dim[0] != want[0] || dim[1] != want[1] || want[2] != 1))
        status = sm_fail(err, SM_USAGE, "%s: has %d x %d pixels, and its image %d x %d", path, dim[0], dim[1], want[0],
                         want[1]);
    if (!status)
        status = sm_labels_alloc(map, &image->grid, err);
    for (size_t v = 0; !status && v < sm_grid_voxels(&mask.grid); v++) {
        uint8_t value = ((const uint8_t *)mask.voxels)[v];
        if (value > 1 && value < 255)
            status = sm_fail(err, SM_UNSUPPORTED, "%s: holds the value %d; a mask should have 0, and 1 or 255 inside",
                             path, value);
        map->voxels[v] = value > 0;
    }
    sm_volume_free(&mask);
    return status;
}

static bool any_inside(const struct sm_labels *map)
{
    for (size_t v = 0; v < sm_grid_voxels(&map->grid); v++)
        if (map->voxels[v])
            return true;
    return false;
}

static enum sm_status read_masks(struct sm_label_set *set, const struct entry *entry, const struct sm_volume *image,
                                 struct sm_err *err)
{
    size_t files = entry->about.file_count;
    set->maps = calloc(files + 1, sizeof *set->maps);
    set->labels = calloc(files + 1, sizeof *set->labels);
    if (!set->maps || !set->labels)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", entry->about.image);
    for (size_t f = 0; f < files; f++) {
        struct sm_labels *map = &set->maps[set->map_count++];
        enum sm_status status = read_mask(map, entry->files[f], image, err);
        if (status)
            return status;
        if (!any_inside(map))
            continue;
        struct sm_label *label = &set->labels[set->count];
        *label = (struct sm_label){.id = (int)f + 1, .name = strdup(entry->objects[f]), .map = map, .value = 1};
        if (!label->name)
            return sm_fail(err, SM_MEMORY, "%s: out of memory", entry->about.image);
        set->count++;
    }
    return SM_OK;
}

/* ---- label maps and DICOM ---- */

static bool as_stored(const struct sm_turn *turn)
{
    for (int a = 0; a < 3; a++)
        if (turn->axis[a] != a || turn->step[a] != 1)
            return false;
    return true;
}

/* The map's voxels in the order of the image's. */
static enum sm_status turn(struct sm_labels *map, const struct sm_volume *image, const char *file, struct sm_err *err)
{
    struct sm_turn turn;
    const struct sm_grid *grid = &image->grid;
    struct sm_labels turned = {0};
    if (!sm_volume_find_turn(&turn, image, &map->grid) || !turn.whole) {
        char text[200], wanted[200];
        sm_grid_describe(&map->grid, text, sizeof text);
        sm_grid_describe(grid, wanted, sizeof wanted);
        return sm_fail(err, SM_USAGE,
                       "%s: is on another grid than its image: it has %s; the image has %s (LPS mm). "
                       "Resample it to the image first",
                       file, text, wanted);
    }
    map->grid = as_stored(&turn) ? *grid : map->grid;
    if (as_stored(&turn))
        return SM_OK;
    enum sm_status status = sm_labels_turn(&turned, map, &turn, grid, err);
    if (status)
        return status;
    sm_labels_free(map);
    *map = turned;
    return SM_OK;
}

/* The labels of `more` after those of `set`; ids go on. */
static enum sm_status join(struct sm_label_set *set, struct sm_label_set *more, struct sm_err *err)
{
    size_t maps = set->map_count + more->map_count, count = set->count + more->count;
    struct sm_labels *joined = calloc(maps + 1, sizeof *joined);
    struct sm_label *labels = calloc(count + 1, sizeof *labels);
    int last = set->count ? set->labels[set->count - 1].id : 0;
    if (!joined || !labels) {
        free(joined);
        free(labels);
        return sm_fail(err, SM_MEMORY, "out of memory for labels");
    }
    memcpy(joined, set->maps, set->map_count * sizeof *joined);
    memcpy(joined + set->map_count, more->maps, more->map_count * sizeof *joined);
    for (size_t n = 0; n < count; n++) {
        const struct sm_label_set *from = n < set->count ? set : more;
        labels[n] = n < set->count ? set->labels[n] : more->labels[n - set->count];
        labels[n].map = joined + (labels[n].map - from->maps) + (from == more ? set->map_count : 0);
        labels[n].id += from == more ? last : 0;
    }
    free(set->maps);
    free(set->labels);
    free(more->maps);
    free(more->labels);
    free(more->slice_origin_lps);
    set->maps = joined;
    set->map_count = maps;
    set->labels = labels;
    set->count = count;
    *more = (struct sm_label_set){0};
    return SM_OK;
}

enum sm_status sm_label_set_read_on(struct sm_label_set *set, const char *path, const struct sm_volume *image,
                                    const struct sm_listener *listener, struct sm_err *err)
{
    enum sm_status status = sm_label_set_read(set, path, image, listener, err);
    for (size_t m = 0; !status && m < set->map_count; m++)
        status = turn(&set->maps[m], image, path, err);
    if (status)
        sm_label_set_free(set);
    return status;
}

static enum sm_status read_maps(struct sm_label_set *set, const struct entry *entry, const struct sm_volume *image,
                                const struct sm_listener *listener, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    for (size_t f = 0; !status && f < entry->about.file_count; f++) {
        struct sm_label_set more = {0};
        status = sm_label_set_read_on(f ? &more : set, entry->files[f], image, listener, err);
        if (!status && f)
            status = join(set, &more, err);
        sm_label_set_free(&more);
    }
    return !status && entry->source ? names_apply(&entry->source->names, set, err) : status;
}

enum sm_status sm_dataset_read(const struct sm_dataset *dataset, size_t index, struct sm_volume *image,
                               struct sm_label_set *objects, const struct sm_listener *listener, struct sm_err *err)
{
    const struct entry *entry = &dataset->entries[index];
    *image = (struct sm_volume){0};
    *objects = (struct sm_label_set){0};
    int volume = entry->separate || entry->about.picture ? 0 : dataset->channel;
    enum sm_status status = sm_input_read(image, entry->about.image, volume, entry->about.series, listener, err);
    if (!status && !*image->modality)
        snprintf(image->modality, sizeof image->modality, "%s", entry->about.modality);
    if (!status)
        status = entry->kind == ENTRY_MASKS ? read_masks(objects, entry, image, err)
                                            : read_maps(objects, entry, image, listener, err);
    if (status) {
        sm_volume_free(image);
        sm_label_set_free(objects);
    }
    return status;
}
