/* nifti/pair.h - which file holds the header and which the voxels. */
#ifndef NIFTI_PAIR_H
#define NIFTI_PAIR_H

#include "sammed2d/error.h"

/* `path` with the suffix .hdr (or .img) in place of its own, plain or .gz, whichever is there; "" is
 * written when none is. */
void pair_find(char *found, size_t size, const char *path, const char *suffix);
/* Does the name end in .img or .img.gz? */
int pair_is_image(const char *path);
#endif
