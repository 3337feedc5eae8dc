/* src/train/train.c: runs that cannot go on, and what is left of them; states that something is wrong with. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/small_model.h"
#include "nn/nn.h"
#include "train/run.h"
#include "train/state.h"
#include "train/train.h"

static char directory[] = "/tmp/sammed2d-run-XXXXXX";
static char output[64], state[64], log_path[64];

static int set_up(void **unused)
{
    (void)unused;
    bool made = mkdtemp(directory) != NULL;
    snprintf(output, sizeof output, "%s/w.h5", directory);
    snprintf(state, sizeof state, "%s/s.h5", directory);
    snprintf(log_path, sizeof log_path, "%s/log", directory);
    return made ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    remove(output);
    remove(state);
    remove(log_path);
    return rmdir(directory);
}

static struct train_options plain_options(void)
{
    return (struct train_options){.parts = PART_DECODER,
                                  .later_parts = PART_DECODER,
                                  .rule = {.loss = {20, 1, 1, LOSS_PUBLISHED}},
                                  .steps = 300,
                                  .batch = 1,
                                  .masks = 1,
                                  .accumulate = 1,
                                  .first_points = {{1}, 1},
                                  .points = {{1}, 1},
                                  .threshold = 0.5,
                                  .synthetic = 1,
                                  .adam = {.lr = 1e-4, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
                                  .output = output,
                                  .state = state,
                                  .name = "small",
                                  .provenance = "a test"};
}

static void count(void *context, const char *sentence)
{
    (void)sentence;
    ++*(int *)context;
}

/* Weights that overflow: one warning, an end before long, and nothing is written. */
static void test_no_finite_gradient(void **unused)
{
    struct sm_config config = small_config();
    struct sm_model *model = small_model(&config);
    struct train_options options = plain_options();
    int warnings = 0;
    const struct sm_listener listener = {.context = &warnings, .warning = count};
    struct sm_err err;
    (void)unused;
    assert_non_null(model);
    float *token = (float *)model->weights.mask_decoder.iou_token;
    for (int i = 0; i < config.prompt_dim; i++)
        token[i] = 1e30f;
    options.save_every = 40;
    assert_int_equal(train_run(model, &options, NULL, NULL, &listener, &err), SM_USAGE);
    assert_non_null(strstr(err.message, "no finite gradient"));
    assert_int_equal(warnings, 1);
    assert_int_not_equal(access(output, F_OK), 0);
    sm_model_close(model);
}

/* ---- stopped and gone on with ---- */

static char *slurp(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *content = calloc(1, *size + 1);
    assert_int_equal(fread(content, 1, *size, file), *size);
    fclose(file);
    return content;
}

/* The log's numbers, but for the time. */
static void drop_seconds(char *log)
{
    for (char *at = log, *end; (at = strstr(at, "\"seconds\":")) && (end = strchr(at, ','));)
        memmove(at, end, strlen(end) + 1);
}

/* So often nobody wants to stop. */
static bool stop_at_zero(void *context)
{
    return --*(int *)context < 0;
}

static void run_in_parts(int first_part, char **weights, size_t *size, char **log)
{
    struct sm_config config = small_config();
    struct train_options options = plain_options();
    size_t log_size;
    int patience = first_part;
    const struct sm_listener impatient = {.context = &patience, .cancelled = stop_at_zero};
    options.steps = 6;
    options.rounds = 1;
    options.report_every = 4;
    options.log = log_path;
    for (enum sm_status status = SM_INTERRUPTED; status == SM_INTERRUPTED; options.resume = true) {
        struct sm_model *model = NULL;
        if (options.resume)
            assert_int_equal(sm_model_open(&model, state, NULL), SM_OK);
        else
            model = small_model(&config);
        status = train_run(model, &options, NULL, NULL, options.resume ? NULL : &impatient, NULL);
        assert_true(status == SM_OK || status == SM_INTERRUPTED);
        sm_model_close(model);
    }
    *weights = slurp(output, size);
    *log = slurp(log_path, &log_size);
    drop_seconds(*log);
}

static void test_stopped(void **unused)
{
    char *weights, *log;
    size_t size;
    (void)unused;
    run_in_parts(1000, &weights, &size, &log);
    assert_non_null(strstr(log, "\"step\":6"));
    for (int part = 0; part < 12; part++) {
        char *weights_too, *log_too;
        size_t size_too;
        run_in_parts(part, &weights_too, &size_too, &log_too);
        assert_int_equal(size_too, size);
        assert_memory_equal(weights_too, weights, size);
        assert_string_equal(log_too, log);
        free(weights_too), free(log_too);
    }
    free(weights), free(log);
}

/* ---- every number has a part in the weights, and in what a resumed run must have in common ---- */

