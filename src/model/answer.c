#include "model/answer.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "model/mask_decoder.h"
#include "model/model_internal.h"
#include "model/obey.h"
#include "model/session.h"

/* The single mask and the three; both once more without a prompt's mask. */
enum { POOL = 2 * (1 + 3) };
/* How much predicted IoU a point on the wrong side takes away, and how much less of it makes a mask count for a third: chosen
 * on 30 objects a set among a dozen rules (weights/README.md). */
static const float WRONG_POINT = 0.3f, TEMPERATURE = 0.1f;

enum way { SINGLE, BEST, BY_POINTS };

struct asking {
    struct sm_session *session;
    const struct sm_config *config;
    const struct shown *shown;
    const struct sm_prompt *prompts;
    int count;
    size_t low;     /* L * L */
    enum way *ways; /* (count) */
    float *low_res; /* (count, L, L), */
    float *iou;     /* (count): the answers */
    float *pool;    /* (POOL, L, L) */
    float *logits;  /* (height, width) */
    float *square;  /* (S, S) */
};

static_assert(SM_CHOICE_BY_POINTS - SM_CHOICE_NO == SM_MASKS_BY_POINTS - SM_SINGLE_MASK, "each choice has its way");

enum sm_multimask answer_choice(const struct sm_config *config, enum sm_choice asked)
{
    return asked == SM_CHOICE_DEFAULT ? (enum sm_multimask)config->multimask
                                      : (enum sm_multimask)(asked - SM_CHOICE_NO + SM_SINGLE_MASK);
}

static bool has_point(const struct sm_prompt *prompt)
{
    for (int p = 0; p < prompt->point_count; p++)
        if (prompt->point_labels[p] >= 0)
            return true;
    return false; /* none, or padding */
}

static enum way way_of(enum sm_multimask choice, const struct sm_prompt *prompt)
{
    if (choice == SM_MASKS_BY_POINTS && prompt->mask && has_point(prompt))
        return BY_POINTS;
    if (choice == SM_SINGLE_MASK || choice == SM_BEST_OF_THREE)
        return choice == SM_BEST_OF_THREE ? BEST : SINGLE;
    return prompt->box || prompt->mask ? BEST : SINGLE;
}

/* ---- the mask with the highest predicted IoU ---- */

int best_mask(const float *iou, int masks)
{
    int best = 0;
    for (int m = 1; m < masks; m++)
        if (iou[m] > iou[best])
            best = m;
    return best;
}

static bool is_asked(const struct asking *a, enum way way)
{
    for (int n = 0; n < a->count; n++)
        if (a->ways[n] == way)
            return true;
    return false;
}

static int gather(const struct asking *a, enum way way, struct sm_prompt *some, int *which)
{
    int count = 0;
    for (int n = 0; n < a->count; n++)
        if (a->ways[n] == way) {
            some[count] = a->prompts[n];
            which[count++] = n;
        }
    return count;
}

/* The prompts of one way, all at once. */
static enum sm_status take_best(const struct asking *a, enum way way, struct sm_err *err)
{
    int masks = mask_count(a->config, way == BEST);
    if (!is_asked(a, way))
        return SM_OK;
    size_t planes = (size_t)a->count * (size_t)masks;
    struct sm_prompt *some = malloc((size_t)a->count * sizeof *some);
    int *which = malloc((size_t)a->count * sizeof *which);
    float *all = malloc(planes * (a->low + 1) * sizeof *all);
    bool enough = some && which && all;
    const float *iou = enough ? all + planes * a->low : NULL;
    int count = enough ? gather(a, way, some, which) : 0;
    enum sm_status status = enough ? SM_OK : sm_fail(err, SM_MEMORY, "out of memory for masks");
    if (!status)
        status = mirror_decode(a->session, a->shown, some, count, way == BEST, all, all + planes * a->low, err);
    for (int n = 0; !status && n < count; n++) {
        int mask = n * masks + best_mask(iou + n * masks, masks);
        memcpy(a->low_res + (size_t)which[n] * a->low, all + (size_t)mask * a->low, a->low * sizeof *all);
        a->iou[which[n]] = iou[mask];
    }
    free(all);
    free(which);
    free(some);
    return status;
}

/* ---- all masks, weighed by points ---- */

