/* src/model/mirror.c: mirror images of pictures, prompts and masks, and the mean of their answers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "lib/small_model.h"
#include "model/mirror.h"

enum { HEIGHT = 19, WIDTH = 26, IMAGES = MIRRORS_MOST, PROMPTS = 3, MASKS = 3 };

/* Which images are reversed how, said once more. */
static const struct {
    bool columns, rows;
} images[IMAGES] = {{false, false}, {true, false}, {true, true}, {false, true}};

static struct sm_model *model;
static struct sm_session *session;
static int side;

static int set_up(void **unused)
{
    struct sm_config config = small_config();
    (void)unused;
    model = small_model(&config);
    side = sm_low_res_side(&config);
    return model && sm_session_open(&session, model, 1, PROMPTS, NULL) == SM_OK ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    sm_session_close(session);
    sm_model_close(model);
    return 0;
}

static int column(int x, int width, int image)
{
    return images[image].columns ? width - 1 - x : x;
}

static int row(int y, int height, int image)
{
    return images[image].rows ? height - 1 - y : y;
}

static void fill(uint8_t *pixels, int channels)
{
    for (int n = 0; n < HEIGHT * WIDTH * channels; n++)
        pixels[n] = (uint8_t)(n * n % 251 + n % 3);
}

static void images_are_turned(void **unused)
{
    uint8_t picture[HEIGHT * WIDTH * 3], turned[sizeof picture];
    (void)unused;
    for (int channels = 1; channels <= 3; channels += 2)
        for (int from = 0; from < IMAGES; from++)
            for (int to = 0; to < IMAGES; to++) {
                fill(picture, channels);
                memcpy(turned, picture, sizeof turned);
                mirror_turn(turned, HEIGHT, WIDTH, channels, 0, from);
                mirror_turn(turned, HEIGHT, WIDTH, channels, from, to);
                for (int y = 0; y < HEIGHT; y++)
                    for (int x = 0; x < WIDTH; x++)
                        assert_memory_equal(turned + (y * WIDTH + x) * channels,
                                            picture + (row(y, HEIGHT, to) * WIDTH + column(x, WIDTH, to)) * channels, channels);
            }
}

/* A box, points, and points with a mask, as they are asked of an image. */
struct asked {
    float box[4], points[2][2], more[1][2], *mask;
    struct sm_prompt prompts[PROMPTS];
};

static void ask(struct asked *a, int image, const float *mask)
{
    static const int labels[] = {1, 0};
    static const int pixels[3][2] = {{3, 4}, {25, 18}, {0, 11}}; /* x, y */
    const int x[2] = {column(5, WIDTH, image), column(13, WIDTH, image)}, y[2] = {row(2, HEIGHT, image), row(16, HEIGHT, image)};
    for (int n = 0; n < 2; n++) { /* from the first pixel to one past the last */
        a->box[2 * n] = (float)(n ? (x[0] > x[1] ? x[0] : x[1]) + 1 : (x[0] < x[1] ? x[0] : x[1]));
        a->box[2 * n + 1] = (float)(n ? (y[0] > y[1] ? y[0] : y[1]) + 1 : (y[0] < y[1] ? y[0] : y[1]));
        a->points[n][0] = (float)column(pixels[n][0], WIDTH, image);
        a->points[n][1] = (float)row(pixels[n][1], HEIGHT, image);
    }
    a->more[0][0] = (float)column(pixels[2][0], WIDTH, image);
    a->more[0][1] = (float)row(pixels[2][1], HEIGHT, image);
    a->mask = malloc((size_t)(side * side) * sizeof *a->mask);
    for (int v = 0; v < side; v++)
        for (int u = 0; u < side; u++)
            a->mask[v * side + u] = mask[row(v, side, image) * side + column(u, side, image)];
    a->prompts[0] = (struct sm_prompt){.box = a->box};
    a->prompts[1] = (struct sm_prompt){.point_count = 2, .points = (const float(*)[2])a->points, .point_labels = labels};
    a->prompts[2] = (struct sm_prompt){.point_count = 1, .points = (const float(*)[2])a->more, .point_labels = labels, .mask = a->mask};
}

static void encode(float *embeddings, int count, const uint8_t *picture)
{
    size_t floats = sm_embedding_floats(sm_model_config(model));
    uint8_t image[HEIGHT * WIDTH];
    const struct sm_picture shown = {HEIGHT, WIDTH, 1, image};
    for (int n = 0; n < count; n++) {
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                image[y * WIDTH + x] = picture[row(y, HEIGHT, n) * WIDTH + column(x, WIDTH, n)];
        assert_int_equal(sm_encode(session, &shown, 1, embeddings + (size_t)n * floats, NULL), SM_OK);
    }
}

