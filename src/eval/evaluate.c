/* The run: models one after the other, cases, slices in batches; known results are not asked for again. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/digest.h"
#include "eval/data_names.h"
#include "eval/mask_files.h"
#include "eval/asker.h"
#include "eval/results.h"
#include "eval/volumes.h"
#include "model/mirror.h"

/* A page that waits for the encoder, and which of its prompts are not known yet. */
struct waiting {
    struct page page;
    size_t first_row;
    bool wanted[SM_EVAL_MAX_PROMPTS];
    char keys[SM_EVAL_MAX_PROMPTS][65];
    int view_slice;
};

/* Of all objects, for a random choice. */
struct ranks {
    uint64_t *list;
    size_t count;
};

struct job {
    struct sm_evaluation *evaluation;
    struct sm_dataset *const *data;
    size_t data_count;
    struct data_names names;
    const struct sm_listener *listener;
    struct results *results;
    struct sm_prompts fixed;
    bool has_fixed;
    char fixed_digest[65];
    struct ranks ranks;
    uint64_t last_rank; /* objects beyond it are not wanted */
    /* of the model in work */
    struct table *table;
    const struct sm_model *model;
    struct asker *asker;
    struct waiting *waiting; /* (asker_batch) */
    int waiting_count;
    float **embeddings;      /* of the volume in work, where later figures need them; else NULL */
};

/* ---- keys ---- */

/* The protocol, whose number grows when the same question gets another answer; the weights, the precision where it is not
 * float32, and mirrors where there are any. */
static int model_key(char *text, size_t size, const struct table *table)
{
    bool exact = table->precision == SM_PRECISION_FLOAT32;
    int length = snprintf(text, size, "eval 3\n%s%s%s\n", table->sha256, exact ? "" : " ",
                          exact ? "" : sm_precision_name(table->precision));
    if (table->mirrors > 1)
        length += snprintf(text + length, size - (size_t)length, "mirrors %d\n", table->mirrors);
    return length;
}

/* Only where there is one, so that results of before are still found. */
static int zoom_key(char *text, size_t size, const struct table *table)
{
    return table->zoom > 1 ? snprintf(text, size, "zoom %.17g\n", table->zoom) : 0;
}

static void prompt_key(const struct job *job, const struct page *page, size_t prompt, char key[65])
{
    const struct sm_eval_options *o = &job->evaluation->options;
    char text[1024];
    int length = model_key(text, sizeof text, job->table);
    length += snprintf(text + length, sizeof text - (size_t)length,
                       "%s\n%s\nmultimask %d\nreference %d\nseed %llu\nfixed %s\n", page->digest,
                       o->prompts[prompt].name, (int)o->multimask, o->reference, (unsigned long long)o->seed,
                       job->fixed_digest);
    if (o->prompts[prompt].kind == SM_EVAL_BOX)
        length += zoom_key(text + length, sizeof text - (size_t)length, job->table);
    if (o->prompts[prompt].kind == SM_EVAL_ITERATIVE) /* numbered by itself, so that other results of before are found */
        length += snprintf(text + length, sizeof text - (size_t)length, "corrections 2\n");
    digest_bytes(text, (size_t)length, key);
}

/* Image, labels, weights and the options that a volume's figures depend on. */
static void volume_key(const struct job *job, const struct eval_source *source, char key[65])
{
    const struct sm_eval_options *o = source->options;
    char text[1024], window[64], image[65], labels[65];
    size_t voxels = sm_grid_voxels(&source->image->grid), used;
    digest_bytes(source->image->voxels,
                 voxels * sm_voxel_type_bytes(source->image->type) * (size_t)source->image->channels, image);
    sm_window_name(&source->window, window, sizeof window);
    used = (size_t)model_key(text, sizeof text, job->table);
    used += (size_t)zoom_key(text + used, sizeof text - used, job->table);
    used += (size_t)snprintf(text + used, sizeof text - used, "%s\n%s %d %d %d\n%s\n", image, window,
                             (int)source->view.plane, source->view.reversed[0] + 2 * source->view.reversed[1],
                             (int)o->multimask, source->about->name);
    for (size_t m = 0; m < source->labels->map_count; m++) {
        digest_bytes(source->labels->maps[m].voxels, voxels * sizeof(uint16_t), labels);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s\n", labels);
        digest_bytes(text, used, key);
        used = (size_t)snprintf(text, sizeof text, "%s\n", key);
    }
    digest_bytes(text, used, key);
}

/* ---- pages ---- */

