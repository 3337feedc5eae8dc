/* src/train/losses.c against a float64 twin and its differences, with constants that are not the published ones, too. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/gradient_check.h"
#include "lib/nn_check.h"
#include "train/losses.h"

enum { MASKS = 3, PIXELS = 40 };

struct given {
    const struct loss_rule *rule;
    float *logits, *predicted; /* (MASKS, PIXELS), (MASKS) */
    uint8_t target[MASKS * PIXELS];
};

/* ---- the twin: utils.py of SAM-Med2D, word by word ---- */

struct sums {
    double focal, both, predicted, targets;
};

static struct sums sums_of(const struct given *c, int from, int to)
{
    struct sums s = {0};
    for (int i = from * PIXELS; i < to * PIXELS; i++) {
        double p = 1 / (1 + exp(-(double)c->logits[i])), t = c->target[i];
        s.focal -= c->rule->alpha * t * pow(1 - p, c->rule->gamma) * log(p + 1e-12) +
                   (1 - c->rule->alpha) * (1 - t) * pow(p, c->rule->gamma) * log(1 - p + 1e-12);
        s.both += p * t, s.predicted += p, s.targets += t;
    }
    return s;
}

/* Of masks `from` to `to`, judged together. */
static double loss_of(const struct given *c, int from, int to)
{
    const struct loss_rule *rule = c->rule;
    struct sums s = sums_of(c, from, to);
    double dice = 1 - (2 * s.both + rule->smooth) / (s.predicted + s.targets + rule->smooth);
    double iou = (s.both + 1e-7) / (s.predicted + s.targets - s.both + 1e-7), off = 0;
    for (int i = from; i < to; i++)
        off += (iou - c->predicted[i]) * (iou - c->predicted[i]) / (to - from);
    return rule->focal * s.focal / ((to - from) * PIXELS) + rule->dice * dice + rule->iou * off;
}

static double value(const void *context)
{
    const struct given *c = context;
    double sum = 0;
    for (int i = 0; i < MASKS && !c->rule->whole_batch; i++)
        sum += loss_of(c, i, i + 1) / MASKS;
    return c->rule->whole_batch ? loss_of(c, 0, MASKS) : sum;
}

/* ---- */

static void check_rule(const struct loss_rule *rule)
{
    struct given c = {rule, coarse_floats(MASKS * PIXELS, 4), coarse_floats(MASKS, 1), {0}};
    float d[MASKS * PIXELS], d_predicted[MASKS], p[MASKS * PIXELS];
    struct loss loss;
    for (int i = PIXELS; i < MASKS * PIXELS; i++) /* the first has nothing to be found */
        c.target[i] = (uint8_t)dice(0, 1);
    memcpy(d, c.logits, sizeof d);
    loss_and_gradient(&loss, d, d_predicted, p, c.target, c.predicted, MASKS, PIXELS, rule);
    assert_float_equal(loss.total, value(&c), 1e-5 * (1 + loss.total));
    check_gradient("logits", (struct objective){value, &c}, c.logits, d, MASKS * PIXELS, 8);
    check_gradient("predicted IoU", (struct objective){value, &c}, c.predicted, d_predicted, MASKS, 8);
    free(c.logits), free(c.predicted);
}

static void test_rules(void **unused)
{
    static const struct loss_rule rules[] = {
        {20, 1, 1, LOSS_PUBLISHED},
        {20, 1, 1, LOSS_PUBLISHED, .whole_batch = true},
        {3, 2, 0.5, .alpha = 0.7, .gamma = 0, .smooth = 0.1},
        {3, 2, 0.5, .alpha = 0.5, .gamma = 0.5, .smooth = 1e-6, .whole_batch = true},
        {1, 0, 0, .alpha = 0.1, .gamma = 3.5, .smooth = 1},
        {0, 1, 0, .alpha = 1, .gamma = 1, .smooth = 50},
    };
    (void)unused;
    dice_start("losses");
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        check_rule(&rules[i]);
    report_worst("losses");
}

/* Probabilities of exactly 0 and 1, on either side: finite for any power. */
static void test_saturated(void **unused)
{
    static const float gammas[] = {0, 0.5f, 1, 2, 3};
    (void)unused;
    for (size_t g = 0; g < sizeof gammas / sizeof *gammas; g++) {
        struct loss_rule rule = {20, 1, 1, .alpha = 0.25, .gamma = gammas[g], .smooth = 1};
        float logits[4] = {-200, 200, -200, 200}, predicted = 0.5f, d_predicted, p[4];
        const uint8_t target[4] = {0, 0, 1, 1};
        struct loss loss;
        loss_and_gradient(&loss, logits, &d_predicted, p, target, &predicted, 1, 4, &rule);
        assert_true(isfinite(loss.total));
        for (int i = 0; i < 4; i++)
            assert_true(fabsf(logits[i]) < 1e-12f); /* flat there, as the reference's */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rules), cmocka_unit_test(test_saturated)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
