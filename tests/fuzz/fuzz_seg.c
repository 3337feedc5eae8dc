/* Bytes as a segmentation or structure set, onto a small turned volume, onto one with uneven slices, and
 * onto the grid of its own frames.
 * What is read must be listed too, under the same names, and holds nothing but 0 and 1. */
#include <stdlib.h>
#include <string.h>
#include "lib/fuzz_file.h"
#include "sammed2d/dicom.h"

enum { NX = 11, NY = 9, NZ = 6, MOST_VOXELS = 1 << 20 };

/* The series of tests/lib/make_masks.py. */
static const struct sm_grid grid = {
    {NX, NY, NZ},
    {{-0.69620934, -0.16463899, -0.43210161, -12.25},
     {0.23206978, -0.47084657, 0.33043065, 30.5},
     {-0.15471319, 0.03460565, 2.44010323, 7.75},
     {0, 0, 0, 1}}};

static void check(const struct sm_dicom_mask *masks, size_t count, const char *path)
{
    struct sm_dicom_mask *listed;
    size_t names;
    struct sm_err err;
    if (sm_dicom_list_masks(&listed, &names, path, NULL, &err) != SM_OK || names != count)
        abort();
    for (size_t m = 0; m < count; m++) {
        if (strcmp(masks[m].label, listed[m].label) != 0 || masks[m].number != listed[m].number ||
            masks[m].number < 1 || masks[m].number > 65535 || listed[m].mask.voxels)
            abort();
        for (size_t v = 0; v < sm_grid_voxels(&masks[m].mask.grid); v++)
            if (masks[m].mask.voxels[v] > 1)
                abort();
    }
    sm_dicom_masks_free(listed, names);
}

static void read_onto(const struct sm_volume *volume, const char *path)
{
    struct sm_dicom_mask *masks;
    size_t count;
    struct sm_err err;
    if (sm_dicom_read_masks(&masks, &count, path, volume, NULL, &err) == SM_OK)
        check(masks, count, path);
    else if (masks || count)
        abort();
    sm_dicom_masks_free(masks, count);
}

static void read_onto_its_own(const char *path)
{
    struct sm_volume own;
    if (sm_dicom_mask_grid(&own, path, NULL, NULL) == SM_OK) {
        if (!sm_grid_invertible(&own.grid))
            abort();
        if (sm_grid_voxels(&own.grid) <= MOST_VOXELS)
            read_onto(&own, path);
    }
    sm_volume_free(&own);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    double origins[NZ][3];
    struct sm_volume volume = {.grid = grid};
    struct fuzz_file file;
    for (int k = 0; k < NZ; k++)
        for (int a = 0; a < 3; a++)
            origins[k][a] = grid.affine_lps[a][3] + grid.affine_lps[a][2] * (k < 3 ? k : k + 1.5);
    fuzz_file_open(&file, data, size);
    read_onto(&volume, file.path);
    volume.slice_origin_lps = origins;
    read_onto(&volume, file.path);
    read_onto_its_own(file.path);
    fuzz_file_close(&file);
    return 0;
}
