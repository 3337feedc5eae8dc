/* phantom_dicom.c - a phantom as a CT series: one file a slice, Explicit VR Little Endian (PS3.5, A.2;
 * attributes of PS3.3 A.3). Nobody was scanned, so all that names a person or a place is made up. */
#include "phantom.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 4096 }; /* for a header */

struct writer {
    unsigned char *bytes;
    size_t size;
};

static void put_bytes(struct writer *w, const void *bytes, size_t count)
{
    memcpy(w->bytes + w->size, bytes, count);
    w->size += count;
}

static void put_number(struct writer *w, unsigned value, int count)
{
    for (int b = 0; b < count; b++)
        w->bytes[w->size++] = (unsigned char)(value >> (8 * b));
}

static void put_head(struct writer *w, unsigned tag, const char *vr, size_t length)
{
    int wide = strcmp(vr, "OB") == 0 || strcmp(vr, "OW") == 0;
    put_number(w, tag >> 16, 2);
    put_number(w, tag & 0xffff, 2);
    put_bytes(w, vr, 2);
    if (wide)
        put_number(w, 0, 2);
    put_number(w, (unsigned)length, wide ? 4 : 2);
}

/* Padded to an even length: UIDs with a zero, text with a space. */
static void put_text(struct writer *w, unsigned tag, const char *vr, const char *text)
{
    size_t length = strlen(text);
    put_head(w, tag, vr, length + length % 2);
    put_bytes(w, text, length);
    if (length % 2)
        put_number(w, strcmp(vr, "UI") == 0 ? 0 : ' ', 1);
}

static void put_short(struct writer *w, unsigned tag, unsigned value)
{
    put_head(w, tag, "US", 2);
    put_number(w, value, 2);
}

#define CT_IMAGE "1.2.840.10008.5.1.4.1.1.2"
#define EXPLICIT "1.2.840.10008.1.2.1"

/* One number under 2.25, as PS3.5 B.2 has it: `which` tells study, series and slices apart. */
static const char *uid_of(int which)
{
    static char uid[65];
    snprintf(uid, sizeof uid, "2.25.23178340561914267358402967117%06d", which);
    return uid;
}

enum { STUDY = 1, SERIES, FRAME, SLICES };

static void put_meta(struct writer *w, int k)
{
    struct writer group = {malloc(ROOM), 0};
    if (!group.bytes)
        return;
    put_head(&group, 0x00020001, "OB", 2);
    put_number(&group, 0x0100, 2);
    put_text(&group, 0x00020002, "UI", CT_IMAGE);
    put_text(&group, 0x00020003, "UI", uid_of(SLICES + k));
    put_text(&group, 0x00020010, "UI", EXPLICIT);
    put_text(&group, 0x00020012, "UI", uid_of(0));
    memset(w->bytes, 0, 128);
    w->size = 128;
    put_bytes(w, "DICM", 4);
    put_head(w, 0x00020000, "UL", 4);
    put_number(w, (unsigned)group.size, 4);
    put_bytes(w, group.bytes, group.size);
    free(group.bytes);
}

