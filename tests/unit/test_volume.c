/* Grids, orientations, lines, labels. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/restored.h"
#include "sammed2d/stack.h"
#include "sammed2d/volume.h"

#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

static struct sm_grid grid_of(int nx, int ny, int nz, const double a[3][4])
{
    struct sm_grid grid = {.dim = {nx, ny, nz}, .affine_lps[3][3] = 1};
    memcpy(grid.affine_lps, a, 12 * sizeof(double));
    return grid;
}

static const double oblique[3][4] = {
    {-0.9, 0.35, 0.2, 40}, {0.3, 0.85, -0.6, -70}, {-0.25, 0.4, 2.9, 11}};

/* A slice is missing at 4 mm, in the middle of its neighbours: it is filled from the one towards S. */
static void fills_gaps_alike_in_any_order(void **state)
{
    (void)state;
    static const int expected[2][5] = {{0, 1, 2, 2, 3}, {0, 1, 1, 2, 3}};
    for (int reversed = 0; reversed < 2; reversed++) {
        double origin[4][3] = {{0, 0, 0}, {0, 0, 2}, {0, 0, 6}, {0, 0, 8}};
        for (int k = 0; reversed && k < 4; k++)
            origin[k][2] = 8 - origin[k][2];
        const double axes[3][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, reversed ? -2 : 2, origin[0][2]}};
        struct sm_volume volume = {.grid = grid_of(3, 2, 4, axes), .slice_origin_lps = origin};
        struct sm_stack stack;
        assert_int_equal(sm_stack_make(&stack, &volume, SM_GAPS_RESAMPLE, NULL), SM_OK);
        assert_int_equal(stack.grid.dim[2], 5);
        assert_memory_equal(stack.slice, expected[reversed], sizeof expected[reversed]);
        sm_stack_free(&stack);
    }
}

static void places_and_back(void **state)
{
    (void)state;
    struct sm_grid grid = grid_of(7, 6, 5, oblique);
    double ijk[3] = {2.5, -1, 4}, lps[3], back[3];
    sm_grid_to_lps(&grid, ijk, lps);
    assert_near(lps[0], -0.9 * 2.5 - 0.35 + 0.2 * 4 + 40, 1e-12);
    assert_near(lps[2], -0.25 * 2.5 - 0.4 + 2.9 * 4 + 11, 1e-12);
    sm_grid_from_lps(&grid, lps, back);
    for (int axis = 0; axis < 3; axis++)
        assert_near(back[axis], ijk[axis], 1e-12);
    assert_near(sm_grid_spacing_mm(&grid, 0), sqrt(0.81 + 0.09 + 0.0625), 1e-15);
    assert_int_equal(sm_grid_voxels(&grid), 210);
}

static void volume_of_a_voxel(void **state)
{
    (void)state;
    const double sheared[3][4] = {{0, 2, 0, 0}, {3, 0, 1, 0}, {0, 0, 4, 0}};
    struct sm_grid grid = grid_of(1, 1, 1, sheared);
    assert_near(sm_grid_voxel_volume_ml(&grid), 0.024, 1e-15);
}

static void refuses_flat_grids(void **state)
{
    (void)state;
    struct sm_grid grid = grid_of(2, 2, 2, oblique);
    assert_true(sm_grid_invertible(&grid));
    grid.affine_lps[1][3] = NAN;
    assert_false(sm_grid_invertible(&grid));
    grid = grid_of(2, 2, 2, oblique);
    for (int row = 0; row < 3; row++)
        grid.affine_lps[row][2] = grid.affine_lps[row][0] - 2 * grid.affine_lps[row][1];
    assert_false(sm_grid_invertible(&grid));
    const double zero[3][4] = {{0}};
    grid = grid_of(2, 2, 2, zero);
    assert_false(sm_grid_invertible(&grid));
}

static void small_voxels_are_fine(void **state)
{
    (void)state;
    const double tiny[3][4] = {{1e-5, 0, 0, 0}, {0, 1e-5, 0, 0}, {0, 0, 1e-5, 0}};
    struct sm_grid grid = grid_of(2, 2, 2, tiny);
    assert_true(sm_grid_invertible(&grid));
}

