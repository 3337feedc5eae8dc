/* sammed2d train: model and data opened, one call, results said. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/output.h"
#include "base/suffix.h"
#include "cmd/clash.h"
#include "cmd/resized_model.h"
#include "cmd/train.h"
#include "model/config.h"
#include "nn/nn.h"
#include "sammed2d/dataset.h"
#include "sammed2d/sammed2d.h"
#include "train/fresh.h"

struct data {
    struct sm_dataset **sets; /* (count), NULL where not open yet */
    size_t count;
};

enum { LONGEST_OUTPUT = PATH_MAX - 16 }; /* with the longest ending of the files beside it */

/* Everything that is open. */
struct job {
    const struct train_command *command;
    struct train_options *options;
    struct sm_model *model;
    struct data data, val;
    struct pool *pool, *held_out;
    char state[PATH_MAX], log[PATH_MAX], curve[PATH_MAX], name[128], provenance[512];
};

/* ---- names of files ---- */

/* OUT.h5 to OUT and an ending. */
static void beside(char *path, size_t size, const char *output, const char *ending)
{
    const char *suffix = suffix_of(output, ".h5");
    size_t length = suffix ? (size_t)(suffix - output) : strlen(output);
    snprintf(path, size, "%.*s%s", (int)length, output, ending);
}

static enum sm_status name_files(struct job *job, struct sm_err *err)
{
    const struct train_command *c = job->command;
    const char *slash = strrchr(c->output, '/');
    if (strlen(c->output) > LONGEST_OUTPUT)
        return sm_fail(err, SM_USAGE, "%s: a name of more than %d bytes; give a shorter one", c->output, LONGEST_OUTPUT);
    beside(job->state, sizeof job->state, c->output, ".state.h5");
    beside(job->log, sizeof job->log, c->output, ".log.jsonl");
    beside(job->curve, sizeof job->curve, c->output, ".curve.png");
    beside(job->name, sizeof job->name, slash ? slash + 1 : c->output, "");
    job->options->output = c->output;
    job->options->state = job->state;
    job->options->log = c->log ? c->log : job->log;
    job->options->curve = c->curve ? c->curve : job->curve;
    job->options->name = c->name ? c->name : job->name;
    return SM_OK;
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
    struct sm_config *config = &job->model->config;
    const struct train_command *c = job->command;
    int orient = (int)config->orientation;
    enum sm_status status = option_choose(&orient, "orient", c->orient, sm_orient_words(), err);
    config->orientation = (enum sm_orient)orient;
    if (c->licence)
        snprintf(config->licence, sizeof config->licence, "%s", c->licence);
    if (!status && c->window)
        status = sm_window_parse(&config->normalization, c->window, err);
    if (config->normalization.mode == SM_WINDOW_DEFAULT || config->normalization.mode == SM_WINDOW_STORED)
        config->normalization.mode = SM_WINDOW_MINMAX; /* pictures stay as they are by themselves */
    return status;
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
                 !c->data.count ? "generated pictures" : "labelled data", c->seed);
    snprintf(job->provenance, sizeof job->provenance, "%s", config->provenance);
    job->options->provenance = job->provenance;
}

/* A state has its model; what was asked for beside it must be that. */
static enum sm_status open_state(struct job *job, struct sm_err *err)
{
    const struct train_command *c = job->command;
    struct sm_config asked;
    if (access(job->state, F_OK) != 0)
        return sm_fail(err, SM_NOT_FOUND, "%s: not there, so there is nothing to go on with; without --resume a run begins",
                       job->state);
    enum sm_status status = sm_model_open(&job->model, job->state, err);
    if (status)
        return status;
    const struct sm_config *config = &job->model->config;
    if (c->image_size && c->image_size != config->image_size)
        return sm_fail(err, SM_USAGE, "%s: that run was made with --image-size %d, not %d", job->state, config->image_size,
                       c->image_size);
    if (c->preset && config_preset(&asked, c->preset, config->image_size, true) &&
        (asked.embed_dim != config->embed_dim || asked.depth != config->depth || asked.patch_size != config->patch_size))
        return sm_fail(err, SM_USAGE, "%s: that run was not begun with --new %s", job->state, c->preset);
    return SM_OK;
}

static enum sm_status open_model(struct job *job, struct sm_err *err)
{
    const struct train_command *c = job->command;
    const char *start = c->resume ? job->state : c->weights ? c->weights : cmd_default_weights();
    enum sm_status status = c->resume       ? open_state(job, err)
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
    const struct train_command *c = job->command;
    const struct sm_config *config = &job->model->config;
    *rule = (struct pool_rule){.orient = config->orientation,
                               .window = {.mode = SM_WINDOW_DEFAULT},
                               .volumes = config->normalization,
                               .smallest = c->min_mask_percent / 100,
                               .cache_bytes = (size_t)c->cache_mb << 20};
    enum sm_status status = c->window ? sm_window_parse(&rule->window, c->window, err) : SM_OK;
    return status ? status : option_planes(&rule->plane, &rule->all_planes, c->plane, err);
}

/* `subjects`: NULL where nobody asks whose images they are. */
static enum sm_status open_data(struct data *data, const struct option_list *paths, const char *subjects, int channel,
                                struct sm_err *err)
{
    enum sm_status status = SM_OK;
    data->sets = calloc(paths->count + 1, sizeof *data->sets);
    if (!data->sets)
        return sm_fail(err, SM_MEMORY, "out of memory");
    data->count = paths->count;
    for (size_t i = 0; i < data->count && !status; i++) {
        status = sm_dataset_open(&data->sets[i], paths->values[i], cmd_listener(), err);
        if (!status && subjects)
            status = sm_dataset_set_subjects(data->sets[i], subjects, err);
        if (!status && channel)
            status = sm_dataset_set_channel(data->sets[i], channel, err);
    }
    return status;
}

