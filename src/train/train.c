/* ref: OpenGVLab/SAM-Med2D, train.py */
#include "train/train.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "nn/nn.h"
#include "train/run.h"

double clock_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- learning rate ---- */

double schedule_lr(const struct train_options *o, int64_t step, double share)
{
    double warm = step < o->warmup ? (double)(step + 1) / (double)(o->warmup + 1) : 1;
    double fall = 1;
    if (o->schedule == SCHEDULE_LINEAR)
        fall = 1 - (1 - o->lr_end) * share;
    else if (o->schedule == SCHEDULE_COSINE)
        fall = o->lr_end + (1 - o->lr_end) * (1 + cos(share * 3.14159265358979)) / 2;
    for (int i = 0; i < 2 && o->schedule == SCHEDULE_STEP; i++)
        fall *= share < o->lr_steps.at[i] ? 1 : o->lr_steps.factor;
    return o->adam.lr * warm * fall;
}

/* How much of the run is over: by batches, or by time where that ends it sooner. */
static double share_done(const struct run *run)
{
    double by_steps = (double)run->place.step / (double)run->options->steps;
    double by_time = run->options->minutes > 0
                         ? (clock_seconds() - run->started) / (60 * run->options->minutes)
                         : 0;
    return fmin(fmax(by_steps, by_time), 1);
}

/* ---- updates ---- */

enum { MOST_UNUSABLE = 100 };

static void note_unusable(struct run *run, bool unusable)
{
    run->unusable = unusable ? run->unusable + 1 : 0;
    if (run->unusable == 1)
        sm_warn(run->listener, "step %lld: the gradient is no finite number; this update is left out",
                (long long)run->place.step + 1);
}

/* One step of the optimiser on the gradients of `parts`, which are sums over all rounds since the last one. */
static void update(struct run *run, unsigned parts)
{
    const struct train_options *o = run->options;
    struct parameters *p = &run->learner.parameters;
    struct adam adam = o->adam;
    double norm = gradient_norm(p, parts) / run->gathered, scale = 1.0 / run->gathered;
    run->gathered = 0;
    adam.lr = schedule_lr(o, run->place.step, share_done(run));
    if (o->clip > 0 && norm > o->clip)
        scale *= o->clip / norm;
    if (isfinite(norm)) /* else a batch that says nothing is better than one that destroys */
        adam_step(p, parts, &adam, scale);
    note_unusable(run, !isfinite(norm));
    parameters_zero_gradients(p, parts);
    if (o->ema > 0) /* short memory at first, when weights are still far from good */
        averages_update(p, fmin(o->ema, (1 + (double)run->place.drawn) / (10 + (double)run->place.drawn)));
    run->place.drawn++;
    run->place.sums.lr = adam.lr;
    run->place.sums.gradient_norm += norm;
    run->place.sums.updates++;
}

static void add_loss(struct run *run)
{
    const struct loss *loss = &run->learner.result.loss;
    struct run_sums *sums = &run->place.sums;
    sums->loss += loss->total;
    sums->focal += loss->focal;
    sums->dice_loss += loss->dice;
    sums->iou_loss += loss->iou;
    sums->rounds++;
    run->gathered++;
}

/* Is round `round` (from 0) one of those with the mask prompt alone? The last one is, and one drawn before. */
static bool mask_only(const struct train_options *o, int round, int drawn)
{
    return (o->mask_only > 0 && round == o->rounds - 1) || (o->mask_only > 1 && round == drawn);
}

static enum sm_status one_batch(struct run *run, struct sm_err *err)
{
    const struct train_options *o = run->options;
    int64_t step = run->place.step;
    struct rng rng = rng_of(o->seed ^ 0xB0B, (uint64_t)step);
    struct batch_kind kind = batch_draw_kind(o, &rng);
    struct prompt_batch batch;
    bool each = o->accumulate == 1;
    int rounds = kind.near ? 0 : o->rounds;
    enum sm_status status = batch_fill(run, step, kind.near, err);
    if (status)
        return status;
    batch_ask_first(run, &batch, kind.boxes, &rng);
    learner_first_round(&run->learner, o->batch, &batch, &o->rule);
    add_loss(run);
    run->place.sums.dice_first += batch_dice(run, batch.n);
    if (each)
        update(run, PART_ALL);
    int drawn = o->rounds > 2 ? rng_int(&rng, 1, o->rounds - 2) : 0;
    for (int round = 0; round < rounds; round++) {
        batch_ask_again(run, &batch, mask_only(o, round, drawn), &rng);
        learner_later_round(&run->learner, &batch, &o->rule);
        add_loss(run);
        if (each)
            update(run, o->keep_zeros ? PART_ALL : o->later_parts);
    }
    run->place.sums.dice_last += batch_dice(run, batch.n);
    run->place.sums.batches++;
    if (!each && (step + 1) % o->accumulate == 0)
        update(run, PART_ALL);
    run->place.step++;
    return SM_OK;
}

/* ---- reports ---- */

static bool due(int64_t step, int64_t every)
{
    return every > 0 && step % every == 0;
}

