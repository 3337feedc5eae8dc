/* A JPEG 2000 stream inside a sound DICOM file of 16 x 16 pixels: the path from fragments to voxels. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "sammed2d/dicom.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct writer {
    uint8_t bytes[2048];
    size_t size;
};

static void put(struct writer *out, const void *bytes, size_t size)
{
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
}

static void put_text(struct writer *out, uint16_t group, uint16_t number, const char *vr,
                     const char *text)
{
    uint16_t length = (uint16_t)((strlen(text) + 1) & ~(size_t)1);
    char padded[128] = {0};
    memcpy(padded, text, strlen(text));
    put(out, &group, 2);
    put(out, &number, 2);
    put(out, vr, 2);
    put(out, &length, 2);
    put(out, padded, length);
}

static void put_number(struct writer *out, uint16_t number, uint16_t value)
{
    const uint16_t group = 0x0028, length = 2;
    put(out, &group, 2);
    put(out, &number, 2);
    put(out, "US", 2);
    put(out, &length, 2);
    put(out, &value, 2);
}

static void put_header(struct writer *out, uint32_t size)
{
    static const uint8_t pixels[] = {0xe0, 0x7f, 0x10, 0, 'O', 'B', 0, 0, 0xff, 0xff, 0xff, 0xff,
                                     0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0, 0xe0};
    memset(out, 0, sizeof *out);
    out->size = 128;
    put(out, "DICM", 4);
    put_text(out, 0x0002, 0x0010, "UI", "1.2.840.10008.1.2.4.90");
    put_text(out, 0x0008, 0x0016, "UI", "1.2.840.10008.5.1.4.1.1.4");
    put_text(out, 0x0008, 0x0018, "UI", "1.2.3.4");
    put_text(out, 0x0008, 0x0060, "CS", "MR");
    put_text(out, 0x0020, 0x000e, "UI", "1.2.3");
    put_number(out, 0x0002, 1);
    put_text(out, 0x0028, 0x0004, "CS", "MONOCHROME2");
    put_number(out, 0x0010, 16);
    put_number(out, 0x0011, 16);
    put_number(out, 0x0100, 16);
    put_number(out, 0x0101, 12);
    put_number(out, 0x0102, 11);
    put_number(out, 0x0103, 1);
    put(out, pixels, sizeof pixels);
    put(out, &size, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct writer header;
    char path[64];
    struct sm_err err;
    struct sm_dicom_study *study;
    size_t even = size & ~(size_t)1;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    put_header(&header, (uint32_t)even);
    if (fd < 0 || write(fd, header.bytes, header.size) != (ssize_t)header.size ||
        write(fd, data, even) != (ssize_t)even)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const char *paths[] = {path};
    if (sm_dicom_scan(&study, paths, 1, NULL, &err) == SM_OK) {
        struct sm_volume volume;
        if (sm_dicom_volumes(study) &&
            sm_dicom_read(&volume, study, 0, NULL, &err) == SM_OK)
            sm_volume_free(&volume);
        sm_dicom_study_free(study);
    }
    close(fd);
    return 0;
}
