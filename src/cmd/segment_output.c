/* What `segment` writes, and the question beforehand whether it will be possible. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/digest.h"
#include "base/output.h"
#include "base/suffix.h"
#include "cmd/clash.h"
#include "cmd/preview.h"
#include "cmd/segment.h"
#include "sammed2d/input.h"
#include "sammed2d/nifti.h"

bool segment_is_seg(const char *output)
{
    return suffix_of(output, ".dcm");
}

char *segment_sidecar(const char *output)
{
    char *name = NULL;
    size_t suffix = suffix_of(output, ".nii.gz") ? 7 : 4;
    return asprintf(&name, "%.*s.json", (int)(strlen(output) - suffix), output) < 0 ? NULL : name;
}

/* ---- before the work ---- */

static enum sm_status check_suffix(const char *path, const char *option, const char *const *suffixes,
                                   struct sm_err *err)
{
    char list[80] = "";
    for (int s = 0; suffixes[s]; s++) {
        if (suffix_of(path, suffixes[s]))
            return SM_OK;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", s ? ", " : "", suffixes[s]);
    }
    return sm_fail(err, SM_USAGE, "%s: %s writes files that end in %s", path, option, list);
}

/* All that is read, and is not to be replaced. */
static void list_read(struct clash *clash, const struct segment_command *command, const char *input,
                      const struct sm_prompts *prompts)
{
    const struct prompt_options *options = &command->prompt_options;
    clash_reads_image(clash, input, "the input");
    clash_reads(clash, command->weights, "the weights file");
    clash_reads(clash, command->meta, "the file of --meta");
    clash_reads(clash, command->embeddings, "the file of --embeddings");
    for (size_t n = 0; n < options->count; n++)
        if (strchr("fm", options->list[n].kind))
            clash_reads(clash, options->list[n].text, options->list[n].kind == 'f' ? "a file of prompts" : "a mask that is read");
    for (size_t o = 0; o < prompts->count; o++)
        clash_reads(clash, prompts->objects[o].mask_path, "a mask that is read");
}

/* A SEG replaces no DICOM image, whatever folder or DICOMDIR the image was found by. */
static enum sm_status check_seg(const char *path, const char *input, struct sm_err *err)
{
    if (clash_inside(path, input))
        return sm_fail(err, SM_USAGE, "%s: is there already, in the folder that is read; give the output another name or place",
                       path);
    return sm_dicom_check_replaced(path, err);
}

/* Its name was not the user's choice: a file of somebody else's is not what was meant to be replaced. */
static enum sm_status check_sidecar(const char *sidecar, const char *map, struct sm_err *err)
{
    enum sm_status status = output_check(sidecar, err);
    if (status || access(sidecar, F_OK) != 0 || clash_is_our_json(sidecar))
        return status;
    return sm_fail(err, SM_USAGE,
                   "%s: is there already and is no list of labels of an earlier run, which would go there "
                   "beside %s; give the output another name",
                   sidecar, map);
}

static enum sm_status check_written(struct clash *clash, const struct segment_command *command, const char *input,
                                    struct sm_err *err)
{
    const struct option_list *maps = &command->outputs;
    const char *const single[] = {command->probabilities, command->stats, command->preview};
    enum sm_status status = SM_OK;
    for (size_t n = 0; n < maps->count && !status; n++) {
        status = clash_writes(clash, maps->values[n], NULL, err);
        if (!status && segment_is_seg(maps->values[n]))
            status = check_seg(maps->values[n], input, err);
        if (!status)
            status = output_check(maps->values[n], err);
    }
    for (size_t n = 0; n < 3 && !status; n++) {
        status = clash_writes(clash, single[n], NULL, err);
        if (!status && single[n])
            status = output_check(single[n], err);
    }
    for (size_t n = 0; n < maps->count && !status; n++) {
        char *sidecar = segment_is_seg(maps->values[n]) ? NULL : segment_sidecar(maps->values[n]);
        status = clash_writes(clash, sidecar, "a label map's list of labels", err);
        if (!status && sidecar)
            status = check_sidecar(sidecar, maps->values[n], err);
        free(sidecar);
    }
    return status;
}

