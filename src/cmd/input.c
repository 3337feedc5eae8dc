#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cmd/cmd.h"
#include "cmd/input.h"
#include "sammed2d/dicom.h"
#include "sammed2d/nifti.h"
#include "sammed2d/picture.h"

static enum sm_status read_nifti(struct sm_volume *volume, const char *path, int index,
                                 struct sm_err *err)
{
    return sm_nifti_read(volume, path, index, cmd_listener(), err);
}

static enum sm_status read_png(struct sm_volume *volume, const char *path, int index,
                               struct sm_err *err)
{
    if (index > 0)
        return sm_fail(err, SM_USAGE, "%s: a PNG holds one volume, number 0; there is no %d", path,
                       index);
    return sm_png_read(volume, path, err);
}

enum sm_status cmd_left_out_status(const char *reason)
{
    static const char *const damaged[] = {"truncated", "damaged", "unreadable"};
    for (size_t n = 0; n < sizeof damaged / sizeof *damaged; n++)
        if (strncmp(reason, damaged[n], strlen(damaged[n])) == 0)
            return SM_CORRUPT;
    bool nothing = strncmp(reason, "not DICOM", 9) == 0 || strncmp(reason, "listed in", 9) == 0;
    return nothing ? SM_NOT_FOUND : SM_UNSUPPORTED;
}

static enum sm_status read_dicom(struct sm_volume *volume, const char *path, const char *series,
                                 struct sm_err *err)
{
    struct sm_dicom_study *study;
    size_t index;
    enum sm_status status = sm_dicom_scan(&study, &path, 1, cmd_listener(), err);
    if (status != SM_OK)
        return status;
    for (size_t n = 0; n < sm_dicom_left_out(study); n++)
        sm_note(cmd_listener(), "left out: %s: %s", sm_dicom_left_out_at(study, n)->file,
                sm_dicom_left_out_at(study, n)->reason);
    status = sm_dicom_choose(study, series, &index, err);
    if (status == SM_OK)
        status = sm_dicom_read(volume, study, index, cmd_listener(), err);
    sm_dicom_study_free(study);
    return status;
}

enum sm_status cmd_fail_unknown(const char *path, struct sm_err *err)
{
    return sm_fail(err, SM_NOT_FOUND, "%s: neither NIfTI nor PNG nor DICOM", path);
}

static const struct reader {
    enum cmd_format format;
    enum sm_status (*read)(struct sm_volume *volume, const char *path, int index,
                           struct sm_err *err);
} readers[] = {
    {CMD_FORMAT_PNG, read_png},
    {CMD_FORMAT_NIFTI, read_nifti},
};

/* Bytes at a place that tell a format. */
static const struct signature {
    enum cmd_format format;
    size_t offset, length;
    const char *bytes;
} signatures[] = {
    {CMD_FORMAT_PNG, 0, 8, "\x89PNG\r\n\x1a\n"},
    {CMD_FORMAT_DICOM, 128, 4, "DICM"},
    {CMD_FORMAT_NIFTI, 0, 4, "\x5c\x01\0\0"}, /* sizeof_hdr 348, also ANALYZE */
    {CMD_FORMAT_NIFTI, 0, 4, "\0\0\x01\x5c"},
    {CMD_FORMAT_NIFTI, 0, 4, "\x1c\x02\0\0"}, /* 540 */
    {CMD_FORMAT_NIFTI, 0, 4, "\0\0\x02\x1c"},
    {CMD_FORMAT_NIFTI, 0, 12, "<nifti_image"},
    {CMD_FORMAT_NIFTI, 0, 2, "\x1f\x8b"}, /* gzip: of all formats read here, only NIfTI comes so */
};

static const char *const nifti_suffixes[] = {".nii", ".nii.gz", ".hdr", ".hdr.gz", ".img",
                                             ".img.gz"};
enum { IMAGE_SUFFIX = 4 }; /* from here on raw voxels, whose first bytes say nothing */
enum { SUFFIXES = sizeof nifti_suffixes / sizeof *nifti_suffixes };

