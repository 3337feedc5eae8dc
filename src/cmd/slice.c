/* sammed2d slice: options, sources, summary. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/clash.h"
#include "cmd/slice.h"
#include "nn/nn.h"

enum { NOT_GIVEN = INT_MIN }; /* -1 is a number that a user may type */

static int parse(struct slice_command *command, int *argc, char ***argv)
{
    static const struct synopsis synopsis = {
        "slice", "INPUT -o DIR [--labels FILE] | --data FILE_OR_DIR -o DIR | --synthetic N -o DIR",
        "Writes the slices of volumes as PNG; with labels as a data set in SA-Med2D's layout."};
    const struct option_row rows[] = {
        OPTION_TEXT('o', "output", &command->output, "DIR", "folder for the pictures"),
        OPTION_TEXT(0, "labels", &command->labels, "FILE", "label map, DICOM SEG or RT structure set of the input"),
        OPTION_TEXT(0, "data", &command->data, "FILE_OR_DIR", "a whole labelled data set instead of an input"),
        OPTION_TEXT(0, "plane", &command->plane, "auto|axial|coronal|sagittal|all", "which slices (default auto)"),
        OPTION_TEXT(0, "orient", &command->orient, "radiological|stored|sa-med2d", "how a slice is turned (default radiological)"),
        OPTION_TEXT(0, "window", &command->window, "MODE", "minmax, volume, percentile, dicom, stored, C,W, or abdomen, lung, bone, brain, mediastinum, liver"),
        OPTION_TEXT(0, "slices", &command->range, "A-B/STEP", "only these, by voxel index from 0 (default all)"),
        OPTION_DOUBLE(0, "min-mask", &command->smallest_mask_percent, "PERCENT", "leave out masks smaller than this part of the picture (default 0.153)"),
        OPTION_DOUBLE(0, "min-aspect", &command->smallest_aspect, "RATIO", "leave out labelled slices whose short edge is less than this part of the long one (default 0.5)"),
        OPTION_INT(0, "hold-out", &command->hold_out, "N", "every Nth subject for testing only, the others for training only"),
        OPTION_TEXT(0, "subjects", &command->subjects, "RULE", "whose image a case is: name, pairs, or a regular expression"),
        OPTION_INT(0, "channel", &command->channel, "N", "which channel of --data is sliced, from 0"),
        OPTION_INT(0, "volume", &command->volume, "N", "which volume of a 4-D file, from 0"),
        OPTION_TEXT(0, "series", &command->series, "UID|N", "which DICOM series, by its UID or its number in sammed2d info"),
        OPTION_TEXT(0, "name", &command->name, "NAME", "what pictures of the input are called (default: its file name; DICOM: a digest)"),
        OPTION_INT(0, "synthetic", &command->synthetic, "N", "N generated pictures with their objects instead of an input"),
        OPTION_INT(0, "seed", &command->seed, "N", "which series of generated pictures (default 0)"),
        OPTION_FLAG(0, "json", &command->json, "print one JSON document on standard output"),
        OPTION_END};
    return options_parse(&synopsis, rows, argc, argv);
}

static enum sm_status check(const struct slice_command *command, int inputs, struct sm_err *err)
{
    if (!command->output)
        return sm_fail(err, SM_USAGE, "a folder for the pictures is needed: -o DIR");
    bool generated = command->synthetic != 0;
    if (command->synthetic < 0 || command->synthetic > 1000000)
        return sm_fail(err, SM_USAGE, "--synthetic takes a number from 1 to 1000000, not %d", command->synthetic);
    if (inputs + (command->data != NULL) + generated != 1)
        return sm_fail(err, SM_USAGE, "one INPUT is needed, or --data or --synthetic instead; given are %d%s%s", inputs,
                       command->data ? " and --data" : "", generated ? " and --synthetic" : "");
    if ((command->data || generated) && (command->labels || command->series || command->name))
        return sm_fail(err, SM_USAGE, "--labels, --series and --name belong to an INPUT, not to --data or --synthetic");
    if ((command->data || generated) && command->volume != NOT_GIVEN)
        return sm_fail(err, SM_USAGE, "--volume belongs to an INPUT; of --data, --channel chooses");
    if (command->volume < 0 && command->volume != NOT_GIVEN)
        return sm_fail(err, SM_USAGE, "--volume counts from 0");
    if (!command->data && (command->hold_out || command->subjects || command->channel))
        return sm_fail(err, SM_USAGE, "--hold-out, --subjects and --channel belong to --data");
    if (command->data && clash_same_file(command->output, command->data))
        return sm_fail(err, SM_USAGE, "%s: is the folder of the data, which would be another data set with pictures in it; give "
                                      "the pictures a folder of their own", command->output);
    return SM_OK;
}