enum sm_status segment_check_outputs(const struct segment_command *command, const char *input,
                                     const struct sm_prompts *prompts, struct sm_err *err)
{
    static const char *const maps[] = {".nii", ".nii.gz", ".dcm", NULL}, *const tables[] = {".json", ".csv", NULL},
                             *const pictures[] = {".png", NULL}, *const floats[] = {".nii", ".nii.gz", NULL};
    enum sm_input_format format = sm_input_detect(input);
    struct clash clash = {0};
    enum sm_status status = SM_OK;
    if (!command->outputs.count && !command->stats && !command->probabilities && !command->preview)
        return sm_fail(err, SM_USAGE, "nothing to write: give -o FILE.nii.gz (or --stats, "
                                      "--probabilities, --preview)");
    for (size_t n = 0; !status && n < command->outputs.count; n++) {
        const char *path = command->outputs.values[n];
        if (segment_is_seg(path) && (format == SM_INPUT_PNG || format == SM_INPUT_NIFTI))
            return sm_fail(err, SM_USAGE, "%s: a DICOM SEG can be written for DICOM input only, because "
                                          "it repeats the study's identity; use .nii.gz", path);
        status = check_suffix(path, "-o", maps, err);
    }
    if (!status && command->probabilities)
        status = check_suffix(command->probabilities, "--probabilities", floats, err);
    if (!status && command->stats)
        status = check_suffix(command->stats, "--stats", tables, err);
    if (!status && command->preview)
        status = check_suffix(command->preview, "--preview", pictures, err);
    list_read(&clash, command, input, prompts);
    if (!status)
        status = check_written(&clash, command, input, err);
    clash_free(&clash);
    return status;
}

enum sm_status segment_check_gaps(const struct segment_job *job, struct sm_err *err)
{
    const struct segment_command *command = job->command;
    bool nifti = command->probabilities != NULL;
    struct sm_stack stack;
    for (size_t n = 0; n < command->outputs.count; n++)
        nifti |= !segment_is_seg(command->outputs.values[n]);
    if (!nifti || !job->volume.slice_origin_lps)
        return SM_OK;
    enum sm_status status = sm_stack_make(&stack, &job->volume, segment_gaps(command), err);
    if (status)
        return sm_fail_context(err, "%s", job->input);
    sm_stack_free(&stack);
    return SM_OK;
}

/* ---- beside it ---- */

static enum sm_status add_slice(void *context, const struct sm_labels *labels, int k, struct sm_err *err)
{
    struct segment_job *job = context;
    size_t pixels = (size_t)labels->grid.dim[0] * (size_t)labels->grid.dim[1];
    enum sm_status status = SM_OK;
    for (size_t n = 0; !status && n < job->command->outputs.count; n++)
        if (job->writers[n])
            status = sm_label_writer_add(job->writers[n], labels->voxels + (size_t)k * pixels, err);
    return status;
}

/* Only maps in .nii.gz are begun: what takes time is packing them, and a plain .nii is soon written after the work. Two
 * kinds of map wait for the end as well: those of a series whose slices are missing or uneven, as they are laid on
 * another grid, and those with an id of more than a byte, whose type follows from the labels that were found. */
enum sm_status segment_begin_maps(struct segment_job *job, struct sm_err *err)
{
    const struct option_list *outputs = &job->command->outputs;
    enum sm_status status = SM_OK;
    int largest = 0;
    for (size_t o = 0; o < job->prompts.count; o++)
        largest = job->prompts.objects[o].id > largest ? job->prompts.objects[o].id : largest;
    if (largest > UINT8_MAX || job->volume.slice_origin_lps)
        return SM_OK;
    job->writers = calloc(outputs->count + 1, sizeof *job->writers);
    if (!job->writers)
        return sm_fail(err, SM_MEMORY, "out of memory");
    for (size_t n = 0; !status && n < outputs->count; n++)
        if (suffix_of(outputs->values[n], ".nii.gz"))
            status = sm_label_writer_open(&job->writers[n], outputs->values[n], &job->volume.grid, (uint16_t)largest,
                                          &job->volume, err);
    job->options.slice_done = add_slice;
    job->options.context = job;
    return status;
}

void segment_free_maps(struct segment_job *job)
{
    for (size_t n = 0; job->writers && n < job->command->outputs.count; n++)
        sm_label_writer_close(job->writers[n], SM_INTERRUPTED, NULL);
    free(job->writers);
}

/* ---- after it ---- */

static enum sm_status no_memory(struct sm_err *err)
{
    return sm_fail(err, SM_MEMORY, "out of memory while writing");
}

static enum sm_status write_json(const char *path, json_t *json, struct sm_err *err)
{
    if (!json)
        return no_memory(err);
    enum sm_status status = json_write(path, json, err);
    json_decref(json);
    return status;
}

/* A DICOM series is many files; its UID names it. */
static enum sm_status digest_input(const struct segment_job *job, char hex[65], struct sm_err *err)
{
    return job->volume.format == SM_FORMAT_DICOM ? SM_OK : digest_file(job->input, hex, err);
}

enum sm_status segment_digest_weights(struct segment_job *job, struct sm_err *err)
{
    return *job->weights_sha256 ? SM_OK : digest_file_remembered(job->command->weights, job->weights_sha256, err);
}

