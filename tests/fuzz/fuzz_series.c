/* Several small images made from the bytes, as one study: grouping, splitting, geometry and voxels.
 *
 * The bytes are edits: which image (or all), which attribute, how many bytes of value, the value. Every
 * image begins as a good slice of one series. Whatever the edits, each file is in one volume or left out,
 * once, and what is readable has a usable grid, gaps inside it and voxels. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/fuzz_file.h"
#include "sammed2d/dicom.h"

enum { IMAGES = 7, LONGEST = 96, FRAMES = 5, ROOM = 16384 };

/* In order of tag, as in a file. start: value in every image, # its number. */
static const struct attribute {
    uint16_t group, element;
    const char *vr, *start;
} attributes[] = {
    {0x0008, 0x0005, "CS", ""},  {0x0008, 0x0008, "CS", "ORIGINAL\\PRIMARY"},
    {0x0008, 0x0016, "UI", "1.2.840.10008.5.1.4.1.1.4"}, {0x0008, 0x0018, "UI", "1.2.3.#"},
    {0x0008, 0x0032, "TM", "10"}, {0x0008, 0x0060, "CS", "MR"}, {0x0008, 0x103e, "LO", "a"},
    {0x0008, 0x9208, "CS", ""},  {0x0018, 0x0010, "LO", ""}, {0x0018, 0x0050, "DS", "2"},
    {0x0018, 0x0081, "DS", "5"}, {0x0018, 0x0086, "IS", "1"}, {0x0018, 0x0088, "DS", ""},
    {0x0018, 0x1060, "DS", ""},  {0x0018, 0x1210, "SH", ""}, {0x0018, 0x9087, "DS", ""},
    {0x0019, 0x100a, "US", ""},  {0x0020, 0x000d, "UI", "1.2"}, {0x0020, 0x000e, "UI", "1.2.3"},
    {0x0020, 0x0011, "IS", "1"}, {0x0020, 0x0012, "IS", "1"}, {0x0020, 0x0013, "IS", "#"},
    {0x0020, 0x0032, "DS", "-3\\4\\#.5"}, {0x0020, 0x0037, "DS", "1\\0\\0\\0\\1\\0"},
    {0x0020, 0x0052, "UI", "1.9"}, {0x0020, 0x0100, "IS", ""}, {0x0028, 0x0002, "US", "\1"},
    {0x0028, 0x0004, "CS", "MONOCHROME2"}, {0x0028, 0x0008, "IS", ""}, {0x0028, 0x0010, "US", "\3"},
    {0x0028, 0x0011, "US", "\4"}, {0x0028, 0x0030, "DS", "0.5\\0.75"}, {0x0028, 0x0034, "IS", ""},
    {0x0028, 0x0100, "US", "\20"}, {0x0028, 0x0101, "US", "\20"}, {0x0028, 0x0102, "US", "\17"},
    {0x0028, 0x0103, "US", "\1"}, {0x0028, 0x1050, "DS", "40"}, {0x0028, 0x1051, "DS", "400"},
    {0x0028, 0x1052, "DS", "-9"}, {0x0028, 0x1053, "DS", "2"}, {0x7fe0, 0x0010, "OW", ""},
};
enum { ATTRIBUTES = sizeof attributes / sizeof *attributes, NUMBER_OF_FRAMES = 28 };

struct value {
    uint8_t length;
    uint8_t bytes[LONGEST];
};
/* frames: 0, or those of an enhanced image, each with a position, a stack and a time of one byte. */
static struct value values[IMAGES][ATTRIBUTES];
static uint8_t frames[IMAGES][FRAMES][3];
static int frame_count[IMAGES];
static uint8_t made[ROOM];
static size_t used;

static void put(const void *bytes, size_t count)
{
    memcpy(made + used, bytes, count);
    used += count;
}

static void put_number(uint32_t number, int width)
{
    for (int b = 0; b < width; b++)
        made[used++] = (uint8_t)(number >> 8 * b);
}

static void put_head(uint16_t group, uint16_t element, const char *vr, uint32_t length)
{
    put_number(group, 2);
    put_number(element, 2);
    put(vr, 2);
    if (strchr("OSU", vr[0]) && (vr[1] == 'W' || vr[1] == 'Q' || vr[1] == 'N'))
        put_number(0, 2), put_number(length, 4);
    else
        put_number(length, 2);
}

static void put_text(uint16_t group, uint16_t element, const char *vr, const char *text)
{
    size_t length = strlen(text);
    put_head(group, element, vr, (uint32_t)(length + length % 2));
    put(text, length);
    if (length % 2)
        put(vr[0] == 'U' ? "" : " ", 1);
}

/* Sequences and items of undefined length: begin, and end. */
static void begin(uint16_t group, uint16_t element)
{
    put_head(group, element, "SQ", 0xffffffff);
    put_number(0xe000fffe, 4), put_number(0xffffffff, 4);
}

static void end(void)
{
    put_number(0xe00dfffe, 4), put_number(0, 4);
    put_number(0xe0ddfffe, 4), put_number(0, 4);
}

static void put_groups(int image)
{
    char text[64];
    put_head(0x5200, 0x9230, "SQ", 0xffffffff);
    for (int f = 0; f < frame_count[image]; f++) {
        put_number(0xe000fffe, 4), put_number(0xffffffff, 4);
        begin(0x0020, 0x9111);
        snprintf(text, sizeof text, "%d", frames[image][f][1]);
        put_text(0x0020, 0x9056, "SH", text);
        put_head(0x0020, 0x9128, "UL", 4);
        put_number(frames[image][f][2], 4);
        end();
        begin(0x0020, 0x9113);
        snprintf(text, sizeof text, "-3\\4\\%g", frames[image][f][0] / 8.0);
        put_text(0x0020, 0x0032, "DS", text);
        end();
        put_number(0xe00dfffe, 4), put_number(0, 4);
    }
    put_number(0xe0ddfffe, 4), put_number(0, 4);
}

