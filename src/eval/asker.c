/* ref: SAM-Med2D, test.py: prompt_and_decoder, postprocess_masks and the loop over points; utils.py,
 * generate_point. */
#include <stdlib.h>
#include <string.h>
#include "eval/asker.h"
#include "eval/sample.h"
#include "model/mask_prompt.h"
#include "model/session.h"
#include "model/zoom.h"

enum { CHUNK = 16 };

/* What has been asked for one object so far. */
struct track {
    struct rng rng;
    float points[SM_EVAL_MAX_POINTS][2];
    int labels[SM_EVAL_MAX_POINTS], count;
    bool box;
    float *mask; /* (L, L), the last answer as the network wants it back */
    bool has_mask;
};

struct asker {
    const struct sm_config *config;
    const struct sm_eval_options *options;
    struct sm_session *session;
    enum sm_multimask choice;
    int batch;
    size_t low;      /* L * L */
    float *low_res;  /* (CHUNK, L, L) */
    float *scratch;  /* (S, S) */
    float *square;   /* (S, S) */
    struct track *tracks;
    int mirrors;
    double zoom;     /* 1 or less: no second look */
    struct closer closer; /* the last second look; its low_res is owned, */
    float *embedding;     /* as is (G, G, C) of it */
    /* of the page in work: */
    size_t room;     /* pixels */
    float *logits;   /* (height, width) */
    float *merging;  /* (height, width) */
    uint8_t *inside; /* of the larger frame */
    const struct page *page;
    struct score *scores;
    const struct answers *answers;
};

double asker_zoom(const struct sm_eval_options *options, const struct sm_config *config)
{
    return options->reference ? 0 : zoom_factor(config, options->zoom);
}

int asker_mirrors(const struct sm_eval_options *options, const struct sm_config *config)
{
    return options->reference ? 1 : mirror_count(config, options->mirrors);
}

/* The reference goes by predicted IoU alone. */
static enum sm_multimask asker_choice(const struct sm_eval_options *options, const struct sm_config *config)
{
    enum sm_multimask choice = answer_choice(config, options->multimask);
    return options->reference && choice == SM_MASKS_BY_POINTS ? SM_BEST_OF_THREE_IN_BOX : choice;
}

enum sm_status asker_open(struct asker **out, const struct sm_model *model,
                            const struct sm_eval_options *options, struct sm_err *err)
{
    struct asker *n = *out = calloc(1, sizeof *n);
    if (!n)
        return sm_fail(err, SM_MEMORY, "out of memory");
    n->config = sm_model_config(model);
    n->options = options;
    n->choice = asker_choice(options, n->config);
    n->batch = n->config->image_size >= ASKER_LARGE_SIDE ? ASKER_BATCH_LARGE : ASKER_BATCH;
    size_t side = (size_t)n->config->image_size, low = (size_t)sm_low_res_side(n->config);
    n->low = low * low;
    n->low_res = malloc(CHUNK * n->low * sizeof *n->low_res);
    n->scratch = malloc(side * side * sizeof *n->scratch);
    n->square = malloc(side * side * sizeof *n->square);
    n->tracks = calloc(CHUNK, sizeof *n->tracks);
    n->zoom = asker_zoom(options, n->config);
    n->mirrors = asker_mirrors(options, n->config);
    n->closer.low_res = malloc(n->low * sizeof *n->closer.low_res);
    n->embedding = malloc(sm_embedding_floats(n->config) * sizeof *n->embedding);
    bool enough = n->low_res && n->scratch && n->square && n->tracks && n->closer.low_res && n->embedding;
    for (int t = 0; enough && t < CHUNK; t++)
        enough = (n->tracks[t].mask = malloc(n->low * sizeof(float))) != NULL;
    enum sm_status status = enough ? sm_session_open(&n->session, model, n->batch, CHUNK, err)
                                   : sm_fail(err, SM_MEMORY, "out of memory for masks");
    if (!status && options->reference && n->config->resize != SM_RESIZE_SAM_MED2D)
        status = sm_fail(err, SM_USAGE, "--reference-quirks prepares pictures as SAM-Med2D's DataLoader does, but "
                                        "these weights are fed another way; leave it out");
    if (status) {
        asker_close(n);
        *out = NULL;
    }
    return status;
}

