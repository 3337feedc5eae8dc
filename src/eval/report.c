#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "eval/grid.h"
#include "eval/mask_files.h"
#include "eval/report.h"

#include <stdio.h>

static const char *const way_texts[SM_EVAL_WAYS] = {"a box on every slice", "boxes on first, middle and last slice",
                                                    "one box, carried on", "one point, carried on"};

const char *report_weights_name(const struct sm_evaluation *evaluation, size_t table)
{
    const char *path = evaluation->tables[table].weights, *slash = strrchr(path, '/');
    return slash && evaluation->table_count == 1 ? slash + 1 : path;
}

size_t report_groups(const struct sm_evaluation *e, enum grouping by)
{
    const size_t counts[GROUPINGS] = {1, e->datasets.count, e->modalities.count, e->labels.count};
    return counts[by];
}

struct group report_group(enum grouping by, size_t number)
{
    struct group group = {-1, -1, -1};
    if (by == BY_DATASET)
        group.dataset = (int)number;
    if (by == BY_MODALITY)
        group.modality = (int)number;
    if (by == BY_LABEL)
        group.label = (int)number;
    return group;
}

const char *report_group_name(const struct sm_evaluation *e, enum grouping by, size_t number)
{
    const struct words *words[GROUPINGS] = {NULL, &e->datasets, &e->modalities, &e->labels};
    return words[by] ? words[by]->list[number] : "all";
}

/* ---- tables ---- */

static void add_interval(struct grid *grid, const double interval[2])
{
    if (isnan(interval[0]))
        grid_add(grid, "-");
    else
        grid_add(grid, "%.3f to %.3f", interval[0], interval[1]);
}

static void add_all_row(struct grid *grid, const struct sm_evaluation *e, const char *weights, size_t table, size_t prompt)
{
    struct figures f;
    figures_of(&f, e, &e->tables[table], prompt, report_group(BY_NOTHING, 0));
    grid_add(grid, "%s", weights);
    grid_add(grid, "%s", e->options.prompts[prompt].name);
    grid_add(grid, "%zu", f.objects);
    grid_number(grid, f.dice, 3);
    add_interval(grid, f.dice_interval);
    grid_number(grid, f.iou, 3);
    add_interval(grid, f.iou_interval);
    grid_number(grid, f.predicted_error, 3);
}

static size_t asked(const struct sm_evaluation *e)
{
    return e->options.prompt_count - 2; /* without the trivial answers */
}

static void fill_all(struct grid *grid, const struct sm_evaluation *e)
{
    static const char *const head[] = {"weights", "prompt", "objects", "Dice", "95 %", "IoU", "95 %",
                                       "predicted IoU off by"};
    grid->columns = sizeof head / sizeof *head;
    for (size_t c = 0; c < grid->columns; c++)
        grid_add(grid, "%s", head[c]);
    for (size_t t = 0; t < e->table_count; t++)
        for (size_t p = 0; p < asked(e); p++)
            add_all_row(grid, e, report_weights_name(e, t), t, p);
    for (size_t p = asked(e); p < e->options.prompt_count; p++)
        add_all_row(grid, e, "(no network)", 0, p);
}

static void add_dice(struct grid *grid, const struct figures *f)
{
    if (isnan(f->dice_interval[0]))
        grid_number(grid, f->dice, 3);
    else
        grid_add(grid, "%.3f (%.3f to %.3f)", f->dice, f->dice_interval[0], f->dice_interval[1]);
}

static void fill_groups_head(struct grid *grid, const struct sm_evaluation *e, const char *title)
{
    grid->columns = 4 + e->options.prompt_count - 2 + (e->table_count - 1) * asked(e) + 1;
    grid_add(grid, "%s", title);
    grid_add(grid, "objects");
    grid_add(grid, "images");
    grid_add(grid, "subjects");
    for (size_t t = 0; t < e->table_count; t++)
        for (size_t p = 0; p < asked(e); p++) {
            if (e->table_count > 1)
                grid_add(grid, "%s %s", report_weights_name(e, t), e->options.prompts[p].name);
            else
                grid_add(grid, "%s", e->options.prompts[p].name);
        }
    grid_add(grid, "ellipse");
}

