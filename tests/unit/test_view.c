/* Views: which slices, how they are turned, and that storage order never shows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/restored.h"
#include "sammed2d/view.h"

#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

/* Every voxel its own value. */
static struct sm_volume volume_of(int nx, int ny, int nz, const double a[3][4])
{
    struct sm_grid grid = {.dim = {nx, ny, nz}, .affine_lps[3][3] = 1};
    struct sm_volume volume;
    memcpy(grid.affine_lps, a, 12 * sizeof(double));
    assert_int_equal(sm_volume_alloc(&volume, &grid, SM_INT16, 1, NULL), SM_OK);
    for (int v = 0; v < nx * ny * nz; v++)
        ((int16_t *)volume.voxels)[v] = (int16_t)(v * 7 - 100);
    volume.format = SM_FORMAT_NIFTI;
    return volume;
}

static const double lps[3][4] = {{2, 0, 0, -9}, {0, 2, 0, 4}, {0, 0, 5, 1}};

static void check_letters(const struct sm_view *view, const char *expected)
{
    char letters[7];
    memcpy(letters, view->letters, 6);
    letters[6] = 0;
    assert_string_equal(letters, expected); /* left right top bottom first last */
}

static void letters_of_planes(void **state)
{
    (void)state;
    static const struct {
        enum sm_plane plane;
        enum sm_orient orient;
        const char *letters;
    } rows[] = {
        {SM_PLANE_AUTO, SM_ORIENT_RADIOLOGICAL, "RLAPIS"},
        {SM_PLANE_AXIAL, SM_ORIENT_RADIOLOGICAL, "RLAPIS"},
        {SM_PLANE_CORONAL, SM_ORIENT_RADIOLOGICAL, "RLSIAP"},
        {SM_PLANE_SAGITTAL, SM_ORIENT_RADIOLOGICAL, "APSIRL"},
        {SM_PLANE_AXIAL, SM_ORIENT_SA_MED2D, "RLPAIS"},
        {SM_PLANE_CORONAL, SM_ORIENT_SA_MED2D, "RLSIAP"},
        {SM_PLANE_SAGITTAL, SM_ORIENT_SA_MED2D, "APSIRL"},
    };
    struct sm_volume volume = volume_of(4, 3, 2, lps);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (int order = 0; order < STORAGE_ORDERS; order++) {
            struct sm_volume twin;
            struct sm_view view;
            restored_volume(&twin, &volume, order);
            sm_view_choose(&view, &twin, rows[r].plane, rows[r].orient);
            check_letters(&view, rows[r].letters);
            sm_volume_free(&twin);
        }
    sm_volume_free(&volume);
}

static void stored_keeps_the_files_order(void **state)
{
    (void)state;
    const double ras[3][4] = {{-2, 0, 0, -9}, {0, -2, 0, 4}, {0, 0, 5, 1}};
    struct sm_volume volume = volume_of(4, 3, 2, ras);
    struct sm_view view;
    sm_view_choose(&view, &volume, SM_PLANE_AUTO, SM_ORIENT_STORED);
    check_letters(&view, "LRPAIS");
    assert_false(view.reversed[0] || view.reversed[1] || view.reversed[2]);
    sm_view_choose(&view, &volume, SM_PLANE_CORONAL, SM_ORIENT_STORED);
    assert_int_equal(view.axis[0], 0);
    assert_int_equal(view.axis[1], 2);
    assert_int_equal(view.axis[2], 1);
    sm_volume_free(&volume);
}

static enum sm_plane automatic(int nx, int ny, int nz, double x, double y, double z,
                               enum sm_source_format format)
{
    const double a[3][4] = {{x, 0, 0, 0}, {0, y, 0, 0}, {0, 0, z, 0}};
    struct sm_volume volume = volume_of(nx, ny, nz, a);
    struct sm_view view;
    volume.format = format;
    sm_view_choose(&view, &volume, SM_PLANE_AUTO, SM_ORIENT_RADIOLOGICAL);
    sm_volume_free(&volume);
    return view.plane;
}

