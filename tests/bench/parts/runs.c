/* `sammed2d segment` as its users run it, a program of its own each time: on a generated CT and a
 * weights file made by the hash rule, both in a directory for the while. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/digest.h"
#include "base/json.h"
#include "bench/parts/bench.h"
#include "lib/hash_weights.h"
#include "model/save.h"
#include "nn/nn.h"

enum { SIDE = 512, MOST_OBJECTS = 10, THREAD_SLICES = 20 };
const int object_counts[OBJECTS] = {1, MOST_OBJECTS};

/* ---- files, gone at the end ---- */

enum file { FILE_CT, FILE_FEW, FILE_SLICE, FILE_WEIGHTS, FILE_LABELS, FILE_LABELS_JSON, FILES };
static const char *const file_names[FILES] = {"ct.nii", "few.nii", "slice.nii", "weights.h5", "labels.nii.gz",
                                              "labels.json"};
static char directory[256], paths[FILES][300];

static void remove_files(void)
{
    for (int i = 0; i < FILES; i++)
        unlink(paths[i]);
    rmdir(directory);
}

static void on_signal(int number)
{
    remove_files();
    _exit(128 + number);
}

static void make_directory(void)
{
    const char *where = getenv("TMPDIR");
    if (directory[0])
        return;
    snprintf(directory, sizeof directory, "%s/sammed2d-bench-XXXXXX", where ? where : "/tmp");
    if (!mkdtemp(directory))
        give_up("%s cannot be made: %s", directory, strerror(errno));
    for (int i = 0; i < FILES; i++)
        snprintf(paths[i], sizeof paths[i], "%s/%s", directory, file_names[i]);
    atexit(remove_files);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
}

/* ---- the CT: a body with bones, and a column for each object through all slices; noise ---- */

/* Column n: where it is, and half its width. Two rows of five. */
static void column_of(int n, int *x, int *y, int *half)
{
    *x = 120 + 68 * (n % 5);
    *y = 200 + 110 * (n / 5);
    *half = 18 + 2 * n;
}

static bool in_column(int x, int y)
{
    for (int n = 0; n < MOST_OBJECTS; n++) {
        int cx, cy, half;
        column_of(n, &cx, &cy, &half);
        if ((x - cx) * (x - cx) + (y - cy) * (y - cy) < half * half)
            return true;
    }
    return false;
}

static void draw_slice(int16_t *voxels, int k)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            double u = (x - 256) / 220.0, v = (y - 256) / 180.0, r = u * u + v * v;
            int noise = (int)(hash_mix((uint64_t)(k * SIDE + y) * SIDE + (uint64_t)x) % 41) - 20;
            int value = r > 1 ? -1000 : r > 0.9 ? 700 : in_column(x, y) ? 120 : 40;
            voxels[y * SIDE + x] = (int16_t)(value + noise);
        }
}

/* Source: nifti1.h; byte offsets of its fields, little-endian. */
static void write_ct(const char *path, int slices)
{
    char header[352] = {0};
    const int32_t size = 348;
    const int16_t dim[8] = {3, SIDE, SIDE, (int16_t)slices, 1, 1, 1, 1}, type[2] = {4, 16}, forms[2] = {0, 1};
    const float pixdim[8] = {1, 0.8f, 0.8f, 2.5f}, offset = 352;
    const float rows[3][4] = {{-0.8f, 0, 0, 200}, {0, -0.8f, 0, 200}, {0, 0, 2.5f, -100}};
    memcpy(header, &size, 4), memcpy(header + 40, dim, 16), memcpy(header + 70, type, 4);
    memcpy(header + 76, pixdim, 32), memcpy(header + 108, &offset, 4), memcpy(header + 252, forms, 4);
    memcpy(header + 280, rows, 48), memcpy(header + 344, "n+1", 4);
    header[123] = 2; /* mm */
    FILE *file = fopen(path, "wb");
    int16_t *voxels = room(SIDE * SIDE * sizeof *voxels);
    bool ok = file && fwrite(header, sizeof header, 1, file) == 1;
    for (int k = 0; ok && k < slices; k++) {
        draw_slice(voxels, k);
        ok = fwrite(voxels, sizeof *voxels, SIDE * SIDE, file) == SIDE * SIDE;
    }
    if (!ok || fclose(file))
        give_up("%s cannot be written: %s", path, strerror(errno));
    free(voxels);
}

static void write_weights(const struct bench *b)
{
    struct h5_out *out;
    struct sm_err err;
    if (access(paths[FILE_WEIGHTS], R_OK) == 0)
        return;
    struct sm_model *model = network_model(b, SM_PRECISION_FLOAT32);
    if (h5_create(&out, paths[FILE_WEIGHTS], &err) || model_save(model, out, NULL, NULL, &err) ||
        h5_commit(out, &err))
        give_up("%s", err.message);
    sm_model_close(model);
}

/* ---- a run ---- */

struct run {
    const char *input;
    int slices, objects, threads;
    bool processor_time;
    double seconds, peak_mb, read, encode, decode, write;
    char digest[65]; /* of the label map */
};

enum { BOX_TEXT = 80, FIXED_WORDS = 12 };

static void program_path(char *path, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", path, size - 1);
    path[n < 0 ? 0 : n] = 0;
    char *slash = strrchr(path, '/');
    snprintf(slash ? slash + 1 : path, size - (size_t)(slash ? slash + 1 - path : 0), "sammed2d");
}

