/* write_ct NX NY NZ OUT.nii[.gz] - a CT of any size: a body of fat and soft tissue with a liver-like
 * ellipsoid and noise, 0.75 x 0.75 x 2.5 mm, int16 HU. Deterministic. Exit status as the program's. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void put16(unsigned char *at, int value)
{
    int16_t v = (int16_t)value;
    memcpy(at, &v, sizeof v);
}

static void put_float(unsigned char *at, float value)
{
    memcpy(at, &value, sizeof value);
}

/* NIfTI-1, https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h */
static void fill_header(unsigned char header[352], const int dim[3])
{
    static const float spacing[3] = {0.75F, 0.75F, 2.5F};
    memset(header, 0, 352);
    header[0] = 348 & 255, header[1] = 348 >> 8;
    put16(header + 40, 3);
    for (int a = 0; a < 3; a++) {
        put16(header + 42 + 2 * a, dim[a]);
        put_float(header + 80 + 4 * a, spacing[a]);
        put_float(header + 280 + 16 * a + 4 * a, spacing[a]); /* srow_x, srow_y, srow_z */
    }
    put_float(header + 76, 1); /* qfac */
    for (int a = 3; a < 7; a++)
        put16(header + 42 + 2 * a, 1);
    put16(header + 70, 4);  /* int16 */
    put16(header + 72, 16); /* bits */
    put_float(header + 108, 352);
    put_float(header + 112, 1); /* slope */
    header[123] = 2;            /* mm */
    put16(header + 254, 1);     /* sform: scanner */
    memcpy(header + 344, "n+1", 4);
}

static double square(double x)
{
    return x * x;
}

static int hounsfield(const int dim[3], int x, int y, int z, uint32_t *noise)
{
    double u = 2.0 * x / dim[0] - 1, v = 2.0 * y / dim[1] - 1, w = 2.0 * z / dim[2] - 1;
    double body = square(u / 0.85) + square(v / 0.65);
    double liver = square((u + 0.3) / 0.35) + square((v + 0.05) / 0.3) + square(w / 0.8);
    *noise = *noise * 1664525 + 1013904223;
    int grain = (int)(*noise >> 26) - 32;
    return body > 1 ? -1000 : (liver < 1 ? 110 : body > 0.8 ? -100 : 40) + grain;
}

int main(int argc, char **argv)
{
    unsigned char header[352];
    uint32_t noise = 1;
    if (argc != 5)
        return 1;
    const int dim[3] = {atoi(argv[1]), atoi(argv[2]), atoi(argv[3])};
    bool packed = strlen(argv[4]) > 3 && strcmp(argv[4] + strlen(argv[4]) - 3, ".gz") == 0;
    size_t pixels = (size_t)dim[0] * (size_t)dim[1];
    int16_t *slice = malloc(pixels * sizeof *slice);
    gzFile file = gzopen(argv[4], packed ? "wb1" : "wbT");
    fill_header(header, dim);
    bool fine = slice && file && gzwrite(file, header, sizeof header) > 0;
    for (int z = 0; fine && z < dim[2]; z++) {
        for (size_t p = 0; p < pixels; p++)
            slice[p] = (int16_t)hounsfield(dim, (int)(p % (size_t)dim[0]), (int)(p / (size_t)dim[0]), z, &noise);
        fine = gzwrite(file, slice, (unsigned)(pixels * sizeof *slice)) > 0;
    }
    fine = file && gzclose(file) == Z_OK && fine;
    free(slice);
    return fine ? 0 : 7;
}
