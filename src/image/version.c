#include <png.h>
#include <stdio.h>
#include "image/version.h"

const char *image_libraries(void)
{
    static char text[64];
    snprintf(text, sizeof text, "libpng %s", png_get_libpng_ver(NULL));
    return text;
}
