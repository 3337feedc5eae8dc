/* Slices into pages: which objects are on them, and the reference's square. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "eval/page.h"

#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

enum { WIDTH = 8, HEIGHT = 6 };

/* Label 1 has a part of six pixels and one of two, label 2 one pixel, label 9 is on a map of its own, over label 1. */
static const char *const drawn[HEIGHT] = {"........", //
                                          ".11...1.", //
                                          ".11...1.", //
                                          ".11.....", //
                                          ".....2..", //
                                          "........"};

struct scene {
    struct sm_volume image;
    struct sm_labels maps[2];
    struct sm_label labels[3];
    struct sm_label_set set;
    struct sm_eval_options options;
    struct sm_config config;
    struct sm_case about;
    struct eval_source source;
};

static void open_scene(struct scene *scene, int side, bool colour)
{
    struct sm_grid grid = {{WIDTH, HEIGHT, 1}, {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}};
    struct sm_err err;
    *scene = (struct scene){.about = {.name = "case", .dataset = "set", .modality = "", .subject = "case", .picture = true}};
    assert_int_equal(sm_volume_alloc(&scene->image, &grid, SM_UINT8, colour ? 3 : 1, &err), SM_OK);
    scene->image.format = SM_FORMAT_PNG;
    scene->image.display_ready = true;
    for (int n = 0; n < WIDTH * HEIGHT * (colour ? 3 : 1); n++)
        ((uint8_t *)scene->image.voxels)[n] = (uint8_t)(5 * n % 256);
    for (int m = 0; m < 2; m++)
        assert_int_equal(sm_labels_alloc(&scene->maps[m], &grid, &err), SM_OK);
    for (int p = 0; p < WIDTH * HEIGHT; p++) {
        char c = drawn[p / WIDTH][p % WIDTH];
        scene->maps[0].voxels[p] = c == '.' ? 0 : (uint16_t)(c - '0');
        scene->maps[1].voxels[p] = p / WIDTH == 2;
    }
    scene->labels[0] = (struct sm_label){.id = 1, .name = "one", .map = &scene->maps[0], .value = 1};
    scene->labels[1] = (struct sm_label){.id = 2, .name = "two", .map = &scene->maps[0], .value = 2};
    scene->labels[2] = (struct sm_label){.id = 9, .name = "row", .map = &scene->maps[1], .value = 1};
    scene->set = (struct sm_label_set){.maps = scene->maps, .map_count = 2, .labels = scene->labels, .count = 3};
    scene->config = (struct sm_config){.image_size = side, .pixel_mean = {10, 20, 30}, .pixel_std = {2, 4, 8}};
    scene->source = (struct eval_source){.options = &scene->options, .config = &scene->config, .about = &scene->about,
                                         .image = &scene->image, .labels = &scene->set, .last_rank = UINT64_MAX};
}

static void make(struct scene *scene, struct page *page)
{
    struct sm_err err;
    assert_int_equal(source_prepare(&scene->source, &err), SM_OK);
    assert_int_equal(page_make(page, &scene->source, 0, &err), SM_OK);
    assert_int_equal(page_paint(page, &scene->source, 0, &err), SM_OK);
}

static void close_scene(struct scene *scene, struct page *page)
{
    page_free(page);
    sm_volume_free(&scene->image);
    sm_labels_free(&scene->maps[0]);
    sm_labels_free(&scene->maps[1]);
}

static void the_largest_part_is_the_object(void **state)
{
    (void)state;
    struct scene scene;
    struct page page;
    open_scene(&scene, 16, false);
    make(&scene, &page);
    const float box[4] = {1, 1, 3, 4};
    assert_int_equal(page.count, 3);
    assert_string_equal(page.objects[0].name, "one");
    assert_int_equal(page.objects[0].pixels, 6);
    assert_memory_equal(page.objects[0].box, box, sizeof box);
    assert_memory_equal(page.objects[0].ask_box, box, sizeof box);
    assert_true(page.objects[0].ask_truth == page.objects[0].truth);
    assert_int_equal(page.objects[2].pixels, WIDTH); /* objects may overlap */
    assert_memory_equal(page.grey, scene.image.voxels, WIDTH * HEIGHT); /* a PNG is shown as it is */
    close_scene(&scene, &page);
}

