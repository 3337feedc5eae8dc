/* DICOM SEG out of a result: what each object is called, and its slices. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/digest.h"
#include "cmd/segment.h"
#include "sammed2d/sammed2d.h"

/* Objects one after the other, in voxels of the stored grid. Which of the pointers is set says where
 * they come from. */
struct seg_voxels {
    const struct sm_result *result;
    const struct sm_labels *labels; /* BINARY and LABELMAP where each voxel has one object */
    uint8_t **masks;                /* --overlap: a bit a voxel, one mask an object */
    uint8_t *fractions;             /* FRACTIONAL: of object `current` */
    float *logits;                  /* scratch, of one slice of the view */
    size_t current;
};

struct seg_object {
    struct seg_voxels *voxels;
    size_t object;
    uint16_t id;
};

struct segment_seg {
    json_t *meta;
    enum sm_seg_type type;
    size_t count;
    struct segment_meta *meanings; /* (count) */
    struct seg_object *sources;    /* (count) */
    struct sm_seg_object *objects; /* those that came out non-empty */
    struct seg_voxels voxels;
};

void segment_seg_free(struct segment_seg *seg)
{
    if (!seg)
        return;
    json_decref(seg->meta);
    for (size_t o = 0; seg->voxels.masks && o < seg->count; o++)
        free(seg->voxels.masks[o]);
    free(seg->voxels.masks);
    free(seg->voxels.fractions);
    free(seg->voxels.logits);
    free(seg->meanings);
    free(seg->sources);
    free(seg->objects);
    free(seg);
}

/* ---- before the work ---- */

static bool wanted(const struct segment_command *command)
{
    for (size_t n = 0; n < command->outputs.count; n++)
        if (segment_is_seg(command->outputs.values[n]))
            return true;
    return false;
}

static enum sm_status choose_type(struct segment_seg *seg, const struct segment_command *command,
                                  struct sm_err *err)
{
    static const char *const names[] = {"binary", "fractional", "labelmap"};
    seg->type = command->fractional ? SM_SEG_FRACTIONAL : SM_SEG_BINARY;
    int type = command->seg_type ? -1 : (int)seg->type;
    for (int n = 0; n < 3; n++)
        if (command->seg_type && strcmp(command->seg_type, names[n]) == 0)
            type = n;
    if (type < 0)
        return sm_fail(err, SM_USAGE, "--seg-type takes one of binary, fractional, labelmap, not \"%s\"",
                       command->seg_type);
    if (command->fractional && type != SM_SEG_FRACTIONAL)
        return sm_fail(err, SM_USAGE, "--fractional and --seg-type %s exclude each other", names[type]);
    seg->type = (enum sm_seg_type)type;
    if (command->overlap && seg->type == SM_SEG_LABELMAP)
        return sm_fail(err, SM_USAGE, "a label map SEG has one object a voxel; leave --overlap out, or "
                       "write --seg-type binary");
    return SM_OK;
}

/* In place of what --meta says. */
static void track(struct segment_meta *meaning, const char *id)
{
    meaning->tracking_id = id;
    meaning->tracking_uid = NULL;
}

/* "NAME=ID", or "ID" where there is one object only. */
static enum sm_status set_tracking(struct segment_seg *seg, const struct sm_prompts *prompts,
                                   const char *text, struct sm_err *err)
{
    const char *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : 0;
    for (size_t o = 0; equals && o < seg->count; o++)
        if (strlen(prompts->objects[o].name) == length &&
            strncmp(prompts->objects[o].name, text, length) == 0) {
            track(&seg->meanings[o], equals + 1);
            return equals[1] ? SM_OK : sm_fail(err, SM_USAGE, "--tracking-id %s: the ID is empty", text);
        }
    if (equals || seg->count != 1 || !*text)
        return sm_fail(err, SM_USAGE, "--tracking-id %s: %s", text,
                       equals ? "no object has this name" : "say which object, as NAME=ID");
    track(&seg->meanings[0], text);
    return SM_OK;
}

