/* sammed2d segment: options, load, one call, store. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cmd/segment.h"
#include "nn/nn.h"
#include "sammed2d/input.h"

enum { DEFAULT_MEGABYTES = 1024, MOST_MEGABYTES = 1 << 20 }; /* of --embeddings-size */
enum { NOT_GIVEN = INT_MIN }; /* -1 is a number that a user may type */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- options ---- */

static enum sm_status append(struct prompt_options *options, char kind, const char *text,
                             struct sm_err *err)
{
    struct prompt_option *list = realloc(options->list, (options->count + 1) * sizeof *list);
    if (!list)
        return sm_fail(err, SM_MEMORY, "out of memory");
    options->list = list;
    list[options->count++] = (struct prompt_option){kind, text};
    return SM_OK;
}

#define PROMPT_OPTION(function, kind)                                                              \
    static enum sm_status function(void *context, const char *value, struct sm_err *err)           \
    {                                                                                              \
        return append(context, kind, value, err);                                                  \
    }
PROMPT_OPTION(add_box, 'b')
PROMPT_OPTION(add_point, 'p')
PROMPT_OPTION(add_exclude, 'x')
PROMPT_OPTION(add_file, 'f')
PROMPT_OPTION(add_mask, 'm')

static enum sm_status check_values(const struct segment_command *command, int inputs, struct sm_err *err)
{
    int megabytes = command->embeddings_size;
    if (command->volume_index < 0 && command->volume_index != NOT_GIVEN)
        return sm_fail(err, SM_USAGE, "--volume counts from 0");
    if (megabytes != NOT_GIVEN && (megabytes < 1 || megabytes > MOST_MEGABYTES))
        return sm_fail(err, SM_USAGE, "--embeddings-size %d: expected 1 to %d", megabytes, MOST_MEGABYTES);
    if (megabytes != NOT_GIVEN && !command->embeddings)
        return sm_fail(err, SM_USAGE, "--embeddings-size limits the file of --embeddings; name that file too");
    if (command->series_number < 1 && command->series_number != NOT_GIVEN)
        return sm_fail(err, SM_USAGE, "--series-number counts from 1");
    if (inputs != 1)
        return sm_fail(err, SM_USAGE, inputs ? "one input at a time; see --help" : "no input given; see --help");
    return SM_OK;
}

