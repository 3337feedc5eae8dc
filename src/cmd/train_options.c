/* sammed2d train: the options, and what they mean. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/train.h"

/* ---- defaults: what SAM-Med2D published where it is sound ---- */

static const struct augmentation augment_none = {0};
static const struct augmentation augment_light = {.rotate_deg = 10, .scale = 0.1, .intensity = 0.1, .noise = 0.02};
static const struct augmentation augment_full = {.flip = 0.5, .rotate_deg = 30, .scale = 0.25, .elastic = 0.04,
                                                 .intensity = 0.25, .window = 0.1, .noise = 0.05, .blur = 1,
                                                 .low_resolution = 0.1};

static const struct train_options defaults = {
    .rule = {.loss = {20, 1, 1, LOSS_PUBLISHED}},
    .batch = 2,
    .masks = 5,
    .accumulate = 1,
    .box_share = 0.5,
    .jitter = {0.1, 5, false},
    .rounds = 8,
    .mask_only = 2,
    .first_points = {{1}, 1},
    .points = {{1, 3, 5, 9}, 4},
    .threshold = 0.5,
    .adam = {.lr = 1e-4, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .decoupled = true},
    .lr_end = 0.01,
    .lr_steps = {0.5, {1.0 / 3, 2.0 / 3}}, /* published: halved after 5 and 10 of 15 epochs */
    .clip = 1,
    .checkpointing = CHECKPOINT_WHEN_SHORT,
    .val_slices = 200,
};

/* train.py as it is, bugs included. */
static void follow_published(struct train_options *o)
{
    o->rule.loss.whole_batch = true;
    o->jitter.together = true;
    o->aimless = true;
    o->keep_zeros = true;
    o->quirks = (struct example_quirks){true, true};
    o->augmentation = augment_none;
    o->adam.decoupled = false;
    o->clip = 0;
}

/* ---- parsing ---- */

static enum sm_status choose_protocol(void *context, const char *value, struct sm_err *err)
{
    struct train_options *o = context;
    if (strcmp(value, "sam-med2d") == 0)
        follow_published(o);
    else if (strcmp(value, "corrected") != 0)
        return sm_fail(err, SM_USAGE, "--protocol takes corrected or sam-med2d, not \"%s\"", value);
    return SM_OK;
}

static enum sm_status choose_augmentation(void *context, const char *value, struct sm_err *err)
{
    struct augmentation *a = context;
    const struct {
        const char *name;
        const struct augmentation *what;
    } known[] = {{"none", &augment_none}, {"light", &augment_light}, {"full", &augment_full}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(value, known[i].name) == 0) {
            *a = *known[i].what;
            return SM_OK;
        }
    return sm_fail(err, SM_USAGE, "--augment takes none, light or full, not \"%s\"", value);
}

