#include "train/learner.h"
#include <stdlib.h>
#include "base/memory.h"

static size_t embedding_floats(const struct learner *n)
{
    return sm_embedding_floats(&n->model->config);
}

/* ---- one worker ---- */

/* Pictures and prompts that one worker looks at. */
struct piece {
    int picture, pictures, prompt;
    struct prompt_batch batch;
    struct round_rule rule; /* its losses weighted by the piece's share of all prompts */
    double share;
};

static struct pass pass_of(const struct learner *n, struct worker *w, bool later)
{
    return (struct pass){n->model, later ? &w->gradients.later : &w->gradients.all, &w->arena};
}

static void one_round(struct learner *n, struct worker *w, const struct piece *piece, const struct pass *pass,
                      enum round_way way)
{
    size_t side = n->model->config.image_size, low = sm_low_res_side(&n->model->config), first = piece->prompt;
    struct round_result result = {.probabilities = n->result.probabilities + first * side * side,
                                  .low_res = n->result.low_res + first * low * low,
                                  .iou = n->result.iou + first};
    round_run(&result, pass, &piece->batch, n->embeddings, n->target + first * side * side, &piece->rule, way,
              way == ROUND_TO_EMBEDDINGS ? n->d_embeddings : NULL);
    w->loss = result.loss;
}

static void first_round(struct learner *n, struct worker *w, const struct piece *piece)
{
    struct pass pass = pass_of(n, w, false);
    size_t mark = arena_mark(&w->arena), side = n->model->config.image_size, each = embedding_floats(n);
    const float *pixels = n->pixels + piece->picture * side * side * 3;
    float *embeddings = n->embeddings + piece->picture * each, *d_embeddings = n->d_embeddings + piece->picture * each;
    struct encoder_tape tape;
    bool through = encoder_trained(&pass);
    if (through) {
        encoder_forward(&tape, &pass, pixels, piece->pictures, n->sizes.checkpointing == CHECKPOINT_ALWAYS);
        if (running(&pass)) {
            memcpy(embeddings, tape.embedding, piece->pictures * each * sizeof(float));
            memset(d_embeddings, 0, piece->pictures * each * sizeof(float));
        }
    } else {
        image_encoder_forward(n->model, &w->arena, embeddings, pixels, piece->pictures, NULL);
    }
    one_round(n, w, piece, &pass, through ? ROUND_TO_EMBEDDINGS : ROUND_TO_PROMPTS);
    if (through)
        encoder_backward(&tape, &pass, d_embeddings);
    arena_release(&w->arena, mark);
}

static void later_round(struct learner *n, struct worker *w, const struct piece *piece)
{
    struct pass pass = pass_of(n, w, true);
    one_round(n, w, piece, &pass, ROUND_TO_PROMPTS);
}

/* ---- all of them ---- */

/* Prompts of pictures before `picture`; those of a batch are in the order of their pictures. */
static int prompts_before(const struct prompt_batch *batch, int picture)
{
    int count = 0;
    while (count < batch->n && batch->picture[count] < picture)
        count++;
    return count;
}

static struct piece piece_of(const struct prompt_batch *batch, const struct round_rule *rule, int from, int to,
                           size_t mask_floats)
{
    int first = prompts_before(batch, from), next = prompts_before(batch, to), points = batch->point_count;
    struct piece piece = {.picture = from, .pictures = to - from, .prompt = first, .batch = *batch, .rule = *rule};
    piece.share = (double)(next - first) / batch->n;
    piece.batch.n = next - first;
    piece.batch.picture += first;
    piece.batch.points = points ? batch->points + first * points : NULL;
    piece.batch.labels = points ? batch->labels + first * points : NULL;
    piece.batch.boxes = batch->boxes ? batch->boxes + first * 4 : NULL;
    piece.batch.masks = batch->masks ? batch->masks + first * mask_floats : NULL;
    piece.rule.loss.focal *= piece.share;
    piece.rule.loss.dice *= piece.share;
    piece.rule.loss.iou *= piece.share;
    return piece;
}

