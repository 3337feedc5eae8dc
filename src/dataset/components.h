/* dataset/components.h - connected components of a label picture. */
#ifndef DATASET_COMPONENTS_H
#define DATASET_COMPONENTS_H

#include <stddef.h>
#include <stdint.h>
#include "sammed2d/error.h"

struct component {
    uint16_t value;
    size_t pixels;
};
struct components {
    int width, height;
    uint32_t *id;           /* (height, width): 0, or number of the component from 1 */
    struct component *list; /* component n is list[n - 1]; by first pixel, row after row */
    size_t count;
    uint32_t *parent;       /* (height * width + 1), of the forest */
    size_t room;            /* of list */
};
/* Buffers for pictures of that size, used again for each. SM_MEMORY. */
enum sm_status components_alloc(struct components *components, int width, int height, struct sm_err *err);
void components_free(struct components *components);
/* Pixels of one value that touch, also at corners (as scikit-image's label does), are one component; 0 is none.
 * SM_MEMORY. */
enum sm_status components_find(struct components *components, const uint16_t *labels, struct sm_err *err);
#endif