static void all_of_a_label_keeps_the_largest_parts_box(void **state)
{
    (void)state;
    struct scene scene;
    struct page page;
    open_scene(&scene, 16, false);
    scene.options.component = SM_EVAL_COMPONENT_ALL;
    scene.options.min_pixels = 6 * 65536.0 / (WIDTH * HEIGHT) + 1; /* more than six pixels of this picture */
    make(&scene, &page);
    const float box[4] = {1, 1, 3, 4};
    assert_int_equal(page.count, 2);
    assert_int_equal(page.objects[0].pixels, 8);
    assert_memory_equal(page.objects[0].box, box, sizeof box);
    close_scene(&scene, &page);
}

/* ref: DataLoader.py: PadIfNeeded after normalisation; the first pad is half of what is missing, rounded down. */
static void small_pictures_are_padded(void **state)
{
    (void)state;
    struct scene scene;
    struct page page;
    enum { SIDE = 15, LEFT = 3, TOP = 4 };
    open_scene(&scene, SIDE, false);
    scene.options.reference = true;
    make(&scene, &page);
    assert_true(page.ask.padded && page.ask.left == LEFT && page.ask.top == TOP);
    const float box[4] = {1 + LEFT, 1 + TOP, 3 + LEFT, 4 + TOP}, own[4] = {1, 1, 3, 4};
    assert_int_equal(page.objects[0].pixels, 8); /* all of the label */
    assert_memory_equal(page.objects[0].ask_box, box, sizeof box);
    assert_memory_equal(page.objects[0].box, own, sizeof own);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int u = x - LEFT, v = y - TOP;
            bool there = u >= 0 && v >= 0 && u < WIDTH && v < HEIGHT;
            assert_int_equal(page.objects[0].ask_truth[y * SIDE + x], there && drawn[v][u] == '1');
            for (int c = 0; c < 3; c++)
                assert_near(page.input[3 * (y * SIDE + x) + c],
                            there ? (page.grey[v * WIDTH + u] - 10 * (c + 1)) / (double)(2 << c) : 0, 1e-5);
        }
    close_scene(&scene, &page);
}

/* cv2.INTER_NEAREST, and cv2.imread's order of colours. */
static void other_pictures_are_resized(void **state)
{
    (void)state;
    struct scene scene;
    struct page page;
    enum { SIDE = 7 }; /* less than the width, more than the height: not smaller both ways */
    open_scene(&scene, SIDE, true);
    scene.options.reference = true;
    make(&scene, &page);
    assert_false(page.ask.padded);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int u = x * WIDTH / SIDE, v = y * HEIGHT / SIDE;
            assert_int_equal(page.objects[0].ask_truth[y * SIDE + x], drawn[v][u] == '1');
            for (int c = 0; c < 3; c++)
                assert_near(page.input[3 * (y * SIDE + x) + c],
                            (page.grey[3 * (v * WIDTH + u) + 2 - c] - 10 * (c + 1)) / (double)(2 << c), 1e-5);
        }
    close_scene(&scene, &page);
}

static void vanished_objects_are_left_out(void **state)
{
    (void)state;
    struct scene scene;
    struct page page;
    open_scene(&scene, 2, false);
    scene.options.reference = true;
    make(&scene, &page);
    for (size_t o = 0; o < page.count; o++) /* columns 0 and 4, rows 0 and 3: nothing of label 1 or 2 is seen */
        assert_string_equal(page.objects[o].name, "none");
    close_scene(&scene, &page);
}

static void ranks_choose_and_digests_tell(void **state)
{
    (void)state;
    struct scene scene;
    struct page all, some, again;
    open_scene(&scene, 16, false);
    make(&scene, &all);
    uint64_t least = UINT64_MAX;
    for (size_t o = 0; o < all.count; o++)
        least = all.objects[o].rank < least ? all.objects[o].rank : least;
    scene.source.last_rank = least;
    make(&scene, &some);
    assert_int_equal(some.count, 1);
    assert_true(some.objects[0].rank == least);
    scene.source.last_rank = UINT64_MAX;
    make(&scene, &again);
    assert_string_equal(all.digest, again.digest);
    assert_string_not_equal(all.digest, some.digest);
    page_free(&again);
    ((uint8_t *)scene.image.voxels)[3]++;
    make(&scene, &again);
    assert_string_not_equal(all.digest, again.digest);
    page_free(&again);
    page_free(&some);
    close_scene(&scene, &all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_part_is_the_object),   cmocka_unit_test(all_of_a_label_keeps_the_largest_parts_box),
        cmocka_unit_test(small_pictures_are_padded),        cmocka_unit_test(other_pictures_are_resized),
        cmocka_unit_test(vanished_objects_are_left_out),    cmocka_unit_test(ranks_choose_and_digests_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
