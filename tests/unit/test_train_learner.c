/* src/train: the whole network's gradients, tensor by tensor, against differences of the loss along
 * them; that it does not matter how they are come by; and what the optimiser promises.
 *
 * Kernels are tested in float64 (test_nn_backward.c); here the wiring is: along a tensor's own gradient g
 * the loss must rise by |g| a step. The loss is float32, so differences are good to about 5e-3; a branch
 * forgotten or counted twice is off by far more than the 2 % allowed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/nn_check.h"
#include "lib/small_model.h"
#include "train/learner.h"
#include "train/optimiser.h"

enum { PICTURES = 2, PROMPTS = 3, POINTS = 3, MOST_POINTS = 12 };
static const int picture[PROMPTS] = {0, 1, 0};
static const float points[PROMPTS * POINTS][2] = {{10, 20}, {40, 33}, {7, 50}, {22, 22}, {60, 3},
                                                  {31, 9},  {12, 60}, {5, 5},  {44, 51}};
static const int labels[PROMPTS * POINTS] = {1, 0, -1, 1, 1, 0, 0, 1, 1};
static const float boxes[PROMPTS * 4] = {5, 6, 40, 50, 10, 3, 60, 33, 20, 20, 44, 61};
static const struct round_rule rules[] = {
    {{20, 1, 1, LOSS_PUBLISHED, .whole_batch = true}, OUTPUTS_THREE, CHOOSE_PREDICTED, IOU_OF_CHOSEN},
    {{20, 1, 1, LOSS_PUBLISHED}, OUTPUTS_BOTH, CHOOSE_LOWEST, IOU_OF_CHOSEN},
    {{20, 1, 1, LOSS_PUBLISHED}, OUTPUTS_ONE, CHOOSE_PREDICTED, IOU_OF_CHOSEN},
};
static const struct round_rule all_ious = {{0, 0, 1, LOSS_PUBLISHED}, OUTPUTS_BOTH, CHOOSE_LOWEST, IOU_OF_ALL};

struct scene {
    struct sm_model *model;
    struct learner network;
    float *masks;
    struct prompt_batch batch;
    const struct round_rule *rule;
    bool later;
};

/* Few heads so wide that cross attentions do not project the image (train/cross_attention.h). */
static struct sm_config wide_heads(void)
{
    struct sm_config config = small_config();
    config.decoder_heads = 2;
    config.decoder_downsample = 1;
    return config;
}

static void set_scene_of(struct scene *s, struct sm_config config, unsigned parts, bool checkpointing, int workers)
{
    size_t square = (size_t)config.image_size * config.image_size, low = sm_low_res_side(&config);
    struct learner_sizes sizes = {PICTURES, PROMPTS, MOST_POINTS, checkpointing, workers};
    *s = (struct scene){.model = small_model(&config), .rule = &rules[0]};
    assert_non_null(s->model);
    assert_int_equal(learner_open(&s->network, s->model, parts, parts, false, sizes, NULL), SM_OK);
    float *pixels = random_floats(PICTURES * square * 3, 2);
    memcpy(s->network.pixels, pixels, PICTURES * square * 3 * sizeof(float));
    free(pixels);
    for (size_t i = 0; i < PROMPTS * square; i++)
        s->network.target[i] = (i % config.image_size > 20) ^ (i / 700 % 2);
    s->masks = random_floats(PROMPTS * low * low, 1);
    s->batch = (struct prompt_batch){.n = PROMPTS, .picture = picture};
}

static void set_scene(struct scene *s, unsigned parts, bool checkpointing)
{
    set_scene_of(s, small_config(), parts, checkpointing, 1);
}

static void clear_scene(struct scene *s)
{
    learner_close(&s->network);
    sm_model_close(s->model);
    free(s->masks);
}

static double run(struct scene *s)
{
    if (s->later)
        learner_later_round(&s->network, &s->batch, s->rule);
    else
        learner_first_round(&s->network, PICTURES, &s->batch, s->rule);
    return s->network.result.loss.total;
}

/* The loss alone. */
static double look(struct scene *s)
{
    if (!s->later)
        learner_encode(&s->network, PICTURES);
    learner_look(&s->network, &s->batch, s->rule);
    return s->network.result.loss.total;
}

