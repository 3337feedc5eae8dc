/* checkpoint/export.h - a weights file's tensors as a PyTorch state dict that torch.load reads. */
#ifndef CHECKPOINT_EXPORT_H
#define CHECKPOINT_EXPORT_H

#include "h5/h5.h"
#include "sammed2d/listener.h"

/* Every tensor at the root of the file, as float32, in a zip archive as torch.save writes it (format 3, an
 * OrderedDict, protocol 2). What a training run keeps beside them (train/...) is left out. One tensor in memory at
 * a time; the same file gives the same bytes; whole or not at all. */
enum sm_status export_checkpoint(const char *path, const struct h5 *weights, const struct sm_listener *listener,
                                 struct sm_err *err);

#endif
