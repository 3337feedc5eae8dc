/* Prompts: texts, files, and voxel indices of a volume. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pipeline/prompts_internal.h"

/* 40 x 30 x 20 voxels of 1 x 2 x 3 mm, LPS, voxel 0 at -10, -20, -30. */
static const struct sm_grid plain = {
    .dim = {40, 30, 20},
    .affine_lps = {{1, 0, 0, -10}, {0, 2, 0, -20}, {0, 0, 3, -30}, {0, 0, 0, 1}}};

static enum sm_status parse_for(struct sm_prompts *prompts, const char *picture, const char *text, struct sm_err *err)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    enum sm_status status = prompts_from_json(prompts, json, "d/file.mrk.json", picture, err);
    json_decref(json);
    return status;
}

static enum sm_status parse(struct sm_prompts *prompts, const char *text, struct sm_err *err)
{
    return parse_for(prompts, NULL, text, err);
}

/* The sentence that refuses `text`, as a file, on the plain grid. */
static void refused(const char *text, enum sm_status expected, const char *words)
{
    struct sm_prompts prompts = {0};
    struct sm_err err = {0};
    enum sm_status status = parse(&prompts, text, &err);
    if (!status)
        status = sm_prompts_resolve(&prompts, &plain, &err);
    if (status != expected || !strstr(err.message, words))
        fail_msg("%s: status %d, \"%s\", expected %d, \"%s\"", text, status, err.message, expected, words);
    sm_prompts_free(&prompts);
}

static void assert_index(const double ijk[3], double i, double j, double k)
{
    if (ijk[0] != i || ijk[1] != j || ijk[2] != k)
        fail_msg("%.17g,%.17g,%.17g is not %g,%g,%g", ijk[0], ijk[1], ijk[2], i, j, k);
}

static void texts_of_the_command_line(void **state)
{
    (void)state;
    struct sm_prompts prompts = {0};
    struct sm_err err;
    assert_int_equal(sm_prompts_add_box(&prompts, "liver=9,8,7,1,2,3", SM_SPACE_VOXEL, &err), SM_OK);
    assert_int_equal(sm_prompts_add_point(&prompts, "a=b=4,5,6", true, SM_SPACE_VOXEL, &err), SM_OK);
    assert_int_equal(sm_prompts_add_point(&prompts, "liver=4,5,6", false, SM_SPACE_VOXEL, &err), SM_OK);
    assert_int_equal(prompts.count, 2);
    assert_string_equal(prompts.objects[1].name, "a=b");
    assert_false(prompts.objects[0].points[0].positive);
    assert_int_equal(sm_prompts_resolve(&prompts, &plain, &err), SM_OK);
    assert_index(prompts.objects[0].boxes[0].corner[0], 1, 2, 3);
    assert_index(prompts.objects[0].boxes[0].corner[1], 9, 8, 7);
    assert_int_equal(prompts.objects[0].id, 1);
    assert_int_equal(prompts.objects[1].id, 2);
    sm_prompts_free(&prompts);
}

static void bad_texts(void **state)
{
    static const char *const boxes[] = {"", "=1,2,3,4,5,6", "liver", "liver=", "liver=1,2,3,4,5",
                                        "liver=1,2,3,4,5,6,7", "liver=1,2,3,4,5,x", "liver=1,2,3,4,5,nan",
                                        "liver=1,2,3,4,5,inf", "liver=1,2,3,4,5,1e99", "liver=1,2,3,4,5,6 ",
                                        "li\nver=1,2,3,4,5,6"};
    struct sm_prompts prompts = {0};
    struct sm_err err;
    (void)state;
    for (size_t n = 0; n < sizeof boxes / sizeof *boxes; n++) {
        err.message[0] = 0;
        assert_int_equal(sm_prompts_add_box(&prompts, boxes[n], SM_SPACE_VOXEL, &err), SM_USAGE);
        assert_true(strlen(err.message) > 20);
    }
    assert_int_equal(prompts.count, 0);
    sm_prompts_free(&prompts);
}

