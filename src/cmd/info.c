/* sammed2d info: what is there, and why anything was left out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "base/json.h"
#include "cmd/cmd.h"
#include "cmd/info.h"
#include "cmd/listing.h"
#include "sammed2d/input.h"
#include "sammed2d/sammed2d.h"

/* What is found, as the JSON document says it; the table is printed from the same. */
struct report {
    json_t *volumes, *left_out;
    json_t *warnings;           /* of the file in work */
    enum sm_status one_failure; /* what all files left out have in common, or SM_NOT_FOUND */
    char **dicom;               /* what may be DICOM, looked at together once all is listed */
    size_t dicom_count;
};

static void keep_warning(void *context, const char *sentence)
{
    struct report *report = context;
    json_array_append_new(report->warnings, json_text(sentence));
}

static void leave_out(struct report *report, const char *path, const struct sm_err *err)
{
    /* the sentence begins with the path, which the entry says by itself */
    const char *reason = err->message;
    size_t length = strlen(path);
    if (strncmp(reason, path, length) == 0 && strncmp(reason + length, ": ", 2) == 0)
        reason += length + 2;
    if (json_array_size(report->left_out) && report->one_failure != err->status)
        report->one_failure = SM_NOT_FOUND;
    else
        report->one_failure = err->status;
    json_array_append_new(report->left_out,
                          json_pack("{s:o, s:o}", "file", json_text(path), "reason",
                                    json_text(reason)));
}

/* Angle between the third axis and the normal of the first two: gantry tilt, or any shear. */
static double tilt_deg(const struct sm_grid *grid)
{
    const double (*a)[4] = grid->affine_lps;
    double normal[3], along = 0, length = 0;
    for (int r = 0; r < 3; r++) {
        int y = (r + 1) % 3, z = (r + 2) % 3;
        normal[r] = a[y][0] * a[z][1] - a[z][0] * a[y][1];
        along += normal[r] * a[r][2];
        length += normal[r] * normal[r];
    }
    double cosine = fabs(along) / (sqrt(length) * sm_grid_spacing_mm(grid, 2));
    double degrees = acos(fmin(cosine, 1)) * 180 / acos(-1);
    return degrees < 0.01 ? 0 : degrees; /* what float32 headers cannot tell from none */
}

json_t *info_affine(const struct sm_grid *grid)
{
    json_t *rows = json_array();
    for (int r = 0; r < 4; r++) {
        const double *a = grid->affine_lps[r];
        /* + 0.0 turns the -0 of a sign change into 0 */
        json_array_append_new(rows, json_pack("[f, f, f, f]", a[0] + 0.0, a[1] + 0.0, a[2] + 0.0,
                                              a[3] + 0.0));
    }
    return rows;
}

struct entry {
    struct sm_grid grid;
    const char *format, *type, *form, *description, *reason;
    int volumes;
};

static void add_volume(struct report *report, const char *path, const struct entry *entry)
{
    const struct sm_grid *grid = &entry->grid;
    char letters[4];
    sm_grid_orientation_letters(grid, letters);
    json_t *volume = json_pack(
        "{s:i, s:n, s:s, s:o, s:[i, i, i], s:[f, f, f], s:o, s:s, s:n, s:[o], s:[], s:f, s:b}",
        "number", (int)json_array_size(report->volumes) + 1, "uid", "modality", "", "description",
        json_text(entry->description), "dim", grid->dim[0], grid->dim[1], grid->dim[2], "spacing_mm",
        sm_grid_spacing_mm(grid, 0), sm_grid_spacing_mm(grid, 1), sm_grid_spacing_mm(grid, 2),
        "affine_lps", info_affine(grid), "orientation", letters, "transfer_syntax", "files",
        json_text(path),
        "gaps", "tilt_deg", tilt_deg(grid), "readable", entry->reason[0] == 0);
    json_t *more = json_pack(
        "{s:o, s:s, s:s, s:s, s:i, s:O}", "reason",
        entry->reason[0] ? json_string(entry->reason) : json_null(), "format", entry->format,
        "type", entry->type, "placed_by", entry->form, "volumes_in_file", entry->volumes,
        "warnings", report->warnings);
    json_object_update(volume, more);
    json_decref(more);
    json_array_append_new(report->volumes, volume);
}

