/* model/preprocess.h - a picture of any size to the encoder's input. */
#ifndef MODEL_PREPROCESS_H
#define MODEL_PREPROCESS_H

#include "sammed2d/model.h"

/* out (S, S, 3). SM_RESIZE_SAM_MED2D allocates nothing; the others need the picture's size once, and
 * can fail with SM_MEMORY. */
enum sm_status preprocess(const struct sm_config *config, const struct sm_picture *picture, float *out,
                          struct sm_err *err);
#endif
