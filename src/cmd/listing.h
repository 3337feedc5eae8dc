/* cmd/listing.h - the files in a directory tree, always in the same order. */
#ifndef CMD_LISTING_H
#define CMD_LISTING_H

#include "sammed2d/error.h"

/* Calls `file` for `path` itself when it is no directory, else for every file under it, sorted by name
 * (bytes), directories where their name falls. Links to directories are not followed. The voxels of a
 * NIfTI pair (.img beside its .hdr) are part of the .hdr and not listed. What cannot be looked at
 * comes with trouble != NULL, which says why. */
void cmd_list_files(const char *path,
                    void (*file)(void *context, const char *path, const struct sm_err *trouble),
                    void *context);
#endif
