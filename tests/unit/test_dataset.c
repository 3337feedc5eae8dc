/* Labelled data sets: every layout, and JSON files that lie. The pictures are checked by tests/cli/slice.t. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "dataset/components.h"
#include "sammed2d/sammed2d.h"

static char root[64];

static const char *at(const char *name)
{
    static char path[8][300];
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(path[turn], sizeof path[0], "%s/%s", root, name);
    return path[turn];
}

/* The folders on the way, too. */
static const char *make(const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s", at(name));
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(path, 0777);
        *slash = '/';
    }
    return at(name);
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(make(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void png(const char *name, const char *pixels, int width, int height)
{
    assert_int_equal(sm_png_write(make(name), (const uint8_t *)pixels, width, height, 1, NULL), SM_OK);
}

/* 3 x 2 x 2 voxels with these values. `flipped` stores the same voxels with the first axis reversed, `moved` is
 * elsewhere. */
static void nifti(const char *name, const uint16_t values[12], bool flipped, double moved)
{
    struct sm_volume like = {.format = SM_FORMAT_DICOM};
    struct sm_labels labels;
    struct sm_grid grid = {.dim = {3, 2, 2},
                           .affine_lps = {{flipped ? -1 : 1, 0, 0, (flipped ? 2 : 0) + moved}, {0, 1, 0, 0}, {0, 0, 4, 0},
                                          {0, 0, 0, 1}}};
    assert_int_equal(sm_labels_alloc(&labels, &grid, NULL), SM_OK);
    for (int v = 0; v < 12; v++)
        labels.voxels[flipped ? v - v % 3 + 2 - v % 3 : v] = values[v];
    like.grid = grid;
    assert_int_equal(sm_nifti_write_labels(make(name), &labels, &like, NULL), SM_OK);
    sm_labels_free(&labels);
}

static const uint16_t image[12] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 10, 11, 12};
static const uint16_t labels[12] = {0, 1, 2, 2, 3, 0, 0, 0, 1, 1, 3, 0};

static char said[2000];

static void keep(void *context, const char *sentence)
{
    (void)context;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", sentence);
}

static const struct sm_listener listener = {.warning = keep};

static struct sm_dataset *opened(const char *name)
{
    struct sm_dataset *set;
    struct sm_err err = {0};
    said[0] = 0;
    if (sm_dataset_open(&set, at(name), &listener, &err))
        fail_msg("%s", err.message);
    return set;
}

static void refused(const char *name, enum sm_status expected, const char *words)
{
    struct sm_dataset *set = NULL;
    struct sm_err err = {0};
    enum sm_status status = sm_dataset_open(&set, at(name), NULL, &err);
    if (status != expected || !strstr(err.message, words))
        fail_msg("%s: status %d, \"%s\"; expected %d, \"%s\"", name, status, err.message, expected, words);
    assert_null(set);
}

/* "name dataset modality subject split files" of every case. */
static void expect_cases(struct sm_dataset *set, const char *expected)
{
    char text[4000] = "";
    for (size_t n = 0; n < sm_dataset_cases(set); n++) {
        const struct sm_case *c = sm_dataset_case(set, n);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s %s %s %s#%zu %s %zu\n", c->name, c->dataset,
                 *c->modality ? c->modality : "-", c->subject, c->subject_number, *c->split ? c->split : "-",
                 c->file_count);
    }
    assert_string_equal(text, expected);
}

/* "id name voxels" of every object. */
static void expect_objects(struct sm_dataset *set, size_t index, const char *expected)
{
    struct sm_volume volume;
    struct sm_label_set objects;
    struct sm_err err = {0};
    char text[1000] = "";
    if (sm_dataset_read(set, index, &volume, &objects, NULL, &err))
        fail_msg("%s", err.message);
    for (size_t n = 0; n < objects.count; n++) {
        const struct sm_label *label = &objects.labels[n];
        size_t length = strlen(text);
        length += (size_t)snprintf(text + length, sizeof text - length, "%d %s ", label->id, label->name);
        assert_true(sm_grid_equal(&label->map->grid, &volume.grid, 1e-4));
        for (size_t v = 0; v < sm_grid_voxels(&volume.grid); v++)
            text[length++] = label->map->voxels[v] == label->value ? '#' : '.';
        snprintf(text + length, sizeof text - length, "\n");
    }
    assert_string_equal(text, expected);
    sm_label_set_free(&objects);
    sm_volume_free(&volume);
}

/* ---- layouts ---- */

