#include <stdio.h>
#include <zip.h>
#include "checkpoint/version.h"

const char *checkpoint_libraries(void)
{
    static char text[64];
    snprintf(text, sizeof text, "libzip %s", zip_libzip_version());
    return text;
}
