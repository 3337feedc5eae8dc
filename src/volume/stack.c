#include "sammed2d/stack.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Scanners round positions: a slice that is off by no more than this part of the step is in its place. */
static const double IN_PLACE = 0.1;
/* A step that differs from the usual one by more than this part of it is named. */
static const double SAME_STEP = 0.02;
/* Two slices whose distances differ by no more than this part of the step are equally near. */
static const double TIE = 1e-6;
/* A stray slice metres away would need more slices than anybody has disk for. */
enum { MOST_SLICES_MORE = 100, MOST_TIMES = 10, NAMED = 3 };

void sm_stack_from_lps(const struct sm_volume *volume, int k, const double lps_mm[3], double ijk[3])
{
    if (!volume->slice_origin_lps) {
        sm_grid_from_lps(&volume->grid, lps_mm, ijk);
        return;
    }
    struct sm_grid own = volume->grid; /* the same axes, from this slice's corner */
    for (int row = 0; row < 3; row++)
        own.affine_lps[row][3] = volume->slice_origin_lps[k][row];
    sm_grid_from_lps(&own, lps_mm, ijk);
    ijk[2] += k;
}

/* From slice k to k + 1, in steps of the grid. */
static double step_after(const struct sm_volume *volume, int k)
{
    double ijk[3];
    sm_stack_from_lps(volume, k, volume->slice_origin_lps[k + 1], ijk);
    return ijk[2] - k;
}

double sm_stack_share(const struct sm_volume *volume, int k)
{
    int last = volume->grid.dim[2] - 1;
    if (!volume->slice_origin_lps || last == 0)
        return 1;
    double below = k > 0 ? step_after(volume, k - 1) : 0, above = k < last ? step_after(volume, k) : 0;
    return k == 0 ? above : k == last ? below : (below + above) / 2;
}

/* ---- regular grids ---- */

static double along_slices_mm(const struct sm_volume *volume)
{
    double area = 0; /* of a voxel in its plane, squared */
    const double (*a)[4] = volume->grid.affine_lps;
    for (int row = 0; row < 3; row++) {
        int y = (row + 1) % 3, z = (row + 2) % 3;
        double normal = a[y][0] * a[z][1] - a[z][0] * a[y][1];
        area += normal * normal;
    }
    return 1000 * sm_grid_voxel_volume_ml(&volume->grid) / sqrt(area);
}

/* Is slice k + 1 nearer, further, or further aside than most are? */
static bool is_gap(const struct sm_volume *volume, int k)
{
    double ijk[3];
    sm_stack_from_lps(volume, k, volume->slice_origin_lps[k + 1], ijk);
    return fabs(ijk[2] - k - 1) > SAME_STEP || fabs(ijk[0]) > 0.5 || fabs(ijk[1]) > 0.5;
}

/* "1 and 2 (5 mm, from ... to ...), 7 and 8 (...) and in 3 more places"; nothing where slices only drift. */
static void name_gaps(const struct sm_volume *volume, char *text, size_t size)
{
    double step_mm = along_slices_mm(volume);
    int count = 0;
    size_t length = 0;
    *text = 0;
    for (int k = 0; k + 1 < volume->grid.dim[2]; k++) {
        double step = step_after(volume, k);
        if (!is_gap(volume, k) || ++count > NAMED || length >= size)
            continue;
        const double *from = volume->slice_origin_lps[k], *to = volume->slice_origin_lps[k + 1];
        length += (size_t)snprintf(text + length, size - length,
                                   "%s%d and %d (%.4g mm, from %.6g,%.6g,%.6g to %.6g,%.6g,%.6g)",
                                   count > 1 ? ", " : "", k, k + 1, step * step_mm, from[0], from[1],
                                   from[2], to[0], to[1], to[2]);
    }
    if (count > NAMED && length < size)
        snprintf(text + length, size - length, " and in %d more places", count - NAMED);
}

