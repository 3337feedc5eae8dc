/* sammed2d/nifti.h - NIfTI-1 and NIfTI-2 in, label maps out.
 *
 * Source: the format's header nifti1.h / nifti2.h (niftilib). The only place where RAS meets LPS.
 */
#ifndef SAMMED2D_NIFTI_H
#define SAMMED2D_NIFTI_H

#include "sammed2d/listener.h"
#include "sammed2d/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a header says, without reading voxels. */
struct sm_nifti_info {
    struct sm_grid grid;
    enum sm_voxel_type type;
    int volumes; /* product of dims 4..7 */
    char description[81];
};

/* Which of sform and qform places the volume is nifti1.h's rule: sform when sform_code > 0, else
 * qform when qform_code > 0, else pixdim alone (a warning: then position and direction are unknown).
 * A warning too when both are there and put a corner of the grid more than 1e-3 voxel... see nifti.c.
 * Errors: SM_NOT_FOUND, SM_CORRUPT (truncated, impossible header), SM_UNSUPPORTED (RGB, complex,
 * ANALYZE 7.5 without NIfTI magic, a grid that cannot be inverted). */
enum sm_status sm_nifti_info(struct sm_nifti_info *info, const char *path,
                             const struct sm_listener *listener, struct sm_err *err);

/* Reads volume number `index` (0-based) of a 4-D..7-D file; -1 means "the only one", and is
 * SM_UNSUPPORTED with a sentence about --volume when there are several. Nothing larger than the
 * file justifies is allocated. Free with sm_volume_free. */
enum sm_status sm_nifti_read(struct sm_volume *volume, const char *path, int index,
                             const struct sm_listener *listener, struct sm_err *err);

/* Writes labels (.nii or .nii.gz, whole or not at all) in the smallest unsigned type that holds the
 * largest value; placement fields are those of `like` to the last bit when it came from NIfTI, else
 * sform and qform from the grid (qform only when the affine is a rotation and scales). */
enum sm_status sm_nifti_write_labels(const char *path, const struct sm_labels *labels,
                                     const struct sm_volume *like, struct sm_err *err);

/* Reads a label map: integers 0..65535 (also stored as float, when exact). */
enum sm_status sm_nifti_read_labels(struct sm_labels *labels, const char *path,
                                    const struct sm_listener *listener, struct sm_err *err);

/* 4-D float32 file of `volumes` volumes, written one after the other: `fill` puts volume v
 * (nz, ny, nx) into out. For --probabilities. */
enum sm_status sm_nifti_write_floats(const char *path, const struct sm_volume *like, int volumes,
                                     enum sm_status (*fill)(void *context, int v, float *out,
                                                            struct sm_err *err),
                                     void *context, struct sm_err *err);

#ifdef __cplusplus
}
#endif

#endif
