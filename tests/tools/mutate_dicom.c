/* mutate_dicom SEED FLIPS KEEP FILE... - damaged copies of each file, read in a process of their own: cut at
 * every 1 % of the length, then FLIPS copies with random bytes changed. Each is listed, read whatever is
 * readable, and tried as a mask on a small grid. A copy now and then is kept under the folder KEEP.
 *
 * One line a finding (a crash, more than 5 s, more memory than 4 times the file and 256 MB), then
 *   COPIES read, refused, silent, SECONDS, MIB
 * where silent are cut copies from which other voxels than the whole file's were read without a word. The
 * last two are the worst. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "lib/fuzz_file.h"
#include "sammed2d/dicom.h"

enum outcome { READ, REFUSED, SILENT, OUTCOMES };
enum { LIMIT_SECONDS = 5, KEEP_EVERY = 40 };

static struct {
    size_t copies, count[OUTCOMES];
    double seconds, mib;
} sum;

static void note_warning(void *context, const char *sentence)
{
    (void)sentence;
    *(size_t *)context += 1;
}

/* FNV-1a over the voxels of all volumes. */
struct found {
    size_t volumes, left_out;
    uint64_t hash;
};

static void add_voxels(uint64_t *hash, const struct sm_volume *volume)
{
    size_t size = sm_grid_voxels(&volume->grid) * sm_voxel_type_bytes(volume->type);
    for (size_t b = 0; b < size; b++)
        *hash = (*hash ^ ((const uint8_t *)volume->voxels)[b]) * 0x100000001b3u;
}

static struct found read_volumes(const char *path, const struct sm_listener *listener)
{
    struct found found = {0, 0, 0xcbf29ce484222325u};
    struct sm_dicom_study *study;
    struct sm_err err;
    if (sm_dicom_scan(&study, &path, 1, listener, &err) != SM_OK)
        return found;
    for (size_t v = 0; v < sm_dicom_volumes(study); v++) {
        struct sm_volume volume;
        if (sm_dicom_read(&volume, study, v, listener, &err) != SM_OK)
            continue;
        add_voxels(&found.hash, &volume);
        sm_volume_free(&volume);
        found.volumes++;
    }
    found.left_out = sm_dicom_left_out(study);
    sm_dicom_study_free(study);
    return found;
}

static void read_masks(const char *path)
{
    struct sm_volume like = {.grid = {{11, 9, 6}, {{30, 0, 0, -160}, {0, 30, 0, -160}, {0, 0, 30, -160}, {0, 0, 0, 1}}}};
    struct sm_dicom_mask *masks;
    size_t count;
    struct sm_err err;
    if (sm_dicom_read_masks(&masks, &count, path, &like, NULL, &err) == SM_OK)
        sm_dicom_masks_free(masks, count);
}

/* whole: the file that the copy was cut from, or NULL. */
static enum outcome read_copy(const char *path, const char *whole)
{
    size_t warnings = 0;
    struct sm_listener listener = {.context = &warnings, .warning = note_warning};
    struct found found = read_volumes(path, &listener);
    read_masks(path);
    if (found.volumes == 0)
        return REFUSED;
    if (!whole || warnings || found.left_out)
        return READ;
    return read_volumes(whole, NULL).hash == found.hash ? READ : SILENT;
}

static void keep(const char *folder, const uint8_t *bytes, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%05zu.dcm", folder, sum.copies);
    FILE *file = fopen(path, "wb");
    if (file && fwrite(bytes, 1, size, file) == size)
        fclose(file);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void judge(const char *what, int status, double seconds, double mib, size_t size)
{
    double most = 4 * (double)size / 1048576 + 256;
    if (seconds > sum.seconds)
        sum.seconds = seconds;
    if (mib > sum.mib)
        sum.mib = mib;
    if (WIFSIGNALED(status) || WEXITSTATUS(status) >= OUTCOMES)
        printf("crash: %s (wait status %d)\n", what, status);
    else
        sum.count[WEXITSTATUS(status)]++;
    if (seconds > LIMIT_SECONDS)
        printf("slow: %s took %.1f s\n", what, seconds);
#if !defined(__SANITIZE_ADDRESS__)
    if (mib > most)
        printf("memory: %s took %.0f MiB, more than %.0f\n", what, mib, most);
#endif
    if (!WIFSIGNALED(status) && WEXITSTATUS(status) == SILENT)
        printf("silent: %s\n", what);
}

static void try_copy(const char *what, const uint8_t *bytes, size_t size, const char *whole,
                     const char *folder)
{
    struct fuzz_file file;
    struct rusage use;
    int status;
    double start = now();
    if (sum.copies++ % KEEP_EVERY == 0)
        keep(folder, bytes, size);
    fuzz_file_open(&file, bytes, size);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(20 * LIMIT_SECONDS);
        _exit((int)read_copy(file.path, whole));
    }
    if (child < 0 || wait4(child, &status, 0, &use) != child)
        abort();
    judge(what, status, now() - start, (double)use.ru_maxrss / 1024, size);
    fuzz_file_close(&file);
}

static void damage(const char *path, unsigned flips, const char *folder)
{
    char what[4400];
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        return;
    size_t size = (size_t)ftell(file);
    uint8_t *whole = malloc(size), *copy = malloc(size);
    rewind(file);
    if (!whole || !copy || size == 0 || fread(whole, 1, size, file) != size)
        abort();
    fclose(file);
    for (size_t percent = 0; percent < 100; percent++) {
        snprintf(what, sizeof what, "%s cut at %zu %%", path, percent);
        try_copy(what, whole, size * percent / 100, path, folder);
    }
    for (unsigned flip = 0; flip < flips; flip++) {
        memcpy(copy, whole, size);
        /* Every other time in the header, where a byte decides more. */
        size_t reach = flip % 2 && size > 4096 ? 4096 : size;
        for (int change = 1 + rand() % 8; change > 0; change--)
            copy[(size_t)rand() % reach] ^= (uint8_t)(1 + rand() % 255);
        snprintf(what, sizeof what, "%s with flips number %u", path, flip);
        try_copy(what, copy, size, NULL, folder);
    }
    free(whole);
    free(copy);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return SM_USAGE;
    srand((unsigned)atoi(argv[1]));
    for (int n = 4; n < argc; n++)
        damage(argv[n], (unsigned)atoi(argv[2]), argv[3]);
    printf("%zu copies: %zu read, %zu refused, %zu silent; at most %.2f s, %.0f MiB\n", sum.copies, sum.count[READ],
           sum.count[REFUSED], sum.count[SILENT], sum.seconds, sum.mib);
    return 0;
}