static void fill_groups(struct grid *grid, const struct sm_evaluation *e, enum grouping by, const char *title)
{
    size_t ellipse = e->options.prompt_count - 1;
    fill_groups_head(grid, e, title);
    for (size_t g = 0; g < report_groups(e, by); g++) {
        struct figures trivial, f;
        figures_of(&trivial, e, &e->tables[0], ellipse, report_group(by, g));
        if (!trivial.objects)
            continue;
        grid_add(grid, "%s", report_group_name(e, by, g));
        grid_add(grid, "%zu", trivial.objects);
        grid_add(grid, "%zu", trivial.images);
        grid_add(grid, "%zu", trivial.subjects);
        for (size_t t = 0; t < e->table_count; t++)
            for (size_t p = 0; p < asked(e); p++) {
                figures_of(&f, e, &e->tables[t], p, report_group(by, g));
                add_dice(grid, &f);
            }
        grid_number(grid, trivial.dice, 3);
    }
}

static void fill_volumes(struct grid *grid, const struct sm_evaluation *e, enum grouping by)
{
    static const char *const head[] = {"weights", "data", "prompts", "objects", "Dice", "95 %", "HD95 mm", "surface Dice", "missed"};
    grid->columns = sizeof head / sizeof *head;
    for (size_t c = 0; c < grid->columns; c++)
        grid_add(grid, "%s", head[c]);
    for (size_t t = 0; t < e->table_count; t++)
        for (size_t g = 0; g < report_groups(e, by); g++)
            for (int w = 0; w < SM_EVAL_WAYS; w++) {
                struct volume_figures f;
                volume_figures_of(&f, e, &e->tables[t], (enum sm_eval_way)w, report_group(by, g));
                if (!e->options.ways[w] || !f.objects)
                    continue;
                grid_add(grid, "%s", report_weights_name(e, t));
                grid_add(grid, "%s", report_group_name(e, by, g));
                grid_add(grid, "%s", way_texts[w]);
                grid_add(grid, "%zu", f.objects);
                grid_number(grid, f.dice, 3);
                add_interval(grid, f.dice_interval);
                grid_number(grid, f.hd95_mm, 1);
                grid_number(grid, f.surface_dice, 3);
                grid_add(grid, "%zu", f.missed);
            }
}

static void write_grid(struct grid *grid, const char *title, size_t texts, bool markdown, FILE *out, bool *starved)
{
    fprintf(out, markdown ? "### %s\n\n" : "%s\n", title);
    (markdown ? grid_write_markdown : grid_write_text)(grid, texts, out);
    fputc('\n', out);
    *starved |= grid->starved;
    grid_free(grid);
}

static void write_model(const struct sm_evaluation *e, size_t t, bool markdown, FILE *out)
{
    const struct table *table = &e->tables[t];
    fprintf(out, "%s%s: sha256 %s%s%s", markdown ? "- " : "", report_weights_name(e, t), table->sha256,
            table->precision ? ", encoder in " : "", table->precision ? sm_precision_name(table->precision) : "");
    if (table->zoom > 1)
        fprintf(out, ", boxes also seen from near (zoom %g)", table->zoom);
    if (table->mirrors > 1)
        fprintf(out, ", pictures seen in %d images, mirrored ones included", table->mirrors);
    fputc('\n', out);
}

static void write_preface(const struct sm_evaluation *e, bool markdown, FILE *out)
{
    const struct table *table = &e->tables[0];
    struct figures f;
    figures_of(&f, e, table, e->options.prompt_count - 1, report_group(BY_NOTHING, 0));
    fprintf(out, "%zu objects on %zu images of %zu subjects; means over %s%s. 95 %% intervals: bootstrap of %s.\n\n",
            f.objects, f.images, f.subjects,
            e->options.by_image ? "the objects of each image, then over images" : "objects",
            e->options.reference ? ", with the reference's quirks" : "", f.by_subject ? "subjects" : "images");
    for (size_t t = 0; t < e->table_count; t++)
        write_model(e, t, markdown, out);
    fputc('\n', out);
}

