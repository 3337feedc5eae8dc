/* lib/golden_interpolation.c - a checkpoint's position embeddings at another picture size. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "checkpoint/interpolate.h"
#include "lib/golden.h"

/* The data set of the same tensor before: "checkpoint_<size>/NAME". */
static const char *before(const struct golden *g, const char *tensor)
{
    for (size_t i = 0; i < g->count; i++) {
        const char *slash = strchr(g->names[i], '/');
        if (strncmp(g->names[i], "checkpoint_", 11) == 0 && slash && strcmp(slash + 1, tensor) == 0)
            return g->names[i];
    }
    return NULL;
}

static bool is_global(void *context, int block)
{
    const struct golden *g = context;
    int64_t index[64];
    int count = h5_attr_ints(g->file, NULL, "global_attn_indexes", index, 64);
    for (int i = 0; i < count && i < 64; i++)
        if (index[i] == block)
            return true;
    return false;
}

/* load_from resets some tensors for training afresh; a converter keeps them. */
static bool was_reset(const struct golden *g, const float *values, int64_t count)
{
    double fresh;
    if (!h5_attr_double(g->file, NULL, "fresh_value", &fresh))
        return false;
    for (int64_t i = 0; i < count; i++)
        if (values[i] != (float)fresh)
            return false;
    return true;
}

/* out, of the shape `to`, from in, of the shape `from`, as the tensor's name says. */
static void convert(struct golden *g, const char *tensor, float *out, const struct h5_shape *to,
                    const float *in, const struct h5_shape *from)
{
    switch (interpolation_of(tensor, is_global, g)) {
    case INTERPOLATE_SIDES:
        interpolate_bilinear(out, (int)to->dim[1], (int)to->dim[2], in, (int)from->dim[1],
                             (int)from->dim[2], (int)from->dim[3]);
        break;
    case INTERPOLATE_ROWS:
        interpolate_bilinear(out, (int)to->dim[0], 1, in, (int)from->dim[0], 1, (int)from->dim[1]);
        break;
    case INTERPOLATE_NEVER:
        memcpy(out, in, (size_t)h5_count(to) * sizeof *out);
        break;
    }
}

static void check_tensor(struct golden *g, const char *path)
{
    struct h5_shape to, from;
    const char *tensor = strchr(path, '/') + 1, *source = before(g, tensor);
    float *expected = golden_floats(g, path, &to), *in = source ? golden_floats(g, source, &from) : NULL;
    if (!expected || !in) {
        golden_fail(g, path, "the tensor before is missing");
    } else if (was_reset(g, expected, h5_count(&to))) {
        printf("%-22s %s skipped: reset by load_from, kept by convert\n", g->label, path);
    } else if (from.rank != to.rank || from.dim[from.rank - 1] != to.dim[to.rank - 1] ||
               (interpolation_of(tensor, is_global, g) == INTERPOLATE_NEVER &&
                h5_count(&from) != h5_count(&to))) {
        golden_fail(g, path, "its shape does not follow from the tensor before");
    } else {
        float *out = malloc(((size_t)h5_count(&to) + 1) * sizeof *out);
        if (out) {
            convert(g, tensor, out, &to, in, &from);
            golden_compare(g, path, out, to.rank, to.dim);
        }
        free(out);
    }
    free(expected);
    free(in);
}

void golden_interpolation(struct golden *g)
{
    for (size_t i = 0; i < g->count; i++)
        if (strncmp(g->names[i], "after_load_from_", 16) == 0)
            check_tensor(g, g->names[i]);
}