static void put_words(struct writer *w, int k)
{
    const struct {
        unsigned tag;
        const char *vr, *text;
    } rows[] = {
        {0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"}, {0x00080016, "UI", CT_IMAGE},
        {0x00080018, "UI", uid_of(SLICES + k)}, {0x00080020, "DA", "20200101"},
        {0x00080021, "DA", "20200101"}, {0x00080022, "DA", "20200101"}, {0x00080023, "DA", "20200101"},
        {0x00080030, "TM", "120000"}, {0x00080031, "TM", "120000"}, {0x00080032, "TM", "120000"},
        {0x00080033, "TM", "120000"}, {0x00080050, "SH", ""}, {0x00080060, "CS", "CT"},
        {0x00080070, "LO", "sammed2d"}, {0x00080090, "PN", ""}, {0x00081030, "LO", "Phantom"},
        {0x0008103e, "LO", "Abdomen, portal venous"}, {0x00100010, "PN", "Phantom^Abdomen"},
        {0x00100020, "LO", "PHANTOM-CT"}, {0x00100030, "DA", ""}, {0x00100040, "CS", "O"},
        {0x00180015, "CS", "ABDOMEN"}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        put_text(w, rows[r].tag, rows[r].vr, rows[r].text);
}

static void put_geometry(struct writer *w, const struct phantom *phantom, int k)
{
    char text[128];
    double at[3];
    for (int c = 0; c < 3; c++) {
        at[c] = phantom->centre_lps[c];
        for (int a = 0; a < 3; a++)
            at[c] += phantom->direction_lps[a][c] * phantom->spacing_mm[a] *
                     ((a == 2 ? k : 0) - 0.5 * (phantom->dim[a] - 1));
    }
    const double *row = phantom->direction_lps[0], *column = phantom->direction_lps[1];
    put_text(w, 0x0020000d, "UI", uid_of(STUDY));
    put_text(w, 0x0020000e, "UI", uid_of(SERIES));
    put_text(w, 0x00200010, "SH", "1");
    put_text(w, 0x00200011, "IS", "2");
    put_text(w, 0x00200012, "IS", "1");
    snprintf(text, sizeof text, "%d", k + 1);
    put_text(w, 0x00200013, "IS", text);
    snprintf(text, sizeof text, "%.6g\\%.6g\\%.6g", at[0], at[1], at[2]);
    put_text(w, 0x00200032, "DS", text);
    snprintf(text, sizeof text, "%.6g\\%.6g\\%.6g\\%.6g\\%.6g\\%.6g", row[0], row[1], row[2], column[0],
             column[1], column[2]);
    put_text(w, 0x00200037, "DS", text);
    put_text(w, 0x00200052, "UI", uid_of(FRAME));
    put_text(w, 0x00201040, "LO", "");
}

static void put_pixels(struct writer *w, const struct phantom *phantom, const int16_t *slice)
{
    char text[64];
    size_t pixels = (size_t)phantom->dim[0] * (size_t)phantom->dim[1];
    put_short(w, 0x00280002, 1);
    put_text(w, 0x00280004, "CS", "MONOCHROME2");
    put_short(w, 0x00280010, (unsigned)phantom->dim[1]);
    put_short(w, 0x00280011, (unsigned)phantom->dim[0]);
    snprintf(text, sizeof text, "%g\\%g", phantom->spacing_mm[1], phantom->spacing_mm[0]);
    put_text(w, 0x00280030, "DS", text);
    put_short(w, 0x00280100, 16);
    put_short(w, 0x00280101, 16);
    put_short(w, 0x00280102, 15);
    put_short(w, 0x00280103, 1);
    put_text(w, 0x00281050, "DS", "60");
    put_text(w, 0x00281051, "DS", "400");
    snprintf(text, sizeof text, "%g", phantom->scl_inter);
    put_text(w, 0x00281052, "DS", text);
    put_text(w, 0x00281053, "DS", "1");
    put_text(w, 0x00281054, "LO", "HU");
    put_head(w, 0x7fe00010, "OW", 2 * pixels);
    for (size_t p = 0; p < pixels; p++)
        put_number(w, (uint16_t)slice[p], 2);
}

static int write_slice(const struct phantom *phantom, const int16_t *slice, int k, const char *folder)
{
    char path[1024], text[32];
    struct writer w = {malloc(ROOM + 2 * (size_t)phantom->dim[0] * (size_t)phantom->dim[1]), 0};
    if (!w.bytes)
        return -1;
    put_meta(&w, k);
    put_words(&w, k);
    snprintf(text, sizeof text, "%g", phantom->spacing_mm[2]);
    put_text(&w, 0x00180050, "DS", text);
    put_text(&w, 0x00180060, "DS", "120");
    put_text(&w, 0x00185100, "CS", "HFS");
    put_geometry(&w, phantom, k);
    put_pixels(&w, phantom, slice);
    snprintf(path, sizeof path, "%s/slice%02d.dcm", folder, k + 1);
    FILE *file = fopen(path, "wb");
    int good = file && fwrite(w.bytes, 1, w.size, file) == w.size;
    if (file && fclose(file) != 0)
        good = 0;
    free(w.bytes);
    if (!good)
        fprintf(stderr, "make_phantoms: %s could not be written\n", path);
    return good ? 0 : -1;
}

int phantom_write_dicom(const struct phantom *phantom, const int16_t *image, const char *folder)
{
    size_t pixels = (size_t)phantom->dim[0] * (size_t)phantom->dim[1];
    for (int k = 0; k < phantom->dim[2]; k++)
        if (write_slice(phantom, image + (size_t)k * pixels, k, folder))
            return -1;
    return 0;
}
