/* The log and the learning curve: what is written, what is found again, and curves of hardly anything. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "train/journal.h"

static char directory[] = "/tmp/sammed2d-journal-XXXXXX";
static char log_path[64], curve_path[64];

static int set_up(void **unused)
{
    (void)unused;
    bool made = mkdtemp(directory) != NULL;
    snprintf(log_path, sizeof log_path, "%s/log", directory);
    snprintf(curve_path, sizeof curve_path, "%s/curve", directory);
    return made ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    remove(log_path);
    remove(curve_path);
    return rmdir(directory);
}

/* Nothing but what is given. */
static struct report report_of(int64_t step, double loss, double val_box)
{
    struct report r = {.step = step, .loss = loss, .val_box = val_box, .focal = NAN, .dice_loss = NAN, .iou_loss = NAN,
                       .dice_first = NAN, .dice_last = NAN, .lr = NAN, .gradient_norm = NAN, .val_point = NAN,
                       .val_last = NAN};
    return r;
}

static void add(struct journal *j, struct report report)
{
    char start[8] = "";
    assert_int_equal(journal_add(j, &report, NULL), SM_OK);
    FILE *file = fopen(curve_path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(start, 1, 8, file), 8);
    fclose(file);
    assert_memory_equal(start, "\x89PNG\r\n\x1a\n", 8);
}

/* Before the first batch there is no loss; losses may be tiny, huge, or none at all. */
static void test_curves(void **unused)
{
    static const double losses[] = {NAN, 0, 1e-30, 0.97, 1e30, INFINITY};
    (void)unused;
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        struct journal j;
        assert_int_equal(journal_open(&j, log_path, curve_path, 0, NULL), SM_OK);
        add(&j, report_of(0, NAN, 0.5));
        add(&j, report_of(1, losses[i], NAN));
        add(&j, report_of(3000000, losses[i], 0.7));
        journal_close(&j);
    }
}

/* A run that goes on keeps what is before its step, and nothing else. */
static void test_going_on(void **unused)
{
    struct journal j;
    (void)unused;
    assert_int_equal(journal_open(&j, log_path, curve_path, 0, NULL), SM_OK);
    for (int step = 0; step < 5; step++)
        add(&j, report_of(step, step ? 1.0 / step : NAN, 0.5));
    journal_close(&j);
    assert_int_equal(journal_open(&j, log_path, curve_path, 3, NULL), SM_OK);
    assert_int_equal(j.count, 4);
    assert_true(isnan(j.reports[0].loss) && j.reports[2].loss == 0.5 && j.reports[3].val_box == 0.5);
    journal_close(&j);
    assert_int_equal(journal_open(&j, log_path, curve_path, 0, NULL), SM_OK);
    assert_int_equal(j.count, 0);
    journal_close(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_curves), cmocka_unit_test(test_going_on)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
