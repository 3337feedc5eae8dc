/* Volumes that are worked on while their voxels arrive, and label maps that leave slice by slice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "lib/small_model.h"
#include "nn/nn.h"
#include "sammed2d/dicom.h"
#include "sammed2d/input.h"
#include "sammed2d/model.h"
#include "sammed2d/nifti.h"
#include "sammed2d/segment.h"

enum { NX = 20, NY = 18, NZ = 13 };
static char directory[] = "/tmp/test_arrival.XXXXXX";
static const char *const series = "data/ct-dicom/series";

static const char *in(const char *name)
{
    static char path[4][128];
    static int turn;
    snprintf(path[turn = (turn + 1) % 4], sizeof *path, "%s/%s", directory, name);
    return path[turn];
}

static const struct sm_grid grid = {.dim = {NX, NY, NZ},
                                    .affine_lps = {{1, 0, 0, -9}, {0, 1, 0, 4}, {0, 0, 4, 2}, {0, 0, 0, 1}}};

static int16_t value(size_t v)
{
    size_t i = v % NX, j = v / NX % NY;
    return (int16_t)(v * 37 % 19 + (i >= 5 && i < 12 && j >= 4 && j < 13 ? 300 : 0));
}

static size_t slice_bytes(const struct sm_volume *volume)
{
    return (size_t)volume->grid.dim[0] * (size_t)volume->grid.dim[1] * sm_voxel_type_bytes(volume->type);
}

static void same_slices(const struct sm_volume *a, const struct sm_volume *b, int first, int last)
{
    size_t bytes = slice_bytes(a);
    for (int k = first; k <= last; k++)
        assert_memory_equal((char *)a->voxels + (size_t)k * bytes, (char *)b->voxels + (size_t)k * bytes, bytes);
}

/* ---- readers ---- */

static void write_numbers(const char *path)
{
    struct sm_labels labels;
    const struct sm_volume like = {.grid = grid};
    assert_int_equal(sm_labels_alloc(&labels, &grid, NULL), SM_OK);
    for (size_t v = 0; v < sm_grid_voxels(&grid); v++)
        labels.voxels[v] = (uint16_t)(v * 2654435761u >> 7);
    assert_int_equal(sm_nifti_write_labels(path, &labels, &like, NULL), SM_OK);
    sm_labels_free(&labels);
}

static void nifti_in_pieces(void **state)
{
    (void)state;
    for (int gz = 0; gz < 2; gz++) {
        const char *path = in(gz ? "v.nii.gz" : "v.nii");
        struct sm_volume whole, pieces;
        write_numbers(path);
        assert_int_equal(sm_input_read(&whole, path, -1, NULL, NULL, NULL), SM_OK);
        assert_null(whole.supply);
        assert_int_equal(sm_input_open(&pieces, path, -1, NULL, NULL, NULL), SM_OK);
        assert_non_null(pieces.supply);
        for (int k = 4; k >= 2; k--) { /* backwards: those before come along */
            assert_int_equal(sm_volume_load(&pieces, k, k, NULL), SM_OK);
            same_slices(&pieces, &whole, 0, k);
        }
        assert_int_equal(sm_volume_load_all(&pieces, NULL), SM_OK);
        assert_null(pieces.supply);
        same_slices(&pieces, &whole, 0, NZ - 1);
        sm_volume_free(&whole);
        sm_volume_free(&pieces);
    }
}

/* What is there can be worked with; that the rest is not comes out when it is asked for, and every time. */
static void a_cut_file_fails_when_read(void **state)
{
    const char *path = in("cut.nii.gz");
    struct sm_volume volume;
    struct sm_err err = {0};
    char command[400];
    (void)state;
    write_numbers(in("v.nii.gz"));
    snprintf(command, sizeof command, "head -c -3000 %s > %s", in("v.nii.gz"), path);
    assert_int_equal(system(command), 0);
    assert_int_equal(sm_input_open(&volume, path, -1, NULL, NULL, NULL), SM_OK);
    assert_int_equal(sm_volume_load(&volume, 0, 0, &err), SM_OK);
    for (int n = 0; n < 2; n++) {
        assert_int_equal(sm_volume_load(&volume, NZ - 1, NZ - 1, &err), SM_CORRUPT);
        assert_non_null(strstr(err.message, "cut short"));
        assert_int_equal(sm_volume_load_all(&volume, NULL), SM_CORRUPT);
    }
    sm_volume_free(&volume);
    assert_int_equal(sm_input_read(&volume, path, -1, NULL, NULL, &err), SM_CORRUPT);
    assert_null(volume.voxels);
}

