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

/* The same of any suffix that a volume, a label map or a picture may have; where the path ends when it has none. */
static inline const char *suffix_of_image(const char *path)
{
    static const char *const suffixes[] = {".nii.gz", ".nii", ".png", ".hdr.gz", ".hdr", ".img.gz", ".img"};
    const char *suffix = NULL;
    for (size_t n = 0; !suffix && n < sizeof suffixes / sizeof *suffixes; n++)
        suffix = suffix_of(path, suffixes[n]);
    return suffix ? suffix : path + strlen(path);
}

#endif
