/* NIfTI in and out: what the library promises its callers. Formats and hostile headers are checked
 * against nibabel by tests/cli/nifti_*.t. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>
#include "base/digest.h"
#include "base/output.h"
#include "nifti/gzip.h"
#include "sammed2d/sammed2d.h"

static char directory[] = "/tmp/sammed2d-nifti-XXXXXX";

static const char *in(const char *name)
{
    static char path[8][256];
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(path[turn], sizeof path[0], "%s/%s", directory, name);
    return path[turn];
}

static const double oblique[4][4] = {
    {-0.9, 0.35, 0.2, 40}, {0.3, 0.85, -0.6, -70}, {-0.25, 0.4, 2.9, 11}, {0, 0, 0, 1}};

/* A volume that came from no NIfTI file. */
static struct sm_volume volume_of(int nx, int ny, int nz, const double a[4][4])
{
    struct sm_grid grid = {.dim = {nx, ny, nz}};
    struct sm_volume volume;
    memcpy(grid.affine_lps, a, sizeof grid.affine_lps);
    assert_int_equal(sm_volume_alloc(&volume, &grid, SM_UINT8, 1, NULL), SM_OK);
    memset(volume.voxels, 0, sm_grid_voxels(&grid));
    return volume;
}

static struct sm_labels labels_of(const struct sm_volume *volume, uint16_t most)
{
    struct sm_labels labels;
    assert_int_equal(sm_labels_alloc(&labels, &volume->grid, NULL), SM_OK);
    for (size_t v = 0; v < sm_grid_voxels(&volume->grid); v++)
        labels.voxels[v] = (uint16_t)(v % (most + 1u));
    return labels;
}

static void labels_survive(void **state)
{
    (void)state;
    static const char *const names[] = {"a.nii", "a.nii.gz"};
    static const uint16_t most[] = {255, 256, 3};
    struct sm_volume volume = volume_of(31, 7, 5, oblique);
    for (int n = 0; n < 2; n++)
        for (int m = 0; m < 3; m++) {
            struct sm_labels labels = labels_of(&volume, most[m]), back;
            struct sm_nifti_info info;
            assert_int_equal(sm_nifti_write_labels(in(names[n]), &labels, &volume, NULL), SM_OK);
            assert_int_equal(sm_nifti_info(&info, in(names[n]), NULL, NULL), SM_OK);
            assert_string_equal(info.type_name, most[m] > 255 ? "uint16" : "uint8");
            assert_int_equal(sm_nifti_read_labels(&back, in(names[n]), NULL, NULL), SM_OK);
            assert_memory_equal(back.voxels, labels.voxels, 31 * 7 * 5 * sizeof *back.voxels);
            assert_true(sm_grid_equal(&back.grid, &volume.grid, 1e-5)); /* float32 header */
            sm_labels_free(&back);
            sm_labels_free(&labels);
        }
    sm_volume_free(&volume);
}

/* A sheared grid has no qform; a rotated one has, and both say the same. */
static void forms_of_a_grid(void **state)
{
    (void)state;
    double c = cos(0.3), s = sin(0.3);
    const double rotated[4][4] = {{0.7 * c, -2 * s, 0, 1}, {0.7 * s, 2 * c, 0, 2}, {0, 0, -3, 3},
                                  {0, 0, 0, 1}};
    for (int shear = 0; shear < 2; shear++) {
        struct sm_volume volume = volume_of(4, 3, 2, shear ? oblique : rotated), read;
        struct sm_labels labels = labels_of(&volume, 3);
        assert_int_equal(sm_nifti_write_labels(in("f.nii"), &labels, &volume, NULL), SM_OK);
        assert_int_equal(sm_nifti_read(&read, in("f.nii"), -1, NULL, NULL), SM_OK);
        assert_int_equal(read.nifti.sform_code, 1);
        assert_int_equal(read.nifti.qform_code, !shear);
        assert_true(read.nifti.pixdim[3] > 0);
        if (!shear)
            assert_true(read.nifti.pixdim[0] == 1 || read.nifti.pixdim[0] == -1);
        sm_volume_free(&read);
        sm_labels_free(&labels);
        sm_volume_free(&volume);
    }
}