void asker_close(struct asker *n)
{
    if (!n)
        return;
    sm_session_close(n->session);
    for (int t = 0; n->tracks && t < CHUNK; t++)
        free(n->tracks[t].mask);
    free(n->tracks);
    free(n->low_res);
    free(n->scratch);
    free(n->square);
    free(n->closer.low_res);
    free(n->embedding);
    free(n->logits);
    free(n->merging);
    free(n->inside);
    free(n);
}

int asker_batch(const struct asker *asker)
{
    return asker->batch;
}

/* Of all pages' pictures, which are mirror image `image` of them; block: (count, G, G, C). */
static enum sm_status encode_image(struct asker *n, struct page *const *pages, int count, int image, float *block,
                                   struct sm_err *err)
{
    size_t floats = sm_embedding_floats(n->config);
    struct sm_picture pictures[ASKER_BATCH];
    const float *squares[ASKER_BATCH];
    for (int p = 0; p < count; p++) {
        pictures[p] = (struct sm_picture){pages[p]->height, pages[p]->width, pages[p]->channels, pages[p]->grey};
        squares[p] = pages[p]->input;
    }
    enum sm_status status = n->options->reference ? session_encode_squares(n->session, squares, count, block, err)
                                                  : sm_encode(n->session, pictures, count, block, err);
    for (int p = 0; !status && p < count; p++)
        memcpy(pages[p]->embedding + (size_t)image * floats, block + (size_t)p * floats, floats * sizeof *block);
    return status;
}

static void turn_pages(struct page *const *pages, int count, int from, int to)
{
    for (int p = 0; p < count; p++)
        mirror_turn(pages[p]->grey, pages[p]->height, pages[p]->width, pages[p]->channels, from, to);
}

enum sm_status asker_encode(struct asker *n, struct page *const *pages, int count, struct sm_err *err)
{
    size_t floats = sm_embedding_floats(n->config);
    float *block = malloc((size_t)count * floats * sizeof *block);
    bool enough = block != NULL;
    for (int p = 0; enough && p < count; p++)
        enough = (pages[p]->embedding = malloc((size_t)n->mirrors * floats * sizeof *block)) != NULL;
    enum sm_status status = enough ? SM_OK : sm_fail(err, SM_MEMORY, "out of memory for %d image embeddings", count);
    for (int image = 0; image < n->mirrors; image++) {
        if (image > 0)
            turn_pages(pages, count, image - 1, image);
        if (!status)
            status = encode_image(n, pages, count, image, block, err);
    }
    turn_pages(pages, count, n->mirrors - 1, 0);
    free(block);
    return status;
}

/* ---- answers ---- */

/* Logits in the picture's frame. ref: postprocess_masks */
static void to_picture(struct asker *n, const float *low_res)
{
    const struct page *page = n->page;
    int side = n->config->image_size;
    if (!page->ask.padded) {
        sm_upsample(n->config, low_res, page->height, page->width, n->logits, n->scratch);
        return;
    }
    sm_upsample(n->config, low_res, side, side, n->square, n->scratch);
    for (int y = 0; y < page->height; y++)
        memcpy(n->logits + y * page->width, n->square + (page->ask.top + y) * side + page->ask.left,
               (size_t)page->width * sizeof *n->logits);
}

/* Of the answer in n->logits. */
static struct score score_answer(struct asker *n, const struct page_object *object, float predicted)
{
    size_t pixels = (size_t)n->page->height * (size_t)n->page->width;
    struct score score;
    if (n->options->reference) {
        float dice, iou;
        score_reference_inside(n->logits, pixels, n->inside);
        score_reference_image(object->truth, n->inside, pixels, &dice, &iou);
        score = (struct score){.dice = score_reference_round(dice), .iou = score_reference_round(iou)};
    } else {
        score_inside(n->logits, pixels, n->inside);
        score = score_masks(object->truth, n->inside, pixels);
    }
    score.predicted = predicted;
    return score;
}

static enum sm_status keep_answer(struct asker *n, size_t object, size_t prompt, struct score score,
                                  struct sm_err *err)
{
    n->scores[object * n->options->prompt_count + prompt] = score;
    if (!n->answers || !n->answers->keep)
        return SM_OK;
    return n->answers->keep(n->answers->context, n->page, object, prompt, n->inside, err);
}

