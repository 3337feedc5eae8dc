/* The window functions and the table of PS3.3 C.11.2, against values worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>
#include "volume/voi.h"

static void check(const struct sm_voi *voi, int k, float value, int expected)
{
    uint8_t grey;
    voi_apply(voi, k, &value, 1, &grey);
    assert_int_equal(grey, expected);
}

/* C.11.2.1.2.1: c=2048, w=4096 maps 0 to black and 4095 to white; c=0.5, w=1 is a threshold. */
static void linear(void **state)
{
    (void)state;
    struct sm_voi_window windows[] = {{2048, 4096}, {0.5, 1}};
    struct sm_voi voi = {.windows = 1, .per_slice = true, .window = windows};
    check(&voi, 0, 0, 0);
    check(&voi, 0, 4095, 255);
    check(&voi, 0, 2047.5f, 128);
    check(&voi, 0, -5000, 0);
    check(&voi, 0, 9000, 255);
    check(&voi, 0, NAN, 0);
    check(&voi, 1, 0, 0);
    check(&voi, 1, 1, 255);
}

static void exact_and_sigmoid(void **state)
{
    (void)state;
    struct sm_voi_window window = {100, 200};
    struct sm_voi voi = {.function = SM_VOI_LINEAR_EXACT, .windows = 1, .window = &window};
    check(&voi, 3, 0, 0);
    check(&voi, 3, 200, 255);
    check(&voi, 3, 150, 191);
    voi.function = SM_VOI_SIGMOID;
    check(&voi, 3, 100, 128);
    check(&voi, 3, 200, 225); /* 255 / (1 + exp(-2)) = 224.6 */
    check(&voi, 3, 0, 30);
}

static void table(void **state)
{
    (void)state;
    uint8_t levels[] = {10, 20, 250};
    uint8_t others[] = {7, 9};
    struct sm_voi_table tables[] = {{-1, 3, levels}, {100, 2, others}};
    struct sm_voi voi = {.tables = 1, .table = tables};
    check(&voi, 0, -5, 10);
    check(&voi, 0, 0, 20);
    check(&voi, 0, 0.9f, 20);
    check(&voi, 0, 1, 250);
    check(&voi, 3, 40, 250);
    voi.tables = 2;
    voi.per_slice = true;
    check(&voi, 0, 40, 250);
    check(&voi, 1, 40, 7);
    check(&voi, 1, 101, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear), cmocka_unit_test(exact_and_sigmoid), cmocka_unit_test(table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
