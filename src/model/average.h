/* model/average.h - two models of one architecture into one: the mean of their weights.
 *
 * Stages of one training end in one valley, where the mean of the weights is no worse than the models and often better
 * than both (Izmailov et al., Averaging Weights Leads to Wider Optima, 2018; Wortsman et al., Model Soups, 2022).
 */
#ifndef MODEL_AVERAGE_H
#define MODEL_AVERAGE_H

#include "h5/h5.h"
#include "model/model_internal.h"

/* Attributes of `model`, and every tensor as (1 - share) of its and `share` of the other's, as float32. SM_UNSUPPORTED: the
 * architectures differ; `path` and `other_path` are for the sentence. */
enum sm_status model_save_average(const struct sm_model *model, const struct sm_model *other, double share,
                                  const char *path, const char *other_path, struct h5_out *out, struct sm_err *err);
#endif
