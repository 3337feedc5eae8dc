/* The documents of `segment`. Keys may be added, never renamed (DESIGN: machine-readable output). */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cmd/segment.h"
#include "sammed2d/sammed2d.h"

/* A number that JSON can hold. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static void add_slices(json_t *json, const struct sm_object_result *object)
{
    if (object->voxels)
        json_object_set_new(json, "slices",
                            json_pack("[i,i]", object->slices[0], object->slices[1]));
    else
        json_object_set_new(json, "slices", json_array());
}

static json_t *object_json(const struct sm_object_result *object)
{
    json_t *json = json_pack("{s:o, s:i, s:I, s:o}", "name", json_text(object->name), "id", object->id, "voxels",
                             (json_int_t)object->voxels, "volume_ml", number(object->volume_ml));
    if (!json)
        return NULL;
    add_slices(json, object);
    json_object_set_new(json, "predicted_iou", number(object->predicted_iou));
    return json;
}

struct prompt_counts {
    int boxes, points, excluded, mask;
};

static struct prompt_counts count_prompts(const struct sm_object *object)
{
    struct prompt_counts counts = {.boxes = (int)object->box_count, .mask = object->mask != NULL};
    for (size_t p = 0; p < object->point_count; p++)
        *(object->points[p].positive ? &counts.points : &counts.excluded) += 1;
    return counts;
}

static json_t *stats_object_json(const struct segment_job *job, size_t o)
{
    const struct sm_object_result *object = sm_result_object(job->result, o);
    struct prompt_counts counts = count_prompts(&job->prompts.objects[o]);
    json_t *json = object_json(object);
    if (!json)
        return NULL;
    json_object_set_new(json, "mean", number(object->mean));
    json_object_set_new(json, "sd", number(object->sd));
    json_object_set_new(json, "prompts",
                        json_pack("{s:i, s:i, s:i, s:b}", "boxes", counts.boxes, "points",
                                  counts.points, "excluded", counts.excluded, "mask", counts.mask));
    return json;
}

static json_t *objects_json(const struct segment_job *job, bool stats)
{
    json_t *list = json_array();
    for (size_t o = 0; o < sm_result_objects(job->result); o++)
        json_array_append_new(list, stats ? stats_object_json(job, o)
                                          : object_json(sm_result_object(job->result, o)));
    return list;
}

static json_t *warnings_json(void)
{
    json_t *list = json_array();
    const char *const *warnings;
    size_t count = cmd_warnings(&warnings);
    for (size_t w = 0; w < count; w++)
        json_array_append_new(list, json_text(warnings[w]));
    return list;
}

static json_t *window_json(const struct segment_job *job)
{
    char text[80];
    sm_window_name(sm_result_window(job->result), text, sizeof text);
    return json_string(text);
}

/* Which voxel axis each picture axis runs along, and which way: "+i", "-j" ... */
static json_t *view_json(const struct sm_view *view)
{
    json_t *axes = json_array();
    for (int a = 0; a < 3; a++) {
        char axis[3] = {view->reversed[a] ? '-' : '+', (char)('i' + view->axis[a]), 0};
        json_array_append_new(axes, json_string(axis));
    }
    return json_pack("{s:s, s:o}", "plane", sm_plane_words()[view->plane], "columns_rows_slices", axes);
}

json_t *segment_options_json(const struct segment_job *job)
{
    const struct sm_segment_options *options = &job->options;
    json_t *json = json_pack("{s:s, s:s, s:s, s:b}", "propagate", propagation_words[options->propagate],
                             "multimask", multimask_words[options->multimask], "mask_as",
                             mask_use_words[options->mask_as], "overlap", options->overlap);
    double zoom = options->zoom > 0 ? options->zoom : sm_model_config(job->model)->zoom;
    int mirrors = options->mirrors > 0 ? options->mirrors : sm_model_config(job->model)->mirrors;
    json_object_set_new(json, "zoom", json_real(zoom > 1 ? zoom : 1));
    json_object_set_new(json, "mirrors", json_integer(mirrors > 1 ? mirrors : 1));
    json_object_set_new(json, "orient",
                        json_string(job->command->orient ? job->command->orient : "default"));
    if (sm_model_precision(job->model) != SM_PRECISION_FLOAT32)
        json_object_set_new(json, "precision", json_string(sm_precision_name(sm_model_precision(job->model))));
    if (job->command->volume_index >= 0)
        json_object_set_new(json, "volume", json_integer(job->command->volume_index));
    return json;
}

