/* base/suffix.h - what a file's name ends in, in capitals or not.
 */
#ifndef BASE_SUFFIX_H
#define BASE_SUFFIX_H

#include <string.h>
#include <strings.h>

/* Where the suffix begins in the path; NULL when the path does not end in it, or is nothing else. */
static inline const char *suffix_of(const char *path, const char *suffix)
{
    size_t length = strlen(path), tail = strlen(suffix);
    return length > tail && strcasecmp(path + length - tail, suffix) == 0 ? path + length - tail : NULL;
}

#endif
