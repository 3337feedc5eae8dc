/* Windows: how values become grey. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/restored.h"
#include "sammed2d/view.h"

static struct sm_volume floats(int nx, int ny, int nz)
{
    struct sm_grid grid = {.dim = {nx, ny, nz},
                           .affine_lps = {{1}, {0, 1}, {0, 0, 1}, {0, 0, 0, 1}}};
    struct sm_volume volume;
    assert_int_equal(sm_volume_alloc(&volume, &grid, SM_FLOAT32, 1, NULL), SM_OK);
    return volume;
}

static void texts_read_back(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
        enum sm_window_mode mode;
        double center, width;
    } rows[] = {
        {"minmax", "minmax", SM_WINDOW_MINMAX, 0, 0},
        {"volume", "volume", SM_WINDOW_VOLUME, 0, 0},
        {"percentile", "percentile", SM_WINDOW_PERCENTILE, 0, 0},
        {"dicom", "dicom", SM_WINDOW_DICOM, 0, 0},
        {"stored", "stored", SM_WINDOW_STORED, 0, 0},
        {"default", "default", SM_WINDOW_DEFAULT, 0, 0},
        {"40,400", "40,400", SM_WINDOW_CENTER_WIDTH, 40, 400},
        {"-0.1,1e-3", "-0.1,0.001", SM_WINDOW_CENTER_WIDTH, -0.1, 0.001},
        {"lung", "-600,1500", SM_WINDOW_CENTER_WIDTH, -600, 1500},
        {"bone", "400,1800", SM_WINDOW_CENTER_WIDTH, 400, 1800},
        {"brain", "40,80", SM_WINDOW_CENTER_WIDTH, 40, 80},
        {"mediastinum", "50,350", SM_WINDOW_CENTER_WIDTH, 50, 350},
        {"liver", "60,160", SM_WINDOW_CENTER_WIDTH, 60, 160},
        {"abdomen", "40,400", SM_WINDOW_CENTER_WIDTH, 40, 400},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct sm_window window;
        char name[64];
        assert_int_equal(sm_window_parse(&window, rows[r].text, NULL), SM_OK);
        assert_int_equal(window.mode, rows[r].mode);
        assert_true(window.center == rows[r].center && window.width == rows[r].width);
        sm_window_name(&window, name, sizeof name);
        assert_string_equal(name, rows[r].name);
    }
}

static void wrong_texts_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",      "MinMax", "40",      "40,",     "40,0",
                                        "40,-1", "40,400x", "nan,1", "1,inf", ",400"};
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        struct sm_window window;
        struct sm_err err;
        assert_int_equal(sm_window_parse(&window, texts[t], &err), SM_USAGE);
        assert_non_null(strstr(err.message, "mediastinum"));
    }
}

static void minmax_is_sa_med2ds_rule(void **state)
{
    (void)state;
    const float values[] = {-100, 0, 100, 300, NAN, INFINITY, -INFINITY};
    struct sm_window window = {.mode = SM_WINDOW_MINMAX};
    uint8_t grey[7];
    sm_window_apply(&window, values, 7, grey);
    const uint8_t expected[7] = {0, 63, 127, 254, 0, 0, 0}; /* 254 is the brightest */
    assert_memory_equal(grey, expected, 7);
    const float flat[3] = {5, 5, NAN}, none[2] = {NAN, NAN};
    sm_window_apply(&window, flat, 3, grey);
    assert_true(grey[0] == 0 && grey[1] == 0 && grey[2] == 0);
    sm_window_apply(&window, none, 2, grey);
    assert_true(grey[0] == 0 && grey[1] == 0);
}

static void center_and_width_clip_and_round(void **state)
{
    (void)state;
    struct sm_window window = {.mode = SM_WINDOW_CENTER_WIDTH, .center = 40, .width = 400};
    const float values[] = {-1000, -160, 40, 240, 1000, -160 + 400 * 0.5f / 255 + 0.01f, NAN};
    const uint8_t expected[] = {0, 0, 128, 255, 255, 1, 0};
    uint8_t grey[7];
    sm_window_apply(&window, values, 7, grey);
    assert_memory_equal(grey, expected, 7);
}

