/* src/train/augment.c: each change alone does what it says, and masks go where the picture goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "train/augment.h"
#include "train/cut.h"

enum { SIDE = 48, PIXELS = SIDE * SIDE, DRAWS = 20 };

/* Two objects, bright and dark, on grey; every place can be told from every other by its last bits. */
static void draw_example(struct example *e, int height, int width, int channels)
{
    size_t pixels = (size_t)height * width;
    assert_int_equal(example_reserve(e, height, width, channels, 2, NULL), SM_OK);
    for (size_t i = 0; i < pixels; i++) {
        int y = (int)(i / width), x = (int)(i % width);
        bool first = x >= 8 && x < 20 && y >= 6 && y < 30, second = (x - 30) * (x - 30) + (y - 20) * (y - 20) < 64;
        for (int c = 0; c < channels; c++)
            e->grey[i * channels + c] = (uint8_t)((first ? 220 : second ? 20 : 120) + (x * 5 + y * 3 + c) % 8);
        e->masks[i] = first;
        e->masks[pixels + i] = second;
    }
}

static void augment_with(struct example *out, const struct example *in, struct augmentation how, uint64_t number)
{
    struct rng rng = rng_of(5, number);
    assert_int_equal(augment(out, in, &how, &rng, NULL), SM_OK);
    assert_int_equal(out->height, in->height);
    assert_int_equal(out->width, in->width);
    assert_int_equal(out->channels, in->channels);
    assert_int_equal(out->objects, in->objects);
}

static bool same_grey(const struct example *a, const struct example *b)
{
    return memcmp(a->grey, b->grey, (size_t)a->height * a->width * a->channels) == 0;
}

static bool same_masks(const struct example *a, const struct example *b)
{
    return memcmp(a->masks, b->masks, (size_t)a->height * a->width * a->objects) == 0;
}

static void test_none(void **unused)
{
    struct example in = {0}, out = {0};
    (void)unused;
    draw_example(&in, SIDE, SIDE, 3);
    for (int n = 0; n < DRAWS; n++) {
        augment_with(&out, &in, (struct augmentation){0}, n);
        assert_true(same_grey(&out, &in) && same_masks(&out, &in));
    }
    example_free(&in), example_free(&out);
}

/* Where the part is in the whole: each of its pixels, and of its masks, is the one there. */
static bool is_part(const struct example *part, const struct example *whole, int left, int top)
{
    for (int y = 0; y < part->height; y++)
        for (int x = 0; x < part->width; x++) {
            size_t at = (size_t)y * part->width + x, from = (size_t)(top + y) * whole->width + left + x;
            if (memcmp(part->grey + at * part->channels, whole->grey + from * whole->channels, part->channels) != 0 ||
                (part->objects == whole->objects && example_mask(part, 0)[at] != example_mask(whole, 0)[from]) ||
                example_mask(part, part->objects - 1)[at] > whole->masks[from] + example_mask(whole, 1)[from])
                return false;
        }
    return true;
}

/* The part is somewhere in the picture, masks with it, and shows one of the objects whole. */
static void test_cut(void **unused)
{
    int smaller = 0, alone = 0;
    (void)unused;
    for (int n = 0; n < DRAWS; n++) {
        struct example whole = {0}, part = {0};
        struct rng rng = rng_of(7, (uint64_t)n);
        bool found = false;
        draw_example(&whole, 2 * SIDE, 2 * SIDE + 5, 1 + n % 2 * 2);
        draw_example(&part, 2 * SIDE, 2 * SIDE + 5, 1 + n % 2 * 2);
        cut_example(&part, &rng);
        for (int top = 0; top <= whole.height - part.height && !found; top++)
            for (int left = 0; left <= whole.width - part.width && !found; left++)
                found = is_part(&part, &whole, left, top);
        assert_true(found);
        size_t most = 0;
        for (int i = 0; i < part.objects; i++) {
            size_t area = 0;
            for (size_t p = 0; p < (size_t)part.height * part.width; p++)
                area += example_mask(&part, i)[p];
            most = area > most ? area : most;
        }
        assert_true(most >= 190); /* the disc; the rectangle has 288 */
        smaller += part.width < whole.width && part.height < whole.height;
        alone += part.objects == 1;
        example_free(&whole), example_free(&part);
    }
    assert_int_equal(smaller, DRAWS);
    assert_true(alone < DRAWS);
}

/* All three flips are a turn about the other diagonal, pixel by pixel; a picture that is not square keeps rows
 * rows, and is turned by half. */
