/* Formats by their bytes, and label sets with their names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/output.h"
#include "sammed2d/input.h"
#include "sammed2d/nifti.h"
#include "sammed2d/picture.h"

static char dir[] = "/tmp/test_input.XXXXXX";

static const char *in(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    char command[300];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static void spill(const char *name, const void *bytes, size_t count)
{
    FILE *file = fopen(in(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void formats_by_bytes(void **state)
{
    (void)state;
    char dicom[132] = {0};
    memcpy(dicom + 128, "DICM", 4);
    const struct {
        const char *name;
        const void *bytes;
        size_t count;
        enum sm_input_format format;
    } rows[] = {
        {"picture.dcm", "\x89PNG\r\n\x1a\n", 8, SM_INPUT_PNG},
        {"image.png", dicom, sizeof dicom, SM_INPUT_DICOM},
        {"x.nii", dicom, sizeof dicom, SM_INPUT_DICOM},
        {"archive", "PK\x03\x04", 4, SM_INPUT_DICOM},
        {"little", "\x5c\x01\0\0", 4, SM_INPUT_NIFTI},
        {"big", "\0\0\x02\x1c", 4, SM_INPUT_NIFTI},
        {"packed", "\x1f\x8b", 2, SM_INPUT_NIFTI},
        {"raw.img", "\x89PNG\r\n\x1a\n", 8, SM_INPUT_NIFTI},
        {"damaged.nii", "x", 1, SM_INPUT_NIFTI},
        {"empty", "", 0, SM_INPUT_UNKNOWN},
        {"text.txt", "hello", 5, SM_INPUT_UNKNOWN},
    };
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        spill(rows[n].name, rows[n].bytes, rows[n].count);
        if (sm_input_detect(in(rows[n].name)) != rows[n].format)
            fail_msg("%s is taken for format %d", rows[n].name, sm_input_detect(in(rows[n].name)));
    }
    assert_int_equal(mkdir(in("folder.nii"), 0700), 0);
    assert_int_equal(sm_input_detect(in("folder.nii")), SM_INPUT_DICOM);
    assert_int_equal(sm_input_detect(in("absent")), SM_INPUT_UNKNOWN);
}

static void what_is_no_input(void **state)
{
    (void)state;
    struct sm_volume volume;
    struct sm_label_set set;
    struct sm_err err;
    spill("text.txt", "hello", 5);
    mkdir(in("nothing"), 0700);
    assert_int_equal(sm_input_read(&volume, in("absent"), -1, NULL, NULL, &err), SM_NOT_FOUND);
    assert_int_equal(sm_input_read(&volume, in("text.txt"), -1, NULL, NULL, &err), SM_NOT_FOUND);
    assert_non_null(strstr(err.message, "neither NIfTI nor PNG nor DICOM"));
    assert_int_equal(sm_label_set_read(&set, in("absent"), NULL, NULL, &err), SM_NOT_FOUND);
    assert_int_equal(sm_label_set_read(&set, in("text.txt"), NULL, NULL, &err), SM_NOT_FOUND);
    assert_non_null(strstr(err.message, "neither a label map (NIfTI) nor a DICOM SEG or RT structure set"));
    assert_int_equal(sm_label_set_read(&set, in("nothing"), NULL, NULL, &err), SM_NOT_FOUND);
    assert_non_null(strstr(err.message, "neither a segmentation (SEG) nor an RT structure set"));
    assert_true(!set.count && !set.maps && !set.labels);
}

static const struct sm_grid grid = {.dim = {3, 2, 2},
                                    .affine_lps = {{1, 0, 0, 5}, {0, 2, 0, 6}, {0, 0, 3, 7}, {0, 0, 0, 1}}};

static void write_map(const char *name, const uint16_t *voxels)
{
    struct sm_labels labels;
    struct sm_volume like = {.grid = grid};
    assert_int_equal(sm_labels_alloc(&labels, &grid, NULL), SM_OK);
    memcpy(labels.voxels, voxels, 12 * sizeof *voxels);
    assert_int_equal(sm_nifti_write_labels(in(name), &labels, &like, NULL), SM_OK);
    sm_labels_free(&labels);
}

static void labels_of_a_map(void **state)
{
    (void)state;
    static const uint16_t voxels[12] = {0, 3, 3, 0, 65535, 0, 0, 0, 3, 0, 0, 2};
    static const char *const sidecars[] = {
        "{\"labels\": [{\"id\": 3, \"name\": \"liver\"}, {\"id\": 9, \"name\": \"not there\"}]}",
        "{\"labels\": {\"3\": \"liver\", \"2\": 5}}"};
    struct sm_label_set set;
    write_map("map.nii.gz", voxels);
    for (int n = 0; n < 2; n++) {
        assert_int_equal(output_text(in("map.json"), sidecars[n], NULL), SM_OK);
        assert_int_equal(sm_label_set_read(&set, in("map.nii.gz"), NULL, NULL, NULL), SM_OK);
        assert_int_equal(set.count, 3);
        assert_int_equal(set.map_count, 1);
        assert_true(sm_grid_equal(&set.maps->grid, &grid, 1e-6));
        assert_null(set.slice_origin_lps);
        static const struct { int id; const char *name; } expected[] = {{2, "label 2"}, {3, "liver"}, {65535, "label 65535"}};
        for (int l = 0; l < 3; l++) {
            assert_int_equal(set.labels[l].id, expected[l].id);
            assert_int_equal(set.labels[l].value, expected[l].id);
            assert_string_equal(set.labels[l].name, expected[l].name);
            assert_ptr_equal(set.labels[l].map, set.maps);
        }
        assert_memory_equal(set.maps->voxels, voxels, sizeof voxels);
        sm_label_set_free(&set);
    }
    spill("map.json", "{ not JSON", 10);
    assert_int_equal(sm_label_set_read(&set, in("map.nii.gz"), NULL, NULL, NULL), SM_OK);
    assert_string_equal(set.labels[1].name, "label 3");
    sm_label_set_free(&set);
    assert_null(set.labels);
}

static void labels_of_an_empty_map(void **state)
{
    (void)state;
    static const uint16_t voxels[12] = {0};
    struct sm_label_set set;
    write_map("empty.nii", voxels);
    assert_int_equal(sm_label_set_read(&set, in("empty.nii"), NULL, NULL, NULL), SM_OK);
    assert_int_equal(set.count, 0);
    assert_int_equal(set.map_count, 1);
    sm_label_set_free(&set);
}

static void labels_of_a_picture(void **state)
{
    (void)state;
    static const uint8_t grey[6] = {0, 7, 7, 0, 255, 0}, colour[18] = {1};
    struct sm_label_set set;
    struct sm_err err;
    assert_int_equal(sm_png_write(in("grey.png"), grey, 3, 2, 1, &err), SM_OK);
    assert_int_equal(sm_label_set_read(&set, in("grey.png"), NULL, NULL, &err), SM_OK);
    assert_int_equal(set.count, 2);
    assert_int_equal(set.labels[0].id, 7);
    assert_int_equal(set.labels[1].id, 255);
    assert_int_equal(set.maps->grid.dim[0], 3);
    assert_int_equal(set.maps->voxels[4], 255);
    sm_label_set_free(&set);
    assert_int_equal(sm_png_write(in("colour.png"), colour, 3, 2, 3, &err), SM_OK);
    assert_int_equal(sm_label_set_read(&set, in("colour.png"), NULL, NULL, &err), SM_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_by_bytes),
        cmocka_unit_test(what_is_no_input),
        cmocka_unit_test(labels_of_a_map),
        cmocka_unit_test(labels_of_an_empty_map),
        cmocka_unit_test(labels_of_a_picture),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
