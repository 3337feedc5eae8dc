#include <math.h>
#include "volume/voi.h"

/* LINEAR counts values as whole numbers: a width of 1 is a threshold. */
static double linear(double value, double center, double width)
{
    if (width <= 1)
        return value > center - 0.5 ? 1 : 0;
    return (value - (center - 0.5)) / (width - 1) + 0.5;
}

static double shown(enum sm_voi_function function, double value, struct sm_voi_window window)
{
    switch (function) {
    case SM_VOI_LINEAR_EXACT:
        return (value - window.center) / window.width + 0.5;
    case SM_VOI_SIGMOID:
        return 1 / (1 + exp(-4 * (value - window.center) / window.width));
    default:
        return linear(value, window.center, window.width);
    }
}

static uint8_t from_table(const struct sm_voi_table *table, double value)
{
    double place = floor(value - table->first), last = (double)table->size - 1;
    return table->grey[(size_t)fmin(fmax(place, 0), last)];
}

void voi_apply(const struct sm_voi *voi, int k, const float *values, size_t count, uint8_t *grey)
{
    struct sm_voi_window window = {0, 1};
    size_t row = voi->per_slice ? (size_t)k : 0;
    if (voi->windows > 0)
        window = voi->window[row * voi->windows];
    for (size_t x = 0; x < count; x++) {
        if (!isfinite(values[x]))
            grey[x] = 0;
        else if (voi->windows == 0)
            grey[x] = from_table(&voi->table[row], values[x]);
        else
            grey[x] = (uint8_t)floor(
                255 * fmin(fmax(shown(voi->function, values[x], window), 0), 1) + 0.5);
    }
}
