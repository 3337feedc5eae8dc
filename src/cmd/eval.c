/* sammed2d eval: options, data sets, one call, the tables. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/output.h"
#include "cmd/clash.h"
#include "cmd/cmd.h"
#include "nn/nn.h"
#include "sammed2d/evaluate.h"

struct command {
    struct option_list data, weights;
    const char *prompts, *volume, *fixed, *component, *average, *plane, *orient, *window, *multimask, *zoom, *mirrors, *precision, *results,
        *masks, *objects, *format, *subjects;
    int limit, every_nth, hold_out, seed, resamples, channel;
    double min_pixels, jitter, tolerance_mm;
    bool reference, json;
};

/* ---- options ---- */

static int parse(struct command *c, int *argc, char ***argv)
{
    static const struct synopsis synopsis = {
        "eval", "--data FILE_OR_DIR...",
        "Scores a model on labelled data with prompts made from the labels, as SAM-Med2D's test does."};
    const struct option_row rows[] = {
        OPTION_LIST(0, "data", &c->data, "FILE_OR_DIR", "labelled data (see the manual); may be repeated"),
        OPTION_LIST('w', "weights", &c->weights, "FILE", "weights (default: $SAMMED2D_WEIGHTS, else the bundled model); may be repeated"),
        OPTION_TEXT(0, "prompts", &c->prompts, "LIST", "box, pointN, iterN (default box,point1,point3,point5)"),
        OPTION_TEXT(0, "volume", &c->volume, "LIST", "figures in 3-D: every, three, box, point, or all"),
        OPTION_TEXT(0, "fixed", &c->fixed, "FILE", "SAM-Med2D's fixed prompts, for pictures"),
        OPTION_DOUBLE(0, "min-pixels", &c->min_pixels, "N", "least area of an object were its picture 256 x 256 (default 100)"),
        OPTION_TEXT(0, "component", &c->component, "largest|all", "what of a label is the object (default largest)"),
        OPTION_TEXT(0, "average", &c->average, "object|image", "mean over objects, or over images (default object)"),
        OPTION_FLAG(0, "reference-quirks", &c->reference, "prepare, sample and score exactly as SAM-Med2D's test.py"),
        OPTION_TEXT(0, "multimask", &c->multimask, "yes|no|box|points", "best of three masks, the single one, the former where there is a box or a mask, or all weighed by points"),
        OPTION_TEXT(0, "zoom", &c->zoom, "no|F", "look a second time at what is in a box, in F times its size"),
        OPTION_TEXT(0, "mirrors", &c->mirrors, "no|2|4", "look at a picture in so many images, mirrored ones with it, and take the mean"),
        OPTION_TEXT(0, "precision", &c->precision, "float32|bf16|int8", "what the image encoder computes with (default float32, or what the weights are packed for)"),
        OPTION_DOUBLE(0, "jitter", &c->jitter, "F", "move each side of a box by up to F of the box's size (default 0)"),
        OPTION_TEXT(0, "window", &c->window, "MODE", "minmax, volume, percentile, dicom, stored, C,W, or a preset"),
        OPTION_TEXT(0, "plane", &c->plane, "auto|axial|coronal|sagittal", "which slices (default auto)"),
        OPTION_TEXT(0, "orient", &c->orient, "radiological|stored|sa-med2d", "how the network sees a slice"),
        OPTION_INT(0, "every-nth", &c->every_nth, "N", "only slices 0, N, 2N ... of a volume"),
        OPTION_INT(0, "limit", &c->limit, "N", "only N objects, drawn at random"),
        OPTION_INT(0, "hold-out", &c->hold_out, "N", "only subjects 0, N, 2N ..., those that train --hold-out N leaves out"),
        OPTION_TEXT(0, "subjects", &c->subjects, "RULE", "whose image a case is: name, pairs, or a regular expression"),
        OPTION_INT(0, "channel", &c->channel, "N", "which channel of the images (default 0)"),
        OPTION_INT(0, "seed", &c->seed, "N", "for points, jitter, limit and intervals (default 0)"),
        OPTION_INT(0, "bootstrap", &c->resamples, "N", "resamples for the 95 % intervals (default 1000)"),
        OPTION_DOUBLE(0, "tolerance-mm", &c->tolerance_mm, "MM", "of the surface Dice (default 2)"),
        OPTION_TEXT(0, "results", &c->results, "FILE.jsonl", "keep results, and take known ones from there"),
        OPTION_TEXT(0, "masks", &c->masks, "DIR", "write the predicted masks as PNG"),
        OPTION_TEXT(0, "objects", &c->objects, "FILE.csv", "write a line for each object and prompt"),
        OPTION_TEXT(0, "format", &c->format, "text|markdown|csv|json", "of the tables (default text)"),
        OPTION_FLAG(0, "json", &c->json, "print one JSON document on standard output"),
        OPTION_END};
    return options_parse(&synopsis, rows, argc, argv);
}