static json_t *column_json(const struct job *job, const struct waiting *w, size_t prompt)
{
    json_t *list = json_array();
    for (size_t o = 0; o < w->page.count; o++) {
        const struct score *s = &table_scores(job->evaluation, job->table, w->first_row + o)[prompt];
        json_array_append_new(list, json_pack("[o, o, o]", results_number(s->dice), results_number(s->iou),
                                              results_number(s->predicted)));
    }
    return list;
}

/* False: not known, or not for this many objects. */
static bool take_known(struct job *job, const struct waiting *w, size_t prompt)
{
    const json_t *known = results_find(job->results, w->keys[prompt]);
    if (!known || json_array_size(known) != w->page.count)
        return false;
    for (size_t o = 0; o < w->page.count; o++) {
        const json_t *one = json_array_get(known, o);
        table_scores(job->evaluation, job->table, w->first_row + o)[prompt] =
            (struct score){results_value(json_array_get(one, 0)), results_value(json_array_get(one, 1)),
                           results_value(json_array_get(one, 2))};
    }
    return true;
}

static bool needs_network(const struct sm_eval_prompt *prompt)
{
    return prompt->kind != SM_EVAL_FILLED && prompt->kind != SM_EVAL_ELLIPSE;
}

static bool masks_are_there(const struct job *job, const struct waiting *w, size_t prompt)
{
    char path[MASK_PATH];
    for (size_t o = 0; job->evaluation->options.masks && o < w->page.count; o++)
        if (!mask_path(path, job->evaluation, (size_t)(job->table - job->evaluation->tables),
                       &job->table->rows[w->first_row + o], prompt) ||
            access(path, R_OK))
            return false;
    return true;
}

/* What the results do not know; true when that takes the network. */
static bool find_wanted(struct job *job, struct waiting *w)
{
    const struct sm_eval_options *options = &job->evaluation->options;
    bool network = false;
    for (size_t p = 0; p < options->prompt_count; p++) {
        bool asks = needs_network(&options->prompts[p]);
        if (asks)
            prompt_key(job, &w->page, p, w->keys[p]);
        w->wanted[p] = !asks || !take_known(job, w, p) || !masks_are_there(job, w, p);
        network |= asks && w->wanted[p];
    }
    return network;
}

struct keeper {
    const struct job *job;
    const struct waiting *waiting;
};

static enum sm_status keep_mask(void *context, const struct page *page, size_t object, size_t prompt,
                                const uint8_t *inside, struct sm_err *err)
{
    const struct keeper *keeper = context;
    const struct job *job = keeper->job;
    char path[MASK_PATH];
    if (!needs_network(&job->evaluation->options.prompts[prompt]))
        return SM_OK;
    if (!mask_path(path, job->evaluation, (size_t)(job->table - job->evaluation->tables),
                   &job->table->rows[keeper->waiting->first_row + object], prompt))
        return sm_fail(err, SM_OUTPUT, "%s: the paths of masks below it become too long", job->evaluation->options.masks);
    return mask_write(path, inside, page->height, page->width, err);
}

static enum sm_status ask_page(struct job *job, struct waiting *w, struct sm_err *err)
{
    const struct sm_eval_options *options = &job->evaluation->options;
    struct keeper keeper = {job, w};
    const struct answers answers = {&keeper, options->masks ? keep_mask : NULL};
    const struct page *page = &w->page;
    enum sm_status status = asker_ask(job->asker, page, w->wanted,
                                        table_scores(job->evaluation, job->table, w->first_row), &answers, err);
    for (size_t p = 0; !status && p < options->prompt_count; p++)
        if (w->wanted[p] && needs_network(&options->prompts[p]))
            status = results_add(job->results, w->keys[p], job->evaluation->cases[page->case_number].name, page->slice,
                                 options->prompts[p].name, column_json(job, w, p), err);
    return status;
}

/* Encodes and asks the pages that wait. */
static enum sm_status flush(struct job *job, struct sm_err *err)
{
    struct page *pages[ASKER_BATCH];
    enum sm_status status = SM_OK;
    for (int n = 0; n < job->waiting_count; n++)
        pages[n] = &job->waiting[n].page;
    if (job->waiting_count)
        status = asker_encode(job->asker, pages, job->waiting_count, err);
    for (int n = 0; n < job->waiting_count; n++) {
        struct waiting *w = &job->waiting[n];
        if (!status)
            status = ask_page(job, w, err);
        if (job->embeddings && !job->evaluation->options.reference) {
            job->embeddings[w->view_slice] = w->page.embedding;
            w->page.embedding = NULL;
        }
        page_free(&w->page);
    }
    job->table->encoded += (size_t)job->waiting_count;
    job->waiting_count = 0;
    return status;
}

