/* Surfaces of masks, and how far they are apart. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "sammed2d/metrics.h"
#include "volume/nearest.h"

/* Spacings come rounded to float32 out of files; a surface at the tolerance is within it. */
static const double SLACK_MM = 1e-6;
static const double PERCENTILE = 0.95;

struct mask {
    const uint8_t *voxels;
    const int *dim;
};
/* Rows and slices that have a voxel of either mask. */
struct part {
    int j0, j1, k0, k1; /* inclusive; j1 < j0: none */
};
struct list {
    int32_t (*voxel)[3];
    size_t count;
};

static const uint8_t *row_of(const struct mask *mask, int j, int k)
{
    return mask->voxels + ((size_t)k * (size_t)mask->dim[1] + (size_t)j) * (size_t)mask->dim[0];
}

static bool any(const uint8_t *row, int n)
{
    return row[0] || memcmp(row, row + 1, (size_t)n - 1) != 0;
}

static struct part find_part(const struct mask *a, const struct mask *b)
{
    int j0 = a->dim[1], j1 = -1, k0 = a->dim[2], k1 = -1;
#pragma omp parallel for reduction(min : j0, k0) reduction(max : j1, k1)
    for (int k = 0; k < a->dim[2]; k++)
        for (int j = 0; j < a->dim[1]; j++) {
            if (!any(row_of(a, j, k), a->dim[0]) && !any(row_of(b, j, k), a->dim[0]))
                continue;
            j0 = j < j0 ? j : j0;
            j1 = j > j1 ? j : j1;
            k0 = k < k0 ? k : k0;
            k1 = k > k1 ? k : k1;
        }
    return (struct part){j0, j1, k0, k1};
}

/* ---- surface voxels: inside, with one of the 26 neighbours outside ---- */

/* all[i + 1]: the nine voxels (i, j - 1 .. j + 1, k - 1 .. k + 1) are inside. */
static void find_nines(const struct mask *mask, int j, int k, uint8_t *all)
{
    int nx = mask->dim[0];
    memset(all, 0, (size_t)nx + 2);
    if (j == 0 || j == mask->dim[1] - 1 || k == 0 || k == mask->dim[2] - 1)
        return;
    memset(all + 1, 1, (size_t)nx);
    for (int dk = -1; dk <= 1; dk++)
        for (int dj = -1; dj <= 1; dj++) {
            const uint8_t *row = row_of(mask, j + dj, k + dk);
#pragma omp simd
            for (int i = 0; i < nx; i++)
                all[i + 1] &= row[i] != 0;
        }
}

/* mark[i]: voxel i of the row is surface. How many there are. */
static size_t mark_row(const uint8_t *row, const uint8_t *all, int nx, uint8_t *mark)
{
    unsigned count = 0;
#pragma omp simd
    for (int i = 0; i < nx; i++)
        mark[i] = (uint8_t)((row[i] != 0) & !(all[i] & all[i + 1] & all[i + 2]));
#pragma omp simd reduction(+ : count)
    for (int i = 0; i < nx; i++)
        count += mark[i];
    return count;
}

/* Surface voxels of one row; they are written unless voxel is NULL. */
static size_t find_in_row(const struct mask *mask, int j, int k, uint8_t *scratch, int32_t (*voxel)[3])
{
    const uint8_t *row = row_of(mask, j, k);
    int nx = mask->dim[0];
    uint8_t *all = scratch, *mark = scratch + nx + 2;
    if (!any(row, nx))
        return 0;
    find_nines(mask, j, k, all);
    size_t count = mark_row(row, all, nx, mark), left = voxel ? count : 0;
    for (const uint8_t *at = mark; left; at++, left--) {
        at = memchr(at, 1, (size_t)(mark + nx - at)); /* most are none */
        memcpy(*voxel++, (const int32_t[3]){(int32_t)(at - mark), j, k}, sizeof *voxel);
    }
    return count;
}

/* Two rows of scratch for each slice, so that slices can be done at once. */
static size_t find_in_slice(const struct mask *mask, const struct part *part, int k, uint8_t *scratch,
                            int32_t (*voxel)[3])
{
    size_t count = 0;
    for (int j = part->j0; j <= part->j1; j++)
        count += find_in_row(mask, j, k, scratch, voxel ? voxel + count : NULL);
    return count;
}