void report_tables(const struct sm_evaluation *e, bool markdown, FILE *out, bool *starved)
{
    static const char *const titles[GROUPINGS][2] = {
        {"All objects", "all"}, {"Dice by data set", "data set"}, {"Dice by modality", "modality"}, {"Dice by label", "label"}};
    struct grid grid = {0};
    write_preface(e, markdown, out);
    fill_all(&grid, e);
    write_grid(&grid, titles[0][0], 2, markdown, out, starved);
    for (enum grouping by = BY_DATASET; by < GROUPINGS; by++) {
        fill_groups(&grid, e, by, titles[by][1]);
        write_grid(&grid, titles[by][0], 1, markdown, out, starved);
    }
    if (!e->tables[0].volume_count)
        return;
    fill_volumes(&grid, e, BY_NOTHING);
    write_grid(&grid, "Volumes, three dimensions", 3, markdown, out, starved);
    fill_volumes(&grid, e, BY_DATASET);
    write_grid(&grid, "Volumes by data set", 3, markdown, out, starved);
}

/* ---- CSV ---- */

static void csv_row(struct grid *grid, const struct sm_evaluation *e, size_t t, size_t p, enum grouping by, size_t g)
{
    static const char *const names[GROUPINGS] = {"all", "dataset", "modality", "label"};
    struct figures f;
    figures_of(&f, e, &e->tables[t], p, report_group(by, g));
    if (!f.objects)
        return;
    grid_add(grid, "%s", names[by]);
    grid_add(grid, "%s", report_group_name(e, by, g));
    grid_add(grid, "%s", p < asked(e) ? report_weights_name(e, t) : "");
    grid_add(grid, "%s", e->options.prompts[p].name);
    grid_add(grid, "%zu", f.objects);
    grid_add(grid, "%zu", f.images);
    grid_add(grid, "%zu", f.subjects);
    const double numbers[] = {f.dice, f.dice_interval[0], f.dice_interval[1], f.iou, f.iou_interval[0],
                              f.iou_interval[1], f.predicted_error};
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++)
        grid_number(grid, numbers[n], 6);
    grid_add(grid, "-");
    grid_add(grid, "-");
    grid_add(grid, "-");
}

static void csv_volume_row(struct grid *grid, const struct sm_evaluation *e, size_t t, int way, enum grouping by, size_t g)
{
    static const char *const names[GROUPINGS] = {"all", "dataset", "modality", "label"};
    struct volume_figures f;
    volume_figures_of(&f, e, &e->tables[t], (enum sm_eval_way)way, report_group(by, g));
    if (!f.objects)
        return;
    grid_add(grid, "%s", names[by]);
    grid_add(grid, "%s", report_group_name(e, by, g));
    grid_add(grid, "%s", report_weights_name(e, t));
    grid_add(grid, "volume %s", way_words[way]);
    grid_add(grid, "%zu", f.objects);
    grid_add(grid, "-");
    grid_add(grid, "%zu", f.subjects);
    const double numbers[] = {f.dice, f.dice_interval[0], f.dice_interval[1], NAN, NAN, NAN, NAN, f.hd95_mm, f.surface_dice};
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++)
        grid_number(grid, numbers[n], 6);
    grid_add(grid, "%zu", f.missed);
}

