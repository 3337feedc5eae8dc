/* src/model/zoom.c: which part of a picture is shown for a box, and what becomes of its answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "model/zoom.h"

static void which_part_is_shown(void **unused)
{
    static const struct {
        float box[4];
        double zoom;
        int height, width;
        bool shown;
        struct region part;
    } rows[] = {
        {{40, 50, 60, 60}, 2.5, 200, 200, true, {25, 30, 50, 50}}, /* about the middle, by the longer side */
        {{0, 180, 20, 200}, 2.5, 200, 200, true, {0, 150, 50, 50}}, /* moved into the picture */
        {{90, 90, 94, 96}, 2, 200, 200, true, {76, 77, 32, 32}},    /* a tiny box: 16 pixels */
        {{10, 5, 40, 35}, 2.5, 40, 200, true, {0, 0, 75, 40}},      /* cut where the picture is lower */
        {{10, 5, 40, 35}, 2.5, 40, 75, false, {0, 0, 75, 40}},      /* that is all of it */
        {{0, 0, 200, 200}, 2.5, 200, 200, false, {0, 0, 200, 200}},
        {{40, 50, 60, 60}, 1, 200, 200, false, {40, 45, 20, 20}},   /* no zoom */
        {{-50, 50, -30, 60}, 2.5, 200, 200, true, {0, 30, 50, 50}}, /* a box beside the picture */
        {{1e30f, 0, 1e31f, 10}, 2.5, 200, 200, false, {0, 0, 200, 200}},
    };
    (void)unused;
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        struct region r;
        assert_int_equal(zoom_region(&r, rows[n].box, rows[n].zoom, rows[n].height, rows[n].width), rows[n].shown);
        assert_memory_equal(&r, &rows[n].part, sizeof r);
    }
}

static void the_part_has_its_pixels(void **unused)
{
    uint8_t pixels[7 * 9 * 3];
    const struct sm_picture picture = {7, 9, 3, pixels};
    const struct region region = {4, 2, 3, 5};
    struct sm_picture part;
    (void)unused;
    for (size_t p = 0; p < sizeof pixels; p++)
        pixels[p] = (uint8_t)p;
    assert_int_equal(zoom_crop(&part, &picture, &region, NULL), SM_OK);
    assert_int_equal(part.height, 5);
    assert_int_equal(part.width, 3);
    assert_int_equal(part.channels, 3);
    for (int y = 0; y < 5; y++)
        for (int x = 0; x < 3; x++)
            for (int c = 0; c < 3; c++)
                assert_int_equal(part.pixels[(y * 3 + x) * 3 + c], ((y + 2) * 9 + x + 4) * 3 + c);
    free((void *)part.pixels);
}

/* An answer that is the same everywhere stays so when it is brought to the picture's size. */
static void fill(float *low_res, size_t count, float value)
{
    for (size_t p = 0; p < count; p++)
        low_res[p] = value;
}

static void answers_are_averaged(void **unused)
{
    enum { HEIGHT = 20, WIDTH = 30 };
    struct sm_model *model;
    struct sm_err err;
    (void)unused;
    assert_int_equal(sm_model_open(&model, "weights/default.h5", &err), SM_OK);
    const struct sm_config *config = sm_model_config(model);
    size_t low = (size_t)sm_low_res_side(config) * (size_t)sm_low_res_side(config);
    struct closer closer = {{8, 5, 20, 12}, malloc(low * sizeof(float))}, none = {.low_res = NULL};
    /* One look; a part of 20 x 12 pixels with nothing in it, and with everything, of a picture that is all inside. */
    static const struct {
        bool near;
        float low_res, logit;
    } cases[] = {{false, 0, 1}, {true, -5, -2}, {true, 5, 3}};
    float logits[HEIGHT * WIDTH], room[HEIGHT * WIDTH];
    float *scratch = malloc((size_t)config->image_size * (size_t)config->image_size * sizeof *scratch);
    for (int n = 0; n < 3; n++) {
        fill(closer.low_res, low, cases[n].low_res);
        fill(logits, HEIGHT * WIDTH, 1);
        zoom_merge(config, cases[n].near ? &closer : &none, WIDTH, logits, room, scratch);
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++) {
                bool inside = cases[n].near && x >= 8 && x < 28 && y >= 5 && y < 17;
                assert_float_equal(logits[y * WIDTH + x], inside ? cases[n].logit : 1, 1e-5);
            }
    }
    free(closer.low_res);
    free(scratch);
    sm_model_close(model);
}

static void stable_is_what_is_clear(void **unused)
{
    (void)unused;
    const float logits[] = {-9, -1, -0.5f, 0, 0.5f, 1, 1.5f, 9};
    assert_float_equal(mask_stability(logits, 8), 2 / 6.0f, 1e-6);
    assert_float_equal(mask_stability(logits + 6, 2), 1, 0);
    assert_float_equal(mask_stability(logits, 2), 0, 0); /* nothing is in sight: no mask that could be right */
    assert_float_equal(zoom_iou(0.5f, 0.75f, 0.25f), 0.5f, 1e-6);
    assert_float_equal(zoom_iou(0.75f, 0.5f, 0.25f), 0.5f, 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_part_is_shown),
        cmocka_unit_test(the_part_has_its_pixels),
        cmocka_unit_test(answers_are_averaged),
        cmocka_unit_test(stable_is_what_is_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
