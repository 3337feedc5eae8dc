/* phantom_write.c - NIfTI-1, labels.json and the prompts files. */
#include "phantom.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

static void put16(unsigned char *header, int offset, int value)
{
    int16_t v = (int16_t)value;
    memcpy(header + offset, &v, sizeof v);
}
static void put_float(unsigned char *header, int offset, double value)
{
    float v = (float)value;
    memcpy(header + offset, &v, sizeof v);
}

/* Columns of the rotation in RAS; NIfTI's x and y are DICOM's turned round. */
static void ras_axes(const struct phantom *phantom, double r[3][3])
{
    for (int a = 0; a < 3; a++)
        for (int w = 0; w < 3; w++)
            r[w][a] = (w < 2 ? -1 : 1) * phantom->direction_lps[a][w];
}

static double determinant(double r[3][3])
{
    return r[0][0] * (r[1][1] * r[2][2] - r[1][2] * r[2][1]) -
           r[0][1] * (r[1][0] * r[2][2] - r[1][2] * r[2][0]) +
           r[0][2] * (r[1][0] * r[2][1] - r[1][1] * r[2][0]);
}

/* Unit quaternion (a, b, c, d) of a rotation, by its largest component. Source: nifti1.h, "method
 * 2". */
static void quaternion(double r[3][3], double q[4])
{
    double square[4] = {1 + r[0][0] + r[1][1] + r[2][2], 1 + r[0][0] - r[1][1] - r[2][2],
                        1 - r[0][0] + r[1][1] - r[2][2], 1 - r[0][0] - r[1][1] + r[2][2]};
    double cross[4][4] = {{square[0], r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1]},
                          {r[2][1] - r[1][2], square[1], r[0][1] + r[1][0], r[0][2] + r[2][0]},
                          {r[0][2] - r[2][0], r[0][1] + r[1][0], square[2], r[1][2] + r[2][1]},
                          {r[1][0] - r[0][1], r[0][2] + r[2][0], r[1][2] + r[2][1], square[3]}};
    int best = 0;
    for (int n = 1; n < 4; n++)
        best = square[n] > square[best] ? n : best;
    double root = sqrt(square[best]), sign = cross[best][0] < 0 ? -1 : 1;
    for (int n = 0; n < 4; n++)
        q[n] = sign * cross[best][n] / (2 * root);
}

static void put_placement(unsigned char *header, const struct phantom *phantom)
{
    double r[3][3], q[4];
    ras_axes(phantom, r);
    double qfac = determinant(r) < 0 ? -1 : 1;
    for (int w = 0; w < 3; w++) {
        double origin = (w < 2 ? -1 : 1) * phantom->centre_lps[w];
        for (int a = 0; a < 3; a++) {
            double step = r[w][a] * phantom->spacing_mm[a];
            put_float(header, 280 + 16 * w + 4 * a, step);
            origin -= step * 0.5 * (phantom->dim[a] - 1);
        }
        put_float(header, 280 + 16 * w + 12, origin); /* srow */
        put_float(header, 268 + 4 * w, origin);       /* qoffset */
    }
    for (int w = 0; w < 3; w++)
        r[w][2] *= qfac;
    quaternion(r, q);
    put_float(header, 76, qfac);
    for (int n = 1; n < 4; n++)
        put_float(header, 256 + 4 * (n - 1), q[n]);
    put16(header, 252, 1);
    put16(header, 254, 1);
}

static void fill_header(unsigned char header[352], const struct phantom *phantom, int datatype,
                        int bits, double intercept)
{
    memset(header, 0, 352);
    header[0] = 348 & 255, header[1] = 348 >> 8;
    put16(header, 40, 3);
    for (int a = 0; a < 7; a++)
        put16(header, 42 + 2 * a, a < 3 ? phantom->dim[a] : 1);
    put16(header, 70, datatype);
    put16(header, 72, bits);
    for (int a = 0; a < 3; a++)
        put_float(header, 80 + 4 * a, phantom->spacing_mm[a]);
    put_float(header, 108, 352);
    put_float(header, 112, 1);
    put_float(header, 116, intercept);
    header[123] = 2; /* mm */
    snprintf((char *)header + 148, 80, "%s", phantom->title);
    put_placement(header, phantom);
    memcpy(header + 344, "n+1", 4);
}