int train_parse(struct train_command *c, struct train_options *o, int *argc, char ***argv)
{
    static const struct synopsis synopsis = {
        "train", "--weights START.h5 | --new PRESET  --data DATA -o OUT.h5",
        "Fine-tunes a model on labelled data, or trains a new one, as SAM-Med2D was trained."};
    struct augmentation *a = &o->augmentation;
    const struct option_row rows[] = {
        OPTION_TEXT('w', "weights", &c->weights, "FILE", "weights to start from (default: $SAMMED2D_WEIGHTS, else the bundled model)"),
        OPTION_TEXT(0, "new", &c->preset, "PRESET", "start from nothing: tiny, small, medium, fine, vit_b, vit_l, vit_h"),
        OPTION_INT(0, "image-size", &c->image_size, "N", "side of the network's square (default: the weights', 256 with --new)"),
        OPTION_LIST(0, "data", &c->data, "FILE_OR_DIR", "labelled data; may be repeated"),
        OPTION_DOUBLE(0, "synthetic", &c->synthetic, "SHARE", "share of generated pictures, 0 to 1; 1 needs no data"),
        OPTION_DOUBLE(0, "plain", &o->plain, "SHARE", "of these, share without tissue and defects, for a beginning (default 0)"),
        OPTION_DOUBLE(0, "zoom", &o->zoom, "SHARE", "of batches asked with boxes, share shown from near, as by segment --zoom (default 0)"),
        OPTION_LIST(0, "val", &c->val, "FILE_OR_DIR", "other labelled data, whose Dice is reported; may be repeated"),
        OPTION_INT(0, "hold-out", &c->hold_out, "N", "keep subjects 0, N, 2N ... of --data apart, and report their Dice"),
        OPTION_TEXT(0, "subjects", &c->subjects, "RULE", "whose image a case is: name, pairs, or a regular expression"),
        OPTION_INT(0, "channel", &c->channel, "N", "which channel of the images (default 0)"),
        OPTION_TEXT('o', "output", &c->output, "FILE.h5", "weights file to write"),
        OPTION_TEXT(0, "train", &c->parts, "WHAT", "adapters (with prompt encoder and decoder), decoder, encoder or all"),
        OPTION_FLAG(0, "mask-downscaling", &c->downscaling, "train the mask prompts' convolutions too (all does)"),
        OPTION_TEXT(0, "later", &c->later, "decoder|prompts", "what later rounds train beside (default prompts)"),
        OPTION_CALL(0, "protocol", o, "corrected|sam-med2d", "train.py without its bugs, or with them", choose_protocol),
        OPTION_INT(0, "steps", &c->steps, "N", "batches to train on"),
        OPTION_DOUBLE(0, "epochs", &c->epochs, "N", "the same in passes over the data (default 10)"),
        OPTION_DOUBLE(0, "minutes", &o->minutes, "N", "stop after so long; the schedule ends then too"),
        OPTION_INT(0, "seed", &c->seed, "N", "of everything that is drawn (default 0)"),
        OPTION_INT(0, "batch", &o->batch, "N", "pictures a batch (default 2)"),
        OPTION_INT(0, "masks", &o->masks, "N", "masks a picture (default 5)"),
        OPTION_INT(0, "accumulate", &o->accumulate, "N", "batches an update; 1: an update each round (default 1)"),
        OPTION_INT(0, "rounds", &o->rounds, "N", "rounds of corrections after the first prompt (default 8)"),
        OPTION_INT(0, "mask-only", &o->mask_only, "0|1|2", "of these without points: none, the last, another too (default 2)"),
        OPTION_TEXT(0, "points", &c->points, "LIST", "points of a round, one of these (default 1,3,5,9)"),
        OPTION_TEXT(0, "first-points", &c->first_points, "LIST", "points of a first prompt that is no box (default 1)"),
        OPTION_FLAG(0, "keep-prompts", &o->keep_prompts, "later rounds ask with all that was asked before, as eval's iterN"),
        OPTION_DOUBLE(0, "threshold", &o->threshold, "P", "probability above which a pixel is in a mask to be corrected (default 0.5)"),
        OPTION_TEXT(0, "component", &c->component, "largest|all", "what of a mask is the object (default all)"),
        OPTION_DOUBLE(0, "box-share", &o->box_share, "P", "chance that the first prompt is a box (default 0.5)"),
        OPTION_DOUBLE(0, "jitter", &o->jitter.share, "F", "deviation of a box's sides, as a share of its size (default 0.1)"),
        OPTION_DOUBLE(0, "jitter-pixels", &o->jitter.most, "N", "their largest move (default 5)"),
        OPTION_TEXT(0, "loss", &c->loss, "F,D,I", "weights of focal, Dice and IoU loss (default 20,1,1)"),
        OPTION_TEXT(0, "focal", &c->focal, "ALPHA,GAMMA", "of the focal loss (default 0.25,2)"),
        OPTION_DOUBLE(0, "dice-smooth", &o->rule.loss.smooth, "F", "pixels added above and below in the Dice loss (default 1)"),
        OPTION_TEXT(0, "loss-over", &c->loss_over, "mask|batch", "losses of each mask, or of all together"),
        OPTION_TEXT(0, "outputs", &c->outputs, "three|one|both", "which masks are trained (default three)"),
        OPTION_TEXT(0, "choose", &c->choose, "predicted|lowest", "of three: the largest predicted IoU, or the lowest loss"),
        OPTION_TEXT(0, "iou-of", &c->iou_of, "chosen|all", "which masks' IoU is learnt: the chosen one's, or every mask's"),
        OPTION_TEXT(0, "optimizer", &c->optimizer, "adam|adamw", "(default adamw)"),
        OPTION_DOUBLE(0, "lr", &o->adam.lr, "RATE", "learning rate (default 1e-4)"),
        OPTION_TEXT(0, "betas", &c->betas, "B1,B2", "of Adam (default 0.9,0.999)"),
        OPTION_DOUBLE(0, "adam-eps", &o->adam.eps, "F", "added to the root of Adam's second moment (default 1e-8)"),
        OPTION_DOUBLE(0, "weight-decay", &o->adam.weight_decay, "F", "(default 0)"),
        OPTION_TEXT(0, "schedule", &c->schedule, "SHAPE", "constant, linear, cosine or step (default constant)"),
        OPTION_INT(0, "warmup", &c->warmup, "N", "batches until the full rate (default 0)"),
        OPTION_DOUBLE(0, "lr-end", &o->lr_end, "F", "last rate of linear and cosine, as a share (default 0.01)"),
        OPTION_TEXT(0, "lr-steps", &c->lr_steps, "F,AT,AT", "of step: factor, and the shares of the run where it falls (default 0.5,1/3,2/3)"),
        OPTION_DOUBLE(0, "clip", &o->clip, "NORM", "largest norm of gradients; 0: any (default 1)"),
        OPTION_DOUBLE(0, "ema", &o->ema, "DECAY", "write moving averages of the weights, e.g. 0.999"),
        OPTION_TEXT(0, "checkpointing", &c->checkpointing, "yes|no|auto", "compute activations twice to save memory (default auto)"),
        OPTION_CALL(0, "augment", a, "none|light|full", "sets the following (default full)", choose_augmentation),
        OPTION_DOUBLE(0, "flip", &a->flip, "P", "chance of each flip"),
        OPTION_DOUBLE(0, "rotate", &a->rotate_deg, "DEG", "rotation, either way"),
        OPTION_DOUBLE(0, "scale", &a->scale, "F", "larger or smaller by up to 1 + F"),
        OPTION_DOUBLE(0, "elastic", &a->elastic, "F", "smooth displacement, as a share of the side"),
        OPTION_DOUBLE(0, "intensity", &a->intensity, "F", "brightness, contrast and gamma"),
        OPTION_DOUBLE(0, "cut-window", &a->window, "F", "part of the grey range cut off at its ends"),
        OPTION_DOUBLE(0, "noise", &a->noise, "F", "standard deviation, as a share of the grey range"),
        OPTION_DOUBLE(0, "blur", &a->blur, "PX", "Gaussian blur"),
        OPTION_DOUBLE(0, "low-resolution", &a->low_resolution, "P", "chance of half the resolution"),
        OPTION_DOUBLE(0, "invert", &a->invert, "P", "chance of dark for bright"),
        OPTION_TEXT(0, "plane", &c->plane, "auto|axial|coronal|sagittal|all", "which slices (default auto)"),
        OPTION_TEXT(0, "orient", &c->orient, "radiological|stored|sa-med2d", "how the network sees a slice (default: the weights')"),
        OPTION_TEXT(0, "window", &c->window, "MODE", "how values become grey (default: what the weights say)"),
        OPTION_DOUBLE(0, "min-mask", &c->min_mask_percent, "PERCENT", "leave out masks smaller than this part of the picture (default 0.153)"),
        OPTION_INT(0, "cache", &c->cache_mb, "MB", "volumes kept in memory (default 2048)"),
        OPTION_INT(0, "report-every", &c->report_every, "N", "batches a line of the log (default 50)"),
        OPTION_INT(0, "val-every", &c->val_every, "N", "batches from one look at held-out data to the next (default 500)"),
        OPTION_INT(0, "val-slices", &o->val_slices, "N", "held-out slices looked at; 0: all (default 200)"),
        OPTION_INT(0, "save-every", &c->save_every, "N", "batches from one saved state to the next (default 500)"),
        OPTION_TEXT(0, "log", &c->log, "FILE", "a JSON object a line (default: OUT.log.jsonl)"),
        OPTION_TEXT(0, "curve", &c->curve, "FILE.png", "the learning curve (default: OUT.curve.png)"),
        OPTION_FLAG(0, "resume", &c->resume, "go on from OUT.state.h5, exactly"),
        OPTION_TEXT(0, "name", &c->name, "TEXT", "name of the model (default: the output's)"),
        OPTION_TEXT(0, "licence", &c->licence, "TEXT", "terms it stands under (default: those of the weights)"),
        OPTION_END};
    *o = defaults;
    o->augmentation = augment_full;
    *c = (struct train_command){.steps = TRAIN_STEPS_OPEN, .epochs = TRAIN_STEPS_OPEN, .min_mask_percent = 0.153, .cache_mb = 2048, .report_every = 50,
                                .val_every = 500, .save_every = 500};
    return options_parse(&synopsis, rows, argc, argv);
}