/* ---- prompts ---- */

/* One way of asking: with a box or with points, once or `steps` times. */
struct walk {
    bool box;
    int points, steps;
    int prompt[SM_EVAL_MAX_POINTS + 1]; /* after so many steps it answers this prompt; -1: none */
};

static void start_track(struct asker *n, struct track *track, const struct walk *walk, size_t number)
{
    const struct page_object *object = &n->page->objects[number];
    track->rng = rng_for(n->options->seed, object->seed_name);
    track->count = 0;
    track->has_mask = false;
    track->box = walk->box;
    if (walk->box)
        return;
    if (object->fixed && object->fixed->count) {
        track->count = object->fixed->count;
        memcpy(track->points, object->fixed->points, sizeof track->points);
        memcpy(track->labels, object->fixed->labels, sizeof track->labels);
        return;
    }
    sample_points(&track->rng, object->ask_truth, n->page->ask.height, n->page->ask.width, walk->points,
                  track->points, track->labels);
    track->count = walk->points;
}

/* A point from where the answer is wrong, and the answer as mask prompt. */
static void next_step(struct asker *n, struct track *track, const struct page_object *object, const float *low_res)
{
    const struct ask_frame *ask = &n->page->ask;
    const float *logits = n->logits;
    if (ask->square) {
        sm_upsample(n->config, low_res, ask->height, ask->width, n->square, n->scratch);
        logits = n->square;
    }
    score_inside(logits, (size_t)ask->height * (size_t)ask->width, n->inside);
    if (track->count == SM_EVAL_MAX_POINTS)
        return; /* fixed prompts brought too many */
    sample_error(&track->rng, object->ask_truth, n->inside, ask->height, ask->width, track->points[track->count],
                 &track->labels[track->count]);
    track->count++;
    track->has_mask = true;
    mask_prompt_from_logits(n->config, low_res, track->mask);
}

static struct sm_prompt prompt_of(const struct track *track, const struct page_object *object)
{
    return (struct sm_prompt){.point_count = track->count, .points = (const float(*)[2]) track->points,
                              .point_labels = track->labels, .box = track->box ? object->ask_box : NULL,
                              .mask = track->has_mask ? track->mask : NULL};
}

/* A second look where the prompt has a box: the answer in n->logits and its predicted IoU are of both. */
static enum sm_status look_closer(struct asker *n, const struct sm_prompt *prompt, float *iou, struct sm_err *err)
{
    const struct page *page = n->page;
    const struct sm_picture picture = {page->height, page->width, page->channels, page->grey};
    struct region *region = &n->closer.region;
    float from_near;
    if (!zoom_takes(prompt) || !zoom_region(region, prompt->box, n->zoom, page->height, page->width))
        return SM_OK;
    enum sm_status status = zoom_encode(n->session, &picture, region, n->embedding, err);
    if (!status)
        status = zoom_decode(n->session, n->embedding, region, prompt, n->choice, n->closer.low_res, &from_near, err);
    if (status)
        return status;
    zoom_merge(n->config, &n->closer, page->width, n->logits, n->merging, n->scratch);
    *iou = zoom_iou(*iou, from_near, mask_stability(n->logits, (size_t)page->height * (size_t)page->width));
    return SM_OK;
}

static enum sm_status take_step(struct asker *n, const struct walk *walk, int step, size_t first, int count,
                                struct sm_err *err)
{
    const struct ask_frame *ask = &n->page->ask;
    const struct shown shown = {n->page->embedding, n->mirrors, ask->height, ask->width};
    struct sm_prompt prompts[CHUNK];
    float iou[CHUNK];
    for (int t = 0; t < count; t++)
        prompts[t] = prompt_of(&n->tracks[t], &n->page->objects[first + (size_t)t]);
    enum sm_status status = answer_decode(n->session, &shown, n->choice, prompts, count, n->low_res, iou, err);
    for (int t = 0; !status && t < count; t++) {
        const float *low_res = n->low_res + (size_t)t * n->low;
        const struct page_object *object = &n->page->objects[first + (size_t)t];
        to_picture(n, low_res);
        status = look_closer(n, &prompts[t], &iou[t], err);
        if (status)
            return status;
        struct score score = score_answer(n, object, iou[t]);
        if (walk->prompt[step] >= 0)
            status = keep_answer(n, first + (size_t)t, (size_t)walk->prompt[step], score, err);
        if (step < walk->steps)
            next_step(n, &n->tracks[t], object, low_res);
    }
    return status;
}

