#include "train/journal.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "base/output.h"

/* One column of a report: its key, and where it is. */
static const struct column {
    const char *key;
    size_t at;
} columns[] = {
    {"seconds", offsetof(struct report, seconds)},
    {"loss", offsetof(struct report, loss)},
    {"focal", offsetof(struct report, focal)},
    {"dice_loss", offsetof(struct report, dice_loss)},
    {"iou_loss", offsetof(struct report, iou_loss)},
    {"dice_first", offsetof(struct report, dice_first)},
    {"dice_last", offsetof(struct report, dice_last)},
    {"lr", offsetof(struct report, lr)},
    {"gradient_norm", offsetof(struct report, gradient_norm)},
    {"val_box", offsetof(struct report, val_box)},
    {"val_point", offsetof(struct report, val_point)},
    {"val_last", offsetof(struct report, val_last)},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static enum sm_status remember(struct journal *j, const struct report *report, struct sm_err *err)
{
    if (j->count == j->room) {
        size_t room = j->room ? 2 * j->room : 256;
        struct report *grown = realloc(j->reports, room * sizeof *grown);
        if (!grown)
            return sm_fail(err, SM_MEMORY, "out of memory");
        j->reports = grown;
        j->room = room;
    }
    j->reports[j->count++] = *report;
    return SM_OK;
}

/* ---- lines ---- */

static char *line_of(const struct report *report)
{
    json_t *json = json_object();
    json_object_set_new(json, "step", json_integer(report->step));
    for (int i = 0; i < COLUMNS; i++) {
        double value = *(const double *)((const char *)report + columns[i].at);
        if (isfinite(value))
            json_object_set_new(json, columns[i].key, json_real(value));
    }
    char *line = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(7));
    json_decref(json);
    return line;
}

static bool parse_line(struct report *report, const char *line)
{
    json_t *json = json_loads(line, 0, NULL), *step = json ? json_object_get(json, "step") : NULL;
    bool ok = json_is_integer(step);
    report->step = json_integer_value(step);
    for (int i = 0; i < COLUMNS; i++) {
        json_t *value = json ? json_object_get(json, columns[i].key) : NULL;
        *(double *)((char *)report + columns[i].at) = json_is_number(value) ? json_number_value(value) : NAN;
    }
    json_decref(json);
    return ok;
}

static enum sm_status append(const struct journal *j, const struct report *report, struct sm_err *err)
{
    char *line = line_of(report);
    if (!line)
        return sm_fail(err, SM_MEMORY, "out of memory");
    FILE *file = fopen(j->log_path, "a");
    int error = !file || fprintf(file, "%s\n", line) < 0 ? errno : 0;
    if (file && fclose(file) != 0 && !error)
        error = errno;
    free(line);
    return error ? sm_fail(err, SM_OUTPUT, "%s: cannot be written: %s", j->log_path, strerror(error)) : SM_OK;
}

/* The log, as far as it is kept. */
static enum sm_status rewrite(const struct journal *j, struct sm_err *err)
{
    struct output output;
    enum sm_status status = output_open(&output, j->log_path, err);
    if (status)
        return status;
    for (size_t i = 0; i < j->count && !status; i++) {
        char *line = line_of(&j->reports[i]);
        status = line ? output_write(&output, line, strlen(line), err) : sm_fail(err, SM_MEMORY, "out of memory");
        if (!status)
            status = output_write(&output, "\n", 1, err);
        free(line);
    }
    if (!status)
        return output_commit(&output, err);
    output_discard(&output);
    return status;
}

enum sm_status journal_open(struct journal *j, const char *log_path, const char *curve_path, int64_t step,
                            struct sm_err *err)
{
    char line[2048];
    struct report report;
    *j = (struct journal){.log_path = log_path, .curve_path = curve_path};
    FILE *file = log_path && step > 0 ? fopen(log_path, "r") : NULL;
    enum sm_status status = SM_OK;
    while (file && !status && fgets(line, sizeof line, file))
        if (parse_line(&report, line) && report.step <= step)
            status = remember(j, &report, err);
    if (file)
        fclose(file);
    return status || !log_path ? status : rewrite(j, err);
}

enum sm_status journal_add(struct journal *j, const struct report *report, struct sm_err *err)
{
    enum sm_status status = remember(j, report, err);
    if (!status && j->log_path)
        status = append(j, report, err);
    if (!status && j->curve_path)
        status = curve_draw(j->reports, j->count, j->curve_path, err);
    return status;
}

void journal_close(struct journal *j)
{
    free(j->reports);
    *j = (struct journal){0};
}
