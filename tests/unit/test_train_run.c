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
#include "train/state.h"
#include "train/train.h"

static char directory[] = "/tmp/sammed2d-run-XXXXXX";
static char output[64], state[64];

static int set_up(void **unused)
{
    (void)unused;
    bool made = mkdtemp(directory) != NULL;
    snprintf(output, sizeof output, "%s/w.h5", directory);
    snprintf(state, sizeof state, "%s/s.h5", directory);
    return made ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    remove(output);
    remove(state);
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
    parameters.list[0].step = -1;
    save_place(model, &parameters, saved);
    assert_int_equal(load_place(&parameters, "seed=0 lr=0.1", &place, &err), SM_WEIGHTS);
    parameters_free(&parameters);
    sm_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_finite_gradient), cmocka_unit_test(test_states)};
    nn_set_threads(1);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
