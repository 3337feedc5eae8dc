#include <assert.h>
#include <stdlib.h>
#include "base/arena.h"

enum { ALIGNMENT = 64 };

enum sm_status arena_init(struct arena *arena, size_t size, struct sm_err *err)
{
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    *arena = (struct arena){.size = rounded};
    arena->base = aligned_alloc(ALIGNMENT, rounded ? rounded : ALIGNMENT);
    if (!arena->base)
        return sm_fail(err, SM_MEMORY, "out of memory: %zu MB for the network's activations",
                       size >> 20);
    return SM_OK;
}

void arena_free(struct arena *arena)
{
    free(arena->base);
    *arena = (struct arena){0};
}

void *arena_take(struct arena *arena, size_t bytes)
{
    size_t start = arena->used;
    arena->used += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (arena->used > arena->peak)
        arena->peak = arena->used;
    if (!arena->base)
        return NULL;
    if (arena->used > arena->size)
        abort();
    return arena->base + start;
}