enum kind { DOUBLE, INT, INT64, BOOL, UINT64 };
static const struct change {
    const char *what;
    enum kind kind;
    size_t at;
    double value;
} changes[] = {
#define CHANGE(kind, field, value) {#field, kind, offsetof(struct train_options, field), value}
    CHANGE(UINT64, seed, 1), CHANGE(INT, batch, 1), CHANGE(INT, masks, 2), CHANGE(INT, accumulate, 2), CHANGE(INT, rounds, 2),
    CHANGE(INT, mask_only, 2), CHANGE(BOOL, keep_prompts, 1), CHANGE(DOUBLE, zoom, 1), CHANGE(DOUBLE, threshold, 0.3), CHANGE(DOUBLE, box_share, 0),
    CHANGE(DOUBLE, jitter.share, 0.3), CHANGE(DOUBLE, jitter.most, 1), CHANGE(BOOL, jitter.together, 1),
    CHANGE(BOOL, largest_component, 1), CHANGE(DOUBLE, plain, 1), CHANGE(BOOL, keep_zeros, 1),
    CHANGE(DOUBLE, rule.loss.focal, 5), CHANGE(DOUBLE, rule.loss.dice, 5), CHANGE(DOUBLE, rule.loss.iou, 5),
    CHANGE(DOUBLE, rule.loss.alpha, 0.5), CHANGE(DOUBLE, rule.loss.gamma, 1), CHANGE(DOUBLE, rule.loss.smooth, 30),
    CHANGE(BOOL, rule.loss.whole_batch, 1), CHANGE(INT, rule.outputs, OUTPUTS_ONE), CHANGE(INT, rule.choice, CHOOSE_LOWEST),
    CHANGE(INT, rule.iou, IOU_OF_ALL),
    CHANGE(INT, first_points.of, 3), CHANGE(INT, points.of, 2),
    CHANGE(DOUBLE, adam.lr, 1e-3), CHANGE(DOUBLE, adam.beta1, 0.5), CHANGE(DOUBLE, adam.beta2, 0.9), CHANGE(DOUBLE, adam.eps, 1e-3),
    CHANGE(DOUBLE, adam.weight_decay, 0.3), CHANGE(BOOL, adam.decoupled, 0), CHANGE(DOUBLE, clip, 0.5), CHANGE(DOUBLE, ema, 0.2),
    CHANGE(INT, schedule, SCHEDULE_COSINE), CHANGE(INT64, warmup, 3), CHANGE(DOUBLE, lr_steps.factor, 0.1),
    CHANGE(DOUBLE, lr_steps.at, 0), CHANGE(DOUBLE, augmentation.flip, 1), CHANGE(DOUBLE, augmentation.rotate_deg, 90),
    CHANGE(DOUBLE, augmentation.scale, 1), CHANGE(DOUBLE, augmentation.elastic, 0.2), CHANGE(DOUBLE, augmentation.intensity, 0.7),
    CHANGE(DOUBLE, augmentation.window, 0.4), CHANGE(DOUBLE, augmentation.noise, 0.4), CHANGE(DOUBLE, augmentation.blur, 4),
    CHANGE(DOUBLE, augmentation.low_resolution, 1), CHANGE(DOUBLE, augmentation.invert, 1)};
#undef CHANGE

static void apply(struct train_options *options, const struct change *change)
{
    char *field = (char *)options + change->at;
    switch (change->kind) {
    case DOUBLE: *(double *)field = change->value; break;
    case INT: *(int *)field = (int)change->value; break;
    case INT64: *(int64_t *)field = (int64_t)change->value; break;
    case UINT64: *(uint64_t *)field = (uint64_t)change->value; break;
    case BOOL: *(bool *)field = change->value != 0; break;
    }
}

/* Where all of them can be seen. */
static struct train_options rich_options(void)
{
    struct train_options options = plain_options();
    options.parts = PART_ALL;
    options.steps = 4;
    options.batch = 2;
    options.masks = 3;
    options.rounds = 3;
    options.box_share = 0.5;
    options.jitter = (struct box_jitter){.share = 0.1, .most = 5};
    options.adam.decoupled = true;
    options.adam.weight_decay = 0.1;
    options.schedule = SCHEDULE_STEP;
    options.lr_steps = (struct lr_steps){0.5, {0.25, 0.75}};
    options.augmentation = (struct augmentation){.flip = 0.5, .rotate_deg = 20, .scale = 0.1, .elastic = 0.02, .intensity = 0.1,
                                                 .window = 0.1, .noise = 0.05, .blur = 1, .low_resolution = 0.3, .invert = 0.2};
    return options;
}

