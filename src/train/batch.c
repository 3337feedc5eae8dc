/* Pictures of a batch, and what is asked about them. */
#include <stdlib.h>
#include <string.h>
#include "train/cut.h"
#include "train/run.h"

/* ---- which pictures ---- */

/* Every slice once an epoch, in an order of its own. */
static size_t slice_at(struct run *run, int64_t number)
{
    size_t count = pool_slices(run->data);
    int64_t epoch = number / (int64_t)count;
    if (epoch != run->epoch) {
        struct rng rng = rng_of(run->options->seed, (uint64_t)epoch * 2 + 1);
        for (size_t i = 0; i < count; i++)
            run->order[i] = (uint32_t)i;
        for (size_t i = count - 1; i > 0; i--) {
            size_t j = rng_next(&rng) % (i + 1);
            uint32_t kept = run->order[i];
            run->order[i] = run->order[j];
            run->order[j] = kept;
        }
        run->epoch = epoch;
    }
    return run->order[number % (int64_t)count];
}

static enum sm_status draw_synthetic(struct run *run, struct example *e, int64_t number, struct rng *rng,
                                     struct sm_err *err)
{
    const struct synth_picture *p = synth_draw(run->synth, run->options->seed, (uint64_t)number);
    size_t pixels = (size_t)p->side * p->side;
    int objects = p->objects < run->options->masks ? p->objects : run->options->masks;
    enum sm_status status = example_reserve(e, p->side, p->side, 1, objects, err);
    if (status)
        return status;
    memcpy(e->grey, p->grey, pixels);
    int first = rng_int(rng, 0, p->objects - 1);
    for (int i = 0; i < objects; i++)
        memcpy(example_mask(e, i), p->masks + (size_t)((first + i) % p->objects) * pixels, pixels);
    return SM_OK;
}

static enum sm_status draw_whole(struct run *run, struct example *e, int64_t number, struct sm_err *err)
{
    struct rng rng = rng_of(run->options->seed ^ 0x5A11CE, (uint64_t)number);
    if (!run->data || rng_chance(&rng, (float)run->options->synthetic))
        return draw_synthetic(run, e, number, &rng, err);
    return pool_draw(e, run->data, slice_at(run, number), run->options->masks, &rng, err);
}

/* Picture `number` of the whole run. */
static enum sm_status draw(struct run *run, struct example *e, int64_t number, bool near, struct sm_err *err)
{
    struct rng rng = rng_of(run->options->seed ^ 0x2003, (uint64_t)number);
    enum sm_status status = draw_whole(run, e, number, err);
    if (!status && near)
        cut_example(e, &rng);
    return status;
}

/* ---- into the learner ---- */

enum sm_status batch_place(struct run *run, const struct example *e, int picture, struct sm_err *err)
{
    const struct sm_config *c = &run->learner.model->config;
    size_t square = (size_t)c->image_size * c->image_size;
    int masks = run->options->masks;
    enum sm_status status =
        example_picture(e, c, run->options->quirks, run->learner.pixels + picture * square * 3, err);
    for (int i = 0; i < masks && !status; i++) {
        run->prompts.picture[picture * masks + i] = picture;
        status = example_target(e, c, run->options->quirks, i % e->objects,
                                run->learner.target + (size_t)(picture * masks + i) * square, err);
        if (!status && run->options->largest_component &&
            !keep_largest(run->learner.target + (size_t)(picture * masks + i) * square, c->image_size))
            return sm_fail(err, SM_MEMORY, "out of memory");
    }
    return status;
}

enum sm_status batch_fill(struct run *run, int64_t step, bool near, struct sm_err *err)
{
    int batch = run->options->batch;
    enum sm_status status = SM_OK;
    for (int i = 0; i < batch && !status; i++)
        status = draw(run, &run->drawn[i], step * batch + i, near, err);
    if (status)
        return status;
    enum sm_status failed = SM_OK;
#pragma omp parallel for num_threads(nn_threads()) reduction(max : failed)
    for (int i = 0; i < batch; i++) {
        struct rng rng = rng_of(run->options->seed ^ 0xA06, (uint64_t)(step * batch + i));
        enum sm_status one = augment(&run->bent[i], &run->drawn[i], &run->options->augmentation, &rng, NULL);
        failed = one > failed ? one : failed;
    }
    if (failed)
        return sm_fail(err, failed, "out of memory while augmenting pictures");
    for (int i = 0; i < batch && !status; i++)
        status = batch_place(run, &run->bent[i], i, err);
    return status;
}

/* ---- prompts ---- */

static const uint8_t *target_of(const struct run *run, int i)
{
    size_t side = run->learner.model->config.image_size;
    return run->learner.target + i * side * side;
}

static bool ask_boxes(struct run *run, struct rng *rng)
{
    int size = run->learner.model->config.image_size;
    for (int i = 0; i < run->prompts.n; i++)
        if (!ask_box(run->prompts.boxes + 4 * i, target_of(run, i), size, &run->options->jitter, rng))
            return false;
    return true;
}

