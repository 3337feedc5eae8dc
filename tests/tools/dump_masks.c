/* dump_masks MASK VOLUME OUT.raw [CHOICE] - what sm_dicom_read_masks makes of a SEG or structure set on
 * the grid of a DICOM series (CHOICE: which) or NIfTI file, or on its own (VOLUME is "-"), for a second
 * opinion: grid, slice origins,
 * masks and what was said as JSON on standard output, the masks one after the other as uint8 (nz, ny,
 * nx) in OUT.raw. Exit status as the program's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "sammed2d/dicom.h"
#include "sammed2d/sammed2d.h"

static json_t *warnings, *notes;

static void keep_warning(void *context, const char *sentence)
{
    (void)context;
    json_array_append_new(warnings, json_string(sentence));
}

static void keep_note(void *context, const char *sentence)
{
    (void)context;
    json_array_append_new(notes, json_string(sentence));
}

static enum sm_status read_volume(struct sm_volume *volume, const char *mask, const char *path,
                                  const char *choice, struct sm_err *err)
{
    struct sm_dicom_study *study;
    size_t index;
    if (strcmp(path, "-") == 0)
        return sm_dicom_mask_grid(volume, mask, NULL, err);
    if (strstr(path, ".nii"))
        return sm_nifti_read(volume, path, -1, NULL, err);
    enum sm_status status = sm_dicom_scan(&study, &path, 1, NULL, err);
    if (status)
        return status;
    status = sm_dicom_choose(study, choice, &index, err);
    if (!status)
        status = sm_dicom_read(volume, study, index, NULL, err);
    sm_dicom_study_free(study);
    return status;
}

static json_t *three(const double v[3])
{
    return json_pack("[f, f, f]", v[0], v[1], v[2]);
}

static void print(const struct sm_volume *volume, const struct sm_dicom_mask *masks, size_t count)
{
    const double (*a)[4] = volume->grid.affine_lps;
    const int *dim = volume->grid.dim;
    json_t *rows = json_array(), *origins = json_array(), *list = json_array();
    for (int r = 0; r < 4; r++)
        json_array_append_new(rows, json_pack("[f, f, f, f]", a[r][0], a[r][1], a[r][2], a[r][3]));
    for (int k = 0; k < dim[2]; k++) {
        double ijk[3] = {0, 0, k}, lps[3];
        sm_grid_to_lps(&volume->grid, ijk, lps);
        json_array_append_new(origins, three(volume->slice_origin_lps ? volume->slice_origin_lps[k] : lps));
    }
    for (size_t m = 0; m < count; m++)
        json_array_append_new(list, json_pack("{s:i, s:s}", "number", masks[m].number, "label",
                                              masks[m].label));
    json_t *document = json_pack("{s:[i, i, i], s:o, s:o, s:o, s:O, s:O}", "dim", dim[0], dim[1], dim[2],
                                 "affine_lps", rows, "origins", origins, "masks", list, "warnings",
                                 warnings, "notes", notes);
    json_dumpf(document, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17));
    putchar('\n');
    json_decref(document);
}

static enum sm_status write_masks(const char *path, const struct sm_dicom_mask *masks, size_t count)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        return SM_OUTPUT;
    for (size_t m = 0; m < count; m++)
        for (size_t v = 0; v < sm_grid_voxels(&masks[m].mask.grid); v++)
            putc(masks[m].mask.voxels[v], file);
    return fclose(file) == 0 ? SM_OK : SM_OUTPUT;
}

int main(int argc, char **argv)
{
    static const struct sm_listener listener = {.warning = keep_warning, .note = keep_note};
    struct sm_volume volume = {0};
    struct sm_dicom_mask *masks = NULL, *listed = NULL;
    size_t count = 0, names = 0;
    struct sm_err err;
    if (argc < 4)
        return SM_USAGE;
    warnings = json_array();
    notes = json_array();
    enum sm_status status = read_volume(&volume, argv[1], argv[2], argc > 4 ? argv[4] : NULL, &err);
    if (!status)
        status = sm_dicom_read_masks(&masks, &count, argv[1], &volume, &listener, &err);
    if (!status)
        status = sm_dicom_list_masks(&listed, &names, argv[1], NULL, &err);
    for (size_t m = 0; !status && m < count; m++)
        if (names != count || listed[m].mask.voxels || listed[m].number != masks[m].number ||
            strcmp(listed[m].label, masks[m].label) != 0)
            status = sm_fail(&err, SM_CORRUPT, "the list of masks says something else than the masks");
    if (!status) {
        print(&volume, masks, count);
        status = write_masks(argv[3], masks, count);
    } else {
        fprintf(stderr, "%s\n", err.message);
    }
    sm_dicom_masks_free(masks, count);
    sm_dicom_masks_free(listed, names);
    sm_volume_free(&volume);
    json_decref(warnings);
    json_decref(notes);
    return (int)status;
}
