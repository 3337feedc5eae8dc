/* input/compare_internal.h - the steps of a comparison. */
#ifndef INPUT_COMPARE_INTERNAL_H
#define INPUT_COMPARE_INTERNAL_H

#include "sammed2d/compare.h"

/* Says how the grids lie to each other, and how an index of A's becomes one of B's; resamples B if that is
 * asked for and needed. */
enum sm_status compare_align(struct sm_comparison *comparison, struct sm_turn *turn,
                             const struct sm_label_set *a, struct sm_label_set *b, bool resample,
                             const struct sm_listener *listener, struct sm_err *err);

/* The planes of two segmentations, one of which at least is uneven: those of either, so that no voxel is lost. No dim[2]:
 * their pixels differ, or planes of one lie between those of the other and nothing says that both are of one series.
 * `moved_mm`: how far a plane is from its place there, at most. Free with sm_volume_free. */
enum sm_status compare_unite(struct sm_volume *like, double *moved_mm, const struct sm_label_set *a,
                             const struct sm_label_set *b, bool same_series, struct sm_err *err);

/* Where a voxel truly is. */
void compare_place(const struct sm_label_set *set, const double ijk[3], double lps[3]);

struct label_pair {
    int id;
    const struct sm_label *a, *b; /* NULL: it has none */
};
/* Every label of either that is asked for, in the order of sm_comparison. Free *pairs. */
enum sm_status compare_match(struct label_pair **pairs, size_t *count, const struct sm_label_set *a,
                             const struct sm_label_set *b, const struct sm_compare_options *options,
                             const struct sm_listener *listener, struct sm_err *err);

/* A label map, whose values and extent mean something by themselves. */
static inline bool compare_is_map(const struct sm_label_set *set)
{
    return set->format == SM_INPUT_NIFTI || set->format == SM_INPUT_PNG;
}

#endif
