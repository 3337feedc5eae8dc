/* DESIGN section 2: {"cases", "objects", "prompts": {"box": {"dice", "iou", "ci95"}}, "labels", "baseline_ellipse"};
 * the top-level figures are the first weights'. */
#include <math.h>
#include "eval/report.h"
#include "eval/results.h"

static json_t *interval_json(const double interval[2])
{
    return isnan(interval[0]) ? json_null() : json_pack("[f, f]", interval[0], interval[1]);
}

static json_t *figures_json(const struct figures *f)
{
    return json_pack("{s:I s:I s:I s:o s:o s:o s:o s:s s:o}", "objects", (json_int_t)f->objects, "images",
                     (json_int_t)f->images, "subjects", (json_int_t)f->subjects, "dice", results_number(f->dice),
                     "iou", results_number(f->iou), "ci95", interval_json(f->dice_interval), "iou_ci95",
                     interval_json(f->iou_interval), "ci_unit", f->by_subject ? "subject" : "image",
                     "predicted_iou_error", results_number(f->predicted_error));
}

static size_t asked(const struct sm_evaluation *e)
{
    return e->options.prompt_count - 2;
}

static json_t *prompts_json(const struct sm_evaluation *e, size_t table, struct group group)
{
    json_t *json = json_object();
    for (size_t p = 0; p < asked(e); p++) {
        struct figures f;
        figures_of(&f, e, &e->tables[table], p, group);
        if (f.objects)
            json_object_set_new(json, e->options.prompts[p].name, figures_json(&f));
    }
    return json;
}

static json_t *ways_json(const struct sm_evaluation *e, size_t table, struct group group)
{
    json_t *json = json_object();
    for (int w = 0; w < SM_EVAL_WAYS; w++) {
        struct volume_figures f;
        volume_figures_of(&f, e, &e->tables[table], (enum sm_eval_way)w, group);
        if (e->options.ways[w] && f.objects)
            json_object_set_new(json, way_words[w],
                                json_pack("{s:I s:I s:o s:o s:o s:o s:I}", "objects", (json_int_t)f.objects, "subjects",
                                          (json_int_t)f.subjects, "dice", results_number(f.dice), "ci95",
                                          interval_json(f.dice_interval), "hd95_mm", results_number(f.hd95_mm),
                                          "surface_dice", results_number(f.surface_dice), "missed",
                                          (json_int_t)f.missed));
    }
    return json;
}

/* baseline_box and baseline_ellipse: the same for all weights. */
static void set_baselines(json_t *json, const struct sm_evaluation *e, struct group group)
{
    static const char *const names[2] = {"baseline_box", "baseline_ellipse"};
    for (size_t b = 0; b < 2; b++) {
        struct figures f;
        figures_of(&f, e, &e->tables[0], asked(e) + b, group);
        json_t *figures = figures_json(&f);
        json_object_del(figures, "predicted_iou_error");
        json_object_set_new(json, names[b], figures);
    }
}

static json_t *groups_json(const struct sm_evaluation *e, enum grouping by)
{
    json_t *json = json_object();
    for (size_t g = 0; g < report_groups(e, by); g++) {
        struct group group = report_group(by, g);
        struct figures f;
        figures_of(&f, e, &e->tables[0], asked(e), group);
        json_t *one = json_pack("{s:I s:o}", "objects", (json_int_t)f.objects, "prompts", prompts_json(e, 0, group));
        if (f.objects)
            set_baselines(one, e, group);
        if (e->tables[0].volume_count)
            json_object_set_new(one, "volume", ways_json(e, 0, group));
        json_object_set_new(json, report_group_name(e, by, g), one);
    }
    return json;
}

static json_t *weights_json(const struct sm_evaluation *e)
{
    json_t *list = json_array();
    for (size_t t = 0; t < e->table_count; t++) {
        struct group all = report_group(BY_NOTHING, 0);
        json_t *one = json_pack("{s:o s:s s:s s:f s:i s:I s:o}", "file", json_text(e->tables[t].weights), "sha256",
                                e->tables[t].sha256, "precision", sm_precision_name(e->tables[t].precision), "zoom", e->tables[t].zoom > 1 ? e->tables[t].zoom : 1.0,
                                "mirrors", e->tables[t].mirrors,
                                "encoded", (json_int_t)e->tables[t].encoded, "prompts", prompts_json(e, t, all));
        if (e->tables[t].volume_count)
            json_object_set_new(one, "volume", ways_json(e, t, all));
        json_array_append_new(list, one);
    }
    return list;
}

/* A case that was not asked for (held out) was never named. */
static json_int_t cases_seen(const struct sm_evaluation *e)
{
    json_int_t count = 0;
    for (size_t c = 0; c < e->case_count; c++)
        count += e->cases[c].name && !e->cases[c].failed;
    return count;
}

json_t *report_json(const struct sm_evaluation *e)
{
    struct group all = report_group(BY_NOTHING, 0);
    json_t *json = json_pack("{s:I s:I s:I s:I s:s s:b s:o s:o s:o s:o s:o}", "cases", cases_seen(e), "failed_cases",
                             (json_int_t)sm_evaluation_failed(e), "objects", (json_int_t)e->tables[0].count, "images",
                             (json_int_t)e->tables[0].images, "average", e->options.by_image ? "image" : "object",
                             "reference_quirks", (int)e->options.reference, "prompts", prompts_json(e, 0, all), "labels",
                             groups_json(e, BY_LABEL), "modalities", groups_json(e, BY_MODALITY), "datasets",
                             groups_json(e, BY_DATASET), "weights", weights_json(e));
    if (!json)
        return NULL;
    set_baselines(json, e, all);
    if (e->tables[0].volume_count)
        json_object_set_new(json, "volume", ways_json(e, 0, all));
    return json;
}