/* Only where the caller asks for a date: outputs are otherwise the same tomorrow. */
static void add_date(json_t *json)
{
    char text[32], *end;
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    if (!epoch || !*epoch)
        return;
    time_t seconds = (time_t)strtoll(epoch, &end, 10);
    struct tm utc;
    if (*end || !gmtime_r(&seconds, &utc) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc))
        return;
    json_object_set_new(json, "created", json_string(text));
}

static json_t *weights_json(const struct segment_job *job, const char *sha256)
{
    const struct sm_config *config = sm_model_config(job->model);
    return json_pack("{s:o, s:s, s:o, s:o}", "file", json_text(job->command->weights), "sha256", sha256,
                     "name", json_text(config->name), "licence", json_text(config->licence));
}

/* By this, a document of ours is known again: cmd/clash.h. */
static json_t *software_json(void)
{
    return json_sprintf("sammed2d %s", sm_version());
}

json_t *segment_labels_json(const struct segment_job *job, const char *input_sha256,
                            const char *weights_sha256)
{
    const char *series = sm_dicom_series_uid(&job->volume);
    json_t *json = json_pack("{s:o, s:o, s:{s:o, s:s*, s:s*}, s:o*}", "labels",
                             objects_json(job, false), "software", software_json(), "input", "file",
                             json_text(job->input), "sha256", input_sha256, "series_uid", series, "weights",
                             weights_json(job, weights_sha256));
    if (!json)
        return NULL;
    json_object_set_new(json, "window", window_json(job));
    json_object_set_new(json, "view", view_json(sm_result_view(job->result)));
    json_object_set_new(json, "options", segment_options_json(job));
    json_object_set_new(json, "warnings", warnings_json());
    add_date(json);
    return json;
}

json_t *segment_stats_json(const struct segment_job *job)
{
    return json_pack("{s:o, s:o, s:o}", "software", software_json(), "input", json_text(job->input), "objects",
                     objects_json(job, true));
}

static json_t *outputs_json(const struct segment_command *command)
{
    const char *const single[] = {command->probabilities, command->stats, command->preview};
    json_t *list = json_array();
    for (size_t n = 0; n < command->outputs.count; n++) {
        json_array_append_new(list, json_text(command->outputs.values[n]));
        if (segment_is_seg(command->outputs.values[n]))
            continue;
        char *sidecar = segment_sidecar(command->outputs.values[n]);
        json_array_append_new(list, json_text(sidecar ? sidecar : ""));
        free(sidecar);
    }
    for (size_t n = 0; n < 3; n++)
        if (single[n])
            json_array_append_new(list, json_text(single[n]));
    return list;
}

json_t *segment_report_json(const struct segment_job *job)
{
    const struct segment_seconds *seconds = &job->seconds;
    json_t *json = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "input", json_text(job->input), "weights",
                             json_text(job->command->weights), "window", window_json(job), "objects",
                             objects_json(job, false), "outputs", outputs_json(job->command),
                             "warnings", warnings_json());
    if (!json)
        return NULL;
    json_object_set_new(json, "view", view_json(sm_result_view(job->result)));
    json_object_set_new(json, "slices_encoded", json_integer(sm_result_encoded(job->result)));
    json_object_set_new(json, "seconds",
                        json_pack("{s:f, s:f, s:f, s:f, s:f}", "read", seconds->read, "encode",
                                  seconds->encode, "decode", seconds->decode, "write", seconds->write,
                                  "total", seconds->total));
    return json;
}

static void write_line(FILE *file, const struct segment_job *job, size_t o)
{
    const struct sm_object_result *object = sm_result_object(job->result, o);
    struct prompt_counts counts = count_prompts(&job->prompts.objects[o]);
    cmd_csv_text(file, object->name);
    fprintf(file, ",%d,%zu,%.9g,%.9g,%.9g,", object->id, object->voxels, object->volume_ml,
            object->mean, object->sd);
    if (object->voxels)
        fprintf(file, "%d,%d", object->slices[0], object->slices[1]);
    else
        fputc(',', file);
    fprintf(file, ",%.9g,%d,%d,%d,%d\n", object->predicted_iou, counts.boxes, counts.points,
            counts.excluded, counts.mask);
}

char *segment_stats_csv(const struct segment_job *job)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    fputs("name,id,voxels,volume_ml,mean,sd,first_slice,last_slice,predicted_iou,boxes,points,"
          "excluded,mask\n", file);
    for (size_t o = 0; o < sm_result_objects(job->result); o++)
        write_line(file, job, o);
    if (fclose(file) == 0)
        return text;
    free(text);
    return NULL;
}