static void sa_med2d(void **state)
{
    (void)state;
    png("sam/images/a_0004_75.png", "\1\2\3\4\5\6", 3, 2);
    png("sam/images/ct_00--AMOS--a_0007--x_0012.png", "\1\2\3\4\5\6", 3, 2);
    png("sam/masks/a_0004_75_liver_000.png", "\0\0\xff\0\xff\xff", 3, 2);
    png("sam/masks/a_0004_75_rib_left_9_001.png", "\1\0\0\1\0\0", 3, 2);
    png("sam/masks/a_0004_75_nothing_000.png", "\0\0\0\0\0\0", 3, 2);
    png("sam/masks/ct_00--AMOS--a_0007--x_0012--0004_000.png", "\0\1\0\0\0\0", 3, 2);
    put("sam/label2image_test.json", /* paths as where the program is started, under another name of the folder */
        "{\"data_demo/masks/a_0004_75_liver_000.png\": \"data_demo/images/a_0004_75.png\","
        "\"data_demo/masks/a_0004_75_nothing_000.png\": \"data_demo/images/a_0004_75.png\","
        "\"data_demo/masks/a_0004_75_rib_left_9_001.png\": \"data_demo/images/a_0004_75.png\","
        "\"data_demo/masks/a_0004_75_gone_000.png\": \"data_demo/images/a_0004_75.png\"}");
    put("sam/image2label_train.json",
        "{\"data_demo/images/ct_00--AMOS--a_0007--x_0012.png\":"
        " [\"data_demo/masks/ct_00--AMOS--a_0007--x_0012--0004_000.png\"]}");
    struct sm_dataset *set = opened("sam");
    expect_cases(set, "a_0004_75 sam - a_0004#1 test 3\n"
                      "ct_00--AMOS--a_0007--x_0012 AMOS CT AMOS--a_0007#0 train 1\n");
    assert_non_null(strstr(said, "a file is not there: data_demo/masks/a_0004_75_gone_000.png"));
    expect_objects(set, 0, "1 liver ..#.##\n3 rib_left_9 #..#..\n");
    expect_objects(set, 1, "1 0004 .#....\n");
    assert_true(sm_dataset_case(set, 0)->picture);
    assert_non_null(strstr(sm_dataset_case(set, 0)->files[2], "rib_left_9_001.png"));
    sm_dataset_close(set);
    set = opened("sam/image2label_train.json");
    assert_int_equal(sm_dataset_cases(set), 1);
    sm_dataset_close(set);
}

/* The same image and masks in both files: one case, of no split. */
static void sa_med2d_both(void **state)
{
    (void)state;
    png("both/images/a_1.png", "\1\2", 2, 1);
    png("both/masks/a_1_x_000.png", "\0\1", 2, 1);
    put("both/label2image_test.json", "{\"both/masks/a_1_x_000.png\": \"both/images/a_1.png\"}");
    put("both/image2label_train.json", "{\"both/images/a_1.png\": [\"both/masks/a_1_x_000.png\"]}");
    struct sm_dataset *set = opened("both");
    expect_cases(set, "a_1 both - a#0 - 1\n");
    sm_dataset_close(set);
    png("both/masks/a_1_x_000.png", "\0\x7f", 2, 1);
    struct sm_volume volume;
    struct sm_label_set objects;
    struct sm_err err;
    set = opened("both");
    assert_int_equal(sm_dataset_read(set, 0, &volume, &objects, NULL, &err), SM_UNSUPPORTED);
    assert_non_null(strstr(err.message, "the value 127"));
    png("both/masks/a_1_x_000.png", "\0\1", 1, 2);
    assert_int_equal(sm_dataset_read(set, 0, &volume, &objects, NULL, &err), SM_USAGE);
    assert_non_null(strstr(err.message, "1 x 2 pixels, and its image 2 x 1"));
    sm_dataset_close(set);
}

