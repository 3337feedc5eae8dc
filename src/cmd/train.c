/* sammed2d train: model and data opened, one call, results said. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/output.h"
#include "cmd/resized_model.h"
#include "cmd/train.h"
#include "model/config.h"
#include "nn/nn.h"
#include "sammed2d/dataset.h"
#include "sammed2d/sammed2d.h"
#include "train/fresh.h"

/* Everything that is open. */
struct job {
    const struct train_command *command;
    struct train_options *options;
    struct sm_model *model;
    struct sm_dataset *data, *val;
    struct pool *pool, *held_out;
    char state[1024], log[1024], curve[1024], name[128], provenance[512];
};

/* ---- names of files ---- */

/* OUT.h5 to OUT and an ending. */
static void beside(char *path, size_t size, const char *output, const char *ending)
{
    size_t length = strlen(output);
    if (length > 3 && strcmp(output + length - 3, ".h5") == 0)
        length -= 3;
    snprintf(path, size, "%.*s%s", (int)length, output, ending);
}

static void name_files(struct job *job)
{
    const struct train_command *c = job->command;
    const char *slash = strrchr(c->output, '/');
    beside(job->state, sizeof job->state, c->output, ".state.h5");
    beside(job->log, sizeof job->log, c->output, ".log.jsonl");
    beside(job->curve, sizeof job->curve, c->output, ".curve.png");
    beside(job->name, sizeof job->name, slash ? slash + 1 : c->output, "");
    job->options->output = c->output;
    job->options->state = job->state;
    job->options->log = c->log ? c->log : job->log;
    job->options->curve = c->curve ? c->curve : job->curve;
    job->options->name = c->name ? c->name : job->name;
}

/* ---- the model ---- */

static enum sm_status new_model(struct job *job, struct sm_err *err)
{
    static uint64_t seed;
    struct sm_config config;
    struct tensor_source source = fresh_source(&seed);
    int size = job->command->image_size ? job->command->image_size : 256;
    seed = (uint64_t)job->command->seed;
    if (!config_preset(&config, job->command->preset, size, true))
        return sm_fail(err, SM_USAGE, "--new takes tiny, small, medium, fine, vit_b, vit_l or vit_h, not \"%s\"",
                       job->command->preset);
    snprintf(config.licence, sizeof config.licence, "of whoever trained it");
    return model_from_source(&job->model, &config, &source, err);
}

/* How slices are shown is part of the model that comes out. */
static enum sm_status set_feeding(struct job *job, struct sm_err *err)
{
    static const char *const orients[] = {"radiological", "stored", "sa-med2d"};
    struct sm_config *config = &job->model->config;
    const struct train_command *c = job->command;
    if (c->licence)
        snprintf(config->licence, sizeof config->licence, "%s", c->licence);
    if (c->window) {
        enum sm_status status = sm_window_parse(&config->normalization, c->window, err);
        if (status)
            return status;
        if (config->normalization.mode == SM_WINDOW_DEFAULT || config->normalization.mode == SM_WINDOW_STORED)
            config->normalization.mode = SM_WINDOW_MINMAX; /* pictures stay as they are by themselves */
    }
    for (int i = 0; c->orient && i < 3; i++)
        if (strcmp(c->orient, orients[i]) == 0) {
            config->orientation = (enum sm_orient)i;
            return SM_OK;
        }
    return c->orient ? sm_fail(err, SM_USAGE, "--orient takes radiological, stored or sa-med2d, not \"%s\"", c->orient)
                     : SM_OK;
}

/* A state that is gone on with says already where it comes from. */
static void set_provenance(struct job *job, const char *start)
{
    const struct train_command *c = job->command;
    struct sm_config *config = &job->model->config;
    const char *slash = strrchr(start, '/');
    if (!c->resume)
        snprintf(config->provenance, sizeof config->provenance, "trained by sammed2d %s from %.200s on %s, seed %d",
                 sm_version(), c->preset ? "nothing" : slash ? slash + 1 : start,
                 !c->data ? "generated pictures" : "labelled data", c->seed);
    snprintf(job->provenance, sizeof job->provenance, "%s", config->provenance);
    job->options->provenance = job->provenance;
}

static enum sm_status open_model(struct job *job, struct sm_err *err)
{
    const struct train_command *c = job->command;
    const char *start = c->resume ? job->state : c->weights ? c->weights : cmd_default_weights();
    enum sm_status status = c->resume       ? sm_model_open(&job->model, start, err)
                            : c->preset     ? new_model(job, err)
                            : c->image_size ? resized_model_open(&job->model, start, c->image_size, err)
                                            : sm_model_open(&job->model, start, err);
    if (!status)
        status = set_feeding(job, err);
    if (status)
        return status;
    set_provenance(job, start);
    return SM_OK;
}

/* ---- the data ---- */

