/* eval/mask_files.h - the answers as pictures, so that every figure can be computed again by others. */
#ifndef EVAL_MASK_FILES_H
#define EVAL_MASK_FILES_H

#include "eval/page.h"

enum { MASK_PATH = 1024 };
/* FOLDER/WEIGHTS/DATASET/CASE_SLICE_ID_PROMPT.png below options->masks; false: the path is too long.
 * `table` is the number of the weights. */
bool mask_path(char path[MASK_PATH], const struct sm_evaluation *evaluation, size_t table, const struct row *row,
               size_t prompt);
/* 0 and 255, in the page's picture frame; folders are made. */
enum sm_status mask_write(const char *path, const uint8_t *inside, int height, int width, struct sm_err *err);
#endif