static void close_data(struct data *data)
{
    for (size_t i = 0; i < data->count; i++)
        sm_dataset_close(data->sets[i]);
    free(data->sets);
}

static struct data_sets sets_of(const struct data *data)
{
    return (struct data_sets){data->sets, data->count};
}

static enum sm_status open_sets(struct job *job, struct sm_err *err)
{
    const struct train_command *c = job->command;
    enum sm_status status = open_data(&job->data, &c->data, c->subjects, c->channel, err);
    return status ? status : open_data(&job->val, &c->val, NULL, c->channel, err);
}

static enum sm_status open_pools(struct job *job, struct sm_err *err)
{
    const struct train_command *c = job->command;
    struct pool_rule rule;
    enum sm_status status = pool_rule_of(job, &rule, err);
    struct data_sets data = sets_of(&job->data), val = job->val.count ? sets_of(&job->val) : data;
    rule.hold_out = c->hold_out;
    rule.side = SIDE_LEARN;
    if (!status && job->data.count && job->options->synthetic < 1)
        status = pool_open(&job->pool, data, &rule, cmd_listener(), err);
    rule.side = job->val.count ? SIDE_ALL : SIDE_APART;
    if (!status && (job->val.count || c->hold_out || data_sets_have_tests(data)))
        status = pool_open(&job->held_out, val, &rule, cmd_listener(), err);
    job->options->data_digest = job->pool ? pool_digest(job->pool) + (uint64_t)c->channel : 0;
    return status;
}

static void count_steps(struct job *job)
{
    struct train_options *o = job->options;
    double slices = job->pool ? (double)pool_slices(job->pool) : 1000;
    int steps = job->command->steps;
    double epochs = job->command->epochs != TRAIN_STEPS_OPEN ? job->command->epochs : 10;
    o->steps = steps != TRAIN_STEPS_OPEN ? steps : (int64_t)ceil(epochs * slices / o->batch);
    if (steps == TRAIN_STEPS_OPEN && o->minutes > 0)
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
    if (!c->data.count && c->synthetic < 1)
        return sm_fail(err, SM_USAGE, "--data or --synthetic 1 is needed: something to learn from");
    if (!c->data.count && c->hold_out)
        return sm_fail(err, SM_USAGE, "--hold-out needs --data: generated pictures are of nobody");
    if (c->weights && c->preset)
        return sm_fail(err, SM_USAGE, "--weights and --new exclude each other");
    if (c->steps != TRAIN_STEPS_OPEN && c->epochs != TRAIN_STEPS_OPEN)
        return sm_fail(err, SM_USAGE, "--steps and --epochs exclude each other");
    return output_check(c->output, err);
}

/* No output may replace what is read or another output. A run that goes on finds its own files, which may lie in the folder
 * of the data. */
static enum sm_status check_apart(const struct job *job, struct sm_err *err)
{
    const struct train_command *c = job->command;
    const struct data *const opened[] = {&job->data, &job->val};
    const struct option_list *const named[] = {&c->data, &c->val};
    const struct train_options *o = job->options;
    const char *const outputs[] = {o->output, o->state, o->log, o->curve};
    struct clash clash = {0};
    enum sm_status status = SM_OK;
    clash_reads(&clash, c->weights || c->preset || c->resume ? c->weights : cmd_default_weights(),
                "the weights file that training begins with");
    for (int d = 0; d < 2; d++)
        for (size_t n = 0; n < opened[d]->count; n++) {
            clash_reads_data(&clash, opened[d]->sets[n]);
            (c->resume ? clash_reads : clash_reads_folder)(&clash, named[d]->values[n], "labelled data");
        }
    for (int n = 0; n < 4 && !status; n++)
        status = clash_writes(&clash, outputs[n], NULL, err);
    for (int n = 0; n < 4 && !status; n++)
        status = output_check(outputs[n], err);
    clash_free(&clash);
    return status;
}

/* Hours of training are not replaced for want of one word: the first thing that is saved would be over them. */
static enum sm_status check_state(const struct job *job, struct sm_err *err)
{
    if (job->command->resume || access(job->state, F_OK) != 0)
        return SM_OK;
    return sm_fail(err, SM_USAGE,
                   "%s: is the state of an earlier run, which this one would replace; --resume goes on with "
                   "it; to begin anew, give another -o, or remove it",
                   job->state);
}

static enum sm_status run(struct job *job, struct sm_err *err)
{
    enum sm_status status = train_settle(job->command, job->options, err);
    if (status)
        return status;
    status = name_files(job, err);
    if (!status)
        status = check_state(job, err);
    if (!status)
        status = open_sets(job, err);
    if (!status)
        status = check_apart(job, err);
    if (!status)
        status = open_model(job, err);
    if (!status)
        status = open_pools(job, err);
    if (status)
        return status;
    if (!job->model->config.adapter && (job->options->parts & (PART_ADAPTERS | PART_ENCODER)) == PART_ADAPTERS)
        sm_warn(cmd_listener(), "the model has no adapters: prompt encoder and decoder are trained, the image encoder is not");
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
    close_data(&job.data);
    close_data(&job.val);
    option_list_free(&command.data);
    option_list_free(&command.val);
    sm_model_close(job.model);
    err.status = status;
    return status ? cmd_fail("train", &err) : SM_OK;
}