static double norm_of(const float *x, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum);
}

/* The slope of the loss along a tensor's gradient. */
static double slope(struct scene *s, struct parameter *p, const float *direction, double norm, double step)
{
    double loss[2];
    float *before = random_floats(p->count, 1);
    memcpy(before, p->value, p->count * sizeof(float));
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < p->count; i++)
            p->value[i] = before[i] + (float)((side ? -step : step) * direction[i] / norm);
        loss[side] = look(s);
    }
    memcpy(p->value, before, p->count * sizeof(float));
    free(before);
    return (loss[0] - loss[1]) / (2 * step);
}

static void check_tensor(struct scene *s, struct parameter *p, const float *gradient, double largest)
{
    double norm = norm_of(gradient, p->count);
    if (norm < 1e-3 * largest) /* too weak to be seen in a float32 loss */
        return;
    /* Steps that move the loss by these; ReLUs may bend on the way of one, and not of another. */
    static const double moves[] = {1e-4, 3e-5, 3e-4};
    double rise = 0;
    for (int i = 0; i < 3 && !(fabs(rise - norm) <= 0.02 * norm); i++)
        rise = slope(s, p, gradient, norm, moves[i] / norm);
    if (!(fabs(rise - norm) <= 0.02 * norm))
        fail_msg("%s: the loss rises by %g, its gradient says %g", p->tensor.name, rise, norm);
}

/* Every tensor but image_pe's; returns how many had a gradient to be looked at. */
static int check_all(struct scene *s)
{
    struct parameters *all = &s->network.parameters;
    float **kept = calloc(all->count, sizeof *kept);
    double largest = 0;
    int seen = 0;
    parameters_zero_gradients(all, PART_ALL);
    run(s);
    for (size_t i = 0; i < all->count; i++) {
        kept[i] = random_floats(all->list[i].count, 1);
        memcpy(kept[i], all->list[i].gradient, all->list[i].count * sizeof(float));
        largest = fmax(largest, norm_of(kept[i], all->list[i].count));
    }
    for (size_t i = 0; i < all->count; i++) {
        check_tensor(s, &all->list[i], kept[i], largest);
        seen += norm_of(kept[i], all->list[i].count) >= 1e-3 * largest;
        free(kept[i]);
    }
    free(kept);
    return seen;
}

static void by_boxes(struct sm_config config)
{
    struct scene s;
    set_scene_of(&s, config, PART_ALL, false, 1);
    s.batch.boxes = boxes;
    printf("# %d of %zu tensors with a gradient\n", check_all(&s), s.network.parameters.count);
    clear_scene(&s);
}

static void test_whole_network_by_boxes(void **unused)
{
    (void)unused;
    dice_start("network");
    by_boxes(small_config());
    by_boxes(wide_heads());
}

static void by_points_and_masks(struct sm_config config)
{
    struct scene s;
    set_scene_of(&s, config, PART_POINTS | PART_PROMPTS | PART_DOWNSCALING | PART_DECODER, false, 1);
    s.batch.point_count = POINTS;
    s.batch.points = points;
    s.batch.labels = labels;
    s.batch.masks = s.masks;
    s.later = true;
    learner_encode(&s.network, PICTURES);
    for (int rule = 0; rule < 3; rule++) {
        s.rule = &rules[rule];
        printf("# rule %d: %d tensors with a gradient\n", rule, check_all(&s));
    }
    clear_scene(&s);
}

static void test_points_and_masks(void **unused)
{
    (void)unused;
    dice_start("later round");
    by_points_and_masks(small_config());
    by_points_and_masks(wide_heads());
}

/* IoU of masks cut at 0.5, whichever is the best. Where masks stay as they are, a slope can be measured: at the layers
 * that predict the IoU. Masks themselves, whose overlap is a step function, get nothing. */