static const char *const components[] = {"default", "largest", "all", NULL};
static const char *const averages[] = {"object", "image", NULL};
static const char *const formats[] = {"text", "markdown", "csv", "json", NULL};

static enum sm_status check_numbers(const struct command *c, struct sm_err *err)
{
    const struct {
        const char *option;
        double value, least, most;
    } rows[] = {{"min-pixels", c->min_pixels, 0, 65536}, {"jitter", c->jitter, 0, 1}, {"every-nth", c->every_nth, 1, 1e9},
                {"limit", c->limit, 0, 1e9}, {"hold-out", c->hold_out, 0, 1e9}, {"seed", c->seed, 0, 1e10},
                {"bootstrap", c->resamples, 0, 1e6}, {"tolerance-mm", c->tolerance_mm, 0, 1e6}, {"channel", c->channel, 0, 1e6}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        if (rows[r].value < rows[r].least || rows[r].value > rows[r].most)
            return sm_fail(err, SM_USAGE, "--%s takes a number from %g to %g, not %g", rows[r].option, rows[r].least,
                           rows[r].most, rows[r].value);
    return SM_OK;
}

static enum sm_status fill_options(const struct command *c, struct sm_eval_options *options, int *format,
                                   struct sm_err *err)
{
    int component = 0, average = 0, plane = 0, orient = 0, multimask = 0, precision = 0;
    const struct {
        const char *option, *word;
        const char *const *names;
        int *place;
    } rows[] = {{"component", c->component, components, &component}, {"average", c->average, averages, &average},
                {"plane", c->plane, sm_plane_words(), &plane}, {"orient", c->orient, sm_orient_words(), &orient},
                {"multimask", c->multimask, multimask_words, &multimask},
                {"precision", c->precision, sm_precision_words(), &precision},
                {"format", c->format, formats, format}};
    enum sm_status status = check_numbers(c, err);
    for (size_t r = 0; !status && r < sizeof rows / sizeof *rows; r++)
        status = option_choose(rows[r].place, rows[r].option, rows[r].word, rows[r].names, err);
    if (c->json)
        *format = SM_EVAL_JSON;
    *options = (struct sm_eval_options){
        .fixed = c->fixed, .min_pixels = c->min_pixels, .component = (enum sm_eval_component)component,
        .by_image = average == 1, .reference = c->reference, .plane = (enum sm_plane)plane,
        .orient_given = c->orient != NULL, .orient = (enum sm_orient)orient, .multimask = (enum sm_choice)multimask,
        .precision = (enum sm_precision)precision,
        .jitter = c->jitter, .seed = (uint64_t)c->seed, .limit = (size_t)c->limit, .every_nth = c->every_nth,
        .held_out = c->hold_out, .resamples = c->resamples, .tolerance_mm = c->tolerance_mm, .results = c->results,
        .masks = c->masks};
    if (!status)
        status = sm_eval_prompts_parse(options, c->prompts ? c->prompts : "box,point1,point3,point5", err);
    if (!status)
        status = option_zoom(&options->zoom, c->zoom, err);
    if (!status && c->reference && options->zoom > 1)
        status = sm_fail(err, SM_USAGE, "--reference-quirks look at a box once, as SAM-Med2D's test.py does; leave out --zoom");
    if (!status)
        status = option_mirrors(&options->mirrors, c->mirrors, err);
    if (!status && c->reference && options->mirrors > 1)
        status = sm_fail(err, SM_USAGE, "--reference-quirks look at a picture once, as SAM-Med2D's test.py does; leave out --mirrors");
    if (!status && c->reference && options->multimask == SM_CHOICE_BY_POINTS)
        status = sm_fail(err, SM_USAGE, "--reference-quirks choose a mask by predicted IoU, as SAM-Med2D's test.py does; leave out --multimask points");
    if (!status && c->volume)
        status = sm_eval_ways_parse(options, c->volume, err);
    if (!status && c->window)
        status = sm_window_parse(&options->window, c->window, err);
    return status;
}

/* ---- the work ---- */

static enum sm_status open_data(const struct command *c, struct sm_dataset **data, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    for (size_t d = 0; !status && d < c->data.count; d++) {
        status = sm_dataset_open(&data[d], c->data.values[d], cmd_listener(), err);
        if (!status && c->subjects)
            status = sm_dataset_set_subjects(data[d], c->subjects, err);
        if (!status && c->channel)
            status = sm_dataset_set_channel(data[d], c->channel, err);
    }
    return status;
}

static enum sm_status report(const struct command *c, const struct sm_evaluation *evaluation, int format,
                             struct sm_err *err)
{
    char *text;
    enum sm_status status = sm_evaluation_report(&text, evaluation, (enum sm_eval_format)format, err);
    if (!status)
        fputs(text, stdout);
    if (!status && format == SM_EVAL_JSON)
        putchar('\n');
    free(text);
    if (!status && c->objects) {
        status = sm_evaluation_report(&text, evaluation, SM_EVAL_OBJECTS, err);
        if (!status)
            status = output_text(c->objects, text, err);
        free(text);
    }
    return status;
}

/* What is read may not be overwritten. Results are added to, and may lie in the folder of the data. */
static enum sm_status check_apart(const struct command *c, struct sm_dataset *const *data, struct sm_err *err)
{
    struct clash clash = {0};
    for (size_t n = 0; n < c->data.count; n++)
        clash_reads_data(&clash, data[n]);
    for (size_t n = 0; n < c->weights.count; n++)
        clash_reads(&clash, c->weights.values[n], "a weights file");
    if (!c->weights.count)
        clash_reads(&clash, cmd_default_weights(), "the weights file");
    clash_reads(&clash, c->fixed, "the file of fixed prompts");
    enum sm_status status = clash_writes(&clash, c->results, NULL, err);
    for (size_t n = 0; n < c->data.count; n++)
        clash_reads_folder(&clash, c->data.values[n], "labelled data");
    if (!status)
        status = clash_writes(&clash, c->objects, NULL, err);
    clash_free(&clash);
    return status;
}

/* What would stop the run at its end is found at its beginning. */
static enum sm_status check(const struct command *c, int argc, struct sm_err *err)
{
    if (argc)
        return sm_fail(err, SM_USAGE, "what is \"data\" has to be said with --data; see --help");
    if (!c->data.count)
        return sm_fail(err, SM_USAGE, "no data given: --data FILE_OR_DIR; see --help");
    return c->objects ? output_check(c->objects, err) : SM_OK;
}

/* Files that the data should have and have not, and cases that could not be read. */
static enum sm_status check_whole(const struct command *c, struct sm_dataset *const *data,
                                  const struct sm_evaluation *evaluation, struct sm_err *err)
{
    size_t failed = sm_evaluation_failed(evaluation), missing = 0;
    for (size_t d = 0; d < c->data.count; d++)
        missing += sm_dataset_left_out(data[d]);
    size_t all = failed + missing;
    const char *plural = all == 1 ? "" : "s";
    if (!all)
        return SM_OK;
    return sm_fail(err, SM_PARTIAL, "%zu case%s%s%s %s left out, see the warnings", all, plural,
                   missing ? " or file" : "", missing ? plural : "", all == 1 ? "was" : "were");
}

static enum sm_status work(const struct command *c, struct sm_err *err)
{
    struct sm_eval_options options;
    struct sm_evaluation *evaluation = NULL;
    int format = SM_EVAL_TEXT;
    const char *fallback = cmd_default_weights();
    struct sm_dataset **data = calloc(c->data.count, sizeof *data);
    enum sm_status status = data ? fill_options(c, &options, &format, err) : sm_fail(err, SM_MEMORY, "out of memory");
    if (!status)
        status = open_data(c, data, err);
    if (!status)
        status = check_apart(c, data, err);
    if (!status)
        status = sm_evaluate(&evaluation, c->weights.count ? c->weights.values : &fallback,
                             c->weights.count ? c->weights.count : 1, data, c->data.count, &options, cmd_listener(), err);
    if (!status)
        status = report(c, evaluation, format, err);
    if (!status)
        status = check_whole(c, data, evaluation, err);
    sm_evaluation_free(evaluation);
    for (size_t d = 0; data && d < c->data.count; d++)
        sm_dataset_close(data[d]);
    free(data);
    return status;
}

int cmd_eval(int argc, char **argv)
{
    struct command command = {.min_pixels = 100, .every_nth = 1, .resamples = 1000, .tolerance_mm = 2};
    struct sm_err err = {0};
    int status = parse(&command, &argc, &argv);
    if (status < 0) {
        nn_set_threads(cmd_common.threads);
        status = check(&command, argc, &err);
        if (!status)
            status = work(&command, &err);
        if (status)
            cmd_fail("eval", &err);
    }
    option_list_free(&command.data);
    option_list_free(&command.weights);
    return status;
}
