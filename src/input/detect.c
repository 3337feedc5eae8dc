/* Which format a file has. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/suffix.h"
#include "sammed2d/input.h"

/* Bytes at a place that tell a format. */
static const struct signature {
    enum sm_input_format format;
    size_t offset, length;
    const char *bytes;
} signatures[] = {
    {SM_INPUT_PNG, 0, 8, "\x89PNG\r\n\x1a\n"},
    {SM_INPUT_DICOM, 128, 4, "DICM"},
    {SM_INPUT_DICOM, 0, 4, "PK\x03\x04"}, /* zip: of all formats read here, only DICOM comes so */
    {SM_INPUT_NIFTI, 0, 4, "\x5c\x01\0\0"}, /* sizeof_hdr 348, also ANALYZE */
    {SM_INPUT_NIFTI, 0, 4, "\0\0\x01\x5c"},
    {SM_INPUT_NIFTI, 0, 4, "\x1c\x02\0\0"}, /* 540 */
    {SM_INPUT_NIFTI, 0, 4, "\0\0\x02\x1c"},
    {SM_INPUT_NIFTI, 0, 12, "<nifti_image"},
    {SM_INPUT_NIFTI, 0, 2, "\x1f\x8b"}, /* gzip: of all formats read here, only NIfTI comes so */
};

static const char *const nifti_suffixes[] = {".nii", ".nii.gz", ".hdr", ".hdr.gz", ".img",
                                             ".img.gz"};
enum { IMAGE_SUFFIX = 4 }; /* from here on raw voxels, whose first bytes say nothing */
enum { SUFFIXES = sizeof nifti_suffixes / sizeof *nifti_suffixes };

static bool ends_in_one_of(const char *path, int first)
{
    for (int n = first; n < SUFFIXES; n++)
        if (suffix_of(path, nifti_suffixes[n]))
            return true;
    return false;
}

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

enum sm_input_format sm_input_detect(const char *path)
{
    char bytes[132];
    if (is_directory(path))
        return SM_INPUT_DICOM;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;
    if (fd >= 0)
        close(fd);
    if (ends_in_one_of(path, IMAGE_SUFFIX))
        return SM_INPUT_NIFTI;
    for (size_t n = 0; n < sizeof signatures / sizeof *signatures; n++) {
        const struct signature *s = &signatures[n];
        if (got >= (ssize_t)(s->offset + s->length) &&
            memcmp(bytes + s->offset, s->bytes, s->length) == 0)
            return s->format;
    }
    return ends_in_one_of(path, 0) ? SM_INPUT_NIFTI : SM_INPUT_UNKNOWN;
}