static enum sm_status add_rows(struct job *job, struct waiting *w, struct sm_err *err)
{
    w->first_row = job->table->count;
    for (size_t o = 0; o < w->page.count; o++) {
        const struct page_object *object = &w->page.objects[o];
        int label = words_add(&job->evaluation->labels, object->name);
        struct row *row = table_add(job->table, job->evaluation->options.prompt_count);
        if (!row || label < 0)
            return sm_fail(err, SM_MEMORY, "out of memory for results");
        *row = (struct row){.case_number = w->page.case_number, .image = job->table->images, .label = label,
                            .id = object->id, .slice = w->page.slice, .pixels = object->pixels};
        memcpy(row->box, object->box, sizeof row->box);
    }
    job->table->images += w->page.count > 0;
    return SM_OK;
}

static enum sm_status take_slice(struct job *job, const struct eval_source *source, int s, struct sm_err *err)
{
    struct waiting *w = &job->waiting[job->waiting_count];
    enum sm_status status = page_make(&w->page, source, s, err);
    if (status || !w->page.count) {
        if (!status)
            page_free(&w->page);
        return status;
    }
    w->view_slice = s;
    status = page_paint(&w->page, source, s, err);
    if (!status)
        status = add_rows(job, w, err);
    if (!status && find_wanted(job, w)) {
        job->waiting_count++;
        return job->waiting_count == asker_batch(job->asker) ? flush(job, err) : SM_OK;
    }
    if (!status)
        status = asker_ask(job->asker, &w->page, w->wanted,
                             table_scores(job->evaluation, job->table, w->first_row), NULL, err);
    page_free(&w->page);
    return status;
}

/* ---- cases ---- */

static bool any_way(const struct sm_eval_options *options)
{
    for (int w = 0; w < SM_EVAL_WAYS; w++)
        if (options->ways[w])
            return true;
    return false;
}

static enum sm_status take_volume(struct job *job, const struct eval_source *source, struct sm_err *err)
{
    char key[65];
    volume_key(job, source, key);
    return volumes_evaluate(job->evaluation, job->table, source, job->model, job->embeddings, job->results, key,
                            job->listener, err);
}

static enum sm_status take_slices(struct job *job, const struct eval_source *source, struct sm_err *err)
{
    const struct sm_eval_options *options = &job->evaluation->options;
    int slices = source->view.dim[2], step = options->every_nth > 1 ? options->every_nth : 1;
    bool solid = any_way(options) && slices >= VOLUME_LEAST_SLICES;
    enum sm_status status = SM_OK;
    if (solid && !(job->embeddings = calloc((size_t)slices, sizeof *job->embeddings)))
        return sm_fail(err, SM_MEMORY, "out of memory");
    for (int s = 0; !status && s < slices; s++) {
        int index = source->view.reversed[2] ? slices - 1 - s : s;
        if (sm_cancelled(job->listener))
            status = sm_fail(err, SM_INTERRUPTED, "interrupted");
        else if (index % step == 0)
            status = take_slice(job, source, s, err);
    }
    if (!status && !source->about->picture)
        status = flush(job, err);
    if (!status && solid)
        status = take_volume(job, source, err);
    for (int s = 0; job->embeddings && s < slices; s++)
        free(job->embeddings[s]);
    free(job->embeddings);
    job->embeddings = NULL;
    return status;
}

static enum sm_status note_case(struct job *job, size_t data, const struct sm_case *about, int number,
                                struct sm_err *err)
{
    struct sm_evaluation *e = job->evaluation;
    struct seen_case *seen = &e->cases[number];
    char subject[1024];
    if (seen->name)
        return SM_OK;
    char *dataset = data_names_of(&job->names, data, about->dataset);
    snprintf(subject, sizeof subject, "%s/%s", dataset ? dataset : "", about->subject);
    *seen = (struct seen_case){strdup(about->name), dataset ? words_add(&e->datasets, dataset) : -1,
                               words_add(&e->modalities, *about->modality ? about->modality : "unknown"),
                               words_add(&e->subjects, subject), false};
    free(dataset);
    if (!seen->name || seen->dataset < 0 || seen->modality < 0 || seen->subject < 0)
        return sm_fail(err, SM_MEMORY, "out of memory");
    return SM_OK;
}

typedef enum sm_status (*case_work)(struct job *job, const struct eval_source *source, struct sm_err *err);

/* What ends the run, and not the case only. */
static bool is_fatal(enum sm_status status)
{
    return status == SM_INTERRUPTED || status == SM_MEMORY || status == SM_OUTPUT || status == SM_WEIGHTS;
}