static void note_held_out(const struct run *run, const struct report *r)
{
    if (isfinite(r->val_box))
        sm_note(run->listener, "held out: Dice %.4f by box, %.4f by point, %.4f after the last round", r->val_box,
                r->val_point, r->val_last);
}

static struct report means_of(const struct run *run)
{
    const struct run_sums *s = &run->place.sums;
    return (struct report){.step = run->place.step,
                           .seconds = clock_seconds() - run->started,
                           .loss = s->loss / s->rounds,
                           .focal = s->focal / s->rounds,
                           .dice_loss = s->dice_loss / s->rounds,
                           .iou_loss = s->iou_loss / s->rounds,
                           .dice_first = s->dice_first / s->batches,
                           .dice_last = s->dice_last / s->batches,
                           .lr = s->lr,
                           .gradient_norm = s->gradient_norm / s->updates,
                           .val_box = NAN,
                           .val_point = NAN,
                           .val_last = NAN};
}

/* Stopped on the way there is none: the sums stay, and a resumed run begins with it. */
static enum sm_status report(struct run *run, bool over, struct sm_err *err)
{
    struct report r = means_of(run);
    bool look = run->held_out && (over || due(run->place.step, run->options->val_every));
    enum sm_status status = look ? validate(run, &r, err) : SM_OK;
    if (status || (look && sm_cancelled(run->listener)))
        return status;
    run->place.sums = (struct run_sums){0};
    sm_note(run->listener, "step %lld: loss %.4f, Dice %.4f after the first prompt, %.4f after the last",
            (long long)r.step, r.loss, r.dice_first, r.dice_last);
    note_held_out(run, &r);
    return journal_add(&run->journal, &r, err);
}

/* Batches there will have been, at the pace so far where time ends the run. */
static int64_t steps_expected(const struct run *run)
{
    double share = share_done(run), step = (double)run->place.step;
    return share > 0 ? llround(fmax(fmin(step / share, (double)run->options->steps), step)) : run->options->steps;
}

static void show_progress(const struct run *run)
{
    char text[160];
    const struct run_sums *sums = &run->place.sums;
    double share = share_done(run), gone = clock_seconds() - run->started;
    double left = share > 0 ? gone / share - gone : 0;
    bool minutes = left >= 100;
    snprintf(text, sizeof text, "training: loss %.3f, Dice %.3f, %.0f %s left", sums->loss / fmax(sums->rounds, 1),
             sums->dice_last / fmax(sums->batches, 1), minutes ? left / 60 : left, minutes ? "min" : "s");
    sm_progress(run->listener, text, (size_t)run->place.step, (size_t)steps_expected(run));
}

/* ---- the loop ---- */

static enum sm_status save_state(struct run *run, struct sm_err *err)
{
    run->place.seconds = clock_seconds() - run->started;
    run->place.threads = nn_threads();
    return run->options->state ? state_save(run->options->state, run->learner.model, &run->learner.parameters,
                                            &run->place, err)
                               : SM_OK;
}

/* A state between updates could not be gone on with exactly. */
static bool between_updates(const struct run *run)
{
    return run->place.step % run->options->accumulate != 0;
}

/* What the model was worth before: the curve begins there. */
static enum sm_status report_start(struct run *run, struct sm_err *err)
{
    struct report r = {.loss = NAN, .focal = NAN, .dice_loss = NAN, .iou_loss = NAN, .dice_first = NAN,
                       .dice_last = NAN, .lr = NAN, .gradient_norm = NAN};
    enum sm_status status = validate(run, &r, err);
    if (status || sm_cancelled(run->listener))
        return status;
    note_held_out(run, &r);
    return journal_add(&run->journal, &r, err);
}

static bool is_over(const struct run *run)
{
    const struct train_options *o = run->options;
    return !between_updates(run) && (run->place.step >= o->steps || (o->minutes > 0 && share_done(run) >= 1) ||
                                     sm_cancelled(run->listener));
}

static enum sm_status report_if_due(struct run *run, bool over, struct sm_err *err)
{
    const struct train_options *o = run->options;
    bool wanted = over || due(run->place.step, o->val_every) || due(run->place.step, o->report_every);
    return wanted && run->place.sums.batches > 0 ? report(run, over, err) : SM_OK;
}

/* A batch, and what is due after it. */
static enum sm_status one_step(struct run *run, bool *over, struct sm_err *err)
{
    const struct train_options *o = run->options;
    enum sm_status status = one_batch(run, err);
    if (status)
        return status;
    if (run->unusable >= MOST_UNUSABLE)
        return sm_fail(err, SM_USAGE, "step %lld: no finite gradient in %d updates; begin again from other weights, or with a lower --lr",
                       (long long)run->place.step, run->unusable);
    *over = is_over(run);
    show_progress(run);
    status = report_if_due(run, *over && !sm_cancelled(run->listener), err);
    if (!status && !*over && due(run->place.step, o->save_every) && !between_updates(run))
        status = save_state(run, err);
    return status;
}