static void msd(void **state)
{
    (void)state;
    nifti("msd/imagesTr/h_010.nii.gz", image, false, 0);
    nifti("msd/labelsTr/h_010.nii.gz", labels, true, 0);
    nifti("msd/imagesTr/h_009.nii.gz", image, false, 0);
    nifti("msd/labelsTr/h_009.nii.gz", labels, false, 7);
    put("msd/dataset.json", "{\"name\": \"Hippocampus\", \"modality\": {\"0\": \"MRI\"}, \"subjects\": \"pairs\","
                            "\"labels\": {\"0\": \"background\", \"1\": \"Anterior\", \"2\": \"ignore\"}, \"training\": ["
                            "{\"image\": \"./imagesTr/h_010.nii.gz\", \"label\": \"./labelsTr/h_010.nii.gz\"},"
                            "{\"image\": \"./imagesTr/h_009.nii.gz\", \"label\": \"./labelsTr/h_009.nii.gz\"}], \"test\": []}");
    struct sm_dataset *set = opened("msd");
    expect_cases(set, "h_009 Hippocampus MR h_5#0 train 1\nh_010 Hippocampus MR h_5#0 train 1\n");
    expect_objects(set, 1, "1 Anterior .#......##..\n3 label 3 ....#.....#.\n");
    struct sm_volume volume;
    struct sm_label_set objects;
    struct sm_err err;
    assert_int_equal(sm_dataset_read(set, 0, &volume, &objects, NULL, &err), SM_USAGE);
    assert_non_null(strstr(err.message, "another grid"));
    assert_null(volume.voxels);
    sm_dataset_close(set);
}

static void nnunet(void **state)
{
    (void)state;
    const char *images[] = {"nn/imagesTr/c_1_0000.nii", "nn/imagesTr/c_1_0001.nii", "nn/imagesTr/c_2_0000.nii",
                            "nn/imagesTr/c_2_0001.nii", "nn/imagesTs/c_3_0000.nii", "nn/imagesTs/c_3_0001.nii"};
    for (int n = 0; n < 6; n++)
        nifti(images[n], n % 2 ? labels : image, false, 0);
    nifti("nn/labelsTr/c_1.nii", labels, false, 0);
    nifti("nn/labelsTr/c_2.nii", labels, false, 0);
    nifti("nn/labelsTr/c_9.nii", labels, false, 0);
    nifti("nn/labelsTs/c_3.nii", labels, false, 0);
    put("nn/dataset.json", "{\"channel_names\": {\"0\": \"CT\", \"1\": \"T2\"}, \"file_ending\": \".nii\", \"numTraining\": 2,"
                           "\"labels\": {\"background\": 0, \"whole\": [1, 2, 3], \"core\": [2, 3], \"rest\": 9},"
                           "\"regions_class_order\": [1, 2, 3]}");
    struct sm_dataset *set = opened("nn");
    expect_cases(set, "c_1 nn CT c_1#0 train 1\nc_2 nn CT c_2#1 train 1\nc_3 nn CT c_3#2 test 1\n");
    assert_non_null(strstr(said, "imagesTr/c_9.nii"));
    expect_objects(set, 0, "1 whole .####...###.\n2 core ..###.....#.\n");
    assert_int_equal(sm_dataset_set_channel(set, 1, NULL), SM_OK);
    assert_non_null(strstr(sm_dataset_case(set, 1)->image, "c_2_0001.nii"));
    assert_string_equal(sm_dataset_case(set, 1)->modality, "MR");
    struct sm_err err;
    assert_int_equal(sm_dataset_set_channel(set, 2, &err), SM_NOT_FOUND);
    assert_non_null(strstr(err.message, "_0002"));
    assert_non_null(strstr(sm_dataset_case(set, 1)->image, "c_2_0001.nii"));
    sm_dataset_close(set);
}

static void folders(void **state)
{
    (void)state;
    png("us_two/images/10.png", "\5\6", 2, 1);
    png("us_two/images/9.png", "\5\6", 2, 1);
    png("us_two/images/alone.png", "\5\6", 2, 1);
    png("us_two/masks/10.png", "\2\1", 2, 1);
    png("us_two/masks/9.png", "\0\2", 2, 1);
    put("us_two/labels.json", "{\"1\": \"nerve\", \"2\": \"vessel\"}");
    struct sm_dataset *set = opened("us_two");
    expect_cases(set, "9 us_two US 9#0 - 1\n10 us_two US 10#1 - 1\n");
    expect_objects(set, 1, "1 nerve .#\n2 vessel #.\n");
    assert_non_null(strstr(said, "alone"));
    sm_dataset_close(set);
}

/* One case a folder, some broken, and a layout of many beside them. */
static void folder_of_folders(void **state)
{
    (void)state;
    nifti("many/mr_a/image.nii", image, false, 0);
    nifti("many/mr_a/label.nii", labels, false, 0);
    put("many/mr_a/labels.json", "{\"image\": \"image.nii\", \"label\": \"label.nii\", \"labels\": {\"1\": \"one\"}}");
    put("many/deep/b/labels.json", "{\"image\": \"../../mr_a/image.nii\", \"label\": \"../../mr_a/label.nii\","
                                   "\"subject\": \"p7\", \"modality\": \"MRI\"}");
    put("many/broken/labels.json", "{\"image\": \"image.nii\", \"label\": ");
    png("many/us/images/1.png", "\5\6", 2, 1);
    png("many/us/labels/1.png", "\0\6", 2, 1);
    mkdir(at("many/empty"), 0777);
    struct sm_dataset *set = opened("many");
    expect_cases(set, "deep/b b MR p7#1 - 1\nmr_a mr_a MR mr_a#0 - 1\nus/1 us - us/1#2 - 1\n");
    sm_dataset_close(set);
}

