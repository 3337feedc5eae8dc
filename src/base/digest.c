#include <errno.h>
#include <sha256.h>
#include <string.h>
#include <sys/types.h>
#include "base/digest.h"

enum sm_status digest_file(const char *path, char hex[65], struct sm_err *err)
{
    if (!SHA256File(path, hex))
        return sm_fail(err, SM_NOT_FOUND, "%s: %s", path, strerror(errno));
    return SM_OK;
}

void digest_bytes(const void *bytes, size_t count, char hex[65])
{
    SHA256Data(bytes, count, hex);
}
