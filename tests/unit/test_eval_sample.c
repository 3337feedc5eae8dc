/* Prompts from masks: parts, boxes, points, and that a seed means the same everywhere. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dataset/extent.h"
#include "eval/sample.h"
#include "sammed2d/evaluate.h"

enum { HEIGHT = 6, WIDTH = 9 };

/* '#' is inside. */
static void draw(uint8_t *mask, const char *const rows[HEIGHT])
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            mask[y * WIDTH + x] = rows[y][x] == '#';
}

static const char *const two_parts[HEIGHT] = {"##.......", //
                                              "##....#..", //
                                              ".....#...", //
                                              "....#....", //
                                              "...#.....", //
                                              "..#......"};

static void random_numbers_are_splitmix64(void **state)
{
    (void)state;
    struct rng rng = {0}; /* the generator's published first outputs for seed 0 */
    assert_true(rng_next(&rng) == 0xE220A8397B1DCDAFu);
    assert_true(rng_next(&rng) == 0x6E789E6AA1B965F4u);
    assert_true(rng_next(&rng) == 0x06C45D188009454Fu);
    struct rng a = rng_for(5, "case/3"), b = rng_for(5, "case/3"), c = rng_for(6, "case/3"), d = rng_for(5, "case/4");
    uint64_t first = rng_next(&a);
    assert_true(first == rng_next(&b));
    assert_true(first != rng_next(&c) && first != rng_next(&d));
}

static void numbers_are_spread_evenly(void **state)
{
    (void)state;
    enum { SIDES = 7, ROLLS = 70000 };
    int seen[SIDES] = {0};
    double chi = 0;
    struct rng rng = rng_for(1, "die");
    for (int n = 0; n < ROLLS; n++)
        seen[rng_below(&rng, SIDES)]++;
    for (int s = 0; s < SIDES; s++)
        chi += pow(seen[s] - ROLLS / SIDES, 2) / (ROLLS / SIDES);
    assert_true(chi < 22.5); /* 6 degrees of freedom, one in a thousand */
}

static void largest_part_has_eight_neighbours(void **state)
{
    (void)state;
    uint8_t mask[HEIGHT * WIDTH], part[HEIGHT * WIDTH];
    int stack[HEIGHT * WIDTH];
    float box[4];
    draw(mask, two_parts);
    assert_int_equal(sample_largest(mask, HEIGHT, WIDTH, part, stack), 5); /* the diagonal, not the square of 4 */
    assert_true(mask_extent(part, HEIGHT, WIDTH, box));
    const float expected[4] = {2, 1, 7, 6}; /* regionprops: one past the last */
    assert_memory_equal(box, expected, sizeof box);
    mask[1 * WIDTH + 6] = 0; /* a tie: the part that comes first in reading order */
    assert_int_equal(sample_largest(mask, HEIGHT, WIDTH, part, stack), 4);
    assert_int_equal(part[0], 1);
    memset(mask, 0, sizeof mask);
    assert_int_equal(sample_largest(mask, HEIGHT, WIDTH, part, stack), 0);
    assert_false(mask_extent(mask, HEIGHT, WIDTH, box));
}

static void jitter_stays_within_bounds(void **state)
{
    (void)state;
    struct rng rng = rng_for(3, "jitter");
    double moved = 0;
    for (int n = 0; n < 2000; n++) {
        float box[4] = {30, 40, 70, 60};
        sample_jitter(&rng, 0.1, 100, 100, box);
        assert_true(fabsf(box[0] - 30) <= 4 && fabsf(box[2] - 70) <= 4); /* a tenth of 40 */
        assert_true(fabsf(box[1] - 40) <= 2 && fabsf(box[3] - 60) <= 2);
        moved += fabsf(box[0] - 30);
        float edge[4] = {0, 0, 3, 3};
        sample_jitter(&rng, 1, 3, 3, edge);
        for (int a = 0; a < 2; a++)
            assert_true(edge[a] >= 0 && edge[a] + 1 <= edge[a + 2] && edge[a + 2] <= 3);
    }
    assert_true(fabs(moved / 2000 - 2) < 0.15); /* uniform to 4: two on average */
    float box[4] = {30, 40, 70, 60}, same[4] = {30, 40, 70, 60};
    sample_jitter(&rng, 0, 100, 100, box);
    assert_memory_equal(box, same, sizeof box);
}

/* ref: init_point_sampling: one point is inside; of n, n / 2 are inside and the rest outside. */
static void points_are_split_as_in_the_reference(void **state)
{
    (void)state;
    uint8_t mask[HEIGHT * WIDTH];
    float points[5][2];
    int labels[5], first_is_inside = 0;
    draw(mask, two_parts);
    for (int round = 0; round < 200; round++) {
        for (int count = 1; count <= 5; count++) {
            char name[16];
            int inside = 0;
            snprintf(name, sizeof name, "%d", round);
            struct rng rng = rng_for(9, name);
            sample_points(&rng, mask, HEIGHT, WIDTH, count, points, labels);
            for (int n = 0; n < count; n++) {
                assert_int_equal(mask[(int)points[n][1] * WIDTH + (int)points[n][0]], labels[n]);
                inside += labels[n];
            }
            assert_int_equal(inside, count == 1 ? 1 : count / 2);
        }
        first_is_inside += labels[0];
    }
    assert_true(first_is_inside > 50 && first_is_inside < 110); /* shuffled: 2 of 5 */
}

