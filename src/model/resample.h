/* model/resample.h - the two resizings of 8-bit pictures that SAM and MedSAM were trained with. */
#ifndef MODEL_RESAMPLE_H
#define MODEL_RESAMPLE_H

#include <stdint.h>
#include "sammed2d/error.h"

/* out (oh, ow, channels) from in (h, w, channels): Pillow's BILINEAR, which SAM's ResizeLongestSide
 * calls: a triangle as wide as the step when shrinking, weights of 22 bits, columns before rows, each
 * pass rounded to 8 bits. The same bytes as Pillow's. */
enum sm_status resample_bilinear(uint8_t *out, int oh, int ow, const uint8_t *in, int h, int w,
                                 int channels, struct sm_err *err);

/* As skimage.transform.resize(order=3, anti_aliasing=True) and astype(uint8), which MedSAM calls: a
 * Gaussian when shrinking, then cubic B-spline interpolation, mirrored at the edges. */
enum sm_status resample_cubic(uint8_t *out, int oh, int ow, const uint8_t *in, int h, int w,
                              int channels, struct sm_err *err);
#endif
