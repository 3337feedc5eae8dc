/* cmd/options.h - options as a table: one row gives parsing, --help and the check of man pages.
 *
 * A command's main looks like this:
 *
 *     static const struct option_row rows[] = {
 *         OPTION_TEXT('o', "output", &output, "FILE", "label map to write"),
 *         OPTION_FLAG(0, "json", &json, "print one JSON document"),
 *         OPTION_END};
 *     int status = options_parse(&synopsis, rows, &argc, &argv);   positional arguments remain
 *     if (status >= 0) return status;                              help was printed, or usage error
 */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include "sammed2d/error.h"
#include "sammed2d/view.h"

enum option_kind { OPTION_KIND_FLAG, OPTION_KIND_TEXT, OPTION_KIND_INT, OPTION_KIND_DOUBLE, OPTION_KIND_LIST,
                   OPTION_KIND_CALL };

struct option_row {
    char short_name; /* 0: none */
    const char *long_name;
    enum option_kind kind;
    void *target; /* bool*, const char**, int*, double*, struct option_list* */
    const char *value_name;
    const char *help;
    /* CALL: context is target; a non-zero status ends parsing, err says why */
    enum sm_status (*call)(void *context, const char *value, struct sm_err *err);
};

/* Repeatable option: values in order of appearance (point into argv). */
struct option_list {
    const char **values;
    size_t count;
};
void option_list_free(struct option_list *list);

#define OPTION_FLAG(s, l, target, help) {s, l, OPTION_KIND_FLAG, target, NULL, help, NULL}
#define OPTION_TEXT(s, l, target, value, help) {s, l, OPTION_KIND_TEXT, target, value, help, NULL}
#define OPTION_INT(s, l, target, value, help) {s, l, OPTION_KIND_INT, target, value, help, NULL}
#define OPTION_DOUBLE(s, l, target, value, help) {s, l, OPTION_KIND_DOUBLE, target, value, help, NULL}
#define OPTION_LIST(s, l, target, value, help) {s, l, OPTION_KIND_LIST, target, value, help, NULL}
#define OPTION_CALL(s, l, context, value, help, function) \
    {s, l, OPTION_KIND_CALL, context, value, help, function}
#define OPTION_END {0, NULL, OPTION_KIND_FLAG, NULL, NULL, NULL, NULL}

struct synopsis {
    const char *command;   /* "segment" */
    const char *arguments; /* "INPUT -o OUT... PROMPTS" */
    const char *purpose;   /* one line */
};

/* The place of `word` among `names` (NULL ends them); SM_USAGE lists them. No word leaves *place alone. */
enum sm_status option_choose(int *place, const char *option, const char *word, const char *const *names,
                             struct sm_err *err);
/* What --plane takes where "all" is one of its words; *plane is AUTO with it. Both are as they were where word is
 * NULL. */
enum sm_status option_planes(enum sm_plane *plane, bool *all, const char *word, struct sm_err *err);
/* What --multimask takes, in the order of enum sm_choice; NULL at the end. */
extern const char *const multimask_words[];
/* "no", 2 or 4, as --mirrors has it; *mirrors is 1 for no, and as it was where word is NULL. */
enum sm_status option_mirrors(int *mirrors, const char *word, struct sm_err *err);
/* "no" or a number from 1.5 to 10, as --zoom has it; *zoom is 1 for no, and as it was where word is NULL. */
enum sm_status option_zoom(double *zoom, const char *word, struct sm_err *err);

/* Every command also has the common rows -h/--help, -q, -v, --threads N (see cmd.h).
 * Returns -1 to go on (argv then holds the positional arguments only, argc their number), else the
 * exit status. Options and positional arguments may be mixed; "--" ends options; "--name=value". */
int options_parse(const struct synopsis *synopsis, const struct option_row *rows, int *argc,
                  char ***argv);

#endif