static void warned(void *context, const char *sentence)
{
    snprintf(context, 512, "%s", sentence);
}

/* With the sform taken away, the qform that was written must put the voxels in the same place. */
static void qform_says_the_same(void **state)
{
    (void)state;
    char sentence[512] = "";
    const struct sm_listener listener = {.context = sentence, .warning = warned};
    for (int mirror = 0; mirror < 2; mirror++) {
        double c = cos(2.9), s = sin(2.9), z = mirror ? -3 : 3;
        const double rotated[4][4] = {{0.7 * c, 0, -z * s, 1}, {0, 2, 0, 2}, {0.7 * s, 0, z * c, 3},
                                      {0, 0, 0, 1}};
        struct sm_volume volume = volume_of(40, 30, 20, rotated), read;
        struct sm_labels labels = labels_of(&volume, 3);
        const int16_t none = 0;
        assert_int_equal(sm_nifti_write_labels(in("q.nii"), &labels, &volume, NULL), SM_OK);
        FILE *file = fopen(in("q.nii"), "r+b");
        fseek(file, 254, SEEK_SET); /* sform_code */
        fwrite(&none, sizeof none, 1, file);
        fclose(file);
        assert_int_equal(sm_nifti_read(&read, in("q.nii"), -1, &listener, NULL), SM_OK);
        assert_true(sm_grid_equal(&read.grid, &volume.grid, 1e-4));
        assert_string_equal(sentence, "");
        sm_volume_free(&read);
        sm_labels_free(&labels);
        sm_volume_free(&volume);
    }
}

static void same_labels_same_bytes(void **state)
{
    (void)state;
    struct sm_volume volume = volume_of(31, 17, 5, oblique);
    struct sm_labels labels = labels_of(&volume, 9);
    char first[65], second[65];
    assert_int_equal(sm_nifti_write_labels(in("one.nii.gz"), &labels, &volume, NULL), SM_OK);
    sleep(1); /* a gzip header with a time would show it */
    assert_int_equal(sm_nifti_write_labels(in("two.nii.gz"), &labels, &volume, NULL), SM_OK);
    assert_int_equal(digest_file(in("one.nii.gz"), first, NULL), SM_OK);
    assert_int_equal(digest_file(in("two.nii.gz"), second, NULL), SM_OK);
    assert_string_equal(first, second);
    sm_labels_free(&labels);
    sm_volume_free(&volume);
}

static void refuses_other_grids_and_names(void **state)
{
    (void)state;
    struct sm_volume volume = volume_of(4, 3, 2, oblique), other = volume_of(4, 3, 3, oblique);
    struct sm_labels labels = labels_of(&volume, 1);
    struct sm_err err;
    assert_int_equal(sm_nifti_write_labels(in("x.nii"), &labels, &other, &err), SM_USAGE);
    assert_int_equal(sm_nifti_write_labels(in("x.img"), &labels, &volume, &err), SM_USAGE);
    assert_non_null(strstr(err.message, ".nii.gz"));
    assert_int_equal(sm_nifti_write_labels("/nowhere/x.nii", &labels, &volume, &err), SM_OUTPUT);
    assert_int_not_equal(access(in("x.nii"), F_OK), 0);
    sm_labels_free(&labels);
    sm_volume_free(&volume);
    sm_volume_free(&other);
}

static enum sm_status count_up(void *context, int v, float *out, struct sm_err *err)
{
    int fail_at = *(int *)context;
    if (v == fail_at)
        return sm_fail(err, SM_INTERRUPTED, "stopped");
    for (int n = 0; n < 24; n++)
        out[n] = (float)(100 * v + n) / 8;
    return SM_OK;
}

