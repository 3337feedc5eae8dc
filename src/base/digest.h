/* base/digest.h - SHA-256 (libmd is used here only). */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>
#include "sammed2d/error.h"

/* 64 hexadecimal digits and a NUL. */
enum sm_status digest_file(const char *path, char hex[65], struct sm_err *err);
void digest_bytes(const void *bytes, size_t count, char hex[65]);
#endif
