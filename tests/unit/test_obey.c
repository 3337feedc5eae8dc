/* src/model/obey.c: an answer on the right side of every point. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "lib/small_model.h"
#include "model/obey.h"

enum { HEIGHT = 30, WIDTH = 90, MOST_PIXELS = 100 * 100 };

struct fixture {
    struct sm_config config;
    size_t low; /* L * L */
    float *low_res, *before, *logits, *earlier, *square;
};

static struct fixture fixture_of(enum sm_resize resize, float logit)
{
    struct fixture f = {.config = small_config()};
    size_t side = (size_t)f.config.image_size;
    f.config.resize = resize;
    f.low = (size_t)sm_low_res_side(&f.config) * (size_t)sm_low_res_side(&f.config);
    f.low_res = malloc(2 * f.low * sizeof(float));
    f.before = f.low_res + f.low;
    f.logits = malloc((2 * MOST_PIXELS + side * side) * sizeof(float));
    f.earlier = f.logits + MOST_PIXELS;
    f.square = f.earlier + MOST_PIXELS;
    for (size_t p = 0; p < f.low; p++)
        f.low_res[p] = f.before[p] = logit;
    return f;
}

static void fixture_free(struct fixture *f)
{
    free(f->low_res);
    free(f->logits);
}

static int wrong_after(struct fixture *f, const struct sm_prompt *prompt, int height, int width)
{
    obey_points(&f->config, prompt, height, width, f->low_res, f->logits, f->square);
    sm_upsample(&f->config, f->low_res, height, width, f->logits, f->square);
    sm_upsample(&f->config, f->before, height, width, f->earlier, f->square);
    return points_wrong(prompt, f->logits, height, width);
}

/* ---- */

static void sides_are_counted(void **unused)
{
    static const float at[][2] = {{1, 0}, {0, 1}, {1.4f, 0.6f}, {2, 0}, {0, -1}, {0, 0}};
    static const int sides[] = {1, 1, 0, 1, 0, -1}; /* right, wrong, wrong, beside, beside, padding */
    static const float logits[4] = {3, 2, -1, 5};
    const struct sm_prompt prompt = {.point_count = 6, .points = at, .point_labels = sides};
    (void)unused;
    assert_int_equal(points_wrong(&prompt, logits, 2, 2), 2);
}

static void points_on_their_side_move_nothing(void **unused)
{
    static const float at[][2] = {{40, 10}, {200, 3}, {5, 5}};
    static const int sides[] = {0, 1, -1};
    const struct sm_prompt prompt = {.point_count = 3, .points = at, .point_labels = sides};
    struct fixture f = fixture_of(SM_RESIZE_SAM_MED2D, -3);
    (void)unused;
    assert_int_equal(wrong_after(&f, &prompt, HEIGHT, WIDTH), 0);
    assert_memory_equal(f.low_res, f.before, f.low * sizeof(float));
    fixture_free(&f);
}

static size_t farthest_moved(const struct fixture *f, size_t pixels)
{
    size_t most = 0;
    for (size_t p = 0; p < pixels; p++)
        if (fabsf(f->logits[p] - f->earlier[p]) > fabsf(f->logits[most] - f->earlier[most]))
            most = p;
    return most;
}

/* Where it was set, in pictures of all shapes and however they are laid in the network's square. */
static void mask_moves_at_the_point(void **unused)
{
    static const enum sm_resize ways[] = {SM_RESIZE_SAM_MED2D, SM_RESIZE_SAM};
    static const int shapes[][2] = {{30, 90}, {90, 30}, {100, 100}, {17, 40}};
    (void)unused;
    for (size_t way = 0; way < 2; way++)
        for (size_t s = 0; s < 4; s++)
            for (int label = 0; label < 2; label++) {
                int height = shapes[s][0], width = shapes[s][1];
                struct fixture f = fixture_of(ways[way], label ? -6 : 6);
                const float at[1][2] = {{(float)(width * 2 / 3), (float)(height / 4)}};
                const struct sm_prompt prompt = {.point_count = 1, .points = at, .point_labels = &label};
                assert_int_equal(wrong_after(&f, &prompt, height, width), 0);
                size_t most = farthest_moved(&f, (size_t)height * (size_t)width);
                double cell = (double)(width > height ? width : height) / sqrt((double)f.low);
                assert_true(fabs((double)(most % (size_t)width) - at[0][0]) <= cell);
                assert_true(fabs((double)(most / (size_t)width) - at[0][1]) <= cell);
                fixture_free(&f);
            }
}

