/* dataset/slices_internal.h - a folder of pictures while it is being filled. */
#ifndef DATASET_SLICES_INTERNAL_H
#define DATASET_SLICES_INTERNAL_H

#include "base/json.h"
#include "sammed2d/slices.h"

/* What the JSON files say of a case. */
struct listed {
    char *name;     /* CASE */
    json_t *images; /* {image path: [mask paths]}, slices in order; NULL: not done yet */
    bool train, test;
};

struct sm_slices {
    char *folder;
    struct sm_slices_options options;
    char *inputs; /* options.inputs */
    const struct sm_listener *listener;
    struct sm_slices_count count;
    struct listed *cases;
    size_t case_count;
};

/* Letters, digits, '-' and '.' stay, runs of anything else become one '_'; "" becomes `otherwise`. NULL: out of
 * memory. */
char *slices_plain_name(const char *name, const char *otherwise);
/* Plain names of the labels, alike where the labels' names are. Free each and the list. NULL: out of memory. */
char **slices_label_names(const struct sm_label_set *objects);

/* DIR/.sammed2d-slice.json: what the pictures there were made with. Written when there are none. */
enum sm_status slices_claim_folder(const struct sm_slices *slices, struct sm_err *err);

#endif
