#include <stdio.h>
#include <zlib.h>
#include "nifti/version.h"

const char *nifti_libraries(void)
{
    static char text[64];
    snprintf(text, sizeof text, "niftilib 2, zlib %s", zlibVersion());
    return text;
}
