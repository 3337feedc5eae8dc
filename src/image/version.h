/* image/version.h - for --version. */
#ifndef IMAGE_VERSION_H
#define IMAGE_VERSION_H

/* "libpng 1.6.39" */
const char *image_libraries(void);

#endif
