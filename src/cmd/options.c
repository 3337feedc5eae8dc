#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/cmd.h"
#include "cmd/options.h"

enum { MOST_THREADS = 1024 }; /* many more and OpenMP ends the program, with no word of ours */

/* What parsing carries along. */
struct parse {
    const struct synopsis *synopsis;
    const struct option_row *rows; /* the command's own */
    bool help;
    struct sm_err err;
};

static bool help_wanted;
static const struct option_row common_rows[] = {
    OPTION_INT(0, "threads", &cmd_common.threads, "N", "threads to use (default: all cores)"),
    OPTION_FLAG('q', "quiet", &cmd_common.quiet, "say nothing but errors"),
    OPTION_FLAG('v', "verbose", &cmd_common.verbose, "say what is decided and why"),
    OPTION_FLAG('h', "help", &help_wanted, "show this help"),
    OPTION_END};

void option_list_free(struct option_list *list)
{
    free(list->values);
    *list = (struct option_list){0};
}

enum sm_status option_choose(int *place, const char *option, const char *word, const char *const *names,
                             struct sm_err *err)
{
    char list[200] = "";
    for (int n = 0; word && names[n]; n++) {
        if (strcmp(names[n], word) == 0) {
            *place = n;
            return SM_OK;
        }
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", n ? ", " : "", names[n]);
    }
    return word ? sm_fail(err, SM_USAGE, "--%s takes one of %s, not \"%s\"", option, list, word) : SM_OK;
}

enum sm_status option_planes(enum sm_plane *plane, bool *all, const char *word, struct sm_err *err)
{
    enum { ALL = SM_PLANE_SAGITTAL + 1 };
    const char *words[ALL + 2] = {[ALL] = "all"};
    int place = *plane;
    memcpy(words, sm_plane_words(), ALL * sizeof *words);
    enum sm_status status = option_choose(&place, "plane", word, words, err);
    if (!word || status)
        return status;
    *all = place == ALL;
    *plane = *all ? SM_PLANE_AUTO : (enum sm_plane)place;
    return SM_OK;
}

enum sm_status option_zoom(double *zoom, const char *word, struct sm_err *err)
{
    char *end;
    if (!word)
        return SM_OK;
    double value = strcmp(word, "no") == 0 ? 1 : strtod(word, &end);
    if (strcmp(word, "no") != 0 && (end == word || *end || !(value >= 1.5 && value <= 10)))
        return sm_fail(err, SM_USAGE, "--zoom takes no or a number from 1.5 to 10, not \"%s\"", word);
    *zoom = value;
    return SM_OK;
}

const char *const multimask_words[] = {"default", "no", "yes", "box", "points", NULL};

enum sm_status option_mirrors(int *mirrors, const char *word, struct sm_err *err)
{
    static const struct {
        const char *word;
        int mirrors;
    } known[] = {{"no", 1}, {"2", 2}, {"4", 4}};
    for (size_t n = 0; word && n < sizeof known / sizeof *known; n++)
        if (strcmp(word, known[n].word) == 0) {
            *mirrors = known[n].mirrors;
            return SM_OK;
        }
    return word ? sm_fail(err, SM_USAGE, "--mirrors takes no, 2 or 4, not \"%s\"", word) : SM_OK;
}

static bool is_end(const struct option_row *row)
{
    return !row->long_name && !row->short_name;
}

static const struct option_row *find_in(const struct option_row *rows, char short_name,
                                        const char *name, size_t length)
{
    for (; !is_end(rows); rows++) {
        if (short_name && rows->short_name == short_name)
            return rows;
        if (name && rows->long_name && strlen(rows->long_name) == length &&
            strncmp(rows->long_name, name, length) == 0)
            return rows;
    }
    return NULL;
}

static const struct option_row *find(const struct parse *parse, char short_name, const char *name,
                                     size_t length)
{
    const struct option_row *row = find_in(parse->rows, short_name, name, length);
    return row ? row : find_in(common_rows, short_name, name, length);
}

static enum sm_status append(struct option_list *list, const char *value, struct sm_err *err)
{
    const char **grown = realloc(list->values, (list->count + 1) * sizeof *grown);
    if (!grown)
        return sm_fail(err, SM_MEMORY, "out of memory");
    list->values = grown;
    list->values[list->count++] = value;
    return SM_OK;
}

/* "--threads", or "-o" where there is no long name. */
static const char *shown_name(const struct option_row *row, char text[64])
{
    if (row->long_name)
        snprintf(text, 64, "--%s", row->long_name);
    else
        snprintf(text, 64, "-%c", row->short_name);
    return text;
}

static enum sm_status set_int(const struct option_row *row, const char *value, struct sm_err *err)
{
    char *end, name[64];
    errno = 0;
    long number = strtol(value, &end, 10);
    if (errno || *end || end == value || number < INT_MIN || number > INT_MAX)
        return sm_fail(err, SM_USAGE, "%s takes a whole number, not \"%s\"",
                       shown_name(row, name), value);
    *(int *)row->target = (int)number;
    return SM_OK;
}

