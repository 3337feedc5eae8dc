#include "sammed2d/sammed2d.h"

const char *sm_version(void)
{
    return SM_VERSION;
}