static enum sm_status look_at_nifti(struct report *report, const char *path, struct sm_err *err)
{
    const struct sm_listener listener = {.context = report, .warning = keep_warning};
    struct sm_nifti_info info;
    enum sm_status status = sm_nifti_info(&info, path, &listener, err);
    if (status == SM_OK)
        add_volume(report, path,
                   &(struct entry){.grid = info.grid,
                                   .format = info.version == 1 ? "NIfTI-1" : "NIfTI-2",
                                   .type = info.type_name,
                                   .form = info.form,
                                   .description = info.description,
                                   .reason = info.reason,
                                   .volumes = info.volumes});
    return status;
}

static enum sm_status look_at_png(struct report *report, const char *path, struct sm_err *err)
{
    struct sm_volume volume;
    enum sm_status status = sm_png_read(&volume, path, err);
    if (status == SM_OK)
        add_volume(report, path,
                   &(struct entry){.grid = volume.grid,
                                   .format = "PNG",
                                   .type = volume.channels == 3 ? "RGB"
                                                                : sm_voxel_type_name(volume.type),
                                   .form = "none",
                                   .description = "",
                                   .reason = "",
                                   .volumes = 1});
    sm_volume_free(&volume);
    return status;
}

/* DICOM files make volumes together, so they are kept until all are known. A file of no known kind may
 * be a data set without preamble, or a zip archive. */
static enum sm_status keep_dicom(struct report *report, const char *path, struct sm_err *err)
{
    char **more = realloc(report->dicom, (report->dicom_count + 1) * sizeof *more);
    if (more)
        report->dicom = more;
    char *copy = more ? strdup(path) : NULL;
    if (!copy)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    report->dicom[report->dicom_count++] = copy;
    return SM_OK;
}

static enum sm_status (*const looks[])(struct report *report, const char *path,
                                       struct sm_err *err) = {
    [SM_INPUT_UNKNOWN] = keep_dicom,
    [SM_INPUT_NIFTI] = look_at_nifti,
    [SM_INPUT_PNG] = look_at_png,
    [SM_INPUT_DICOM] = keep_dicom,
};

static void look_at(void *context, const char *path, const struct sm_err *trouble)
{
    struct report *report = context;
    struct sm_err err = {.status = SM_OK};
    if (trouble) {
        leave_out(report, path, trouble);
        return;
    }
    report->warnings = json_array();
    if (looks[sm_input_detect(path)](report, path, &err) != SM_OK)
        leave_out(report, path, &err);
    json_decref(report->warnings);
}

static bool is_dicomdir(const char *path)
{
    struct stat status;
    const char *slash = strrchr(path, '/');
    return strcasecmp(slash ? slash + 1 : path, "DICOMDIR") == 0 && stat(path, &status) == 0 &&
           S_ISREG(status.st_mode);
}

static size_t seen(const struct report *report)
{
    return json_array_size(report->volumes) + json_array_size(report->left_out) + report->dicom_count;
}