/* ---- meaning ---- */

/* "20,1,1": as many numbers as wanted, none negative or beyond `most`. */
static enum sm_status numbers(double *const *out, int count, const char *option, const char *text, double most,
                              struct sm_err *err)
{
    for (int i = 0; text && i < count; i++) {
        char *end;
        double value = strtod(text, &end);
        if (end == text || !(value >= 0 && value <= most) || *end != (i == count - 1 ? 0 : ','))
            return sm_fail(err, SM_USAGE, "%s takes %d numbers from 0 to %.9g, with commas between them", option, count, most);
        *out[i] = value;
        text = end + 1;
    }
    return SM_OK;
}

static enum sm_status number_lists(const struct train_command *c, struct train_options *o, struct sm_err *err)
{
    struct loss_rule *loss = &o->rule.loss;
    const struct {
        const char *option, *text;
        int count;
        double *out[3], most;
    } rows[] = {{"--loss", c->loss, 3, {&loss->focal, &loss->dice, &loss->iou}, 1e30},
                {"--focal", c->focal, 2, {&loss->alpha, &loss->gamma}, 100},
                {"--betas", c->betas, 2, {&o->adam.beta1, &o->adam.beta2}, 0.9999999},
                {"--lr-steps", c->lr_steps, 3, {&o->lr_steps.factor, &o->lr_steps.at[0], &o->lr_steps.at[1]}, 1}};
    enum sm_status status = SM_OK;
    for (size_t r = 0; !status && r < sizeof rows / sizeof *rows; r++)
        status = numbers(rows[r].out, rows[r].count, rows[r].option, rows[r].text, rows[r].most, err);
    return status;
}

