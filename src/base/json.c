#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/json.h"
#include "base/output.h"

enum { LARGEST = 64 << 20 };

/* UTF-8's byte order mark, which some editors and shells write, is not of the text. False: half a mark; no JSON begins
 * with its first byte. */
static bool skip_mark(FILE *file)
{
    int byte = getc(file);
    if (byte == 0xef)
        return getc(file) == 0xbb && getc(file) == 0xbf;
    if (byte != EOF)
        ungetc(byte, file);
    return true;
}

enum sm_status json_read(json_t **json, const char *path, struct sm_err *err)
{
    *json = NULL;
    struct stat status;
    if (stat(path, &status) != 0)
        return sm_fail(err, SM_NOT_FOUND, "%s: %s", path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return sm_fail(err, SM_NOT_FOUND, "%s: is a directory; name a file in it", path);
    if (status.st_size > LARGEST)
        return sm_fail(err, SM_UNSUPPORTED, "%s: %lld MB of JSON; at most 64 MB are read", path,
                       (long long)status.st_size >> 20);
    json_error_t error;
    FILE *file = fopen(path, "rb");
    if (!file)
        return sm_fail(err, SM_NOT_FOUND, "%s: cannot be read: %s", path, strerror(errno));
    bool text = skip_mark(file);
    *json = text ? json_loadf(file, JSON_REJECT_DUPLICATES, &error) : NULL;
    fclose(file);
    if (!text)
        return sm_fail(err, SM_CORRUPT, "%s: not valid JSON: line 1, column 1: not UTF-8", path);
    if (!*json)
        return sm_fail(err, SM_CORRUPT, "%s: not valid JSON: line %d, column %d: %s", path,
                       error.line, error.column, error.text);
    return SM_OK;
}

json_t *json_text(const char *text)
{
    json_t *json = json_string(text);
    char *copy = json ? NULL : strdup(text);
    if (!copy)
        return json;
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    json = json_string(copy);
    free(copy);
    return json;
}

enum sm_status json_write(const char *path, const json_t *json, struct sm_err *err)
{
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    if (!text)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    char *line = NULL;
    enum sm_status status = asprintf(&line, "%s\n", text) >= 0 ? output_text(path, line, err)
                                                               : sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    free(line);
    free(text);
    return status;
}
