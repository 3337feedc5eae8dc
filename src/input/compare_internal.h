/* input/compare_internal.h - the steps of a comparison. */
#ifndef INPUT_COMPARE_INTERNAL_H
#define INPUT_COMPARE_INTERNAL_H

#include "sammed2d/compare.h"

/* Says how the grids lie to each other, and how an index of A's becomes one of B's; resamples B if that is
 * asked for and needed. */
enum sm_status compare_align(struct sm_comparison *comparison, struct sm_turn *turn,
                             const struct sm_label_set *a, struct sm_label_set *b, bool resample,
                             const struct sm_listener *listener, struct sm_err *err);

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