static void dicom_in_pieces(void **state)
{
    struct sm_volume whole, pieces;
    int failures = 0;
    (void)state;
    assert_int_equal(sm_input_read(&whole, series, -1, NULL, NULL, NULL), SM_OK);
    assert_int_equal(sm_input_open(&pieces, series, -1, NULL, NULL, NULL), SM_OK);
    assert_non_null(pieces.supply);
    int slices = whole.grid.dim[2];
#pragma omp parallel for schedule(dynamic, 1) num_threads(4) reduction(+ : failures)
    for (int n = 0; n < 2 * slices; n++) { /* each twice, in any order */
        int k = n * 7 % slices;
        size_t at = (size_t)k * slice_bytes(&whole);
        failures += sm_volume_load(&pieces, k, k, NULL) != SM_OK ||
                    memcmp((char *)whole.voxels + at, (char *)pieces.voxels + at, slice_bytes(&whole)) != 0;
    }
    assert_int_equal(failures, 0);
    assert_int_equal(sm_volume_load_all(&pieces, NULL), SM_OK);
    assert_null(pieces.supply);
    same_slices(&pieces, &whole, 0, slices - 1);
    sm_volume_free(&whole);
    sm_volume_free(&pieces);
}

static void a_dicom_file_that_is_gone(void **state)
{
    struct sm_volume volume;
    struct sm_err err = {0};
    char command[300];
    (void)state;
    snprintf(command, sizeof command, "cp -r %s %s/series", series, directory);
    assert_int_equal(system(command), 0);
    assert_int_equal(sm_input_open(&volume, in("series"), -1, NULL, NULL, &err), SM_OK);
    assert_int_equal(unlink(in("series/slice05.dcm")), 0);
    for (int n = 0; n < 2; n++) {
        assert_int_equal(sm_volume_load_all(&volume, &err), SM_CORRUPT);
        assert_non_null(strstr(err.message, "slice05.dcm"));
    }
    sm_volume_free(&volume); /* frees the study too */
    assert_int_equal(sm_input_open(&volume, in("series"), -1, NULL, NULL, NULL), SM_OK);
    sm_volume_free(&volume); /* without ever having loaded it */
}

/* ---- the slice loop ---- */

/* A volume whose slices come one by one. The last one waits, at most for a minute, until the first has left. */
struct trickle {
    struct sm_supply supply;
    pthread_mutex_t lock;
    pthread_cond_t left;
    bool wait, timed_out;
    int slices_left; /* handed on by the slice loop, all whole then */
    int broken;      /* slice that cannot be read, or -1 */
    int fail_at;     /* slice whose handing on fails, or -1 */
    int loads[NZ];
    uint16_t seen[NZ][NX * NY]; /* labels as they left */
    struct sm_prompts prompts;  /* which the result refers to */
};

static enum sm_status trickle_load(struct sm_supply *supply, int first, int last, struct sm_err *err)
{
    struct trickle *t = (struct trickle *)supply;
    struct timespec until;
    enum sm_status status = SM_OK;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    pthread_mutex_lock(&t->lock);
    for (int k = first; k <= last; k++) {
        t->loads[k]++;
        if (k == t->broken)
            status = sm_fail(err, SM_CORRUPT, "slice %d is broken", k);
    }
    while (t->wait && last == NZ - 1 && !t->slices_left && !t->timed_out)
        t->timed_out = pthread_cond_timedwait(&t->left, &t->lock, &until) != 0;
    pthread_mutex_unlock(&t->lock);
    return status;
}

static void trickle_free(struct sm_supply *supply)
{
    (void)supply;
}

static enum sm_status leave(void *context, const struct sm_labels *labels, int k, struct sm_err *err)
{
    struct trickle *t = context;
    pthread_mutex_lock(&t->lock);
    bool in_order = k == t->slices_left++;
    memcpy(t->seen[k], labels->voxels + (size_t)k * NX * NY, sizeof t->seen[k]);
    pthread_cond_broadcast(&t->left);
    pthread_mutex_unlock(&t->lock);
    if (!in_order)
        return sm_fail(err, SM_CORRUPT, "slice %d out of order", k);
    return k == t->fail_at ? sm_fail(err, SM_OUTPUT, "no room for slice %d", k) : SM_OK;
}

static struct sm_model *model;

