/* lib/fuzz_file.h - bytes as a file, for readers that want a path. */
#ifndef LIB_FUZZ_FILE_H
#define LIB_FUZZ_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Path of a file in memory that holds the bytes; close with fuzz_file_close. */
struct fuzz_file {
    int fd;
    char path[64];
};
void fuzz_file_open(struct fuzz_file *file, const void *bytes, size_t count);
void fuzz_file_close(struct fuzz_file *file);
#endif