static void compares_grids_at_their_corners(void **state)
{
    (void)state;
    struct sm_grid a = grid_of(101, 6, 5, oblique), b = a;
    b.affine_lps[0][0] += 0.001;
    assert_near(sm_grid_distance_mm(&a, &b), 0.1, 1e-9);
    assert_true(sm_grid_equal(&a, &b, 0.11));
    assert_false(sm_grid_equal(&a, &b, 0.09));
    b = a;
    b.dim[1]++;
    assert_false(sm_grid_equal(&a, &b, 1e9));
}

static void letters_of_plain_grids(void **state)
{
    (void)state;
    const double ras[3][4] = {{-1, 0, 0, 0}, {0, -1, 0, 0}, {0, 0, 1, 0}};
    const double air[3][4] = {{0, 0, -2, 0}, {-1, 0, 0, 0}, {0, -1, 0, 0}};
    char letters[4];
    struct sm_grid grid = grid_of(1, 1, 1, ras);
    sm_grid_orientation_letters(&grid, letters);
    assert_string_equal(letters, "RAS");
    grid = grid_of(1, 1, 1, air);
    sm_grid_orientation_letters(&grid, letters);
    assert_string_equal(letters, "AIR");
}

/* The letters of a restored grid are those of the original, permuted and turned likewise. */
static void check_all_orders(const double affine[3][4])
{
    static const char opposite[] = "LRLAPASIS"; /* letter, then its opposite */
    struct sm_grid grid = grid_of(4, 3, 2, affine);
    struct sm_volume volume, twin;
    char whole[4], letters[4];
    assert_int_equal(sm_volume_alloc(&volume, &grid, SM_UINT8, 1, NULL), SM_OK);
    memset(volume.voxels, 0, 24);
    sm_grid_orientation_letters(&grid, whole);
    for (int order = 0; order < STORAGE_ORDERS; order++) {
        restored_volume(&twin, &volume, order);
        sm_grid_orientation_letters(&twin.grid, letters);
        int origin[3], step[3];
        restored_to_original(&volume, order, (const int[3]){0, 0, 0}, origin);
        for (int axis = 0; axis < 3; axis++) {
            int one[3] = {0, 0, 0};
            one[axis] = 1;
            restored_to_original(&volume, order, one, step);
            for (int old = 0; old < 3; old++) {
                if (step[old] > origin[old])
                    assert_int_equal(letters[axis], whole[old]);
                if (step[old] < origin[old])
                    assert_int_equal(letters[axis], strchr(opposite, whole[old])[1]);
            }
        }
        sm_volume_free(&twin);
    }
    sm_volume_free(&volume);
}

static void storage_order_does_not_matter(void **state)
{
    (void)state;
    check_all_orders(oblique);
}

static void nor_at_45_degrees(void **state)
{
    (void)state;
    double h = sqrt(0.5);
    const double about_s[3][4] = {{h, -h, 0, 5}, {h, h, 0, 6}, {0, 0, 3, 7}};
    const double about_l[3][4] = {{1, 0, 0, 5}, {0, h, -h, 6}, {0, h, h, 7}};
    const double about_111[3][4] = {
        {2. / 3, 2. / 3, -1. / 3, 0}, {-1. / 3, 2. / 3, 2. / 3, 0}, {2. / 3, -1. / 3, 2. / 3, 0}};
    const double sheared[3][4] = {{h, 0, 0.5, 1}, {h, 1, 0.5, 2}, {0, 0.4, h, 3}};
    check_all_orders(about_s);
    check_all_orders(about_l);
    check_all_orders(about_111);
    check_all_orders(sheared);
}

/* A header in float32 moves a 45-degree axis a little to either side: that must not show. */
static void nor_with_rounded_headers(void **state)
{
    (void)state;
    char first[4], letters[4];
    for (int nudge = -2; nudge <= 2; nudge++) {
        double angle = acos(-1) / 4 + nudge * 2e-7, c = cos(angle), s = sin(angle);
        const double a[3][4] = {{c, -s, 0, 5}, {s, c, 0, 6}, {0, 0, 3, 7}};
        struct sm_grid grid = grid_of(1, 1, 1, a);
        sm_grid_orientation_letters(&grid, nudge == -2 ? first : letters);
        if (nudge > -2)
            assert_string_equal(first, letters);
    }
}

