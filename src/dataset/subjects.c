/* Whose image a case is. */
#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include "dataset/dataset_internal.h"

/* "pairs": 007 and 008 are both subject 4. The last number of the name counts. */
static enum sm_status pair_of(struct sm_dataset *dataset, struct sm_case *about, struct sm_err *err)
{
    const char *end = about->name + strlen(about->name);
    while (end > about->name && !isdigit((unsigned char)end[-1]))
        end--;
    const char *start = end;
    while (start > about->name && isdigit((unsigned char)start[-1]))
        start--;
    errno = 0;
    unsigned long long number = strtoull(start, NULL, 10);
    if (start == end || errno || number == 0)
        return sm_fail(err, SM_USAGE, "subjects by pairs: \"%.200s\" has no number from 1 in its name", about->name);
    about->subject = dataset_text(dataset, "%.*s%llu", (int)(start - about->name), about->name, (number + 1) / 2);
    return SM_OK;
}

enum sm_status subjects_by_pairs(struct sm_dataset *dataset, size_t first, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    for (size_t n = first; !status && n < dataset->count; n++)
        status = pair_of(dataset, &dataset->entries[n].about, err);
    return status;
}

static enum sm_status by_expression(struct sm_dataset *dataset, const char *rule, struct sm_err *err)
{
    regex_t expression;
    regmatch_t match[2];
    char why[200];
    enum sm_status status = SM_OK;
    int bad = regcomp(&expression, rule, REG_EXTENDED);
    if (bad) {
        regerror(bad, &expression, why, sizeof why);
        return sm_fail(err, SM_USAGE, "subjects: \"%.200s\" is neither name nor pairs nor a regular expression: %s",
                       rule, why);
    }
    for (size_t n = 0; !status && n < dataset->count; n++) {
        struct sm_case *about = &dataset->entries[n].about;
        if (regexec(&expression, about->name, 2, match, 0) != 0) {
            status = sm_fail(err, SM_USAGE, "subjects: \"%.200s\" does not match the name \"%.200s\"", rule, about->name);
            continue;
        }
        const regmatch_t *m = match[1].rm_so >= 0 ? &match[1] : &match[0];
        about->subject = dataset_text(dataset, "%.*s", (int)(m->rm_eo - m->rm_so), about->name + m->rm_so);
    }
    regfree(&expression);
    return status;
}

enum sm_status sm_dataset_set_subjects(struct sm_dataset *dataset, const char *rule, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    if (strcmp(rule, "pairs") == 0)
        status = subjects_by_pairs(dataset, 0, err);
    else if (strcmp(rule, "name") != 0)
        status = by_expression(dataset, rule, err);
    else
        for (size_t n = 0; n < dataset->count; n++)
            dataset->entries[n].about.subject = dataset->entries[n].about.name;
    return status ? status : subjects_number(dataset, err);
}

/* No regular expressions from a file: some of them take for ever. */
enum sm_status subjects_from_json(struct sm_dataset *dataset, size_t first, const json_t *json, const char *path,
                                  struct sm_err *err)
{
    const char *rule = json_string_value(json);
    if (!json || (rule && strcmp(rule, "name") == 0))
        return SM_OK;
    if (rule && strcmp(rule, "pairs") == 0)
        return subjects_by_pairs(dataset, first, err) ? sm_fail_context(err, "%s", path) : SM_OK;
    if (!json_is_object(json))
        return sm_fail(err, SM_CORRUPT, "%s: \"subjects\" should be \"name\", \"pairs\" or an object that gives each "
                       "case its subject", path);
    size_t prefix = strlen(dataset->prefix);
    for (size_t n = first; n < dataset->count; n++) {
        struct sm_case *about = &dataset->entries[n].about;
        const char *subject = json_string_value(json_object_get(json, about->name + prefix));
        if (!subject)
            return sm_fail(err, SM_CORRUPT, "%s: \"subjects\" should name the subject of \"%.200s\"", path,
                           about->name + prefix);
        about->subject = dataset_text(dataset, "%s%s", dataset->prefix, subject);
    }
    return SM_OK;
}

static int by_subject(const void *a, const void *b)
{
    const struct sm_case *const *x = a, *const *y = b;
    return strverscmp((*x)->subject, (*y)->subject);
}

enum sm_status subjects_number(struct sm_dataset *dataset, struct sm_err *err)
{
    struct sm_case **order = malloc((dataset->count + 1) * sizeof *order);
    if (!order || dataset->starved) {
        free(order);
        return sm_fail(err, SM_MEMORY, "out of memory for the list of cases");
    }
    for (size_t n = 0; n < dataset->count; n++)
        order[n] = &dataset->entries[n].about;
    if (dataset->count)
        qsort(order, dataset->count, sizeof *order, by_subject);
    for (size_t n = 0, number = 0; n < dataset->count; n++) {
        number += n && strcmp(order[n]->subject, order[n - 1]->subject) != 0;
        order[n]->subject_number = number;
    }
    free(order);
    return SM_OK;
}

bool sm_dataset_held_out(const struct sm_dataset *dataset, size_t index, int nth)
{
    return nth > 0 && dataset->entries[index].about.subject_number % (size_t)nth == 0;
}
