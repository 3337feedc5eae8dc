/* Points that say opposite things of one voxel: the network shows a mask all the same, so only a word tells. */
#include <math.h>
#include <stdlib.h>
#include "pipeline/pipeline.h"

struct claim {
    const struct sm_object *object;
    const struct sm_point *point;
};

static int compare_places(const struct claim *x, const struct claim *y)
{
    for (int a = 2; a >= 0; a--) {
        double p = x->point->position[a], q = y->point->position[a];
        if (p != q)
            return p < q ? -1 : 1;
    }
    return 0;
}

/* By voxel; there by object, points inside first. */
static int by_place(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    int order = compare_places(x, y);
    if (!order)
        order = (x->object > y->object) - (x->object < y->object);
    return order ? order : y->point->positive - x->point->positive;
}

static void warn_pair(const struct claim *x, const struct claim *y, bool overlap, const struct sm_listener *listener)
{
    long at[3];
    for (int a = 0; a < 3; a++)
        at[a] = lround(x->point->position[a]);
    if (x->object == y->object && x->point->positive != y->point->positive)
        sm_warn(listener, "object \"%s\": voxel %ld,%ld,%ld is given as inside and as outside; which it becomes is arbitrary",
                x->object->name, at[0], at[1], at[2]);
    if (!overlap && x->object != y->object && x->point->positive && y->point->positive)
        sm_warn(listener, "voxel %ld,%ld,%ld is given to \"%s\" and to \"%s\"; without --overlap only one of them can have it",
                at[0], at[1], at[2], x->object->name, y->object->name);
}

static size_t list_claims(const struct sm_prompts *prompts, struct claim *claims)
{
    size_t count = 0;
    for (size_t o = 0; o < prompts->count; o++)
        for (size_t p = 0; p < prompts->objects[o].point_count; p++, count++)
            if (claims)
                claims[count] = (struct claim){&prompts->objects[o], &prompts->objects[o].points[p]};
    return count;
}

enum sm_status warn_contrary(const struct sm_prompts *prompts, bool overlap, const struct sm_listener *listener,
                             struct sm_err *err)
{
    size_t count = list_claims(prompts, NULL);
    if (count < 2)
        return SM_OK;
    struct claim *claims = malloc(count * sizeof *claims);
    if (!claims)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    list_claims(prompts, claims);
    qsort(claims, count, sizeof *claims, by_place);
    for (size_t n = 1; n < count; n++)
        if (compare_places(&claims[n - 1], &claims[n]) == 0)
            warn_pair(&claims[n - 1], &claims[n], overlap, listener);
    free(claims);
    return SM_OK;
}
