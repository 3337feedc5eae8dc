/* Volumes of any format, and a warning where their voxels say nothing. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "input/input_internal.h"
#include "sammed2d/dicom.h"
#include "sammed2d/nifti.h"
#include "sammed2d/picture.h"

/* What to read of a path, and whom to tell. */
struct request {
    const char *path;
    int index;
    const char *series;
    const struct sm_listener *listener;
};

enum sm_status input_check(const char *path, struct sm_err *err)
{
    struct stat status;
    return stat(path, &status) == 0 ? SM_OK
                                    : sm_fail(err, SM_NOT_FOUND, "%s: %s", path, strerror(errno));
}

bool input_is_foreign(const char *path, const struct sm_err *err)
{
    size_t length = strlen(path);
    return strncmp(err->message, path, length) == 0 &&
           strcmp(err->message + length, ": not DICOM") == 0;
}

enum sm_status input_fail_unknown(const char *path, struct sm_err *err)
{
    return sm_fail(err, SM_NOT_FOUND, "%s: neither NIfTI nor PNG nor DICOM", path);
}

static enum sm_status open_nifti(struct sm_volume *volume, const struct request *request,
                                 struct sm_err *err)
{
    if (request->series)
        return sm_fail(err, SM_USAGE, "%s: NIfTI has no series to choose from (asked for: %s)", request->path, request->series);
    return sm_nifti_open(volume, request->path, request->index, request->listener, err);
}

static enum sm_status open_png(struct sm_volume *volume, const struct request *request,
                               struct sm_err *err)
{
    if (request->index > 0)
        return sm_fail(err, SM_USAGE, "%s: a PNG holds one volume, number 0; there is no %d",
                       request->path, request->index);
    if (request->series)
        return sm_fail(err, SM_USAGE, "%s: a PNG has no series to choose from (asked for: %s)", request->path, request->series);
    return sm_png_read(volume, request->path, err);
}

enum { MOST_LOST = 3 }; /* files named in warnings; sammed2d info has them all */

static bool named_dicom(const char *file)
{
    const char *dot = strrchr(file, '.');
    return dot && strcasecmp(dot, ".dcm") == 0;
}

/* Of which series a damaged header was is not known. */
static bool may_be_slice(const struct sm_left_out *file, const char *series_uid)
{
    bool damaged = file->kind == SM_LEFT_OUT_DAMAGED || file->kind == SM_LEFT_OUT_MISSING ||
                   file->kind == SM_LEFT_OUT_MISPLACED ||
                   (file->kind == SM_LEFT_OUT_FOREIGN && named_dicom(file->file));
    return damaged && (!file->series_uid[0] || strcmp(file->series_uid, series_uid) == 0);
}

/* A file of the chosen series that cannot be used is a slice that the volume may lack, at an end of it without any gap:
 * that is warned of. What else was left out is only noted. */
static void tell_left_out(const struct sm_dicom_study *study, size_t index, const struct request *request)
{
    const char *chosen = sm_dicom_volume_at(study, index)->series_uid;
    size_t lost = 0;
    for (size_t n = 0; n < sm_dicom_left_out(study); n++) {
        const struct sm_left_out *file = sm_dicom_left_out_at(study, n);
        if (may_be_slice(file, chosen) && lost++ < MOST_LOST)
            sm_warn(request->listener, "left out, though it may be a slice: %s: %s; voxel indices count without it",
                    file->file, file->reason);
        else
            sm_note(request->listener, "left out: %s: %s", file->file, file->reason);
    }
    if (lost > MOST_LOST)
        sm_warn(request->listener, "%s: left out, though they may be slices: %zu more; sammed2d info lists them",
                request->path, lost - MOST_LOST);
}