/* A DICOMDIR stands for its folder. An empty folder is said too. */
static void list_argument(struct report *report, const char *path)
{
    struct sm_err err;
    size_t before = seen(report);
    const char *slash = strrchr(path, '/');
    char *folder = is_dicomdir(path) ? strndup(path, slash ? (size_t)(slash - path) + 1 : 0) : NULL;
    cmd_list_files(!folder ? path : *folder ? folder : ".", look_at, report);
    free(folder);
    if (seen(report) == before) {
        sm_fail(&err, SM_NOT_FOUND, "%s: holds no files", path);
        leave_out(report, path, &err);
    }
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void print_volume(const json_t *v)
{
    const json_t *dim = json_object_get(v, "dim"), *spacing = json_object_get(v, "spacing_mm");
    char size[48], mm[64];
    snprintf(size, sizeof size, "%lld x %lld x %lld", json_integer_value(json_array_get(dim, 0)),
             json_integer_value(json_array_get(dim, 1)), json_integer_value(json_array_get(dim, 2)));
    snprintf(mm, sizeof mm, "%.4g x %.4g x %.4g", json_real_value(json_array_get(spacing, 0)),
             json_real_value(json_array_get(spacing, 1)),
             json_real_value(json_array_get(spacing, 2)));
    long long number = json_integer_value(json_object_get(v, "number"));
    long long volumes = json_integer_value(json_object_get(v, "volumes_in_file"));
    const json_t *files = json_object_get(v, "files");
    const char *file = json_string_value(json_array_get(files, 0));
    bool dicom = strcmp(text_of(v, "format"), "DICOM") == 0;
    char what[4200];
    snprintf(what, sizeof what, "%s", file ? file : "");
    if (dicom && json_array_size(files) > 1)
        snprintf(what, sizeof what, "%s, %zu files", text_of(v, "modality"), json_array_size(files));
    printf("%3lld  %-8s %-8s %-19s %-24s %-4s %s\n", number, text_of(v, "format"),
           text_of(v, "type"), size, mm, text_of(v, "orientation"), what);
    if (volumes > 1)
        printf("     %lld volumes: choose one with --volume, 0 to %lld\n", volumes, volumes - 1);
    if (dicom)
        info_dicom_print(v);
    if (text_of(v, "description")[0])
        printf("     description: %s\n", text_of(v, "description"));
    if (json_real_value(json_object_get(v, "tilt_deg")) > 0)
        printf("     slices are sheared by %.3g degrees\n",
               json_real_value(json_object_get(v, "tilt_deg")));
    if (json_is_false(json_object_get(v, "readable")))
        printf("     not readable: %s\n", text_of(v, "reason"));
}

static void print_table(const struct report *report)
{
    size_t n;
    json_t *item;
    if (json_array_size(report->volumes))
        printf("%3s  %-8s %-8s %-19s %-24s %-4s %s\n", "no", "format", "type", "voxels",
               "spacing (mm)", "axes", "file");
    json_array_foreach(report->volumes, n, item) {
        print_volume(item);
        size_t w;
        json_t *warning;
        json_array_foreach(json_object_get(item, "warnings"), w, warning)
            sm_warn(cmd_listener(), "%s", json_string_value(warning));
    }
    if (json_array_size(report->left_out))
        printf("%sleft out:\n", json_array_size(report->volumes) ? "\n" : "");
    json_array_foreach(report->left_out, n, item)
        printf("  %s: %s\n", text_of(item, "file"), text_of(item, "reason"));
}

/* Good when anything can be read; else what all that failed have in common. */
static enum sm_status verdict(const struct report *report)
{
    size_t n;
    json_t *volume;
    json_array_foreach(report->volumes, n, volume)
        if (json_is_true(json_object_get(volume, "readable")))
            return SM_OK;
    if (json_array_size(report->volumes))
        return SM_UNSUPPORTED;
    return json_array_size(report->left_out) ? report->one_failure : SM_NOT_FOUND;
}

static enum sm_status print_json(const struct report *report)
{
    json_t *document =
        json_pack("{s:O, s:O}", "volumes", report->volumes, "left_out", report->left_out);
    int failed = json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    putchar('\n');
    json_decref(document);
    return failed ? SM_OUTPUT : SM_OK;
}

/* DICOM volumes come first, so that their numbers are those of --series. */
static enum sm_status look_at_kept(struct report *report, struct sm_err *err)
{
    json_t *volumes = json_array();
    size_t n;
    json_t *volume;
    enum sm_status failure = json_array_size(report->left_out) ? report->one_failure : SM_OK;
    enum sm_status status = info_dicom(volumes, report->left_out,
                                       (const char *const *)report->dicom, report->dicom_count,
                                       &failure, err);
    report->one_failure = failure;
    json_array_extend(volumes, report->volumes);
    json_decref(report->volumes);
    report->volumes = volumes;
    json_array_foreach(volumes, n, volume)
        json_object_set_new(volume, "number", json_integer((json_int_t)n + 1));
    return status;
}

int cmd_info(int argc, char **argv)
{
    static const struct synopsis synopsis = {
        "info", "INPUT...", "Lists the volumes in files and directories: DICOM, NIfTI and PNG."};
    bool as_json = false;
    const struct option_row rows[] = {
        OPTION_FLAG(0, "json", &as_json, "print one JSON document"), OPTION_END};
    int parsed = options_parse(&synopsis, rows, &argc, &argv);
    if (parsed >= 0)
        return parsed;
    struct sm_err err;
    if (argc < 1) {
        sm_fail(&err, SM_USAGE, "name a file or directory to look at");
        return cmd_fail("info", &err);
    }
    struct report report = {.volumes = json_array(), .left_out = json_array()};
    for (int n = 0; n < argc; n++)
        list_argument(&report, argv[n]);
    enum sm_status status = report.dicom_count ? look_at_kept(&report, &err) : SM_OK;
    for (size_t n = 0; n < report.dicom_count; n++)
        free(report.dicom[n]);
    free(report.dicom);
    if (status != SM_OK)
        return cmd_fail("info", &err);
    status = verdict(&report);
    if (!as_json)
        print_table(&report);
    else if (print_json(&report) != SM_OK)
        status = SM_OUTPUT;
    json_decref(report.volumes);
    json_decref(report.left_out);
    return status;
}