/* ---- the summary ---- */

static json_t *warnings_json(void)
{
    const char *const *warnings;
    size_t count = cmd_warnings(&warnings);
    json_t *list = json_array();
    for (size_t n = 0; n < count; n++)
        json_array_append_new(list, json_text(warnings[n]));
    return list;
}

static enum sm_status print_json(const struct slice_job *job, const struct sm_slices_count *c, struct sm_err *err)
{
    json_t *json = json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I}, s:O, s:o}", "output",
                             json_text(job->command->output), "layout", job->options.labelled ? "sa-med2d" : "pictures",
                             "cases", (json_int_t)c->cases, "images", (json_int_t)c->images, "masks", (json_int_t)c->masks,
                             "kept", (json_int_t)c->kept, "left_out", "small_masks", (json_int_t)c->small_masks,
                             "oblong_slices", (json_int_t)c->extreme_slices, "slices_without_mask",
                             (json_int_t)c->empty_slices, "failed", job->failed, "warnings", warnings_json());
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
    if (text)
        puts(text);
    free(text);
    json_decref(json);
    return text ? SM_OK : sm_fail(err, SM_MEMORY, "out of memory for the summary");
}

static void print_text(const struct slice_job *job, const struct sm_slices_count *c)
{
    printf("%s: %zu images", job->command->output, c->images);
    if (job->options.labelled)
        printf(" and %zu masks", c->masks);
    printf(" of %zu %s", c->cases, c->cases == 1 ? "case" : "cases");
    if (c->kept)
        printf("; %zu of these files were there", c->kept);
    putchar('\n');
    if (c->small_masks || c->extreme_slices || c->empty_slices)
        printf("left out: %zu slices without a mask, %zu too oblong, %zu masks too small\n", c->empty_slices,
               c->extreme_slices, c->small_masks);
}

/* ---- all of it ---- */

static enum sm_status run(struct slice_job *job, struct sm_err *err)
{
    enum sm_status status = slice_options(job, err);
    if (!status)
        status = job->command->synthetic ? slice_synthetic(job, err)
                 : job->command->data    ? slice_data(job, err)
                                         : slice_input(job, err);
    if (!status)
        status = sm_slices_finish(job->slices, err);
    if (status)
        return status;
    struct sm_slices_count count = sm_slices_counted(job->slices);
    if (job->command->json)
        status = print_json(job, &count, err);
    else if (!cmd_common.quiet)
        print_text(job, &count);
    return !status && (json_array_size(job->failed) || job->left_out) ? SM_PARTIAL : status;
}

int cmd_slice(int argc, char **argv)
{
    struct slice_command command = {.volume = NOT_GIVEN, .smallest_mask_percent = 0.153, .smallest_aspect = 0.5};
    struct sm_err err = {.status = SM_OK};
    int status = parse(&command, &argc, &argv);
    if (status >= 0)
        return status;
    nn_set_threads(cmd_common.threads);
    struct slice_job job = {.command = &command, .input = argc ? argv[0] : NULL, .failed = json_array()};
    status = check(&command, argc, &err);
    command.volume = command.volume == NOT_GIVEN ? -1 : command.volume; /* as sm_input_read has it */
    if (!status)
        status = run(&job, &err);
    sm_slices_close(job.slices);
    json_decref(job.failed);
    return status && status != SM_PARTIAL ? cmd_fail("slice", &err) : status;
}