/* One number draws nothing: streams of random numbers are as they were before there was a choice. */
static int draw_count(const struct point_counts *counts, struct rng *rng)
{
    return counts->count == 1 ? counts->of[0] : counts->of[rng_int(rng, 0, counts->count - 1)];
}

struct batch_kind batch_draw_kind(const struct train_options *options, struct rng *rng)
{
    bool boxes = rng_chance(rng, (float)options->box_share);
    bool near = boxes && options->zoom > 0 && rng_chance(rng, (float)options->zoom);
    return (struct batch_kind){boxes, near};
}

void batch_ask_first(struct run *run, struct prompt_batch *batch, bool boxes, struct rng *rng)
{
    struct prompts *p = &run->prompts;
    int size = run->learner.model->config.image_size;
    *batch = (struct prompt_batch){.n = p->n, .picture = p->picture};
    if (boxes && ask_boxes(run, rng)) {
        batch->boxes = p->boxes;
        return;
    }
    int count = draw_count(&run->options->first_points, rng);
    for (int i = 0; i < p->n; i++)
        ask_points(p->points + (size_t)i * count, p->labels + (size_t)i * count, count, target_of(run, i), size, rng);
    batch->point_count = count;
    batch->points = (const float(*)[2])p->points;
    batch->labels = p->labels;
}

static void feed_back(struct run *run)
{
    const struct sm_config *c = &run->learner.model->config;
    size_t count = (size_t)run->prompts.n * sm_low_res_side(c) * sm_low_res_side(c);
    memcpy(run->prompts.masks, run->learner.result.low_res, count * sizeof(float));
    if (!c->mask_prompt_logits)
        nn_sigmoid(run->prompts.masks, count);
}

/* Room for `more` points behind those that each prompt has; (n, before) becomes (n, before + more), and of the rows
 * the last is moved first. */
static void spread_points(struct prompts *p, int before, int more)
{
    for (int i = p->n - 1; i > 0 && before > 0; i--) {
        size_t from = (size_t)i * before, to = (size_t)i * (before + more);
        memmove(p->points + to, p->points + from, before * sizeof *p->points);
        memmove(p->labels + to, p->labels + from, before * sizeof *p->labels);
    }
}

void batch_ask_again(struct run *run, struct prompt_batch *batch, bool mask_only, struct rng *rng)
{
    struct prompts *p = &run->prompts;
    const struct train_options *o = run->options;
    int size = run->learner.model->config.image_size;
    size_t square = (size_t)size * size;
    int count = draw_count(&o->points, rng), before = o->keep_prompts && !mask_only ? batch->point_count : 0;
    feed_back(run);
    *batch = (struct prompt_batch){
        .n = p->n, .picture = p->picture, .masks = p->masks, .boxes = o->keep_prompts && !mask_only ? batch->boxes : NULL};
    if (mask_only)
        return;
    spread_points(p, before, count);
    for (int i = 0; i < p->n; i++) {
        size_t at = (size_t)i * (before + count) + before;
        ask_corrections(p->points + at, p->labels + at, count, run->learner.result.probabilities + i * square,
                        (float)o->threshold, target_of(run, i), size, o->aimless, rng);
    }
    batch->point_count = before + count;
    batch->points = (const float(*)[2])p->points;
    batch->labels = p->labels;
}

double batch_dice(const struct run *run, int n)
{
    size_t side = run->learner.model->config.image_size, square = side * side;
    double sum = 0;
#pragma omp parallel for num_threads(nn_threads()) reduction(+ : sum)
    for (int i = 0; i < n; i++) {
        const float *p = run->learner.result.probabilities + i * square;
        const uint8_t *t = target_of(run, i);
        size_t both = 0, all = 0;
        for (size_t j = 0; j < square; j++) {
            bool in = p[j] > 0.5f;
            both += in && t[j];
            all += in + t[j];
        }
        sum += all ? 2.0 * (double)both / (double)all : 1;
    }
    return sum / n;
}

enum sm_status prompts_alloc(struct run *run, struct sm_err *err)
{
    struct prompts *p = &run->prompts;
    size_t n = (size_t)run->options->batch * run->options->masks;
    size_t low = sm_low_res_side(&run->learner.model->config);
    *p = (struct prompts){.n = (int)n};
    p->picture = malloc(n * sizeof *p->picture);
    p->points = malloc(n * TRAIN_MAX_POINTS * sizeof *p->points);
    p->labels = malloc(n * TRAIN_MAX_POINTS * sizeof *p->labels);
    p->boxes = malloc(n * 4 * sizeof *p->boxes);
    p->masks = malloc(n * low * low * sizeof *p->masks);
    if (p->picture && p->points && p->labels && p->boxes && p->masks)
        return SM_OK;
    return sm_fail(err, SM_MEMORY, "out of memory for %zu prompts", n);
}

void prompts_free(struct prompts *p)
{
    free(p->picture);
    free(p->points);
    free(p->labels);
    free(p->boxes);
    free(p->masks);
    *p = (struct prompts){0};
}