static void every_pixel_can_be_drawn(void **state)
{
    (void)state;
    uint8_t mask[HEIGHT * WIDTH], seen[HEIGHT * WIDTH] = {0};
    struct rng rng = rng_for(0, "all");
    draw(mask, two_parts);
    for (int round = 0; round < 500; round++) {
        float point[1][2];
        int label;
        sample_points(&rng, mask, HEIGHT, WIDTH, 1, point, &label);
        seen[(int)point[0][1] * WIDTH + (int)point[0][0]] = 1;
    }
    assert_memory_equal(seen, mask, sizeof mask);
}

static void full_and_empty_masks_have_one_side(void **state)
{
    (void)state;
    uint8_t mask[HEIGHT * WIDTH];
    float points[3][2];
    int labels[3];
    struct rng rng = rng_for(0, "full");
    memset(mask, 1, sizeof mask);
    sample_points(&rng, mask, HEIGHT, WIDTH, 3, points, labels);
    assert_true(labels[0] == 1 && labels[1] == 1 && labels[2] == 1);
    memset(mask, 0, sizeof mask);
    sample_points(&rng, mask, HEIGHT, WIDTH, 1, points, labels);
    assert_int_equal(labels[0], 0);
}

/* ref: select_random_points */
static void corrections_lie_where_the_answer_is_wrong(void **state)
{
    (void)state;
    uint8_t mask[HEIGHT * WIDTH], answer[HEIGHT * WIDTH];
    bool missed = false, exceeded = false;
    struct rng rng = rng_for(0, "error");
    draw(mask, two_parts);
    memcpy(answer, mask, sizeof mask);
    answer[0] = 0;                 /* missed at 0, 0 */
    answer[3 * WIDTH + 8] = 1;     /* exceeded at 8, 3 */
    for (int round = 0; round < 100; round++) {
        float point[2];
        int label;
        sample_error(&rng, mask, answer, HEIGHT, WIDTH, point, &label);
        if (label == 1)
            missed |= point[0] == 0 && point[1] == 0;
        else if (label == 0)
            exceeded |= point[0] == 8 && point[1] == 3;
        else
            fail();
    }
    assert_true(missed && exceeded);
    float point[2];
    int label;
    sample_error(&rng, mask, mask, HEIGHT, WIDTH, point, &label);
    assert_int_equal(label, -1); /* nothing to correct */
    assert_true(point[0] >= 0 && point[0] < WIDTH && point[1] >= 0 && point[1] < HEIGHT);
}

/* Against a search for the largest square about each pixel. */
static void innermost_is_innermost(void **state)
{
    (void)state;
    enum { SIDE = 23 };
    uint8_t mask[SIDE * SIDE];
    int distance[SIDE * SIDE], at[2], best = -1, best_at = 0;
    struct rng rng = rng_for(0, "blob");
    for (int p = 0; p < SIDE * SIDE; p++)
        mask[p] = hypot(p % SIDE - 9, p / SIDE - 12) < 8 && rng_below(&rng, 20) > 0;
    sample_innermost(mask, SIDE, SIDE, distance, at);
    for (int p = 0; p < SIDE * SIDE; p++) {
        int reach = 0, x = p % SIDE, y = p / SIDE;
        for (bool whole = true; whole; reach += whole)
            for (int v = y - reach; v <= y + reach; v++)
                for (int u = x - reach; u <= x + reach; u++)
                    whole = whole && u >= 0 && v >= 0 && u < SIDE && v < SIDE && mask[v * SIDE + u];
        assert_int_equal(distance[p], reach);
        if (reach > best) {
            best = reach;
            best_at = p;
        }
    }
    assert_int_equal(at[1] * SIDE + at[0], best_at);
}

static void prompts_are_parsed(void **state)
{
    (void)state;
    struct sm_eval_options options = {0};
    struct sm_err err;
    assert_int_equal(sm_eval_prompts_parse(&options, "box,point3,iter9,box", &err), SM_OK);
    assert_int_equal(options.prompt_count, 3); /* the second box is the first */
    assert_int_equal(options.prompts[1].kind, SM_EVAL_POINTS);
    assert_int_equal(options.prompts[1].points, 3);
    assert_string_equal(options.prompts[2].name, "iter9");
    static const char *const wrong[] = {"", "box,", "point", "point0", "point65", "boxes", "iter1x", "ellipse",
                                        "point1,,box", "point99999999999999999999999999999999999999999999999999999999999999999"};
    for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++)
        assert_int_equal(sm_eval_prompts_parse(&options, wrong[n], &err), SM_USAGE);
    assert_int_equal(sm_eval_ways_parse(&options, "three,point", &err), SM_OK);
    assert_true(options.ways[SM_EVAL_WAY_THREE] && options.ways[SM_EVAL_WAY_POINT] && !options.ways[SM_EVAL_WAY_BOX]);
    assert_int_equal(sm_eval_ways_parse(&options, "four", &err), SM_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_numbers_are_splitmix64),
        cmocka_unit_test(numbers_are_spread_evenly),
        cmocka_unit_test(largest_part_has_eight_neighbours),
        cmocka_unit_test(jitter_stays_within_bounds),
        cmocka_unit_test(points_are_split_as_in_the_reference),
        cmocka_unit_test(every_pixel_can_be_drawn),
        cmocka_unit_test(full_and_empty_masks_have_one_side),
        cmocka_unit_test(corrections_lie_where_the_answer_is_wrong),
        cmocka_unit_test(innermost_is_innermost),
        cmocka_unit_test(prompts_are_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
