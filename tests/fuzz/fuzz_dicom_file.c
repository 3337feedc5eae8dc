/* One DICOM file, as a user would name it: headers, grouping, and the pixels of whatever is readable. */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "sammed2d/dicom.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(struct sm_dicom_study *study)
{
    for (size_t v = 0; v < sm_dicom_volumes(study); v++) {
        struct sm_volume volume;
        struct sm_err err;
        if (sm_dicom_read(&volume, study, v, NULL, &err) == SM_OK)
            sm_volume_free(&volume);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct sm_err err;
    struct sm_dicom_study *study;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const char *paths[] = {path};
    if (sm_dicom_scan(&study, paths, 1, NULL, &err) == SM_OK) {
        read_all(study);
        sm_dicom_study_free(study);
    }
    close(fd);
    return 0;
}