/* ---- subjects ---- */

static void subjects(void **state)
{
    (void)state;
    const char *names[] = {"P1_a", "P1_b", "P2_a", "P10_a", "P10_b"};
    char name[64];
    for (int n = 0; n < 5; n++) {
        snprintf(name, sizeof name, "sub/images/%s.png", names[n]);
        png(name, "\5\6", 2, 1);
        snprintf(name, sizeof name, "sub/labels/%s.png", names[n]);
        png(name, "\0\6", 2, 1);
    }
    struct sm_dataset *set = opened("sub");
    struct sm_err err;
    assert_int_equal(sm_dataset_set_subjects(set, "^(P[0-9]+)_", &err), SM_OK);
    const size_t expected[] = {0, 0, 1, 2, 2};
    for (size_t n = 0; n < 5; n++) {
        assert_int_equal(sm_dataset_case(set, n)->subject_number, expected[n]);
        assert_int_equal(sm_dataset_held_out(set, n, 2), expected[n] != 1);
        assert_false(sm_dataset_held_out(set, n, 0));
    }
    assert_string_equal(sm_dataset_case(set, 4)->subject, "P10");
    assert_int_equal(sm_dataset_set_subjects(set, "^P1_", &err), SM_USAGE);
    assert_non_null(strstr(err.message, "P2_a"));
    assert_int_equal(sm_dataset_set_subjects(set, "(", &err), SM_USAGE);
    assert_int_equal(sm_dataset_set_subjects(set, "name", &err), SM_OK);
    assert_int_equal(sm_dataset_case(set, 4)->subject_number, 4);
    sm_dataset_close(set);
    put("sub/labels.json", "{\"labels\": {\"6\": \"x\"}, \"subjects\": {\"P1_a\": \"A\", \"P1_b\": \"B\", \"P2_a\": \"A\", "
                           "\"P10_a\": \"B\", \"P10_b\": \"C\"}}");
    set = opened("sub");
    assert_int_equal(sm_dataset_case(set, 2)->subject_number, 0);
    assert_int_equal(sm_dataset_case(set, 3)->subject_number, 1);
    sm_dataset_close(set);
}

