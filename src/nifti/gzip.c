#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "nifti/gzip.h"

enum {
    BLOCK = 256 << 10, BLOCKS = 16, /* deflated side by side */
    DICTIONARY = 32 << 10,
    LEVEL = 6, RAW_WINDOW = -15, MEMORY = 8,
    PACKED = BLOCK + BLOCK / 1000 + 64 /* deflate at its worst, as in deflateBound, with the flush */
};

struct block {
    const unsigned char *bytes;
    size_t count, known; /* known: bytes before it */
    bool last;
    size_t packed;
    uLong crc;
};

struct gzip {
    enum sm_status (*write)(void *context, const void *bytes, size_t count, struct sm_err *err);
    void *context;
    unsigned char bytes[DICTIONARY + BLOCKS * BLOCK]; /* the dictionary of the first block, and what waits */
    unsigned char packed[BLOCKS][PACKED];
    size_t known, waiting;
    bool begun;
    uLong crc;
    uint32_t total; /* modulo 2^32, as the format has it */
};

struct gzip *gzip_open(enum sm_status (*write)(void *context, const void *bytes, size_t count, struct sm_err *err),
                       void *context)
{
    struct gzip *gzip = malloc(sizeof *gzip);
    if (gzip) {
        gzip->write = write;
        gzip->context = context;
        gzip->known = gzip->waiting = gzip->total = 0;
        gzip->begun = false;
        gzip->crc = crc32(0, NULL, 0);
    }
    return gzip;
}

void gzip_close(struct gzip *gzip)
{
    free(gzip);
}

/* False: out of memory. */
static bool deflate_block(struct block *block, unsigned char *packed)
{
    z_stream z = {0};
    size_t known = block->known < DICTIONARY ? block->known : DICTIONARY;
    if (deflateInit2(&z, LEVEL, Z_DEFLATED, RAW_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    bool fine = !known || deflateSetDictionary(&z, block->bytes - known, (uInt)known) == Z_OK;
    z.next_in = (unsigned char *)block->bytes;
    z.avail_in = (uInt)block->count;
    z.next_out = packed;
    z.avail_out = PACKED;
    fine = fine && deflate(&z, block->last ? Z_FINISH : Z_SYNC_FLUSH) == (block->last ? Z_STREAM_END : Z_OK);
    block->packed = PACKED - z.avail_out;
    block->crc = crc32(crc32(0, NULL, 0), block->bytes, (uInt)block->count);
    deflateEnd(&z); /* Z_DATA_ERROR where it has not ended, which is meant */
    return fine;
}

/* Source: RFC 1952, 2.3. Neither a name nor a time, so that the same voxels give the same bytes. */
static enum sm_status begin(struct gzip *gzip, struct sm_err *err)
{
    static const unsigned char header[10] = {0x1f, 0x8b, Z_DEFLATED, [9] = 3};
    bool begun = gzip->begun;
    gzip->begun = true;
    return begun ? SM_OK : gzip->write(gzip->context, header, sizeof header, err);
}

static int cut(struct block *blocks, const struct gzip *gzip, bool last)
{
    int count = (int)((gzip->waiting + BLOCK - 1) / BLOCK);
    count += last && count == 0; /* an empty one ends the stream too */
    for (int i = 0; i < count; i++) {
        size_t first = (size_t)i * BLOCK, left = gzip->waiting - first;
        blocks[i] = (struct block){.bytes = gzip->bytes + gzip->known + first,
                                   .count = left < BLOCK ? left : BLOCK,
                                   .known = gzip->known + first,
                                   .last = last && i == count - 1};
    }
    return count;
}

/* All that waits; of it the last bytes stay as dictionary. */
static enum sm_status flush(struct gzip *gzip, bool last, struct sm_err *err)
{
    struct block blocks[BLOCKS];
    int count = cut(blocks, gzip, last);
    bool fine = true;
    enum sm_status status = begin(gzip, err);
#pragma omp parallel for schedule(dynamic, 1) reduction(&& : fine)
    for (int i = 0; i < count; i++)
        fine = deflate_block(&blocks[i], gzip->packed[i]) && fine;
    if (!status && !fine)
        status = sm_fail(err, SM_MEMORY, "out of memory for compressing");
    for (int i = 0; !status && i < count; i++) {
        status = gzip->write(gzip->context, gzip->packed[i], blocks[i].packed, err);
        gzip->crc = crc32_combine(gzip->crc, blocks[i].crc, (z_off_t)blocks[i].count);
    }
    size_t all = gzip->known + gzip->waiting, kept = all < DICTIONARY ? all : DICTIONARY;
    memmove(gzip->bytes, gzip->bytes + all - kept, kept);
    gzip->total += (uint32_t)gzip->waiting;
    gzip->known = kept;
    gzip->waiting = 0;
    return status;
}

enum sm_status gzip_write(struct gzip *gzip, const void *bytes, size_t count, struct sm_err *err)
{
    const unsigned char *from = bytes;
    enum sm_status status = SM_OK;
    while (count && !status) {
        size_t room = BLOCKS * (size_t)BLOCK - gzip->waiting, part = count < room ? count : room;
        memcpy(gzip->bytes + gzip->known + gzip->waiting, from, part);
        gzip->waiting += part;
        from += part;
        count -= part;
        if (part == room)
            status = flush(gzip, false, err);
    }
    return status;
}

enum sm_status gzip_finish(struct gzip *gzip, struct sm_err *err)
{
    enum sm_status status = flush(gzip, true, err);
    unsigned char trailer[8];
    for (int i = 0; i < 4; i++) {
        trailer[i] = (unsigned char)(gzip->crc >> (8 * i));
        trailer[4 + i] = (unsigned char)(gzip->total >> (8 * i));
    }
    return status ? status : gzip->write(gzip->context, trailer, sizeof trailer, err);
}
