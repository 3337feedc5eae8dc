/* PNG in and out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>
#include "sammed2d/sammed2d.h"

static char path[] = "/tmp/sammed2d-png-XXXXXX";

static void put32(uint8_t *at, uint32_t value)
{
    for (int byte = 0; byte < 4; byte++)
        at[byte] = (uint8_t)(value >> (24 - 8 * byte));
}

static size_t put_chunk(uint8_t *at, const char *type, const void *data, size_t length)
{
    put32(at, (uint32_t)length);
    memcpy(at + 4, type, 4);
    if (length)
        memcpy(at + 8, data, length);
    put32(at + 8 + length, (uint32_t)crc32(0, at + 4, (unsigned)length + 4));
    return length + 12;
}

/* A PNG written by hand: rows are what deflate gets, filter bytes and all. */
static void make(uint32_t width, uint32_t height, int depth, int colour, const void *rows,
                 size_t row_bytes, const void *palette, size_t palette_bytes)
{
    uint8_t file[1024] = "\x89PNG\r\n\x1a\n", head[13] = {0}, packed[512];
    size_t at = 8;
    uLongf packed_bytes = sizeof packed;
    put32(head, width);
    put32(head + 4, height);
    head[8] = (uint8_t)depth;
    head[9] = (uint8_t)colour;
    at += put_chunk(file + at, "IHDR", head, 13);
    if (palette_bytes)
        at += put_chunk(file + at, "PLTE", palette, palette_bytes);
    assert_int_equal(compress(packed, &packed_bytes, rows, row_bytes), Z_OK);
    at += put_chunk(file + at, "IDAT", packed, packed_bytes);
    at += put_chunk(file + at, "IEND", NULL, 0);
    FILE *out = fopen(path, "wb");
    fwrite(file, 1, at, out);
    fclose(out);
}

static void expect(enum sm_voxel_type type, int channels, bool ready, const void *voxels,
                   size_t bytes)
{
    struct sm_volume volume;
    assert_int_equal(sm_png_read(&volume, path, NULL), SM_OK);
    assert_int_equal(volume.type, type);
    assert_int_equal(volume.channels, channels);
    assert_int_equal(volume.display_ready, ready);
    assert_int_equal(volume.format, SM_FORMAT_PNG);
    assert_memory_equal(volume.voxels, voxels, bytes);
    char letters[4];
    sm_grid_orientation_letters(&volume.grid, letters);
    assert_string_equal(letters, "LPS");
    sm_volume_free(&volume);
}

static void reads_every_kind(void **state)
{
    (void)state;
    make(3, 2, 8, 0, "\0\1\2\3\0\4\5\6", 8, NULL, 0);
    expect(SM_UINT8, 1, true, "\1\2\3\4\5\6", 6);
    const uint16_t deep[2] = {0x0102, 0xfffe};
    make(2, 1, 16, 0, "\0\1\2\xff\xfe", 5, NULL, 0);
    expect(SM_UINT16, 1, false, deep, 4);
    make(3, 1, 1, 0, "\0\xa0", 2, NULL, 0);
    expect(SM_UINT8, 1, true, "\xff\0\xff", 3);
    make(2, 1, 8, 2, "\0\1\2\3\4\5\6", 7, NULL, 0);
    expect(SM_UINT8, 3, true, "\1\2\3\4\5\6", 6);
    make(2, 1, 8, 2, "\0\7\7\7\x9\x9\x9", 7, NULL, 0);
    expect(SM_UINT8, 1, true, "\7\x9", 2);
    make(1, 1, 8, 6, "\0\1\2\3\x80", 5, NULL, 0); /* alpha is dropped, not blended */
    expect(SM_UINT8, 3, true, "\1\2\3", 3);
    make(1, 1, 8, 4, "\0\5\0", 3, NULL, 0);
    expect(SM_UINT8, 1, true, "\5", 1);
    make(2, 1, 8, 3, "\0\1\0", 3, "\1\2\3\4\5\6", 6);
    expect(SM_UINT8, 3, true, "\4\5\6\1\2\3", 6);
}

static void expect_labels(size_t count, const uint16_t *voxels)
{
    struct sm_labels labels;
    assert_int_equal(sm_png_read_labels(&labels, path, NULL), SM_OK);
    assert_int_equal(sm_grid_voxels(&labels.grid), count);
    assert_memory_equal(labels.voxels, voxels, count * sizeof *voxels);
    sm_labels_free(&labels);
}