static enum sm_status take_walk(struct asker *n, const struct walk *walk, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    for (size_t first = 0; !status && first < n->page->count; first += CHUNK) {
        size_t left = n->page->count - first;
        int count = left < CHUNK ? (int)left : CHUNK;
        for (int t = 0; t < count; t++)
            start_track(n, &n->tracks[t], walk, first + (size_t)t);
        for (int step = 1; !status && step <= walk->steps; step++)
            status = take_step(n, walk, step, first, count, err);
    }
    return status;
}

/* ---- the prompts asked for ---- */

static enum sm_status ask_trivially(struct asker *n, size_t prompt, struct sm_err *err)
{
    bool filled = n->options->prompts[prompt].kind == SM_EVAL_FILLED;
    enum sm_status status = SM_OK;
    for (size_t o = 0; !status && o < n->page->count; o++) {
        const struct page_object *object = &n->page->objects[o];
        size_t pixels = (size_t)n->page->height * (size_t)n->page->width;
        (filled ? score_fill_box : score_fill_ellipse)(object->box, n->page->height, n->page->width, n->inside);
        status = keep_answer(n, o, prompt, score_masks(object->truth, n->inside, pixels), err);
    }
    return status;
}

/* All iterative prompts are stops on one walk. */
static struct walk walk_of(const struct sm_eval_options *options, size_t prompt, const bool *wanted)
{
    const struct sm_eval_prompt *asked = &options->prompts[prompt];
    struct walk walk = {.box = asked->kind == SM_EVAL_BOX, .points = asked->points, .steps = 1};
    for (int step = 0; step <= SM_EVAL_MAX_POINTS; step++)
        walk.prompt[step] = -1;
    if (asked->kind != SM_EVAL_ITERATIVE) {
        walk.prompt[1] = (int)prompt;
        return walk;
    }
    walk.points = 1;
    for (size_t p = 0; p < options->prompt_count; p++) {
        if (options->prompts[p].kind != SM_EVAL_ITERATIVE || !wanted[p])
            continue;
        walk.prompt[options->prompts[p].points] = (int)p;
        walk.steps = options->prompts[p].points > walk.steps ? options->prompts[p].points : walk.steps;
    }
    return walk;
}

static enum sm_status make_room(struct asker *n, const struct page *page, struct sm_err *err)
{
    size_t pixels = (size_t)page->height * (size_t)page->width;
    size_t square = (size_t)page->ask.height * (size_t)page->ask.width, room = pixels > square ? pixels : square;
    if (room <= n->room)
        return SM_OK;
    free(n->logits);
    free(n->merging);
    free(n->inside);
    n->logits = malloc(room * sizeof *n->logits);
    n->merging = malloc(room * sizeof *n->merging);
    n->inside = malloc(room);
    n->room = n->logits && n->merging && n->inside ? room : 0;
    return n->room ? SM_OK : sm_fail(err, SM_MEMORY, "out of memory for masks of %zu pixels", room);
}

enum sm_status asker_ask(struct asker *n, const struct page *page, const bool *wanted, struct score *scores,
                           const struct answers *answers, struct sm_err *err)
{
    bool walked = false; /* the iterative walk is taken once */
    n->page = page;
    n->scores = scores;
    n->answers = answers;
    enum sm_status status = make_room(n, page, err);
    for (size_t p = 0; !status && p < n->options->prompt_count; p++) {
        enum sm_eval_kind kind = n->options->prompts[p].kind;
        if (!wanted[p] || (kind == SM_EVAL_ITERATIVE && walked))
            continue;
        if (kind == SM_EVAL_FILLED || kind == SM_EVAL_ELLIPSE) {
            status = ask_trivially(n, p, err);
            continue;
        }
        struct walk walk = walk_of(n->options, p, wanted);
        status = take_walk(n, &walk, err);
        walked |= kind == SM_EVAL_ITERATIVE;
    }
    return status;
}
