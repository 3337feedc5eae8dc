/* build/read_dicom PATH [ROUNDS] - seconds to list what is under a path (headers only), and to read its
 * first volume; the best of the rounds. One line: list, read, volumes, left out, peak memory in MiB. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include "sammed2d/dicom.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void keep_best(double *best, double seconds)
{
    if (*best < 0 || seconds < *best)
        *best = seconds;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : ".";
    int rounds = argc > 2 ? atoi(argv[2]) : 1;
    double list = -1, read = -1;
    size_t volumes = 0, left_out = 0;
    struct rusage use;
    for (int round = 0; round < rounds; round++) {
        struct sm_dicom_study *study;
        struct sm_volume volume;
        struct sm_err err;
        double start = now();
        if (sm_dicom_scan(&study, &path, 1, NULL, &err) != SM_OK) {
            fprintf(stderr, "%s\n", err.message);
            return (int)err.status;
        }
        keep_best(&list, now() - start);
        volumes = sm_dicom_volumes(study);
        left_out = sm_dicom_left_out(study);
        start = now();
        if (volumes == 1 && sm_dicom_read(&volume, study, 0, NULL, &err) == SM_OK) {
            keep_best(&read, now() - start);
            sm_volume_free(&volume);
        }
        sm_dicom_study_free(study);
    }
    getrusage(RUSAGE_SELF, &use);
    printf("%.4f %.4f %zu %zu %ld\n", list, read, volumes, left_out, use.ru_maxrss / 1024);
    return 0;
}
