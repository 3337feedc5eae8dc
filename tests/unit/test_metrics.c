/* Overlap and surface distances, against a search of every pair of surface voxels. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sammed2d/metrics.h"

#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

enum { MOST = 20 * 20 * 20 };

static struct sm_grid grid_of(int nx, int ny, int nz, const double a[3][4])
{
    struct sm_grid grid = {.dim = {nx, ny, nz}, .affine_lps[3][3] = 1};
    memcpy(grid.affine_lps, a, 12 * sizeof(double));
    return grid;
}

static const double plain[3][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}};
static const double affines[][3][4] = {
    {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}},
    {{0.7, 0, 0, 5}, {0, -0.7, 0, 6}, {0, 0, 5, 7}},
    {{0, 0, 3, 900}, {0.5, 0, 0, -400}, {0, 2, 0, 0}},
    {{-0.9, 0.35, 0.2, 40}, {0.3, 0.85, -0.6, -70}, {-0.25, 0.4, 2.9, 11}},
    {{1, 0, 0, 0}, {0, 1, 2.5, 0}, {0, 0, 1.5, 0}}, /* a tilt that makes the nearest no neighbour */
};
enum { AFFINES = sizeof affines / sizeof *affines };

/* ---- the plain way ---- */

static bool is_surface(const uint8_t *mask, const int *dim, const int at[3])
{
    if (!mask[(at[2] * dim[1] + at[1]) * dim[0] + at[0]])
        return false;
    for (int n = 0; n < 27; n++) {
        int x[3] = {at[0] + n % 3 - 1, at[1] + n / 3 % 3 - 1, at[2] + n / 9 - 1};
        for (int a = 0; a < 3; a++)
            if (x[a] < 0 || x[a] >= dim[a])
                return true;
        if (!mask[(x[2] * dim[1] + x[1]) * dim[0] + x[0]])
            return true;
    }
    return false;
}

static size_t list_surface(double (*mm)[3], const uint8_t *mask, const struct sm_grid *grid)
{
    size_t count = 0;
    int at[3];
    for (at[2] = 0; at[2] < grid->dim[2]; at[2]++)
        for (at[1] = 0; at[1] < grid->dim[1]; at[1]++)
            for (at[0] = 0; at[0] < grid->dim[0]; at[0]++)
                if (is_surface(mask, grid->dim, at))
                    sm_grid_to_lps(grid, (const double[3]){at[0], at[1], at[2]}, mm[count++]);
    return count;
}

static size_t add_distances(double *distance, const double (*a)[3], size_t na, const double (*b)[3], size_t nb)
{
    for (size_t i = 0; i < na; i++) {
        double best = INFINITY;
        for (size_t j = 0; j < nb; j++) {
            double x = a[i][0] - b[j][0], y = a[i][1] - b[j][1], z = a[i][2] - b[j][2];
            best = fmin(best, x * x + y * y + z * z);
        }
        distance[i] = sqrt(best);
    }
    return na;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct sm_surface by_hand(const uint8_t *a, const uint8_t *b, const struct sm_grid *grid, double tolerance)
{
    static double at_a[MOST][3], at_b[MOST][3], distance[2 * MOST];
    struct sm_surface surface = {0};
    size_t na = list_surface(at_a, a, grid), nb = list_surface(at_b, b, grid);
    size_t n = add_distances(distance, (const double (*)[3]) at_a, na, (const double (*)[3]) at_b, nb);
    n += add_distances(distance + n, (const double (*)[3]) at_b, nb, (const double (*)[3]) at_a, na);
    qsort(distance, n, sizeof *distance, ascending);
    for (size_t i = 0; i < n; i++) {
        surface.average += distance[i] / (double)n;
        surface.surface_dice += (distance[i] <= tolerance + 1e-6) / (double)n;
    }
    double rank = 0.95 * (double)(n - 1), low = floor(rank);
    size_t at = (size_t)low, next = at + 1 < n ? at + 1 : at;
    surface.hd95 = distance[at] + (distance[next] - distance[at]) * (rank - low);
    surface.hausdorff = distance[n - 1];
    return surface;
}

/* ---- masks ---- */

static uint32_t seed = 1;
static double random01(void)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) / 16777216.0;
}

/* Some ellipsoids, some noise. */
static void blobs(uint8_t *mask, const int *dim, double noise)
{
    double centre[2][3], radius[2];
    for (int n = 0; n < 2; n++) {
        for (int a = 0; a < 3; a++)
            centre[n][a] = random01() * dim[a];
        radius[n] = 1 + random01() * 6;
    }
    for (int k = 0; k < dim[2]; k++)
        for (int j = 0; j < dim[1]; j++)
            for (int i = 0; i < dim[0]; i++) {
                bool in = random01() < noise;
                for (int n = 0; n < 2; n++)
                    in |= hypot(hypot(i - centre[n][0], j - centre[n][1]), k - centre[n][2]) < radius[n];
                *mask++ = in ? (uint8_t)(1 + random01() * 254) : 0;
            }
}