static bool ends_in(const char *path, const char *suffix)
{
    size_t length = strlen(path), tail = strlen(suffix);
    return length > tail && strcasecmp(path + length - tail, suffix) == 0;
}

static bool ends_in_one_of(const char *path, int first)
{
    for (int n = first; n < SUFFIXES; n++)
        if (ends_in(path, nifti_suffixes[n]))
            return true;
    return false;
}

enum cmd_format cmd_detect_format(const char *path)
{
    char bytes[132];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;
    if (fd >= 0)
        close(fd);
    if (ends_in_one_of(path, IMAGE_SUFFIX))
        return CMD_FORMAT_NIFTI;
    for (size_t n = 0; n < sizeof signatures / sizeof *signatures; n++) {
        const struct signature *s = &signatures[n];
        if (got >= (ssize_t) (s->offset + s->length) &&
            memcmp(bytes + s->offset, s->bytes, s->length) == 0)
            return s->format;
    }
    return ends_in_one_of(path, 0) ? CMD_FORMAT_NIFTI : CMD_FORMAT_UNKNOWN;
}

/* ---- voxels that say nothing ---- */

struct values {
    float first, low, high;
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
static void warn_of_values(const struct sm_volume *volume, const char *path)
{
    const int *dim = volume->grid.dim;
    struct values values = {0};
    bool all = may_be_infinite(volume);
    float *line = malloc((size_t) dim[0] * sizeof *line);
    for (int k = 0; line && k < dim[2]; k++)
        for (int j = 0; j < dim[1]; j++)
            for (int c = 0; c < volume->channels && (all || !(values.low < values.high)); c++) {
                sm_volume_line(volume, 0, j, k, 0, c, dim[0], line);
                look_at_line(&values, line, dim[0]);
            }
    free(line);
    if (values.not_finite)
        sm_warn(cmd_listener(), "%s: %zu of %zu voxels are no finite numbers; they are shown as the "
                "darkest grey", path, values.not_finite, values.finite + values.not_finite);
    if (values.finite > 1 && !(values.low < values.high))
        sm_warn(cmd_listener(), "%s: every voxel has the same value, %g: there is nothing to see in it",
                path, (double) values.low);
}

static enum sm_status told_of_values(enum sm_status status, const struct sm_volume *volume,
                                     const char *path)
{
    if (!status)
        warn_of_values(volume, path);
    return status;
}

/* A zip archive or a data set without preamble tells itself only to the DICOM reader. */
static bool foreign(const char *path, const struct sm_err *err)
{
    size_t length = strlen(path);
    return strncmp(err->message, path, length) == 0 &&
           strcmp(err->message + length, ": not DICOM") == 0;
}

enum sm_status cmd_read_series(struct sm_volume *volume, const char *path, int volume_index,
                               const char *series, struct sm_err *err)
{
    struct stat status;
    *volume = (struct sm_volume){0};
    if (stat(path, &status) != 0)
        return sm_fail(err, SM_NOT_FOUND, "%s: %s", path, strerror(errno));
    enum cmd_format format = S_ISDIR(status.st_mode) ? CMD_FORMAT_DICOM : cmd_detect_format(path);
    for (size_t n = 0; n < sizeof readers / sizeof *readers; n++)
        if (readers[n].format == format)
            return told_of_values(readers[n].read(volume, path, volume_index, err), volume, path);
    struct sm_err trouble = {.status = SM_OK};
    if (read_dicom(volume, path, series, &trouble) != SM_OK && foreign(path, &trouble))
        return cmd_fail_unknown(path, err);
    if (err)
        *err = trouble;
    return told_of_values(trouble.status, volume, path);
}

enum sm_status cmd_read_volume(struct sm_volume *volume, const char *path, int volume_index,
                               struct sm_err *err)
{
    return cmd_read_series(volume, path, volume_index, NULL, err);
}