static void own_file(void **state)
{
    struct sm_prompts prompts = {0};
    struct sm_err err = {0};
    (void)state;
    assert_int_equal(parse(&prompts, "{\"objects\": [{\"name\": \"a\", \"id\": 7, \"boxes\": [[1,2,3,4,5,6]],"
                                     "\"points\": [[1,2,3,1],[4,5,6,0]]}, {\"name\": \"b\", \"space\": "
                                     "\"ras\", \"points\": [[10,20,-30,1]]}, {\"name\": \"c\", \"mask\": "
                                     "\"m.nii\", \"mask_label\": 3}]}", &err), SM_OK);
    assert_int_equal(sm_prompts_resolve(&prompts, &plain, &err), SM_OK);
    assert_int_equal(prompts.objects[0].id, 7);
    assert_int_equal(prompts.objects[1].id, 2);
    assert_int_equal(prompts.objects[0].point_count, 2);
    assert_true(prompts.objects[0].points[0].positive);
    assert_false(prompts.objects[0].points[1].positive);
    assert_index(prompts.objects[1].points[0].position, 0, 0, 0);
    assert_string_equal(prompts.objects[2].mask_path, "d/m.nii");
    assert_int_equal(prompts.objects[2].mask_value, 3);
    sm_prompts_free(&prompts);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sm_status status;
        const char *words;
    } rows[] = {
        {"{}", SM_CORRUPT, "no prompts"},
        {"[1]", SM_CORRUPT, "no prompts"},
        {"{\"objects\": 3}", SM_CORRUPT, "should be a list"},
        {"{\"objects\": []}", SM_USAGE, "no prompts"},
        {"{\"objects\": [4]}", SM_CORRUPT, "name"},
        {"{\"objects\": [{\"name\": 4}]}", SM_CORRUPT, "name"},
        {"{\"objects\": [{\"name\": \"\"}]}", SM_USAGE, "empty name"},
        {"{\"objects\": [{\"name\": \"a\"}]}", SM_USAGE, "\"a\" has no prompt"},
        {"{\"objects\": [{\"name\": \"a\", \"point\": [[1,2,3,1]]}]}", SM_CORRUPT, "\"point\""},
        {"{\"objects\": [{\"name\": \"a\", \"points\": [[1,2,3]]}]}", SM_CORRUPT, "4 numbers"},
        {"{\"objects\": [{\"name\": \"a\", \"points\": [[1,2,3,2]]}]}", SM_CORRUPT, "ends in 2"},
        {"{\"objects\": [{\"name\": \"a\", \"points\": [[1,2,\"3\",1]]}]}", SM_CORRUPT, "not a number"},
        {"{\"objects\": [{\"name\": \"a\", \"points\": 5}]}", SM_CORRUPT, "list of lists"},
        {"{\"objects\": [{\"name\": \"a\", \"boxes\": [[1,2,3,4,5,1e300]]}]}", SM_CORRUPT, "1e+300"},
        {"{\"objects\": [{\"name\": \"a\", \"id\": 0, \"points\": [[1,2,3,1]]}]}", SM_CORRUPT, "65535"},
        {"{\"objects\": [{\"name\": \"a\", \"id\": 65536, \"points\": [[1,2,3,1]]}]}", SM_CORRUPT, "65535"},
        {"{\"objects\": [{\"name\": \"a\", \"id\": 1.5, \"points\": [[1,2,3,1]]}]}", SM_CORRUPT, "65535"},
        {"{\"objects\": [{\"name\": \"a\", \"id\": 9223372036854775807, \"points\": [[1,2,3,1]]}]}", SM_CORRUPT, "65535"},
        {"{\"space\": \"mni\", \"objects\": []}", SM_CORRUPT, "\"space\""},
        {"{\"objects\": [{\"name\": \"a\", \"points\": [[1,2,3,0]]}]}", SM_USAGE, "excluded points only"},
        {"{\"objects\": [{\"name\": \"a\", \"points\": [[40,2,3,1]]}]}", SM_USAGE,
         "\"a\" lies outside the volume: voxel 40,2,3, but indices go from 0,0,0 to 39,29,19"},
        {"{\"objects\": [{\"name\": \"a\", \"boxes\": [[0,0,-1,5,5,5]]}]}", SM_USAGE, "outside the volume"},
        {"{\"space\": \"lps\", \"objects\": [{\"name\": \"a\", \"boxes\": [[500,0,0,505,5,5]]}]}", SM_USAGE, "outside"},
        {"{\"objects\": [{\"name\": \"a\", \"id\": 2, \"points\": [[1,2,3,1]]}, {\"name\": \"b\", \"id\": 2, \"points\": [[1,2,3,1]]}]}",
         SM_USAGE, "\"a\" and \"b\" both have id 2"},
        {"{\"objects\": [{\"name\": \"a\", \"mask\": 4}]}", SM_CORRUPT, "file name"},
        {"{\"markups\": [{\"type\": \"Curve\"}]}", SM_UNSUPPORTED, "\"Curve\""},
        {"{\"markups\": [{\"type\": \"ROI\", \"coordinateSystem\": \"IJK\"}]}", SM_UNSUPPORTED, "\"IJK\""},
        {"{\"markups\": [{\"type\": \"ROI\", \"coordinateUnits\": \"inch\"}]}", SM_UNSUPPORTED, "\"inch\""},
        {"{\"markups\": [{\"type\": \"ROI\"}]}", SM_CORRUPT, "center"},
        {"{\"markups\": [{\"type\": \"ROI\", \"center\": [0,0,0], \"size\": [1,1,1], \"orientation\": [2,0,0,0,1,0,0,0,1]}]}",
         SM_CORRUPT, "not a rotation"},
        {"{\"markups\": []}", SM_CORRUPT, "markup"},
        {"{\"x.png\": {\"boxes\": [[1,2,3,4]]}}", SM_USAGE, "20 slices"},
        {"{\"x.png\": {\"boxes\": [[1,2,3]]}}", SM_CORRUPT, "four numbers"},
        {"{\"x.png\": {\"point_coords\": [[1,2]], \"point_labels\": [1,0]}}", SM_CORRUPT, "point labels"},
        {"{\"x.png\": {\"boxes\": [[[[[[1,2,3,4]]]]]]}}", SM_CORRUPT, "list of numbers"},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        refused(rows[r].text, rows[r].status, rows[r].words);
}

