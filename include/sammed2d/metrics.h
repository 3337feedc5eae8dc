/* sammed2d/metrics.h - how alike two masks are: overlap and distance.
 *
 * Sources: Dice and IoU as in SAM-Med2D's metrics.py (without its quirks); distances between surfaces as in
 * Nikolov et al. 2021 (surface Dice) and Taha and Hanbury 2015; distances in mm between the centres of
 * surface voxels: those inside that have a face neighbour outside (beyond the grid counts as outside).
 */
#ifndef SAMMED2D_METRICS_H
#define SAMMED2D_METRICS_H

#include "sammed2d/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How many voxels each has, and both. */
struct sm_overlap {
    size_t a, b, both;
};
/* Two masks of n pixels or voxels: inside is not 0. */
struct sm_overlap sm_overlap_masks(const uint8_t *a, const uint8_t *b, size_t n);
/* 2 both / (a + b) and both / (a + b - both); 1 when both masks are empty. */
double sm_overlap_dice(struct sm_overlap overlap);
double sm_overlap_iou(struct sm_overlap overlap);

/* In mm. With an empty surface on one side only: infinite, and surface Dice 0; with both empty: 0 and 1. */
struct sm_surface {
    double hd95;         /* 95th percentile, linear between ranks, of all distances of both directions together */
    double hausdorff;    /* the largest */
    double average;      /* mean of all distances of both directions together (ASSD) */
    double surface_dice; /* part of all surface voxels within the tolerance of the other surface */
};
/* Masks a and b (nz, ny, nx) on a grid of which only the affine's columns count: with columns at right angles
 * an exact Euclidean distance transform, else exact too, by a k-d search. The masks' common bounding box is
 * all that is worked on. SM_MEMORY says how much. */
enum sm_status sm_surface_masks(struct sm_surface *surface, const uint8_t *a, const uint8_t *b,
                                const struct sm_grid *grid, double tolerance_mm, struct sm_err *err);

#ifdef __cplusplus
}
#endif

#endif