static void floats_survive(void **state)
{
    (void)state;
    struct sm_volume like = volume_of(4, 3, 2, oblique), read;
    int never = -1;
    assert_int_equal(sm_nifti_write_floats(in("p.nii.gz"), &like, 3, count_up, &never, NULL), SM_OK);
    assert_int_equal(sm_nifti_read(&read, in("p.nii.gz"), -1, NULL, NULL), SM_UNSUPPORTED);
    for (int v = 0; v < 3; v++) {
        float expected[24];
        count_up(&never, v, expected, NULL);
        assert_int_equal(sm_nifti_read(&read, in("p.nii.gz"), v, NULL, NULL), SM_OK);
        assert_int_equal(read.type, SM_FLOAT32);
        assert_memory_equal(read.voxels, expected, sizeof expected);
        sm_volume_free(&read);
    }
    sm_volume_free(&like);
}

static void a_failing_fill_leaves_nothing(void **state)
{
    (void)state;
    struct sm_volume like = volume_of(4, 3, 2, oblique);
    struct sm_err err;
    int second = 1;
    assert_int_equal(sm_nifti_write_floats(in("n.nii"), &like, 3, count_up, &second, &err),
                     SM_INTERRUPTED);
    assert_int_not_equal(access(in("n.nii"), F_OK), 0);
    sm_volume_free(&like);
}

/* A disk that is full, as a limit on the size of a file. */
static void an_existing_file_survives_a_full_disk(void **state)
{
    (void)state;
    struct sm_volume volume = volume_of(64, 64, 20, oblique);
    struct sm_labels labels = labels_of(&volume, 7);
    struct sm_err err;
    struct rlimit before, little = {4096, RLIM_INFINITY};
    FILE *file = fopen(in("old.nii"), "w");
    fputs("old", file);
    fclose(file);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    little.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_FSIZE, &little);
    enum sm_status status = sm_nifti_write_labels(in("old.nii"), &labels, &volume, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(status, SM_OUTPUT);
    struct stat left;
    assert_int_equal(stat(in("old.nii"), &left), 0);
    assert_int_equal(left.st_size, 3);
    sm_labels_free(&labels);
    sm_volume_free(&volume);
}

static void long_axes_become_nifti_2(void **state)
{
    (void)state;
    struct sm_volume volume = volume_of(40000, 1, 2, oblique);
    struct sm_labels labels = labels_of(&volume, 5), back;
    struct sm_nifti_info info;
    assert_int_equal(sm_nifti_write_labels(in("long.nii.gz"), &labels, &volume, NULL), SM_OK);
    assert_int_equal(sm_nifti_info(&info, in("long.nii.gz"), NULL, NULL), SM_OK);
    assert_int_equal(info.version, 2);
    assert_int_equal(sm_nifti_read_labels(&back, in("long.nii.gz"), NULL, NULL), SM_OK);
    assert_memory_equal(back.voxels, labels.voxels, 80000 * sizeof *back.voxels);
    sm_labels_free(&back);
    sm_labels_free(&labels);
    sm_volume_free(&volume);
}

static enum sm_status one_value(void *context, int v, float *out, struct sm_err *err)
{
    (void)v;
    (void)err;
    for (int n = 0; n < 24; n++)
        out[n] = 3;
    out[17] = *(float *)context;
    return SM_OK;
}

static void what_is_no_label_is_refused(void **state)
{
    (void)state;
    static const float wrong[] = {-1, 0.5f, 65536, NAN, INFINITY}, right[] = {0, 65535};
    struct sm_volume like = volume_of(4, 3, 2, oblique);
    struct sm_labels labels;
    struct sm_err err;
    for (size_t w = 0; w < sizeof wrong / sizeof *wrong; w++) {
        float value = wrong[w];
        assert_int_equal(sm_nifti_write_floats(in("w.nii"), &like, 1, one_value, &value, NULL), SM_OK);
        assert_int_equal(sm_nifti_read_labels(&labels, in("w.nii"), NULL, &err), SM_UNSUPPORTED);
        assert_non_null(strstr(err.message, "voxel 1,1,1 is"));
    }
    for (size_t r = 0; r < sizeof right / sizeof *right; r++) {
        float value = right[r];
        assert_int_equal(sm_nifti_write_floats(in("w.nii"), &like, 1, one_value, &value, NULL), SM_OK);
        assert_int_equal(sm_nifti_read_labels(&labels, in("w.nii"), NULL, NULL), SM_OK);
        assert_int_equal(labels.voxels[17], right[r]);
        sm_labels_free(&labels);
    }
    sm_volume_free(&like);
}

