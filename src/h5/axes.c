/* Data sets whose dimensions are stored in another order than PyTorch's. */
#include <stdlib.h>
#include <string.h>
#include "h5/h5.h"
#include "h5/internal.h"

static int axis_at(const struct h5_shape *shape, int place)
{
    return shape->axes[0] ? shape->axes[place] - '0' : place;
}

bool axes_fit(const char *axes, int rank)
{
    unsigned seen = 0;
    for (int i = 0; axes[i]; i++)
        if (axes[i] >= '0' && axes[i] < '0' + rank)
            seen |= 1U << (axes[i] - '0');
    return strlen(axes) == (size_t)rank && seen == (1U << rank) - 1;
}

void axes_stored_dims(const struct h5_shape *shape, int64_t stored[H5_MAX_RANK])
{
    for (int i = 0; i < shape->rank; i++)
        stored[i] = shape->dim[axis_at(shape, i)];
}

void axes_logical_dims(struct h5_shape *shape)
{
    int64_t stored[H5_MAX_RANK];
    memcpy(stored, shape->dim, sizeof stored);
    for (int i = 0; i < shape->rank; i++)
        shape->dim[axis_at(shape, i)] = stored[i];
}

/* Element n as it is stored is element *place of PyTorch's order: an odometer over the stored dimensions. */
struct walker {
    int rank;
    int64_t stored[H5_MAX_RANK], stride[H5_MAX_RANK], at[H5_MAX_RANK], place;
};

static void walker_start(struct walker *w, const struct h5_shape *shape)
{
    int64_t stride[H5_MAX_RANK], step = 1;
    *w = (struct walker){.rank = shape->rank};
    axes_stored_dims(shape, w->stored);
    for (int i = shape->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= shape->dim[i];
    }
    for (int i = 0; i < shape->rank; i++)
        w->stride[i] = stride[axis_at(shape, i)];
}

static void walker_step(struct walker *w)
{
    for (int i = w->rank - 1; i >= 0; i--) {
        w->place += w->stride[i];
        if (++w->at[i] < w->stored[i])
            return;
        w->place -= w->stride[i] * w->stored[i];
        w->at[i] = 0;
    }
}

float *axes_to_stored(const float *values, const struct h5_shape *shape)
{
    struct walker w;
    int64_t count = h5_count(shape);
    float *out = malloc((size_t)count * sizeof *out + 1);
    walker_start(&w, shape);
    for (int64_t n = 0; out && n < count; n++, walker_step(&w))
        out[n] = values[w.place];
    return out;
}

bool axes_to_logical(float *values, const struct h5_shape *shape)
{
    struct walker w;
    int64_t count = h5_count(shape);
    float *stored = malloc((size_t)count * sizeof *stored + 1);
    if (!stored)
        return false;
    memcpy(stored, values, (size_t)count * sizeof *stored);
    walker_start(&w, shape);
    for (int64_t n = 0; n < count; n++, walker_step(&w))
        values[w.place] = stored[n];
    free(stored);
    return true;
}
