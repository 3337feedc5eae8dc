/* sammed2d/compare.h - two sets of labels, object by object, wherever and in whatever order they are stored.
 */
#ifndef SAMMED2D_COMPARE_H
#define SAMMED2D_COMPARE_H

#include "sammed2d/input.h"
#include "sammed2d/metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sm_compare_options {
    double tolerance_mm; /* of surface Dice */
    bool resample;       /* bring B onto A's grid by nearest neighbour where their voxels differ */
    bool overlap_only;   /* leave the distances out */
    const char *const *labels; /* numbers or names, those wanted; a number that neither has counts as empty in both */
    size_t label_count;        /* 0: all of either */
};

/* One object. */
struct sm_compared {
    int id;           /* A's, where A has it, else B's */
    int id_a, id_b;   /* 0: it has none */
    const char *name; /* A's, where A has it; lives as long as the sets; "": neither has it */
    struct sm_overlap overlap;
    struct sm_surface surface;
};
struct sm_comparison {
    bool same_grid;     /* the same voxels in the world: every corner within a hundredth of a voxel */
    bool same_order;    /* and stored alike */
    bool resampled;
    double distance_mm; /* the farthest that a corner voxel of A is from where B has it; on other voxels,
                         * from the nearest corner of B */
    struct sm_grid grid; /* A's */
    struct sm_compared *labels; /* by id, or as asked for */
    size_t count;
};

/* Reads both as sm_label_set_read does. What has no grid of its own (a structure set) comes on the grid
 * of the other. Two SEGs, one of which at least is of uneven slices, come on the planes of either, so that nothing of
 * them is lost; where their pixels differ, or planes of one lie between those of the other and they do not say that
 * both are of one series, each stays on its own. Free both, also after a failure. */
enum sm_status sm_compare_read(struct sm_label_set *a, struct sm_label_set *b, const char *path_a,
                               const char *path_b, const struct sm_listener *listener, struct sm_err *err);

/* Compares every object of either. Two label maps: those of one value. Else (SEG, structure sets) those of
 * one name, in any case of letters; of what is left then, those of one number, with a warning where both
 * have a name.
 *
 * Voxels are compared one by one where B's are A's in any order; a SEG need not cover what A covers. Uneven slices
 * are the same only where each is (sm_compare_read). Else B is resampled (B's maps are replaced), or it is SM_USAGE with the difference. Distances on uneven slices
 * take the usual step for all, with a warning. Free with sm_comparison_free. */
enum sm_status sm_compare(struct sm_comparison *comparison, const struct sm_label_set *a,
                          struct sm_label_set *b, const struct sm_compare_options *options,
                          const struct sm_listener *listener, struct sm_err *err);
void sm_comparison_free(struct sm_comparison *comparison);

#ifdef __cplusplus
}
#endif

#endif
