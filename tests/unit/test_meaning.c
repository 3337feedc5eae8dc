/* Names of structures and what they stand for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "sammed2d/dicom.h"

static void check(const char *name, const char *category, const char *type, const char *modifier,
                  const char *region, const char *region_modifier)
{
    struct sm_segment_meaning meaning;
    sm_segment_meaning_find(&meaning, name);
    assert_string_equal(meaning.label, name);
    assert_false(meaning.generic);
    assert_string_equal(meaning.category.value, category);
    assert_string_equal(meaning.type.value, type);
    assert_string_equal(meaning.type.scheme, "SCT");
    assert_string_equal(meaning.modifier.value, modifier);
    assert_string_equal(meaning.region.value, region);
    assert_string_equal(meaning.region_modifier.value, region_modifier);
}

#define ANATOMY "123037004"
#define ALTERED "49755003"
#define LEFT "7771000"
#define RIGHT "24028007"

static void names(void **state)
{
    (void)state;
    check("liver", ANATOMY, "10200004", "", "", "");
    check("LIVER", ANATOMY, "10200004", "", "", "");
    check("Kidney_Left", ANATOMY, "64033007", LEFT, "", "");
    check("right  kidney", ANATOMY, "64033007", RIGHT, "", "");
    check("rib_left_1", ANATOMY, "48535007", LEFT, "", "");
    check("heart_ventricle_left", ANATOMY, "87878005", "", "", "");
    check("vertebrae_L1", ANATOMY, "66794005", "", "", "");
    check("L1", ANATOMY, "66794005", "", "", "");
    check("kidney_cyst_left", ALTERED, "367643001", "", "64033007", LEFT);
    check("pancreas tumor", ALTERED, "108369006", "", "15776009", "");
    check("left lung nodule", ALTERED, "27925004", "", "39607008", LEFT);
    check("lymph nodes", "85756007", "59441001", "", "", "");
}

static void unknown(void **state)
{
    (void)state;
    static const char *const strange[] = {"thing", "", "left", " _ ", "tumor of nothing at all",
                                          "\xc3\xa4"};
    for (size_t n = 0; n < sizeof strange / sizeof *strange; n++) {
        struct sm_segment_meaning meaning;
        sm_segment_meaning_find(&meaning, strange[n]);
        assert_true(meaning.generic);
        assert_string_equal(meaning.type.value, ANATOMY);
        assert_string_equal(meaning.category.value, ANATOMY);
    }
}

/* Lab of sRGB's white, black and red under D50: 100, 0, 0; 0, 0, 0; 54.29, 80.80, 69.89. */
static void colours(void **state)
{
    (void)state;
    static const int rgb[3][3] = {{255, 255, 255}, {0, 0, 0}, {255, 0, 0}};
    static const double lab[3][3] = {{100, 0, 0}, {0, 0, 0}, {54.29, 80.80, 69.89}};
    for (int n = 0; n < 3; n++) {
        struct sm_segment_meaning meaning;
        sm_segment_meaning_colour(&meaning, rgb[n]);
        assert_float_equal(meaning.cielab[0] / 655.35, lab[n][0], 0.02);
        assert_float_equal(meaning.cielab[1] / 257.0 - 128, lab[n][1], 0.02);
        assert_float_equal(meaning.cielab[2] / 257.0 - 128, lab[n][2], 0.02);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(unknown),
                                       cmocka_unit_test(colours)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
