#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "sammed2d/error.h"

enum sm_status sm_fail(struct sm_err *err, enum sm_status status, const char *format, ...)
{
    if (!err)
        return status;
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    err->status = status;
    return status;
}

enum sm_status sm_fail_context(struct sm_err *err, const char *format, ...)
{
    if (!err)
        return SM_CORRUPT;
    char inner[sizeof err->message];
    memcpy(inner, err->message, sizeof inner);
    va_list args;
    va_start(args, format);
    int length = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= sizeof err->message)
        return err->status;
    size_t room = sizeof err->message - (size_t)length;
    if (snprintf(err->message + length, room, ": %s", inner) < 0) /* too long: cut, on purpose */
        err->message[length] = 0;
    return err->status;
}
