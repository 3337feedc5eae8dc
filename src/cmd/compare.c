/* sammed2d compare: two label maps, SEGs or structure sets, label by label. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "base/output.h"
#include "cmd/clash.h"
#include "cmd/cmd.h"
#include "nn/nn.h"
#include "sammed2d/compare.h"

static const struct synopsis synopsis = {"compare", "A B", "Compare two label maps or segmentations, label by label."};

struct command {
    const char *path_a, *path_b, *csv, *labels;
    bool json;
    struct sm_compare_options options;
};

/* ---- figures of a label ---- */

/* Everything that is said of a label, in the order of the columns; NAN where it is not defined. */
struct figure {
    const char *key;
    double (*of)(const struct sm_compared *label, double voxel_ml);
    bool distance, whole;
};

static double dice(const struct sm_compared *l, double ml) { (void)ml; return sm_overlap_dice(l->overlap); }
static double iou(const struct sm_compared *l, double ml) { (void)ml; return sm_overlap_iou(l->overlap); }
static double voxels_a(const struct sm_compared *l, double ml) { (void)ml; return (double)l->overlap.a; }
static double voxels_b(const struct sm_compared *l, double ml) { (void)ml; return (double)l->overlap.b; }
static double voxels_both(const struct sm_compared *l, double ml) { (void)ml; return (double)l->overlap.both; }
static double ml_a(const struct sm_compared *l, double ml) { return (double)l->overlap.a * ml; }
static double ml_b(const struct sm_compared *l, double ml) { return (double)l->overlap.b * ml; }

/* A distance needs a surface on both sides. */
static double measured(const struct sm_compared *l, double mm)
{
    return l->overlap.a && l->overlap.b ? mm : NAN;
}
static double hd95(const struct sm_compared *l, double ml) { (void)ml; return measured(l, l->surface.hd95); }
static double hausdorff(const struct sm_compared *l, double ml) { (void)ml; return measured(l, l->surface.hausdorff); }
static double average(const struct sm_compared *l, double ml) { (void)ml; return measured(l, l->surface.average); }
static double surface_dice(const struct sm_compared *l, double ml) { (void)ml; return l->surface.surface_dice; }

static const struct figure figures[] = {
    {"dice", dice, false, false},
    {"iou", iou, false, false},
    {"hd95_mm", hd95, true, false},
    {"hausdorff_mm", hausdorff, true, false},
    {"assd_mm", average, true, false},
    {"surface_dice", surface_dice, true, false},
    {"voxels_a", voxels_a, false, true},
    {"voxels_b", voxels_b, false, true},
    {"voxels_both", voxels_both, false, true},
    {"volume_a_ml", ml_a, false, false},
    {"volume_b_ml", ml_b, false, false},
};
enum { FIGURES = sizeof figures / sizeof *figures };

static bool shown(const struct figure *figure, const struct command *command)
{
    return !figure->distance || !command->options.overlap_only;
}

/* ---- JSON ---- */

static json_t *label_json(const struct sm_compared *label, const struct command *command, double voxel_ml)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_text(label->name));
    json_object_set_new(object, "id_a", label->id_a ? json_integer(label->id_a) : json_null());
    json_object_set_new(object, "id_b", label->id_b ? json_integer(label->id_b) : json_null());
    for (size_t f = 0; f < FIGURES; f++) {
        double value = figures[f].of(label, voxel_ml);
        if (shown(&figures[f], command))
            json_object_set_new(object, figures[f].key,
                                isnan(value)       ? json_null()
                                : figures[f].whole ? json_integer((json_int_t)value)
                                                   : json_real(value));
    }
    return object;
}

/* Where B alone has a number that another of A's labels has too, it is told apart. */
static void key_of(const struct sm_compared *label, const json_t *labels, char key[32])
{
    snprintf(key, 32, "%d", label->id);
    if (json_object_get(labels, key))
        snprintf(key, 32, "%d (B)", label->id);
}

static json_t *warnings_json(void)
{
    const char *const *sentences;
    size_t count = cmd_warnings(&sentences);
    json_t *list = json_array();
    for (size_t n = 0; n < count; n++)
        json_array_append_new(list, json_text(sentences[n]));
    return list;
}

