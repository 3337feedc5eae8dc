/* checkpoint/gather.h - a tensor's values out of its storage, by its strides. */
#ifndef CHECKPOINT_GATHER_H
#define CHECKPOINT_GATHER_H

#include "checkpoint/archive.h"
#include "checkpoint/checkpoint.h"

/* tensor has been checked against its record. Contiguous tensors are converted as they are read;
 * others need the part of the storage they look at in memory. */
enum sm_status gather_tensor(const struct archive *archive, const struct checkpoint_tensor *tensor,
                             float *out, struct sm_err *err);

#endif
