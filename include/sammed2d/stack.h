/* sammed2d/stack.h - volumes whose slices are missing or unevenly spaced (slice_origin_lps): where each
 * slice truly is, how much of the body it stands for, and its voxels on a regular grid.
 *
 * Without slice_origin_lps all of it holds too, and says what the affine says.
 */
#ifndef SAMMED2D_STACK_H
#define SAMMED2D_STACK_H

#include "sammed2d/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fractional index of a position as slice k sees it: (i, j) in its plane, and k plus the distance to that
 * plane in the grid's steps. */
void sm_stack_from_lps(const struct sm_volume *volume, int k, const double lps_mm[3], double ijk[3]);

/* The part of the grid's step that slice k stands for: half of the way to each neighbour; beyond the first
 * and the last slice as far as on their inner side. 1 everywhere on a regular grid. */
double sm_stack_share(const struct sm_volume *volume, int k);

/* What becomes of such a volume in a file that knows one step only.
 *   ERROR     none is made
 *   FILL      where slices are missing: the grid of all slices, the missing ones empty
 *   RESAMPLE  the grid of the usual step, each of its voxels that of the nearest slice;
 *             halfway between two, of the one towards L, P or S */
enum sm_gaps { SM_GAPS_ERROR, SM_GAPS_FILL, SM_GAPS_RESAMPLE };

struct sm_stack {
    struct sm_grid grid;  /* regular */
    int *slice;           /* (grid.dim[2]): slice of the volume, or -1: none; owned */
    int (*shift)[2];      /* (grid.dim[2]): voxel (i, j) is its voxel (i + shift 0, j + shift 1); owned */
};
/* SM_UNSUPPORTED, with the places of the gaps: ERROR and there are some, FILL and steps are not whole
 * multiples of the usual one (within a tenth of it), or very many slices would be needed. Free with
 * sm_stack_free. */
enum sm_status sm_stack_make(struct sm_stack *stack, const struct sm_volume *volume, enum sm_gaps gaps,
                             struct sm_err *err);
void sm_stack_free(struct sm_stack *stack);

/* (nz, ny, nx) of the volume's grid to that of the stack's; nothing: 0. `bytes` is a voxel's size. */
void sm_stack_spread(const struct sm_stack *stack, const void *voxels, size_t bytes, void *out);

/* Voxels other than 0 that this leaves out because the slice lies so far aside that they are off the grid. */
size_t sm_stack_lost(const struct sm_stack *stack, const uint16_t *voxels);

#ifdef __cplusplus
}
#endif

#endif
