/* cmd/info.h - what the files of `sammed2d info` share. */
#ifndef CMD_INFO_H
#define CMD_INFO_H

#include "base/json.h"
#include "cmd/cmd.h"

/* 4 x 4, rows; -0 becomes 0. */
struct sm_grid;
json_t *info_affine(const struct sm_grid *grid);

/* Adds the DICOM volumes found under `paths` to `volumes`, what takes no part to `left_out`. *failure becomes the
 * status of what was left out, SM_NOT_FOUND where that is of several kinds, and stays where nothing was. */
enum sm_status info_dicom(json_t *volumes, json_t *left_out, const char *const *paths, size_t count,
                          enum sm_status *failure, struct sm_err *err);
/* The lines of the table under a DICOM volume. */
void info_dicom_print(const json_t *volume);
#endif
