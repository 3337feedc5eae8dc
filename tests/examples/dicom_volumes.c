/* Lists the DICOM volumes under some paths, one JSON object a line, and with -o DIR writes the voxels of
 * each readable one to DIR/NUMBER.raw (native order, i fastest).
 *
 *   dicom_volumes [-o DIR] PATH...
 */
#include <stdio.h>
#include <string.h>
#include "sammed2d/sammed2d.h"

static void print_text(const char *key, const char *text)
{
    printf(", \"%s\": \"", key);
    for (; text && *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        if ((unsigned char)*text < 0x20)
            printf("\\u%04x", *text);
        else
            putchar(*text);
    }
    putchar('"');
}

static void print_volume(const struct sm_dicom_study *study, size_t index)
{
    const struct sm_dicom_volume *found = sm_dicom_volume_at(study, index);
    const struct sm_grid *grid = &found->grid;
    printf("{\"number\": %d, \"dim\": [%d, %d, %d], \"files\": %zu, \"tilt\": %.6g, \"readable\": %s, "
           "\"affine\": [", found->number, grid->dim[0], grid->dim[1], grid->dim[2], found->files,
           found->tilt_deg, found->readable ? "true" : "false");
    for (int n = 0; n < 16; n++)
        printf("%s%.17g", n ? ", " : "", grid->affine_lps[n / 4][n % 4]);
    printf("], \"gaps\": [");
    for (size_t g = 0; g < found->gap_count; g++)
        printf("%s[%d, %.9g]", g ? ", " : "", found->gaps[g].after, found->gaps[g].step_mm);
    printf("]");
    print_text("type", sm_voxel_type_name(found->type));
    print_text("uid", found->series_uid);
    print_text("modality", found->modality);
    print_text("description", found->description);
    print_text("transfer_syntax", found->transfer_syntax);
    print_text("reason", found->reason);
    printf(", \"file_list\": [");
    for (size_t f = 0; f < found->files; f++) {
        printf("%s{\"n\": %zu", f ? ", " : "", f);
        print_text("file", sm_dicom_volume_file(study, index, f));
        printf("}");
    }
    printf("]");
}

static void print_values(const struct sm_volume *volume)
{
    printf(", \"rescale\": [");
    for (int k = 0; k < volume->grid.dim[2]; k++)
        printf("%s[%.17g, %.17g]", k ? ", " : "", volume->rescale[k].slope,
               volume->rescale[k].intercept);
    printf("]");
    if (volume->voi && volume->voi->windows > 0)
        printf(", \"window\": [%.9g, %.9g]", volume->voi->window[0].center,
               volume->voi->window[0].width);
    for (size_t t = 0; volume->voi && t < volume->voi->tables; t++) {
        const struct sm_voi_table *table = &volume->voi->table[t];
        printf("%s[%.9g, %zu, %d, %d]%s", t ? ", " : ", \"tables\": [", table->first, table->size,
               table->grey[0], table->grey[table->size - 1], t + 1 == volume->voi->tables ? "]" : "");
    }
}

static enum sm_status write_voxels(const struct sm_dicom_study *study, size_t index,
                                   const char *folder, struct sm_err *err)
{
    struct sm_volume volume;
    enum sm_status status = sm_dicom_read(&volume, study, index, NULL, err);
    if (status != SM_OK)
        return status;
    char path[4096];
    snprintf(path, sizeof path, "%s/%zu.raw", folder, index + 1);
    FILE *file = fopen(path, "wb");
    size_t count = sm_grid_voxels(&volume.grid), size = sm_voxel_type_bytes(volume.type);
    if (!file || fwrite(volume.voxels, size, count, file) != count)
        fprintf(stderr, "%s: cannot be written\n", path);
    if (file)
        fclose(file);
    print_values(&volume);
    sm_volume_free(&volume);
    return SM_OK;
}

int main(int argc, char **argv)
{
    const char *folder = NULL;
    int first = 1;
    if (argc > 3 && strcmp(argv[1], "-o") == 0) {
        folder = argv[2];
        first = 3;
    }
    struct sm_err err = {0};
    struct sm_dicom_study *study;
    if (sm_dicom_scan(&study, (const char *const *)argv + first, (size_t)(argc - first), NULL, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return (int)err.status;
    }
    for (size_t v = 0; v < sm_dicom_volumes(study); v++) {
        const struct sm_dicom_volume *found = sm_dicom_volume_at(study, v);
        print_volume(study, v);
        if (folder && found->readable && write_voxels(study, v, folder, &err) != SM_OK)
            print_text("error", err.message);
        printf("}\n");
    }
    for (size_t n = 0; n < sm_dicom_left_out(study); n++) {
        const struct sm_left_out *out = sm_dicom_left_out_at(study, n);
        printf("{\"left_out\": %zu", n);
        print_text("file", out->file);
        print_text("reason", out->reason);
        printf("}\n");
    }
    sm_dicom_study_free(study);
    return SM_OK;
}