static enum sm_status find_meaning(struct segment_seg *seg, const struct segment_command *command,
                                   const struct sm_object *object, size_t o, struct sm_err *err)
{
    struct segment_meta *meaning = &seg->meanings[o];
    bool found = false;
    enum sm_status status = SM_OK;
    if (seg->meta)
        status = segment_meta_find(&found, meaning, seg->meta, command->meta, object->id, object->name,
                                   err);
    if (status || found)
        return status;
    sm_segment_meaning_find(&meaning->meaning, object->name);
    if (meaning->meaning.generic)
        sm_warn(cmd_listener(), "\"%s\" is not in the table of structures: the SEG calls it \"%s\" "
                "(%s, %s); --meta gives it a code", object->name, meaning->meaning.type.meaning,
                meaning->meaning.type.scheme, meaning->meaning.type.value);
    return SM_OK;
}

static enum sm_status look_up(struct segment_job *job, struct segment_seg *seg, struct sm_err *err)
{
    const struct segment_command *command = job->command;
    enum sm_status status = command->meta ? json_read(&seg->meta, command->meta, err) : SM_OK;
    for (size_t o = 0; !status && o < seg->count; o++)
        status = find_meaning(seg, command, &job->prompts.objects[o], o, err);
    if (!status && seg->meta)
        segment_meta_warn(seg->meta, command->meta, &job->prompts);
    for (size_t t = 0; !status && t < command->tracking.count; t++)
        status = set_tracking(seg, &job->prompts, command->tracking.values[t], err);
    return status;
}

/* How large it will be is known after the work only; that it may be too large, before. */
static void warn_large(const struct segment_job *job)
{
    const double limit = 4294967294.0; /* bytes of a value in DICOM */
    const int *dim = job->volume.grid.dim;
    double pixels = (double)dim[0] * dim[1] * dim[2];
    double bytes = job->seg->type == SM_SEG_LABELMAP ? pixels * (job->seg->count > 255 ? 2 : 1)
                   : (double)job->seg->count * pixels / (job->seg->type == SM_SEG_BINARY ? 8 : 1);
    if (bytes > limit)
        sm_warn(cmd_listener(), "should every object be on every slice, the DICOM SEG would take %.1f GB, "
                "and a DICOM file holds 4.3 GB of pixels: it would not be written%s", bytes / 1e9,
                job->seg->type == SM_SEG_FRACTIONAL ? "; a binary SEG takes an eighth" : "");
}

enum sm_status segment_seg_prepare(struct segment_job *job, struct sm_err *err)
{
    const struct segment_command *command = job->command;
    if (!wanted(command))
        return command->seg_type || command->fractional || command->meta || command->tracking.count || command->series_number ||
                       command->series_description || command->content_creator
                   ? sm_fail(err, SM_USAGE, "options of DICOM SEG are given, but no -o FILE.dcm")
                   : SM_OK;
    if (job->volume.format != SM_FORMAT_DICOM)
        return sm_fail(err, SM_USAGE, "%s: not DICOM, and a DICOM SEG repeats a study's identity; use "
                       "-o FILE.nii.gz", job->input);
    if (!*sm_dicom_series_uid(&job->volume))
        return sm_fail(err, SM_UNSUPPORTED, "%s: has no SeriesInstanceUID, so a DICOM SEG cannot refer to "
                       "it; use -o FILE.nii.gz", job->input);
    struct segment_seg *seg = job->seg = calloc(1, sizeof *seg);
    if (!seg)
        return sm_fail(err, SM_MEMORY, "out of memory");
    seg->count = job->prompts.count;
    seg->meanings = calloc(seg->count, sizeof *seg->meanings);
    seg->sources = calloc(seg->count, sizeof *seg->sources);
    seg->objects = calloc(seg->count, sizeof *seg->objects);
    if (!seg->meanings || !seg->sources || !seg->objects)
        return sm_fail(err, SM_MEMORY, "out of memory for %zu objects", seg->count);
    enum sm_status status = choose_type(seg, command, err);
    if (!status)
        warn_large(job);
    return status ? status : look_up(job, seg, err);
}

/* ---- slices ---- */

static bool label_slice(void *context, int k, uint8_t *out)
{
    const struct seg_object *object = context;
    const struct sm_labels *labels = object->voxels->labels;
    size_t pixels = (size_t)labels->grid.dim[0] * (size_t)labels->grid.dim[1];
    const uint16_t *voxel = labels->voxels + (size_t)k * pixels;
    uint8_t any = 0;
    for (size_t p = 0; p < pixels; p++) {
        out[p] = voxel[p] == object->id;
        any |= out[p];
    }
    return any;
}

