/* cmd/segment.h - what the files of `sammed2d segment` share: segment.c (options and flow),
 * segment_options.c (words into choices), segment_output.c (files), segment_json.c (documents),
 * segment_seg.c and segment_meta.c (DICOM SEG). */
#ifndef CMD_SEGMENT_H
#define CMD_SEGMENT_H

#include "base/json.h"
#include "cmd/cmd.h"
#include "sammed2d/dicom.h"
#include "sammed2d/model.h"
#include "sammed2d/segment.h"
#include "sammed2d/stack.h"

/* A prompt option as it stood on the command line; order matters, it numbers the objects. */
struct prompt_option {
    char kind; /* 'b'ox, 'p'oint, 'x' excluded, 'f'ile, 'm'ask */
    const char *text;
};
struct prompt_options {
    struct prompt_option *list;
    size_t count;
};

struct segment_command {
    struct option_list outputs;
    struct prompt_options prompt_options;
    const char *weights, *window, *plane, *orient, *propagate, *multimask, *zoom, *mirrors, *mask_as, *space, *series;
    const char *probabilities, *stats, *preview, *meta, *embeddings;
    const char *seg_type, *series_description, *content_creator, *gaps, *precision;
    struct option_list tracking;
    int volume_index, series_number, embeddings_size;
    bool overlap, fractional, json;
};

struct segment_seconds {
    double start, read, encode, decode, write, total;
};

struct segment_seg; /* what the SEG will say; segment_seg.c */

/* What is there to write once the work is done. */
struct segment_job {
    const struct segment_command *command;
    const char *input;
    struct sm_segment_options options;
    struct sm_volume volume;
    struct sm_prompts prompts;
    struct sm_model *model;
    char weights_sha256[65]; /* once segment_digest_weights was called */
    struct sm_embeddings *embeddings;
    struct sm_result *result;
    struct sm_label_writer **writers; /* (outputs) of those that are packed while the network is at work, else NULL */
    struct segment_seg *seg; /* NULL: no DICOM SEG is wanted */
    struct segment_seconds seconds;
};

/* segment_options.c */
/* What --propagate and --mask-as take, in the order of enum sm_propagate and enum sm_mask_as; NULL at the end. */
extern const char *const propagation_words[], *const mask_use_words[];
enum sm_status segment_choices(const struct segment_command *command,
                               struct sm_segment_options *options, struct sm_err *err);
enum sm_precision segment_precision(const struct segment_command *command); /* likewise */
enum sm_gaps segment_gaps(const struct segment_command *command); /* checked by segment_choices */
enum sm_status segment_prompts(const struct segment_command *command, const char *input,
                               struct sm_prompts *prompts, struct sm_err *err);

/* segment_output.c: every output can be written, and none is another or what is read. */
enum sm_status segment_check_outputs(const struct segment_command *command, const char *input,
                                     const struct sm_prompts *prompts, struct sm_err *err);
/* Slices missing or uneven, and NIfTI wanted: can it be made? Before the work. */
enum sm_status segment_check_gaps(const struct segment_job *job, struct sm_err *err);
/* Has label maps packed beside the work, slice by slice, where that can be: job->options is told of it. */
enum sm_status segment_begin_maps(struct segment_job *job, struct sm_err *err);
void segment_free_maps(struct segment_job *job);
enum sm_status segment_write(struct segment_job *job, struct sm_err *err);
enum sm_status segment_digest_weights(struct segment_job *job, struct sm_err *err);
/* Does the name end in .dcm? */
bool segment_is_seg(const char *output);
/* "OUT.json" beside the label map OUT.nii or OUT.nii.gz; free it. NULL: out of memory. */
char *segment_sidecar(const char *output);

/* segment_seg.c. Before the work: reads --meta, looks names up, warns of those that nobody knows. */
enum sm_status segment_seg_prepare(struct segment_job *job, struct sm_err *err);
/* After it: the SEGs among the outputs. All objects empty: none is written, and a warning. */
enum sm_status segment_seg_write(struct segment_job *job, const char *weights_sha256,
                                 struct sm_err *err);
void segment_seg_free(struct segment_seg *seg);

/* segment_meta.c: dcmqi's JSON. Looks object `id` up; false: it has no such label. Strings live as long
 * as the JSON. SM_CORRUPT: the item lacks what a segment needs. */
struct segment_meta {
    struct sm_segment_meaning meaning;
    const char *tracking_id, *tracking_uid; /* NULL: none */
};
enum sm_status segment_meta_find(bool *found, struct segment_meta *meta, const json_t *json,
                                 const char *path, int id, const char *name, struct sm_err *err);
/* A text or number of the whole file, as text; NULL: not there. */
const char *segment_meta_text(const json_t *json, const char *key);
/* Warns of labels that no object has. */
void segment_meta_warn(const json_t *json, const char *path, const struct sm_prompts *prompts);

/* segment_json.c; NULL: out of memory. Free with json_decref. */
json_t *segment_labels_json(const struct segment_job *job, const char *input_sha256,
                            const char *weights_sha256);
json_t *segment_options_json(const struct segment_job *job);
json_t *segment_stats_json(const struct segment_job *job);
json_t *segment_report_json(const struct segment_job *job);
/* The same as segment_stats_json, a line an object. NULL: out of memory; free. */
char *segment_stats_csv(const struct segment_job *job);
#endif
