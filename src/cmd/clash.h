/* cmd/clash.h - an output must not replace what is read, nor another output.
 *
 * A command first names what it reads, then asks for each file that it will write. Files are the same by device and
 * inode, whatever way their paths are written; those that are not there yet by folder and name.
 */
#ifndef CMD_CLASH_H
#define CMD_CLASH_H

#include <stdbool.h>
#include <stddef.h>
#include "sammed2d/dataset.h"
#include "sammed2d/error.h"

struct clash {
    struct clash_file *files;
    size_t count;
    bool no_memory; /* clash_writes says so */
};

/* A file, with the files of its name that belong to it where it is a volume or a label map: .json, .hdr and .img. `what`
 * it is, for the sentence: "the input"; it must outlive the list. NULL for a path: nothing. */
void clash_reads(struct clash *clash, const char *path, const char *what);
/* The same of an image, whose .json is not read: one that sammed2d wrote may be written again. */
void clash_reads_image(struct clash *clash, const char *path, const char *what);
/* As clash_reads; and where it is a folder, nothing that is in it already may be replaced. */
void clash_reads_folder(struct clash *clash, const char *path, const char *what);
/* The images and label files of all cases, wherever they are. */
void clash_reads_data(struct clash *clash, const struct sm_dataset *data);
/* SM_USAGE when the file is read, is in a folder that is read, or is another output. `aside`: NULL, or what the file is
 * that nobody named, "the list of labels"; two of these may be one file. NULL for a path: nothing. */
enum sm_status clash_writes(struct clash *clash, const char *path, const char *aside, struct sm_err *err);
void clash_free(struct clash *clash);

/* One file, whatever way the paths are written, and also when neither is there yet. */
bool clash_same_file(const char *a, const char *b);
/* Is it a list of labels, or figures, of an earlier run? */
bool clash_is_our_json(const char *path);
/* Is there a file already at `path`, inside the folder? */
bool clash_inside(const char *path, const char *folder);

#endif
