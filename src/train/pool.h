/* train/pool.h - where examples come from: labelled slices of data sets, and generated pictures. */
#ifndef TRAIN_POOL_H
#define TRAIN_POOL_H

#include "sammed2d/dataset.h"
#include "sammed2d/view.h"
#include "train/example.h"
#include "synth/random.h"

/* Labelled data together; each its own split by subjects, as in eval. */
struct data_sets {
    struct sm_dataset *const *list;
    size_t count;
};

/* Which of the cases. Apart: those of subjects 0, n, 2n ... with hold_out n, else those of the split "test", where the
 * data set has others. To learn from: neither. */
enum side { SIDE_ALL, SIDE_LEARN, SIDE_APART };

struct pool_rule {
    enum sm_plane plane;
    bool all_planes;         /* axial, coronal and sagittal */
    enum sm_orient orient;
    struct sm_window window; /* as sm_window_parse leaves it; by default pictures are as they are, and */
    struct sm_window volumes; /* what is no picture has this window, as in eval and segment */
    double smallest;         /* objects with a smaller share of their slice's pixels are left out */
    enum side side;
    int hold_out;            /* 0: none */
    size_t cache_bytes;      /* volumes that are kept in memory */
};

struct pool; /* one thread at a time */

/* Reads every case once, to see what is on its slices. SM_NOT_FOUND: nothing is left. Free with pool_close,
 * before the data sets. */
enum sm_status pool_open(struct pool **pool, struct data_sets sets, const struct pool_rule *rule,
                         const struct sm_listener *listener, struct sm_err *err);
void pool_close(struct pool *pool);
/* Is there a case that SIDE_APART would have? */
bool data_sets_have_tests(struct data_sets sets);
size_t pool_slices(const struct pool *pool);
size_t pool_cases(const struct pool *pool); /* that have such a slice */
/* A digest of which slices there are and how they are shown; not of their pixels. */
uint64_t pool_digest(const struct pool *pool);

/* Slice `index` as the network sees it, with up to `objects` of its objects drawn by rng, each once. */
enum sm_status pool_draw(struct example *example, struct pool *pool, size_t index, int objects,
                         struct rng *rng, struct sm_err *err);

#endif