static void volume_looks_at_everything(void **state)
{
    (void)state;
    struct sm_volume volume = floats(4, 1, 2);
    const float values[8] = {NAN, 10, 20, 30, INFINITY, -10, 0, 5};
    memcpy(volume.voxels, values, sizeof values);
    struct sm_window window = {.mode = SM_WINDOW_VOLUME};
    assert_int_equal(sm_window_prepare(&window, &volume, NULL), SM_OK);
    assert_true(window.low == -10 && window.high == 30);
    uint8_t grey[8];
    sm_window_apply(&window, values, 8, grey);
    const uint8_t expected[8] = {0, 127, 191, 254, 0, 0, 63, 95};
    assert_memory_equal(grey, expected, 8);
    sm_volume_free(&volume);
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Against sorting, which is what numpy.percentile does. */
static void percentiles_are_exact(void **state)
{
    (void)state;
    struct sm_volume volume = floats(37, 11, 5);
    enum { COUNT = 37 * 11 * 5 };
    float *values = volume.voxels, sorted[COUNT];
    size_t kept = 0;
    uint32_t seed = 12345;
    for (int v = 0; v < COUNT; v++) {
        seed = seed * 1664525u + 1013904223u;
        values[v] = v % 7 == 0 ? 0 : ldexpf((float)(int32_t)seed, (int)(seed >> 28) - 40);
        if (v % 101 == 5)
            values[v] = NAN;
        if (values[v] != 0 && isfinite(values[v]))
            sorted[kept++] = values[v];
    }
    qsort(sorted, kept, sizeof *sorted, by_value);
    struct sm_window window = {.mode = SM_WINDOW_PERCENTILE};
    assert_int_equal(sm_window_prepare(&window, &volume, NULL), SM_OK);
    const double percent[2] = {0.5, 99.5}, found[2] = {window.low, window.high};
    for (int p = 0; p < 2; p++) {
        double at = percent[p] / 100 * (double)(kept - 1);
        size_t below = (size_t)at;
        double expected = sorted[below] +
                          ((double)sorted[below + 1] - sorted[below]) * (at - (double)below);
        assert_true(found[p] == expected);
    }
    for (int order = 0; order < STORAGE_ORDERS; order++) {
        struct sm_volume twin;
        struct sm_window again = {.mode = SM_WINDOW_PERCENTILE};
        restored_volume(&twin, &volume, order);
        assert_int_equal(sm_window_prepare(&again, &twin, NULL), SM_OK);
        assert_true(again.low == window.low && again.high == window.high);
        sm_volume_free(&twin);
    }
    sm_volume_free(&volume);
}

static void percentiles_of_little(void **state)
{
    (void)state;
    struct sm_volume volume = floats(3, 1, 1);
    struct sm_window window = {.mode = SM_WINDOW_PERCENTILE};
    uint8_t grey[3];
    const float nothing[3] = {0, NAN, 0}, one[3] = {0, 7, 0};
    memcpy(volume.voxels, nothing, sizeof nothing);
    assert_int_equal(sm_window_prepare(&window, &volume, NULL), SM_OK);
    sm_window_apply(&window, nothing, 3, grey);
    assert_true(grey[0] == 0 && grey[1] == 0 && grey[2] == 0);
    memcpy(volume.voxels, one, sizeof one);
    assert_int_equal(sm_window_prepare(&window, &volume, NULL), SM_OK);
    assert_true(window.low == 7 && window.high == 7);
    sm_volume_free(&volume);
}

static void percentile_clips(void **state)
{
    (void)state;
    struct sm_window window = {.mode = SM_WINDOW_PERCENTILE, .low = 100, .high = 200};
    const float values[5] = {50, 100, 150, 200, 1000};
    const uint8_t expected[5] = {0, 0, 127, 255, 255}; /* the fraction is cut off */
    uint8_t grey[5];
    sm_window_apply(&window, values, 5, grey);
    assert_memory_equal(grey, expected, 5);
}

static void default_depends_on_the_picture(void **state)
{
    (void)state;
    struct sm_volume volume = floats(1, 1, 1);
    struct sm_window window = {.mode = SM_WINDOW_DEFAULT};
    struct sm_err err;
    assert_int_equal(sm_window_prepare(&window, &volume, NULL), SM_OK);
    assert_int_equal(window.mode, SM_WINDOW_MINMAX);
    window.mode = SM_WINDOW_STORED;
    assert_int_equal(sm_window_prepare(&window, &volume, &err), SM_UNSUPPORTED);
    assert_non_null(strstr(err.message, "float32"));
    window.mode = SM_WINDOW_DICOM;
    assert_int_equal(sm_window_prepare(&window, &volume, &err), SM_UNSUPPORTED);
    volume.type = SM_UINT8;
    volume.display_ready = true;
    window.mode = SM_WINDOW_DEFAULT;
    assert_int_equal(sm_window_prepare(&window, &volume, NULL), SM_OK);
    assert_int_equal(window.mode, SM_WINDOW_STORED);
    sm_volume_free(&volume);
}

static void stored_changes_nothing(void **state)
{
    (void)state;
    struct sm_window window = {.mode = SM_WINDOW_STORED};
    float values[256];
    uint8_t grey[256];
    for (int v = 0; v < 256; v++)
        values[v] = (float)v;
    sm_window_apply(&window, values, 256, grey);
    for (int v = 0; v < 256; v++)
        assert_int_equal(grey[v], v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_read_back),
        cmocka_unit_test(wrong_texts_are_refused),
        cmocka_unit_test(minmax_is_sa_med2ds_rule),
        cmocka_unit_test(center_and_width_clip_and_round),
        cmocka_unit_test(volume_looks_at_everything),
        cmocka_unit_test(percentiles_are_exact),
        cmocka_unit_test(percentiles_of_little),
        cmocka_unit_test(percentile_clips),
        cmocka_unit_test(default_depends_on_the_picture),
        cmocka_unit_test(stored_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