static struct piece whole(int pictures, const struct prompt_batch *batch, const struct round_rule *rule)
{
    return (struct piece){.pictures = pictures, .batch = *batch, .rule = *rule, .share = 1};
}

/* Sums the workers' losses, each the mean of its own prompts but for the weighted total, and gradients. */
static void gather(struct learner *n, const struct piece *pieces, int workers, unsigned trained)
{
    struct loss *sum = &n->result.loss;
    *sum = (struct loss){0};
    for (int i = 0; i < workers; i++) {
        const struct loss *one = &n->workers[i].loss;
        sum->focal += one->focal * pieces[i].share;
        sum->dice += one->dice * pieces[i].share;
        sum->iou += one->iou * pieces[i].share;
        sum->total += one->total;
        if (i > 0)
            gradients_gather(&n->parameters, &n->workers[i].gradients, trained);
    }
}

/* Every worker has its pictures to itself, on one thread, and nobody waits for anybody until the end:
 * kernels of so few numbers gain little from several threads each. */
static void side_by_side(struct learner *n, int pictures, const struct prompt_batch *batch,
                         const struct round_rule *rule, bool later)
{
    struct piece pieces[LEARNER_MAX_WORKERS];
    size_t low = sm_low_res_side(&n->model->config);
    int threads = nn_threads(), workers = pictures < n->sizes.workers ? pictures : n->sizes.workers;
    for (int i = 0; i < workers; i++)
        pieces[i] = piece_of(batch, rule, pictures * i / workers, pictures * (i + 1) / workers, low * low);
    nn_set_threads(1);
#pragma omp parallel for schedule(static, 1) num_threads(workers)
    for (int i = 0; i < workers; i++)
        (later ? later_round : first_round)(n, &n->workers[i], &pieces[i]);
    nn_set_threads(threads);
    gather(n, pieces, workers, later ? n->later_parts : PART_ALL);
}

static void run_round(struct learner *n, int pictures, const struct prompt_batch *batch,
                      const struct round_rule *rule, bool later)
{
    if (n->sizes.workers > 1 && pictures > 1) {
        side_by_side(n, pictures, batch, rule, later);
        return;
    }
    struct piece all = whole(pictures, batch, rule);
    (later ? later_round : first_round)(n, &n->workers[0], &all);
    n->result.loss = n->workers[0].loss;
}

void learner_first_round(struct learner *n, int pictures, const struct prompt_batch *batch,
                         const struct round_rule *rule)
{
    n->pictures = pictures;
    run_round(n, pictures, batch, rule, false);
}

void learner_later_round(struct learner *n, const struct prompt_batch *batch, const struct round_rule *rule)
{
    run_round(n, n->pictures, batch, rule, true);
}

void learner_encode(struct learner *n, int pictures)
{
    n->pictures = pictures;
    image_encoder_forward(n->model, &n->arena, n->embeddings, n->pixels, pictures, NULL);
}

void learner_look(struct learner *n, const struct prompt_batch *batch, const struct round_rule *rule)
{
    struct piece all = whole(n->pictures, batch, rule);
    struct worker *w = &n->workers[0];
    struct pass pass = {n->model, &w->gradients.later, &n->arena};
    one_round(n, w, &all, &pass, ROUND_LOOK);
    n->result.loss = w->loss;
}

/* ---- opening: the same code on a measuring arena gives the size ---- */

static void take_buffers(struct learner *n)
{
    const struct sm_config *c = &n->model->config;
    struct learner_sizes s = n->sizes;
    size_t square = (size_t)c->image_size * c->image_size, low = sm_low_res_side(c);
    n->pixels = arena_floats(&n->arena, s.pictures * square * 3);
    n->target = arena_take(&n->arena, s.prompts * square);
    n->embeddings = arena_floats(&n->arena, s.pictures * embedding_floats(n));
    n->d_embeddings = arena_floats(&n->arena, s.pictures * embedding_floats(n));
    n->result.probabilities = arena_floats(&n->arena, s.prompts * square);
    n->result.low_res = arena_floats(&n->arena, s.prompts * low * low);
    n->result.iou = arena_floats(&n->arena, s.prompts);
}

/* Activations of one worker's piece, and of looking at everything. Any number of points may need most: with
 * few the cross attentions work in other buffers than with many. */