static void automatic_plane(void **state)
{
    (void)state;
    const enum sm_source_format nifti = SM_FORMAT_NIFTI;
    assert_int_equal(automatic(4, 4, 4, 1, 1, 1, nifti), SM_PLANE_AXIAL);
    assert_int_equal(automatic(4, 4, 4, 1, 3, 1, nifti), SM_PLANE_CORONAL);
    assert_int_equal(automatic(4, 4, 4, 3, 1, 1, nifti), SM_PLANE_SAGITTAL);
    assert_int_equal(automatic(4, 4, 4, 1.0005, 1, 1, nifti), SM_PLANE_AXIAL); /* a tie */
    assert_int_equal(automatic(4, 4, 4, 1.002, 1, 1, nifti), SM_PLANE_SAGITTAL);
    assert_int_equal(automatic(4, 4, 4, 3, 3, 1, nifti), SM_PLANE_CORONAL);
    assert_int_equal(automatic(4, 4, 1, 3, 3, 1, nifti), SM_PLANE_AXIAL); /* one slice */
    assert_int_equal(automatic(1, 4, 4, 1, 3, 3, nifti), SM_PLANE_SAGITTAL);
    assert_int_equal(automatic(4, 4, 4, 3, 1, 1, SM_FORMAT_DICOM), SM_PLANE_AXIAL);
}

/* All pictures of a view, one after the other, and where each pixel lies in the world. */
static float *pictures(const struct sm_view *view, const struct sm_volume *volume)
{
    size_t pixels = (size_t)view->dim[0] * (size_t)view->dim[1];
    float *out = malloc(pixels * (size_t)view->dim[2] * sizeof *out);
    for (int s = 0; s < view->dim[2]; s++)
        sm_view_slice(view, volume, s, out + (size_t)s * pixels);
    return out;
}

static void check_same_world(const struct sm_view *a, const struct sm_grid *grid_a,
                             const struct sm_view *b, const struct sm_grid *grid_b)
{
    for (int corner = 0; corner < 8; corner++) {
        double xys[3], ijk[3], at_a[3], at_b[3];
        for (int p = 0; p < 3; p++)
            xys[p] = corner >> p & 1 ? a->dim[p] - 1 : 0;
        sm_view_to_voxel(a, xys, ijk);
        sm_grid_to_lps(grid_a, ijk, at_a);
        sm_view_to_voxel(b, xys, ijk);
        sm_grid_to_lps(grid_b, ijk, at_b);
        for (int p = 0; p < 3; p++)
            assert_near(at_a[p], at_b[p], 1e-9);
    }
}

/* The same pictures, bit for bit, of the same places, for every storage order, plane and turn. */
static void check_all_orders(const double affine[3][4])
{
    struct sm_volume volume = volume_of(5, 4, 3, affine);
    for (int plane = SM_PLANE_AUTO; plane <= SM_PLANE_SAGITTAL; plane++)
        for (int turn = 0; turn < 2; turn++) {
            enum sm_orient orient = turn ? SM_ORIENT_SA_MED2D : SM_ORIENT_RADIOLOGICAL;
            struct sm_view whole;
            sm_view_choose(&whole, &volume, (enum sm_plane)plane, orient);
            float *expected = pictures(&whole, &volume);
            for (int order = 0; order < STORAGE_ORDERS; order++) {
                struct sm_volume twin;
                struct sm_view view;
                restored_volume(&twin, &volume, order);
                sm_view_choose(&view, &twin, (enum sm_plane)plane, orient);
                assert_memory_equal(view.dim, whole.dim, sizeof view.dim);
                assert_memory_equal(view.letters, whole.letters, sizeof view.letters);
                assert_memory_equal(view.spacing_mm, whole.spacing_mm, sizeof view.spacing_mm);
                assert_int_equal(view.plane, whole.plane);
                check_same_world(&view, &twin.grid, &whole, &volume.grid);
                float *found = pictures(&view, &twin);
                assert_memory_equal(found, expected, 60 * sizeof *found);
                free(found);
                sm_volume_free(&twin);
            }
            free(expected);
        }
    sm_volume_free(&volume);
}

static void storage_order_does_not_show(void **state)
{
    (void)state;
    double h = sqrt(0.5);
    const double isotropic[3][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}};
    const double oblique[3][4] = {
        {-0.9, 0.35, 0.2, 40}, {0.3, 0.85, -0.6, -70}, {-0.25, 0.4, 2.9, 11}};
    const double two_tie[3][4] = {{3, 0, 0, 0}, {0, 3.002, 0, 0}, {0, 0, 1, 0}};
    const double sheared[3][4] = {{1, 0, 0, 0}, {0, 1, 0.3, 0}, {0, 0, 1, 0}};
    const double half[3][4] = {{h, -h, 0, 5}, {h, h, 0, 6}, {0, 0, 1, 7}};
    const double half_up[3][4] = {{1, 0, 0, 5}, {0, h, -h, 6}, {0, h, h, 7}};
    check_all_orders(isotropic);
    check_all_orders(lps);
    check_all_orders(oblique);
    check_all_orders(two_tie);
    check_all_orders(sheared);
    check_all_orders(half);
    check_all_orders(half_up);
}

