/* cmd/convert.h - what the files of `sammed2d convert` share: convert.c (options, and which way it goes),
 * convert_import.c (from a checkpoint), convert_weights.c (from a weights file). */
#ifndef CMD_CONVERT_H
#define CMD_CONVERT_H

#include <stdbool.h>
#include "sammed2d/error.h"

struct convert_command {
    const char *input, *output;
    const char *kind, *type, *name, *licence, *provenance, *multimask, *zoom, *mirrors, *orient; /* of a checkpoint */
    const char *precision, *average;
    double share; /* of the other in the average; NAN, which nobody can type: not given */
    int image_size;
    bool any, packed;
};

/* A checkpoint becomes a weights file. SM_PARTIAL: it is written, but tensors are missing. */
enum sm_status convert_import(const struct convert_command *command, struct sm_err *err);
/* A weights file becomes a checkpoint, */
enum sm_status convert_export(const struct convert_command *command, struct sm_err *err);
/* one with the encoder's matrices as they are multiplied, */
enum sm_status convert_repack(const struct convert_command *command, struct sm_err *err);
/* or with the mean of its weights and those of another. */
enum sm_status convert_average(const struct convert_command *command, struct sm_err *err);
#endif