static bool mask_slice(void *context, int k, uint8_t *out)
{
    const struct seg_object *object = context;
    const struct sm_grid *grid = &sm_result_labels(object->voxels->result)->grid;
    size_t pixels = (size_t)grid->dim[0] * (size_t)grid->dim[1], first = (size_t)k * pixels;
    const uint8_t *bits = object->voxels->masks[object->object];
    uint8_t any = 0;
    for (size_t p = 0; p < pixels; p++) {
        out[p] = bits[(first + p) >> 3] >> ((first + p) & 7) & 1;
        any |= out[p];
    }
    return any;
}

/* Calls `put` for each voxel of the slices where the object has logits, with its place in (nz, ny, nx):
 * a whole volume of floats would be the largest thing in memory. */
static void each_probability(struct seg_voxels *voxels, size_t object,
                             void (*put)(uint8_t *out, size_t voxel, float probability), uint8_t *out)
{
    const struct sm_view *view = sm_result_view(voxels->result);
    const struct sm_grid *grid = &sm_result_labels(voxels->result)->grid;
    for (int s = 0; s < view->dim[2]; s++) {
        size_t origin;
        ptrdiff_t column, row;
        if (!sm_result_has(voxels->result, object, s))
            continue;
        sm_result_logits(voxels->result, object, s, voxels->logits);
        sm_view_steps(view, grid, s, &origin, &column, &row);
        const float *logit = voxels->logits;
        for (int y = 0; y < view->dim[1]; y++)
            for (int x = 0; x < view->dim[0]; x++, logit++)
                put(out, (size_t)((ptrdiff_t)origin + x * column + y * row),
                    1.0f / (1.0f + expf(-*logit)));
    }
}

/* 0..255 for a probability of 0..1. */
static void put_fraction(uint8_t *out, size_t voxel, float probability)
{
    out[voxel] = (uint8_t)lrintf(255 * probability);
}

/* A voxel is an object's own where its probability is above one half. */
static void put_bit(uint8_t *out, size_t voxel, float probability)
{
    out[voxel >> 3] |= (uint8_t)((probability > 0.5f) << (voxel & 7));
}

static void load_fractions(struct seg_voxels *voxels, size_t object)
{
    if (voxels->current == object)
        return;
    memset(voxels->fractions, 0, sm_grid_voxels(&sm_result_labels(voxels->result)->grid));
    each_probability(voxels, object, put_fraction, voxels->fractions);
    voxels->current = object;
}

static bool fraction_slice(void *context, int k, uint8_t *out)
{
    const struct seg_object *object = context;
    const struct sm_grid *grid = &sm_result_labels(object->voxels->result)->grid;
    size_t pixels = (size_t)grid->dim[0] * (size_t)grid->dim[1];
    load_fractions(object->voxels, object->object);
    memcpy(out, object->voxels->fractions + (size_t)k * pixels, pixels);
    return true;
}

static enum sm_status make_voxels(struct segment_seg *seg, const struct segment_job *job,
                                  struct sm_err *err)
{
    struct seg_voxels *voxels = &seg->voxels;
    bool fractional = seg->type == SM_SEG_FRACTIONAL, overlap = job->command->overlap && !fractional;
    const struct sm_view *view = sm_result_view(job->result);
    voxels->result = job->result;
    voxels->labels = sm_result_labels(job->result);
    size_t count = sm_grid_voxels(&voxels->labels->grid);
    if (!fractional && !overlap)
        return SM_OK;
    voxels->current = SIZE_MAX;
    voxels->logits = malloc((size_t)view->dim[0] * (size_t)view->dim[1] * sizeof *voxels->logits);
    voxels->fractions = fractional ? malloc(count) : NULL;
    voxels->masks = overlap ? calloc(seg->count, sizeof *voxels->masks) : NULL;
    if (!voxels->logits || (fractional && !voxels->fractions) || (overlap && !voxels->masks))
        return sm_fail(err, SM_MEMORY, "out of memory for probabilities of %zu voxels", count);
    for (size_t o = 0; overlap && o < seg->count; o++) {
        voxels->masks[o] = calloc(count / 8 + 1, 1);
        if (!voxels->masks[o])
            return sm_fail(err, SM_MEMORY, "out of memory for a mask of %zu voxels", count);
        each_probability(voxels, o, put_bit, voxels->masks[o]);
    }
    return SM_OK;
}

/* ---- after the work ---- */