static int complain(const char *path)
{
    fprintf(stderr, "make_phantoms: %s could not be written; does the folder exist?\n", path);
    return -1;
}

/* The file holds little-endian numbers on little-endian machines, and NIfTI readers see which. */
static int write_nifti(const struct phantom *phantom, const char *folder, const char *name,
                       const void *voxels, int datatype, int bytes, double intercept)
{
    char path[1024];
    unsigned char header[352];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    fill_header(header, phantom, datatype, 8 * bytes, intercept);
    unsigned size = (unsigned)(phantom->dim[0] * phantom->dim[1] * phantom->dim[2] * bytes);
    gzFile file = gzopen(path, "wb9");
    int good =
        file && gzwrite(file, header, 352) == 352 && gzwrite(file, voxels, size) == (int)size;
    if (file && gzclose(file) != Z_OK)
        good = 0;
    return good ? 0 : complain(path);
}

static int labels_of(const struct phantom *phantom)
{
    int count = 0;
    while (count < MAX_LABELS && phantom->labels[count])
        count++;
    return count;
}

static int write_names(const struct phantom *phantom, const char *folder)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/labels.json", folder);
    FILE *file = fopen(path, "w");
    if (!file)
        return complain(path);
    fprintf(file,
            "{\n  \"image\": \"%s\",\n  \"label\": \"truth.nii.gz\",\n  \"labels\": {\n",
            phantom->dicom ? "series" : "image.nii.gz");
    int count = labels_of(phantom);
    for (int n = 0; n < count; n++)
        fprintf(file, "    \"%d\": \"%s\"%s\n", n + 1, phantom->labels[n],
                n + 1 < count ? "," : "");
    fprintf(file, "  }\n}\n");
    return fclose(file) ? complain(path) : 0;
}

struct bounds {
    int low[3], high[3];
    long voxels;
};

/* Bounds of a label in one slice, or in all when slice is -1. */
static struct bounds bounds_of(const struct phantom *phantom, const uint8_t *truth, int label,
                               int slice)
{
    struct bounds b = {{1 << 20, 1 << 20, 1 << 20}, {-1, -1, -1}, 0};
    long n = 0;
    int v[3];
    for (v[2] = 0; v[2] < phantom->dim[2]; v[2]++)
        for (v[1] = 0; v[1] < phantom->dim[1]; v[1]++)
            for (v[0] = 0; v[0] < phantom->dim[0]; v[0]++, n++) {
                if (truth[n] != label || (slice >= 0 && v[phantom->slice_axis] != slice))
                    continue;
                for (int a = 0; a < 3; a++) {
                    b.low[a] = v[a] < b.low[a] ? v[a] : b.low[a];
                    b.high[a] = v[a] > b.high[a] ? v[a] : b.high[a];
                }
                b.voxels++;
            }
    return b;
}

/* The slice in the middle of the object: half of its voxels lie before it. */
static int middle_slice(const struct phantom *phantom, const uint8_t *truth, int label)
{
    long all = bounds_of(phantom, truth, label, -1).voxels, before = 0;
    int slice = 0;
    for (; slice < phantom->dim[phantom->slice_axis]; slice++) {
        before += bounds_of(phantom, truth, label, slice).voxels;
        if (2 * before >= all)
            break;
    }
    return slice;
}

/* Voxels in a row towards every side before the object ends: large deep inside. */
static int depth_at(const struct phantom *phantom, const uint8_t *truth, const int at[3])
{
    long step[3] = {1, phantom->dim[0], (long)phantom->dim[0] * phantom->dim[1]};
    long n = at[0] * step[0] + at[1] * step[1] + at[2] * step[2];
    int least = 1 << 20;
    for (int way = 0; way < 6; way++) {
        int a = way / 2, sign = way % 2 ? 1 : -1, run = 0;
        if (a == phantom->slice_axis)
            continue;
        for (int x = at[a] + sign; x >= 0 && x < phantom->dim[a]; x += sign, run++)
            if (truth[n + (x - at[a]) * step[a]] != truth[n])
                break;
        least = run < least ? run : least;
    }
    return least;
}

