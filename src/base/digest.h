/* base/digest.h - SHA-256 (libmd is used here only; a CPU's own instructions where it has them). */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sammed2d/error.h"

/* 64 hexadecimal digits and a NUL. */
enum sm_status digest_file(const char *path, char hex[65], struct sm_err *err);
void digest_bytes(const void *bytes, size_t count, char hex[65]);

/* digest_file of a large file that changes seldom: remembered from run to run in
 * $XDG_CACHE_HOME/sammed2d/sha256 for as long as the file's device, inode, size and times are the same.
 * Where nothing can be remembered it is computed. */
enum sm_status digest_file_remembered(const char *path, char hex[65], struct sm_err *err);

/* digest_native.c: `state` after `blocks` blocks of 64 bytes, with the CPU's instructions; digest_is_native
 * says whether it has them. */
void digest_native(uint32_t state[8], const uint8_t *bytes, size_t blocks);
bool digest_is_native(void);
#endif
