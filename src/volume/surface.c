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
    return mask->voxels + ((size_t) k * (size_t) mask->dim[1] + (size_t) j) * (size_t) mask->dim[0];
}

static bool any(const uint8_t *row, int n)
{
    return row[0] || memcmp(row, row + 1, (size_t) n - 1) != 0;
}

static struct part find_part(const struct mask *a, const struct mask *b)
{
    struct part part = {a->dim[1], -1, a->dim[2], -1};
    for (int k = 0; k < a->dim[2]; k++)
        for (int j = 0; j < a->dim[1]; j++) {
            if (!any(row_of(a, j, k), a->dim[0]) && !any(row_of(b, j, k), a->dim[0]))
                continue;
            part.j0 = j < part.j0 ? j : part.j0;
            part.j1 = j > part.j1 ? j : part.j1;
            part.k0 = k < part.k0 ? k : part.k0;
            part.k1 = k;
        }
    return part;
}

/* ---- surface voxels: inside, with one of the 26 neighbours outside ---- */

/* all[i + 1]: the nine voxels (i, j - 1 .. j + 1, k - 1 .. k + 1) are inside. */
static void find_nines(const struct mask *mask, int j, int k, uint8_t *all)
{
    int nx = mask->dim[0];
    memset(all, 0, (size_t) nx + 2);
    if (j == 0 || j == mask->dim[1] - 1 || k == 0 || k == mask->dim[2] - 1)
        return;
    memset(all + 1, 1, (size_t) nx);
    for (int dk = -1; dk <= 1; dk++)
        for (int dj = -1; dj <= 1; dj++) {
            const uint8_t *row = row_of(mask, j + dj, k + dk);
#pragma omp simd
            for (int i = 0; i < nx; i++)
                all[i + 1] &= row[i] != 0;
        }
}

/* Surface voxels of one row; they are written unless voxel is NULL. */
static size_t find_in_row(const struct mask *mask, int j, int k, uint8_t *all, int32_t (*voxel)[3])
{
    const uint8_t *row = row_of(mask, j, k);
    size_t count = 0;
    if (!any(row, mask->dim[0]))
        return 0;
    find_nines(mask, j, k, all);
    for (int i = 0; i < mask->dim[0]; i++) {
        if (!row[i] || (all[i] & all[i + 1] & all[i + 2]))
            continue;
        if (voxel)
            memcpy(voxel[count], (const int32_t[3]){i, j, k}, sizeof *voxel);
        count++;
    }
    return count;
}

/* One row's scratch for each slice, so that slices can be done at once. */
static size_t find_in_slice(const struct mask *mask, const struct part *part, int k, uint8_t *all,
                            int32_t (*voxel)[3])
{
    size_t count = 0;
    for (int j = part->j0; j <= part->j1; j++)
        count += find_in_row(mask, j, k, all, voxel ? voxel + count : NULL);
    return count;
}

/* Slices are counted, then listed, each on its own. */
static enum sm_status find_surface(struct list *list, const struct mask *mask, const struct part *part,
                                   struct sm_err *err)
{
    size_t slices = (size_t) (part->k1 - part->k0 + 1), scratch = (size_t) mask->dim[0] + 2;
    size_t *start = calloc(slices + 1, sizeof *start);
    uint8_t *all = malloc(slices * scratch);
    *list = (struct list){0};
    if (start && all) {
#pragma omp parallel for schedule(dynamic)
        for (size_t s = 0; s < slices; s++)
            start[s + 1] = find_in_slice(mask, part, part->k0 + (int) s, all + s * scratch, NULL);
        for (size_t s = 0; s < slices; s++)
            start[s + 1] += start[s];
        list->count = start[slices];
        list->voxel = malloc((list->count + 1) * sizeof *list->voxel);
    }
    if (list->voxel) {
#pragma omp parallel for schedule(dynamic)
        for (size_t s = 0; s < slices; s++)
            find_in_slice(mask, part, part->k0 + (int) s, all + s * scratch, list->voxel + start[s]);
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
    ptrdiff_t low = 0, high = (ptrdiff_t) count - 1, wanted = (ptrdiff_t) rank;
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
    double at = part * (double) (count - 1);
    size_t rank = (size_t) at;
    select_rank(values, count, rank);
    double next = values[rank];
    for (size_t v = rank + 1; v < count; v++)
        next = v == rank + 1 || values[v] < next ? values[v] : next;
    return values[rank] + (next - values[rank]) * (at - (double) rank);
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
    surface->average /= (double) count;
    surface->surface_dice = (double) within / (double) count;
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
    struct nearest tree_a, tree_b = {0};
    enum sm_status status = nearest_build(&tree_a, a->voxel, a->count, grid, err);
    if (!status)
        status = nearest_build(&tree_b, b->voxel, b->count, grid, err);
    if (!status) {
        nearest_distances(&tree_a, &tree_b, distance_mm);
        nearest_distances(&tree_b, &tree_a, distance_mm + a->count);
        summarise(surface, distance_mm, count, tolerance_mm);
    }
    nearest_free(&tree_a);
    nearest_free(&tree_b);
    free(distance_mm);
    return status;
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
