/* eval/results.h - results that outlive the run: a file of JSON lines, each under the digest of everything
 * that it depends on.
 *
 *   {"key": "5f0c...", "case": "ct/liver_3", "slice": 12, "prompt": "box", "scores": [[dice, iou, predicted], ...]}
 *
 * A line is written as soon as it is known, so that a run that was stopped goes on where it was.
 */
#ifndef EVAL_RESULTS_H
#define EVAL_RESULTS_H

#include <stdbool.h>
#include "base/json.h"

struct results;
/* path NULL: nothing is known and nothing kept. The file is made when it is not there. A last line that was
 * cut short is ignored; any other that is not such JSON is SM_CORRUPT. */
enum sm_status results_open(struct results **results, const char *path, struct sm_err *err);
void results_close(struct results *results);
/* NULL: not known. Borrowed. */
const json_t *results_find(const struct results *results, const char *key);
/* Takes over `scores`. `about` names what it is, for who reads the file. */
enum sm_status results_add(struct results *results, const char *key, const char *about, int slice,
                           const char *prompt, json_t *scores, struct sm_err *err);

/* A number that may be missing. */
json_t *results_number(double value);
double results_value(const json_t *json); /* NAN where there is none */
#endif