static void print_json(const struct command *command, const struct sm_comparison *comparison)
{
    double voxel_ml = sm_grid_voxel_volume_ml(&comparison->grid);
    json_t *labels = json_object();
    for (size_t n = 0; n < comparison->count; n++) {
        char key[32];
        key_of(&comparison->labels[n], labels, key);
        json_object_set_new(labels, key, label_json(&comparison->labels[n], command, voxel_ml));
    }
    json_t *document = json_pack("{s:o, s:o, s:b, s:b, s:b, s:f, s:f, s:o, s:o}", "a", json_text(command->path_a), "b",
                                 json_text(command->path_b), "same_grid", comparison->same_grid, "same_order",
                                 comparison->same_order, "resampled", comparison->resampled, "distance_mm",
                                 comparison->distance_mm, "tolerance_mm", command->options.tolerance_mm, "labels",
                                 labels, "warnings", warnings_json());
    json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    putchar('\n');
    json_decref(document);
}

/* ---- CSV ---- */

static void csv_row(FILE *file, const struct command *command, const struct sm_compared *label, double voxel_ml)
{
    fprintf(file, "%d,", label->id);
    cmd_csv_text(file, label->name);
    for (size_t f = 0; f < FIGURES; f++) {
        double value = figures[f].of(label, voxel_ml);
        if (!shown(&figures[f], command))
            continue;
        fputc(',', file);
        if (!isnan(value))
            fprintf(file, "%.15g", value);
    }
    fputc('\n', file);
}

static enum sm_status write_csv(const struct command *command, const struct sm_comparison *comparison,
                                struct sm_err *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return sm_fail(err, SM_MEMORY, "out of memory for %s", command->csv);
    fprintf(file, "label,name");
    for (size_t f = 0; f < FIGURES; f++)
        if (shown(&figures[f], command))
            fprintf(file, ",%s", figures[f].key);
    fputc('\n', file);
    for (size_t n = 0; n < comparison->count; n++)
        csv_row(file, command, &comparison->labels[n], sm_grid_voxel_volume_ml(&comparison->grid));
    enum sm_status status = fclose(file) == 0 ? output_text(command->csv, text, err)
                                              : sm_fail(err, SM_MEMORY, "out of memory for %s", command->csv);
    free(text);
    return status;
}

/* ---- text ---- */

static void print_number(double value, int width, int decimals)
{
    if (isnan(value))
        printf(" %*s", width, "-");
    else
        printf(" %*.*f", width, decimals, value);
}

static void print_text(const struct command *command, const struct sm_comparison *comparison)
{
    double ml = sm_grid_voxel_volume_ml(&comparison->grid);
    bool distances = !command->options.overlap_only;
    printf("%s (corners up to %.4g mm apart%s)\n",
           comparison->resampled ? "B was resampled onto A's grid" : "same grid", comparison->distance_mm,
           comparison->same_grid && !comparison->same_order ? ", stored in another order" : "");
    printf("%5s %-24s %8s %8s", "label", "name", "Dice", "IoU");
    if (distances)
        printf(" %9s %9s %9s", "HD95 mm", "ASSD mm", "surf.Dice");
    printf(" %10s %10s %10s %10s\n", "voxels A", "voxels B", "A ml", "B ml");
    for (size_t n = 0; n < comparison->count; n++) {
        const struct sm_compared *label = &comparison->labels[n];
        printf("%5d %-24s", label->id, label->name);
        print_number(dice(label, ml), 8, 4);
        print_number(iou(label, ml), 8, 4);
        if (distances) {
            print_number(hd95(label, ml), 9, 3);
            print_number(average(label, ml), 9, 3);
            print_number(surface_dice(label, ml), 9, 4);
        }
        printf(" %10zu %10zu %10.3f %10.3f\n", label->overlap.a, label->overlap.b, ml_a(label, ml), ml_b(label, ml));
    }
}

/* ---- the command ---- */

static void warn_of_missing(const struct sm_comparison *comparison)
{
    if (!comparison->count)
        sm_warn(cmd_listener(), "there is no label in either");
    for (size_t n = 0; n < comparison->count; n++) {
        const struct sm_compared *label = &comparison->labels[n];
        if (!label->id_a != !label->id_b)
            sm_warn(cmd_listener(), "label %d (%s) is in %s only", label->id, label->name, label->id_a ? "A" : "B");
    }
}