/* All masks that the network has for a prompt with a mask. */
static enum sm_status fill_pool(const struct asking *a, struct sm_prompt prompt, float iou[POOL], struct sm_err *err)
{
    enum sm_status status = SM_OK;
    int count = 0;
    for (int without = 0; without < 2; without++)
        for (int multimask = 0; !status && multimask < 2; multimask++) {
            prompt.mask = without ? NULL : prompt.mask;
            status = mirror_decode(a->session, a->shown, &prompt, 1, multimask, a->pool + (size_t)count * a->low, iou + count,
                                   err);
            count += mask_count(a->config, multimask);
        }
    for (int m = 0; !status && m < POOL; m++)
        iou[m] = isfinite(iou[m]) ? iou[m] : 0; /* or no weight would be a number */
    return status;
}

/* Each mask's part in the answer: a softmax of its predicted IoU less WRONG_POINT for each point on its wrong side. */
static void weigh_pool(const struct asking *a, const struct sm_prompt *prompt, const float iou[POOL], float weight[POOL])
{
    int height = a->shown->height, width = a->shown->width;
    float best = -INFINITY, sum = 0;
    for (int m = 0; m < POOL; m++) {
        sm_upsample(a->config, a->pool + (size_t)m * a->low, height, width, a->logits, a->square);
        weight[m] = iou[m] - WRONG_POINT * (float)points_wrong(prompt, a->logits, height, width);
        best = fmaxf(best, weight[m]);
    }
    for (int m = 0; m < POOL; m++)
        sum += weight[m] = expf((weight[m] - best) / TEMPERATURE);
    for (int m = 0; m < POOL; m++)
        weight[m] /= sum;
}

static enum sm_status take_by_points(const struct asking *a, int number, struct sm_err *err)
{
    float *mean = a->low_res + (size_t)number * a->low, iou[POOL], weight[POOL];
    enum sm_status status = fill_pool(a, a->prompts[number], iou, err);
    if (status)
        return status;
    weigh_pool(a, &a->prompts[number], iou, weight);
    memset(mean, 0, a->low * sizeof *mean);
    a->iou[number] = 0;
    for (int m = 0; m < POOL; m++) {
        for (size_t p = 0; p < a->low; p++)
            mean[p] += weight[m] * a->pool[(size_t)m * a->low + p];
        a->iou[number] += weight[m] * iou[m];
    }
    obey_points(a->config, &a->prompts[number], a->shown->height, a->shown->width, mean, a->logits, a->square);
    return SM_OK;
}

static enum sm_status make_room(struct asking *a, struct sm_err *err)
{
    size_t side = (size_t)a->config->image_size, pixels = (size_t)a->shown->height * (size_t)a->shown->width;
    a->pool = malloc((POOL * a->low + pixels + side * side) * sizeof *a->pool);
    if (!a->pool)
        return sm_fail(err, SM_MEMORY, "out of memory for masks");
    a->logits = a->pool + POOL * a->low;
    a->square = a->logits + pixels;
    return SM_OK;
}

static enum sm_status heed_points(struct asking *a, struct sm_err *err)
{
    if (!is_asked(a, BY_POINTS))
        return SM_OK;
    enum sm_status status = make_room(a, err);
    for (int n = 0; !status && n < a->count; n++)
        if (a->ways[n] == BY_POINTS)
            status = take_by_points(a, n, err);
    free(a->pool);
    return status;
}

enum sm_status answer_decode(struct sm_session *session, const struct shown *shown, enum sm_multimask choice,
                             const struct sm_prompt *prompts, int count, float *low_res, float *iou, struct sm_err *err)
{
    const struct sm_config *config = &session->model->config;
    size_t side = (size_t)sm_low_res_side(config);
    struct asking a = {.session = session, .config = config, .shown = shown, .prompts = prompts, .count = count,
                       .low = side * side, .low_res = low_res, .iou = iou};
    if (!count)
        return SM_OK;
    a.ways = malloc((size_t)count * sizeof *a.ways);
    if (!a.ways)
        return sm_fail(err, SM_MEMORY, "out of memory for prompts");
    for (int n = 0; n < count; n++)
        a.ways[n] = way_of(choice, &prompts[n]);
    enum sm_status status = take_best(&a, SINGLE, err);
    if (!status)
        status = take_best(&a, BEST, err);
    if (!status)
        status = heed_points(&a, err);
    free(a.ways);
    return status;
}
