/* eval/volumes.h - objects in three dimensions: prompted on few slices or many, carried on by the pipeline.
 */
#ifndef EVAL_VOLUMES_H
#define EVAL_VOLUMES_H

#include "eval/page.h"
#include "eval/results.h"

/* Labels that show on fewer slices of the view are left out. */
enum { VOLUME_LEAST_SLICES = 3 };

/* Asks for all labels of the source at once in each of the options' ways, and adds a row a label to the
 * table. embeddings: one for each slice of the view, NULL or malloc'ed; the caller's. `key`: digest of all that
 * the results depend on, but for the way. */
enum sm_status volumes_evaluate(struct sm_evaluation *evaluation, struct table *table,
                                const struct eval_source *source, const struct sm_model *model,
                                float **embeddings, struct results *results, const char *key,
                                const struct sm_listener *listener, struct sm_err *err);
#endif
