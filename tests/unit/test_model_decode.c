/* Prompts in every combination, several at once, and the way between picture and network. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/small_model.h"
#include "model/preprocess.h"
#include "model/resample.h"
#include "nn/nn.h"

enum { MOST = 12, LOW = 16, MASK = LOW * LOW };

static struct {
    struct sm_config config;
    struct sm_model *model;
    struct sm_session *session;
    float embedding[4 * 4 * 32], mask[MASK];
} it;

static int set_up(void **state)
{
    (void)state;
    static uint8_t pixels[50 * 40 * 3];
    struct sm_picture picture = {50, 40, 3, pixels};
    it.config = small_config();
    it.model = small_model(&it.config);
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i / 7);
    for (int i = 0; i < MASK; i++)
        it.mask[i] = (float)(i % LOW) - 8;
    return !it.model || sm_session_open(&it.session, it.model, 1, MOST, NULL) ||
           sm_encode(it.session, &picture, 1, it.embedding, NULL) ||
           sm_set_image(it.session, it.embedding, 50, 40, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    sm_session_close(it.session);
    sm_model_close(it.model);
    return 0;
}

static const float points[5][2] = {{3, 4}, {20, 30.5f}, {39, 49}, {0, 0}, {11, 12}};
static const int labels[5] = {1, 0, 1, -1, 7};
static const float box[4] = {5, 6, 30, 41};

/* Bits: 1 points, 2 box, 4 mask. */
static struct sm_prompt prompt_of(int bits, int point_count)
{
    struct sm_prompt p = {0};
    if (bits & 1)
        p = (struct sm_prompt){.point_count = point_count, .points = points, .point_labels = labels};
    p.box = bits & 2 ? box : NULL;
    p.mask = bits & 4 ? it.mask : NULL;
    return p;
}

static double apart(const float *a, const float *b, int count)
{
    double worst = 0;
    for (int i = 0; i < count; i++) {
        double here = fabs((double)a[i] - b[i]);
        assert_true(isfinite(here));
        if (here > worst)
            worst = here;
    }
    return worst;
}

static void test_combinations(void **state)
{
    (void)state;
    static float low[8][3 * MASK], one[8][MASK];
    float iou[8][3], iou_one[8];
    for (int bits = 1; bits < 8; bits++) {
        struct sm_prompt p = prompt_of(bits, 2);
        assert_int_equal(sm_decode(it.session, &p, 1, true, low[bits], iou[bits], NULL), SM_OK);
        assert_int_equal(sm_decode(it.session, &p, 1, false, one[bits], &iou_one[bits], NULL), SM_OK);
        for (int i = 0; i < 3 * MASK; i++)
            assert_true(isfinite(low[bits][i]));
        assert_true(apart(low[bits], one[bits], MASK) > 1e-3);
        for (int other = 1; other < bits; other++)
            assert_true(apart(low[bits], low[other], 3 * MASK) > 1e-3);
    }
}

/* Mixed prompts in one call give what each gives alone. */
static void test_batch(void **state)
{
    (void)state;
    static float low[MOST][3 * MASK], alone[3 * MASK];
    float iou[MOST][3], iou_alone[3];
    struct sm_prompt prompts[MOST];
    static const int bits[MOST] = {1, 2, 3, 4, 5, 6, 7, 2, 1, 4, 2, 1};
    for (int i = 0; i < MOST; i++)
        prompts[i] = prompt_of(bits[i], 1 + i % 5);
    assert_int_equal(sm_decode(it.session, prompts, MOST, true, low[0], iou[0], NULL), SM_OK);
    for (int i = 0; i < MOST; i++) {
        assert_int_equal(sm_decode(it.session, &prompts[i], 1, true, alone, iou_alone, NULL), SM_OK);
        assert_true(apart(low[i], alone, 3 * MASK) < 1e-5);
        assert_true(apart(iou[i], iou_alone, 3) < 1e-5);
    }
    assert_true(apart(low[1], low[7], 3 * MASK) < 1e-5); /* twice the same box */
    assert_true(apart(low[0], low[8], 3 * MASK) > 1e-3); /* one point, and four */
}

static void test_many_points(void **state)
{
    (void)state;
    static float many[SM_MAX_POINTS + 1][2], low[3 * MASK];
    static int many_labels[SM_MAX_POINTS + 1];
    float iou[3];
    struct sm_prompt p = {.point_count = SM_MAX_POINTS, .points = (const float(*)[2])many,
                          .point_labels = many_labels, .box = box, .mask = it.mask};
    assert_int_equal(sm_decode(it.session, &p, 1, true, low, iou, NULL), SM_OK);
    p.mask = NULL;
    p.box = NULL;
    assert_int_equal(sm_decode(it.session, &p, 1, true, low, iou, NULL), SM_OK);
    p.point_count++;
    assert_int_equal(sm_decode(it.session, &p, 1, true, low, iou, NULL), SM_USAGE);
}