/* The child becomes the program, its standard output the pipe. */
static void become(const struct run *run, int pipe_end)
{
    static char program[1024], threads[16], boxes[MOST_OBJECTS][BOX_TEXT];
    const char *words[FIXED_WORDS + 2 * MOST_OBJECTS + 1] = {
        program, "segment", run->input, "-o", paths[FILE_LABELS], "-w", paths[FILE_WEIGHTS], "--threads",
        threads, "--json", "-q"};
    int n = FIXED_WORDS - 1;
    program_path(program, sizeof program);
    snprintf(threads, sizeof threads, "%d", run->threads);
    for (int i = 0; i < run->objects; i++) {
        int x, y, half;
        column_of(i, &x, &y, &half);
        snprintf(boxes[i], BOX_TEXT, "object%d=%d,%d,0,%d,%d,%d", i + 1, x - half, y - half, x + half,
                 y + half, run->slices - 1);
        words[n++] = "--box";
        words[n++] = boxes[i];
    }
    dup2(pipe_end, STDOUT_FILENO);
    execv(program, (char *const *)words);
    fprintf(stderr, "bench: %s cannot be run: %s\n", program, strerror(errno));
    _exit(127);
}

static double seconds_of(const json_t *json, const char *name)
{
    return json_number_value(json_object_get(json_object_get(json, "seconds"), name));
}

static void read_answer(struct run *run, int pipe_end)
{
    FILE *file = fdopen(pipe_end, "r");
    json_error_t error;
    json_t *json = file ? json_loadf(file, 0, &error) : NULL;
    if (!json)
        give_up("sammed2d segment gave no JSON");
    run->read = seconds_of(json, "read");
    run->encode = seconds_of(json, "encode");
    run->decode = seconds_of(json, "decode");
    run->write = seconds_of(json, "write");
    json_decref(json);
    fclose(file);
}

static double processor_seconds(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           1e-6 * (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
}

/* Random weights leave objects empty now and then: status 3, and all the work was done. */
static void run_segment(struct run *run)
{
    int ends[2], status;
    struct rusage usage;
    struct sm_err err;
    double start = wall();
    if (pipe(ends))
        give_up("no pipe: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0)
        become(run, ends[1]);
    close(ends[1]);
    read_answer(run, ends[0]);
    if (child < 0 || wait4(child, &status, 0, &usage) < 0 || !WIFEXITED(status) ||
        (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 3))
        give_up("sammed2d segment failed");
    run->seconds = run->processor_time ? processor_seconds(&usage) : wall() - start;
    run->peak_mb = (double)usage.ru_maxrss / 1024;
    if (digest_file(paths[FILE_LABELS], run->digest, &err))
        give_up("%s", err.message);
}

/* ---- rounds ---- */

static void note_run(struct bench *b, struct measurement *m, struct run_seconds *s, const struct run *run,
                     char first_digest[65], double rate)
{
    bool same = first_digest[0] == 0 || strcmp(first_digest, run->digest) == 0;
    m->units = run->slices;
    measured(m, run->seconds, rate, false);
    if (!run->processor_time) { /* the program's own clock is the wall's */
        sample(&s->read, run->read), sample(&s->encode, run->encode);
        sample(&s->decode, run->decode), sample(&s->write, run->write);
        sample(&s->outside, run->seconds - run->encode - run->decode);
    }
    *(same ? &b->verified : &b->failed) += 1;
    if (!same)
        fprintf(stderr, "bench: the same segment run gave another label map\n");
    strcpy(first_digest, run->digest);
    if (!(b->peak_mb[PART_SEGMENT] >= run->peak_mb))
        b->peak_mb[PART_SEGMENT] = run->peak_mb;
}

void bench_segment(struct bench *b)
{
    char digests[OBJECTS + 1][65] = {""};
    make_directory();
    write_weights(b);
    write_ct(paths[FILE_CT], b->slices);
    write_ct(paths[FILE_SLICE], 1);
    struct run warm = {.input = paths[FILE_SLICE], .slices = 1, .objects = 1, .threads = b->threads,
                       .processor_time = b->processor_time};
    run_segment(&warm); /* the weights come into the page cache */
    for (int round = 0; round < b->rounds; round++) {
        for (int i = 0; i < OBJECTS; i++) {
            struct run run = warm;
            run.input = paths[FILE_CT], run.slices = b->slices, run.objects = object_counts[i];
            double rate = sgemm_rate();
            sample(&b->sgemm, rate);
            run_segment(&run);
            note_run(b, &b->segment[i], &b->segment_seconds[i], &run, digests[i], rate);
        }
        struct run slice = warm;
        double rate = sgemm_rate();
        run_segment(&slice);
        note_run(b, &b->start, &b->start_seconds, &slice, digests[OBJECTS], rate);
    }
}

void bench_segment_threads(struct bench *b)
{
    int slices = b->slices < THREAD_SLICES ? b->slices : THREAD_SLICES;
    make_directory();
    write_weights(b);
    write_ct(paths[FILE_FEW], slices);
    for (int round = 0; round < b->rounds; round++) {
        struct run alone = {.input = paths[FILE_FEW], .slices = slices, .objects = 1, .threads = 1};
        struct run all = alone;
        all.threads = b->threads;
        run_segment(&alone);
        run_segment(&all);
        sample(&b->speedup[SPEEDUP_SEGMENT], alone.seconds / all.seconds);
    }
}
