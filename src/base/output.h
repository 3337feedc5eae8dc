/* base/output.h - a file that appears whole or not at all: temporary file beside it, fsync, rename. */
#ifndef BASE_OUTPUT_H
#define BASE_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>
#include "sammed2d/error.h"

struct output {
    char *path;      /* where it will be: symbolic links followed */
    char *temporary; /* where it is being written, in the same directory; ends in the suffix of path */
    int fd;
};

/* Creates the temporary file. SM_OUTPUT says whether the directory is missing, not writable ... The file
 * behind a symbolic link is replaced, not the link; an existing file's mode is kept; "-", devices and
 * write-protected files are refused. */
enum sm_status output_open(struct output *output, const char *path, struct sm_err *err);
/* Writes all of it, also across short writes; SM_OUTPUT with the reason (disk full ...). */
enum sm_status output_write(struct output *output, const void *bytes, size_t count,
                            struct sm_err *err);
/* fsync, close, rename, fsync the directory. On failure the temporary file is removed. */
enum sm_status output_commit(struct output *output, struct sm_err *err);
/* Removes the temporary file; harmless after a commit or on a zeroed struct. */
void output_discard(struct output *output);
/* Would output_open succeed? Asked before hours of work, not after. */
enum sm_status output_check(const char *path, struct sm_err *err);

/* Removes every temporary file there is; for a signal handler that is about to end the program. */
void output_abandon(void);

/* All of a small text at once. */
enum sm_status output_text(const char *path, const char *text, struct sm_err *err);
#endif
