#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cmd/cmd.h"
#include "cmd/input.h"
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

static enum sm_status read_dicom(struct sm_volume *volume, const char *path, int index,
                                 struct sm_err *err)
{
    (void) volume;
    (void) index;
    return sm_fail(err, SM_UNSUPPORTED, "%s: DICOM is not read by this version", path);
}

static enum sm_status read_unknown(struct sm_volume *volume, const char *path, int index,
                                   struct sm_err *err)
{
    (void) volume;
    (void) index;
    return cmd_fail_unknown(path, err);
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
    {CMD_FORMAT_DICOM, read_dicom},
    {CMD_FORMAT_NIFTI, read_nifti},
    {CMD_FORMAT_UNKNOWN, read_unknown},
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

enum sm_status cmd_read_volume(struct sm_volume *volume, const char *path, int volume_index,
                               struct sm_err *err)
{
    struct stat status;
    *volume = (struct sm_volume){0};
    if (stat(path, &status) != 0)
        return sm_fail(err, SM_NOT_FOUND, "%s: %s", path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return sm_fail(err, SM_UNSUPPORTED,
                       "%s: is a directory; this version reads one file, NIfTI or PNG (sammed2d "
                       "info lists those in a directory)",
                       path);
    const struct reader *reader = readers;
    enum cmd_format format = cmd_detect_format(path);
    while (reader->format != format)
        reader++;
    return reader->read(volume, path, volume_index, err);
}
