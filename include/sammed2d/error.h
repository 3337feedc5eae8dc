/* sammed2d/error.h - what went wrong, as a value.
 *
 * Library functions return an enum sm_status (SM_OK is 0) and, when they fail, leave in *err one
 * sentence that a user can act on: which file, what was found, what was expected, what to do.
 * Nothing in the library prints or exits. The status is also the program's exit status.
 */
#ifndef SAMMED2D_ERROR_H
#define SAMMED2D_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

enum sm_status {
    SM_OK = 0,
    SM_USAGE = 1,       /* the caller asked for something that makes no sense */
    SM_NOT_FOUND = 2,   /* input not found, or nothing usable in it */
    SM_PARTIAL = 3,     /* some cases or objects failed, the rest was written */
    SM_CORRUPT = 4,     /* input damaged */
    SM_UNSUPPORTED = 5, /* input understood, but not something sammed2d handles */
    SM_WEIGHTS = 6,     /* weights missing or unusable */
    SM_OUTPUT = 7,      /* output could not be written */
    SM_MEMORY = 8,      /* out of memory */
    SM_INTERRUPTED = 9  /* stopped by a signal */
};

struct sm_err {
    enum sm_status status;
    char message[1024]; /* one sentence, UTF-8, no newline at the end */
};

/* Fill *err (which may be NULL) and return status, so that a failing function ends in
 * `return sm_fail(err, SM_CORRUPT, "%s: ...", path)`. */
enum sm_status sm_fail(struct sm_err *err, enum sm_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "format..." and ": " before the message already in *err; returns err's status, or SM_CORRUPT
 * when err is NULL. */
enum sm_status sm_fail_context(struct sm_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif

#endif
