/* checkpoint/version.h - for --version. */
#ifndef CHECKPOINT_VERSION_H
#define CHECKPOINT_VERSION_H

/* "libzip 1.7.3" */
const char *checkpoint_libraries(void);

#endif
