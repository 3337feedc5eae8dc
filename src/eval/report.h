/* eval/report.h - an evaluation as tables, JSON and lists of objects. */
#ifndef EVAL_REPORT_H
#define EVAL_REPORT_H

#include "base/json.h"
#include "eval/statistics.h"

/* The file name, and enough of the folder to tell several weights apart. */
const char *report_weights_name(const struct sm_evaluation *evaluation, size_t table);

void report_tables(const struct sm_evaluation *evaluation, bool markdown, FILE *out, bool *starved);
void report_csv(const struct sm_evaluation *evaluation, FILE *out, bool *starved);
void report_objects(const struct sm_evaluation *evaluation, FILE *out, bool *starved);
/* NULL: out of memory. */
json_t *report_json(const struct sm_evaluation *evaluation);

/* What a table has a line for: all data, each data set, each modality, each label. */
enum grouping { BY_NOTHING, BY_DATASET, BY_MODALITY, BY_LABEL, GROUPINGS };
size_t report_groups(const struct sm_evaluation *evaluation, enum grouping by);
struct group report_group(enum grouping by, size_t number);
const char *report_group_name(const struct sm_evaluation *evaluation, enum grouping by, size_t number);
#endif