static void what_is_not_there(void **state)
{
    (void)state;
    struct sm_volume volume;
    struct sm_err err;
    assert_int_equal(sm_nifti_read(&volume, in("nothing.nii"), -1, NULL, &err), SM_NOT_FOUND);
    assert_non_null(strstr(err.message, "nothing.nii"));
    assert_int_equal(sm_nifti_read(&volume, directory, -1, NULL, &err), SM_NOT_FOUND);
    assert_non_null(strstr(err.message, "directory"));
    mkfifo(in("pipe.nii"), 0600);
    assert_int_equal(sm_nifti_read(&volume, in("pipe.nii"), -1, NULL, &err), SM_NOT_FOUND);
    assert_non_null(strstr(err.message, "regular"));
    assert_null(volume.voxels);
}

static void there_is_no_such_volume(void **state)
{
    (void)state;
    struct sm_volume like = volume_of(4, 3, 2, oblique), read;
    struct sm_err err;
    int never = -1;
    assert_int_equal(sm_nifti_write_floats(in("v.nii"), &like, 2, count_up, &never, NULL), SM_OK);
    assert_int_equal(sm_nifti_read(&read, in("v.nii"), 2, NULL, &err), SM_USAGE);
    assert_non_null(strstr(err.message, "no volume 2"));
    sm_volume_free(&like);
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static enum sm_status to_output(void *output, const void *bytes, size_t count, struct sm_err *err)
{
    return output_write(output, bytes, count, err);
}

/* zlib itself reads what several threads deflated, about every size where a block or a row of them ends. */
static void gzip_streams_are_whole(void **state)
{
    enum { BLOCK = 256 << 10, ROW = 16 * BLOCK };
    static const size_t sizes[] = {0, 1, BLOCK - 1, BLOCK, BLOCK + 1, ROW - 1, ROW, ROW + 1, 2 * ROW + 7};
    size_t most = 2 * ROW + 7;
    unsigned char *bytes = malloc(most), *got = malloc(most + 1);
    char path[64];
    (void)state;
    snprintf(path, sizeof path, "%s/stream.gz", directory);
    for (size_t n = 0; n < most; n++) /* noise, then what repeats over the ends of blocks */
        bytes[n] = n % 100000 < 30000 ? (unsigned char)((n * n) >> 7 ^ n * 2654435761u >> 13) : (unsigned char)(n % 30000);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct output output;
        struct gzip *gzip = gzip_open(to_output, &output);
        size_t third = sizes[s] / 3;
        assert_int_equal(output_open(&output, path, NULL), SM_OK);
        assert_int_equal(gzip_write(gzip, bytes, third, NULL), SM_OK);
        assert_int_equal(gzip_write(gzip, bytes + third, sizes[s] - third, NULL), SM_OK);
        assert_int_equal(gzip_finish(gzip, NULL), SM_OK);
        assert_int_equal(output_commit(&output, NULL), SM_OK);
        gzip_close(gzip);
        gzFile file = gzopen(path, "rb");
        assert_int_equal(gzread(file, got, (unsigned)most + 1), sizes[s]);
        assert_int_equal(gzclose(file), Z_OK); /* its checksum and length are right */
        assert_memory_equal(got, bytes, sizes[s]);
    }
    free(bytes);
    free(got);
}

static int remove_directory(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_survive),
        cmocka_unit_test(forms_of_a_grid),
        cmocka_unit_test(qform_says_the_same),
        cmocka_unit_test(same_labels_same_bytes),
        cmocka_unit_test(refuses_other_grids_and_names),
        cmocka_unit_test(floats_survive),
        cmocka_unit_test(a_failing_fill_leaves_nothing),
        cmocka_unit_test(an_existing_file_survives_a_full_disk),
        cmocka_unit_test(long_axes_become_nifti_2),
        cmocka_unit_test(what_is_no_label_is_refused),
        cmocka_unit_test(what_is_not_there),
        cmocka_unit_test(there_is_no_such_volume),
        cmocka_unit_test(gzip_streams_are_whole),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
