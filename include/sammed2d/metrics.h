/* sammed2d/metrics.h - how alike two masks are: overlap and distance.
 *
 * Sources: Dice and IoU as in SAM-Med2D's metrics.py (without its quirks); distances between surfaces as in
 * Nikolov et al. 2021 (surface Dice, here by counting surface voxels) and Taha and Hanbury 2015: in mm
 * between the centres of surface voxels, which are those inside that have one of their 26 neighbours
 * outside. Beyond the grid counts as outside, so that on a grid of one slice every voxel inside is surface.
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

/* In mm, over the distances of all surface voxels of each mask to the other's surface, both directions
 * together. With one mask empty: infinite, and surface Dice 0; with both empty: 0 and 1. */
struct sm_surface {
    double hd95;         /* 95th percentile, linear between ranks */
    double hausdorff;    /* the largest */
    double average;      /* mean (ASSD) */
    double surface_dice; /* part of them within the tolerance (and 1e-6 mm, for rounded spacings) */
};
/* Masks a and b (nz, ny, nx), inside is not 0, on a grid of which only the affine's columns count, at right
 * angles or not. Exact: a search for the nearest surface voxel, not a distance transform, so time and
 * memory go with the surfaces (about 60 bytes a surface voxel, and two bits a voxel). Runs on all threads
 * and gives the same whatever their number. SM_MEMORY says how much. */
enum sm_status sm_surface_masks(struct sm_surface *surface, const uint8_t *a, const uint8_t *b,
                                const struct sm_grid *grid, double tolerance_mm, struct sm_err *err);

#ifdef __cplusplus
}
#endif

#endif
