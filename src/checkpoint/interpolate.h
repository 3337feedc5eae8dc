/* checkpoint/interpolate.h - position embeddings for another picture size.
 *
 * Source: load_from in SAM-Med2D's build_sam.py (torch.nn.functional.interpolate, bilinear,
 * align_corners False, no antialiasing).
 *
 * Which tensors: image_encoder.pos_embed (1, G, G, E) over its two sides, and the rel_pos_h and
 * rel_pos_w (2 G - 1, D) of global blocks over their rows. Windowed blocks keep theirs. The
 * reference finds global blocks by digits in the name; here the caller knows them from the shapes.
 * load_from also leaves mask tokens, hypernetworks and IoU head at random values, for training
 * afresh; convert keeps what the checkpoint has.
 */
#ifndef CHECKPOINT_INTERPOLATE_H
#define CHECKPOINT_INTERPOLATE_H

#include <stdbool.h>

enum interpolation { INTERPOLATE_NEVER, INTERPOLATE_SIDES, INTERPOLATE_ROWS };
/* How a tensor of this name follows the picture size; `global_block` is asked for rel_pos tensors
 * with the block's number (may be NULL: all blocks are global). */
enum interpolation interpolation_of(const char *name,
                                    bool (*global_block)(void *context, int block), void *context);

/* out (oh, ow, channels) from in (h, w, channels). Rows of (length, D): w = ow = 1, channels = D.
 */
void interpolate_bilinear(float *out, int oh, int ow, const float *in, int h, int w, int channels);

#endif