static enum sm_status run(struct trickle *t, struct sm_result **result, const char *box, enum sm_plane plane,
                          enum sm_propagate propagate, const struct sm_grid *on, struct sm_err *err)
{
    struct sm_volume volume;
    struct sm_segment_options options = {.propagate = propagate, .plane = plane, .slice_done = leave, .context = t};
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->left, NULL);
    t->supply = (struct sm_supply){trickle_load, trickle_free};
    assert_int_equal(sm_volume_alloc(&volume, on, SM_INT16, 1, NULL), SM_OK);
    for (size_t v = 0; v < sm_grid_voxels(on); v++)
        ((int16_t *)volume.voxels)[v] = value(v);
    volume.format = SM_FORMAT_NIFTI;
    volume.supply = &t->supply;
    assert_int_equal(sm_prompts_add_box(&t->prompts, box, SM_SPACE_VOXEL, NULL), SM_OK);
    assert_int_equal(sm_prompts_resolve(&t->prompts, &volume.grid, err), SM_OK);
    enum sm_status status = sm_segment(result, model, &volume, &t->prompts, &options, NULL, err);
    sm_volume_free(&volume);
    return status;
}

static void finish(struct trickle *t, struct sm_result *result)
{
    sm_result_free(result);
    sm_prompts_free(&t->prompts);
}

/* The network is at the first slices, and their labels have left, before the last one is read. */
static void reading_and_writing_overlap(void **state)
{
    struct trickle t = {.wait = true, .broken = -1, .fail_at = -1};
    struct sm_result *result;
    struct sm_err err = {0};
    (void)state;
    nn_set_threads(2);
    if (nn_workers(NZ) < 2)
        skip(); /* a sequential BLAS */
    assert_int_equal(run(&t, &result, "a=5,4,0,11,12,11", SM_PLANE_AUTO, SM_PROPAGATE_NONE, &grid, &err), SM_OK);
    assert_false(t.timed_out);
    finish(&t, result);
}

/* Whatever the plane, the file's order and the propagation: each slice leaves once, in order, as it is in the end. */
static void slices_leave_in_order_for_good(void **state)
{
    static const struct {
        const char *box;
        enum sm_plane plane;
        enum sm_propagate propagate;
        bool reversed;
    } rows[] = {
        {"a=5,4,1,11,12,11", SM_PLANE_AXIAL, SM_PROPAGATE_NONE, false},
        {"a=5,4,3,11,12,9", SM_PLANE_AXIAL, SM_PROPAGATE_NONE, true},
        {"a=5,4,6,11,12,6", SM_PLANE_AXIAL, SM_PROPAGATE_BOTH, false},
        {"a=5,4,2,11,12,10", SM_PLANE_CORONAL, SM_PROPAGATE_NONE, false},
        {"a=5,4,2,11,12,10", SM_PLANE_SAGITTAL, SM_PROPAGATE_NONE, true},
        {"a=5,4,7,11,12,7", SM_PLANE_AXIAL, SM_PROPAGATE_NONE, false},
    };
    (void)state;
    for (int threads = 1; threads <= 3; threads++)
        for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
            struct trickle t = {.broken = -1, .fail_at = -1};
            struct sm_grid on = grid;
            struct sm_result *result;
            struct sm_err err = {0};
            on.affine_lps[2][2] = rows[n].reversed ? -4 : 4;
            nn_set_threads(threads);
            if (run(&t, &result, rows[n].box, rows[n].plane, rows[n].propagate, &on, &err) != SM_OK)
                fail_msg("row %zu: %s", n, err.message);
            assert_int_equal(t.slices_left, NZ);
            assert_memory_equal(t.seen, sm_result_labels(result)->voxels, sizeof t.seen);
            for (int k = 0; k < NZ; k++)
                assert_true(t.loads[k] > 0); /* those that nobody asked about too: the file may be damaged there */
            finish(&t, result);
        }
}

static void what_fails_is_told(void **state)
{
    static const struct {
        int broken, fail_at;
        enum sm_status status;
        const char *said;
    } rows[] = {
        {3, -1, SM_CORRUPT, "slice 3 is broken"},    /* where a prompt is */
        {NZ - 1, -1, SM_CORRUPT, "slice 12 is broken"}, /* where none is */
        {-1, 0, SM_OUTPUT, "no room for slice 0"},
        {-1, 5, SM_OUTPUT, "no room for slice 5"},
        {-1, NZ - 1, SM_OUTPUT, "no room for slice 12"},
    };
    (void)state;
    for (int threads = 1; threads <= 2; threads++)
        for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
            struct trickle t = {.broken = rows[n].broken, .fail_at = rows[n].fail_at};
            struct sm_result *result;
            struct sm_err err = {0};
            nn_set_threads(threads);
            assert_int_equal(run(&t, &result, "a=5,4,1,11,12,10", SM_PLANE_AXIAL, SM_PROPAGATE_NONE, &grid, &err),
                             rows[n].status);
            assert_string_equal(err.message, rows[n].said);
            assert_null(result);
            finish(&t, result);
        }
}

/* ---- the writer ---- */

