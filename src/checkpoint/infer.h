/* checkpoint/infer.h - what network a checkpoint holds, from its tensors' names and shapes. */
#ifndef CHECKPOINT_INFER_H
#define CHECKPOINT_INFER_H

#include "checkpoint/checkpoint.h"
#include "sammed2d/model.h"

/* Fills in all sizes of *config; the rest is zero, see kind_apply. Window and global blocks follow
 * from the lengths of the relative positions, heads from their width. What a checkpoint without
 * some parts does not show gets the published values. SM_UNSUPPORTED: no image encoder of SAM's
 * form. */
enum sm_status infer_config(struct sm_config *config, const struct checkpoint *checkpoint,
                            struct sm_err *err);

/* How a family of checkpoints was trained, and so wants to be fed; texts as the weights file has
 * them. */
struct kind {
    const char *name; /* --kind */
    const char *normalization, *orientation, *resize, *mask_prompt;
    bool multimask;
    const char *licence; /* of the published checkpoint */
};
/* NULL when unknown. */
const struct kind *kind_find(const char *name);
/* "sam-med2d, ft-sam, sam, medsam" */
const char *kind_names(void);

/* The most likely kind; *why says what decided, *sure whether anything else is possible. */
const struct kind *kind_guess(const struct sm_config *config, const char *sha256, const char **why,
                              bool *sure);
#endif
