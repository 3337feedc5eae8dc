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
    enum sm_voxel_type type; /* when reason is empty */
    const char *type_name;   /* "int16", "RGB" ...; static */
    int volumes;             /* product of dims 4..7 */
    int version;             /* 1 or 2 */
    bool big_endian;
    const char *form; /* what placed it: "sform", "qform" or "pixdim"; static */
    char description[81];
    char reason[160]; /* why sm_nifti_read would refuse the voxels (RGB, complex ...), or "" */
};

/* `path` is .nii, .hdr or .img, each also with .gz; content decides, not the name.
 *
 * Which of sform and qform places the volume is nifti1.h's rule: sform when sform_code > 0, else
 * qform when qform_code > 0, else pixdim alone, along right, anterior and superior from voxel 0 (a
 * warning: then position and direction are unknown). A warning too when both forms are there and move
 * a corner voxel apart by more than a tenth of the smallest spacing. Metres and micrometres become
 * mm; an unknown unit is mm. For qform and pixdim, a spacing that is negative counts without its
 * sign, and one that is 0 or not finite as 1 (a warning).
 * Errors: SM_NOT_FOUND (no file, or a header without voxels), SM_CORRUPT (truncated, impossible
 * header, a form that cannot be inverted), SM_UNSUPPORTED (ANALYZE 7.5 without NIfTI magic, NIfTI
 * ASCII, CIFTI, one-bit voxels). */
enum sm_status sm_nifti_info(struct sm_nifti_info *info, const char *path,
                             const struct sm_listener *listener, struct sm_err *err);

/* Reads volume number `index` (0-based) of a 4-D..7-D file; -1 means "the only one", and is
 * SM_UNSUPPORTED with a sentence about --volume when there are several; SM_USAGE when there is no
 * such volume. Errors as sm_nifti_info, and SM_UNSUPPORTED for voxels that are not one real number
 * of at most 64 bits. Nothing larger than the file justifies is allocated. scl_slope 0 or not finite:
 * values are not scaled. Free with sm_volume_free. */
enum sm_status sm_nifti_read(struct sm_volume *volume, const char *path, int index,
                             const struct sm_listener *listener, struct sm_err *err);
/* The same without voxels, which wait for sm_volume_load in the open file. What is wrong with them, a file
 * that is cut short or a checksum, comes out then. */
enum sm_status sm_nifti_open(struct sm_volume *volume, const char *path, int index,
                             const struct sm_listener *listener, struct sm_err *err);

/* Writes labels (.nii or .nii.gz, whole or not at all) in the smallest unsigned type that holds the
 * largest value; placement fields are those of `like` to the last bit when it came from NIfTI, else
 * sform and qform from the grid (qform only when the affine is a rotation and scales; both with code 0 when
 * `like` is unplaced). */
enum sm_status sm_nifti_write_labels(const char *path, const struct sm_labels *labels,
                                     const struct sm_volume *like, struct sm_err *err);

/* The same slice by slice: compressed as slices are added, in the order of k, and held in memory, so that it can go on
 * beside other work; the file is written when the writer is closed. `largest` label: what decides the type. `path`
 * must stay. Not for use by two threads at a time. */
struct sm_label_writer;
enum sm_status sm_label_writer_open(struct sm_label_writer **writer, const char *path, const struct sm_grid *grid,
                                    uint16_t largest, const struct sm_volume *like, struct sm_err *err);
enum sm_status sm_label_writer_add(struct sm_label_writer *writer, const uint16_t *slice, struct sm_err *err);
/* `status` not SM_OK: there will be no file, and it is returned; SM_USAGE when not each slice was
 * added. Frees the writer, which may be NULL. */
enum sm_status sm_label_writer_close(struct sm_label_writer *writer, enum sm_status status, struct sm_err *err);

/* Reads a label map: integers 0..65535 (also stored as float, when exact); SM_UNSUPPORTED for anything else, and
 * for more than one volume. */
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