/* Nothing of a case that failed half way is counted. */
static void forget_case(struct job *job, int number, size_t rows, int images)
{
    while (job->waiting_count && job->waiting[job->waiting_count - 1].page.case_number == number)
        page_free(&job->waiting[--job->waiting_count].page);
    job->table->count = rows;
    job->table->images = images;
    job->evaluation->cases[number].failed = true;
}

static enum sm_status read_case(struct job *job, size_t data, size_t index, int number, case_work work,
                                struct sm_err *err)
{
    const struct sm_case *about = sm_dataset_case(job->data[data], index);
    struct sm_volume image = {0};
    struct sm_label_set labels = {0};
    struct eval_source source = {.options = &job->evaluation->options, .config = sm_model_config(job->model),
                                 .about = about, .case_number = number, .image = &image, .labels = &labels,
                                 .fixed = job->has_fixed ? &job->fixed : NULL, .last_rank = job->last_rank};
    size_t rows = job->table->count;
    int images = job->table->images;
    enum sm_status status = note_case(job, data, about, number, err);
    if (!status)
        status = sm_dataset_read(job->data[data], index, &image, &labels, job->listener, err);
    if (!status)
        status = source_prepare(&source, err);
    if (!status)
        status = work(job, &source, err);
    sm_label_set_free(&labels);
    sm_volume_free(&image);
    if (!status || is_fatal(status))
        return status;
    if (!job->evaluation->cases[number].failed)
        sm_warn(job->listener, "%s is left out: %s", about->name, err->message);
    forget_case(job, number, rows, images);
    return SM_OK;
}

static enum sm_status each_case(struct job *job, const char *what, case_work work, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    size_t number = 0;
    for (size_t d = 0; !status && d < job->data_count; d++)
        for (size_t c = 0; !status && c < sm_dataset_cases(job->data[d]); c++, number++) {
            sm_progress(job->listener, what, number, job->evaluation->case_count);
            if (sm_cancelled(job->listener))
                status = sm_fail(err, SM_INTERRUPTED, "interrupted");
            else if (!job->evaluation->options.held_out ||
                     sm_dataset_held_out(job->data[d], c, job->evaluation->options.held_out))
                status = read_case(job, d, c, (int)number, work, err);
        }
    sm_progress(job->listener, what, number, number);
    return status;
}

/* ---- a random choice of objects ---- */

