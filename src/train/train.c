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
    else if (o->schedule == SCHEDULE_STEP) /* published: halved after 5 and 10 of 15 epochs */
        fall = share < 1.0 / 3 ? 1 : share < 2.0 / 3 ? 0.5 : 0.25;
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

/* One step of the optimiser on the gradients of `parts`, which are sums over `count` rounds. */
static void update(struct run *run, unsigned parts, double count)
{
    const struct train_options *o = run->options;
    struct parameters *p = &run->learner.parameters;
    struct adam adam = o->adam;
    double norm = gradient_norm(p, parts) / count, scale = 1 / count;
    adam.lr = schedule_lr(o, run->place.step, share_done(run));
    if (o->clip > 0 && norm > o->clip)
        scale *= o->clip / norm;
    if (isfinite(norm)) /* else a batch that says nothing is better than one that destroys */
        adam_step(p, parts, &adam, scale);
    parameters_zero_gradients(p, parts);
    if (o->ema > 0) /* short memory at first, when weights are still far from good */
        averages_update(p, fmin(o->ema, (1 + (double)run->place.drawn) / (10 + (double)run->place.drawn)));
    run->place.drawn++;
    run->sums.lr = adam.lr;
    run->sums.gradient_norm += norm;
    run->batches_summed++;
}

static void add_loss(struct run *run)
{
    const struct loss *loss = &run->learner.result.loss;
    run->sums.loss += loss->total;
    run->sums.focal += loss->focal;
    run->sums.dice_loss += loss->dice;
    run->sums.iou_loss += loss->iou;
    run->rounds_summed++;
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
    struct prompt_batch batch;
    bool each = o->accumulate == 1;
    enum sm_status status = batch_fill(run, step, err);
    if (status)
        return status;
    batch_ask_first(run, &batch, &rng);
    learner_first_round(&run->learner, o->batch, &batch, &o->rule);
    add_loss(run);
    run->sums.dice_first += batch_dice(run, batch.n);
    if (each)
        update(run, PART_ALL, 1);
    int drawn = o->rounds > 2 ? rng_int(&rng, 1, o->rounds - 2) : 0;
    for (int round = 0; round < o->rounds; round++) {
        batch_ask_again(run, &batch, mask_only(o, round, drawn), &rng);
        learner_later_round(&run->learner, &batch, &o->rule);
        add_loss(run);
        if (each)
            update(run, o->keep_zeros ? PART_ALL : o->later_parts, 1);
    }
    run->sums.dice_last += batch_dice(run, batch.n);
    if (!each && (step + 1) % o->accumulate == 0)
        update(run, PART_ALL, (double)o->accumulate * (o->rounds + 1));
    return SM_OK;
}

/* ---- reports ---- */

static void note_held_out(const struct run *run, const struct report *r)
{
    if (isfinite(r->val_box))
        sm_note(run->listener, "held out: Dice %.4f by box, %.4f by point, %.4f after the last round", r->val_box,
                r->val_point, r->val_last);
}

static enum sm_status report(struct run *run, int64_t batches, bool with_validation, struct sm_err *err)
{
    struct report r = run->sums;
    double rounds = run->rounds_summed, updates = run->batches_summed;
    enum sm_status status = SM_OK;
    r.step = run->place.step;
    r.seconds = clock_seconds() - run->started;
    r.loss /= rounds, r.focal /= rounds, r.dice_loss /= rounds, r.iou_loss /= rounds;
    r.dice_first /= (double)batches, r.dice_last /= (double)batches;
    r.gradient_norm /= updates;
    r.val_box = r.val_point = r.val_last = NAN;
    if (with_validation && run->held_out)
        status = validate(run, &r, err);
    run->sums = (struct report){0};
    run->rounds_summed = run->batches_summed = 0;
    if (status)
        return status;
    sm_note(run->listener, "step %lld: loss %.4f, Dice %.4f after the first prompt, %.4f after the last",
            (long long)r.step, r.loss, r.dice_first, r.dice_last);
    note_held_out(run, &r);
    return journal_add(&run->journal, &r, err);
}

static void show_progress(const struct run *run, int64_t batches)
{
    char text[160];
    double share = share_done(run), gone = clock_seconds() - run->started;
    double left = share > 0 ? gone / share - gone : 0;
    snprintf(text, sizeof text, "training: loss %.3f, Dice %.3f, %.0f min left",
             run->sums.loss / fmax(run->rounds_summed, 1), run->sums.dice_last / fmax((double)batches, 1), left / 60);
    sm_progress(run->listener, text, (size_t)run->place.step, (size_t)run->options->steps);
}

/* ---- the loop ---- */

static enum sm_status save_state(struct run *run, struct sm_err *err)
{
    run->place.seconds = clock_seconds() - run->started;
    return run->options->state ? state_save(run->options->state, run->learner.model, &run->learner.parameters,
                                            &run->place, err)
                               : SM_OK;
}

static bool due(int64_t step, int64_t every)
{
    return every > 0 && step % every == 0;
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
    if (!status)
        note_held_out(run, &r);
    return status ? status : journal_add(&run->journal, &r, err);
}