static size_t list_objects(struct segment_seg *seg, const struct segment_job *job)
{
    bool (*const slices[])(void *, int, uint8_t *) = {label_slice, fraction_slice, label_slice};
    bool overlap = seg->voxels.masks != NULL;
    size_t listed = 0;
    for (size_t o = 0; o < seg->count; o++) {
        seg->sources[o] = (struct seg_object){&seg->voxels, o,
                                              (uint16_t)job->prompts.objects[o].id};
        if (!sm_result_object(job->result, o)->voxels)
            continue;
        seg->objects[listed++] = (struct sm_seg_object){
            .meaning = seg->meanings[o].meaning, .tracking_id = seg->meanings[o].tracking_id,
            .tracking_uid = seg->meanings[o].tracking_uid,
            .slice = overlap ? mask_slice : slices[seg->type], .context = &seg->sources[o]};
    }
    return listed;
}

static int series_number(const struct segment_job *job)
{
    const char *text = segment_meta_text(job->seg->meta, "SeriesNumber");
    return job->command->series_number || !text ? job->command->series_number : atoi(text);
}

static const char *either(const char *given, const struct segment_job *job, const char *key)
{
    return given ? given : segment_meta_text(job->seg->meta, key);
}

static void print_object(FILE *file, const struct sm_object *object)
{
    fprintf(file, "object %d %s\n", object->id, object->name);
    for (size_t b = 0; b < object->box_count; b++) {
        const double (*corner)[3] = object->boxes[b].corner;
        fprintf(file, "box %.17g %.17g %.17g %.17g %.17g %.17g\n", corner[0][0], corner[0][1],
                corner[0][2], corner[1][0], corner[1][1], corner[1][2]);
    }
    for (size_t p = 0; p < object->point_count; p++) {
        const struct sm_point *point = &object->points[p];
        fprintf(file, "point %.17g %.17g %.17g %d\n", point->position[0], point->position[1],
                point->position[2], point->positive);
    }
    if (object->mask) {
        char hex[65];
        digest_bytes(object->mask->voxels,
                     sm_grid_voxels(&object->mask->grid) * sizeof *object->mask->voxels, hex);
        fprintf(file, "mask %s\n", hex);
    }
}

/* What the voxels came of, beside the source: any change makes other UIDs. NULL: out of memory. */
static char *digest_text(const struct segment_job *job, const char *weights_sha256)
{
    char window[80], *text = NULL;
    size_t size;
    json_t *json = segment_options_json(job);
    char *options = json ? json_dumps(json, JSON_SORT_KEYS) : NULL;
    FILE *file = options ? open_memstream(&text, &size) : NULL;
    sm_window_name(sm_result_window(job->result), window, sizeof window);
    if (file) {
        fprintf(file, "weights %s\nwindow %s\noptions %s\n", weights_sha256, window, options);
        for (size_t o = 0; o < job->prompts.count; o++)
            print_object(file, &job->prompts.objects[o]);
        if (fclose(file) != 0) {
            free(text);
            text = NULL;
        }
    }
    free(options);
    json_decref(json);
    return text;
}

static enum sm_status write_all(struct segment_job *job, size_t listed, const char *digest,
                                struct sm_err *err)
{
    const struct segment_command *command = job->command;
    const struct sm_seg_options options = {
        .type = job->seg->type, .series_number = series_number(job),
        .series_description = either(command->series_description, job, "SeriesDescription"),
        .content_creator = either(command->content_creator, job, "ContentCreatorName"),
        .algorithm_version = sm_version(), .digest = digest, .listener = cmd_listener()};
    enum sm_status status = SM_OK;
    for (size_t n = 0; !status && n < command->outputs.count; n++)
        if (segment_is_seg(command->outputs.values[n]))
            status = sm_dicom_write_seg(command->outputs.values[n], &job->volume, job->seg->objects,
                                        listed, &options, err);
    return status;
}

enum sm_status segment_seg_write(struct segment_job *job, const char *weights_sha256,
                                 struct sm_err *err)
{
    if (!job->seg)
        return SM_OK;
    enum sm_status status = make_voxels(job->seg, job, err);
    size_t listed = status ? 0 : list_objects(job->seg, job);
    if (!status && !listed)
        sm_warn(cmd_listener(), "every object came out empty, so no DICOM SEG is written");
    if (status || !listed)
        return status;
    char *digest = digest_text(job, weights_sha256);
    status = digest ? write_all(job, listed, digest, err) : sm_fail(err, SM_MEMORY, "out of memory");
    free(digest);
    return status;
}
