/* checkpoint/checkpoint.h - the tensors of a PyTorch checkpoint, without PyTorch.
 *
 * A checkpoint is a state_dict, or a dictionary with one under "model", "state_dict" or
 * "model_state_dict"; whatever else is beside it is ignored. A prefix that all names share
 * ("module." of DataParallel, "model." of Lightning) is dropped.
 */
#ifndef CHECKPOINT_CHECKPOINT_H
#define CHECKPOINT_CHECKPOINT_H

#include "checkpoint/known.h"
#include "sammed2d/error.h"

enum { CHECKPOINT_MAX_RANK = 8, CHECKPOINT_MAX_NAME = 256 };

struct checkpoint;

struct checkpoint_tensor {
    char name[CHECKPOINT_MAX_NAME];
    enum scalar_type type; /* SCALAR_UNKNOWN: there, but of no type that is read */
    int rank;
    int64_t dim[CHECKPOINT_MAX_RANK];
    int64_t count; /* product of dim */
    /* where it is: element (i, j ...) at offset + i * stride[0] + j * stride[1] ... of the record
     */
    int64_t stride[CHECKPOINT_MAX_RANK], offset;
    uint64_t record_place;
    int64_t record_bytes;
};

/* Reads everything but the tensors' values, and checks each tensor against the file: SM_CORRUPT
 * names the tensor whose view leaves its storage, whose storage is absent or short, or that claims
 * more elements than the file has bytes; SM_UNSUPPORTED what is refused (pickle.h). */
enum sm_status checkpoint_open(struct checkpoint **checkpoint, const char *path,
                               struct sm_err *err);
void checkpoint_close(struct checkpoint *checkpoint);
const char *checkpoint_path(const struct checkpoint *checkpoint);

/* Sorted by name, no name twice. */
size_t checkpoint_count(const struct checkpoint *checkpoint);
const struct checkpoint_tensor *checkpoint_tensor(const struct checkpoint *checkpoint,
                                                  size_t index);
const struct checkpoint_tensor *checkpoint_find(const struct checkpoint *checkpoint,
                                                const char *name);

/* Values as float32 in C order into out (tensor->count floats). */
enum sm_status checkpoint_read(const struct checkpoint *checkpoint,
                               const struct checkpoint_tensor *tensor, float *out,
                               struct sm_err *err);

#endif