/* Slices are counted, then listed, each on its own. */
static enum sm_status find_surface(struct list *list, const struct mask *mask, const struct part *part,
                                   struct sm_err *err)
{
    size_t slices = (size_t)(part->k1 - part->k0 + 1), scratch = 2 * (size_t)mask->dim[0] + 2;
    size_t *start = calloc(slices + 1, sizeof *start);
    uint8_t *all = malloc(slices * scratch);
    *list = (struct list){0};
    if (start && all) {
#pragma omp parallel for schedule(dynamic)
        for (size_t s = 0; s < slices; s++)
            start[s + 1] = find_in_slice(mask, part, part->k0 + (int)s, all + s * scratch, NULL);
        for (size_t s = 0; s < slices; s++)
            start[s + 1] += start[s];
        list->count = start[slices];
        list->voxel = malloc((list->count + 1) * sizeof *list->voxel);
    }
    if (list->voxel) {
#pragma omp parallel for schedule(dynamic)
        for (size_t s = 0; s < slices; s++)
            find_in_slice(mask, part, part->k0 + (int)s, all + s * scratch, list->voxel + start[s]);
    }
    free(start);
    free(all);
    return list->voxel ? SM_OK
                       : sm_fail(err, SM_MEMORY, "out of memory: %zu bytes for the surface voxels of a mask",
                                 (list->count + 1) * sizeof *list->voxel);
}

/* ---- distances ---- */

/* Puts the value of rank `rank` in its place, as sorting would. */
static void select_rank(double *values, size_t count, size_t rank)
{
    ptrdiff_t low = 0, high = (ptrdiff_t)count - 1, wanted = (ptrdiff_t)rank;
    while (low < high) {
        double pivot = values[low + (high - low) / 2];
        ptrdiff_t up = low, down = high;
        while (up <= down) {
            while (values[up] < pivot)
                up++;
            while (values[down] > pivot)
                down--;
            if (up <= down) {
                double kept = values[up];
                values[up++] = values[down];
                values[down--] = kept;
            }
        }
        if (wanted <= down)
            high = down;
        else if (wanted >= up)
            low = up;
        else
            return;
    }
}

/* As numpy.percentile: linear between ranks. */
static double percentile(double *values, size_t count, double part)
{
    double at = part * (double)(count - 1);
    size_t rank = (size_t)at;
    select_rank(values, count, rank);
    double next = values[rank];
    for (size_t v = rank + 1; v < count; v++)
        next = v == rank + 1 || values[v] < next ? values[v] : next;
    return values[rank] + (next - values[rank]) * (at - (double)rank);
}

static void summarise(struct sm_surface *surface, double *distance_mm, size_t count, double tolerance_mm)
{
    size_t within = 0;
    *surface = (struct sm_surface){0};
    for (size_t v = 0; v < count; v++) {
        surface->average += distance_mm[v];
        surface->hausdorff = fmax(surface->hausdorff, distance_mm[v]);
        within += distance_mm[v] <= tolerance_mm + SLACK_MM;
    }
    surface->average /= (double)count;
    surface->surface_dice = (double)within / (double)count;
    surface->hd95 = percentile(distance_mm, count, PERCENTILE);
}

static enum sm_status measure(struct sm_surface *surface, const struct list *a, const struct list *b,
                              const struct sm_grid *grid, double tolerance_mm, struct sm_err *err)
{
    size_t count = a->count + b->count;
    double *distance_mm = malloc(count * sizeof *distance_mm);
    if (!distance_mm)
        return sm_fail(err, SM_MEMORY, "out of memory: %zu bytes for the distances of surface voxels",
                       count * sizeof *distance_mm);
    const struct list *lists[2] = {a, b};
    struct nearest trees[2] = {{.voxel = NULL}, {.voxel = NULL}};
    struct sm_err errs[2];
    enum sm_status status[2];
#pragma omp parallel for schedule(static, 1)
    for (int n = 0; n < 2; n++) /* sorting is the long part, and not parallel in itself */
        status[n] = nearest_build(&trees[n], lists[n]->voxel, lists[n]->count, grid, &errs[n]);
    int failed = status[0] ? 0 : 1;
    if (!status[failed]) {
        nearest_distances(&trees[0], &trees[1], distance_mm);
        nearest_distances(&trees[1], &trees[0], distance_mm + a->count);
        summarise(surface, distance_mm, count, tolerance_mm);
    } else if (err) {
        *err = errs[failed];
    }
    nearest_free(&trees[0]);
    nearest_free(&trees[1]);
    free(distance_mm);
    return status[failed];
}

enum sm_status sm_surface_masks(struct sm_surface *surface, const uint8_t *a, const uint8_t *b,
                                const struct sm_grid *grid, double tolerance_mm, struct sm_err *err)
{
    struct mask mask_a = {a, grid->dim}, mask_b = {b, grid->dim};
    struct part part = find_part(&mask_a, &mask_b);
    struct list list_a = {0}, list_b = {0};
    enum sm_status status = SM_OK;
    *surface = (struct sm_surface){.surface_dice = 1};
    if (part.k1 < 0)
        return SM_OK;
    status = find_surface(&list_a, &mask_a, &part, err);
    if (!status)
        status = find_surface(&list_b, &mask_b, &part, err);
    if (!status && (list_a.count == 0 || list_b.count == 0))
        *surface = (struct sm_surface){INFINITY, INFINITY, INFINITY, 0};
    else if (!status)
        status = measure(surface, &list_a, &list_b, grid, tolerance_mm, err);
    free(list_a.voxel);
    free(list_b.voxel);
    return status;
}
