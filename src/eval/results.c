#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "eval/results.h"

struct results {
    char *path;
    int fd;        /* -1: nothing is kept */
    json_t *known; /* key -> scores */
};

json_t *results_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

double results_value(const json_t *json)
{
    return json_is_number(json) ? json_number_value(json) : NAN;
}

/* False: not one of our lines. */
static bool take_line(struct results *results, const char *line)
{
    json_t *json = json_loads(line, 0, NULL);
    const char *key = json_string_value(json_object_get(json, "key"));
    json_t *scores = json_object_get(json, "scores");
    bool ours = key && json_is_array(scores);
    if (ours)
        json_object_set(results->known, key, scores);
    json_decref(json);
    return ours;
}

/* A line that a run was stopped in begins as ours do. Anything else is somebody's file, with or without an end of line.
 */
static bool cut_off(const char *line)
{
    static const char begins[] = "{\"key\":";
    size_t length = strlen(line);
    return strncmp(line, begins, length < sizeof begins - 1 ? length : sizeof begins - 1) == 0;
}

/* *whole: bytes up to the end of the last line that is whole. */
static enum sm_status read_lines(struct results *results, FILE *file, off_t *whole, struct sm_err *err)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    enum sm_status status = SM_OK;
    *whole = 0;
    for (int number = 1; !status && (length = getline(&line, &size, file)) > 0; number++) {
        bool ended = line[length - 1] == '\n';
        if (!ended && cut_off(line))
            break;
        *whole += length;
        if (!ended || !take_line(results, line))
            status = sm_fail(err, SM_CORRUPT, "%s: line %d is not a result as eval writes them; give another file",
                             results->path, number);
    }
    free(line);
    return status;
}

static enum sm_status fail_write(const struct results *results, struct sm_err *err)
{
    return sm_fail(err, SM_OUTPUT, "%s: cannot be written: %s", results->path, strerror(errno));
}

static enum sm_status write_all(struct results *results, const char *text, size_t count, struct sm_err *err)
{
    while (count) {
        ssize_t written = write(results->fd, text, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fail_write(results, err);
        text += written;
        count -= (size_t)written;
    }
    return SM_OK;
}

/* What there is, but for a line that a run was stopped in, which is cut off. */
static enum sm_status take_lines(struct results *results, struct sm_err *err)
{
    off_t whole;
    struct stat now;
    int copy = fcntl(results->fd, F_DUPFD_CLOEXEC, 0);
    FILE *file = copy >= 0 ? fdopen(copy, "r") : NULL;
    if (!file) {
        if (copy >= 0)
            close(copy);
        return sm_fail(err, SM_MEMORY, "%s: out of memory", results->path);
    }
    enum sm_status status = read_lines(results, file, &whole, err);
    if (!status && fstat(results->fd, &now) == 0 && S_ISREG(now.st_mode) && now.st_size > whole &&
        ftruncate(results->fd, whole))
        status = fail_write(results, err);
    fclose(file);
    return status;
}

/* Other runs may add to the file at the same time: not between the reading and the cutting off. Where there are no
 * locks (some network file systems) it goes without. */
static enum sm_status open_file(struct results *results, struct sm_err *err)
{
    results->fd = open(results->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (results->fd < 0)
        return fail_write(results, err);
    flock(results->fd, LOCK_EX);
    enum sm_status status = take_lines(results, err);
    flock(results->fd, LOCK_UN);
    return status;
}

enum sm_status results_open(struct results **out, const char *path, struct sm_err *err)
{
    struct results *results = *out = calloc(1, sizeof *results);
    if (results)
        results->fd = -1;
    if (!results || !(results->known = json_object()) || (path && !(results->path = strdup(path)))) {
        results_close(results);
        *out = NULL;
        return sm_fail(err, SM_MEMORY, "out of memory");
    }
    enum sm_status status = path ? open_file(results, err) : SM_OK;
    if (status) {
        results_close(results);
        *out = NULL;
    }
    return status;
}

void results_close(struct results *results)
{
    if (!results)
        return;
    if (results->fd >= 0)
        close(results->fd);
    json_decref(results->known);
    free(results->path);
    free(results);
}

const json_t *results_find(const struct results *results, const char *key)
{
    return json_object_get(results->known, key);
}

enum sm_status results_add(struct results *results, const char *key, const char *about, int slice, const char *prompt,
                           json_t *scores, struct sm_err *err)
{
    json_object_set(results->known, key, scores);
    json_t *line = json_pack("{s:s s:o s:i s:s s:o}", "key", key, "case", json_text(about), "slice", slice, "prompt",
                             prompt, "scores", scores);
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    enum sm_status status = text ? SM_OK : sm_fail(err, SM_MEMORY, "out of memory");
    if (text && results->fd >= 0) {
        size_t length = strlen(text);
        text[length] = '\n'; /* in place of the NUL: one write, so that lines of two runs do not mix */
        flock(results->fd, LOCK_EX);
        status = write_all(results, text, length + 1, err);
        flock(results->fd, LOCK_UN);
    }
    free(text);
    json_decref(line);
    return status;
}
