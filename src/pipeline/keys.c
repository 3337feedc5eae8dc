/* Key slices: which way an object goes from the slices the user speaks of, and its boxes between two of
 * them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "pipeline/pipeline.h"

struct keys {
    struct sm_result *result;
    size_t object;
    int first, last; /* slices that the user speaks of; -1 when there are none */
    int boxed;       /* how many of them carry a box */
};

static struct cell *given_on(const struct keys *keys, int slice)
{
    struct cell *cell = result_cell(keys->result, keys->object, slice);
    return cell && cell->given ? cell : NULL;
}

static struct keys find_keys(struct sm_result *result, size_t object)
{
    struct keys keys = {.result = result, .object = object, .first = -1, .last = -1};
    for (int s = 0; s < result->view.dim[2]; s++) {
        const struct cell *cell = given_on(&keys, s);
        if (!cell)
            continue;
        keys.first = keys.first < 0 ? s : keys.first;
        keys.last = s;
        keys.boxed += cell->shown.box_count > 0;
    }
    return keys;
}

static bool overlap(const float a[4], const float b[4])
{
    return a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
}

static float apart(const float a[4], const float b[4])
{
    return hypotf(a[0] + a[2] - b[0] - b[2], a[1] + a[3] - b[1] - b[3]);
}

/* partner[n]: the box of `b` that continues box n of `a`, the nearest left. False when one has no such:
 * their numbers differ, or two lie side by side. */
static bool pair_boxes(const struct cell *a, const struct cell *b, int *partner)
{
    int count = a->shown.box_count;
    if (count == 0 || count != b->shown.box_count)
        return false;
    for (int n = 0; n < count; n++) {
        int best = -1;
        for (int m = 0; m < count; m++) {
            bool taken = false;
            for (int earlier = 0; earlier < n; earlier++)
                taken |= partner[earlier] == m;
            if (!taken && (best < 0 || apart(a->boxes[n], b->boxes[m]) < apart(a->boxes[n], b->boxes[best])))
                best = m;
        }
        if (!overlap(a->boxes[n], b->boxes[best]))
            return false;
        partner[n] = best;
    }
    return true;
}

static enum sm_status add_between(const struct keys *keys, int from, int to, const int *partner,
                                  struct sm_err *err)
{
    const struct cell *a = given_on(keys, from), *b = given_on(keys, to);
    enum sm_status status = SM_OK;
    for (int s = from + 1; !status && s < to; s++) {
        float part = (float)(s - from) / (float)(to - from);
        struct cell *cell = result_make_cell(keys->result, keys->object, s);
        if (!cell)
            return sm_fail(err, SM_MEMORY, "out of memory for prompts");
        cell->between = cell->shown.propagated = true;
        for (int n = 0; !status && n < a->shown.box_count; n++) {
            float box[4];
            for (int c = 0; c < 4; c++)
                box[c] = (1 - part) * a->boxes[n][c] + part * b->boxes[partner[n]][c];
            status = cell_add_box(cell, box, err);
        }
    }
    return status;
}

/* Boxes for the slices between two key slices; where there can be none, the object is followed from both
 * sides. */
static enum sm_status fill_gap(const struct keys *keys, int from, int to, struct sm_err *err)
{
    struct cell *a = given_on(keys, from), *b = given_on(keys, to);
    enum sm_status status = SM_OK;
    int *partner = malloc(((size_t)a->shown.box_count + 1) * sizeof *partner);
    if (!partner)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    if (to == from + 1 || pair_boxes(a, b, partner)) {
        a->directions &= ~GO_UP;
        b->directions &= ~GO_DOWN;
        status = add_between(keys, from, to, partner, err);
    } else {
        a->directions |= GO_UP;
        b->directions |= GO_DOWN;
    }
    free(partner);
    return status;
}

static int directions_of(enum sm_propagate propagate)
{
    switch (propagate) {
    case SM_PROPAGATE_UP: return GO_UP;
    case SM_PROPAGATE_DOWN: return GO_DOWN;
    case SM_PROPAGATE_NONE: return 0;
    case SM_PROPAGATE_AUTO:
    case SM_PROPAGATE_BOTH: break;
    }
    return GO_UP | GO_DOWN;
}

enum sm_status keys_connect(struct sm_result *result, size_t object, enum sm_propagate propagate,
                            struct sm_err *err)
{
    struct keys keys = find_keys(result, object);
    enum sm_status status = SM_OK;
    if (keys.first < 0 || propagate == SM_PROPAGATE_NONE)
        return SM_OK;
    for (int s = keys.first, before = -1; !status && s <= keys.last; s++) {
        if (!given_on(&keys, s))
            continue;
        given_on(&keys, s)->directions = directions_of(propagate);
        if (before >= 0)
            status = fill_gap(&keys, before, s, err);
        before = s;
    }
    if (propagate == SM_PROPAGATE_AUTO && keys.boxed > 1) {
        given_on(&keys, keys.first)->directions &= ~GO_DOWN;
        given_on(&keys, keys.last)->directions &= ~GO_UP;
    }
    return status;
}
