/* eval/network.h - pages through the network: pictures in batches, prompts in batches.
 */
#ifndef EVAL_NETWORK_H
#define EVAL_NETWORK_H

#include "eval/page.h"

enum { NETWORK_BATCH = 4, NETWORK_BATCH_LARGE = 1, NETWORK_LARGE_SIDE = 512 };

struct network;
enum sm_status network_open(struct network **network, const struct sm_model *model,
                            const struct sm_eval_options *options, struct sm_err *err);
void network_close(struct network *network);
/* How many pages network_encode takes at once. */
int network_batch(const struct network *network);

/* Gives each of count pages its embedding. */
enum sm_status network_encode(struct network *network, struct page *const *pages, int count, struct sm_err *err);

/* Where an answer goes beside its score, in the picture's frame; may be NULL. */
struct answers {
    void *context;
    enum sm_status (*keep)(void *context, const struct page *page, size_t object, size_t prompt,
                           const uint8_t *inside, struct sm_err *err);
};
/* Asks for every object of an encoded page, with each of the options' prompts that is wanted;
 * scores (objects, prompts). */
enum sm_status network_ask(struct network *network, const struct page *page, const bool *wanted,
                           struct score *scores, const struct answers *answers, struct sm_err *err);
#endif