/* The mean of what the images say when each is asked by itself. */
static void answers_are_turned_back_and_averaged(void **unused)
{
    size_t floats = sm_embedding_floats(sm_model_config(model)), plane = (size_t)(side * side);
    float *embeddings = malloc(IMAGES * floats * sizeof *embeddings), *mask = malloc(plane * sizeof *mask);
    float *given = malloc(PROMPTS * MASKS * plane * sizeof *given), *one = malloc(PROMPTS * MASKS * plane * sizeof *one);
    double *mean = malloc(PROMPTS * MASKS * plane * sizeof *mean);
    uint8_t picture[HEIGHT * WIDTH];
    (void)unused;
    fill(picture, 1);
    for (size_t p = 0; p < plane; p++)
        mask[p] = (float)(p * p % 17) - 8;
    encode(embeddings, IMAGES, picture);
    for (int mirrors = 1; mirrors <= IMAGES; mirrors *= 2)
        for (int multimask = 0; multimask < 2; multimask++) {
            int masks = multimask ? MASKS : 1;
            float iou[PROMPTS * MASKS], one_iou[PROMPTS * MASKS];
            double mean_iou[PROMPTS * MASKS] = {0};
            struct asked asked;
            memset(mean, 0, PROMPTS * MASKS * plane * sizeof *mean);
            for (int n = 0; n < mirrors; n++) {
                ask(&asked, n, mask);
                assert_int_equal(sm_set_image(session, embeddings + (size_t)n * floats, HEIGHT, WIDTH, NULL), SM_OK);
                assert_int_equal(sm_decode(session, asked.prompts, PROMPTS, multimask, one, one_iou, NULL), SM_OK);
                for (int m = 0; m < PROMPTS * masks; m++) {
                    mean_iou[m] += one_iou[m] / mirrors;
                    for (int v = 0; v < side; v++)
                        for (int u = 0; u < side; u++)
                            mean[(m * side + v) * side + u] +=
                                one[(m * side + row(v, side, n)) * side + column(u, side, n)] / mirrors;
                }
                free(asked.mask);
            }
            ask(&asked, 0, mask);
            const struct shown shown = {embeddings, mirrors, HEIGHT, WIDTH};
            assert_int_equal(mirror_decode(session, &shown, asked.prompts, PROMPTS, multimask, given, iou, NULL), SM_OK);
            for (size_t p = 0; p < (size_t)(PROMPTS * masks) * plane; p++)
                assert_true(fabs(given[p] - mean[p]) < 1e-4);
            for (int m = 0; m < PROMPTS * masks; m++)
                assert_true(fabs(iou[m] - mean_iou[m]) < 1e-5);
            free(asked.mask);
        }
    free(embeddings), free(mask), free(given), free(one), free(mean);
}

static void nothing_is_asked(void **unused)
{
    size_t floats = sm_embedding_floats(sm_model_config(model));
    float *embeddings = calloc(IMAGES * floats, sizeof *embeddings);
    (void)unused;
    const struct shown shown = {embeddings, IMAGES, HEIGHT, WIDTH};
    assert_int_equal(mirror_decode(session, &shown, NULL, 0, true, NULL, NULL, NULL), SM_OK);
    free(embeddings);
}

static void padded_pictures_have_no_mirrors(void **unused)
{
    struct sm_config config = small_config();
    struct sm_err err;
    (void)unused;
    assert_int_equal(mirror_check(&config, 4, &err), SM_OK);
    assert_int_equal(mirror_check(&config, 3, &err), SM_USAGE);
    assert_int_equal(mirror_check(&config, 5, &err), SM_USAGE);
    config.resize = SM_RESIZE_SAM;
    assert_int_equal(mirror_check(&config, 1, &err), SM_OK);
    assert_int_equal(mirror_check(&config, 2, &err), SM_USAGE);
    assert_non_null(strstr(err.message, "--mirrors no"));
}

static void what_weights_say_unless_asked(void **unused)
{
    struct sm_config config = small_config();
    (void)unused;
    assert_int_equal(mirror_count(&config, 0), 1);
    assert_int_equal(mirror_count(&config, 2), 2);
    config.mirrors = 4;
    assert_int_equal(mirror_count(&config, 0), 4);
    assert_int_equal(mirror_count(&config, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_are_turned),
        cmocka_unit_test(answers_are_turned_back_and_averaged),
        cmocka_unit_test(nothing_is_asked),
        cmocka_unit_test(padded_pictures_have_no_mirrors),
        cmocka_unit_test(what_weights_say_unless_asked),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