void report_csv(const struct sm_evaluation *e, FILE *out, bool *starved)
{
    static const char *const head[] = {"group", "name", "weights", "prompt", "objects", "images", "subjects", "dice", "dice_low",
                                       "dice_high", "iou", "iou_low", "iou_high", "predicted_iou_error", "hd95_mm",
                                       "surface_dice", "missed"};
    struct grid grid = {.columns = sizeof head / sizeof *head};
    for (size_t c = 0; c < grid.columns; c++)
        grid_add(&grid, "%s", head[c]);
    for (enum grouping by = BY_NOTHING; by < GROUPINGS; by++)
        for (size_t g = 0; g < report_groups(e, by); g++)
            for (size_t t = 0; t < e->table_count; t++) {
                for (size_t p = 0; p < (t ? asked(e) : e->options.prompt_count); p++)
                    csv_row(&grid, e, t, p, by, g);
                for (int w = 0; w < SM_EVAL_WAYS; w++)
                    csv_volume_row(&grid, e, t, w, by, g);
            }
    grid_write_csv(&grid, out);
    *starved |= grid.starved;
    grid_free(&grid);
}

static void object_row(struct grid *grid, const struct sm_evaluation *e, size_t t, size_t r, size_t p)
{
    const struct row *row = &e->tables[t].rows[r];
    const struct seen_case *seen = &e->cases[row->case_number];
    const struct score *score = &table_scores(e, &e->tables[t], r)[p];
    char path[MASK_PATH] = "";
    bool network = p < asked(e);
    grid_add(grid, "%s", network ? report_weights_name(e, t) : "");
    grid_add(grid, "%s", e->datasets.list[seen->dataset]);
    grid_add(grid, "%s", seen->name);
    grid_add(grid, "%s", e->subjects.list[seen->subject]);
    grid_add(grid, "%s", e->modalities.list[seen->modality]);
    grid_add(grid, "%s", e->labels.list[row->label]);
    grid_add(grid, "%d", row->id);
    grid_add(grid, "%d", row->slice);
    grid_add(grid, "%zu", row->pixels);
    for (int a = 0; a < 4; a++)
        grid_number(grid, (double)row->box[a], 0);
    grid_add(grid, "%s", e->options.prompts[p].name);
    grid_number(grid, score->dice, 9);
    grid_number(grid, score->iou, 9);
    grid_number(grid, score->predicted, 6);
    if (network && e->options.masks)
        mask_path(path, e, t, row, p);
    grid_add(grid, "%s", path);
}

void report_objects(const struct sm_evaluation *e, FILE *out, bool *starved)
{
    static const char *const head[] = {"weights", "dataset", "case", "subject", "modality", "label", "id", "slice", "pixels",
                                       "x0", "y0", "x1", "y1", "prompt", "dice", "iou", "predicted_iou", "mask"};
    struct grid grid = {.columns = sizeof head / sizeof *head};
    for (size_t c = 0; c < grid.columns; c++)
        grid_add(&grid, "%s", head[c]);
    for (size_t t = 0; t < e->table_count; t++)
        for (size_t r = 0; r < e->tables[t].count; r++)
            for (size_t p = 0; p < (t ? asked(e) : e->options.prompt_count); p++)
                object_row(&grid, e, t, r, p);
    grid_write_csv(&grid, out);
    *starved |= grid.starved;
    grid_free(&grid);
}

/* ---- all of them ---- */

enum sm_status sm_evaluation_report(char **text, const struct sm_evaluation *e, enum sm_eval_format format,
                                    struct sm_err *err)
{
    size_t size;
    bool starved = false;
    *text = NULL;
    if (format == SM_EVAL_JSON) {
        json_t *json = report_json(e);
        *text = json ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
        json_decref(json);
        return *text ? SM_OK : sm_fail(err, SM_MEMORY, "out of memory");
    }
    FILE *out = open_memstream(text, &size);
    if (!out)
        return sm_fail(err, SM_MEMORY, "out of memory");
    if (format == SM_EVAL_CSV)
        report_csv(e, out, &starved);
    else if (format == SM_EVAL_OBJECTS)
        report_objects(e, out, &starved);
    else
        report_tables(e, format == SM_EVAL_MARKDOWN, out, &starved);
    if (fclose(out) || starved) {
        free(*text);
        *text = NULL;
        return sm_fail(err, SM_MEMORY, "out of memory for the report");
    }
    return SM_OK;
}
