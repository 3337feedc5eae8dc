/* sammed2d/listener.h - how long-running library functions talk to their caller.
 *
 * Every member may be NULL, and so may the pointer to the whole struct.
 */
#ifndef SAMMED2D_LISTENER_H
#define SAMMED2D_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sm_listener {
    void *context; /* handed back as the first argument of each call */
    /* A sentence the user should read although work goes on. */
    void (*warning)(void *context, const char *sentence);
    /* Detail for -v: what was decided and why. */
    void (*note)(void *context, const char *sentence);
    /* done of total units of `what` ("encoding slices") are finished. */
    void (*progress)(void *context, const char *what, size_t done, size_t total);
    /* True when the work should stop; the function then returns SM_INTERRUPTED. */
    bool (*cancelled)(void *context);
};

void sm_warn(const struct sm_listener *listener, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sm_note(const struct sm_listener *listener, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sm_progress(const struct sm_listener *listener, const char *what, size_t done, size_t total);
bool sm_cancelled(const struct sm_listener *listener);

#ifdef __cplusplus
}
#endif

#endif