static char *weights_of(const struct train_options *options, size_t *size)
{
    struct sm_config config = small_config();
    struct sm_model *model = small_model(&config);
    assert_int_equal(train_run(model, options, NULL, NULL, NULL, NULL), SM_OK);
    sm_model_close(model);
    return slurp(output, size);
}

static void test_every_number(void **unused)
{
    struct train_options options = rich_options();
    char settings[SETTINGS_MAX], changed_settings[SETTINGS_MAX];
    size_t size, changed_size;
    (void)unused;
    options.state = NULL;
    settings_of(settings, &options);
    char *weights = weights_of(&options, &size);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct train_options changed = options;
        apply(&changed, &changes[i]);
        settings_of(changed_settings, &changed);
        assert_true(strlen(changed_settings) < SETTINGS_MAX - 400); /* room for the longest numbers */
        if (strcmp(settings, changed_settings) == 0)
            fail_msg("%s: a run is gone on with when it is another", changes[i].what);
        char *changed_weights = weights_of(&changed, &changed_size);
        if (changed_size == size && memcmp(changed_weights, weights, size) == 0)
            fail_msg("%s: changes nothing", changes[i].what);
        free(changed_weights);
    }
    free(weights);
}

/* ---- rounds ---- */

/* Three prompts of two points, an answer that is wrong in one pixel of each, and two points more. */
static void ask_twice(struct train_options *options, struct prompt_batch *batch, float (*points)[2], int *labels)
{
    enum { PROMPTS = 3, BEFORE = 2, MORE = 2 };
    struct sm_config config = small_config();
    struct sm_model *model = small_model(&config);
    size_t size = (size_t)config.image_size, square = size * size, low = (size_t)sm_low_res_side(&config);
    struct run run = {.options = options, .learner = {.model = model}};
    struct rng rng = rng_of(1, 2);
    float boxes[4 * PROMPTS] = {0};
    options->masks = PROMPTS;
    options->points = (struct point_counts){{MORE}, 1};
    assert_int_equal(prompts_alloc(&run, NULL), SM_OK);
    run.learner.target = calloc(PROMPTS, square);
    run.learner.result.probabilities = calloc(PROMPTS * square, sizeof(float));
    run.learner.result.low_res = calloc(PROMPTS * low * low, sizeof(float));
    for (int i = 0; i < PROMPTS; i++) {
        run.learner.result.probabilities[(size_t)i * square + (size_t)i * size + 5] = 1; /* x 5, y i; nothing is there */
        for (int p = 0; p < BEFORE; p++) {
            run.prompts.points[BEFORE * i + p][0] = run.prompts.points[BEFORE * i + p][1] = (float)(10 * i + p);
            run.prompts.labels[BEFORE * i + p] = 1;
        }
    }
    *batch = (struct prompt_batch){.n = PROMPTS, .point_count = BEFORE, .boxes = boxes,
                                   .points = (const float(*)[2])run.prompts.points, .labels = run.prompts.labels};
    batch_ask_again(&run, batch, false, &rng);
    assert_non_null(batch->masks);
    assert_ptr_equal(batch->boxes, options->keep_prompts ? boxes : NULL);
    memcpy(points, batch->points, sizeof *points * (size_t)(PROMPTS * batch->point_count));
    memcpy(labels, batch->labels, sizeof *labels * (size_t)(PROMPTS * batch->point_count));
    free(run.learner.target), free(run.learner.result.probabilities), free(run.learner.result.low_res);
    prompts_free(&run.prompts);
    sm_model_close(model);
}

static void test_prompts_kept(void **unused)
{
    (void)unused;
    for (int keep = 0; keep < 2; keep++) {
        struct train_options options = plain_options();
        struct prompt_batch batch;
        float points[16][2];
        int labels[16], before = keep ? 2 : 0;
        options.keep_prompts = keep;
        ask_twice(&options, &batch, points, labels);
        assert_int_equal(batch.point_count, before + 2);
        for (int n = 0; n < 3 * batch.point_count; n++) {
            int prompt = n / batch.point_count, p = n % batch.point_count;
            bool old = p < before;
            assert_float_equal(points[n][0], old ? 10 * prompt + p : 5, 0);
            assert_float_equal(points[n][1], old ? 10 * prompt + p : prompt, 0);
            assert_int_equal(labels[n], old);
        }
    }
}

/* What is shown from near is asked with a box, and without corrections: rounds of them change nothing then. */
static void test_near_is_asked_once(void **unused)
{
    struct train_options options = rich_options();
    struct rng rng = rng_of(3, 4);
    size_t size, size_too;
    (void)unused;
    options.zoom = 0.5;
    for (int n = 0; n < 100; n++) {
        struct batch_kind kind = batch_draw_kind(&options, &rng);
        assert_true(kind.boxes || !kind.near);
    }
    options.zoom = options.box_share = 1;
    options.mask_only = 0;
    char *weights = weights_of(&options, &size);
    options.rounds = 0;
    char *without = weights_of(&options, &size_too);
    assert_int_equal(size, size_too);
    assert_memory_equal(weights, without, size);
    free(weights), free(without);
}