static void put_image(int image)
{
    static const char syntax[] = "1.2.840.10008.1.2.1";
    used = 0;
    memset(made, 0, 128);
    used = 128;
    put("DICM", 4);
    put_text(0x0002, 0x0010, "UI", syntax);
    for (int a = 0; a < ATTRIBUTES; a++) {
        const struct value *value = &values[image][a];
        if (attributes[a].group == 0x7fe0 && frame_count[image])
            put_groups(image);
        put_head(attributes[a].group, attributes[a].element, attributes[a].vr, value->length);
        put(value->bytes, value->length);
    }
}

static void start_over(void)
{
    memset(values, 0, sizeof values);
    memset(frame_count, 0, sizeof frame_count);
    for (int image = 0; image < IMAGES; image++)
        for (int a = 0; a < ATTRIBUTES; a++) {
            struct value *value = &values[image][a];
            int length = snprintf((char *)value->bytes, LONGEST, "%s", attributes[a].start);
            uint8_t *mark = memchr(value->bytes, '#', (size_t)length);
            if (mark)
                *mark = (uint8_t)('1' + image);
            if (strcmp(attributes[a].vr, "US") == 0 && length)
                length = 2;
            if (attributes[a].group == 0x7fe0)
                length = 24 * 3;
            value->length = (uint8_t)(length + length % 2);
            if (attributes[a].vr[0] != 'U' && attributes[a].vr[0] != 'O' && length % 2)
                value->bytes[length] = ' ';
        }
}

static void edit_value(int image, int attribute, const uint8_t *bytes, size_t length)
{
    struct value *value = &values[image][attribute];
    memset(value->bytes, 0, sizeof value->bytes);
    memcpy(value->bytes, bytes, length);
    value->length = (uint8_t)(length + length % 2);
}

static void edit(const uint8_t *data, size_t size)
{
    while (size >= 3) {
        int image = data[0] % (IMAGES + 1), attribute = data[1] % (ATTRIBUTES + 1);
        size_t length = data[2] % (LONGEST + 1);
        data += 3, size -= 3;
        if (length > size)
            length = size;
        for (int i = 0; i < IMAGES; i++) {
            if (image != IMAGES && i != image)
                continue;
            if (attribute < ATTRIBUTES) {
                edit_value(i, attribute, data, length);
            } else {
                frame_count[i] = (int)(length / 3 < FRAMES ? length / 3 : FRAMES);
                memcpy(frames[i], data, (size_t)frame_count[i] * 3);
            }
        }
        data += length, size -= length;
    }
}

static void check(int good)
{
    if (!good)
        abort();
}

static void check_volume(struct sm_dicom_study *study, size_t index)
{
    const struct sm_dicom_volume *found = sm_dicom_volume_at(study, index);
    struct sm_volume volume;
    struct sm_err err;
    check(found->number == (int)index + 1 && found->files > 0);
    for (size_t g = 0; g < found->gap_count; g++)
        check(found->gaps[g].after >= 0 && found->gaps[g].after + 1 < found->grid.dim[2]);
    if (!found->readable)
        return;
    for (int a = 0; a < 3; a++)
        check(found->grid.dim[a] > 0);
    check(isfinite(found->tilt_deg));
    if (sm_dicom_read(&volume, study, index, NULL, &err) != SM_OK)
        return;
    check(sm_grid_invertible(&volume.grid) && (volume.slice_origin_lps != NULL) == (found->gap_count > 0));
    float line[1];
    for (int k = 0; k < volume.grid.dim[2]; k++)
        sm_volume_line(&volume, volume.grid.dim[0] - 1, volume.grid.dim[1] - 1, k, 0, 0, 1, line);
    sm_volume_free(&volume);
}

/* An image of several frames may be in several volumes (the times of an enhanced one); one left out is in
 * none. */
static void check_files(struct sm_dicom_study *study, struct fuzz_file *files)
{
    for (int image = 0; image < IMAGES; image++) {
        size_t left_out = 0, in_volumes = 0;
        bool one_frame = values[image][NUMBER_OF_FRAMES].length == 0;
        for (size_t n = 0; n < sm_dicom_left_out(study); n++)
            left_out += strcmp(sm_dicom_left_out_at(study, n)->file, files[image].path) == 0;
        for (size_t v = 0; v < sm_dicom_volumes(study); v++)
            for (size_t f = 0; f < sm_dicom_volume_at(study, v)->files; f++)
                in_volumes += strcmp(sm_dicom_volume_file(study, v, f), files[image].path) == 0;
        check(left_out + (in_volumes > 0) == 1 && (in_volumes <= 1 || !one_frame));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_file files[IMAGES];
    const char *paths[IMAGES];
    struct sm_dicom_study *study;
    struct sm_err err;
    start_over();
    edit(data, size);
    for (int image = 0; image < IMAGES; image++) {
        put_image(image);
        fuzz_file_open(&files[image], made, used);
        paths[image] = files[image].path;
    }
    if (sm_dicom_scan(&study, paths, IMAGES, NULL, &err) == SM_OK) {
        check_files(study, files);
        for (size_t v = 0; v < sm_dicom_volumes(study); v++)
            check_volume(study, v);
        sm_dicom_study_free(study);
    }
    for (int image = 0; image < IMAGES; image++)
        fuzz_file_close(&files[image]);
    return 0;
}