static void test_flips(void **unused)
{
    static const int sizes[][2] = {{SIDE, SIDE}, {SIDE, SIDE + 6}};
    (void)unused;
    for (int n = 0; n < 2; n++) {
        struct example in = {0}, out = {0};
        int height = sizes[n][0], width = sizes[n][1];
        draw_example(&in, height, width, 1);
        augment_with(&out, &in, (struct augmentation){.flip = 1}, n);
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                int from_y = height - 1 - (n ? y : x), from_x = width - 1 - (n ? x : y);
                assert_int_equal(out.grey[y * width + x], in.grey[from_y * width + from_x]);
                assert_int_equal(example_mask(&out, 1)[y * width + x], example_mask(&in, 1)[from_y * width + from_x]);
            }
        example_free(&in), example_free(&out);
    }
}

/* Does a mask have another value beside this pixel? */
static bool at_edge(const uint8_t *mask, int pixel)
{
    int y = pixel / SIDE, x = pixel % SIDE;
    for (int n = 0; n < 9; n++) {
        int ny = y + n / 3 - 1, nx = x + n % 3 - 1;
        if (ny >= 0 && nx >= 0 && ny < SIDE && nx < SIDE && mask[ny * SIDE + nx] != mask[pixel])
            return true;
    }
    return false;
}

/* Where the picture was moved, away from edges: an object's pixels have its grey, and others have not. */
static void check_together(const struct example *out)
{
    for (int pixel = 0; pixel < PIXELS; pixel++) {
        int grey = out->grey[pixel], y = pixel / SIDE, x = pixel % SIDE;
        bool border = y == 0 || x == 0 || y == SIDE - 1 || x == SIDE - 1; /* what is beyond is drawn out, in no object */
        if (!at_edge(example_mask(out, 0), pixel) && !border)
            assert_int_equal(example_mask(out, 0)[pixel], grey >= 200);
        if (!at_edge(example_mask(out, 1), pixel) && !border)
            assert_int_equal(example_mask(out, 1)[pixel], grey < 80);
    }
}

static int area(const uint8_t *mask)
{
    int sum = 0;
    for (int i = 0; i < PIXELS; i++)
        sum += mask[i];
    return sum;
}

/* Each moves both, and leaves at least a third of every object. */
static void test_geometry(void **unused)
{
    static const struct augmentation ways[] = {
        {.flip = 0.5}, {.rotate_deg = 90}, {.scale = 0.5}, {.elastic = 0.1},
        {.flip = 0.5, .rotate_deg = 180, .scale = 1, .elastic = 0.1}};
    struct example in = {0}, out = {0};
    (void)unused;
    draw_example(&in, SIDE, SIDE, 1);
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        int moved = 0;
        for (int n = 0; n < DRAWS; n++) {
            augment_with(&out, &in, ways[way], n);
            moved += !same_grey(&out, &in) && !same_masks(&out, &in);
            check_together(&out);
            for (int object = 0; object < 2; object++)
                assert_true(3 * area(example_mask(&out, object)) >= area(example_mask(&in, object)));
        }
        assert_true(moved > DRAWS / 2);
    }
    example_free(&in), example_free(&out);
}

/* Each changes greys, and no mask. */
static void test_grey(void **unused)
{
    static const struct augmentation ways[] = {{.intensity = 0.3}, {.window = 0.3}, {.noise = 0.1}, {.blur = 2},
                                               {.low_resolution = 1}, {.invert = 1}};
    (void)unused;
    for (int channels = 1; channels <= 3; channels += 2)
        for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
            struct example in = {0}, out = {0};
            int changed = 0;
            draw_example(&in, SIDE, SIDE, channels);
            for (int n = 0; n < DRAWS; n++) {
                augment_with(&out, &in, ways[way], n);
                changed += !same_grey(&out, &in);
                assert_true(same_masks(&out, &in));
            }
            assert_true(changed >= (ways[way].blur > 0 ? DRAWS / 4 : DRAWS - 1));
            example_free(&in), example_free(&out);
        }
}

static void test_what_greys_become(void **unused)
{
    struct example in = {0}, out = {0};
    (void)unused;
    draw_example(&in, SIDE, SIDE, 1);
    augment_with(&out, &in, (struct augmentation){.invert = 1}, 0);
    for (int i = 0; i < PIXELS; i++)
        assert_in_range(out.grey[i] + in.grey[i], 254, 256);
    augment_with(&out, &in, (struct augmentation){.low_resolution = 1}, 0);
    for (int y = 0; y < SIDE; y += 2)
        for (int x = 0; x < SIDE; x += 2) {
            const uint8_t *a = in.grey + y * SIDE + x, *b = out.grey + y * SIDE + x;
            int mean = (a[0] + a[1] + a[SIDE] + a[SIDE + 1] + 2) / 4;
            assert_true(b[0] == mean && b[1] == mean && b[SIDE] == mean && b[SIDE + 1] == mean);
        }
    example_free(&in), example_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cut),
        cmocka_unit_test(test_none), cmocka_unit_test(test_flips),
                                       cmocka_unit_test(test_geometry), cmocka_unit_test(test_grey),
                                       cmocka_unit_test(test_what_greys_become)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