static enum sm_status open_chosen(struct sm_volume *volume, const struct request *request,
                                  struct sm_err *err)
{
    struct sm_dicom_study *study;
    size_t index;
    if (request->index > 0)
        return sm_fail(err, SM_USAGE, "%s: volumes of DICOM are series of their own (sammed2d info lists them); choose with "
                                      "--series, not by volume %d", request->path, request->index);
    enum sm_status status = sm_dicom_scan(&study, &request->path, 1, request->listener, err);
    if (status != SM_OK)
        return status;
    status = sm_dicom_choose(study, request->series, &index, err);
    if (status) {
        sm_dicom_study_free(study);
        return status;
    }
    tell_left_out(study, index, request);
    return sm_dicom_open(volume, study, index, request->listener, err);
}

static enum sm_status open_dicom(struct sm_volume *volume, const struct request *request,
                                 struct sm_err *err)
{
    struct sm_err trouble = {.status = SM_OK};
    enum sm_status status = open_chosen(volume, request, &trouble);
    if (status != SM_OK && input_is_foreign(request->path, &trouble))
        return input_fail_unknown(request->path, err);
    if (err)
        *err = trouble;
    return status;
}

static enum sm_status (*const openers[])(struct sm_volume *volume, const struct request *request,
                                         struct sm_err *err) = {
    [SM_INPUT_UNKNOWN] = open_dicom, /* a data set without preamble */
    [SM_INPUT_NIFTI] = open_nifti,
    [SM_INPUT_PNG] = open_png,
    [SM_INPUT_DICOM] = open_dicom,
};

/* ---- voxels that say nothing ---- */

struct values {
    float low, high;
    size_t finite, not_finite;
};

static void look_at_line(struct values *values, const float *line, int n)
{
    for (int x = 0; x < n; x++) {
        if (!isfinite(line[x])) {
            values->not_finite++;
            continue;
        }
        if (!values->finite++)
            values->low = values->high = line[x];
        values->low = fminf(values->low, line[x]);
        values->high = fmaxf(values->high, line[x]);
    }
}

/* Whole numbers, scaled by less than this, cannot leave float32. */
static bool may_be_infinite(const struct sm_volume *volume)
{
    return volume->type >= SM_FLOAT32 || !(fabs(volume->rescale[0].slope) < 1e15) ||
           !(fabs(volume->rescale[0].intercept) < 1e30);
}

/* The network shows a mask for such a volume too, about the ellipse in the box: it must not pass for
 * a result without a word. Ends early where it can, so it costs integer volumes nothing. */
void sm_input_warn(const struct sm_volume *volume, const char *path, const struct sm_listener *listener)
{
    const int *dim = volume->grid.dim;
    struct values values = {0};
    bool all = may_be_infinite(volume);
    float *line = malloc((size_t)dim[0] * sizeof *line);
    for (int k = 0; line && k < dim[2]; k++)
        for (int j = 0; j < dim[1]; j++)
            for (int c = 0; c < volume->channels && (all || !(values.low < values.high)); c++) {
                sm_volume_line(volume, 0, j, k, 0, c, dim[0], line);
                look_at_line(&values, line, dim[0]);
            }
    free(line);
    if (values.not_finite)
        sm_warn(listener, "%s: %zu of %zu voxels are no finite numbers; they are shown as the "
                "darkest grey", path, values.not_finite, values.finite + values.not_finite);
    if (values.finite > 1 && !(values.low < values.high))
        sm_warn(listener, "%s: every voxel has the same value, %g: there is nothing to see in it",
                path, (double)values.low);
}

enum sm_status sm_input_open(struct sm_volume *volume, const char *path, int index, const char *series,
                             const struct sm_listener *listener, struct sm_err *err)
{
    struct request request = {path, index, series, listener};
    *volume = (struct sm_volume){0};
    enum sm_status status = input_check(path, err);
    return status ? status : openers[sm_input_detect(path)](volume, &request, err);
}

enum sm_status sm_input_read(struct sm_volume *volume, const char *path, int index, const char *series,
                             const struct sm_listener *listener, struct sm_err *err)
{
    enum sm_status status = sm_input_open(volume, path, index, series, listener, err);
    if (!status)
        status = sm_volume_load_all(volume, err);
    if (!status)
        sm_input_warn(volume, path, listener);
    else
        sm_volume_free(volume);
    return status;
}