/* Two axes nearest to S: only one may have it. */
static void never_two_axes_on_one_direction(void **state)
{
    (void)state;
    const double leaning[3][4] = {{1, 0, 0, 0}, {0, 0.6, 0.1, 0}, {0, 0.9, 1, 0}};
    struct sm_grid grid = grid_of(1, 1, 1, leaning);
    struct sm_orientation o;
    sm_grid_orientation(&grid, &o);
    assert_int_equal(o.world[0], 0);
    assert_int_equal(o.world[1], 1);
    assert_int_equal(o.world[2], 2);
}

static void reads_lines_of_every_type(void **state)
{
    (void)state;
    const double unit[3][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}};
    struct sm_grid grid = grid_of(3, 2, 2, unit);
    for (int type = SM_UINT8; type <= SM_FLOAT64; type++) {
        struct sm_volume volume;
        assert_int_equal(sm_volume_alloc(&volume, &grid, (enum sm_voxel_type)type, 1, NULL), SM_OK);
        for (int v = 0; v < 12; v++) { /* little endian: small numbers alike in every width */
            size_t bytes = sm_voxel_type_bytes((enum sm_voxel_type)type);
            char *at = (char *)volume.voxels + (size_t)v * bytes;
            float single = (float)v;
            double twice = v;
            int64_t whole = v;
            memcpy(at, type == SM_FLOAT32 ? (void *)&single : type == SM_FLOAT64 ? (void *)&twice
                                                                                  : (void *)&whole,
                   bytes);
        }
        volume.rescale[0] = (struct sm_rescale){2, 1};
        volume.rescale[1] = (struct sm_rescale){-1, 0.5};
        float line[3];
        sm_volume_line(&volume, 0, 1, 0, 0, 0, 3, line);
        assert_true(line[0] == 7 && line[1] == 9 && line[2] == 11);
        sm_volume_line(&volume, 1, 0, 0, 2, 0, 2, line);
        assert_true(line[0] == 3 && line[1] == -6.5f);
        sm_volume_line(&volume, 2, 0, 1, 1, 0, 2, line);
        assert_true(line[0] == -7.5f && line[1] == -10.5f);
        sm_volume_free(&volume);
    }
}

static void extreme_integers_survive(void **state)
{
    (void)state;
    const double unit[3][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}};
    struct sm_grid grid = grid_of(2, 1, 1, unit);
    struct sm_volume volume;
    float line[2];
    assert_int_equal(sm_volume_alloc(&volume, &grid, SM_INT64, 1, NULL), SM_OK);
    int64_t whole[2] = {INT64_MIN, INT64_MAX};
    memcpy(volume.voxels, whole, sizeof whole);
    sm_volume_line(&volume, 0, 0, 0, 0, 0, 2, line);
    assert_true(line[0] == -0x1p63f && line[1] == 0x1p63f);
    sm_volume_free(&volume);
}

static void reads_colour(void **state)
{
    (void)state;
    const double unit[3][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}};
    struct sm_grid grid = grid_of(2, 2, 1, unit);
    struct sm_volume volume;
    float line[2];
    assert_int_equal(sm_volume_alloc(&volume, &grid, SM_UINT8, 3, NULL), SM_OK);
    for (int v = 0; v < 12; v++)
        ((uint8_t *)volume.voxels)[v] = (uint8_t)v;
    sm_volume_line(&volume, 1, 0, 0, 1, 2, 2, line);
    assert_true(line[0] == 5 && line[1] == 11);
    sm_volume_free(&volume);
}

static void refuses_what_memory_cannot_hold(void **state)
{
    (void)state;
    const double unit[3][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}};
    struct sm_grid grid = grid_of(INT32_MAX, INT32_MAX, INT32_MAX, unit);
    struct sm_volume volume;
    struct sm_labels labels;
    struct sm_err err;
    assert_int_equal(sm_volume_alloc(&volume, &grid, SM_FLOAT64, 1, &err), SM_MEMORY);
    assert_non_null(strstr(err.message, "2147483647 x 2147483647"));
    assert_int_equal(sm_labels_alloc(&labels, &grid, &err), SM_MEMORY);
    sm_volume_free(&volume);
    sm_labels_free(&labels);
}

static void labels_begin_as_background(void **state)
{
    (void)state;
    struct sm_grid grid = grid_of(5, 4, 3, oblique);
    struct sm_labels labels;
    assert_int_equal(sm_labels_alloc(&labels, &grid, NULL), SM_OK);
    for (size_t v = 0; v < 60; v++)
        assert_int_equal(labels.voxels[v], 0);
    sm_labels_free(&labels);
    assert_null(labels.voxels);
}

