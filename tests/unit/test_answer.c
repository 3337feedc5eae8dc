/* src/model/answer.c: which of the network's masks answers which prompt. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "lib/small_model.h"
#include "model/answer.h"
#include "model/obey.h"

enum { HEIGHT = 19, WIDTH = 26, IMAGES = 2, PROMPTS = 4, POOL = 8 };

static struct sm_model *model;
static struct sm_session *session;
static struct shown shown;
static float *embeddings, *mask, *scratch;
static size_t low;

/* A box, points, a box with points, and points that correct a mask. */
static const float box[4] = {4, 3, 19, 15}, points[3][2] = {{9, 7}, {2, 16}, {24, 1}};
static const int labels[3] = {1, 0, 1};
static struct sm_prompt prompts[PROMPTS];

static int set_up(void **unused)
{
    struct sm_config config = small_config();
    uint8_t pixels[HEIGHT * WIDTH];
    const struct sm_picture picture = {HEIGHT, WIDTH, 1, pixels};
    size_t side = (size_t)sm_low_res_side(&config), square = (size_t)config.image_size * (size_t)config.image_size;
    (void)unused;
    model = small_model(&config);
    if (!model || sm_session_open(&session, model, 1, PROMPTS, NULL))
        return -1;
    low = side * side;
    embeddings = malloc(IMAGES * sm_embedding_floats(&config) * sizeof *embeddings);
    mask = malloc(low * sizeof *mask);
    scratch = malloc((square + HEIGHT * WIDTH) * sizeof *scratch);
    shown = (struct shown){embeddings, IMAGES, HEIGHT, WIDTH};
    for (int p = 0; p < HEIGHT * WIDTH; p++)
        pixels[p] = (uint8_t)(p * p % 251);
    for (size_t p = 0; p < low; p++)
        mask[p] = (float)(p * p % 17) / 17;
    prompts[0] = (struct sm_prompt){.box = box};
    prompts[1] = (struct sm_prompt){.point_count = 2, .points = points, .point_labels = labels};
    prompts[2] = (struct sm_prompt){.point_count = 2, .points = points, .point_labels = labels, .box = box};
    prompts[3] = (struct sm_prompt){.point_count = 3, .points = points, .point_labels = labels, .mask = mask};
    for (int image = 0; image < IMAGES; image++) {
        if (sm_encode(session, &picture, 1, embeddings + (size_t)image * sm_embedding_floats(&config), NULL))
            return -1;
        mirror_turn(pixels, HEIGHT, WIDTH, 1, image, image + 1);
    }
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    free(embeddings);
    free(mask);
    free(scratch);
    sm_session_close(session);
    sm_model_close(model);
    return 0;
}

static void assert_same_mask(const float *a, const float *b)
{
    for (size_t p = 0; p < low; p++)
        assert_true(fabsf(a[p] - b[p]) < 1e-4f);
}

/* The one mask, or the best of three, asked for by itself. */
static float usual(const struct sm_prompt *prompt, bool three, float *low_res)
{
    float *all = malloc(3 * low * sizeof *all), iou[3];
    assert_int_equal(mirror_decode(session, &shown, prompt, 1, three, all, iou, NULL), SM_OK);
    int best = three ? best_mask(iou, 3) : 0;
    memcpy(low_res, all + (size_t)best * low, low * sizeof *low_res);
    free(all);
    return iou[best];
}

static void prompts_of_all_kinds_are_mixed(void **unused)
{
    static const bool three[][PROMPTS] = {
        [SM_SINGLE_MASK] = {false, false, false, false},
        [SM_BEST_OF_THREE] = {true, true, true, true},
        [SM_BEST_OF_THREE_IN_BOX] = {true, false, true, true},
        [SM_MASKS_BY_POINTS] = {true, false, true, true}, /* the last one otherwise: below */
    };
    float *given = malloc(PROMPTS * low * sizeof *given), *alone = malloc(low * sizeof *alone), iou[PROMPTS];
    (void)unused;
    for (int choice = SM_SINGLE_MASK; choice <= SM_MASKS_BY_POINTS; choice++) {
        assert_int_equal(answer_decode(session, &shown, (enum sm_multimask)choice, prompts, PROMPTS, given, iou, NULL), SM_OK);
        for (int n = 0; n < PROMPTS - (choice == SM_MASKS_BY_POINTS); n++) {
            assert_float_equal(usual(&prompts[n], three[choice][n], alone), iou[n], 1e-5);
            assert_same_mask(given + (size_t)n * low, alone);
        }
    }
    assert_int_equal(answer_decode(session, &shown, SM_MASKS_BY_POINTS, NULL, 0, NULL, NULL, NULL), SM_OK);
    free(given);
    free(alone);
}

/* ---- points that correct a mask ---- */

static void all_masks(struct sm_prompt prompt, float *pool, float iou[POOL])
{
    for (int n = 0; n < 4; n++) {
        int first = (n & 2 ? 4 : 0) + (n & 1);
        prompt.mask = n & 2 ? NULL : mask;
        assert_int_equal(mirror_decode(session, &shown, &prompt, 1, n & 1, pool + (size_t)first * low, iou + first, NULL), SM_OK);
    }
}

static int wrong(const float *low_res, const struct sm_prompt *prompt)
{
    float *logits = scratch;
    int count = 0;
    sm_upsample(sm_model_config(model), low_res, HEIGHT, WIDTH, logits, scratch + HEIGHT * WIDTH);
    for (int p = 0; p < prompt->point_count; p++) {
        float x = prompt->points[p][0], y = prompt->points[p][1];
        if (prompt->point_labels[p] >= 0 && x >= 0 && x < WIDTH && y >= 0 && y < HEIGHT)
            count += (logits[(int)(y + 0.5f) * WIDTH + (int)(x + 0.5f)] > 0) != prompt->point_labels[p];
    }
    return count;
}