static enum sm_status refuse(const struct sm_volume *volume, const char *advice, struct sm_err *err)
{
    char places[600];
    name_gaps(volume, places, sizeof places);
    if (!*places)
        return sm_fail(err, SM_UNSUPPORTED,
                       "the slices are not evenly spaced: no step is far from %.4g mm, but they add up to other places "
                       "than even steps; %s", along_slices_mm(volume), advice);
    return sm_fail(err, SM_UNSUPPORTED,
                   "the slices are not evenly spaced: the step is %.4g mm, but not between slices %s; "
                   "%s", along_slices_mm(volume), places, advice);
}

static enum sm_status alloc_slices(struct sm_stack *stack, struct sm_err *err)
{
    size_t count = (size_t)stack->grid.dim[2];
    stack->slice = malloc(count * sizeof *stack->slice);
    stack->shift = calloc(count, sizeof *stack->shift);
    if (!stack->slice || !stack->shift)
        return sm_fail(err, SM_MEMORY, "out of memory for %zu slices", count);
    for (size_t k = 0; k < count; k++)
        stack->slice[k] = -1;
    return SM_OK;
}

/* The grid as it is, so many slices long. */
static enum sm_status set_length(struct sm_stack *stack, double last, const struct sm_volume *volume,
                                 struct sm_err *err)
{
    int most = MOST_SLICES_MORE + MOST_TIMES * volume->grid.dim[2];
    if (!(last < most))
        return refuse(volume, "a regular grid would need very many slices: write a DICOM SEG (-o "
                              "FILE.dcm)", err);
    stack->grid.dim[2] = (int)last + 1;
    return alloc_slices(stack, err);
}

static void set_step(struct sm_grid *grid, const double *from, const double *to, double steps)
{
    for (int row = 0; row < 3; row++)
        grid->affine_lps[row][2] = (to[row] - from[row]) / steps;
}

/* Is slice k in its place as number `place` of the regular grid? */
static bool in_place(const struct sm_stack *stack, const struct sm_volume *volume, int k, double place)
{
    double ijk[3];
    sm_grid_from_lps(&stack->grid, volume->slice_origin_lps[k], ijk);
    return fabs(ijk[0]) <= 0.5 && fabs(ijk[1]) <= 0.5 && fabs(ijk[2] - place) <= IN_PLACE;
}

static enum sm_status fill(struct sm_stack *stack, const struct sm_volume *volume, struct sm_err *err)
{
    static const char advice[] = "these are not whole multiples of it, so no empty slices can stand for "
                                 "missing ones: use --gaps resample, or write a DICOM SEG (-o FILE.dcm)";
    int count = volume->grid.dim[2];
    double last = 0;
    for (int k = 0; k + 1 < count; k++) {
        double step = round(step_after(volume, k));
        if (step < 1)
            return refuse(volume, advice, err);
        last += step;
    }
    enum sm_status status = set_length(stack, last, volume, err);
    if (status)
        return status;
    set_step(&stack->grid, volume->slice_origin_lps[0], volume->slice_origin_lps[count - 1], last);
    double place = 0;
    for (int k = 0; k < count; k++) {
        if (!in_place(stack, volume, k, place))
            return refuse(volume, advice, err);
        stack->slice[(int)place] = k;
        place += k + 1 < count ? round(step_after(volume, k)) : 0;
    }
    return SM_OK;
}

/* Is slice k + 1 nearer to a position than slice k? Halfway between them, the one towards L, P or S is,
 * whichever way they are stored. */
static bool next_is_nearer(const struct sm_volume *volume, int k, const double lps[3])
{
    struct sm_orientation orientation;
    double own[3], next[3];
    sm_grid_orientation(&volume->grid, &orientation);
    sm_stack_from_lps(volume, k, lps, own);
    sm_stack_from_lps(volume, k + 1, lps, next);
    double further = fabs(own[2] - k) - fabs(next[2] - k - 1);
    return orientation.positive[2] ? further >= -TIE : further > TIE;
}

