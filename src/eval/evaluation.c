#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "eval/evaluation.h"

int words_add(struct words *words, const char *text)
{
    for (size_t n = 0; n < words->count; n++)
        if (strcmp(words->list[n], text) == 0)
            return (int)n;
    char **list = realloc(words->list, (words->count + 1) * sizeof *list);
    if (!list)
        return -1;
    words->list = list;
    list[words->count] = strdup(text);
    return list[words->count] ? (int)words->count++ : -1;
}

void words_free(struct words *words)
{
    for (size_t n = 0; n < words->count; n++)
        free(words->list[n]);
    free(words->list);
    *words = (struct words){0};
}

/* Grows by doubling; false: out of memory. */
static bool grow(void **list, size_t count, size_t size)
{
    if (count & (count - 1))
        return true;
    void *grown = realloc(*list, (count ? 2 * count : 1) * size);
    if (grown)
        *list = grown;
    return grown != NULL;
}

struct row *table_add(struct table *table, size_t prompts)
{
    void *rows = table->rows, *scores = table->scores;
    bool grown = grow(&rows, table->count, sizeof *table->rows);
    table->rows = rows;
    grown = grown && grow(&scores, table->count, prompts * sizeof *table->scores);
    table->scores = scores;
    if (!grown)
        return NULL;
    for (size_t p = 0; p < prompts; p++)
        table->scores[table->count * prompts + p] = (struct score){NAN, NAN, NAN};
    table->rows[table->count] = (struct row){0};
    return &table->rows[table->count++];
}

struct volume_row *table_add_volume(struct table *table)
{
    void *volumes = table->volumes;
    bool grown = grow(&volumes, table->volume_count, sizeof *table->volumes);
    table->volumes = volumes;
    if (!grown)
        return NULL;
    struct volume_row *row = &table->volumes[table->volume_count++];
    *row = (struct volume_row){0};
    for (int w = 0; w < SM_EVAL_WAYS; w++)
        row->solids[w].dice = NAN;
    return row;
}

struct score *table_scores(const struct sm_evaluation *evaluation, const struct table *table, size_t row)
{
    return table->scores + row * evaluation->options.prompt_count;
}

void sm_evaluation_free(struct sm_evaluation *evaluation)
{
    if (!evaluation)
        return;
    words_free(&evaluation->datasets);
    words_free(&evaluation->modalities);
    words_free(&evaluation->subjects);
    words_free(&evaluation->labels);
    for (size_t c = 0; c < evaluation->case_count; c++)
        free(evaluation->cases[c].name);
    free(evaluation->cases);
    for (size_t t = 0; t < evaluation->table_count; t++) {
        free(evaluation->tables[t].rows);
        free(evaluation->tables[t].scores);
        free(evaluation->tables[t].volumes);
    }
    free(evaluation->tables);
    free(evaluation);
}

size_t sm_evaluation_failed(const struct sm_evaluation *evaluation)
{
    size_t failed = 0;
    for (size_t c = 0; c < evaluation->case_count; c++)
        failed += evaluation->cases[c].failed;
    return failed;
}