/* The mean by weights exp(10 IoU - 3 wrong); false: all have as many points on the wrong side. */
static bool weighed(const struct sm_prompt *prompt, float *mean, float *mean_iou)
{
    float *pool = malloc(POOL * low * sizeof *pool), iou[POOL];
    int least = prompt->point_count, most = 0;
    double sum = 0;
    all_masks(*prompt, pool, iou);
    memset(mean, 0, low * sizeof *mean);
    *mean_iou = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int m = 0; m < POOL; m++) {
            int count = wrong(pool + (size_t)m * low, prompt);
            double weight = exp(10 * iou[m] - 3 * count);
            least = count < least ? count : least;
            most = count > most ? count : most;
            sum += pass ? 0 : weight;
            for (size_t p = 0; pass && p < low; p++)
                mean[p] += (float)(weight / sum) * pool[(size_t)m * low + p];
            *mean_iou += pass ? (float)(weight / sum) * iou[m] : 0;
        }
    free(pool);
    return most > least;
}

static void points_weigh_masks(void **unused)
{
    float *given = malloc(low * sizeof *given), *expected = malloc(low * sizeof *expected), iou, expected_iou;
    int parted = 0, heeded = 0;
    (void)unused;
    for (int x = 1; x < WIDTH; x += 4)
        for (int y = 1; y < HEIGHT; y += 4) {
            /* The third is outside the picture, the last one padding: neither can be wrong. */
            const float at[5][2] = {{(float)x + 0.4f, (float)y - 0.4f}, {(float)(WIDTH - x), (float)(HEIGHT - y)}, {-3, 5}, {12, HEIGHT}, {7, 7}};
            const int sides[5] = {1, 0, 1, 0, -1};
            const struct sm_prompt prompt = {.point_count = 5, .points = at, .point_labels = sides, .mask = mask};
            assert_int_equal(answer_decode(session, &shown, SM_MASKS_BY_POINTS, &prompt, 1, given, &iou, NULL), SM_OK);
            parted += weighed(&prompt, expected, &expected_iou);
            heeded += wrong(expected, &prompt) > 0;
            assert_int_equal(wrong(given, &prompt), 0);
            obey_points(sm_model_config(model), &prompt, HEIGHT, WIDTH, expected, scratch, scratch + HEIGHT * WIDTH);
            assert_same_mask(given, expected);
            assert_float_equal(iou, expected_iou, 1e-5);
        }
    assert_true(parted > 5); /* or nothing was chosen */
    assert_true(heeded > 5); /* or no mean had to be moved */
    free(given);
    free(expected);
}

/* Wherever it stands among others. */
static void points_weigh_masks_in_company(void **unused)
{
    const struct sm_prompt some[] = {prompts[3], prompts[0], prompts[3], prompts[1]};
    float *given = malloc(4 * low * sizeof *given), *alone = malloc(low * sizeof *alone), iou[4], alone_iou;
    (void)unused;
    assert_int_equal(answer_decode(session, &shown, SM_MASKS_BY_POINTS, some, 4, given, iou, NULL), SM_OK);
    for (int n = 0; n < 4; n++) {
        assert_int_equal(answer_decode(session, &shown, SM_MASKS_BY_POINTS, &some[n], 1, alone, &alone_iou, NULL), SM_OK);
        assert_same_mask(given + (size_t)n * low, alone);
        assert_float_equal(iou[n], alone_iou, 1e-5);
    }
    free(given);
    free(alone);
}

static void padding_corrects_nothing(void **unused)
{
    static const int padding[3] = {-1, -1, -1};
    struct sm_prompt prompt = prompts[3];
    float *given = malloc(low * sizeof *given), *expected = malloc(low * sizeof *expected), iou;
    (void)unused;
    prompt.point_labels = padding;
    assert_int_equal(answer_decode(session, &shown, SM_MASKS_BY_POINTS, &prompt, 1, given, &iou, NULL), SM_OK);
    assert_float_equal(usual(&prompt, true, expected), iou, 1e-5);
    assert_same_mask(given, expected);
    free(given);
    free(expected);
}

static void what_weights_say_unless_asked(void **unused)
{
    struct sm_config config = small_config();
    (void)unused;
    config.multimask = SM_BEST_OF_THREE_IN_BOX;
    assert_int_equal(answer_choice(&config, SM_CHOICE_DEFAULT), SM_BEST_OF_THREE_IN_BOX);
    assert_int_equal(answer_choice(&config, SM_CHOICE_NO), SM_SINGLE_MASK);
    assert_int_equal(answer_choice(&config, SM_CHOICE_YES), SM_BEST_OF_THREE);
    assert_int_equal(answer_choice(&config, SM_CHOICE_IN_BOX), SM_BEST_OF_THREE_IN_BOX);
    assert_int_equal(answer_choice(&config, SM_CHOICE_BY_POINTS), SM_MASKS_BY_POINTS);
}

static void first_of_the_best(void **unused)
{
    (void)unused;
    assert_int_equal(best_mask((const float[]){0.5f}, 1), 0);
    assert_int_equal(best_mask((const float[]){0.2f, 0.7f, 0.7f}, 3), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompts_of_all_kinds_are_mixed),
        cmocka_unit_test(points_weigh_masks),
        cmocka_unit_test(points_weigh_masks_in_company),
        cmocka_unit_test(padding_corrects_nothing),
        cmocka_unit_test(what_weights_say_unless_asked),
        cmocka_unit_test(first_of_the_best),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
