/* DICOM series, and the SEG or RT structure sets that refer to them. */
#include <stdlib.h>
#include <string.h>
#include "base/digest.h"
#include "dataset/dataset_internal.h"
#include "sammed2d/dicom.h"

/* A mask file and the volume of the study that it was made on. */
struct mask {
    const char *file;
    size_t volume;
    struct sm_dicom_reference reference;
};

/* The one readable volume of the series; without a UID the only one there is. False: none, or several. */
static bool find_volume(const struct sm_dicom_study *study, const char *uid, size_t *found)
{
    size_t count = 0;
    for (size_t v = 0; v < sm_dicom_volumes(study); v++) {
        const struct sm_dicom_volume *volume = sm_dicom_volume_at(study, v);
        if (!volume->readable || (*uid && strcmp(volume->series_uid, uid) != 0))
            continue;
        count++;
        *found = v;
    }
    return count == 1;
}

/* The folder that holds all files of the volume, if there is one, so that reading it need not look further. */
static const char *folder_of(struct sm_dataset *dataset, const struct sm_dicom_study *study, size_t volume,
                             const char *root)
{
    const char *folder = NULL;
    for (size_t f = 0; f < sm_dicom_volume_at(study, volume)->files; f++) {
        const char *own = dataset_folder(dataset, sm_dicom_volume_file(study, volume, f));
        if (!own || (folder && strcmp(own, folder) != 0) || !dataset_is_folder(own))
            return root;
        folder = own;
    }
    return folder ? folder : root;
}

/* Names of folders may be names of patients: a digest of the series' UID instead. */
static const char *name_of(struct sm_dataset *dataset, const char *series_uid)
{
    char hex[65];
    digest_bytes(series_uid, strlen(series_uid), hex);
    return dataset_text(dataset, "dicom_%.12s", hex);
}

static void add_case(struct sm_dataset *dataset, const struct sm_dicom_study *study, const char *root,
                     const struct mask *masks, size_t count, size_t v)
{
    const struct sm_dicom_volume *volume = sm_dicom_volume_at(study, v);
    const struct mask *first = NULL;
    size_t files = 0;
    for (size_t m = 0; m < count; m++)
        if (masks[m].volume == v && files++ == 0)
            first = &masks[m];
    if (!first)
        return;
    struct sm_case about = {.name = name_of(dataset, volume->series_uid), .dataset = dataset_folder_name(dataset, root),
                            .modality = dataset_text(dataset, "%s", volume->modality),
                            .image = folder_of(dataset, study, v, root),
                            .series = dataset_text(dataset, "%s", volume->series_uid)};
    struct entry *entry = dataset_add(dataset, &about, files);
    if (!entry)
        return;
    files = 0;
    for (size_t m = 0; m < count; m++)
        if (masks[m].volume == v)
            entry->files[files++] = dataset_text(dataset, "%s", masks[m].file);
    if (*first->reference.patient)
        entry->patient = dataset_text(dataset, "%s", first->reference.patient);
}

/* Masks whose series is not there are said and left out. */
static size_t find_masks(struct sm_dataset *dataset, const struct sm_dicom_study *study, struct mask *masks)
{
    size_t count = 0;
    for (size_t n = 0; n < sm_dicom_left_out(study); n++) {
        const struct sm_left_out *file = sm_dicom_left_out_at(study, n);
        struct mask *mask = &masks[count];
        struct sm_err err = {0};
        if (file->kind != SM_LEFT_OUT_MASK)
            continue;
        mask->file = file->file;
        if (sm_dicom_read_reference(&mask->reference, file->file, &err))
            sm_warn(dataset->listener, "left out: %s", err.message);
        else if (!find_volume(study, mask->reference.series_uid, &mask->volume))
            sm_warn(dataset->listener, "left out: %s: the one series that it was made on is not there", file->file);
        else {
            count++;
            continue;
        }
        dataset->left_out++;
    }
    return count;
}

enum sm_status layout_dicom(struct sm_dataset *dataset, const char *folder, struct sm_err *err)
{
    struct sm_dicom_study *study;
    const char *prefix = dataset->prefix;
    enum sm_status status = sm_dicom_scan(&study, &folder, 1, dataset->listener, err);
    if (status)
        return status;
    struct mask *masks = calloc(sm_dicom_left_out(study) + 1, sizeof *masks);
    size_t count = masks ? find_masks(dataset, study, masks) : 0;
    dataset->prefix = "";
    for (size_t v = 0; masks && v < sm_dicom_volumes(study); v++)
        add_case(dataset, study, folder, masks, count, v);
    dataset->prefix = prefix;
    dataset->starved |= !masks;
    free(masks);
    sm_dicom_study_free(study);
    return SM_OK;
}
