/* lib/small_model.h - a network small enough to be instant, with hashed weights, in memory or as a
 * file. */
#ifndef LIB_SMALL_MODEL_H
#define LIB_SMALL_MODEL_H

#include <stdbool.h>
#include "sammed2d/model.h"

struct sm_config small_config(void);
/* NULL when it cannot be made. */
struct sm_model *small_model(const struct sm_config *config);

/* What to get wrong in a weights file. */
struct small_flaw {
    const char *without;        /* attribute or tensor left out */
    const char *number;         /* integer attribute ... */
    long long value;            /* ... with this value */
    const char *text, *content; /* text attribute with this content */
    const char *shape;          /* tensor whose last dimension is one longer */
    const char *nan;            /* tensor whose first element is NaN */
    bool half;                  /* stored as float16 */
    bool packed;                /* no flaw: convolutions stored as they are computed with */
};
bool small_file(const char *path, const struct sm_config *config, const struct small_flaw *flaw);
#endif