static void ids_that_were_given_come_first(void **state)
{
    (void)state;
    struct sm_prompts prompts = {0};
    struct sm_err err;
    const int ids[] = {3, 2, 4, 1, 5};
    assert_int_equal(parse(&prompts, "{\"objects\": [{\"name\": \"a\", \"id\": 3, \"points\": [[1,2,3,1]]},"
                                     "{\"name\": \"b\", \"points\": [[1,2,3,1]]}, {\"name\": \"c\", \"points\": [[1,2,3,1]]},"
                                     "{\"name\": \"d\", \"id\": 1, \"points\": [[1,2,3,1]]},"
                                     "{\"name\": \"e\", \"points\": [[1,2,3,1]]}]}", &err), SM_OK);
    assert_int_equal(sm_prompts_resolve(&prompts, &plain, &err), SM_OK);
    for (int o = 0; o < 5; o++)
        assert_int_equal(prompts.objects[o].id, ids[o]);
    sm_prompts_free(&prompts);
}

static void count_warning(void *context, const char *sentence)
{
    (void)sentence;
    ++*(int *)context;
}

static void labels_of_several_files(void **state)
{
    (void)state;
    static const struct {
        const char *path, *name;
        int value;
    } labels[] = {{"a.nii", "label 1", 1}, {"a.nii", "liver", 3}, {"b.nii", "label 1", 1}, {"b.nii", "label 4", 4},
                  {"c.dcm", "liver", 65535}, {"d.dcm", "Segment_1", 65535}};
    static const struct {
        const char *name;
        int id;
    } objects[] = {{"label 1", 2}, {"liver", 3}, {"label 1 (2)", 5}, {"label 4", 4}, {"liver (2)", 65535}, {"Segment_1", 6},
                   {"point", 1}};
    struct sm_prompts prompts = {0};
    int warnings = 0;
    const struct sm_listener listener = {.context = &warnings, .warning = count_warning};
    const struct sm_volume volume = {.grid = plain};
    struct sm_err err;
    for (size_t n = 0; n < sizeof labels / sizeof *labels; n++)
        assert_int_equal(prompts_add_mask_object(&prompts, labels[n].path, labels[n].value, labels[n].name, &listener, &err), SM_OK);
    assert_int_equal(warnings, 2);
    assert_int_equal(prompts_add_mask_object(&prompts, "b.nii", 4, "label 4", &listener, &err), SM_USAGE);
    assert_non_null(strstr(err.message, "give the file once"));
    assert_int_equal(parse(&prompts, "{\"objects\": [{\"name\": \"point\", \"id\": 1, \"points\": [[1,2,3,1]]}]}", &err), SM_OK);
    assert_int_equal(sm_prompts_resolve_in(&prompts, &volume, &listener, &err), SM_OK);
    assert_int_equal(warnings, 6); /* three ids, and a point of no mask's name */
    for (size_t o = 0; o < sizeof objects / sizeof *objects; o++) {
        assert_string_equal(prompts.objects[o].name, objects[o].name);
        assert_int_equal(prompts.objects[o].id, objects[o].id);
    }
    sm_prompts_free(&prompts);
}