static void deepest(const struct phantom *phantom, const uint8_t *truth, int label, int slice,
                    int best[3])
{
    struct bounds b = bounds_of(phantom, truth, label, slice);
    int depth = -1, v[3];
    long row = phantom->dim[0], plane = row * phantom->dim[1];
    for (v[2] = b.low[2]; v[2] <= b.high[2]; v[2]++)
        for (v[1] = b.low[1]; v[1] <= b.high[1]; v[1]++)
            for (v[0] = b.low[0]; v[0] <= b.high[0]; v[0]++) {
                if (truth[v[2] * plane + v[1] * row + v[0]] != label)
                    continue;
                int here = depth_at(phantom, truth, v);
                if (here > depth) {
                    depth = here;
                    memcpy(best, v, sizeof v);
                }
            }
}

enum variant { EVERY_SLICE, WHOLE, MIDDLE, POINTS };
static const char *const variant_file[] = {"prompts.json", "box3d.json", "middle.json",
                                           "points.json"};

static void print_box(FILE *file, const struct bounds *b, const char *before)
{
    fprintf(file, "%s[%d, %d, %d, %d, %d, %d]", before, b->low[0], b->low[1], b->low[2], b->high[0],
            b->high[1], b->high[2]);
}

static void print_prompt(FILE *file, const struct phantom *phantom, const uint8_t *truth, int label,
                         enum variant variant)
{
    int middle = middle_slice(phantom, truth, label), at[3] = {0, 0, 0};
    if (variant == POINTS) {
        deepest(phantom, truth, label, middle, at);
        fprintf(file, "\"points\": [[%d, %d, %d, 1]]", at[0], at[1], at[2]);
        return;
    }
    const char *before = variant == EVERY_SLICE ? "\n        " : "";
    fprintf(file, "\"boxes\": [");
    int slices = phantom->dim[phantom->slice_axis];
    for (int slice = 0; slice < slices; slice++) {
        struct bounds b = bounds_of(phantom, truth, label, variant == WHOLE ? -1 : slice);
        if (!b.voxels || (variant == MIDDLE && slice != middle))
            continue;
        print_box(file, &b, before);
        if (variant == WHOLE)
            break;
        before = ",\n        ";
    }
    fprintf(file, "]");
}

static int write_prompts(const struct phantom *phantom, const uint8_t *truth, const char *folder,
                         enum variant variant)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, variant_file[variant]);
    FILE *file = fopen(path, "w");
    if (!file)
        return complain(path);
    fprintf(file, "{\n  \"space\": \"voxel\",\n  \"objects\": [");
    for (int n = 0; n < labels_of(phantom); n++) {
        fprintf(file, "%s\n    {\"name\": \"%s\", \"id\": %d, ", n ? "," : "", phantom->labels[n],
                n + 1);
        print_prompt(file, phantom, truth, n + 1, variant);
        fprintf(file, "}");
    }
    fprintf(file, "\n  ]\n}\n");
    return fclose(file) ? complain(path) : 0;
}

static int write_image(const struct phantom *phantom, const int16_t *image, const char *folder)
{
    char path[1024];
    if (!phantom->dicom)
        return write_nifti(phantom, folder, "image.nii.gz", image, 4, 2, phantom->scl_inter);
    snprintf(path, sizeof path, "%s/series", folder);
    if (mkdir(path, 0777) && errno != EEXIST)
        return complain(path);
    return phantom_write_dicom(phantom, image, path);
}

int phantom_write(const struct phantom *phantom, const struct pictures *pictures,
                  const char *folder)
{
    for (int n = 0; n < labels_of(phantom); n++)
        if (!bounds_of(phantom, pictures->truth, n + 1, -1).voxels) {
            fprintf(stderr, "make_phantoms: %s: no voxel shows the %s\n", phantom->name,
                    phantom->labels[n]);
            return -1;
        }
    if (write_image(phantom, pictures->image, folder) ||
        write_nifti(phantom, folder, "truth.nii.gz", pictures->truth, 2, 1, 0) ||
        write_names(phantom, folder))
        return -1;
    for (enum variant variant = EVERY_SLICE; variant <= POINTS; variant++)
        if (write_prompts(phantom, pictures->truth, folder, variant))
            return -1;
    return 0;
}
