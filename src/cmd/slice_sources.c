/* What `slice` slices, and how. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/digest.h"
#include "base/suffix.h"
#include "cmd/slice.h"
#include "nn/nn.h"
#include "sammed2d/dicom.h"

/* ---- options ---- */

/* "A", "A-B", "A-", each with "/STEP", or "/STEP". */
static bool parse_range(const char *text, struct sm_slices_options *options)
{
    char *end = (char *)text;
    long first = 0, last = -1, step = 1;
    if (*end >= '0' && *end <= '9')
        last = first = strtol(end, &end, 10);
    if (end != text && *end == '-') {
        char *digits = end + 1;
        last = *digits >= '0' && *digits <= '9' ? strtol(digits, &end, 10) : -1;
        end = last < 0 ? digits : end;
    }
    bool good = end != text || *end == '/';
    if (*end == '/')
        step = end[1] >= '0' && end[1] <= '9' ? strtol(end + 1, &end, 10) : 0;
    if (!good || *end || step < 1 || first > INT32_MAX || last > INT32_MAX || step > INT32_MAX ||
        (last >= 0 && last < first))
        return false;
    options->first = (int)first;
    options->last = (int)last;
    options->step = (int)step;
    return true;
}

enum sm_status slice_options(struct slice_job *job, struct sm_err *err)
{
    const struct slice_command *command = job->command;
    enum sm_plane plane = SM_PLANE_AUTO;
    bool all = false;
    int orient = SM_ORIENT_RADIOLOGICAL;
    enum sm_status status = option_planes(&plane, &all, command->plane, err);
    if (!status)
        status = option_choose(&orient, "orient", command->orient, sm_orient_words(), err);
    job->options = (struct sm_slices_options){.labelled = command->labels || command->data || command->synthetic, .all_planes = all,
                                              .plane = all ? SM_PLANE_AXIAL : plane,
                                              .orient = (enum sm_orient)orient, .last = -1, .step = 1,
                                              .smallest_mask = command->smallest_mask_percent / 100,
                                              .smallest_aspect = command->smallest_aspect, .threads = nn_threads()};
    if (!status && command->window)
        status = sm_window_parse(&job->options.window, command->window, err);
    if (!status && command->range && !parse_range(command->range, &job->options))
        status = sm_fail(err, SM_USAGE, "--slices takes A, A-B, A- or /STEP, and A-B/STEP, in voxel indices from 0, not "
                         "\"%s\"", command->range);
    if (!status && !(command->smallest_mask_percent >= 0 && command->smallest_mask_percent <= 100))
        status = sm_fail(err, SM_USAGE, "--min-mask takes a percentage, from 0 to 100");
    if (!status && !(command->smallest_aspect >= 0 && command->smallest_aspect <= 1))
        status = sm_fail(err, SM_USAGE, "--min-aspect takes a ratio, from 0 to 1");
    if (!status && command->hold_out < 0)
        status = sm_fail(err, SM_USAGE, "--hold-out takes a number from 1, or 0 for none");
    return status;
}

/* ---- what the inputs are, so that a folder of other pictures is noticed ---- */

static void put_file(FILE *to, const char *path)
{
    struct stat status = {0};
    if (path && stat(path, &status) == 0)
        fprintf(to, "%s\n%lld %lld.%09ld\n", path, (long long)status.st_size, (long long)status.st_mtim.tv_sec,
                status.st_mtim.tv_nsec);
}

static enum sm_status open_slices(struct slice_job *job, FILE *inputs, char **text, const struct sm_listener *listener,
                                  struct sm_err *err)
{
    char hex[65];
    bool written = inputs && fclose(inputs) == 0;
    if (!written || !*text) {
        free(*text);
        return sm_fail(err, SM_MEMORY, "out of memory");
    }
    digest_bytes(*text, strlen(*text), hex);
    free(*text);
    job->options.inputs = hex;
    enum sm_status status = sm_slices_open(&job->slices, job->command->output, &job->options, listener, err);
    job->options.inputs = NULL;
    return status;
}

