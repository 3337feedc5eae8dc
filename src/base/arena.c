#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "base/arena.h"

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

enum sm_status arena_init(struct arena *arena, size_t size, struct sm_err *err)
{
    size_t alignment = size >= 4 * HUGE_PAGE ? HUGE_PAGE : ALIGNMENT;
    size_t rounded = (size + alignment - 1) / alignment * alignment; /* C11 wants whole multiples */
    *arena = (struct arena){.size = rounded};
    arena->base = aligned_alloc(alignment, rounded ? rounded : ALIGNMENT);
    if (arena->base && alignment == HUGE_PAGE)
        madvise(arena->base, rounded, MADV_HUGEPAGE); /* one page fault instead of 512 */
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