static enum sm_status check_output(const struct command *command, struct sm_err *err)
{
    struct clash clash = {0};
    clash_reads_folder(&clash, command->path_a, "an input");
    clash_reads_folder(&clash, command->path_b, "an input");
    enum sm_status status = clash_writes(&clash, command->csv, NULL, err);
    clash_free(&clash);
    return status || !command->csv ? status : output_check(command->csv, err);
}

static enum sm_status compare(const struct command *command, struct sm_err *err)
{
    struct sm_label_set a, b;
    struct sm_comparison comparison = {0};
    enum sm_status status = check_output(command, err);
    if (status)
        return status;
    status = sm_compare_read(&a, &b, command->path_a, command->path_b, cmd_listener(), err);
    if (!status)
        status = sm_compare(&comparison, &a, &b, &command->options, cmd_listener(), err);
    if (!status) {
        warn_of_missing(&comparison);
        if (command->csv)
            status = write_csv(command, &comparison, err);
    }
    if (!status && command->json)
        print_json(command, &comparison);
    else if (!status)
        print_text(command, &comparison);
    sm_comparison_free(&comparison);
    sm_label_set_free(&a);
    sm_label_set_free(&b);
    return status;
}

/* "1,2,liver" into its parts; `copy` holds them. */
static enum sm_status split_labels(struct command *command, char **copy, const char ***parts, struct sm_err *err)
{
    size_t count = 0;
    if (!command->labels)
        return SM_OK;
    *copy = strdup(command->labels);
    *parts = calloc(strlen(command->labels) + 1, sizeof **parts);
    if (!*copy || !*parts)
        return sm_fail(err, SM_MEMORY, "out of memory");
    for (char *rest = *copy, *part; (part = strsep(&rest, ","));) {
        if (!*part)
            return sm_fail(err, SM_USAGE, "--labels takes numbers or names with commas between them, as 1,2,liver; "
                           "not \"%s\"", command->labels);
        for (size_t n = 0; n < count; n++)
            if (strcmp((*parts)[n], part) == 0)
                return sm_fail(err, SM_USAGE, "--labels names %s twice", part);
        (*parts)[count++] = part;
    }
    command->options.labels = *parts;
    command->options.label_count = count;
    return SM_OK;
}

static enum sm_status check(const struct command *command, int argc, struct sm_err *err)
{
    if (argc != 2)
        return sm_fail(err, SM_USAGE, "name two label maps or segmentations, A and B");
    if (!(command->options.tolerance_mm >= 0 && isfinite(command->options.tolerance_mm)))
        return sm_fail(err, SM_USAGE, "--tolerance-mm takes millimetres from 0");
    return SM_OK;
}

int cmd_compare(int argc, char **argv)
{
    struct command command = {.options.tolerance_mm = 1};
    struct sm_err err = {.status = SM_OK};
    char *copy = NULL;
    const char **parts = NULL;
    const struct option_row rows[] = {
        OPTION_TEXT(0, "labels", &command.labels, "LIST", "only these, numbers or names: 1,2,liver"),
        OPTION_FLAG(0, "resample", &command.options.resample, "bring B onto A's grid by nearest neighbour where they differ"),
        OPTION_DOUBLE(0, "tolerance-mm", &command.options.tolerance_mm, "MM", "of surface Dice (default 1)"),
        OPTION_FLAG(0, "no-distances", &command.options.overlap_only, "leave out what is measured between surfaces"),
        OPTION_TEXT(0, "csv", &command.csv, "FILE", "write a table, one line a label"),
        OPTION_FLAG(0, "json", &command.json, "print one JSON document"),
        OPTION_END};
    int parsed = options_parse(&synopsis, rows, &argc, &argv);
    if (parsed >= 0)
        return parsed;
    enum sm_status status = check(&command, argc, &err);
    if (!status)
        status = split_labels(&command, &copy, &parts, &err);
    if (!status) {
        command.path_a = argv[0];
        command.path_b = argv[1];
        nn_set_threads(cmd_common.threads);
        status = compare(&command, &err);
    }
    free(copy);
    free(parts);
    return status ? cmd_fail("compare", &err) : SM_OK;
}
