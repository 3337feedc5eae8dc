/* src/train/asking.c: boxes and points drawn from a mask lie where they say. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "train/asking.h"

enum { SIDE = 12 };

/* A square of 9 pixels, and a line of 4 whose fifth pixel touches it by a corner. */
static void draw_mask(uint8_t *mask)
{
    memset(mask, 0, SIDE * SIDE);
    for (int i = 0; i < 9; i++)
        mask[(2 + i / 3) * SIDE + 1 + i % 3] = 1;
    for (int i = 0; i < 4; i++)
        mask[9 * SIDE + 6 + i] = 1;
    mask[10 * SIDE + 10] = 1;
}

static void test_largest(void **unused)
{
    uint8_t mask[SIDE * SIDE], box_only[SIDE * SIDE] = {0};
    (void)unused;
    draw_mask(mask);
    for (int i = 0; i < 9; i++)
        box_only[(2 + i / 3) * SIDE + 1 + i % 3] = 1;
    assert_true(keep_largest(mask, SIDE));
    assert_memory_equal(mask, box_only, sizeof mask);
    memset(mask, 0, sizeof mask);
    assert_true(keep_largest(mask, SIDE)); /* nothing to keep */
    for (int i = 0; i < SIDE * SIDE; i++)
        assert_int_equal(mask[i], 0);
}

static void test_connected_by_corners(void **unused)
{
    uint8_t mask[SIDE * SIDE];
    int left = 0;
    (void)unused;
    draw_mask(mask);
    memset(mask, 0, 6 * SIDE); /* the line alone */
    mask[0] = 1;
    assert_true(keep_largest(mask, SIDE));
    for (int i = 0; i < SIDE * SIDE; i++)
        left += mask[i];
    assert_int_equal(left, 5);
    assert_int_equal(mask[10 * SIDE + 10], 1);
}

static void test_box(void **unused)
{
    static const struct box_jitter none = {0};
    static const float around[4] = {1, 2, 4, 5};
    struct rng rng = rng_of(1, 1);
    uint8_t mask[SIDE * SIDE];
    float box[4];
    (void)unused;
    draw_mask(mask);
    assert_true(ask_box(box, mask, SIDE, &none, &rng));
    assert_memory_equal(box, around, sizeof box);
    memset(mask, 0, sizeof mask);
    assert_false(ask_box(box, mask, SIDE, &none, &rng));
}

static void test_points(void **unused)
{
    static const int inside_of[] = {0, 1, 1, 1, 2, 2}; /* of one, itself; of several half, rounded down */
    uint8_t mask[SIDE * SIDE];
    float xy[5][2];
    int labels[5];
    (void)unused;
    draw_mask(mask);
    for (int count = 1; count <= 5; count++)
        for (uint64_t seed = 0; seed < 50; seed++) {
            struct rng rng = rng_of(seed, 7);
            int inside = 0;
            ask_points(xy, labels, count, mask, SIDE, &rng);
            for (int i = 0; i < count; i++) {
                assert_int_equal(labels[i], mask[(int)xy[i][1] * SIDE + (int)xy[i][0]]);
                inside += labels[i];
            }
            assert_int_equal(inside, inside_of[count]);
        }
}

/* Sides move each by itself, with a deviation that is a share of the box's size, and no farther than they may. */
static void test_jitter(void **unused)
{
    enum { LARGE = 64, DRAWS = 4000 };
    static const float around[4] = {10, 30, 50, 50}; /* 40 wide, 20 high */
    static const struct box_jitter jitter = {.share = 0.1, .most = 8};
    static uint8_t mask[LARGE * LARGE];
    struct rng rng = rng_of(2, 9);
    double sum[4] = {0}, squares[4] = {0};
    (void)unused;
    for (int i = 0; i < LARGE * LARGE; i++)
        mask[i] = i % LARGE >= 10 && i % LARGE < 50 && i / LARGE >= 30 && i / LARGE < 50;
    for (int n = 0; n < DRAWS; n++) {
        float box[4];
        assert_true(ask_box(box, mask, LARGE, &jitter, &rng));
        for (int i = 0; i < 4; i++) {
            double by = box[i] - around[i];
            assert_true(fabs(by) <= 8.001);
            sum[i] += by / DRAWS, squares[i] += by * by / DRAWS;
        }
    }
    for (int i = 0; i < 4; i++) { /* a normal deviation cut at two deviations has 0.96 of it left, about */
        assert_float_equal(sum[i], 0, 0.3);
        assert_float_equal(sqrt(squares[i]), (i % 2 ? 2 : 0.96 * 4), 0.12);
    }
}

/* As published: the box keeps its size, and is shifted by whole pixels from -most to most - 1. */
static void test_published_jitter(void **unused)
{
    static const struct box_jitter jitter = {.share = 0.1, .most = 5, .together = true};
    static uint8_t mask[64 * 64];
    struct rng rng = rng_of(2, 9);
    bool seen[2][10] = {{0}};
    (void)unused;
    for (int i = 0; i < 64 * 64; i++)
        mask[i] = i % 64 >= 10 && i % 64 < 50 && i / 64 >= 30 && i / 64 < 50;
    for (int n = 0; n < 500; n++) {
        float box[4];
        assert_true(ask_box(box, mask, 64, &jitter, &rng));
        assert_true(box[2] - box[0] == 40 && box[3] - box[1] == 20);
        assert_in_range(box[0] - 10 + 5, 0, 9);
        assert_in_range(box[1] - 30 + 5, 0, 9);
        seen[0][(int)box[0] - 5] = seen[1][(int)box[1] - 25] = true;
    }
    for (int i = 0; i < 10; i++)
        assert_true(seen[0][i] && seen[1][i]);
}

/* Corrections lie where probability > threshold is not the mask, and say what the mask is there. */
static void test_corrections(void **unused)
{
    static const float thresholds[] = {0.3f, 0.5f};
    uint8_t mask[SIDE * SIDE];
    float probability[SIDE * SIDE], xy[9][2];
    int labels[9];
    (void)unused;
    draw_mask(mask);
    for (int i = 0; i < SIDE * SIDE; i++)
        probability[i] = mask[i] ? 0.9f : 0.1f;
    probability[0] = 0.4f; /* outside: wrong for the lower threshold alone */
    probability[2 * SIDE + 1] = 0.2f; /* inside: wrong for both */
    for (int t = 0; t < 2; t++) {
        struct rng rng = rng_of(3, 7);
        int outside = 0;
        ask_corrections(xy, labels, 9, probability, thresholds[t], mask, SIDE, false, &rng);
        for (int i = 0; i < 9; i++) {
            int pixel = (int)xy[i][1] * SIDE + (int)xy[i][0];
            assert_true(pixel == 2 * SIDE + 1 || (t == 0 && pixel == 0));
            assert_int_equal(labels[i], mask[pixel]);
            outside += pixel == 0;
        }
        assert_int_equal(outside > 0, t == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_largest), cmocka_unit_test(test_connected_by_corners),
                                       cmocka_unit_test(test_box), cmocka_unit_test(test_points),
                                       cmocka_unit_test(test_jitter), cmocka_unit_test(test_published_jitter),
                                       cmocka_unit_test(test_corrections)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