static void test_refusals(void **state)
{
    (void)state;
    static float low[3 * MASK];
    float iou[3], nan_box[4] = {1, 2, NAN, 4};
    struct sm_prompt nothing = {0}, bad = {.box = nan_box}, good = {.box = box};
    struct sm_session *fresh;
    struct sm_err err = {0};
    assert_int_equal(sm_decode(it.session, &nothing, 1, true, low, iou, &err), SM_USAGE);
    assert_non_null(strstr(err.message, "neither"));
    assert_int_equal(sm_decode(it.session, &bad, 1, true, low, iou, &err), SM_USAGE);
    assert_int_equal(sm_decode(it.session, &good, MOST + 1, true, low, iou, &err), SM_USAGE);
    assert_int_equal(sm_session_open(&fresh, it.model, 1, 1, NULL), SM_OK);
    assert_int_equal(sm_decode(fresh, &good, 1, true, low, iou, &err), SM_USAGE);
    struct sm_picture two_channels = {1, 1, 2, (const uint8_t *)"ab"};
    assert_int_equal(sm_encode(fresh, &two_channels, 1, it.embedding, &err), SM_USAGE);
    sm_session_close(fresh);
    assert_int_equal(sm_session_open(&fresh, it.model, 0, 1, &err), SM_USAGE);
}

/* A session has scratch for as many threads as there were when it was opened. */
static void test_more_threads(void **state)
{
    (void)state;
    static float low[3 * MASK];
    float iou[3];
    struct sm_prompt good = {.box = box};
    struct sm_err err = {0};
    int threads = nn_threads();
    assert_int_equal(sm_decode(it.session, &good, 1, true, low, iou, &err), SM_OK);
    nn_set_threads(threads + 1);
    assert_int_equal(sm_decode(it.session, &good, 1, true, low, iou, &err), SM_USAGE);
    assert_int_equal(sm_set_image(it.session, it.embedding, 40, 50, &err), SM_USAGE);
    assert_non_null(strstr(err.message, "open another"));
    nn_set_threads(threads);
    assert_int_equal(sm_decode(it.session, &good, 1, true, low, iou, &err), SM_OK);
}

/* A batch of pictures gives what each gives alone. */
static void test_picture_batch(void **state)
{
    (void)state;
    static uint8_t pixels[2][30 * 20];
    static float together[2][4 * 4 * 32], alone[4 * 4 * 32];
    struct sm_picture pictures[2] = {{30, 20, 1, pixels[0]}, {20, 30, 1, pixels[1]}};
    struct sm_session *session;
    for (int i = 0; i < 600; i++) {
        pixels[0][i] = (uint8_t)i;
        pixels[1][i] = (uint8_t)(i * 3);
    }
    assert_int_equal(sm_session_open(&session, it.model, 2, 1, NULL), SM_OK);
    assert_int_equal(sm_encode(session, pictures, 2, together[0], NULL), SM_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sm_encode(session, &pictures[i], 1, alone, NULL), SM_OK);
        assert_true(apart(together[i], alone, 4 * 4 * 32) < 1e-4);
    }
    assert_true(apart(together[0], together[1], 4 * 4 * 32) > 1e-2);
    assert_int_equal(sm_encode(session, pictures, 3, together[0], NULL), SM_USAGE);
    sm_session_close(session);
}

/* ---- resizing ---- */

static const uint8_t sample[4 * 5] = {0, 10,  200, 255, 3, 90,  17, 60,  33, 250,
                                      5, 100, 128, 77,  1, 255, 0,  255, 0,  255};

/* Expected bytes from Pillow 12: Image.resize(..., BILINEAR). */
static void test_resample_bilinear(void **state)
{
    (void)state;
    static const uint8_t small[] = {34, 107, 120, 91, 114, 100};
    static const uint8_t large[] = {0,  6,   64,  200, 239, 147, 3,   45,  27, 47,  130, 140, 137, 127,
                                    76, 50,  42,  71,  50,  112, 208, 19,  57, 95,  117, 83,  58,  43,
                                    130, 84, 91,  192, 83,  77,  128, 255, 109, 73, 255, 73,  109, 255};
    uint8_t out[42];
    assert_int_equal(resample_bilinear(out, 2, 3, sample, 4, 5, 1, NULL), SM_OK);
    assert_memory_equal(out, small, sizeof small);
    assert_int_equal(resample_bilinear(out, 6, 7, sample, 4, 5, 1, NULL), SM_OK);
    assert_memory_equal(out, large, sizeof large);
}

