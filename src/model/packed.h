/* model/packed.h - the encoder's matrices in a weights file as they are multiplied: sammed2d-weights(5).
 *
 * Instead of a tensor of floats there are its numbers, (n, taps, k) in the order of the kernels, bfloat16 or
 * int8, and for int8 the scale of each of the n output channels. No kernel wants them otherwise, so they are
 * used where they lie in the mapped file.
 */
#ifndef MODEL_PACKED_H
#define MODEL_PACKED_H

#include "model/weights.h"

/* Is the tensor packed where the source is? */
bool is_packed(const struct sm_model *model, const struct tensor_source *source, const struct tensor *tensor);
/* Checks name, shape and type, and takes from a measuring arena what packed_load will take. *staged grows to the
 * floats of staging it needs. */
enum sm_status packed_measure(const struct sm_model *model, const struct tensor_source *source,
                              const struct tensor *tensor, struct arena *block, int64_t *staged, struct sm_err *err);
enum sm_status packed_load(struct sm_model *model, const struct tensor_source *source, const struct tensor *tensor,
                           struct arena *block, float *staging, struct sm_err *err);
/* A tensor of a float32 model. SM_UNSUPPORTED: rows that are no whole groups of four bytes. */
enum sm_status packed_save(const struct sm_model *model, struct h5_out *out, const struct tensor *tensor,
                           enum sm_precision precision, struct sm_err *err);
/* The root attribute "precision": FLOAT32 when the file says nothing; SM_WEIGHTS: it says something else. */
enum sm_status packed_precision(enum sm_precision *precision, const struct h5 *file, struct sm_err *err);

#endif