static int by_rank(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static enum sm_status note_ranks(struct job *job, const struct eval_source *source, struct sm_err *err)
{
    int step = job->evaluation->options.every_nth > 1 ? job->evaluation->options.every_nth : 1;
    struct ranks *ranks = &job->ranks;
    enum sm_status status = SM_OK;
    for (int s = 0; !status && s < source->view.dim[2]; s++) {
        struct page page;
        int index = source->view.reversed[2] ? source->view.dim[2] - 1 - s : s;
        if (index % step)
            continue;
        status = page_make(&page, source, s, err);
        uint64_t *list = status ? NULL : realloc(ranks->list, (ranks->count + page.count + 1) * sizeof *list);
        if (!status && !list)
            status = sm_fail(err, SM_MEMORY, "out of memory");
        if (list)
            ranks->list = list;
        for (size_t o = 0; list && o < page.count; o++)
            list[ranks->count++] = page.objects[o].rank;
        if (list)
            page_free(&page);
    }
    return status;
}

/* The rank up to which `limit` objects of all are taken. */
static enum sm_status choose_objects(struct job *job, struct sm_err *err)
{
    size_t limit = job->evaluation->options.limit;
    enum sm_status status = each_case(job, "choosing objects", note_ranks, err);
    if (!status && job->ranks.count > limit) {
        qsort(job->ranks.list, job->ranks.count, sizeof *job->ranks.list, by_rank);
        job->last_rank = job->ranks.list[limit - 1];
    }
    free(job->ranks.list);
    job->ranks = (struct ranks){0};
    return status;
}

/* ---- models ---- */

static enum sm_status run_model(struct job *job, struct sm_err *err)
{
    enum sm_status status = asker_open(&job->asker, job->model, &job->evaluation->options, err);
    if (!status)
        job->waiting = calloc((size_t)asker_batch(job->asker), sizeof *job->waiting);
    if (!status && !job->waiting)
        status = sm_fail(err, SM_MEMORY, "out of memory");
    if (!status && job->evaluation->options.limit && job->last_rank == UINT64_MAX)
        status = choose_objects(job, err);
    if (!status)
        status = each_case(job, "evaluating cases", take_slices, err);
    if (!status)
        status = flush(job, err);
    for (int n = 0; n < job->waiting_count; n++)
        page_free(&job->waiting[n].page);
    job->waiting_count = 0;
    free(job->waiting);
    asker_close(job->asker);
    job->waiting = NULL; /* the next weights may be refused before they have any */
    job->asker = NULL;
    return status;
}

static enum sm_status run_weights(struct job *job, size_t number, const char *path, struct sm_err *err)
{
    struct sm_model *model = NULL;
    struct sm_err why;
    job->table = &job->evaluation->tables[number];
    job->table->weights = path;
    enum sm_status status = sm_model_open_as(&model, path, job->evaluation->options.precision, err);
    job->model = model;
    if (!status) {
        job->table->precision = sm_model_precision(model);
        job->table->zoom = asker_zoom(&job->evaluation->options, sm_model_config(model));
        job->table->mirrors = asker_mirrors(&job->evaluation->options, sm_model_config(model));
    }
    if (!status && mirror_check(sm_model_config(model), job->table->mirrors, &why))
        status = sm_fail(err, SM_USAGE, "%s: %s", path, why.message);
    if (!status)
        status = digest_file_remembered(path, job->table->sha256, err);
    if (!status)
        status = run_model(job, err);
    sm_model_close(model);
    return status;
}

/* The trivial answers stand beside every model. */
static enum sm_status add_trivial(struct sm_eval_options *options, struct sm_err *err)
{
    if (options->prompt_count + 2 > SM_EVAL_MAX_PROMPTS)
        return sm_fail(err, SM_USAGE, "at most %d kinds of prompts at once", SM_EVAL_MAX_PROMPTS - 2);
    options->prompts[options->prompt_count++] = (struct sm_eval_prompt){SM_EVAL_FILLED, 0, "box filled"};
    options->prompts[options->prompt_count++] = (struct sm_eval_prompt){SM_EVAL_ELLIPSE, 0, "ellipse"};
    return SM_OK;
}

static enum sm_status job_open(struct job *job, size_t weights_count, const struct sm_eval_options *options,
                               struct sm_err *err)
{
    struct sm_evaluation *e = job->evaluation;
    e->options = *options;
    for (size_t d = 0; d < job->data_count; d++)
        e->case_count += sm_dataset_cases(job->data[d]);
    e->cases = calloc(e->case_count + 1, sizeof *e->cases);
    e->tables = calloc(weights_count + 1, sizeof *e->tables);
    if (!e->cases || !e->tables)
        return sm_fail(err, SM_MEMORY, "out of memory");
    e->table_count = weights_count;
    enum sm_status status = data_names_make(&job->names, job->data, job->data_count, err);
    if (!status)
        status = add_trivial(&e->options, err);
    if (!status && options->fixed)
        status = sm_prompts_read(&job->fixed, options->fixed, NULL, err);
    if (!status && options->fixed)
        status = digest_file(options->fixed, job->fixed_digest, err);
    job->has_fixed = options->fixed != NULL;
    return status ? status : results_open(&job->results, options->results, err);
}

static enum sm_status fail_empty(const struct sm_evaluation *e, struct sm_err *err)
{
    size_t failed = sm_evaluation_failed(e);
    char unread[64] = "";
    if (failed)
        snprintf(unread, sizeof unread, ", %zu of which could not be read", failed);
    return sm_fail(err, SM_NOT_FOUND,
                   "no objects to evaluate in %zu case%s%s; objects of less than --min-pixels are left "
                   "out, and so are label maps that are empty",
                   e->case_count, e->case_count == 1 ? "" : "s", unread);
}

enum sm_status sm_evaluate(struct sm_evaluation **evaluation, const char *const *weights, size_t weights_count,
                           struct sm_dataset *const *data, size_t data_count,
                           const struct sm_eval_options *options, const struct sm_listener *listener,
                           struct sm_err *err)
{
    struct sm_evaluation *e = *evaluation = calloc(1, sizeof *e);
    struct job job = {.evaluation = e, .data = data, .data_count = data_count, .listener = listener,
                      .last_rank = UINT64_MAX};
    if (!e)
        return sm_fail(err, SM_MEMORY, "out of memory");
    enum sm_status status = job_open(&job, weights_count, options, err);
    for (size_t w = 0; !status && w < weights_count; w++)
        status = run_weights(&job, w, weights[w], err);
    if (!status && !e->tables[0].count && !e->tables[0].volume_count)
        status = fail_empty(e, err);
    results_close(job.results);
    sm_prompts_free(&job.fixed);
    data_names_free(&job.names);
    if (status) {
        sm_evaluation_free(e);
        *evaluation = NULL;
    }
    return status;
}