/* Expected bytes from scikit-image: transform.resize(order=3, anti_aliasing=True), truncated. */
static void test_resample_cubic(void **state)
{
    (void)state;
    static const uint8_t large[] = {5,  0,   46,  191, 255, 130, 30,  45,  15, 30,  142, 170, 141, 128,
                                    75, 51,  37,  49,  2,   123, 222, 0,   46, 114, 101, 81,  42,  20,
                                    139, 78, 86,  212, 83,  65,  122, 226, 97, 55,  249, 55,  95,  223};
    static const uint8_t small[] = {34, 132, 130, 107, 193, 100};
    uint8_t out[42];
    assert_int_equal(resample_cubic(out, 6, 7, sample, 4, 5, 1, NULL), SM_OK);
    assert_memory_equal(out, large, sizeof large);
    assert_int_equal(resample_cubic(out, 2, 3, sample, 4, 5, 1, NULL), SM_OK);
    assert_memory_equal(out, small, sizeof small);
    assert_int_equal(resample_cubic(out, 4, 5, sample, 4, 5, 1, NULL), SM_OK);
    assert_memory_equal(out, sample, sizeof sample);
    assert_int_equal(resample_cubic(out, 5, 1, sample, 1, 1, 1, NULL), SM_OK);
    assert_int_equal(out[4], sample[0]);
}

/* SM_RESIZE_SAM: the longest side fills the square, the rest is zero after normalisation. */
static void test_sam_padding(void **state)
{
    (void)state;
    static float x[64 * 64 * 3];
    static uint8_t white[10 * 20];
    struct sm_config config = it.config;
    struct sm_picture picture = {10, 20, 1, white};
    memset(white, 255, sizeof white);
    config.resize = SM_RESIZE_SAM;
    assert_int_equal(preprocess(&config, &picture, x, NULL), SM_OK);
    assert_true(x[0] > 2 && x[(31 * 64 + 63) * 3] > 2 && x[32 * 64 * 3] == 0);
    config.resize = SM_RESIZE_MEDSAM;
    white[0] = 55;
    assert_int_equal(preprocess(&config, &picture, x, NULL), SM_OK);
    float low = 2, high = -2;
    for (int i = 0; i < 64 * 64 * 3; i++) {
        low = fminf(low, x[i]);
        high = fmaxf(high, x[i]);
    }
    assert_true(low == 0 && high == 1 && x[0] < 0.5f && x[(63 * 64 + 63) * 3 + 2] == 1);
}

/* ---- masks ---- */

static void test_masks(void **state)
{
    (void)state;
    static float full[50 * 40], low[MASK], scratch[64 * 64], back[50 * 40];
    double sum = 0, low_sum = 0;
    for (int y = 0; y < 50; y++)
        for (int x = 0; x < 40; x++)
            full[y * 40 + x] = y >= 10 && y < 30 && x >= 5 && x < 25;
    sm_mask_to_low_res(&it.config, full, 50, 40, low);
    for (int i = 0; i < 50 * 40; i++)
        sum += full[i];
    for (int i = 0; i < MASK; i++)
        low_sum += low[i];
    assert_true(fabs(sum / (50 * 40) - low_sum / MASK) < 1e-6); /* area is kept */
    sm_upsample(&it.config, low, 50, 40, back, scratch);
    assert_true(back[20 * 40 + 15] > 0.99f && back[45 * 40 + 35] < 0.01f);

    struct sm_config sam = it.config;
    sam.resize = SM_RESIZE_SAM; /* 50 x 40 becomes 64 x 51: columns from 13 on are padding */
    for (int i = 0; i < 50 * 40; i++)
        full[i] = -3;
    sm_mask_to_low_res(&sam, full, 50, 40, low);
    assert_true(fabsf(low[0] + 3) < 1e-6f && low[15] == -3);
    sm_upsample(&sam, low, 50, 40, back, scratch);
    assert_true(fabsf(back[50 * 40 - 1] + 3) < 1e-5f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_combinations),      cmocka_unit_test(test_batch),
        cmocka_unit_test(test_many_points),       cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_picture_batch),     cmocka_unit_test(test_resample_bilinear),
        cmocka_unit_test(test_resample_cubic),    cmocka_unit_test(test_sam_padding),
        cmocka_unit_test(test_masks),             cmocka_unit_test(test_more_threads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