static void a_writer_writes_what_writing_at_once_does(void **state)
{
    static const char *const names[][2] = {{"once.nii.gz", "slices.nii.gz"}, {"once.nii", "slices.nii"}};
    struct sm_labels labels;
    const struct sm_volume like = {.grid = grid};
    char command[400];
    (void)state;
    assert_int_equal(sm_labels_alloc(&labels, &grid, NULL), SM_OK);
    for (uint16_t largest = 200; largest <= 300; largest += 100)
        for (int n = 0; n < 2; n++) {
            struct sm_label_writer *writer;
            for (size_t v = 0; v < sm_grid_voxels(&grid); v++)
                labels.voxels[v] = (uint16_t)(v * v % (largest + 1u));
            labels.voxels[7] = largest;
            assert_int_equal(sm_nifti_write_labels(in(names[n][0]), &labels, &like, NULL), SM_OK);
            char path[128];
            snprintf(path, sizeof path, "%s", in(names[n][1]));
            unlink(path);
            assert_int_equal(sm_label_writer_open(&writer, path, &grid, largest, &like, NULL), SM_OK);
            for (int k = 0; k < NZ; k++)
                assert_int_equal(sm_label_writer_add(writer, labels.voxels + (size_t)k * NX * NY, NULL), SM_OK);
            assert_int_equal(access(path, F_OK), -1); /* nothing is there before it is whole */
            assert_int_equal(sm_label_writer_close(writer, SM_OK, NULL), SM_OK);
            snprintf(command, sizeof command, "cmp %s %s", in(names[n][0]), in(names[n][1]));
            assert_int_equal(system(command), 0);
        }
    sm_labels_free(&labels);
}

static void a_writer_that_is_given_up(void **state)
{
    static const uint16_t slice[NX * NY];
    struct sm_label_writer *writer;
    struct sm_err err = {0};
    const struct sm_volume like = {.grid = grid};
    struct sm_grid other = grid;
    char path[128];
    (void)state;
    snprintf(path, sizeof path, "%s", in("none.nii.gz"));
    other.dim[2]++;
    assert_int_equal(sm_label_writer_open(&writer, path, &other, 1, &like, &err), SM_USAGE);
    assert_null(writer);
    assert_int_equal(sm_label_writer_open(&writer, in("none.png"), &grid, 1, &like, &err), SM_USAGE);
    assert_int_equal(sm_label_writer_open(&writer, path, &grid, 1, &like, &err), SM_OK);
    assert_int_equal(sm_label_writer_close(writer, SM_INTERRUPTED, &err), SM_INTERRUPTED);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(sm_label_writer_open(&writer, in("no/such.nii.gz"), &grid, 1, &like, &err), SM_OK);
    for (int k = 0; k < NZ; k++)
        assert_int_equal(sm_label_writer_add(writer, slice, &err), SM_OK);
    assert_int_equal(sm_label_writer_close(writer, SM_OK, &err), SM_OUTPUT);
    assert_non_null(strstr(err.message, "does not exist"));
    assert_int_equal(sm_label_writer_close(NULL, SM_OK, NULL), SM_OK);
}

/* Whole or not at all. */
static void a_writer_counts_slices(void **state)
{
    static const uint16_t slice[NX * NY];
    const struct sm_volume like = {.grid = grid};
    struct sm_err err = {0};
    char path[128];
    (void)state;
    snprintf(path, sizeof path, "%s", in("count.nii.gz"));
    for (int count = NZ - 1; count <= NZ + 1; count += 2) {
        struct sm_label_writer *writer;
        enum sm_status status = SM_OK;
        assert_int_equal(sm_label_writer_open(&writer, path, &grid, 1, &like, &err), SM_OK);
        for (int k = 0; k < count; k++)
            status = sm_label_writer_add(writer, slice, &err);
        assert_int_equal(status, count > NZ ? SM_USAGE : SM_OK);
        assert_int_equal(sm_label_writer_close(writer, status, &err), SM_USAGE);
        assert_non_null(strstr(err.message, "count.nii.gz"));
        assert_int_equal(access(path, F_OK), -1);
    }
}

static int set_up(void **state)
{
    struct sm_config config = small_config();
    (void)state;
    return mkdtemp(directory) && (model = small_model(&config)) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[300];
    (void)state;
    sm_model_close(model);
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nifti_in_pieces),
        cmocka_unit_test(a_cut_file_fails_when_read),
        cmocka_unit_test(dicom_in_pieces),
        cmocka_unit_test(a_dicom_file_that_is_gone),
        cmocka_unit_test(reading_and_writing_overlap),
        cmocka_unit_test(slices_leave_in_order_for_good),
        cmocka_unit_test(what_fails_is_told),
        cmocka_unit_test(a_writer_writes_what_writing_at_once_does),
        cmocka_unit_test(a_writer_that_is_given_up),
        cmocka_unit_test(a_writer_counts_slices),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
