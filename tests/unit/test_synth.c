/* Generated pictures: the same for the same number, objects that are there, and every kind of scene. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "synth/field.h"
#include "synth/shape.h"
#include "synth/synth.h"

static struct synth *open_side(int side)
{
    struct synth *synth;
    struct sm_err err = {0};
    assert_int_equal(synth_open(&synth, side, &err), SM_OK);
    return synth;
}

static void test_same_number_same_picture(void **state)
{
    (void)state;
    struct synth *one = open_side(96), *other = open_side(96);
    uint8_t *grey = malloc(96 * 96), *masks = malloc((size_t)SYNTH_MAX_OBJECTS * 96 * 96);
    for (uint64_t n = 0; n < 40; n++) {
        const struct synth_picture *first = synth_draw(one, 5, n);
        int objects = first->objects;
        memcpy(grey, first->grey, 96 * 96);
        memcpy(masks, first->masks, (size_t)objects * 96 * 96);
        synth_draw(other, 6, 1000 - n); /* what was drawn before does not matter */
        const struct synth_picture *second = synth_draw(other, 5, n);
        assert_int_equal(second->objects, objects);
        assert_memory_equal(second->grey, grey, 96 * 96);
        assert_memory_equal(second->masks, masks, (size_t)objects * 96 * 96);
    }
    free(grey);
    free(masks);
    synth_close(one);
    synth_close(other);
}

static void test_numbers_differ(void **state)
{
    (void)state;
    struct synth *synth = open_side(64);
    uint8_t grey[64 * 64];
    memcpy(grey, synth_draw(synth, 1, 0)->grey, sizeof grey);
    assert_memory_not_equal(synth_draw(synth, 1, 1)->grey, grey, sizeof grey);
    assert_memory_not_equal(synth_draw(synth, 2, 0)->grey, grey, sizeof grey);
    synth_close(synth);
}

static void check_objects(const struct synth_picture *picture)
{
    int pixels = picture->side * picture->side;
    assert_in_range(picture->objects, 1, SYNTH_MAX_OBJECTS);
    for (int n = 0; n < picture->objects; n++) {
        const uint8_t *mask = picture->masks + (size_t)n * (size_t)pixels;
        int area = 0;
        for (int p = 0; p < pixels; p++) {
            assert_in_range(mask[p], 0, 1);
            area += mask[p];
        }
        assert_true(area >= 0.00153 * pixels && area <= 0.8 * pixels);
        assert_non_null(picture->kinds[n]);
    }
}

static void test_every_recipe(void **state)
{
    (void)state;
    static const char *const recipes[] = {"trunk", "pelvis", "head", "temporal", "cord", "layers", "mosaic", "shapes"};
    enum { RECIPES = sizeof recipes / sizeof *recipes };
    int seen[RECIPES] = {0};
    struct synth *synth = open_side(128);
    for (uint64_t n = 0; n < 300; n++) {
        const struct synth_picture *picture = synth_draw(synth, 3, n);
        uint8_t least = 255, most = 0;
        for (int p = 0; p < 128 * 128; p++) {
            least = picture->grey[p] < least ? picture->grey[p] : least;
            most = picture->grey[p] > most ? picture->grey[p] : most;
        }
        assert_int_equal(least, 0);
        assert_int_equal(most, 254); /* min-max as the windows of sammed2d/view.h have it */
        check_objects(picture);
        for (int r = 0; r < RECIPES; r++)
            seen[r] += strcmp(picture->recipe, recipes[r]) == 0;
    }
    for (int r = 0; r < RECIPES; r++)
        assert_true(seen[r] > 6);
    synth_close(synth);
}

/* Pixels of a mask, or of its opposite, that hang together with pixel `start` become 2; how many. */
static int fill(uint8_t *left, int *stack, int side, int start)
{
    int depth = 0, count = 0, value = left[start];
    stack[depth++] = start;
    left[start] = 2;
    while (depth > 0) {
        int at = stack[--depth];
        count++;
        for (int near = 0; near < 9; near++) {
            int y = at / side + near / 3 - 1, x = at % side + near % 3 - 1;
            if (y < 0 || x < 0 || y >= side || x >= side || left[y * side + x] != value)
                continue;
            left[y * side + x] = 2;
            stack[depth++] = y * side + x;
        }
    }
    return count;
}

/* Pieces of a mask of at least a thousandth of the picture; or holes, which are what is left of its opposite
 * after all that touches the picture's edge. */
static int pieces(const uint8_t *mask, int side, bool holes)
{
    uint8_t *left = malloc((size_t)side * side);
    int *stack = malloc((size_t)side * side * sizeof *stack), count = 0;
    memcpy(left, mask, (size_t)side * side);
    for (int p = 0; p < side * side && holes; p++)
        if (left[p] == 0 && (p < side || p >= side * (side - 1) || p % side == 0 || p % side == side - 1))
            fill(left, stack, side, p);
    for (int p = 0; p < side * side; p++)
        if (left[p] == !holes)
            count += fill(left, stack, side, p) * 1000 >= side * side;
    free(left);
    free(stack);
    return count;
}

/* Gone when a pixel is taken from every edge, twice, but for a tenth. */
static bool is_thin(const uint8_t *mask, int side)
{
    int area = 0, deep = 0;
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            bool inner = y > 1 && x > 1 && y < side - 2 && x < side - 2;
            area += mask[y * side + x];
            for (int dy = -2; dy <= 2 && inner; dy++)
                for (int dx = -2; dx <= 2 && inner; dx++)
                    inner = mask[(y + dy) * side + x + dx];
            deep += inner;
        }
    return deep * 10 < area;
}

