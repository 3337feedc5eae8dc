#include <stdio.h>
#include <string.h>
#include "cmd/info.h"
#include "sammed2d/dicom.h"

static json_t *gaps_json(const struct sm_dicom_volume *found)
{
    json_t *gaps = json_array();
    for (size_t g = 0; g < found->gap_count; g++)
        json_array_append_new(gaps, json_pack("{s:i, s:f}", "after", found->gaps[g].after, "step_mm",
                                              found->gaps[g].step_mm));
    return gaps;
}

static json_t *files_json(const struct sm_dicom_study *study, size_t index)
{
    json_t *files = json_array();
    for (size_t f = 0; f < sm_dicom_volume_at(study, index)->files; f++)
        json_array_append_new(files, json_text(sm_dicom_volume_file(study, index, f)));
    return files;
}

static json_t *volume_json(const struct sm_dicom_study *study, size_t index)
{
    const struct sm_dicom_volume *found = sm_dicom_volume_at(study, index);
    const struct sm_grid *grid = &found->grid;
    char letters[4];
    json_t *warnings = json_array();
    if (found->unplaced)
        json_array_append_new(warnings, json_text(found->unplaced));
    sm_grid_orientation_letters(grid, letters);
    json_t *volume = json_pack(
        "{s:i, s:o, s:o, s:o, s:[i, i, i], s:[f, f, f], s:o, s:s, s:s, s:o, s:o, s:f, s:b}", "number",
        found->number, "uid", json_text(found->series_uid), "modality", json_text(found->modality),
        "description", json_text(found->description), "dim", grid->dim[0], grid->dim[1], grid->dim[2],
        "spacing_mm", sm_grid_spacing_mm(grid, 0), sm_grid_spacing_mm(grid, 1),
        sm_grid_spacing_mm(grid, 2), "affine_lps", info_affine(grid), "orientation", letters,
        "transfer_syntax", found->transfer_syntax, "files", files_json(study, index), "gaps",
        gaps_json(found), "tilt_deg", found->tilt_deg, "readable", found->readable);
    json_t *more =
        json_pack("{s:o, s:s, s:s, s:s, s:i, s:o}", "reason",
                  found->reason ? json_text(found->reason) : json_null(), "format", "DICOM", "type",
                  sm_voxel_type_name(found->type), "placed_by", found->placed ? "dicom" : "none",
                  "volumes_in_file", 1, "warnings", warnings);
    json_object_update(volume, more);
    json_decref(more);
    return volume;
}

/* What the program ends with where a file of the kind is all that it was given. */
static enum sm_status status_of(enum sm_left_out_kind kind)
{
    switch (kind) {
    case SM_LEFT_OUT_DAMAGED: return SM_CORRUPT;
    case SM_LEFT_OUT_FOREIGN:
    case SM_LEFT_OUT_MISSING: return SM_NOT_FOUND;
    default: return SM_UNSUPPORTED;
    }
}

enum sm_status info_dicom(json_t *volumes, json_t *left_out, const char *const *paths, size_t count,
                          enum sm_status *failure, struct sm_err *err)
{
    struct sm_dicom_study *study;
    enum sm_status status = sm_dicom_scan(&study, paths, count, cmd_listener(), err);
    if (status != SM_OK)
        return status;
    for (size_t v = 0; v < sm_dicom_volumes(study); v++)
        json_array_append_new(volumes, volume_json(study, v));
    for (size_t n = 0; n < sm_dicom_left_out(study); n++) {
        const struct sm_left_out *out = sm_dicom_left_out_at(study, n);
        enum sm_status alone = status_of(out->kind);
        *failure = *failure == SM_OK || *failure == alone ? alone : SM_NOT_FOUND;
        const char *reason = out->kind == SM_LEFT_OUT_FOREIGN ? "neither NIfTI nor PNG nor DICOM" : out->reason;
        json_array_append_new(left_out, json_pack("{s:o, s:o}", "file", json_text(out->file),
                                                  "reason", json_text(reason)));
    }
    sm_dicom_study_free(study);
    return SM_OK;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

void info_dicom_print(const json_t *volume)
{
    size_t g;
    const json_t *gap;
    printf("     series: %s\n     transfer syntax: %s\n", text_of(volume, "uid"),
           text_of(volume, "transfer_syntax"));
    json_array_foreach(json_object_get(volume, "gaps"), g, gap) {
        long long after = json_integer_value(json_object_get(gap, "after"));
        printf("     gap: %.4g mm between slices %lld and %lld\n",
               json_real_value(json_object_get(gap, "step_mm")), after, after + 1);
    }
    if (json_is_true(json_object_get(volume, "readable")) && text_of(volume, "reason")[0])
        printf("     told from others of its series by: %s\n", text_of(volume, "reason"));
}
