/* Dice of what was held out, with prompts that are the same every time. */
#include <math.h>
#include <string.h>
#include "train/run.h"

/* Values and averages change places, so that what is looked at is what will be written. */
static void exchange_averages(struct parameters *parameters)
{
    for (size_t i = 0; i < parameters->count; i++) {
        struct parameter *p = &parameters->list[i];
        for (size_t j = 0; j < p->count && p->average; j++) {
            float kept = p->value[j];
            p->value[j] = p->average[j];
            p->average[j] = kept;
        }
    }
}

/* Sums over pictures, each counting once. */
struct tally {
    double box, point, last;
    int pictures;
};

static enum sm_status look_at_picture(struct run *run, size_t index, struct tally *tally, struct sm_err *err)
{
    struct rng rng = rng_of(0x7A1, index);
    struct train_options plain = *run->options;
    const struct train_options *options = run->options;
    struct prompt_batch batch;
    int n = run->prompts.n;
    enum sm_status status = pool_draw(&run->drawn[0], run->held_out, index, options->masks, &rng, err);
    if (!status)
        status = batch_place(run, &run->drawn[0], 0, err);
    if (status)
        return status;
    plain.jitter = (struct box_jitter){0};
    plain.aimless = false;
    run->options = &plain;
    run->prompts.n = run->drawn[0].objects;
    learner_encode(&run->learner, 1);
    batch_ask_first(run, &batch, false, &rng);
    learner_look(&run->learner, &batch, &options->rule);
    tally->point += batch_dice(run, batch.n);
    batch_ask_first(run, &batch, true, &rng);
    learner_look(&run->learner, &batch, &options->rule);
    tally->box += batch_dice(run, batch.n);
    for (int round = 0; round < options->rounds; round++) {
        batch_ask_again(run, &batch, false, &rng);
        learner_look(&run->learner, &batch, &options->rule);
    }
    tally->last += batch_dice(run, batch.n);
    tally->pictures++;
    run->options = options;
    run->prompts.n = n;
    return SM_OK;
}

enum sm_status validate(struct run *run, struct report *report, struct sm_err *err)
{
    size_t slices = pool_slices(run->held_out), wanted = run->options->val_slices;
    size_t count = wanted && wanted < slices ? wanted : slices;
    struct tally tally = {0};
    enum sm_status status = SM_OK;
    exchange_averages(&run->learner.parameters);
    for (size_t i = 0; i < count && !status && !sm_cancelled(run->listener); i++) {
        status = look_at_picture(run, i * slices / count, &tally, err);
        sm_progress(run->listener, "looking at held-out slices", i + 1, count);
    }
    exchange_averages(&run->learner.parameters);
    if (!status && !sm_cancelled(run->listener)) {
        report->val_box = tally.box / tally.pictures;
        report->val_point = tally.point / tally.pictures;
        report->val_last = tally.last / tally.pictures;
    }
    return status;
}