/* ---- one input ---- */

/* DICOM: neither the folder's name nor anything in the header, which may be a patient's. */
static void case_name(const struct slice_job *job, const struct sm_volume *volume, char name[300])
{
    const char *uid = sm_dicom_series_uid(volume), *slash = strrchr(job->input, '/');
    const char *file = slash && slash[1] ? slash + 1 : job->input;
    char hex[65];
    if (job->command->name) {
        snprintf(name, 300, "%s", job->command->name);
        return;
    }
    if (volume->format == SM_FORMAT_DICOM) {
        digest_bytes(uid ? uid : "", uid ? strlen(uid) : 0, hex);
        snprintf(name, 300, "dicom_%.12s", hex);
        return;
    }
    snprintf(name, 300, "%s", file);
    static const char *const suffixes[] = {".gz", ".nii", ".png", ".hdr", ".img"};
    for (size_t s = 0; s < sizeof suffixes / sizeof *suffixes; s++) {
        const char *suffix = suffix_of(name, suffixes[s]);
        if (suffix)
            name[suffix - name] = 0;
    }
}

enum sm_status slice_input(struct slice_job *job, struct sm_err *err)
{
    const struct slice_command *command = job->command;
    struct sm_volume volume = {0};
    struct sm_label_set objects = {0};
    char *text = NULL, name[300];
    size_t size;
    enum sm_status status = sm_input_read(&volume, job->input, command->volume, command->series, cmd_listener(), err);
    if (!status && command->labels)
        status = sm_label_set_read_on(&objects, command->labels, &volume, cmd_listener(), err);
    if (!status) {
        FILE *inputs = open_memstream(&text, &size);
        case_name(job, &volume, name);
        if (inputs)
            fprintf(inputs, "%s %d %s\n", name, command->volume, command->series ? command->series : "");
        if (inputs)
            put_file(inputs, job->input);
        if (inputs)
            put_file(inputs, command->labels);
        status = open_slices(job, inputs, &text, cmd_listener(), err);
    }
    if (!status)
        status = sm_slices_add(job->slices, name, &volume, command->labels ? &objects : NULL, true, true, err);
    sm_label_set_free(&objects);
    sm_volume_free(&volume);
    return status;
}

/* ---- a data set ---- */

/* Warnings come from several threads, progress is that of the cases. */
static pthread_mutex_t talking = PTHREAD_MUTEX_INITIALIZER;

static void warn(void *context, const char *sentence)
{
    const struct sm_listener *listener = context;
    pthread_mutex_lock(&talking);
    listener->warning(listener->context, sentence);
    pthread_mutex_unlock(&talking);
}

static void note(void *context, const char *sentence)
{
    const struct sm_listener *listener = context;
    pthread_mutex_lock(&talking);
    listener->note(listener->context, sentence);
    pthread_mutex_unlock(&talking);
}

static bool cancelled(void *context)
{
    return sm_cancelled(context);
}

/* Lives as long as job->slices, which calls it. */
static const struct sm_listener *shared_listener(void)
{
    static struct sm_listener listener = {.warning = warn, .note = note, .cancelled = cancelled};
    listener.context = (void *)cmd_listener();
    return &listener;
}

struct data {
    struct slice_job *job;
    struct sm_dataset *set;
    const struct sm_listener *listener;
    char **reasons; /* per case: why it failed, or NULL */
    enum sm_status status; /* of the first failure that ends all */
    struct sm_err *err;
    size_t done;
};

/* One bad case does not end the others; a full disk does. */
static bool ends_all(enum sm_status status)
{
    return status == SM_OUTPUT || status == SM_MEMORY || status == SM_INTERRUPTED;
}

