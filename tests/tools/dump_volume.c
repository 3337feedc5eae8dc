/* dump_volume FILE VOLUME OUT.f32 - what sm_nifti_read and sm_png_read make of a file, for a second
 * opinion: grid and warnings as JSON on standard output, values as float32 (nz, ny, nx, channels) in
 * OUT. VOLUME -1: the only one. With a fourth argument LABELS.nii[.gz] also writes voxel number
 * modulo MODULUS (a fifth argument) there, in the geometry of FILE. Exit status as the program's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "sammed2d/sammed2d.h"

static json_t *warnings;

static void keep(void *context, const char *sentence)
{
    (void)context;
    json_array_append_new(warnings, json_string(sentence));
}

static enum sm_status read_any(struct sm_volume *volume, const char *path, int index,
                               struct sm_err *err)
{
    static const struct sm_listener listener = {.warning = keep};
    size_t length = strlen(path);
    if (length > 4 && strcmp(path + length - 4, ".png") == 0)
        return sm_png_read(volume, path, err);
    return sm_nifti_read(volume, path, index, &listener, err);
}

static void print_grid(const struct sm_volume *volume)
{
    const double (*a)[4] = volume->grid.affine_lps;
    const int *dim = volume->grid.dim;
    json_t *rows = json_array();
    for (int r = 0; r < 4; r++)
        json_array_append_new(rows, json_pack("[f, f, f, f]", a[r][0], a[r][1], a[r][2], a[r][3]));
    json_t *document =
        json_pack("{s:[i, i, i], s:o, s:s, s:i, s:O}", "dim", dim[0], dim[1], dim[2], "affine_lps",
                  rows, "type", sm_voxel_type_name(volume->type), "channels", volume->channels,
                  "warnings", warnings);
    json_dumpf(document, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17));
    putchar('\n');
    json_decref(document);
}

static void write_values(const struct sm_volume *volume, const char *path)
{
    const int *dim = volume->grid.dim;
    int n = dim[0];
    size_t floats = (size_t)n * (size_t)volume->channels;
    float *line = malloc((size_t)n * sizeof *line), *pixels = malloc(floats * sizeof *pixels);
    FILE *file = fopen(path, "wb");
    for (int k = 0; k < dim[2]; k++)
        for (int j = 0; j < dim[1]; j++) {
            for (int c = 0; c < volume->channels; c++) {
                sm_volume_line(volume, 0, j, k, 0, c, n, line);
                for (int i = 0; i < n; i++)
                    pixels[i * volume->channels + c] = line[i];
            }
            fwrite(pixels, sizeof *pixels, floats, file);
        }
    fclose(file);
    free(line);
    free(pixels);
}

static enum sm_status write_labels(const struct sm_volume *volume, const char *path, size_t modulus,
                                   struct sm_err *err)
{
    struct sm_labels labels;
    enum sm_status status = sm_labels_alloc(&labels, &volume->grid, err);
    if (status != SM_OK)
        return status;
    for (size_t v = 0; v < sm_grid_voxels(&volume->grid); v++)
        labels.voxels[v] = (uint16_t)(v % modulus);
    status = sm_nifti_write_labels(path, &labels, volume, err);
    sm_labels_free(&labels);
    return status;
}

int main(int argc, char **argv)
{
    struct sm_volume volume;
    struct sm_err err;
    if (argc < 4)
        return SM_USAGE;
    warnings = json_array();
    enum sm_status status = read_any(&volume, argv[1], atoi(argv[2]), &err);
    if (status == SM_OK) {
        print_grid(&volume);
        write_values(&volume, argv[3]);
        if (argc > 5)
            status = write_labels(&volume, argv[4], (size_t)atoi(argv[5]), &err);
    }
    if (status != SM_OK)
        fprintf(stderr, "%s\n", err.message);
    sm_volume_free(&volume);
    json_decref(warnings);
    return (int)status;
}
