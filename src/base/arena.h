/* base/arena.h - one allocation, handed out from the front; nothing is freed singly.
 *
 * The size is found by running the same code on a measuring arena (base NULL): it hands out NULL and
 * counts. What was taken after a mark goes back with release, so buffers of one stage reuse those of
 * the stage before.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include "sammed2d/error.h"

struct arena {
    char *base; /* 64-byte aligned; NULL while measuring */
    size_t size, used, peak;
};

enum sm_status arena_init(struct arena *arena, size_t size, struct sm_err *err);
void arena_free(struct arena *arena);
/* 64-byte aligned. Running out is a bug of the measuring pass, and aborts. */
void *arena_take(struct arena *arena, size_t bytes);
static inline float *arena_floats(struct arena *arena, size_t count)
{
    return arena_take(arena, count * sizeof(float));
}
static inline size_t arena_mark(const struct arena *arena)
{
    return arena->used;
}
static inline void arena_release(struct arena *arena, size_t mark)
{
    arena->used = mark;
}
#endif