static void measure(struct learner *n, struct arena *worker, struct arena *common)
{
    static const float something[1];
    struct worker *w = &n->workers[0];
    int pictures = (n->sizes.pictures + n->sizes.workers - 1) / n->sizes.workers;
    int prompts = (n->sizes.prompts * pictures + n->sizes.pictures - 1) / n->sizes.pictures;
    struct round_rule rule = {0};
    w->arena = n->arena = (struct arena){0};
    take_buffers(n);
    for (int points = 0; points <= n->sizes.points; points++) {
        struct prompt_batch batch = {.n = prompts, .point_count = points};
        struct piece piece = whole(pictures, &batch, &rule);
        first_round(n, w, &piece);
        piece.batch.masks = something; /* never looked at while measuring */
        later_round(n, w, &piece);
        piece.batch.n = n->sizes.prompts;
        one_round(n, w, &piece, &(struct pass){n->model, &w->gradients.later, &n->arena}, ROUND_LOOK);
    }
    image_encoder_forward(n->model, &n->arena, NULL, NULL, n->sizes.pictures, NULL);
    *worker = w->arena;
    *common = n->arena;
}

/* Arenas that only measured; the results are the same either way, so it may depend on the machine. */
static void settle_checkpointing(struct learner *n, struct arena *worker, struct arena *common)
{
    bool when_short = n->sizes.checkpointing == CHECKPOINT_WHEN_SHORT;
    if (when_short)
        n->sizes.checkpointing = CHECKPOINT_NEVER;
    measure(n, worker, common);
    if (!when_short || (double)(worker->peak * n->sizes.workers + common->peak) < 0.8 * memory_available())
        return;
    n->sizes.checkpointing = CHECKPOINT_ALWAYS;
    measure(n, worker, common);
}

static enum sm_status open_workers(struct learner *n, struct sm_err *err)
{
    struct arena worker, common;
    enum sm_status status = SM_OK;
    for (int i = 0; i < n->sizes.workers && !status; i++)
        status = gradients_make(&n->workers[i].gradients, &n->parameters, n->model, n->later_parts, i > 0, err);
    if (status)
        return status;
    settle_checkpointing(n, &worker, &common);
    for (int i = 0; i < n->sizes.workers && !status; i++) {
        n->workers[i].arena = (struct arena){0};
        status = arena_init(&n->workers[i].arena, worker.peak, err);
    }
    n->arena = (struct arena){0};
    if (!status)
        status = arena_init(&n->arena, common.peak, err);
    if (!status)
        take_buffers(n);
    return status;
}

enum sm_status learner_open(struct learner *n, struct sm_model *model, unsigned parts, unsigned later_parts,
                            bool average, struct learner_sizes sizes, struct sm_err *err)
{
    *n = (struct learner){.model = model, .later_parts = later_parts, .sizes = sizes};
    if (sizes.prompts > LOSS_MAX_MASKS)
        return sm_fail(err, SM_USAGE, "%d masks at once, expected at most %d", sizes.prompts, LOSS_MAX_MASKS);
    n->sizes.workers = sizes.workers < 1 ? 1 : sizes.workers < sizes.pictures ? sizes.workers : sizes.pictures;
    n->sizes.workers = n->sizes.workers < LEARNER_MAX_WORKERS ? n->sizes.workers : LEARNER_MAX_WORKERS;
    n->workers = calloc(n->sizes.workers, sizeof *n->workers);
    enum sm_status status = n->workers ? parameters_make(&n->parameters, model, parts, average, err)
                                       : sm_fail(err, SM_MEMORY, "out of memory");
    if (!status)
        status = open_workers(n, err);
    if (status)
        learner_close(n);
    return status;
}

void learner_close(struct learner *n)
{
    for (int i = 0; i < n->sizes.workers && n->workers; i++) {
        gradients_free(&n->workers[i].gradients);
        arena_free(&n->workers[i].arena);
    }
    free(n->workers);
    parameters_free(&n->parameters);
    arena_free(&n->arena);
    *n = (struct learner){0}; /* a run closes what failed to open, too */
}
