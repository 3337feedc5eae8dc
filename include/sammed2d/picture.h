/* sammed2d/picture.h - PNG in and out (libpng is used in src/image only). */
#ifndef SAMMED2D_PICTURE_H
#define SAMMED2D_PICTURE_H

#include "sammed2d/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A PNG as a volume of one slice: 8-bit grey, 16-bit grey, or 8-bit RGB (three equal channels become
 * grey; alpha is dropped, palettes are expanded). Spacing 1 mm, i to L, j to P. */
enum sm_status sm_png_read(struct sm_volume *volume, const char *path, struct sm_err *err);

/* A PNG as a label map: grey values or, of a picture with a palette, indices are the labels. SM_UNSUPPORTED: colour. */
enum sm_status sm_png_read_labels(struct sm_labels *labels, const char *path, struct sm_err *err);

/* 8-bit PNG, whole or not at all; pixels (height, width, channels), channels 1 or 3. */
enum sm_status sm_png_write(const char *path, const uint8_t *pixels, int width, int height,
                            int channels, struct sm_err *err);

#ifdef __cplusplus
}
#endif

#endif