/* Slices that lie far aside leave the one picture that all have on an even grid. */
static void warn_of_lost(const char *path, const struct sm_stack *stack, const struct sm_labels *labels)
{
    size_t lost = sm_stack_lost(stack, labels->voxels), all = 0;
    for (size_t v = 0; lost && v < sm_grid_voxels(&labels->grid); v++)
        all += labels->voxels[v] != 0;
    if (lost)
        sm_warn(cmd_listener(), "%s: slices lie so far aside that %zu voxels of objects (%zu on the series' own slices) are "
                "off the even grid and left out; write a DICOM SEG (-o FILE.dcm), where each slice has its place",
                path, lost, all);
}

/* The label map as a file holds it: on a regular grid. */
static enum sm_status write_labels(size_t output, struct segment_job *job, struct sm_err *err)
{
    const char *path = job->command->outputs.values[output];
    struct sm_label_writer *writer = job->writers ? job->writers[output] : NULL;
    if (writer) {
        job->writers[output] = NULL;
        return sm_label_writer_close(writer, SM_OK, err);
    }
    const struct sm_labels *labels = sm_result_labels(job->result);
    struct sm_labels regular = {0};
    struct sm_stack stack = {0};
    if (!job->volume.slice_origin_lps)
        return sm_nifti_write_labels(path, labels, &job->volume, err);
    enum sm_status status = sm_stack_make(&stack, &job->volume, segment_gaps(job->command), err);
    if (!status)
        status = sm_labels_alloc(&regular, &stack.grid, err);
    if (!status) {
        const struct sm_volume like = {.grid = stack.grid};
        warn_of_lost(path, &stack, labels);
        sm_stack_spread(&stack, labels->voxels, sizeof *labels->voxels, regular.voxels);
        status = sm_nifti_write_labels(path, &regular, &like, err);
    }
    sm_labels_free(&regular);
    sm_stack_free(&stack);
    return status;
}

/* Label maps first: what keeps a SEG from being written, its size say, keeps nothing else. */
static enum sm_status write_maps(struct segment_job *job, struct sm_err *err)
{
    const struct option_list *outputs = &job->command->outputs;
    char input_sha256[65] = "";
    enum sm_status status = SM_OK;
    if (outputs->count)
        status = digest_input(job, input_sha256, err);
    if (outputs->count && !status)
        status = segment_digest_weights(job, err);
    for (size_t n = 0; !status && n < outputs->count; n++) {
        if (segment_is_seg(outputs->values[n]))
            continue;
        char *sidecar = segment_sidecar(outputs->values[n]);
        status = sidecar ? write_labels(n, job, err) : no_memory(err);
        if (!status)
            status = write_json(sidecar,
                                segment_labels_json(job, *input_sha256 ? input_sha256 : NULL, job->weights_sha256),
                                err);
        free(sidecar);
    }
    return status ? status : segment_seg_write(job, job->weights_sha256, err);
}

struct probabilities {
    const struct sm_result *result;
    const struct sm_stack *stack;
    float *own; /* on the volume's grid */
};

static enum sm_status fill_probabilities(void *context, int object, float *out, struct sm_err *err)
{
    const struct probabilities *from = context;
    (void)err;
    sm_result_probabilities(from->result, (size_t)object, from->own ? from->own : out);
    if (from->own)
        sm_stack_spread(from->stack, from->own, sizeof *out, out);
    return SM_OK;
}

static enum sm_status write_probabilities(const struct segment_job *job, const char *path,
                                          struct sm_err *err)
{
    struct sm_stack stack = {0};
    struct probabilities from = {.result = job->result, .stack = &stack};
    struct sm_volume like = job->volume; /* nothing of it is freed here */
    enum sm_status status = SM_OK;
    if (like.slice_origin_lps) {
        status = sm_stack_make(&stack, &job->volume, segment_gaps(job->command), err);
        like.grid = stack.grid;
        from.own = malloc(sm_grid_voxels(&job->volume.grid) * sizeof *from.own);
        if (!status && !from.own)
            status = no_memory(err);
    }
    if (!status && from.own)
        warn_of_lost(path, &stack, sm_result_labels(job->result));
    if (!status)
        status = sm_nifti_write_floats(path, &like, (int)sm_result_objects(job->result),
                                       fill_probabilities, &from, err);
    free(from.own);
    sm_stack_free(&stack);
    return status;
}

static enum sm_status write_stats(const struct segment_job *job, const char *path, struct sm_err *err)
{
    if (suffix_of(path, ".json"))
        return write_json(path, segment_stats_json(job), err);
    char *text = segment_stats_csv(job);
    enum sm_status status = text ? output_text(path, text, err) : no_memory(err);
    free(text);
    return status;
}

enum sm_status segment_write(struct segment_job *job, struct sm_err *err)
{
    const struct segment_command *command = job->command;
    enum sm_status status = write_maps(job, err);
    if (!status && command->probabilities)
        status = write_probabilities(job, command->probabilities, err);
    if (!status && command->stats)
        status = write_stats(job, command->stats, err);
    if (!status && command->preview)
        status = cmd_write_preview(command->preview, &job->volume, job->result, err);
    return status;
}