static bool is_over(const struct run *run)
{
    const struct train_options *o = run->options;
    return run->place.step >= o->steps || (o->minutes > 0 && share_done(run) >= 1) ||
           (sm_cancelled(run->listener) && !between_updates(run));
}

static enum sm_status loop(struct run *run, struct sm_err *err)
{
    const struct train_options *o = run->options;
    enum sm_status status = run->place.step == 0 && run->held_out ? report_start(run, err) : SM_OK;
    int64_t batches = 0;
    bool over = is_over(run);
    while (!status && !over) {
        status = one_batch(run, err);
        run->place.step++;
        batches++;
        over = is_over(run);
        show_progress(run, batches);
        bool look = due(run->place.step, o->val_every) || (over && !sm_cancelled(run->listener));
        if (!status && (look || due(run->place.step, o->report_every))) {
            status = report(run, batches, look, err);
            batches = 0;
        }
        if (!status && !over && due(run->place.step, o->save_every) && !between_updates(run))
            status = save_state(run, err);
    }
    return status;
}

/* ---- opening and ending ---- */

static int most_points(const struct train_options *o)
{
    int most = 1;
    for (int i = 0; i < o->points.count; i++)
        most = o->points.of[i] > most ? o->points.of[i] : most;
    for (int i = 0; i < o->first_points.count; i++)
        most = o->first_points.of[i] > most ? o->first_points.of[i] : most;
    return most;
}

/* A loss over the whole batch needs all of it at once. */
static int workers_of(const struct train_options *o)
{
    return o->rule.loss.whole_batch || !nn_gemm_in_parallel() ? 1 : nn_threads();
}

static int print_counts(char *text, int size, const struct point_counts *counts)
{
    int used = 0;
    for (int i = 0; i < counts->count && used < size; i++)
        used += snprintf(text + used, (size_t)(size - used), "%d,", counts->of[i]);
    return used;
}

/* What gives a run its weights, in words; a resumed run must have the same. */
static void settle(struct run_place *place, const struct train_options *o)
{
    int used = snprintf(
        place->settings, sizeof place->settings,
        "seed=%llu batch=%d masks=%d accumulate=%d parts=%u,%u rounds=%d,%d box=%g jitter=%g,%g,%d loss=%g,%g,%g,%d "
        "outputs=%d,%d lr=%g betas=%g,%g decay=%g,%d clip=%g ema=%g schedule=%d,%lld,%g synthetic=%g quirks=%d%d%d%d component=%d "
        "augment=%g,%g,%g,%g,%g,%g,%g,%g,%g,%g points=",
        (unsigned long long)o->seed, o->batch, o->masks, o->accumulate, o->parts, o->later_parts, o->rounds,
        o->mask_only, o->box_share, o->jitter.share, o->jitter.most, o->jitter.together, o->rule.loss.focal,
        o->rule.loss.dice, o->rule.loss.iou, o->rule.loss.whole_batch, (int)o->rule.outputs, (int)o->rule.choice,
        o->adam.lr, o->adam.beta1, o->adam.beta2, o->adam.weight_decay, o->adam.decoupled, o->clip, o->ema,
        (int)o->schedule, (long long)o->warmup, o->lr_end, o->synthetic, o->keep_zeros, o->quirks.bgr,
        o->quirks.centre_small, o->aimless, o->largest_component, o->augmentation.flip, o->augmentation.rotate_deg,
        o->augmentation.scale, o->augmentation.elastic, o->augmentation.intensity, o->augmentation.window,
        o->augmentation.noise, o->augmentation.blur, o->augmentation.low_resolution, o->augmentation.invert);
    int size = (int)sizeof place->settings;
    if (used < size)
        used += print_counts(place->settings + used, size - used, &o->points);
    if (used < size)
        snprintf(place->settings + used, (size_t)(size - used), " first=");
    used = (int)strlen(place->settings);
    print_counts(place->settings + used, size - used, &o->first_points);
}

static enum sm_status open_run(struct run *run, struct sm_model *model, struct sm_err *err)
{
    const struct train_options *o = run->options;
    struct learner_sizes sizes = {o->batch, o->batch * o->masks, most_points(o), o->checkpointing, workers_of(o)};
    enum sm_status status =
        learner_open(&run->learner, model, o->parts, o->later_parts, o->ema > 0, sizes, err);
    settle(&run->place, o);
    if (!status && o->resume)
        status = state_load(o->state, &run->learner.parameters, &run->place, err);
    if (!status)
        status = prompts_alloc(run, err);
    if (!status && (!run->data || o->synthetic > 0))
        status = synth_open(&run->synth, model->config.image_size, err);
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
    if (!status)
        status = save_state(run, err);
    if (!status)
        status = weights_save(options->output, model, &run->learner.parameters, options->name,
                              options->provenance, err);
    if (!status && stopped)
        status = sm_fail(err, SM_INTERRUPTED,
                         "stopped after %lld of %lld steps; state and weights are saved, and --resume goes on",
                         (long long)run->place.step, (long long)options->steps);
    close_run(run);
    free(run);
    return status;
}