static int parse(struct segment_command *command, int *argc, char ***argv)
{
    static const struct synopsis synopsis = {
        "segment", "INPUT -o OUT... PROMPTS",
        "Segments what the prompts point at in a NIfTI volume, a DICOM series or a PNG, into a label map or DICOM SEG."};
    struct prompt_options *prompts = &command->prompt_options;
    const struct option_row rows[] = {
        OPTION_LIST('o', "output", &command->outputs, "FILE", "label map, .nii or .nii.gz, or DICOM SEG, .dcm; may be repeated"),
        OPTION_TEXT('w', "weights", &command->weights, "FILE", "weights (default: $SAMMED2D_WEIGHTS, else the bundled model)"),
        OPTION_CALL(0, "box", prompts, "NAME=i0,j0,k0,i1,j1,k1", "3-D box, inclusive voxel indices", add_box),
        OPTION_CALL(0, "point", prompts, "NAME=i,j,k", "point inside", add_point),
        OPTION_CALL(0, "exclude", prompts, "NAME=i,j,k", "point outside", add_exclude),
        OPTION_CALL(0, "prompts", prompts, "FILE", "prompts as JSON or 3D Slicer markups", add_file),
        OPTION_CALL(0, "mask", prompts, "FILE", "label map, DICOM SEG or RT structure set as prompt", add_mask),
        OPTION_TEXT(0, "mask-as", &command->mask_as, "box|mask|both", "how a mask is shown to the network (default box)"),
        OPTION_TEXT(0, "space", &command->space, "voxel|lps|ras", "how --box and --point are meant (default voxel)"),
        OPTION_INT(0, "volume", &command->volume_index, "N", "which volume of a 4-D file, from 0"),
        OPTION_TEXT(0, "series", &command->series, "UID|N", "which DICOM series, by its UID or its number in sammed2d info"),
        OPTION_TEXT(0, "gaps", &command->gaps, "error|fill|resample", "what a label map does where slices are missing or uneven (default error)"),
        OPTION_TEXT(0, "window", &command->window, "MODE", "minmax, volume, percentile, dicom, stored, C,W, or abdomen, lung, bone, brain, mediastinum, liver"),
        OPTION_TEXT(0, "plane", &command->plane, "auto|axial|coronal|sagittal", "which slices (default auto)"),
        OPTION_TEXT(0, "orient", &command->orient, "radiological|stored|sa-med2d", "how the network sees a slice"),
        OPTION_TEXT(0, "propagate", &command->propagate, "auto|both|up|down|none", "carry objects to further slices (default auto: not with 3-D boxes)"),
        OPTION_TEXT(0, "multimask", &command->multimask, "yes|no|box|points", "best of three masks, the single one, the former where there is a box or a mask, or all weighed by points"),
        OPTION_TEXT(0, "zoom", &command->zoom, "no|F", "look a second time at what is in a box, in F times its size"),
        OPTION_TEXT(0, "precision", &command->precision, "float32|bf16|int8", "what the image encoder computes with (default float32, or what the weights are packed for)"),
        OPTION_TEXT(0, "mirrors", &command->mirrors, "no|2|4", "look at a slice in so many images, mirrored ones with it, and take the mean"),
        OPTION_TEXT(0, "embeddings", &command->embeddings, "FILE.h5", "keep what the encoder made of each slice, for the next prompts on it"),
        OPTION_INT(0, "embeddings-size", &command->embeddings_size, "MB", "how large a new FILE.h5 of --embeddings may become (default 1024)"),
        OPTION_FLAG(0, "overlap", &command->overlap, "keep (SEG) and count each object's own mask where objects overlap"),
        OPTION_TEXT(0, "probabilities", &command->probabilities, "FILE", "probabilities, one volume an object"),
        OPTION_TEXT(0, "stats", &command->stats, "FILE", "figures of each object, .json or .csv"),
        OPTION_TEXT(0, "preview", &command->preview, "FILE.png", "contact sheet with outlines and prompts"),
        OPTION_TEXT(0, "seg-type", &command->seg_type, "binary|fractional|labelmap", "kind of DICOM SEG (default binary)"),
        OPTION_FLAG(0, "fractional", &command->fractional, "the same as --seg-type fractional: probabilities"),
        OPTION_TEXT(0, "meta", &command->meta, "FILE", "codes and texts of the SEG, as dcmqi's JSON"),
        OPTION_INT(0, "series-number", &command->series_number, "N", "series number of the SEG"),
        OPTION_TEXT(0, "series-description", &command->series_description, "TEXT", "series description of the SEG"),
        OPTION_TEXT(0, "content-creator", &command->content_creator, "NAME", "who made the SEG, as DICOM writes names: Doe^Jane"),
        OPTION_LIST(0, "tracking-id", &command->tracking, "NAME=ID", "tracking ID of an object in the SEG; may be repeated"),
        OPTION_FLAG(0, "json", &command->json, "print one JSON document on standard output"),
        OPTION_END};
    struct sm_err err;
    int status = options_parse(&synopsis, rows, argc, argv);
    return status < 0 && check_values(command, *argc, &err) ? cmd_fail("segment", &err) : status;
}

/* ---- the work ---- */

/* A fixed-prompt file speaks of the reference's 256 x 256 pictures; say so where it makes a difference. */
static void warn_square(const struct segment_job *job)
{
    const int *dim = job->volume.grid.dim;
    for (size_t o = 0; o < job->prompts.count; o++) {
        const struct sm_object *object = &job->prompts.objects[o];
        bool square = (object->box_count && object->boxes[0].space == SM_SPACE_SQUARE) ||
                      (object->point_count && object->points[0].space == SM_SPACE_SQUARE);
        if (square && (dim[0] != 256 || dim[1] != 256)) {
            sm_warn(cmd_listener(), "SAM-Med2D's fixed prompts are in pixels of its 256 x 256 pictures; "
                                    "they are brought to this picture of %d x %d", dim[0], dim[1]);
            return;
        }
    }
}