static enum sm_status set_double(const struct option_row *row, const char *value, struct sm_err *err)
{
    char *end, name[64];
    double number = strtod(value, &end);
    if (*end || end == value || !isfinite(number))
        return sm_fail(err, SM_USAGE, "%s takes a number, not \"%s\"", shown_name(row, name), value);
    *(double *)row->target = number;
    return SM_OK;
}

static enum sm_status apply(const struct option_row *row, const char *value, struct sm_err *err)
{
    switch (row->kind) {
    case OPTION_KIND_FLAG: *(bool *)row->target = true; return SM_OK;
    case OPTION_KIND_TEXT: *(const char **)row->target = value; return SM_OK;
    case OPTION_KIND_INT: return set_int(row, value, err);
    case OPTION_KIND_DOUBLE: return set_double(row, value, err);
    case OPTION_KIND_LIST: return append(row->target, value, err);
    case OPTION_KIND_CALL: return row->call(row->target, value, err);
    }
    return SM_OK;
}

static void print_rows(const struct option_row *rows)
{
    for (; !is_end(rows); rows++) {
        char left[64];
        snprintf(left, sizeof left, "%s%c%s%s%s%s%s", rows->short_name ? "-" : "",
                 rows->short_name ? rows->short_name : ' ',
                 rows->short_name && rows->long_name ? ", " : rows->long_name ? "   " : "",
                 rows->long_name ? "--" : "", rows->long_name ? rows->long_name : "",
                 rows->value_name ? " " : "", rows->value_name ? rows->value_name : "");
        if (strlen(left) > 26)
            printf("  %s\n  %-26s  %s\n", left, "", rows->help);
        else
            printf("  %-26s  %s\n", left, rows->help);
    }
}

static void print_help(const struct parse *parse)
{
    printf("usage: sammed2d %s [OPTIONS] %s\n\n%s\n\noptions:\n", parse->synopsis->command,
           parse->synopsis->arguments, parse->synopsis->purpose);
    print_rows(parse->rows);
    print_rows(common_rows);
    printf("\nThe manual: man sammed2d-%s\n", parse->synopsis->command);
}

/* One long option; may take the next argument. */
static enum sm_status parse_long(struct parse *parse, char *argument, char ***next)
{
    const char *name = argument + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct option_row *row = find(parse, 0, name, length);
    if (!row)
        return sm_fail(&parse->err, SM_USAGE, "there is no option --%.*s", (int)length, name);
    if (row->kind == OPTION_KIND_FLAG) {
        if (equals)
            return sm_fail(&parse->err, SM_USAGE, "--%s takes no value", row->long_name);
        return apply(row, NULL, &parse->err);
    }
    const char *value = equals ? equals + 1 : *(*next);
    if (!value)
        return sm_fail(&parse->err, SM_USAGE, "--%s needs a value: %s", row->long_name,
                       row->value_name);
    if (!equals)
        (*next)++;
    return apply(row, value, &parse->err);
}

/* A cluster of short options; the last may take a value, attached or next. */
static enum sm_status parse_short(struct parse *parse, char *argument, char ***next)
{
    for (char *letter = argument + 1; *letter; letter++) {
        const struct option_row *row = find(parse, *letter, NULL, 0);
        if (!row)
            return sm_fail(&parse->err, SM_USAGE, "there is no option -%c", *letter);
        enum sm_status status;
        if (row->kind == OPTION_KIND_FLAG) {
            status = apply(row, NULL, &parse->err);
        } else {
            const char *value = letter[1] ? letter + 1 : *(*next);
            if (!value)
                return sm_fail(&parse->err, SM_USAGE, "-%c needs a value: %s", *letter,
                               row->value_name);
            if (!letter[1])
                (*next)++;
            return apply(row, value, &parse->err);
        }
        if (status)
            return status;
    }
    return SM_OK;
}

int options_parse(const struct synopsis *synopsis, const struct option_row *rows, int *argc,
                  char ***argv)
{
    struct parse parse = {.synopsis = synopsis, .rows = rows};
    char **next = *argv + 1, **kept = *argv;
    enum sm_status status = SM_OK;
    help_wanted = false;
    while (*next && status == SM_OK) {
        char *argument = *next++;
        if (strcmp(argument, "--") == 0) {
            while (*next)
                *kept++ = *next++;
        } else if (strncmp(argument, "--", 2) == 0) {
            status = parse_long(&parse, argument, &next);
        } else if (argument[0] == '-' && argument[1]) {
            status = parse_short(&parse, argument, &next);
        } else {
            *kept++ = argument;
        }
        if (help_wanted) {
            print_help(&parse);
            return SM_OK;
        }
    }
    if (status == SM_OK && (cmd_common.threads < 0 || cmd_common.threads > MOST_THREADS))
        status = sm_fail(&parse.err, SM_USAGE, "--threads takes a number from 1 to %d, or 0 for all cores", MOST_THREADS);
    if (status != SM_OK) {
        cmd_fail(synopsis->command, &parse.err);
        if (status == SM_USAGE)
            fprintf(stderr, "Try: sammed2d %s --help\n", synopsis->command);
        return status;
    }
    *kept = NULL;
    *argc = (int)(kept - *argv);
    return -1;
}