/* Labels are the numbers in the file: neither colours of the palette nor spread to 0..255. */
static void reads_labels(void **state)
{
    (void)state;
    struct sm_labels labels;
    struct sm_err err;
    make(3, 1, 8, 3, "\0\1\0\2", 4, "\0\0\0\x80\0\0\0\x80\0", 9);
    expect_labels(3, (const uint16_t[]){1, 0, 2});
    make(3, 1, 1, 0, "\0\xa0", 2, NULL, 0);
    expect_labels(3, (const uint16_t[]){1, 0, 1});
    make(3, 1, 8, 0, "\0\5\xff\7", 4, NULL, 0);
    expect_labels(3, (const uint16_t[]){5, 255, 7});
    make(1, 1, 16, 0, "\0\1\2", 3, NULL, 0);
    expect_labels(1, (const uint16_t[]){0x0102});
    make(2, 1, 8, 2, "\0\1\2\3\4\5\6", 7, NULL, 0);
    assert_int_equal(sm_png_read_labels(&labels, path, &err), SM_UNSUPPORTED);
    assert_non_null(strstr(err.message, "colour"));
    sm_labels_free(&labels);
}

static void expect_failure(enum sm_status status, const char *words)
{
    struct sm_volume volume;
    struct sm_err err;
    assert_int_equal(sm_png_read(&volume, path, &err), status);
    assert_non_null(strstr(err.message, words));
    assert_non_null(strstr(err.message, path));
    assert_null(volume.voxels);
}

static void refuses_what_is_hostile(void **state)
{
    (void)state;
    make(16000, 16000, 8, 0, "\0", 1, NULL, 0); /* a quarter of a gigabyte in 70 bytes */
    expect_failure(SM_CORRUPT, "too short");
    make(1000000, 2, 8, 0, "\0", 1, NULL, 0);
    expect_failure(SM_CORRUPT, "damaged");
    make(0, 2, 8, 0, "\0", 1, NULL, 0);
    expect_failure(SM_CORRUPT, "damaged");
    make(3, 2, 8, 0, "\0\1\2\3", 4, NULL, 0); /* a row is missing */
    expect_failure(SM_CORRUPT, "damaged");
    make(3, 1, 8, 0, "\0\1\2\3", 4, NULL, 0);
    assert_int_equal(truncate(path, 50), 0);
    expect_failure(SM_CORRUPT, "damaged");
    assert_int_equal(truncate(path, 5), 0);
    expect_failure(SM_CORRUPT, "not a PNG");
    assert_int_equal(truncate(path, 0), 0);
    expect_failure(SM_CORRUPT, "not a PNG");
}

static void refuses_what_is_not_there(void **state)
{
    (void)state;
    struct sm_volume volume;
    assert_int_equal(sm_png_read(&volume, "/nowhere/x.png", NULL), SM_NOT_FOUND);
    assert_int_equal(sm_png_read(&volume, "/tmp", NULL), SM_NOT_FOUND);
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    uint8_t pixels[7 * 5 * 3];
    for (size_t p = 0; p < sizeof pixels; p++)
        pixels[p] = (uint8_t)(p * 11);
    assert_int_equal(sm_png_write(path, pixels, 7, 5, 3, NULL), SM_OK);
    expect(SM_UINT8, 3, true, pixels, sizeof pixels);
    assert_int_equal(sm_png_write(path, pixels, 15, 7, 1, NULL), SM_OK);
    expect(SM_UINT8, 1, true, pixels, sizeof pixels);
    struct sm_err err;
    assert_int_equal(sm_png_write("/nowhere/x.png", pixels, 7, 5, 3, &err), SM_OUTPUT);
    assert_int_equal(sm_png_write(path, pixels, 0, 5, 3, &err), SM_USAGE);
    assert_int_equal(sm_png_write(path, pixels, 1, 1, 4, &err), SM_USAGE);
}

static int make_path(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind),
        cmocka_unit_test(reads_labels),
        cmocka_unit_test(refuses_what_is_hostile),
        cmocka_unit_test(refuses_what_is_not_there),
        cmocka_unit_test(writes_what_it_reads),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