static enum sm_status loop(struct run *run, struct sm_err *err)
{
    enum sm_status status = run->place.step == 0 && run->held_out
                                ? report_start(run, err)
                                : report_if_due(run, is_over(run) && !sm_cancelled(run->listener), err);
    bool over = is_over(run);
    while (!status && !over)
        status = one_step(run, &over, err);
    return status;
}

/* ---- opening and ending ---- */

static int largest_count(const struct point_counts *counts)
{
    int most = 1;
    for (int i = 0; i < counts->count; i++)
        most = counts->of[i] > most ? counts->of[i] : most;
    return most;
}

int train_most_points(const struct train_options *o)
{
    int first = largest_count(&o->first_points), later = largest_count(&o->points);
    return o->keep_prompts ? first + o->rounds * later : first > later ? first : later;
}

/* As points: where a box and points are asked together, the box has one token more than the point that fills up
 * for it. */
static int most_tokens(const struct train_options *o)
{
    return train_most_points(o) + o->keep_prompts;
}

/* A loss over the whole batch needs all of it at once. */
static int workers_of(const struct train_options *o)
{
    return o->rule.loss.whole_batch || !nn_gemm_in_parallel() ? 1 : nn_threads();
}

static enum sm_status go_on(struct run *run, struct sm_err *err)
{
    enum sm_status status = state_load(run->options->state, &run->learner.parameters, &run->place, err);
    run->begun = run->place.step;
    if (!status && run->place.threads != nn_threads())
        sm_warn(run->listener, "that run was made with --threads %lld, not %d: weights will differ in their last digits",
                (long long)run->place.threads, nn_threads());
    return status;
}

static enum sm_status open_run(struct run *run, struct sm_model *model, struct sm_err *err)
{
    const struct train_options *o = run->options;
    struct learner_sizes sizes = {o->batch, o->batch * o->masks, most_tokens(o), o->checkpointing, workers_of(o)};
    enum sm_status status =
        learner_open(&run->learner, model, o->parts, o->later_parts, o->ema > 0, sizes, err);
    settings_of(run->place.settings, o);
    if (!status && o->resume)
        status = go_on(run, err);
    if (!status)
        status = prompts_alloc(run, err);
    if (!status && (!run->data || o->synthetic > 0))
        status = synth_open(&run->synth, model->config.image_size, err);
    if (run->synth)
        synth_set_plain(run->synth, o->plain);
    if (!status)
        status = journal_open(&run->journal, o->log, o->curve, run->place.step, err);
    run->drawn = calloc(o->batch, sizeof *run->drawn);
    run->bent = calloc(o->batch, sizeof *run->bent);
    run->order = malloc(((run->data ? pool_slices(run->data) : 0) + 1) * sizeof *run->order);
    run->epoch = -1;
    run->started = clock_seconds() - run->place.seconds;
    if (!status && (!run->drawn || !run->bent || !run->order))
        status = sm_fail(err, SM_MEMORY, "out of memory");
    return status;
}

static void close_run(struct run *run)
{
    for (int i = 0; i < run->options->batch; i++) {
        if (run->drawn)
            example_free(&run->drawn[i]);
        if (run->bent)
            example_free(&run->bent[i]);
    }
    free(run->drawn);
    free(run->bent);
    free(run->order);
    prompts_free(&run->prompts);
    journal_close(&run->journal);
    if (run->synth)
        synth_close(run->synth);
    learner_close(&run->learner);
}

/* Saves what there is, also when the run has failed or only one of the two files can be written; the first failure
 * is what is said. What has no finite gradients is of no use to anybody. */
static enum sm_status finish(struct run *run, enum sm_status failed, struct sm_err *err)
{
    const struct train_options *o = run->options;
    struct sm_err unsaid;
    if (run->unusable >= MOST_UNUSABLE)
        return failed;
    if (!between_updates(run)) {
        enum sm_status status = save_state(run, failed ? &unsaid : err);
        failed = failed ? failed : status;
    }
    enum sm_status status = weights_save(o->output, run->learner.model, &run->learner.parameters, o->name, o->provenance,
                                         failed ? &unsaid : err);
    if (failed && !status)
        sm_warn(run->listener, "%s: weights as they are after %lld steps", o->output, (long long)run->place.step);
    return failed ? failed : status;
}

enum sm_status train_run(struct sm_model *model, const struct train_options *options, struct pool *data,
                         struct pool *held_out, const struct sm_listener *listener, struct sm_err *err)
{
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return sm_fail(err, SM_MEMORY, "out of memory");
    *run = (struct run){.options = options, .listener = listener, .data = data, .held_out = held_out};
    enum sm_status status = open_run(run, model, err);
    if (!status)
        status = loop(run, err);
    bool stopped = !status && sm_cancelled(listener);
    if (run->place.step > run->begun || !status)
        status = finish(run, status, err);
    if (!status && stopped)
        status = sm_fail(err, SM_INTERRUPTED,
                         "stopped after %lld of %lld steps; state and weights are saved, and --resume goes on",
                         (long long)run->place.step, (long long)steps_expected(run));
    close_run(run);
    free(run);
    return status;
}
