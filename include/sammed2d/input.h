/* sammed2d/input.h - from a path to a volume or to labels, whatever the format: the one table of readers.
 */
#ifndef SAMMED2D_INPUT_H
#define SAMMED2D_INPUT_H

#include "sammed2d/listener.h"
#include "sammed2d/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

enum sm_input_format { SM_INPUT_UNKNOWN, SM_INPUT_NIFTI, SM_INPUT_PNG, SM_INPUT_DICOM };

/* By the first bytes; by name only where they say nothing (raw voxels, a damaged .nii). Directories and
 * zip archives are DICOM. */
enum sm_input_format sm_input_detect(const char *path);

/* PNG; NIfTI with `index` as in sm_nifti_read (-1: the only one); or DICOM: a file, a directory, a DICOMDIR
 * or a zip archive, of which `series` chooses as in sm_dicom_choose (NULL: the only one). A choice where there is nothing
 * to choose from is SM_USAGE: `series` of NIfTI and PNG, an `index` above 0 of PNG and DICOM. Free with sm_volume_free. */
enum sm_status sm_input_read(struct sm_volume *volume, const char *path, int index, const char *series,
                             const struct sm_listener *listener, struct sm_err *err);

/* The same without voxels of NIfTI and DICOM, which wait for sm_volume_load: work may begin on the first slices
 * while others are read. The listener must stay as long (sm_dicom_open). Once all are there, sm_input_warn says what
 * sm_input_read would have: that voxels are no numbers, or all the same. */
enum sm_status sm_input_open(struct sm_volume *volume, const char *path, int index, const char *series,
                             const struct sm_listener *listener, struct sm_err *err);
void sm_input_warn(const struct sm_volume *volume, const char *path, const struct sm_listener *listener);

/* One object of a label map, a SEG, a structure set or a mask picture: the voxels of `map` that have `value`.
 * Objects of a label map share one map; those of a SEG, which may overlap, have one each. */
struct sm_label {
    int id;           /* label value, SegmentNumber or ROINumber; from 1 */
    char *name;       /* UTF-8; "label N" where nothing names it; owned by the set */
    bool named;       /* something does */
    const struct sm_labels *map;
    uint16_t value;
};
struct sm_label_set {
    enum sm_input_format format; /* of the file: a label map, or objects that may overlap (DICOM) */
    struct sm_labels *maps;
    size_t map_count;
    struct sm_label *labels; /* by id */
    size_t count;
    double (*slice_origin_lps)[3]; /* (dim[2]) as in struct sm_volume; NULL: the affine holds for all */
    double moved_mm; /* sm_compare_read: how far at most a plane was from where it is now; else 0 */
};

/* Reads a label map (NIfTI; PNG of whole numbers), a DICOM SEG or an RT structure set. `like`: the volume on
 * whose grid the masks are wanted; it may be NULL for label maps and SEG, which then come on their own grid.
 * A NIfTI or PNG map always comes on its own grid. Names of a label map: a .json beside it. Only labels that
 * have a voxel are listed. Free with sm_label_set_free. */
enum sm_status sm_label_set_read(struct sm_label_set *set, const char *path, const struct sm_volume *like,
                                 const struct sm_listener *listener, struct sm_err *err);
void sm_label_set_free(struct sm_label_set *set);

#ifdef __cplusplus
}
#endif

#endif
