/* cmd/clash.h - an output must not replace what is read. */
#ifndef CMD_CLASH_H
#define CMD_CLASH_H

#include <stdbool.h>
#include "sammed2d/error.h"

/* One file, whatever way the paths are written, and also when neither is there yet. */
bool clash_same_file(const char *a, const char *b);
/* Is there a file already at `path`, inside the folder that is read? */
bool clash_inside(const char *path, const char *folder);
/* SM_USAGE when `output` is the file `input`, or is there already inside the folder `input`; `what` it is, for the
 * sentence: "the input". Either path may be NULL: then there is no clash. */
enum sm_status clash_check(const char *output, const char *input, const char *what, struct sm_err *err);

#endif