static enum sm_status point_counts(struct point_counts *counts, const char *option, const char *text, struct sm_err *err)
{
    if (!text)
        return SM_OK;
    counts->count = 0;
    for (char *end = (char *)text; counts->count < TRAIN_MAX_COUNTS; text = end + 1) {
        long count = strtol(text, &end, 10);
        if (end == text || count < 1 || count > TRAIN_MAX_POINTS || (*end && *end != ','))
            break;
        counts->of[counts->count++] = (int)count;
        if (!*end)
            return SM_OK;
    }
    return sm_fail(err, SM_USAGE, "%s takes up to %d numbers from 1 to %d, with commas between them", option,
                   TRAIN_MAX_COUNTS, TRAIN_MAX_POINTS);
}

static enum sm_status choose_parts(const struct train_command *c, struct train_options *o, struct sm_err *err)
{
    enum { HEAD = PART_POINTS | PART_PROMPTS | PART_DECODER };
    static const char *const names[] = {"adapters", "decoder", "encoder", "all", NULL};
    static const unsigned parts[] = {PART_ADAPTERS | HEAD, HEAD, PART_ENCODER | PART_ADAPTERS, PART_ALL};
    static const char *const laters[] = {"decoder", "prompts", NULL};
    bool published = o->keep_zeros;
    int what = c->preset ? 3 : 0, later = !published;
    enum sm_status status = option_choose(&what, "train", c->parts, names, err);
    if (!status)
        status = option_choose(&later, "later", c->later, laters, err);
    o->parts = parts[what] | (c->downscaling ? PART_DOWNSCALING : 0);
    if (published)
        o->parts &= ~(unsigned)PART_POINTS; /* its optimiser does not see them */
    o->later_parts = o->parts & ((later ? HEAD : PART_DECODER) | PART_DOWNSCALING);
    return status;
}

