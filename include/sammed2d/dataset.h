/* sammed2d/dataset.h - labelled data as `eval` and `train` read them: pictures or volumes, each with the
 * objects that are known in it.
 *
 * Layouts, told apart by content:
 *   SA-Med2D     a folder with label2image_*.json (mask file -> image file) or image2label_*.json (image
 *                file -> mask files), images and one-object masks as PNG; or one of these files
 *   nnU-Net, MSD dataset.json: "training" as a list of image and label (MSD), or imagesTr/CASE_0000.* with
 *                labelsTr/CASE.* (nnU-Net v1 and v2), imagesTs with labelsTs too; "labels" name the values
 *   folders      images/ and labels/ (or masks/) with files of the same names, NIfTI or PNG (a label value a
 *                pixel); labels.json for the names
 *   one case     a folder with labels.json that says {"image", "label", "labels": {"1": name}}
 *   DICOM        a tree with series and the SEG or RT structure sets that refer to them: each such series is a case
 * A folder of such folders is all of them. The JSON files are described in sammed2d-dataset(5).
 *
 * Paths in a JSON file are looked for below the file's folder, whole and without their first parts, then below
 * the folders above it, as SAM-Med2D's own start there; they may not contain "..", but for those of "one case".
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
    const char *name;     /* unique in the data set: the image's file name without suffix, after the folder it
                             came from where there are several; DICOM: a digest of the series' UID */
    const char *dataset;  /* the folder (or the name in dataset.json, or in an SA-Med2D-20M file name) it came from */
    const char *modality; /* as DICOM's: "CT", "MR", "US" ..., from the JSON file, the series, or a file or folder
                             name that starts with ct_, mr_, us_ ...; else "" */
    const char *subject;  /* whose image it is, where the data say so; else the name: splits keep subjects whole */
    size_t subject_number; /* place of the subject among all, in order of their names, from 0 */
    const char *split;    /* "train" or "test" where the data say so, else "" */
    const char *image;    /* path: a file, or a folder for a DICOM series */
    const char *series;   /* which DICOM series in it, as for sm_input_read; NULL otherwise */
    bool picture;         /* a 2-D PNG */
    const char *const *files; /* the label files. SA-Med2D: one an object, in the order of the objects' ids */
    size_t file_count;
};

/* Cases come in order of their names (numbers in them by value). A case whose files are missing is left out
 * with a warning, and so is a folder of a folder of folders that cannot be read. SM_NOT_FOUND and SM_CORRUPT say
 * which file was looked for and what each layout would have needed. Free with sm_dataset_close. */
enum sm_status sm_dataset_open(struct sm_dataset **dataset, const char *path,
                               const struct sm_listener *listener, struct sm_err *err);
void sm_dataset_close(struct sm_dataset *dataset);
/* The path that it was opened with. */
const char *sm_dataset_path(const struct sm_dataset *dataset);
/* How much was left out with a warning: files that are not there, folders and masks that could not be read. */
size_t sm_dataset_left_out(const struct sm_dataset *dataset);
size_t sm_dataset_cases(const struct sm_dataset *dataset);
const struct sm_case *sm_dataset_case(const struct sm_dataset *dataset, size_t index);

/* Says whose images the cases are, where the data do not:
 *   "name"   each case is a subject
 *   "pairs"  the last number n in the name counts halves of pairs: n = 2s - 1 and 2s are subject s (MSD's hippocampi)
 *   else     a POSIX extended regular expression that every name must match: its first group is the subject
 * SM_USAGE: no such expression, or a name that does not match. Not while other threads use the data set. */
enum sm_status sm_dataset_set_subjects(struct sm_dataset *dataset, const char *rule, struct sm_err *err);
/* Which channel (MSD: volume of a 4-D file; nnU-Net: CASE_000N) is read, from 0, which it is at first. SM_NOT_FOUND:
 * a case has no such file. */
enum sm_status sm_dataset_set_channel(struct sm_dataset *dataset, int channel, struct sm_err *err);
/* One split for all commands: the cases of subjects 0, nth, 2 nth ... are held out; none when nth is 0. */
bool sm_dataset_held_out(const struct sm_dataset *dataset, size_t index, int nth);

/* Reads a case's voxels and objects; the objects' maps are on the image's grid (another storage order on the
 * same voxels is turned; other voxels: SM_USAGE). Objects called background or ignore are none. SA-Med2D: object
 * n (from 1) is files[n - 1] and named after it, without image and component: components of one organ are objects
 * of one name. Free both. May be called from several threads, and so is `listener` then. */
enum sm_status sm_dataset_read(const struct sm_dataset *dataset, size_t index, struct sm_volume *image,
                               struct sm_label_set *objects, const struct sm_listener *listener,
                               struct sm_err *err);

/* The labels of one file on the grid of `image`: a case by hand. */
enum sm_status sm_label_set_read_on(struct sm_label_set *set, const char *path, const struct sm_volume *image,
                                    const struct sm_listener *listener, struct sm_err *err);

#ifdef __cplusplus
}
#endif

#endif
