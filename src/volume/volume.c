#include <stdlib.h>
#include <string.h>
#include "sammed2d/volume.h"

static const struct {
    const char *name;
    size_t bytes;
} types[] = {
    [SM_UINT8] = {"uint8", 1},     [SM_INT8] = {"int8", 1},   [SM_UINT16] = {"uint16", 2},
    [SM_INT16] = {"int16", 2},     [SM_UINT32] = {"uint32", 4}, [SM_INT32] = {"int32", 4},
    [SM_UINT64] = {"uint64", 8},   [SM_INT64] = {"int64", 8}, [SM_FLOAT32] = {"float32", 4},
    [SM_FLOAT64] = {"float64", 8},
};

size_t sm_voxel_type_bytes(enum sm_voxel_type type)
{
    return types[type].bytes;
}

const char *sm_voxel_type_name(enum sm_voxel_type type)
{
    return types[type].name;
}

/* Bytes of a grid of voxels; false when that is more than memory can ever be. */
static bool byte_count(const struct sm_grid *grid, size_t bytes, size_t *total)
{
    *total = bytes;
    for (int axis = 0; axis < 3; axis++)
        if (grid->dim[axis] < 1 ||
            __builtin_mul_overflow(*total, (size_t)grid->dim[axis], total))
            return false;
    return *total <= PTRDIFF_MAX;
}

static enum sm_status too_large(const struct sm_grid *grid, struct sm_err *err)
{
    return sm_fail(err, SM_MEMORY, "out of memory: a volume of %d x %d x %d voxels", grid->dim[0],
                   grid->dim[1], grid->dim[2]);
}

enum sm_status sm_volume_adopt(struct sm_volume *volume, const struct sm_grid *grid,
                               enum sm_voxel_type type, int channels, void *voxels,
                               struct sm_err *err)
{
    *volume = (struct sm_volume){
        .grid = *grid, .type = type, .channels = channels, .voxels = voxels};
    volume->rescale = malloc((size_t)grid->dim[2] * sizeof *volume->rescale);
    if (!volume->rescale) {
        sm_volume_free(volume);
        return too_large(grid, err);
    }
    for (int k = 0; k < grid->dim[2]; k++)
        volume->rescale[k] = (struct sm_rescale){.slope = 1};
    return SM_OK;
}

enum sm_status sm_volume_alloc(struct sm_volume *volume, const struct sm_grid *grid,
                               enum sm_voxel_type type, int channels, struct sm_err *err)
{
    *volume = (struct sm_volume){0};
    size_t total;
    void *voxels = NULL;
    if (byte_count(grid, types[type].bytes * (size_t)channels, &total))
        voxels = malloc(total);
    if (!voxels)
        return too_large(grid, err);
    return sm_volume_adopt(volume, grid, type, channels, voxels, err);
}

void sm_voi_free(struct sm_voi *voi)
{
    if (!voi)
        return;
    free(voi->window);
    free(voi->explanation);
    for (size_t t = 0; t < voi->tables; t++)
        free(voi->table[t].grey);
    free(voi->table);
    free(voi);
}

static void free_supply(struct sm_volume *volume)
{
    if (volume->supply)
        volume->supply->free(volume->supply);
    volume->supply = NULL;
}

enum sm_status sm_volume_load(const struct sm_volume *volume, int first, int last, struct sm_err *err)
{
    return volume->supply ? volume->supply->load(volume->supply, first, last, err) : SM_OK;
}

enum sm_status sm_volume_load_all(struct sm_volume *volume, struct sm_err *err)
{
    enum sm_status status = sm_volume_load(volume, 0, volume->grid.dim[2] - 1, err);
    if (!status)
        free_supply(volume);
    return status;
}

void sm_volume_free(struct sm_volume *volume)
{
    free_supply(volume);
    free(volume->voxels);
    free(volume->rescale);
    free(volume->slice_origin_lps);
    sm_voi_free(volume->voi);
    if (volume->dicom_free)
        volume->dicom_free(volume->dicom);
    *volume = (struct sm_volume){0};
}

enum sm_status sm_labels_alloc(struct sm_labels *labels, const struct sm_grid *grid,
                               struct sm_err *err)
{
    *labels = (struct sm_labels){.grid = *grid};
    size_t total;
    if (byte_count(grid, sizeof *labels->voxels, &total))
        labels->voxels = calloc(1, total);
    return labels->voxels ? SM_OK : too_large(grid, err);
}

void sm_labels_free(struct sm_labels *labels)
{
    free(labels->voxels);
    *labels = (struct sm_labels){0};
}