static enum sm_status check_numbers(const struct train_command *c, const struct train_options *o, struct sm_err *err)
{
    const struct {
        const char *option;
        double value, low, high;
    } ranges[] = {{"--batch", o->batch, 1, 256},          {"--masks", o->masks, 1, 64},
                  {"--accumulate", o->accumulate, 1, 1e4}, {"--rounds", o->rounds, 0, 100},
                  {"--mask-only", o->mask_only, 0, 2},     {"--box-share", o->box_share, 0, 1},
                  {"--synthetic", c->synthetic, 0, 1},     {"--plain", o->plain, 0, 1},
                  {"--zoom", o->zoom, 0, 1},
                  {"--focal's ALPHA", o->rule.loss.alpha, 0, 1}, {"--dice-smooth", o->rule.loss.smooth, 1e-9, 1e9},
                  {"--threshold", o->threshold, 0, 1},     {"--adam-eps", o->adam.eps, 0, 1},
                  {"--steps", c->steps == TRAIN_STEPS_OPEN ? 1 : c->steps, 1, 1e9},
                  {"--epochs", c->epochs == TRAIN_STEPS_OPEN ? 1 : c->epochs, 1e-6, 1e6},      {"--minutes", o->minutes, 0, 1e7},
                  {"--lr", o->adam.lr, 0, 10},             {"--lr-end", o->lr_end, 0, 1},
                  {"--weight-decay", o->adam.weight_decay, 0, 100}, {"--clip", o->clip, 0, 1e9},
                  {"--ema", o->ema, 0, 0.9999999},         {"--warmup", c->warmup, 0, 1e9},
                  {"--jitter", o->jitter.share, 0, 1},     {"--jitter-pixels", o->jitter.most, 0, 1000},
                  {"--flip", o->augmentation.flip, 0, 1},  {"--rotate", o->augmentation.rotate_deg, 0, 180},
                  {"--scale", o->augmentation.scale, 0, 3}, {"--elastic", o->augmentation.elastic, 0, 0.5},
                  {"--intensity", o->augmentation.intensity, 0, 1}, {"--cut-window", o->augmentation.window, 0, 0.45},
                  {"--noise", o->augmentation.noise, 0, 1}, {"--blur", o->augmentation.blur, 0, 5},
                  {"--low-resolution", o->augmentation.low_resolution, 0, 1}, {"--invert", o->augmentation.invert, 0, 1},
                  {"--min-mask", c->min_mask_percent, 0, 100}, {"--cache", c->cache_mb, 1, 1e7},
                  {"--seed", c->seed, 0, 2147483647}, {"--hold-out", c->hold_out, 0, 1e6},
                  {"--report-every", c->report_every, 0, 1e9}, {"--val-every", c->val_every, 0, 1e9},
                  {"--save-every", c->save_every, 0, 1e9}, {"--val-slices", o->val_slices, 0, 1e9}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (!(ranges[i].value >= ranges[i].low && ranges[i].value <= ranges[i].high))
            return sm_fail(err, SM_USAGE, "%s takes a number from %.10g to %.10g, not %.10g", ranges[i].option, ranges[i].low,
                           ranges[i].high, ranges[i].value);
    if (o->batch * o->masks > LOSS_MAX_MASKS)
        return sm_fail(err, SM_USAGE, "--batch times --masks is %d, at most %d", o->batch * o->masks, LOSS_MAX_MASKS);
    return SM_OK;
}

static enum sm_status choices(const struct train_command *c, struct train_options *o, struct sm_err *err)
{
    static const char *const overs[] = {"mask", "batch", NULL}, *const outputs[] = {"three", "one", "both", NULL};
    static const char *const components[] = {"all", "largest", NULL};
    static const char *const chosen[] = {"predicted", "lowest", NULL}, *const optimizers[] = {"adam", "adamw", NULL};
    static const char *const ious[] = {"chosen", "all", NULL};
    static const char *const schedules[] = {"constant", "linear", "cosine", "step", NULL};
    static const char *const checkpointings[] = {"no", "yes", "auto", NULL};
    int over = o->rule.loss.whole_batch, output = (int)o->rule.outputs, choice = (int)o->rule.choice, iou = (int)o->rule.iou;
    int component = o->largest_component;
    int decoupled = o->adam.decoupled, schedule = (int)o->schedule, checkpointing = (int)o->checkpointing;
    const struct {
        const char *option, *word;
        const char *const *names;
        int *place;
    } rows[] = {{"loss-over", c->loss_over, overs, &over},         {"outputs", c->outputs, outputs, &output},
                {"component", c->component, components, &component}, {"choose", c->choose, chosen, &choice},
                {"iou-of", c->iou_of, ious, &iou},
                {"optimizer", c->optimizer, optimizers, &decoupled}, {"schedule", c->schedule, schedules, &schedule},
                {"checkpointing", c->checkpointing, checkpointings, &checkpointing}};
    enum sm_status status = SM_OK;
    for (size_t r = 0; !status && r < sizeof rows / sizeof *rows; r++)
        status = option_choose(rows[r].place, rows[r].option, rows[r].word, rows[r].names, err);
    o->largest_component = component;
    o->rule.loss.whole_batch = over;
    o->rule.outputs = (enum outputs)output;
    o->rule.choice = (enum choice)choice;
    o->rule.iou = (enum iou_rule)iou;
    o->adam.decoupled = decoupled;
    o->schedule = (enum schedule)schedule;
    o->checkpointing = (enum checkpointing)checkpointing;
    return status;
}

enum sm_status train_settle(const struct train_command *c, struct train_options *o, struct sm_err *err)
{
    if (choices(c, o, err) || number_lists(c, o, err) ||
        point_counts(&o->points, "--points", c->points, err) ||
        point_counts(&o->first_points, "--first-points", c->first_points, err) ||
        choose_parts(c, o, err) || check_numbers(c, o, err))
        return SM_USAGE;
    if (o->zoom > 0 && o->box_share == 0)
        return sm_fail(err, SM_USAGE, "--zoom shows parts where boxes are asked, and with --box-share 0 none are; leave one of them out");
    if (train_most_points(o) > TRAIN_MAX_POINTS)
        return sm_fail(err, SM_USAGE, "with --keep-prompts the last round would have up to %d points, expected at most %d: give fewer --rounds or --points",
                       train_most_points(o), TRAIN_MAX_POINTS);
    o->seed = (uint64_t)c->seed;
    o->warmup = c->warmup;
    o->synthetic = c->data.count ? c->synthetic : 1;
    o->report_every = c->report_every;
    o->val_every = c->val_every;
    o->save_every = c->save_every;
    o->resume = c->resume;
    return SM_OK;
}