/* A point in a large mask reaches further than one in none, and neither reaches the other end. */
static void reach_goes_with_the_mask(void **unused)
{
    static const float at[1][2] = {{10, 15}};
    int moved[2];
    (void)unused;
    for (int label = 0; label < 2; label++) {
        struct fixture f = fixture_of(SM_RESIZE_SAM_MED2D, label ? -2 : 2);
        const struct sm_prompt prompt = {.point_count = 1, .points = at, .point_labels = &label};
        assert_int_equal(wrong_after(&f, &prompt, HEIGHT, WIDTH), 0);
        moved[label] = 0;
        for (size_t p = 0; p < HEIGHT * WIDTH; p++)
            moved[label] += fabsf(f.logits[p] - f.earlier[p]) > 0.5f;
        assert_true(fabsf(f.logits[15 * WIDTH + 85] - f.earlier[15 * WIDTH + 85]) < 1e-3f);
        fixture_free(&f);
    }
    assert_true(moved[0] > 2 * moved[1] && moved[1] > 0);
}

static void neighbours_are_all_obeyed(void **unused)
{
    static const float at[][2] = {{25, 15}, {38, 15}, {51, 15}, {38, 4}, {38, 26}};
    static const int sides[] = {1, 0, 1, 1, 1};
    const struct sm_prompt prompt = {.point_count = 5, .points = at, .point_labels = sides};
    (void)unused;
    /* A cell is 90 / 16 by 30 / 16 pixels. */
    for (float logit = -8; logit < 9; logit += 4) {
        struct fixture f = fixture_of(SM_RESIZE_SAM_MED2D, logit);
        assert_int_equal(wrong_after(&f, &prompt, HEIGHT, WIDTH), 0);
        fixture_free(&f);
    }
}

/* Nothing can be on both sides; it ends, stays a mask, and the points far from it are obeyed. */
static void points_at_odds_end(void **unused)
{
    static const float at[][2] = {{30, 15}, {30, 15}, {30.3f, 15}, {80, 25}, {5, 3}};
    static const int sides[] = {1, 0, 1, 1, 1};
    const struct sm_prompt prompt = {.point_count = 5, .points = at, .point_labels = sides};
    struct fixture f = fixture_of(SM_RESIZE_SAM_MED2D, -0.5f);
    (void)unused;
    assert_in_range(wrong_after(&f, &prompt, HEIGHT, WIDTH), 1, 2);
    assert_true(f.logits[25 * WIDTH + 80] > 0 && f.logits[3 * WIDTH + 5] > 0);
    for (size_t p = 0; p < f.low; p++)
        assert_true(fabsf(f.low_res[p]) < 10);
    fixture_free(&f);
}

static void what_is_no_number_stays(void **unused)
{
    static const float at[1][2] = {{30, 15}};
    static const int side = 1;
    const struct sm_prompt prompt = {.point_count = 1, .points = at, .point_labels = &side};
    struct fixture f = fixture_of(SM_RESIZE_SAM_MED2D, NAN);
    (void)unused;
    obey_points(&f.config, &prompt, HEIGHT, WIDTH, f.low_res, f.logits, f.square);
    assert_memory_equal(f.low_res, f.before, f.low * sizeof(float));
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sides_are_counted),         cmocka_unit_test(points_on_their_side_move_nothing),
        cmocka_unit_test(mask_moves_at_the_point),   cmocka_unit_test(reach_goes_with_the_mask),
        cmocka_unit_test(neighbours_are_all_obeyed), cmocka_unit_test(points_at_odds_end),
        cmocka_unit_test(what_is_no_number_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
