/* checkpoint/convert.h - a checkpoint's tensors into a weights file, one at a time. */
#ifndef CHECKPOINT_CONVERT_H
#define CHECKPOINT_CONVERT_H

#include "checkpoint/checkpoint.h"
#include "checkpoint/infer.h"
#include "h5/h5.h"
#include "sammed2d/listener.h"

/* A tensor the network needs, as src/model says it; this half does not know the network's names. */
struct expected_tensor {
    char name[96];
    int rank;
    int64_t dim[4];
    const char *axes; /* in which order they are stored; h5/h5.h */
};

struct conversion_plan {
    const struct checkpoint *checkpoint;
    const struct expected_tensor *expected; /* in the order of writing */
    size_t expected_count;
    const struct sm_config *config; /* as it will be written */
    const struct kind *kind;
    bool keep_type;    /* 16-bit tensors stay what they are, all others become float32 */
    enum h5_type type; /* otherwise: all tensors */
    const char *orientation;
    const char *name, *provenance, *licence, *sha256;
};

/* Compares names and shapes. Position embeddings of another picture size count as fitting. *missing
 * is how many are absent, each named in a warning, as is what is not expected. SM_UNSUPPORTED: a
 * shape that does not fit. */
enum sm_status convert_check(const struct conversion_plan *plan, size_t *missing,
                             const struct sm_listener *listener, struct sm_err *err);

/* Writes expected tensors that are there, and the attributes. Holds one tensor in memory at a time.
 * SM_UNSUPPORTED: values that are not finite, or too large for float16. */
enum sm_status convert_write(const struct conversion_plan *plan, const char *path,
                             const struct sm_listener *listener, struct sm_err *err);

/* Writes every tensor as it is, with no configuration: for checkpoints of other networks. */
enum sm_status convert_any(const struct conversion_plan *plan, const char *path,
                           const struct sm_listener *listener, struct sm_err *err);

#endif