static enum sm_status pool_rule_of(struct job *job, struct pool_rule *rule, struct sm_err *err)
{
    static const char *const planes[] = {"auto", "axial", "coronal", "sagittal", "all"};
    const struct train_command *c = job->command;
    const struct sm_config *config = &job->model->config;
    *rule = (struct pool_rule){.orient = config->orientation,
                               .window = {.mode = SM_WINDOW_DEFAULT},
                               .smallest = c->min_mask_percent / 100,
                               .cache_bytes = (size_t)c->cache_mb << 20};
    if (c->window || config->normalization.mode != SM_WINDOW_MINMAX)
        rule->window = config->normalization;
    for (int i = 0; c->plane && i < 5; i++)
        if (strcmp(c->plane, planes[i]) == 0) {
            rule->all_planes = i == 4;
            rule->plane = i == 4 ? SM_PLANE_AUTO : (enum sm_plane)i;
            return SM_OK;
        }
    return c->plane ? sm_fail(err, SM_USAGE, "--plane takes auto, axial, coronal, sagittal or all, not \"%s\"", c->plane)
                    : SM_OK;
}

static enum sm_status open_data(struct job *job, struct sm_dataset **dataset, const char *path, struct sm_err *err)
{
    const struct train_command *c = job->command;
    enum sm_status status = sm_dataset_open(dataset, path, cmd_listener(), err);
    if (!status && c->subjects)
        status = sm_dataset_set_subjects(*dataset, c->subjects, err);
    return !status && c->channel ? sm_dataset_set_channel(*dataset, c->channel, err) : status;
}

static enum sm_status open_pools(struct job *job, struct sm_err *err)
{
    const struct train_command *c = job->command;
    struct pool_rule rule;
    enum sm_status status = pool_rule_of(job, &rule, err);
    if (!status && c->data)
        status = open_data(job, &job->data, c->data, err);
    rule.hold_out = c->hold_out;
    if (!status && c->data && job->options->synthetic < 1)
        status = pool_open(&job->pool, job->data, &rule, cmd_listener(), err);
    rule.held_out = true;
    if (!status && c->val) {
        rule.hold_out = 0;
        status = open_data(job, &job->val, c->val, err);
        if (!status)
            status = pool_open(&job->held_out, job->val, &rule, cmd_listener(), err);
    } else if (!status && c->hold_out && job->data) {
        status = pool_open(&job->held_out, job->data, &rule, cmd_listener(), err);
    }
    return status;
}

static void count_steps(struct job *job)
{
    struct train_options *o = job->options;
    double slices = job->pool ? (double)pool_slices(job->pool) : 1000;
    o->steps = job->command->steps ? job->command->steps : (int64_t)ceil(job->command->epochs * slices / o->batch);
    if (!job->command->steps && o->minutes > 0)
        o->steps = 1000000000; /* time alone ends it */
    if (job->pool)
        sm_note(cmd_listener(), "training on %zu slices of %zu cases", pool_slices(job->pool), pool_cases(job->pool));
    if (job->held_out)
        sm_note(cmd_listener(), "held out: %zu slices of %zu cases", pool_slices(job->held_out),
                pool_cases(job->held_out));
}

/* ---- all of it ---- */

static enum sm_status check(const struct train_command *c, int arguments, struct sm_err *err)
{
    if (arguments > 0)
        return sm_fail(err, SM_USAGE, "data are given by --data");
    if (!c->output)
        return sm_fail(err, SM_USAGE, "the weights file to write is needed: -o OUT.h5");
    if (!c->data && c->synthetic == 0)
        return sm_fail(err, SM_USAGE, "--data or --synthetic 1 is needed: something to learn from");
    if (c->weights && c->preset)
        return sm_fail(err, SM_USAGE, "--weights and --new exclude each other");
    return output_check(c->output, err);
}

static enum sm_status run(struct job *job, struct sm_err *err)
{
    enum sm_status status = train_settle(job->command, job->options, err);
    if (status)
        return status;
    name_files(job);
    status = open_model(job, err);
    if (!status)
        status = open_pools(job, err);
    if (status)
        return status;
    count_steps(job);
    return train_run(job->model, job->options, job->pool, job->held_out, cmd_listener(), err);
}

int cmd_train(int argc, char **argv)
{
    struct train_command command;
    struct train_options options;
    struct sm_err err = {.status = SM_OK};
    int done = train_parse(&command, &options, &argc, &argv);
    if (done >= 0)
        return done;
    struct job job = {.command = &command, .options = &options};
    nn_set_threads(cmd_common.threads);
    enum sm_status status = check(&command, argc, &err);
    if (!status)
        status = run(&job, &err);
    pool_close(job.pool);
    pool_close(job.held_out);
    sm_dataset_close(job.data);
    sm_dataset_close(job.val);
    sm_model_close(job.model);
    err.status = status;
    return status ? cmd_fail("train", &err) : SM_OK;
}
