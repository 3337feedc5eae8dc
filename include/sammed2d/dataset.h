/* sammed2d/dataset.h - labelled data as `eval` and `train` read them: pictures or volumes, each with the
 * objects that are known in it.
 *
 * Layouts, told apart by content:
 *   SA-Med2D     a folder with label2image_test.json (mask file -> image file) or image2label_train.json
 *                (image file -> mask files), images and one-object masks as PNG; or one of these files
 *   nnU-Net, MSD dataset.json: "training" as a list of image and label (MSD), or imagesTr/CASE_0000.* with
 *                labelsTr/CASE.* (nnU-Net v1 and v2); "labels" name the values
 *   folders      images/ and labels/ (or masks/) with files of the same names, NIfTI or PNG (a label value a
 *                pixel); labels.json for the names
 *   one case     a folder with labels.json that says {"image", "label", "labels": {"1": name}}; and a DICOM
 *                series with a SEG of it in one folder
 * A folder of such folders is all of them.
 */
#ifndef SAMMED2D_DATASET_H
#define SAMMED2D_DATASET_H

#include "sammed2d/input.h"
#include "sammed2d/listener.h"
#include "sammed2d/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sm_dataset;

/* What is known of a case without reading its voxels. Strings live as long as the data set. */
struct sm_case {
    const char *name;     /* unique in the data set: the image's path below its root, without suffix */
    const char *dataset;  /* the folder (or the name in dataset.json) that the case came from */
    const char *modality; /* "CT", "MR", "US" ..., from dataset.json, the SA-Med2D file name or the file; "" */
    const char *subject;  /* whose image it is, where the data say so; else the name: splits keep subjects whole */
    const char *image;    /* path */
    bool picture;         /* a 2-D PNG */
};

/* SM_NOT_FOUND and SM_CORRUPT say which file was looked for and what each layout would have needed. Free with
 * sm_dataset_close. */
enum sm_status sm_dataset_open(struct sm_dataset **dataset, const char *path,
                               const struct sm_listener *listener, struct sm_err *err);
void sm_dataset_close(struct sm_dataset *dataset);
size_t sm_dataset_cases(const struct sm_dataset *dataset);
const struct sm_case *sm_dataset_case(const struct sm_dataset *dataset, size_t index);

/* Reads a case's voxels and objects; the objects' maps are on the image's grid (another storage order on the
 * same voxels is turned; other voxels: SM_USAGE). Free both. May be called from several threads. */
enum sm_status sm_dataset_read(const struct sm_dataset *dataset, size_t index, struct sm_volume *image,
                               struct sm_label_set *objects, const struct sm_listener *listener,
                               struct sm_err *err);

#ifdef __cplusplus
}
#endif

#endif
