/* ref: OpenGVLab/SAM-Med2D, utils.py: FocalLoss, DiceLoss, MaskIoULoss, FocalDiceloss_IoULoss */
#include <math.h>
#include <string.h>
#include "nn/nn.h"
#include "train/losses.h"

static const float log_floor = 1e-12f;
static const double iou_floor = 1e-7;

/* What all losses are made of. */
struct sums {
    double focal;                     /* of the loss of each pixel */
    double both, predicted, targets;  /* sum of p t, p, t */
    double count;
};

static struct sums add_sums(struct sums a, struct sums b)
{
    return (struct sums){a.focal + b.focal, a.both + b.both, a.predicted + b.predicted,
                         a.targets + b.targets, a.count + b.count};
}

/* The focal loss in float32, as torch computes it. */
struct focal {
    float alpha, gamma;
};

static struct focal focal_of(const struct loss_rule *rule)
{
    return (struct focal){(float)rule->alpha, (float)rule->gamma};
}

static float weight_of(struct focal f, bool on)
{
    return on ? f.alpha : 1.0f - f.alpha;
}

/* x^gamma, and x^(gamma - 1), which is finite at 0 for any gamma. */
static float powered(struct focal f, float x)
{
    return f.gamma == 2.0f ? x * x : powf(x, f.gamma);
}
static float powered_less(struct focal f, float x)
{
    return f.gamma == 2.0f ? x : powf(fmaxf(x, log_floor), f.gamma - 1.0f);
}

/* Of a true pixel -alpha (1 - p)^gamma log p, of another -(1 - alpha) p^gamma log (1 - p): the one is the other
 * with q = 1 - p for p. */
static struct sums sums_of(const float *p, const uint8_t *target, size_t count, struct focal f)
{
    struct sums s = {.count = (double)count};
    for (size_t i = 0; i < count; i++) {
        float q = 1.0f - p[i];
        float hit = target[i] ? p[i] : q, miss = target[i] ? q : p[i];
        s.focal -= weight_of(f, target[i]) * powered(f, miss) * logf(hit + log_floor);
        s.predicted += p[i];
        s.both += target[i] ? p[i] : 0;
        s.targets += target[i];
    }
    return s;
}

/* What each pixel of a mask needs. */
struct slopes {
    float focal, on, off; /* weight of its focal loss; what Dice and IoU say of p on and off the target */
};

/* d loss / d logit = (d loss / d p) p (1 - p) */
static void gradient_of(float *d, const float *p, const uint8_t *target, size_t count, struct slopes s, struct focal f)
{
    for (size_t i = 0; i < count; i++) {
        float q = 1.0f - p[i];
        float hit = target[i] ? p[i] : q, miss = target[i] ? q : p[i];
        float by_hit = weight_of(f, target[i]) * (f.gamma * powered_less(f, miss) * logf(hit + log_floor) -
                                                  powered(f, miss) / (hit + log_floor));
        float by_p = s.focal * (target[i] ? by_hit : -by_hit) + (target[i] ? s.on : s.off);
        d[i] = by_p * (p[i] * q);
    }
}

/* What a group of masks says, and the slopes of the loss by p. */
struct verdict {
    double focal, dice, iou;        /* iou: the overlap itself */
    double dice_on, dice_off;       /* d (1 - dice) / d p on and off the target */
    double iou_on, iou_off;         /* d iou / d p */
};

static struct verdict judge(struct sums s, double smooth)
{
    double all = s.predicted + s.targets + smooth, shared = 2 * s.both + smooth;
    double both = s.both + iou_floor, either = s.predicted + s.targets - s.both + iou_floor;
    return (struct verdict){.focal = s.focal / (s.count + 1e-12),
                            .dice = 1 - shared / all,
                            .iou = both / either,
                            .dice_on = -(2 * all - shared) / (all * all),
                            .dice_off = shared / (all * all),
                            .iou_on = 1 / either,
                            .iou_off = -both / (either * either)};
}

/* n masks judged together; `share` of the loss is theirs. */
static struct slopes judge_group(struct loss *loss, float *d_predicted, const float *predicted, int n,
                                 const struct loss_rule *rule, struct sums s, double share)
{
    struct verdict v = judge(s, rule->smooth);
    double misjudged = 0, squares = 0;
    for (int i = 0; i < n; i++) {
        double off = v.iou - predicted[i];
        squares += off * off / n;
        misjudged += off / n;
        d_predicted[i] = (float)(-2 * off / n * rule->iou * share);
    }
    loss->focal += v.focal * share;
    loss->dice += v.dice * share;
    loss->iou += squares * share;
    double by_iou = 2 * misjudged * rule->iou;
    return (struct slopes){(float)(rule->focal * share / (s.count + 1e-12)),
                           (float)((rule->dice * v.dice_on + by_iou * v.iou_on) * share),
                           (float)((rule->dice * v.dice_off + by_iou * v.iou_off) * share)};
}

void loss_and_gradient(struct loss *loss, float *logits, float *d_predicted, float *probabilities,
                       const uint8_t *target, const float *predicted, int n, size_t pixels,
                       const struct loss_rule *rule)
{
    struct sums sums[LOSS_MAX_MASKS], all = {0};
    struct slopes slopes[LOSS_MAX_MASKS], common = {0};
    struct focal focal = focal_of(rule);
    float *p = probabilities;
    memcpy(p, logits, n * pixels * sizeof(*logits));
    nn_sigmoid(p, n * pixels);
#pragma omp parallel for num_threads(nn_threads())
    for (int i = 0; i < n; i++)
        sums[i] = sums_of(p + i * pixels, target + i * pixels, pixels, focal);
    *loss = (struct loss){0};
    for (int i = 0; i < n; i++)
        all = add_sums(all, sums[i]);
    if (rule->whole_batch)
        common = judge_group(loss, d_predicted, predicted, n, rule, all, 1);
    for (int i = 0; i < n; i++)
        slopes[i] = rule->whole_batch
                        ? common
                        : judge_group(loss, d_predicted + i, predicted + i, 1, rule, sums[i], 1.0 / n);
#pragma omp parallel for num_threads(nn_threads())
    for (int i = 0; i < n; i++)
        gradient_of(logits + i * pixels, p + i * pixels, target + i * pixels, pixels, slopes[i], focal);
    loss->total = rule->focal * loss->focal + rule->dice * loss->dice + rule->iou * loss->iou;
}

static float cut_iou(const float *logits, const uint8_t *target, size_t count)
{
    size_t both = 0, either = 0;
    for (size_t i = 0; i < count; i++) {
        both += logits[i] > 0 && target[i];
        either += logits[i] > 0 || target[i];
    }
    return either ? (float)((double)both / (double)either) : 1;
}

void loss_of_each(double *out, float *iou, const float *logits, const uint8_t *target, int n, size_t pixels,
                  const struct loss_rule *rule, float *probabilities)
{
    memcpy(probabilities, logits, n * pixels * sizeof(*logits));
    nn_sigmoid(probabilities, n * pixels);
#pragma omp parallel for num_threads(nn_threads())
    for (int i = 0; i < n; i++) {
        struct verdict v =
            judge(sums_of(probabilities + i * pixels, target + i * pixels, pixels, focal_of(rule)), rule->smooth);
        out[i] = rule->focal * v.focal + rule->dice * v.dice;
        iou[i] = cut_iou(logits + i * pixels, target + i * pixels, pixels);
    }
}
