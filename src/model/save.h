/* model/save.h - a model into a weights file; sammed2d-weights(5). */
#ifndef MODEL_SAVE_H
#define MODEL_SAVE_H

#include "h5/h5.h"
#include "model/weights.h"

/* Root attributes from the configuration, and every tensor as float32 in PyTorch's layout. `value` may
 * stand in for a tensor's own values (in the model's layout), or be NULL. */
enum sm_status model_save(const struct sm_model *model, struct h5_out *out,
                          const float *(*value)(void *context, const struct tensor *tensor), void *context,
                          struct sm_err *err);
/* The same, the matrices of the encoder's blocks packed (packed.h). The model is a float32 one. */
enum sm_status model_save_packed(struct sm_model *model, struct h5_out *out, enum sm_precision precision,
                                 struct sm_err *err);
/* One tensor-like array, in the model's layout, under any name. */
enum sm_status tensor_save(struct h5_out *out, const char *name, const struct tensor *tensor,
                           const float *values, struct sm_err *err);
/* out in PyTorch's layout from `in` in the model's, tensor->count floats; and the other way. */
void tensor_unpack(const struct tensor *tensor, float *out, const float *in);
void tensor_pack(const struct tensor *tensor, float *out, const float *in);

#endif