/* Voxel numbers as labels, stored in every order, come back in the first one; and cut-outs where they are. */
static void turns_labels(void **state)
{
    (void)state;
    struct sm_grid grid = grid_of(5, 4, 3, oblique);
    struct sm_volume volume, twin;
    assert_int_equal(sm_volume_alloc(&volume, &grid, SM_UINT16, 1, NULL), SM_OK);
    for (int v = 0; v < 60; v++)
        ((uint16_t *)volume.voxels)[v] = (uint16_t)(v + 1);
    for (int order = 0; order < STORAGE_ORDERS; order++) {
        struct sm_turn turn;
        struct sm_labels turned;
        restored_volume(&twin, &volume, order);
        struct sm_labels labels = {twin.grid, twin.voxels};
        assert_true(sm_grid_find_turn(&turn, &grid, &twin.grid));
        assert_true(turn.whole);
        assert_int_equal(sm_labels_turn(&turned, &labels, &turn, &grid, NULL), SM_OK);
        assert_memory_equal(turned.voxels, volume.voxels, 60 * sizeof *turned.voxels);
        sm_labels_free(&turned);

        struct sm_grid part = grid; /* two voxels before the start along i, one column and one slice cut */
        part.dim[0] = 6, part.dim[1] = 3, part.dim[2] = 2;
        for (int row = 0; row < 3; row++)
            part.affine_lps[row][3] += -2 * grid.affine_lps[row][0] + grid.affine_lps[row][1] + grid.affine_lps[row][2];
        assert_true(sm_grid_find_turn(&turn, &part, &twin.grid));
        assert_false(turn.whole);
        assert_int_equal(sm_labels_turn(&turned, &labels, &turn, &part, NULL), SM_OK);
        for (int k = 0; k < 2; k++)
            for (int j = 0; j < 3; j++)
                for (int i = 0; i < 6; i++)
                    assert_int_equal(turned.voxels[(k * 3 + j) * 6 + i],
                                     i < 2 ? 0 : ((k + 1) * 4 + j + 1) * 5 + i - 2 + 1);
        sm_labels_free(&turned);
        sm_volume_free(&twin);
    }
    sm_volume_free(&volume);
}

static void knows_other_lattices(void **state)
{
    (void)state;
    struct sm_turn turn;
    struct sm_grid a = grid_of(101, 6, 5, oblique), b = a;
    b.affine_lps[0][3] += 0.9;
    assert_false(sm_grid_find_turn(&turn, &a, &b));
    b = a;
    b.affine_lps[2][0] *= 1.001; /* a tenth of a voxel at the far end */
    b.affine_lps[0][0] *= 1.001;
    b.affine_lps[1][0] *= 1.001;
    assert_false(sm_grid_find_turn(&turn, &a, &b));
    b = a;
    for (int row = 0; row < 3; row++)
        b.affine_lps[row][2] *= 2;
    assert_false(sm_grid_find_turn(&turn, &a, &b));
    b = a;
    b.affine_lps[0][3] = 1e300;
    assert_false(sm_grid_find_turn(&turn, &a, &b));
    b = a;
    b.affine_lps[0][3] += 1e-3;
    assert_true(sm_grid_find_turn(&turn, &a, &b));
    assert_true(turn.whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_and_back),
        cmocka_unit_test(fills_gaps_alike_in_any_order),
        cmocka_unit_test(volume_of_a_voxel),
        cmocka_unit_test(refuses_flat_grids),
        cmocka_unit_test(small_voxels_are_fine),
        cmocka_unit_test(compares_grids_at_their_corners),
        cmocka_unit_test(letters_of_plain_grids),
        cmocka_unit_test(storage_order_does_not_matter),
        cmocka_unit_test(nor_at_45_degrees),
        cmocka_unit_test(nor_with_rounded_headers),
        cmocka_unit_test(never_two_axes_on_one_direction),
        cmocka_unit_test(reads_lines_of_every_type),
        cmocka_unit_test(extreme_integers_survive),
        cmocka_unit_test(reads_colour),
        cmocka_unit_test(refuses_what_memory_cannot_hold),
        cmocka_unit_test(labels_begin_as_background),
        cmocka_unit_test(turns_labels),
        cmocka_unit_test(knows_other_lattices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
