#include <stdlib.h>
#include "volume/line.h"

/* One reader a type, so that the type is looked at once a line. */
#define READER(name, type)                                                                         \
    static void name(const struct line *line)                                                      \
    {                                                                                              \
        ptrdiff_t channels = line->volume->channels, step = line->step * channels;                 \
        const type *from = (const type *) line->volume->voxels +                                   \
                           (ptrdiff_t)line->first * channels + line->channel;                      \
        const struct sm_rescale *rescale = line->rescale;                                          \
        float *out = line->out;                                                                    \
        for (ptrdiff_t x = 0; x < line->n; x++) {                                                  \
            const struct sm_rescale *r = rescale + x * line->rescale_step;                         \
            out[x * line->out_step] = (float)(r->slope * (double)from[x * step] + r->intercept); \
        }                                                                                          \
    }
READER(read_uint8, uint8_t)
READER(read_int8, int8_t)
READER(read_uint16, uint16_t)
READER(read_int16, int16_t)
READER(read_uint32, uint32_t)
READER(read_int32, int32_t)
READER(read_uint64, uint64_t)
READER(read_int64, int64_t)
READER(read_float32, float)
READER(read_float64, double)

static void (*const readers[])(const struct line *line) = {
    [SM_UINT8] = read_uint8,     [SM_INT8] = read_int8,      [SM_UINT16] = read_uint16,
    [SM_INT16] = read_int16,     [SM_UINT32] = read_uint32,  [SM_INT32] = read_int32,
    [SM_UINT64] = read_uint64,   [SM_INT64] = read_int64,    [SM_FLOAT32] = read_float32,
    [SM_FLOAT64] = read_float64,
};

void volume_line_read(const struct line *line)
{
    readers[line->volume->type](line);
}

ptrdiff_t volume_step(const struct sm_grid *grid, int axis)
{
    ptrdiff_t step = 1;
    for (int a = 0; a < axis; a++)
        step *= grid->dim[a];
    return step;
}

void sm_volume_line(const struct sm_volume *volume, int i, int j, int k, int axis, int channel,
                    int n, float *out)
{
    const struct sm_grid *grid = &volume->grid;
    struct line line = {.volume = volume,
                        .first = (size_t)(i + j * volume_step(grid, 1) + k * volume_step(grid, 2)),
                        .step = volume_step(grid, axis),
                        .channel = channel,
                        .n = n,
                        .rescale = volume->rescale + k,
                        .rescale_step = axis == 2,
                        .out = out,
                        .out_step = 1};
    volume_line_read(&line);
}

enum sm_status volume_each_line(const struct sm_volume *volume,
                                void (*use)(void *context, const float *values, int n),
                                void *context, struct sm_err *err)
{
    const int *dim = volume->grid.dim;
    float *values = malloc((size_t)dim[0] * sizeof *values);
    if (!values)
        return sm_fail(err, SM_MEMORY, "out of memory: a line of %d voxels", dim[0]);
    for (int k = 0; k < dim[2]; k++)
        for (int j = 0; j < dim[1]; j++)
            for (int channel = 0; channel < volume->channels; channel++) {
                sm_volume_line(volume, 0, j, k, 0, channel, dim[0], values);
                use(context, values, dim[0]);
            }
    free(values);
    return SM_OK;
}