static void assert_same(const uint8_t *a, const uint8_t *b, const struct sm_grid *grid)
{
    struct sm_surface surface, wanted = by_hand(a, b, grid, 2.0);
    assert_int_equal(sm_surface_masks(&surface, a, b, grid, 2.0, NULL), SM_OK);
    assert_near(surface.hd95, wanted.hd95, 1e-9);
    assert_near(surface.hausdorff, wanted.hausdorff, 1e-9);
    assert_near(surface.average, wanted.average, 1e-9);
    assert_near(surface.surface_dice, wanted.surface_dice, 1e-12);
}

static void distances_are_exact(void **state)
{
    (void)state;
    static uint8_t a[MOST], b[MOST];
    for (int n = 0; n < 40; n++) {
        struct sm_grid grid = grid_of(4 + (int)(random01() * 16), 3 + (int)(random01() * 17),
                                      n % 7 ? 2 + (int)(random01() * 18) : 1, affines[n % AFFINES]);
        double noise = n % 3 == 0 ? 0.2 * random01() : n % 3 == 1 ? 0.002 : 0;
        blobs(a, grid.dim, noise);
        blobs(b, grid.dim, noise);
        a[0] = 1; /* no mask is empty here */
        b[sm_grid_voxels(&grid) - 1] = 1;
        assert_same(a, b, &grid);
        assert_same(b, a, &grid);
    }
}

static void single_voxels(void **state)
{
    (void)state;
    static uint8_t a[1000], b[1000];
    for (int f = 0; f < AFFINES; f++) {
        struct sm_grid grid = grid_of(10, 10, 10, affines[f]);
        double lps[2][3], square = 0;
        struct sm_surface surface;
        memset(a, 0, sizeof a);
        memset(b, 0, sizeof b);
        a[0] = b[999] = 1;
        sm_grid_to_lps(&grid, (const double[3]){0, 0, 0}, lps[0]);
        sm_grid_to_lps(&grid, (const double[3]){9, 9, 9}, lps[1]);
        for (int x = 0; x < 3; x++)
            square += (lps[0][x] - lps[1][x]) * (lps[0][x] - lps[1][x]);
        assert_int_equal(sm_surface_masks(&surface, a, b, &grid, sqrt(square), NULL), SM_OK);
        assert_near(surface.hd95, sqrt(square), 1e-9);
        assert_near(surface.average, sqrt(square), 1e-9);
        assert_near(surface.surface_dice, 1, 0); /* just at the tolerance */
        assert_int_equal(sm_surface_masks(&surface, a, a, &grid, 0, NULL), SM_OK);
        assert_true(surface.hd95 == 0 && surface.hausdorff == 0 && surface.average == 0 && surface.surface_dice == 1);
    }
}

static void empty_masks(void **state)
{
    (void)state;
    static uint8_t none[64], one[64] = {[21] = 1};
    struct sm_grid grid = grid_of(4, 4, 4, plain);
    struct sm_surface surface;
    assert_int_equal(sm_surface_masks(&surface, none, none, &grid, 1, NULL), SM_OK);
    assert_true(surface.hd95 == 0 && surface.average == 0 && surface.surface_dice == 1);
    for (int n = 0; n < 2; n++) {
        assert_int_equal(sm_surface_masks(&surface, n ? one : none, n ? none : one, &grid, 1, NULL), SM_OK);
        assert_true(isinf(surface.hd95) && isinf(surface.hausdorff) && isinf(surface.average));
        assert_true(surface.surface_dice == 0);
    }
}

/* Only the shell of a full grid is surface: beyond the grid is outside. */
static void full_masks(void **state)
{
    (void)state;
    static uint8_t full[512], core[512];
    struct sm_grid grid = grid_of(8, 8, 8, affines[1]);
    memset(full, 9, sizeof full);
    for (int v = 0; v < 512; v++)
        core[v] = v % 8 == 4 && v / 8 % 8 == 4 && v / 64 == 4;
    assert_same(full, core, &grid);
    assert_same(full, full, &grid);
}

static void overlaps(void **state)
{
    (void)state;
    static const uint8_t a[8] = {1, 255, 1, 1, 0, 0, 0, 0}, b[8] = {0, 0, 7, 2, 9, 0, 0, 0}, none[8] = {0};
    struct sm_overlap overlap = sm_overlap_masks(a, b, 8);
    assert_true(overlap.a == 4 && overlap.b == 3 && overlap.both == 2);
    assert_near(sm_overlap_dice(overlap), 4.0 / 7, 1e-15);
    assert_near(sm_overlap_iou(overlap), 2.0 / 5, 1e-15);
    overlap = sm_overlap_masks(none, none, 8);
    assert_true(sm_overlap_dice(overlap) == 1 && sm_overlap_iou(overlap) == 1);
    overlap = sm_overlap_masks(a, none, 8);
    assert_true(sm_overlap_dice(overlap) == 0 && sm_overlap_iou(overlap) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_are_exact),
        cmocka_unit_test(single_voxels),
        cmocka_unit_test(empty_masks),
        cmocka_unit_test(full_masks),
        cmocka_unit_test(overlaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
