/* eval/asker.h - pages through the network: pictures in batches, prompts in batches.
 */
#ifndef EVAL_ASKER_H
#define EVAL_ASKER_H

#include "eval/page.h"

enum { ASKER_BATCH = 4, ASKER_BATCH_LARGE = 1, ASKER_LARGE_SIDE = 512 };

/* How near boxes are looked at a second time; 1 or less: not at all. */
double asker_zoom(const struct sm_eval_options *options, const struct sm_config *config);
int asker_mirrors(const struct sm_eval_options *options, const struct sm_config *config);

struct asker;
enum sm_status asker_open(struct asker **asker, const struct sm_model *model,
                            const struct sm_eval_options *options, struct sm_err *err);
void asker_close(struct asker *asker);
/* How many pages asker_encode takes at once. */
int asker_batch(const struct asker *asker);

/* Gives each of count pages its embedding. */
enum sm_status asker_encode(struct asker *asker, struct page *const *pages, int count, struct sm_err *err);

/* Where an answer goes beside its score, in the picture's frame; may be NULL. */
struct answers {
    void *context;
    enum sm_status (*keep)(void *context, const struct page *page, size_t object, size_t prompt,
                           const uint8_t *inside, struct sm_err *err);
};
/* Asks for every object of an encoded page, with each of the options' prompts that is wanted;
 * scores (objects, prompts). */
enum sm_status asker_ask(struct asker *asker, const struct page *page, const bool *wanted,
                           struct score *scores, const struct answers *answers, struct sm_err *err);
#endif