static void test_iou_of_all_masks(void **unused)
{
    (void)unused;
    dice_start("iou of all");
    struct scene s;
    set_scene(&s, PART_DECODER, false);
    s.batch.boxes = boxes;
    s.rule = &all_ious;
    struct parameters *all = &s.network.parameters;
    parameters_zero_gradients(all, PART_ALL);
    run(&s);
    int seen = 0;
    for (size_t i = 0; i < all->count; i++) {
        struct parameter *p = &all->list[i];
        double norm = norm_of(p->gradient, p->count);
        if (strstr(p->tensor.name, "iou_prediction_head")) {
            float *kept = random_floats(p->count, 1);
            memcpy(kept, p->gradient, p->count * sizeof(float));
            check_tensor(&s, p, kept, norm);
            seen += norm > 0;
            free(kept);
        } else if (strstr(p->tensor.name, "output_hypernetworks") || strstr(p->tensor.name, "output_upscaling")) {
            assert_true(norm == 0);
        }
    }
    assert_true(seen >= 4);
    clear_scene(&s);
}

/* Blocks that run again give the same bits. */
static void test_checkpointing(void **unused)
{
    struct scene kept, again;
    (void)unused;
    dice_start("checkpointing");
    set_scene(&kept, PART_ALL, false);
    dice_start("checkpointing");
    set_scene(&again, PART_ALL, true);
    assert_true(again.network.workers[0].arena.size < kept.network.workers[0].arena.size);
    kept.batch.boxes = again.batch.boxes = boxes;
    run(&kept);
    run(&again);
    for (size_t i = 0; i < kept.network.parameters.count; i++)
        assert_memory_equal(kept.network.parameters.list[i].gradient,
                            again.network.parameters.list[i].gradient,
                            kept.network.parameters.list[i].count * sizeof(float));
    clear_scene(&kept);
    clear_scene(&again);
}

/* A round of boxes, then one of points and masks: as `workers` see it. */
static double two_rounds(struct scene *s, int workers)
{
    static const int in_order[PROMPTS] = {0, 0, 1};
    dice_start("workers");
    set_scene_of(s, small_config(), PART_ALL, false, workers);
    s->rule = &rules[1];
    s->batch.picture = in_order;
    s->batch.boxes = boxes;
    double loss = run(s);
    s->batch.boxes = NULL;
    s->batch.point_count = POINTS;
    s->batch.points = points;
    s->batch.labels = labels;
    s->batch.masks = s->masks;
    s->later = true;
    return loss + run(s);
}

/* Pictures side by side give what pictures together give, but for the order of sums. */
static void test_workers(void **unused)
{
    struct scene together, apart;
    (void)unused;
    double loss = two_rounds(&together, 1);
    assert_float_equal(two_rounds(&apart, 2), loss, 1e-5 * loss);
    assert_float_equal(apart.network.result.loss.dice, together.network.result.loss.dice, 1e-5);
    for (size_t i = 0; i < together.network.parameters.count; i++) {
        const struct parameter *a = &together.network.parameters.list[i], *b = &apart.network.parameters.list[i];
        double norm = norm_of(a->gradient, a->count), off = 0;
        for (size_t j = 0; j < a->count; j++)
            off += ((double)a->gradient[j] - b->gradient[j]) * ((double)a->gradient[j] - b->gradient[j]);
        if (!(sqrt(off) <= 1e-3 * norm + 1e-6)) /* a bias of keys has none but rounding */
            fail_msg("%s: gradients differ by %g of %g", a->tensor.name, sqrt(off), norm);
    }
    clear_scene(&together);
    clear_scene(&apart);
}

/* What is not trained costs nothing and changes nothing: gradients of a part are those of the whole. An encoder that is
 * not trained goes through inference's own kernels, whose sums have another order than training's; by BLAS they have
 * the same, so there the bound is that of one order. */
static void compare_parts(double bound)
{
    static const unsigned parts[] = {PART_ADAPTERS | PART_DECODER, PART_DECODER, PART_ENCODER,
                                     PART_ADAPTERS, PART_PROMPTS};
    struct scene all;
    dice_start("parts");
    set_scene(&all, PART_ALL, false);
    all.batch.boxes = boxes;
    run(&all);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct scene some;
        dice_start("parts");
        set_scene(&some, parts[i], false);
        some.batch.boxes = boxes;
        run(&some);
        for (size_t a = 0, b = 0; a < all.network.parameters.count; a++) {
            struct parameter *whole = &all.network.parameters.list[a];
            if (!(whole->part & parts[i]))
                continue;
            struct parameter *part = &some.network.parameters.list[b++];
            assert_string_equal(whole->tensor.name, part->tensor.name);
            /* Softmax does not see the bias of keys: its true gradient is 0, what is there is rounding of the
             * weight's, which stands before it. */
            bool noise = strstr(whole->tensor.name, "k_proj.bias") != NULL;
            const struct parameter *scale = noise ? whole - 1 : whole;
            double size = norm_of(scale->gradient, scale->count);
            for (size_t j = 0; j < whole->count; j++)
                assert_true(fabs(whole->gradient[j] - part->gradient[j]) <= bound * (size + 1e-6));
        }
        clear_scene(&some);
    }
    clear_scene(&all);
}

