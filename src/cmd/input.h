/* cmd/input.h - from a path to a volume, whatever the format: the one table of readers. */
#ifndef CMD_INPUT_H
#define CMD_INPUT_H

#include "sammed2d/volume.h"

enum cmd_format { CMD_FORMAT_UNKNOWN, CMD_FORMAT_NIFTI, CMD_FORMAT_PNG, CMD_FORMAT_DICOM };

/* By the first bytes; by name only where they say nothing (raw voxels, a damaged .nii). */
enum cmd_format cmd_detect_format(const char *path);
/* SM_NOT_FOUND, for CMD_FORMAT_UNKNOWN. */
enum sm_status cmd_fail_unknown(const char *path, struct sm_err *err);

/* Reads the volume at `path`: PNG, NIfTI with volume_index as in sm_nifti_read (-1: the only one), or
 * DICOM: a file, a directory, a DICOMDIR or a zip archive, of which `series` chooses as in
 * sm_dicom_choose (NULL: the only one). Free with sm_volume_free. Warnings and notes go to
 * cmd_listener(). */
enum sm_status cmd_read_series(struct sm_volume *volume, const char *path, int volume_index,
                               const char *series, struct sm_err *err);
/* The same without `series`. */
enum sm_status cmd_read_volume(struct sm_volume *volume, const char *path, int volume_index,
                               struct sm_err *err);
/* Exit status that the reason of a struct sm_left_out stands for: damaged, foreign, or unsupported. */
enum sm_status cmd_left_out_status(const char *reason);
#endif
