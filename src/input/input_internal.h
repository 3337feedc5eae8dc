/* input/input_internal.h - what the readers share. */
#ifndef INPUT_INPUT_INTERNAL_H
#define INPUT_INPUT_INTERNAL_H

#include "sammed2d/input.h"

/* SM_NOT_FOUND with the system's reason when there is nothing at `path`. */
enum sm_status input_check(const char *path, struct sm_err *err);
/* A data set without preamble tells itself only to the DICOM reader. Did that say that it is none? */
bool input_is_foreign(const char *path, const struct sm_err *err);
/* SM_NOT_FOUND: of no format that is read here. */
enum sm_status input_fail_unknown(const char *path, struct sm_err *err);

/* Gives the set one more label; `name` is copied, NULL: "label N". */
enum sm_status label_set_add(struct sm_label_set *set, int id, const char *name,
                             const struct sm_labels *map, uint16_t value, struct sm_err *err);
/* The set of a SEG, a structure set, or a folder that has one of them. */
enum sm_status label_set_read_dicom(struct sm_label_set *set, const char *path,
                                    const struct sm_volume *like, const struct sm_listener *listener,
                                    struct sm_err *err);
#endif
