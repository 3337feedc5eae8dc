#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sammed2d/view.h"
#include "volume/order.h"
#include "volume/voi.h"

static const struct {
    const char *name;
    enum sm_window_mode mode;
    double center, width;
} names[] = {
    {"default", SM_WINDOW_DEFAULT, 0, 0},
    {"minmax", SM_WINDOW_MINMAX, 0, 0},
    {"volume", SM_WINDOW_VOLUME, 0, 0},
    {"percentile", SM_WINDOW_PERCENTILE, 0, 0},
    {"dicom", SM_WINDOW_DICOM, 0, 0},
    {"stored", SM_WINDOW_STORED, 0, 0},
    {"abdomen", SM_WINDOW_CENTER_WIDTH, 40, 400},
    {"lung", SM_WINDOW_CENTER_WIDTH, -600, 1500},
    {"bone", SM_WINDOW_CENTER_WIDTH, 400, 1800},
    {"brain", SM_WINDOW_CENTER_WIDTH, 40, 80},
    {"mediastinum", SM_WINDOW_CENTER_WIDTH, 50, 350},
    {"liver", SM_WINDOW_CENTER_WIDTH, 60, 160},
};
enum { NAMES = sizeof names / sizeof *names };

static bool parse_numbers(struct sm_window *window, const char *text)
{
    char *end;
    double center = strtod(text, &end);
    if (end == text || *end != ',')
        return false;
    const char *second = end + 1;
    double width = strtod(second, &end);
    if (end == second || *end || !isfinite(center) || !isfinite(width) || width <= 0)
        return false;
    *window = (struct sm_window){
        .mode = SM_WINDOW_CENTER_WIDTH, .center = center, .width = width};
    return true;
}

enum sm_status sm_window_parse(struct sm_window *window, const char *text, struct sm_err *err)
{
    for (int n = 0; n < NAMES; n++)
        if (strcmp(text, names[n].name) == 0) {
            *window = (struct sm_window){
                .mode = names[n].mode, .center = names[n].center, .width = names[n].width};
            return SM_OK;
        }
    if (parse_numbers(window, text))
        return SM_OK;
    return sm_fail(err, SM_USAGE,
                   "\"%s\" is not a window: give minmax, volume, percentile, dicom, stored, "
                   "abdomen, lung, bone, brain, mediastinum, liver, or CENTER,WIDTH as in 40,400 "
                   "(the width above 0)",
                   text);
}

/* Text that reads back as the same number. */
static void exact_text(double value, char *text, size_t size)
{
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            return;
    }
}

void sm_window_name(const struct sm_window *window, char *text, size_t size)
{
    if (window->mode == SM_WINDOW_CENTER_WIDTH) {
        char center[32], width[32];
        exact_text(window->center, center, sizeof center);
        exact_text(window->width, width, sizeof width);
        snprintf(text, size, "%s,%s", center, width);
        return;
    }
    for (int n = 0; n < NAMES; n++)
        if (names[n].mode == window->mode) {
            snprintf(text, size, "%s", names[n].name);
            return;
        }
}

enum sm_status sm_window_prepare(struct sm_window *window, const struct sm_volume *volume,
                                 struct sm_err *err)
{
    if (window->mode == SM_WINDOW_DEFAULT)
        window->mode = volume->display_ready ? SM_WINDOW_STORED : SM_WINDOW_MINMAX;
    enum sm_status status = SM_OK;
    if (window->mode == SM_WINDOW_VOLUME || window->mode == SM_WINDOW_PERCENTILE)
        status = sm_volume_load(volume, 0, volume->grid.dim[2] - 1, err);
    if (status)
        return status;
    switch (window->mode) {
    case SM_WINDOW_VOLUME:
        return order_extremes(volume, &window->low, &window->high, err);
    case SM_WINDOW_PERCENTILE: {
        const double percent[2] = {0.5, 99.5};
        double value[2];
        status = order_percentiles(volume, percent, 2, value, err);
        window->low = value[0];
        window->high = value[1];
        return status;
    }
    case SM_WINDOW_DICOM:
        window->voi = volume->voi;
        window->voi_slice = volume->grid.dim[2] / 2;
        if (window->voi)
            return SM_OK;
        return sm_fail(err, SM_UNSUPPORTED,
                       "the window \"dicom\" is a DICOM file's own; this input has none: choose "
                       "minmax, percentile or CENTER,WIDTH");
    case SM_WINDOW_STORED:
        if (volume->type == SM_UINT8)
            return SM_OK;
        return sm_fail(err, SM_UNSUPPORTED,
                       "the window \"stored\" needs 8-bit pictures, but the voxels are %s: choose "
                       "minmax, percentile or CENTER,WIDTH",
                       sm_voxel_type_name(volume->type));
    default:
        return SM_OK;
    }
}

static void finite_extremes(const float *values, size_t count, double *low, double *high)
{
    float least = INFINITY, most = -INFINITY;
    for (size_t x = 0; x < count; x++)
        if (isfinite(values[x])) {
            least = values[x] < least ? values[x] : least;
            most = values[x] > most ? values[x] : most;
        }
    bool any = least <= most;
    *low = any ? least : 0;
    *high = any ? most : 0;
}

/* SA-Med2D's rule: 254 is the brightest. */
static void apply_extremes(double low, double high, const float *values, size_t count,
                           uint8_t *grey)
{
    double range = high - low, divisor = range + 1e-8 * fmax(1, range);
    for (size_t x = 0; x < count; x++) {
        double value = isfinite(values[x]) ? values[x] : low;
        double level = floor(255 * (value - low) / divisor);
        grey[x] = (uint8_t)fmin(fmax(level, 0), 255);
    }
}

/* 255 times the place between low and high, clipped; half is added before the fraction is cut off
 * where the rule says rounded. */
static void apply_range(double low, double high, double half, const float *values, size_t count,
                        uint8_t *grey)
{
    double range = high - low;
    for (size_t x = 0; x < count; x++) {
        double place = isfinite(values[x]) && range > 0 ? (values[x] - low) / range : 0;
        grey[x] = (uint8_t)floor(255 * fmin(fmax(place, 0), 1) + half);
    }
}

struct sm_window sm_window_at(const struct sm_window *window, const struct sm_view *view, int s)
{
    struct sm_window own = *window;
    if (view->axis[2] == 2)
        own.voi_slice = view->reversed[2] ? view->dim[2] - 1 - s : s;
    return own;
}

void sm_window_apply(const struct sm_window *window, const float *values, size_t pixels,
                     uint8_t *grey)
{
    double low, high;
    switch (window->mode) {
    case SM_WINDOW_CENTER_WIDTH:
        low = window->center - window->width / 2;
        apply_range(low, low + window->width, 0.5, values, pixels, grey);
        return;
    case SM_WINDOW_PERCENTILE:
        apply_range(window->low, window->high, 0, values, pixels, grey);
        return;
    case SM_WINDOW_VOLUME:
        apply_extremes(window->low, window->high, values, pixels, grey);
        return;
    case SM_WINDOW_DICOM:
        voi_apply(window->voi, window->voi_slice, values, pixels, grey);
        return;
    case SM_WINDOW_STORED:
        apply_range(0, 255, 0.5, values, pixels, grey);
        return;
    default:
        finite_extremes(values, pixels, &low, &high);
        apply_extremes(low, high, values, pixels, grey);
    }
}
