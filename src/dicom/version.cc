#include "dicom/version.h"

#include <cstdio>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcuid.h>
#include <openjpeg.h>

const char *dicom_libraries(void)
{
    static char text[64];
    snprintf(text, sizeof text, "DCMTK %s, OpenJPEG %s", OFFIS_DCMTK_VERSION_STRING, opj_version());
    return text;
}
