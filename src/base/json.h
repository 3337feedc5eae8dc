/* base/json.h - the only includer of jansson.h: JSON in with a sentence about what is wrong, JSON out. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include "sammed2d/error.h"

/* Reads a file of at most 64 MB. SM_NOT_FOUND, or SM_CORRUPT with line and column. Free with
 * json_decref. */
enum sm_status json_read(json_t **json, const char *path, struct sm_err *err);
/* File names need not be UTF-8, JSON must be: where text is not, its other bytes become question marks.
 * NULL: out of memory. */
json_t *json_text(const char *text);
/* Writes it indented, whole or not at all. */
enum sm_status json_write(const char *path, const json_t *json, struct sm_err *err);
#endif