static void slicer_points_and_boxes(void **state)
{
    struct sm_prompts prompts = {0};
    struct sm_err err = {0};
    (void)state;
    /* the ROI is turned by 90 degrees about z: 4 mm along P, 12 mm along -L */
    assert_int_equal(parse(&prompts,
        "{\"markups\": [{\"type\": \"Fiducial\", \"coordinateSystem\": \"RAS\", \"coordinateUnits\": \"cm\","
        "\"controlPoints\": [{\"label\": \"F-1\", \"position\": [0, 0, 0], \"positionStatus\": \"defined\"},"
        "{\"label\": \"exclude\", \"position\": [1, 2, -3]}, {\"position\": [0,0,0], \"positionStatus\": \"undefined\"}]},"
        "{\"type\": \"ROI\", \"name\": \"box\", \"coordinateSystem\": \"LPS\", \"center\": [0, 0, 0],"
        "\"orientation\": [0,-1,0,1,0,0,0,0,1], \"size\": [4, 12, 3]}]}", &err), SM_OK);
    assert_int_equal(sm_prompts_resolve(&prompts, &plain, &err), SM_OK);
    assert_string_equal(prompts.objects[0].name, "file");
    assert_int_equal(prompts.objects[0].point_count, 2);
    assert_index(prompts.objects[0].points[0].position, 10, 10, 10);
    assert_index(prompts.objects[0].points[1].position, 0, 0, 0);
    assert_false(prompts.objects[0].points[1].positive);
    assert_string_equal(prompts.objects[1].name, "box");
    /* L -6..6 mm: indices 4..16 of which the outer halves count; P -2..2: 9..11; S -1.5..1.5: voxel 10 */
    assert_index(prompts.objects[1].boxes[0].corner[0], 4, 9, 10);
    assert_index(prompts.objects[1].boxes[0].corner[1], 16, 11, 10);
    sm_prompts_free(&prompts);
}

static void fixed_prompts(void **state)
{
    static const struct sm_grid large = {.dim = {512, 1024, 1},
                                         .affine_lps = {{1}, {0, 1}, {0, 0, 1}, {0, 0, 0, 1}}};
    static const struct sm_grid small = {.dim = {200, 101, 1},
                                         .affine_lps = {{1}, {0, 1}, {0, 0, 1}, {0, 0, 0, 1}}};
    const struct sm_grid *const grids[] = {&large, &small};
    static const double expected[2][3][2] = {{{20, 160}, {199, 803}, {63, 330}},
                                             {{0, 0}, {71, 100}, {3, 5}}};
    (void)state;
    for (int g = 0; g < 2; g++) {
        struct sm_prompts prompts = {0};
        struct sm_err err = {0};
        assert_int_equal(parse_for(&prompts, "some/where/amos_1.png",
                                   "{\"amos_1_liver_000.png\": {\"boxes\": [[10, 40, 100, 201]], "
                                   "\"point_coords\": [[[31, 82]]], \"point_labels\": [[1]]}, "
                                   "\"amos_12_liver_000.png\": {\"boxes\": [[1,2,3,4]]}}", &err), SM_OK);
        assert_int_equal(prompts.count, 1);
        assert_string_equal(prompts.objects[0].name, "liver_000");
        assert_int_equal(sm_prompts_resolve(&prompts, grids[g], &err), SM_OK);
        assert_index(prompts.objects[0].boxes[0].corner[0], expected[g][0][0], expected[g][0][1], 0);
        assert_index(prompts.objects[0].boxes[0].corner[1], expected[g][1][0], expected[g][1][1], 0);
        assert_index(prompts.objects[0].points[0].position, expected[g][2][0], expected[g][2][1], 0);
        sm_prompts_free(&prompts);
    }
}