static void pixels_and_voxels_correspond(void **state)
{
    (void)state;
    struct sm_volume volume = volume_of(5, 4, 3, lps);
    for (int order = 0; order < STORAGE_ORDERS; order++)
        for (int plane = SM_PLANE_AXIAL; plane <= SM_PLANE_SAGITTAL; plane++)
            for (int orient = SM_ORIENT_RADIOLOGICAL; orient <= SM_ORIENT_SA_MED2D; orient++) {
                struct sm_volume twin;
                struct sm_view view;
                float picture[20];
                restored_volume(&twin, &volume, order);
                sm_view_choose(&view, &twin, (enum sm_plane)plane, (enum sm_orient)orient);
                size_t origin;
                ptrdiff_t column, row;
                int s = view.dim[2] - 1, x = view.dim[0] - 2, y = view.dim[1] - 1;
                sm_view_slice(&view, &twin, s, picture);
                sm_view_steps(&view, &twin.grid, s, &origin, &column, &row);
                ptrdiff_t at = (ptrdiff_t)origin + x * column + y * row;
                assert_true(picture[y * view.dim[0] + x] == ((int16_t *)twin.voxels)[at]);
                const double xys[3] = {x, y, s};
                double ijk[3], back[3];
                sm_view_to_voxel(&view, xys, ijk);
                const int *dim = twin.grid.dim;
                assert_int_equal(at, (ijk[2] * dim[1] + ijk[1]) * dim[0] + ijk[0]);
                sm_view_from_voxel(&view, ijk, back);
                assert_memory_equal(back, xys, sizeof back);
                sm_volume_free(&twin);
            }
    sm_volume_free(&volume);
}

/* A rescale for each stored slice k goes along when the picture cuts across them, both ways. */
static void rescale_follows_its_slice(void **state)
{
    (void)state;
    const double up[3][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}};
    struct sm_volume volume = volume_of(3, 2, 4, up);
    struct sm_view view;
    float picture[12];
    for (int k = 0; k < 4; k++)
        volume.rescale[k] = (struct sm_rescale){.slope = 1 + k, .intercept = 10 * k};
    sm_view_choose(&view, &volume, SM_PLANE_CORONAL, SM_ORIENT_RADIOLOGICAL);
    sm_view_slice(&view, &volume, 1, picture); /* rows from S to I: k from 3 to 0 */
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 3; x++) {
            int k = 3 - y, stored = (k * 2 + 1) * 3 + x;
            assert_true(picture[y * 3 + x] == (1 + k) * (stored * 7 - 100) + 10 * k);
        }
    sm_volume_free(&volume);
}

static void colour_stays_together(void **state)
{
    (void)state;
    struct sm_grid grid = {.dim = {2, 2, 1},
                           .affine_lps = {{1}, {0, 1}, {0, 0, 1}, {0, 0, 0, 1}}};
    struct sm_volume volume;
    struct sm_view view;
    float picture[12];
    assert_int_equal(sm_volume_alloc(&volume, &grid, SM_UINT8, 3, NULL), SM_OK);
    for (int v = 0; v < 12; v++)
        ((uint8_t *)volume.voxels)[v] = (uint8_t)v;
    volume.format = SM_FORMAT_PNG;
    sm_view_choose(&view, &volume, SM_PLANE_AUTO, SM_ORIENT_RADIOLOGICAL);
    sm_view_slice(&view, &volume, 0, picture);
    for (int v = 0; v < 12; v++)
        assert_true(picture[v] == v);
    sm_view_choose(&view, &volume, SM_PLANE_AXIAL, SM_ORIENT_SA_MED2D); /* rows to A */
    sm_view_slice(&view, &volume, 0, picture);
    for (int v = 0; v < 12; v++)
        assert_true(picture[v] == (v + 6) % 12);
    sm_volume_free(&volume);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_of_planes),
        cmocka_unit_test(stored_keeps_the_files_order),
        cmocka_unit_test(automatic_plane),
        cmocka_unit_test(storage_order_does_not_show),
        cmocka_unit_test(pixels_and_voxels_correspond),
        cmocka_unit_test(rescale_follows_its_slice),
        cmocka_unit_test(colour_stays_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