static enum sm_status resample(struct sm_stack *stack, const struct sm_volume *volume,
                               struct sm_err *err)
{
    int count = volume->grid.dim[2], k = 0;
    double end[3];
    sm_grid_from_lps(&stack->grid, volume->slice_origin_lps[count - 1], end);
    enum sm_status status = set_length(stack, fmax(0, round(end[2])), volume, err);
    for (int m = 0; !status && m < stack->grid.dim[2]; m++) {
        const double corner[3] = {0, 0, m};
        double lps[3], own[3];
        sm_grid_to_lps(&stack->grid, corner, lps);
        while (k + 1 < count && next_is_nearer(volume, k, lps))
            k++;
        sm_stack_from_lps(volume, k, lps, own);
        stack->slice[m] = k;
        for (int a = 0; a < 2; a++) /* beyond the picture's own size all is off it */
            stack->shift[m][a] = (int)round(fmax(-1e6, fmin(1e6, own[a])));
    }
    return status;
}

enum sm_status sm_stack_make(struct sm_stack *stack, const struct sm_volume *volume, enum sm_gaps gaps,
                             struct sm_err *err)
{
    *stack = (struct sm_stack){.grid = volume->grid};
    enum sm_status status = SM_OK;
    if (!volume->slice_origin_lps) {
        status = alloc_slices(stack, err);
        for (int k = 0; !status && k < volume->grid.dim[2]; k++)
            stack->slice[k] = k;
    } else {
        for (int row = 0; row < 3; row++)
            stack->grid.affine_lps[row][3] = volume->slice_origin_lps[0][row];
        status = gaps == SM_GAPS_FILL       ? fill(stack, volume, err)
                 : gaps == SM_GAPS_RESAMPLE ? resample(stack, volume, err)
                                            : refuse(volume, "a NIfTI file has one step for all: use "
                                                     "--gaps fill (an empty slice where one is missing) or "
                                                     "--gaps resample (the nearest slice), or write a DICOM "
                                                     "SEG (-o FILE.dcm), where each slice has its place",
                                                     err);
    }
    if (status)
        sm_stack_free(stack);
    return status;
}

void sm_stack_free(struct sm_stack *stack)
{
    free(stack->slice);
    free(stack->shift);
    *stack = (struct sm_stack){0};
}

/* The voxels of a row that are there: out[i] = row[i + shift] for first <= i < end. */
static void copy_row(const char *row, char *out, int width, int shift, size_t bytes)
{
    int first = shift < 0 ? -shift : 0, end = shift > 0 ? width - shift : width;
    if (first < end)
        memcpy(out + (size_t)first * bytes, row + (size_t)(first + shift) * bytes,
               (size_t)(end - first) * bytes);
}

void sm_stack_spread(const struct sm_stack *stack, const void *voxels, size_t bytes, void *out)
{
    int width = stack->grid.dim[0], height = stack->grid.dim[1];
    size_t row = (size_t)width * bytes;
    char *to = out;
    for (int m = 0; m < stack->grid.dim[2]; m++) {
        const char *from = (const char *)voxels + (size_t)(stack->slice[m] < 0 ? 0 : stack->slice[m]) *
                                                       (size_t)height * row;
        for (int j = 0; j < height; j++, to += row) {
            int j_from = j + stack->shift[m][1];
            memset(to, 0, row);
            if (stack->slice[m] >= 0 && j_from >= 0 && j_from < height)
                copy_row(from + (size_t)j_from * row, to, width, stack->shift[m][0], bytes);
        }
    }
}

size_t sm_stack_lost(const struct sm_stack *stack, const uint16_t *voxels)
{
    int width = stack->grid.dim[0], height = stack->grid.dim[1];
    size_t lost = 0;
    for (int m = 0; m < stack->grid.dim[2]; m++) {
        if (stack->slice[m] < 0)
            continue;
        const uint16_t *voxel = voxels + (size_t)stack->slice[m] * (size_t)height * (size_t)width;
        for (int j = 0; j < height; j++)
            for (int i = 0; i < width; i++, voxel++) {
                int i_to = i - stack->shift[m][0], j_to = j - stack->shift[m][1];
                lost += *voxel && (i_to < 0 || i_to >= width || j_to < 0 || j_to >= height);
            }
    }
    return lost;
}