/* The names of the objects that a picture takes from a file for many, or the sentence that there are none. */
static void objects_of_a_picture(void **state)
{
    static const char text[] =
        "{\"case_1_liver_000.png\": {\"boxes\": [[1,2,3,4]]}, \"case_1_0_liver_000.png\": {\"boxes\": [[1,2,3,4]]},"
        "\"case_1_0_5_001.png\": {\"boxes\": [[1,2,3,4]]}, \"case_1_2_000.png\": {\"boxes\": [[1,2,3,4]]},"
        "\"case_1_left_lung_000\": {\"boxes\": [[1,2,3,4]]}, \"case_11_liver_000.png\": {\"boxes\": [[1,2,3,4]]}}";
    static const struct {
        const char *picture, *names;
    } rows[] = {{"d/case_1.png", "liver_000 2_000 left_lung_000 "},
                {"case_1_0.PNG", "liver_000 5_001 "},
                {"d.1/case_11", "liver_000 "}};
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct sm_prompts prompts = {0};
        struct sm_err err = {0};
        char names[200] = "";
        assert_int_equal(parse_for(&prompts, rows[r].picture, text, &err), SM_OK);
        for (size_t o = 0; o < prompts.count; o++) {
            strcat(names, prompts.objects[o].name);
            strcat(names, " ");
        }
        assert_string_equal(names, rows[r].names);
        sm_prompts_free(&prompts);
    }
    struct sm_prompts prompts = {0};
    struct sm_err err = {0};
    assert_int_equal(parse_for(&prompts, "d/case_2.png", text, &err), SM_USAGE);
    assert_string_equal(err.message, "d/file.mrk.json: none of its 6 objects is of the picture d/case_2.png: SAM-Med2D's "
                                     "prompts go by the names of masks, here \"case_2_LABEL_000.png\" (a label that begins "
                                     "with a number and _ is taken for another slice's), but the first is "
                                     "called \"case_1_liver_000.png\"");
    assert_int_equal(prompts.count, 0);
    sm_prompts_free(&prompts);
}

/* A box in mm on a grid turned by 45 degrees: bounds of its eight corners. */
static void turned_grid(void **state)
{
    double c = sqrt(0.5);
    struct sm_grid grid = {.dim = {50, 50, 10},
                           .affine_lps = {{c, -c, 0, 0}, {c, c, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}};
    struct sm_prompts prompts = {0};
    struct sm_err err = {0};
    (void)state;
    double size = 10 * sqrt(2); /* along L from 0: corners at (0,0), (10,-10), (10,10), (20,0) */
    char text[100];
    snprintf(text, sizeof text, "a=0,%.9g,2,%.9g,%.9g,3", size, size, 2 * size);
    assert_int_equal(sm_prompts_add_box(&prompts, text, SM_SPACE_LPS, &err), SM_OK);
    assert_int_equal(sm_prompts_resolve(&prompts, &grid, &err), SM_OK);
    assert_index(prompts.objects[0].boxes[0].corner[0], 10, 0, 2);
    assert_index(prompts.objects[0].boxes[0].corner[1], 30, 20, 3);
    sm_prompts_free(&prompts);
}

/* A point between two voxels goes to the same one, whichever way the axis is stored. */
static void ties_do_not_depend_on_storage(void **state)
{
    struct sm_grid flipped = plain;
    flipped.affine_lps[0][0] = -1;
    flipped.affine_lps[0][3] = -10 + 39;
    const struct sm_grid *const grids[] = {&plain, &flipped};
    double lps[2][3];
    (void)state;
    for (int g = 0; g < 2; g++) {
        struct sm_prompts prompts = {0};
        struct sm_err err = {0};
        assert_int_equal(sm_prompts_add_point(&prompts, "a=2.5,0,0", true, SM_SPACE_LPS, &err), SM_OK);
        assert_int_equal(sm_prompts_resolve(&prompts, grids[g], &err), SM_OK);
        sm_grid_to_lps(grids[g], prompts.objects[0].points[0].position, lps[g]);
        sm_prompts_free(&prompts);
    }
    assert_index(lps[0], 3, 0, 0);
    assert_index(lps[1], 3, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_the_command_line),
        cmocka_unit_test(bad_texts),
        cmocka_unit_test(own_file),
        cmocka_unit_test(refusals),
        cmocka_unit_test(ids_that_were_given_come_first),
        cmocka_unit_test(labels_of_several_files),
        cmocka_unit_test(slicer_points_and_boxes),
        cmocka_unit_test(fixed_prompts),
        cmocka_unit_test(objects_of_a_picture),
        cmocka_unit_test(turned_grid),
        cmocka_unit_test(ties_do_not_depend_on_storage),
    };
    return cmocka_run_group_tests_name("prompts", tests, NULL, NULL);
}