static enum sm_status open_model(struct segment_job *job, struct sm_err *err)
{
    const struct segment_command *command = job->command;
    enum sm_precision precision = segment_precision(command);
    enum sm_status status = sm_model_open_lazily(&job->model, command->weights, precision, err);
    if (status || !command->embeddings)
        return status;
    int megabytes = command->embeddings_size == NOT_GIVEN ? DEFAULT_MEGABYTES : command->embeddings_size;
    status = segment_digest_weights(job, err);
    return status ? status
                  : sm_embeddings_open(&job->embeddings, command->embeddings, job->model, job->weights_sha256,
                                       megabytes, err);
}

static enum sm_status load_input(struct segment_job *job, struct sm_err *err)
{
    const struct segment_command *command = job->command;
    enum sm_status status = sm_input_open(&job->volume, job->input, command->volume_index == NOT_GIVEN ? -1 : command->volume_index,
                                          command->series, cmd_listener(), err);
    if (!status)
        status = segment_check_gaps(job, err);
    if (!status)
        warn_square(job);
    if (!status && sm_prompts_resolve_in(&job->prompts, &job->volume, cmd_listener(), err))
        status = sm_fail_context(err, "%s", job->input);
    if (!status)
        status = sm_prompts_load_masks(&job->prompts, &job->volume, cmd_listener(), err);
    return status ? status : segment_seg_prepare(job, err);
}

static enum sm_status load(struct segment_job *job, struct sm_err *err)
{
    const struct segment_command *command = job->command;
    enum sm_status status = segment_choices(command, &job->options, err);
    if (!status)
        status = segment_prompts(command, job->input, &job->prompts, err);
    if (!status)
        status = segment_check_outputs(command, job->input, &job->prompts, err);
    if (!status)
        status = load_input(job, err);
    if (!status)
        status = open_model(job, err);
    job->options.embeddings = job->embeddings;
    return status ? status : segment_begin_maps(job, err);
}

static enum sm_status report(const struct segment_job *job, struct sm_err *err)
{
    if (!job->command->json)
        return SM_OK;
    json_t *json = segment_report_json(job);
    if (!json)
        return sm_fail(err, SM_MEMORY, "out of memory");
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(json);
    putchar('\n');
    return SM_OK;
}

static bool any_empty(const struct sm_result *result)
{
    for (size_t o = 0; o < sm_result_objects(result); o++)
        if (!sm_result_object(result, o)->voxels)
            return true;
    return false;
}

static enum sm_status work(struct segment_job *job, struct sm_err *err)
{
    struct segment_seconds *seconds = &job->seconds;
    double loaded;
    seconds->start = now();
    enum sm_status status = load(job, err);
    seconds->read = now() - seconds->start;
    if (!status)
        status = sm_segment(&job->result, job->model, &job->volume, &job->prompts, &job->options,
                            cmd_listener(), err);
    if (!status)
        status = sm_volume_load_all(&job->volume, err); /* they are there: lets go of the file */
    if (status)
        return status;
    sm_result_seconds(job->result, &loaded, &seconds->encode, &seconds->decode);
    seconds->read += loaded;
    sm_input_warn(&job->volume, job->input, cmd_listener());
    double start = now();
    status = segment_write(job, err);
    seconds->write = now() - start;
    seconds->total = now() - seconds->start;
    if (!status)
        status = report(job, err);
    return status;
}

int cmd_segment(int argc, char **argv)
{
    struct segment_command command = {
        .volume_index = NOT_GIVEN, .series_number = NOT_GIVEN, .embeddings_size = NOT_GIVEN};
    struct sm_err err = {0};
    int status = parse(&command, &argc, &argv);
    if (status < 0) {
        if (!command.weights)
            command.weights = cmd_default_weights();
        if (command.series_number == NOT_GIVEN)
            command.series_number = 0;
        struct segment_job job = {.command = &command, .input = argv[0]};
        nn_set_threads(cmd_common.threads);
        status = work(&job, &err);
        if (status)
            cmd_fail("segment", &err);
        else if (any_empty(job.result))
            status = SM_PARTIAL;
        segment_free_maps(&job);
        segment_seg_free(job.seg);
        sm_result_free(job.result);
        sm_embeddings_close(job.embeddings);
        sm_prompts_free(&job.prompts);
        sm_volume_free(&job.volume);
        sm_model_close(job.model);
    }
    option_list_free(&command.outputs);
    option_list_free(&command.tracking);
    free(command.prompt_options.list);
    return status;
}
