/* Bytes as a PNG, as they are and with the chunks' checksums put right, which mutation never does. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "lib/fuzz_file.h"
#include "sammed2d/sammed2d.h"

enum { SIGNATURE = 8, LENGTH_AND_TYPE = 8, CHECKSUM = 4 };

static uint32_t big_endian(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void repair_checksums(uint8_t *data, size_t size)
{
    size_t at = SIGNATURE;
    while (size >= at + LENGTH_AND_TYPE + CHECKSUM) {
        size_t length = big_endian(data + at), left = size - at - LENGTH_AND_TYPE - CHECKSUM;
        if (length > left)
            return;
        uint32_t sum = (uint32_t)crc32(0, data + at + 4, (unsigned)length + 4);
        at += LENGTH_AND_TYPE + length;
        for (int byte = 0; byte < CHECKSUM; byte++)
            data[at++] = (uint8_t)(sum >> (24 - 8 * byte));
    }
}

static void try_bytes(const uint8_t *data, size_t size)
{
    struct fuzz_file file;
    struct sm_volume volume;
    struct sm_err err;
    fuzz_file_open(&file, data, size);
    if (sm_png_read(&volume, file.path, &err) == SM_OK) {
        float line[4];
        const int *dim = volume.grid.dim;
        for (int channel = 0; channel < volume.channels; channel++)
            sm_volume_line(&volume, dim[0] - 1, dim[1] - 1, 0, 0, channel, 1, line);
        sm_volume_free(&volume);
    }
    fuzz_file_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *repaired = malloc(size + 1);
    if (!repaired)
        abort();
    memcpy(repaired, data, size);
    repair_checksums(repaired, size);
    try_bytes(data, size);
    try_bytes(repaired, size);
    free(repaired);
    return 0;
}