/* ---- what is not there, and what lies ---- */

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *file, *text, *open;
        enum sm_status status;
        const char *words;
    } rows[] = {
        {"bad/x.txt", "", "bad", SM_NOT_FOUND, "looked for label2image_*.json"},
        {"bad/x.txt", "", "bad/x.txt", SM_NOT_FOUND, "neither a folder nor a JSON file"},
        {"bad/x.txt", "", "nowhere", SM_NOT_FOUND, "No such file"},
        {"b1/label2image_test.json", "[1]", "b1", SM_CORRUPT, "not SA-Med2D's"},
        {"b1/label2image_test.json", "{\"a\": 3}", "b1", SM_CORRUPT, "not SA-Med2D's"},
        {"b1/label2image_test.json", "{\"a\": [\"b\", 3]}", "b1", SM_CORRUPT, "not SA-Med2D's"},
        {"b1/label2image_test.json", "{\"a\": \"\"}", "b1", SM_CORRUPT, "not SA-Med2D's"},
        {"b1/label2image_test.json", "{\"a\": ", "b1", SM_CORRUPT, "line 1"},
        {"b1/label2image_test.json", "{\"m.png\": \"../../../../etc/passwd\"}", "b1/label2image_test.json", SM_NOT_FOUND,
         "../../../../etc/passwd"},
        {"b1/label2image_test.json", "{\"m.png\": \"/dev/zero\"}", "b1/label2image_test.json", SM_NOT_FOUND, "/dev/zero"},
        {"b2/dataset.json", "{}", "b2", SM_CORRUPT, "\"labels\""},
        {"b2/dataset.json", "[]", "b2", SM_CORRUPT, "\"labels\""},
        {"b2/dataset.json", "{\"labels\": 7}", "b2", SM_CORRUPT, "\"labels\""},
        {"b2/dataset.json", "{\"labels\": {\"a\": -1}}", "b2", SM_CORRUPT, "whole number"},
        {"b2/dataset.json", "{\"labels\": {\"a\": 65536}}", "b2", SM_CORRUPT, "whole number"},
        {"b2/dataset.json", "{\"labels\": {\"a\": 1.5}}", "b2", SM_CORRUPT, "whole number"},
        {"b2/dataset.json", "{\"labels\": {\"a\": 1e300}}", "b2", SM_CORRUPT, "whole number"},
        {"b2/dataset.json", "{\"labels\": {\"a\": []}}", "b2", SM_CORRUPT, "whole number"},
        {"b2/dataset.json", "{\"labels\": {\"a\": [[1]]}}", "b2", SM_CORRUPT, "whole number"},
        {"b2/dataset.json", "{\"labels\": {}, \"training\": 5}", "b2", SM_CORRUPT, "\"training\""},
        {"b2/dataset.json", "{\"labels\": {}, \"training\": [5]}", "b2", SM_CORRUPT, "\"training\""},
        {"b2/dataset.json", "{\"labels\": {}, \"dataset\": []}", "b2", SM_CORRUPT, "\"dataset\""},
        {"b2/dataset.json", "{\"labels\": {}, \"training\": [{\"image\": \"/etc/passwd\", \"label\": \"/etc/passwd\"}]}",
         "b2", SM_NOT_FOUND, "none of its cases"},
        {"b2/dataset.json", "{\"labels\": {}}", "b2", SM_NOT_FOUND, "labelsTr"},
        {"b3/labels.json", "{\"image\": 3}", "b3", SM_CORRUPT, "\"image\""},
        {"b3/labels.json", "{\"image\": \"gone\", \"label\": \"gone\"}", "b3", SM_NOT_FOUND, "b3/gone"},
        {"b3/labels.json", "{\"image\": \"/\", \"label\": \"labels.json\"}", "b3", SM_NOT_FOUND, "\"image\""},
        {"b3/labels.json", "{\"image\": \"..\", \"label\": \"labels.json\"}", "b3", SM_NOT_FOUND, "\"image\""},
        {"b3/labels.json", "{\"image\": \"/dev/zero\", \"label\": \"labels.json\"}", "b3", SM_NOT_FOUND, "\"image\""},
        {"us_two/labels.json", "{\"1\": 7, \"2\": {}}", "us_two", SM_CORRUPT, "whole number"},
        {"us_two/labels.json", "{\"labels\": {\"1\": \"a\"}, \"subjects\": 7}", "us_two", SM_CORRUPT, "\"subjects\""},
        {"us_two/labels.json", "{\"labels\": {\"1\": \"a\"}, \"subjects\": \"(a*)*b\"}", "us_two", SM_CORRUPT, "\"subjects\""},
        {"us_two/labels.json", "{\"labels\": {\"1\": \"a\"}, \"subjects\": {\"10\": \"p\"}}", "us_two", SM_CORRUPT, "\"9\""},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        put(rows[r].file, rows[r].text);
        refused(rows[r].open, rows[r].status, rows[r].words);
    }
}

/* ---- components ---- */

static void components(void **state)
{
    (void)state;
    static const uint16_t picture[] = {
        1, 0, 1, 0, 2,
        0, 1, 0, 2, 0, /* the ones touch at corners only, and the twos go on below */
        0, 0, 0, 1, 2,
        1, 1, 0, 0, 2,
    };
    static const uint32_t expected[] = {1, 0, 1, 0, 2, 0, 1, 0, 2, 0, 0, 0, 0, 3, 2, 4, 4, 0, 0, 2};
    struct components c;
    assert_int_equal(components_alloc(&c, 5, 4, NULL), SM_OK);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(components_find(&c, picture, NULL), SM_OK);
        assert_int_equal(c.count, 4);
        assert_memory_equal(c.id, expected, sizeof expected);
        assert_int_equal(c.list[1].pixels, 4);
        assert_int_equal(c.list[1].value, 2);
    }
    components_free(&c);
}

static int start(void **state)
{
    (void)state;
    strcpy(root, "/tmp/sammed2d-dataset-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int take_away(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static int end(void **state)
{
    (void)state;
    return nftw(root, take_away, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sa_med2d), cmocka_unit_test(sa_med2d_both), cmocka_unit_test(msd), cmocka_unit_test(nnunet),
        cmocka_unit_test(folders), cmocka_unit_test(folder_of_folders), cmocka_unit_test(subjects),
        cmocka_unit_test(refusals), cmocka_unit_test(components),
    };
    return cmocka_run_group_tests_name("dataset", tests, start, end);
}
