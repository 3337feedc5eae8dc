/* cmd/resized_model.h - a weights file, for pictures of another size. */
#ifndef CMD_RESIZED_MODEL_H
#define CMD_RESIZED_MODEL_H

#include "sammed2d/model.h"

/* sm_model_open for an image_size of `size`: position embeddings are interpolated as load_from in
 * SAM-Med2D's build_sam.py does (checkpoint/interpolate.h), everything else is as in the file.
 * SM_USAGE: size is no multiple of the patches that the network can work with. */
enum sm_status resized_model_open(struct sm_model **model, const char *path, int size, struct sm_err *err);

#endif