static void add_case(struct data *data, size_t index)
{
    const struct sm_case *about = sm_dataset_case(data->set, index);
    int nth = data->job->command->hold_out;
    bool held_out = sm_dataset_held_out(data->set, index, nth);
    struct sm_volume image = {0};
    struct sm_label_set objects = {0};
    struct sm_err err = {.status = SM_OK};
    enum sm_status status = SM_INTERRUPTED;
    if (!sm_cancelled(data->listener))
        status = sm_dataset_read(data->set, index, &image, &objects, data->listener, &err);
    else
        sm_fail(&err, status, "interrupted; the same command goes on from here");
    if (!status)
        status = sm_slices_add(data->job->slices, about->name, &image, &objects, !nth || !held_out, !nth || held_out, &err);
    sm_label_set_free(&objects);
    sm_volume_free(&image);
    pthread_mutex_lock(&talking);
    if (status && !ends_all(status)) {
        data->reasons[index] = strdup(err.message);
        sm_warn(cmd_listener(), "left out: %s", err.message);
    } else if (status && !data->status) {
        data->status = status;
        *data->err = err;
    }
    sm_progress(cmd_listener(), "slicing cases", ++data->done, sm_dataset_cases(data->set));
    pthread_mutex_unlock(&talking);
}

/* Pictures are small: several at once. The slices of volumes are shared among the threads instead. */
static bool all_pictures(const struct sm_dataset *set)
{
    for (size_t n = 0; n < sm_dataset_cases(set); n++)
        if (!sm_dataset_case(set, n)->picture)
            return false;
    return true;
}

static void add_cases(struct data *data)
{
    int cases = (int)sm_dataset_cases(data->set);
    bool several = all_pictures(data->set);
#pragma omp parallel for schedule(dynamic) if (several) num_threads(data->job->options.threads)
    for (int n = 0; n < cases; n++) {
        pthread_mutex_lock(&talking);
        bool go_on = !data->status;
        pthread_mutex_unlock(&talking);
        if (go_on)
            add_case(data, (size_t)n);
    }
}

static enum sm_status open_data(struct data *data, struct sm_err *err)
{
    const struct slice_command *command = data->job->command;
    char *text = NULL;
    size_t size;
    enum sm_status status = sm_dataset_open(&data->set, command->data, cmd_listener(), err);
    if (!status && command->channel)
        status = sm_dataset_set_channel(data->set, command->channel, err);
    if (!status && command->subjects)
        status = sm_dataset_set_subjects(data->set, command->subjects, err);
    if (status)
        return status;
    FILE *inputs = open_memstream(&text, &size);
    for (size_t n = 0; inputs && n < sm_dataset_cases(data->set); n++) {
        const struct sm_case *about = sm_dataset_case(data->set, n);
        fprintf(inputs, "%s %d\n", about->name, command->channel);
        put_file(inputs, about->image);
        for (size_t f = 0; f < about->file_count; f++)
            put_file(inputs, about->files[f]);
    }
    return open_slices(data->job, inputs, &text, data->listener, err);
}

enum sm_status slice_data(struct slice_job *job, struct sm_err *err)
{
    struct data data = {.job = job, .listener = shared_listener(), .err = err};
    enum sm_status status = open_data(&data, err);
    size_t cases = status ? 0 : sm_dataset_cases(data.set);
    job->left_out = status ? 0 : sm_dataset_left_out(data.set);
    data.reasons = calloc(cases + 1, sizeof *data.reasons);
    if (!status && !data.reasons)
        status = sm_fail(err, SM_MEMORY, "out of memory");
    if (!status)
        add_cases(&data);
    for (size_t n = 0; data.reasons && n < cases; n++)
        if (data.reasons[n])
            json_array_append_new(job->failed, json_pack("{s:o, s:o}", "case", json_text(sm_dataset_case(data.set, n)->name),
                                                         "reason", json_text(data.reasons[n])));
    for (size_t n = 0; data.reasons && n < cases; n++)
        free(data.reasons[n]);
    free(data.reasons);
    status = status ? status : data.status;
    sm_dataset_close(data.set);
    return status;
}
