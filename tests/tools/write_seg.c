/* write_seg SERIES OUT.dcm binary|fractional|labelmap OBJECTS [NAME...] - a SEG whose pixels a witness can
 * work out for itself, so that the writer is tried with sizes, counts and names that no network gives.
 * Object o (from 0) is on every slice but the last, at pixels (x, y) of slice k where
 * (x + 3 y + 5 k) % (OBJECTS + 1) == o; FRACTIONAL: there 1 + (x + y) % 255. Objects beyond the names are
 * called "object N", N from 1. ALIKE=1 in the environment: each object is where the first one is.
 * Prints the largest resident memory in MB. Exit status as the program's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "sammed2d/dicom.h"
#include "sammed2d/sammed2d.h"

struct drawn {
    const struct sm_volume *volume;
    int object, objects;
    bool fractional;
};

static void print_warning(void *context, const char *sentence)
{
    (void)context;
    fprintf(stderr, "%s\n", sentence);
}

static bool draw(void *context, int k, uint8_t *out)
{
    const struct drawn *drawn = context;
    const int *dim = drawn->volume->grid.dim;
    bool some = false;
    for (int y = 0; y < dim[1]; y++)
        for (int x = 0; x < dim[0]; x++, out++) {
            bool inside = (k + 1 < dim[2] || k == 0) &&
                          (x + 3 * y + 5 * k) % (drawn->objects + 1) == drawn->object;
            *out = !inside ? 0 : drawn->fractional ? (uint8_t)(1 + (x + y) % 255) : 1;
            some |= inside;
        }
    return some;
}

static enum sm_status read_volume(struct sm_volume *volume, const char *path, struct sm_err *err)
{
    struct sm_dicom_study *study;
    size_t index;
    enum sm_status status = sm_dicom_scan(&study, &path, 1, NULL, err);
    if (status)
        return status;
    status = sm_dicom_choose(study, NULL, &index, err);
    if (!status)
        status = sm_dicom_read(volume, study, index, NULL, err);
    sm_dicom_study_free(study);
    return status;
}

static enum sm_status write(char **argv, int names, const struct sm_volume *volume, struct sm_err *err)
{
    static const char *const types[] = {"binary", "fractional", "labelmap"};
    static const struct sm_listener listener = {.warning = print_warning};
    struct sm_seg_options options = {.algorithm_version = "1", .digest = "write_seg", .listener = &listener};
    int objects = atoi(argv[4]);
    struct sm_seg_object *list = calloc((size_t)objects, sizeof *list);
    struct drawn *drawn = calloc((size_t)objects, sizeof *drawn);
    char (*numbered)[24] = calloc((size_t)objects, sizeof *numbered);
    for (int t = 0; t < 3; t++)
        if (strcmp(argv[3], types[t]) == 0)
            options.type = (enum sm_seg_type)t;
    for (int o = 0; o < objects; o++) {
        snprintf(numbered[o], sizeof *numbered, "object %d", o + 1);
        drawn[o] = (struct drawn){volume, getenv("ALIKE") ? 0 : o, objects,
                                  options.type == SM_SEG_FRACTIONAL};
        sm_segment_meaning_find(&list[o].meaning, o < names ? argv[5 + o] : numbered[o]);
        list[o].slice = draw;
        list[o].context = &drawn[o];
    }
    enum sm_status status = sm_dicom_write_seg(argv[2], volume, list, (size_t)objects, &options, err);
    free(list);
    free(drawn);
    free(numbered);
    return status;
}

int main(int argc, char **argv)
{
    struct sm_volume volume = {0};
    struct rusage usage;
    struct sm_err err;
    if (argc < 5 || atoi(argv[4]) < 1)
        return SM_USAGE;
    enum sm_status status = read_volume(&volume, argv[1], &err);
    if (!status)
        status = write(argv, argc - 5, &volume, &err);
    if (status)
        fprintf(stderr, "%s\n", err.message);
    sm_volume_free(&volume);
    getrusage(RUSAGE_SELF, &usage);
    printf("%ld\n", usage.ru_maxrss / 1024);
    return (int)status;
}