static void test_parts(void **unused)
{
    char usual[16];
    (void)unused;
    snprintf(usual, sizeof usual, "%s", nn_kernels());
    assert_true(nn_use_kernels("blas"));
    compare_parts(1e-5);
    assert_true(nn_use_kernels(usual));
    compare_parts(3e-5);
}

/* Later rounds that train little: nothing is left of the way to the image, and memory does for any number of
 * points, whether cross attentions project the image or not. */
static void test_later_rounds(void **unused)
{
    static float many[PROMPTS * MOST_POINTS][2];
    static int kinds[PROMPTS * MOST_POINTS];
    static const unsigned parts[] = {PART_POINTS | PART_DECODER, PART_DECODER, PART_POINTS};
    (void)unused;
    for (int i = 0; i < PROMPTS * MOST_POINTS; i++) {
        many[i][0] = (float)(i * 7 % 64), many[i][1] = (float)(i * 23 % 64);
        kinds[i] = i % 2;
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct scene s;
        dice_start("later rounds");
        set_scene_of(&s, wide_heads(), parts[i], false, 1);
        s.batch.points = (const float(*)[2])many;
        s.batch.labels = kinds;
        s.batch.masks = s.masks;
        s.later = true;
        learner_encode(&s.network, PICTURES);
        for (s.batch.point_count = 1; s.batch.point_count <= s.network.sizes.points; s.batch.point_count++)
            assert_true(isfinite(run(&s)));
        clear_scene(&s);
    }
}

/* A few steps lower the loss, and twice gives the same weights. */
static void test_learning(void **unused)
{
    struct adam adam = {.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .decoupled = true};
    float last[2] = {0};
    (void)unused;
    nn_set_threads(2);
    for (int round = 0; round < 2; round++) {
        struct scene s;
        dice_start("learning");
        set_scene(&s, PART_ALL, false);
        s.batch.boxes = boxes;
        double first = run(&s);
        for (int step = 0; step < 15; step++) {
            parameters_zero_gradients(&s.network.parameters, PART_ALL);
            last[round] = (float)run(&s);
            adam_step(&s.network.parameters, PART_ALL, &adam, 1);
        }
        printf("# loss %g to %g\n", first, last[round]);
        assert_true(last[round] < 0.85 * first);
        clear_scene(&s);
    }
    assert_true(last[0] == last[1]);
}

static void test_optimiser(void **unused)
{
    struct adam adam = {.lr = 0.1, .beta1 = 0.9, .beta2 = 0.999, .eps = 0, .weight_decay = 0.5,
                        .decoupled = true};
    float value = 2, m = 0, v = 0, gradient = 3;
    (void)unused;
    adam_update(&value, &m, &v, &gradient, 1, &adam, 1, 0.5, 1);
    assert_true(fabsf(value - (2 * (1 - 0.1f * 0.5f) - 0.1f)) < 1e-6f); /* decay, and a step of lr */
    adam.decoupled = false;
    value = 2, m = v = 0;
    adam_update(&value, &m, &v, &gradient, 1, &adam, 1, 0.5, 1);
    assert_true(fabsf(value - 1.9f) < 1e-6f && fabsf(m - 0.4f) < 1e-6f); /* m = 0.1 (3 + 0.5 * 2) */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_network_by_boxes),
        cmocka_unit_test(test_points_and_masks),
        cmocka_unit_test(test_iou_of_all_masks),
        cmocka_unit_test(test_checkpointing), cmocka_unit_test(test_workers),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_later_rounds),
        cmocka_unit_test(test_learning),
        cmocka_unit_test(test_optimiser),
    };
    nn_set_threads(1); /* kernels this small only wait for each other */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