static void test_schedules(void **unused)
{
    static const struct {
        enum schedule schedule;
        double at[5]; /* of the largest rate, at 0, 1/4, 1/2, 3/4 and all of the run */
    } known[] = {{SCHEDULE_CONSTANT, {1, 1, 1, 1, 1}},
                 {SCHEDULE_LINEAR, {1, 0.775, 0.55, 0.325, 0.1}},
                 {SCHEDULE_COSINE, {1, 0.1 + 0.45 * (1 + 0.70710678), 0.55, 0.1 + 0.45 * (1 - 0.70710678), 0.1}},
                 {SCHEDULE_STEP, {1, 1, 0.2, 0.2, 0.04}}};
    struct train_options options = plain_options();
    (void)unused;
    options.lr_end = 0.1;
    options.lr_steps = (struct lr_steps){0.2, {0.5, 0.8}};
    options.warmup = 4;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        for (int quarter = 0; quarter < 5; quarter++) {
            options.schedule = known[i].schedule;
            assert_float_equal(schedule_lr(&options, 100, quarter / 4.0) / options.adam.lr, known[i].at[quarter], 1e-6);
            assert_float_equal(schedule_lr(&options, 1, quarter / 4.0) / options.adam.lr, 0.4 * known[i].at[quarter], 1e-6);
        }
}

/* ---- states ---- */

static void save_place(const struct sm_model *model, const struct parameters *parameters, struct run_place place)
{
    struct sm_err err;
    snprintf(place.settings, sizeof place.settings, "seed=0 lr=0.1");
    assert_int_equal(state_save(state, model, parameters, &place, &err), SM_OK);
}

static enum sm_status load_place(struct parameters *parameters, const char *settings, struct run_place *place,
                                 struct sm_err *err)
{
    snprintf(place->settings, sizeof place->settings, "%s", settings);
    return state_load(state, parameters, place, err);
}

static void test_states(void **unused)
{
    static const struct run_place wrong[] = {{.step = -1}, {.step = INT64_MAX}, {.drawn = -3}, {.seconds = NAN}};
    struct run_place place, saved = {.step = 7, .drawn = 3, .threads = 2, .seconds = 1.5, .sums = {.loss = 4, .updates = 9}};
    struct sm_config config = small_config();
    struct sm_model *model = small_model(&config);
    struct parameters parameters;
    struct sm_err err;
    (void)unused;
    assert_int_equal(parameters_make(&parameters, model, PART_POINTS, false, &err), SM_OK);
    parameters.list[0].step = 5;
    save_place(model, &parameters, saved);
    parameters.list[0].step = 0;
    assert_int_equal(load_place(&parameters, "seed=0 lr=0.1", &place, &err), SM_OK);
    assert_true(place.step == 7 && place.drawn == 3 && place.threads == 2 && place.seconds == 1.5);
    assert_memory_equal(&place.sums, &saved.sums, sizeof saved.sums);
    assert_int_equal(parameters.list[0].step, 5);
    assert_int_equal(load_place(&parameters, "seed=0 lr=0.2", &place, &err), SM_USAGE);
    assert_non_null(strstr(err.message, "lr=0.1, not lr=0.2"));
    assert_int_equal(load_place(&parameters, "seed=0 lr=0.1 more=1", &place, &err), SM_USAGE);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        save_place(model, &parameters, wrong[i]);
        assert_int_equal(load_place(&parameters, "seed=0 lr=0.1", &place, &err), SM_WEIGHTS);
        assert_non_null(strstr(err.message, "damaged"));
    }
    for (int i = 0; i < 3; i++) {
        parameters.list[0].step = i == 0 ? -1 : 5;
        parameters.list[0].m[0] = i == 1 ? NAN : 0;
        parameters.list[0].v[0] = i == 2 ? -1 : 0;
        save_place(model, &parameters, saved);
        assert_int_equal(load_place(&parameters, "seed=0 lr=0.1", &place, &err), SM_WEIGHTS);
        assert_non_null(strstr(err.message, "damaged"));
    }
    parameters_free(&parameters);
    sm_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_finite_gradient), cmocka_unit_test(test_stopped),
                                       cmocka_unit_test(test_every_number), cmocka_unit_test(test_prompts_kept),
                                       cmocka_unit_test(test_near_is_asked_once), cmocka_unit_test(test_schedules),
                                       cmocka_unit_test(test_states)};
    nn_set_threads(1);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