/* What a model should have seen: each kind of thing, and objects that are not one compact blob. */
static void test_variety(void **state)
{
    (void)state;
    enum { SIDE = 128, PICTURES = 1500 };
    static const char *const kinds[] = {"organ", "kidney", "hollow organ", "vessel", "rib", "vertebra", "lesion", "airway",
                                        "airway lumen", "lung", "muscle", "hip", "femur", "sacrum", "brain", "hippocampus",
                                        "anterior part", "cord", "grey matter", "nerve", "mass", "disc", "long organ", "cell", "shape"};
    enum { KINDS = sizeof kinds / sizeof *kinds };
    int seen[KINDS] = {0}, objects = 0, holes = 0, several = 0, thin = 0;
    struct synth *synth = open_side(SIDE);
    for (uint64_t n = 0; n < PICTURES; n++) {
        const struct synth_picture *picture = synth_draw(synth, 4, n);
        for (int i = 0; i < picture->objects; i++) {
            const uint8_t *mask = picture->masks + (size_t)i * SIDE * SIDE;
            for (int k = 0; k < KINDS; k++)
                seen[k] += strcmp(picture->kinds[i], kinds[k]) == 0;
            objects++;
            holes += pieces(mask, SIDE, true) > 0;
            several += pieces(mask, SIDE, false) > 1;
            thin += is_thin(mask, SIDE);
        }
    }
    printf("# %d objects: %d with holes, %d of several pieces, %d thin\n", objects, holes, several, thin);
    for (int k = 0; k < KINDS; k++) {
        if (seen[k] == 0)
            fail_msg("no %s in %d pictures", kinds[k], (int)PICTURES);
    }
    assert_true(holes * 50 > objects && several * 50 > objects && thin * 50 > objects);
    synth_close(synth);
}

/* The bounds that let most of a picture be skipped must not cut a shape. */
static void test_reach_holds(void **state)
{
    (void)state;
    struct rng rng = rng_of(9, 9);
    for (int n = 0; n < 200; n++) {
        struct shape shape = n % 2 ? shape_blob(0.1f, -0.2f, 0.3f, 0.1f, 1, rng_between(&rng, 0, 0.4f), &rng)
                                   : shape_tube(0.1f, -0.2f, 1, 0.6f, 0.05f, 0.5f, &rng);
        struct shape tried[] = {shape, shape_grown(&shape, 0.05f), shape_grown(&shape, -0.06f)};
        for (int t = 0; t < 3; t++)
            for (int at = 0; at < 2000; at++) {
                float x = rng_between(&rng, -1.5f, 1.5f), y = rng_between(&rng, -1.5f, 1.5f);
                if (shape_has(&tried[t], x, y))
                    assert_true(hypotf(x - 0.1f, y + 0.2f) <= tried[t].reach);
            }
    }
}

static void test_fields(void **state)
{
    (void)state;
    enum { SIDE = 256 };
    struct rng rng = rng_of(1, 2);
    float *field = malloc(SIDE * SIDE * sizeof *field), *scratch = malloc(SIDE * (SIDE + 8) * sizeof *scratch);
    double sum = 0, squares = 0, steps = 0;
    field_smooth(field, SIDE, 4, &rng, scratch);
    for (int p = 0; p < SIDE * SIDE; p++) {
        sum += field[p];
        squares += field[p] * field[p];
        steps += p % SIDE ? fabs(field[p] - field[p - 1]) : 0;
    }
    assert_true(fabs(sum / SIDE / SIDE) < 0.1);
    assert_true(fabs(sqrt(squares / SIDE / SIDE) - 1) < 0.1);
    assert_true(steps / SIDE / SIDE < 0.5);
    for (int p = 0; p < SIDE * SIDE; p++)
        field[p] = p == 128 * SIDE + 128;
    field_blur(field, SIDE, 2, 3, scratch);
    double total = 0, spread_x = 0, spread_y = 0;
    for (int p = 0; p < SIDE * SIDE; p++) {
        double x = p % SIDE - 128, y = p / SIDE - 128.0;
        total += field[p];
        spread_x += field[p] * x * x;
        spread_y += field[p] * y * y;
    }
    assert_true(fabs(total - 1) < 1e-4);
    assert_true(fabs(sqrt(spread_x) - 2) < 0.05);
    assert_true(fabs(sqrt(spread_y) - 3) < 0.06);
    free(field);
    free(scratch);
}

static void test_plain(void **state)
{
    (void)state;
    struct synth *synth = open_side(64);
    int plain = 0;
    synth_set_plain(synth, 0.5);
    for (uint64_t n = 0; n < 100; n++)
        plain += strncmp(synth_draw(synth, 3, n)->recipe, "plain", 5) == 0;
    assert_in_range(plain, 30, 70);
    synth_set_plain(synth, 1);
    for (uint64_t n = 0; n < 20; n++) {
        const struct synth_picture *p = synth_draw(synth, 3, n);
        assert_memory_equal(p->recipe, "plain", 5);
        assert_true(p->objects > 0);
    }
    synth_close(synth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_number_same_picture), cmocka_unit_test(test_plain), cmocka_unit_test(test_numbers_differ),
        cmocka_unit_test(test_every_recipe),             cmocka_unit_test(test_reach_holds),
        cmocka_unit_test(test_fields),               cmocka_unit_test(test_variety),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
