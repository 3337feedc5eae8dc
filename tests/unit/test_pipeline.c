/* The slice loop on a small volume with the bundled weights, and label maps as prompts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "pipeline/pipeline.h"
#include "sammed2d/nifti.h"

enum { NX = 20, NY = 18, NZ = 5 };
static struct sm_model *model;
static struct sm_volume volume;

static size_t at(int i, int j, int k)
{
    return (size_t)i + NX * ((size_t)j + NY * (size_t)k);
}

static bool in_block(int i, int j, int k)
{
    return i >= 5 && i < 12 && j >= 4 && j < 13 && k >= 1 && k < 4;
}

static int set_up(void **state)
{
    struct sm_grid grid = {.dim = {NX, NY, NZ},
                           .affine_lps = {{1, 0, 0, -9}, {0, 1, 0, 4}, {0, 0, 4, 2}, {0, 0, 0, 1}}};
    struct sm_err err;
    (void)state;
    if (sm_model_open(&model, "weights/default.h5", &err) ||
        sm_volume_alloc(&volume, &grid, SM_INT16, 1, &err))
        return -1;
    volume.format = SM_FORMAT_NIFTI;
    for (int k = 0; k < NZ; k++)
        for (int j = 0; j < NY; j++)
            for (int i = 0; i < NX; i++)
                ((int16_t *)volume.voxels)[at(i, j, k)] =
                    (int16_t)((i * 31 + j * 17 + k * 5) % 19 + (in_block(i, j, k) ? 300 : 0));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sm_volume_free(&volume);
    sm_model_close(model);
    return 0;
}

static void box(struct sm_prompts *prompts, const char *text)
{
    struct sm_err err;
    assert_int_equal(sm_prompts_add_box(prompts, text, SM_SPACE_VOXEL, &err), SM_OK);
}

static struct sm_result *segment(struct sm_prompts *prompts, const struct sm_segment_options *options,
                                 const struct sm_listener *listener, enum sm_status expected)
{
    struct sm_result *result;
    struct sm_err err = {0};
    assert_int_equal(sm_prompts_resolve(prompts, &volume.grid, &err), SM_OK);
    enum sm_status status = sm_segment(&result, model, &volume, prompts, options, listener, &err);
    if (status != expected)
        fail_msg("status %d: %s", status, err.message);
    return result;
}

static void slices_are_encoded_once(void **state)
{
    struct sm_prompts prompts = {0};
    struct sm_segment_options options = {.propagate = SM_PROPAGATE_NONE};
    (void)state;
    box(&prompts, "a=5,4,1,11,12,3");
    box(&prompts, "b=1,1,2,4,4,3");
    box(&prompts, "b=13,10,2,17,15,2");
    struct sm_result *result = segment(&prompts, &options, NULL, SM_OK);
    assert_int_equal(sm_result_encoded(result), 3);
    assert_true(sm_result_has(result, 0, 1));
    assert_false(sm_result_has(result, 1, 1));
    assert_false(sm_result_has(result, 0, 0));
    assert_int_equal(sm_result_prompt(result, 1, 2)->box_count, 2);
    assert_int_equal(sm_result_prompt(result, 1, 3)->box_count, 1);
    const float expected[4] = {5, 4, 12, 13};
    assert_memory_equal(sm_result_prompt(result, 0, 2)->boxes[0], expected, sizeof expected);
    sm_result_free(result);
    sm_prompts_free(&prompts);
}

/* Two boxes together give the higher logit of each alone. */
static void boxes_of_one_object_are_merged(void **state)
{
    static const char *const texts[] = {"a=1,1,2,6,6,2", "a=11,9,2,17,15,2"};
    struct sm_segment_options options = {.propagate = SM_PROPAGATE_NONE};
    float low[3][64 * 64];
    (void)state;
    for (int n = 0; n < 3; n++) {
        struct sm_prompts prompts = {0};
        for (int b = 0; b < 2; b++)
            if (n == 2 || n == b)
                box(&prompts, texts[b]);
        struct sm_result *result = segment(&prompts, &options, NULL, SM_OK);
        memcpy(low[n], result_cell(result, 0, 2)->low_res, sizeof low[n]);
        sm_result_free(result);
        sm_prompts_free(&prompts);
    }
    for (int p = 0; p < 64 * 64; p++)
        assert_true(fabsf(low[2][p] - fmaxf(low[0][p], low[1][p])) < 1e-3f);
}

/* The logits of one box on slice k of what `from` holds. */
static float *logits_of(const struct sm_volume *from, const char *text, double zoom, int mirrors, int k, size_t pixels)
{
    struct sm_prompts prompts = {0};
    struct sm_window window;
    struct sm_err err = {0};
    struct sm_result *result;
    assert_int_equal(sm_window_parse(&window, "150,320", &err), SM_OK); /* the same for a part as for the whole */
    const struct sm_segment_options options = {.propagate = SM_PROPAGATE_NONE, .zoom = zoom, .mirrors = mirrors, .window = window};
    float *logits = malloc(pixels * sizeof *logits);
    box(&prompts, text);
    assert_int_equal(sm_prompts_resolve(&prompts, &from->grid, &err), SM_OK);
    assert_int_equal(sm_segment(&result, model, from, &prompts, &options, NULL, &err), SM_OK);
    assert_int_equal(sm_result_encoded(result), 1);
    sm_result_logits(result, 0, k, logits);
    sm_result_free(result);
    sm_prompts_free(&prompts);
    return logits;
}

static void alloc_slices(struct sm_volume *out, int width, int height)
{
    const struct sm_grid grid = {.dim = {width, height, NZ},
                                 .affine_lps = {{1, 0, 0, -9}, {0, 1, 0, 4}, {0, 0, 4, 2}, {0, 0, 0, 1}}};
    struct sm_err err;
    assert_int_equal(sm_volume_alloc(out, &grid, SM_INT16, 1, &err), SM_OK);
    out->format = SM_FORMAT_NIFTI;
}

/* With a zoom the answer is the mean of that of the whole slice and that of the part around the box, as if the part
 * were a slice of its own: for a box of 8 x 12 pixels, which count as 16, 24 x 24 pixels, moved into the slice. */
static void a_box_is_seen_again_from_near(void **state)
{
    enum { WIDE = 60, HIGH = 54, PART = 24, I0 = 8, J0 = 0 };
    struct sm_volume large = {0}, part = {0};
    (void)state;
    alloc_slices(&large, WIDE, HIGH);
    alloc_slices(&part, PART, PART);
    for (int k = 0; k < NZ; k++)
        for (int j = 0; j < HIGH; j++)
            for (int i = 0; i < WIDE; i++) {
                bool bright = i >= 16 && i < 24 && j >= 5 && j < 17;
                int16_t value = (int16_t)((i * 7 + j * 13) % 23 + (bright ? 300 : 0));
                ((int16_t *)large.voxels)[i + WIDE * (j + HIGH * k)] = value;
                if (i >= I0 && i < I0 + PART && j >= J0 && j < J0 + PART)
                    ((int16_t *)part.voxels)[i - I0 + PART * (j - J0 + PART * k)] = value;
            }
    float *whole = logits_of(&large, "a=16,5,2,23,16,2", 1, 1, 2, WIDE * HIGH);
    float *near = logits_of(&part, "a=8,5,2,15,16,2", 1, 1, 2, PART * PART);
    float *both = logits_of(&large, "a=16,5,2,23,16,2", 1.5, 1, 2, WIDE * HIGH);
    for (int y = 0; y < HIGH; y++)
        for (int x = 0; x < WIDE; x++) {
            bool inside = x >= I0 && x < I0 + PART && y >= J0 && y < J0 + PART;
            float expected = whole[y * WIDE + x];
            if (inside)
                expected = (expected + near[(y - J0) * PART + x - I0]) / 2;
            assert_true(fabsf(both[y * WIDE + x] - expected) < 1e-3f);
        }
    free(whole);
    free(near);
    free(both);
    sm_volume_free(&part);
    sm_volume_free(&large);
}

/* Looked at in all mirror images, a mirrored slice is answered by the mirrored mask, but for rounding; looked at once it
 * is not. A box of 8 x 12 pixels has a part of 24 x 24 from near, which is looked at once: without it. */
static void a_mirrored_slice_has_a_mirrored_answer(void **state)
{
    enum { WIDE = 60, HIGH = 54 };
    struct sm_volume given = {0}, mirrored = {0};
    (void)state;
    alloc_slices(&given, WIDE, HIGH);
    alloc_slices(&mirrored, WIDE, HIGH);
    for (int k = 0; k < NZ; k++)
        for (int j = 0; j < HIGH; j++)
            for (int i = 0; i < WIDE; i++) {
                bool bright = i >= 16 && i < 24 && j >= 5 && j < 17;
                int16_t value = (int16_t)((i * 7 + j * 13) % 23 + (bright ? 300 : 0));
                ((int16_t *)given.voxels)[i + WIDE * (j + HIGH * k)] = value;
                ((int16_t *)mirrored.voxels)[WIDE - 1 - i + WIDE * (HIGH - 1 - j + HIGH * k)] = value;
            }
    for (int mirrors = 1; mirrors <= 4; mirrors *= 4) {
        float *one = logits_of(&given, "a=16,5,2,23,16,2", 1, mirrors, 2, WIDE * HIGH);
        float *other = logits_of(&mirrored, "a=36,37,2,43,48,2", 1, mirrors, 2, WIDE * HIGH);
        float apart = 0;
        for (int p = 0; p < WIDE * HIGH; p++)
            apart = fmaxf(apart, fabsf(one[p] - other[WIDE * HIGH - 1 - p]));
        assert_true(mirrors == 4 ? apart < 1e-3f : apart > 1e-2f);
        free(one);
        free(other);
    }
    sm_volume_free(&mirrored);
    sm_volume_free(&given);
}

/* Of an object with several boxes a part shows one, and the others' insides would be outside there: the higher logit of
 * the whole slice's answers stays what is taken. */
static void several_boxes_are_seen_once(void **state)
{
    struct sm_volume large = {0};
    (void)state;
    alloc_slices(&large, 60, 54);
    for (size_t p = 0; p < (size_t)60 * 54 * NZ; p++)
        ((int16_t *)large.voxels)[p] = (int16_t)(p % 60 > 15 && p % 60 < 40 ? 300 : p % 19);
    float *both[2];
    for (int n = 0; n < 2; n++) {
        struct sm_prompts prompts = {0};
        struct sm_segment_options options = {.propagate = SM_PROPAGATE_NONE, .zoom = n ? 1.5 : 1};
        struct sm_result *result;
        struct sm_err err = {0};
        box(&prompts, "a=10,5,2,45,50,2");
        box(&prompts, "a=20,20,2,27,27,2");
        assert_int_equal(sm_prompts_resolve(&prompts, &large.grid, &err), SM_OK);
        assert_int_equal(sm_segment(&result, model, &large, &prompts, &options, NULL, &err), SM_OK);
        both[n] = malloc(60 * 54 * sizeof(float));
        sm_result_logits(result, 0, 2, both[n]);
        sm_result_free(result);
        sm_prompts_free(&prompts);
    }
    assert_memory_equal(both[0], both[1], 60 * 54 * sizeof(float));
    free(both[0]);
    free(both[1]);
    sm_volume_free(&large);
}

static void a_box_is_carried_and_ends(void **state)
{
    struct sm_prompts prompts = {0};
    struct sm_segment_options options = {0};
    (void)state;
    box(&prompts, "a=5,4,2,11,12,2");
    struct sm_result *result = segment(&prompts, &options, NULL, SM_OK);
    const struct sm_object_result *object = sm_result_object(result, 0);
    assert_int_equal(object->slices[0], 1);
    assert_int_equal(object->slices[1], 3);
    assert_true(sm_result_prompt(result, 0, 1)->propagated);
    assert_false(sm_result_prompt(result, 0, 2)->propagated);
    sm_result_free(result);
    options.propagate = SM_PROPAGATE_UP;
    result = segment(&prompts, &options, NULL, SM_OK);
    assert_int_equal(sm_result_object(result, 0)->slices[0], 2);
    assert_int_equal(sm_result_object(result, 0)->slices[1], 3);
    sm_result_free(result);
    sm_prompts_free(&prompts);
}

/* Several boxes say how far the object goes: boxes between them are interpolated, and the object stays
 * within them unless told otherwise. */
static void boxes_on_key_slices(void **state)
{
    struct sm_prompts prompts = {0};
    struct sm_segment_options options = {0};
    (void)state;
    box(&prompts, "a=3,4,0,8,12,0");
    box(&prompts, "a=7,4,2,12,14,2");
    struct sm_result *result = segment(&prompts, &options, NULL, SM_OK);
    const float expected[4] = {5, 4, 11, 14};
    assert_int_equal(sm_result_encoded(result), 3);
    assert_memory_equal(sm_result_prompt(result, 0, 1)->boxes[0], expected, sizeof expected);
    assert_true(sm_result_prompt(result, 0, 1)->propagated);
    assert_null(sm_result_prompt(result, 0, 3));
    sm_result_free(result);
    options.propagate = SM_PROPAGATE_NONE;
    result = segment(&prompts, &options, NULL, SM_OK);
    assert_int_equal(sm_result_encoded(result), 2);
    sm_result_free(result);
    sm_prompts_free(&prompts);
}

static int directions_on(const struct sm_result *result, int slice)
{
    const struct cell *cell = result_cell(result, 0, slice);
    return cell ? cell->directions : 0;
}

static void how_far_key_slices_reach(void **state)
{
    static const struct {
        const char *boxes[2];
        enum sm_propagate propagate;
        int lower, upper; /* directions on slices 1 and 3 */
    } rows[] = {
        {{"a=5,4,1,11,12,1", "a=5,4,3,11,12,3"}, SM_PROPAGATE_AUTO, 0, 0},
        {{"a=5,4,1,11,12,1", "a=5,4,3,11,12,3"}, SM_PROPAGATE_BOTH, GO_DOWN, GO_UP},
        {{"a=5,4,1,11,12,1", "a=5,4,3,11,12,3"}, SM_PROPAGATE_UP, 0, GO_UP},
        {{"a=5,4,1,11,12,1", "a=5,4,3,11,12,3"}, SM_PROPAGATE_DOWN, GO_DOWN, 0},
        /* side by side, nothing lies between them: followed from both */
        {{"a=1,4,1,7,12,1", "a=12,4,3,18,12,3"}, SM_PROPAGATE_AUTO, GO_UP, GO_DOWN},
        /* as a 3-D box */
        {{"a=5,4,1,11,12,3", NULL}, SM_PROPAGATE_AUTO, 0, 0},
        {{"a=5,4,1,11,12,3", NULL}, SM_PROPAGATE_BOTH, GO_DOWN, GO_UP},
    };
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct sm_prompts prompts = {0};
        struct sm_segment_options options = {.propagate = rows[r].propagate};
        for (int b = 0; b < 2 && rows[r].boxes[b]; b++)
            box(&prompts, rows[r].boxes[b]);
        struct sm_result *result = segment(&prompts, &options, NULL, SM_OK);
        assert_int_equal(directions_on(result, 1), rows[r].lower);
        assert_int_equal(directions_on(result, 3), rows[r].upper);
        sm_result_free(result);
        sm_prompts_free(&prompts);
    }
}

/* Given in another order on the other slice: each box goes on to the one nearest to it. */
static void two_boxes_a_slice_are_paired(void **state)
{
    struct sm_prompts prompts = {0};
    struct sm_segment_options options = {0};
    (void)state;
    box(&prompts, "a=1,1,0,4,4,0");
    box(&prompts, "a=12,9,0,16,15,0");
    box(&prompts, "a=10,9,2,16,15,2");
    box(&prompts, "a=1,3,2,4,6,2");
    struct sm_result *result = segment(&prompts, &options, NULL, SM_OK);
    const float expected[2][4] = {{1, 2, 5, 6}, {11, 9, 17, 16}};
    assert_int_equal(sm_result_prompt(result, 0, 1)->box_count, 2);
    assert_memory_equal(sm_result_prompt(result, 0, 1)->boxes, expected, sizeof expected);
    sm_result_free(result);
    sm_prompts_free(&prompts);
}

struct notes {
    char text[2000];
};

static void keep_note(void *context, const char *sentence)
{
    struct notes *notes = context;
    strncat(notes->text, sentence, sizeof notes->text - strlen(notes->text) - 2);
    strcat(notes->text, "\n");
}

static void notes_say_where_and_why_it_ends(void **state)
{
    struct sm_prompts prompts = {0};
    struct sm_segment_options options = {0};
    struct notes notes = {""};
    const struct sm_listener listener = {.context = &notes, .note = keep_note};
    (void)state;
    box(&prompts, "a=5,4,2,11,12,2");
    sm_result_free(segment(&prompts, &options, &listener, SM_OK));
    assert_non_null(strstr(notes.text, "object \"a\" is carried up to slice 3; it ends before slice 4 because "));
    assert_non_null(strstr(notes.text, "object \"a\" is carried down to slice 1; it ends before slice 0 because "));
    sm_prompts_free(&prompts);
}

/* Above slice 2 two slices are missing; slice 1 lies aside by more than the block is wide. */
static void nothing_is_carried_over_gaps(void **state)
{
    double origin[NZ][3] = {{-1, 4, 2}, {-1, 4, 6}, {-9, 4, 10}, {-9, 4, 22}, {-9, 4, 26}};
    struct sm_prompts prompts = {0};
    struct sm_segment_options options = {0};
    struct notes notes = {""};
    const struct sm_listener listener = {.context = &notes, .note = keep_note};
    (void)state;
    box(&prompts, "a=5,4,2,11,12,2");
    volume.slice_origin_lps = origin;
    struct sm_result *result = segment(&prompts, &options, &listener, SM_OK);
    assert_true(sm_result_has(result, 0, 2));
    assert_false(sm_result_has(result, 0, 1) || sm_result_has(result, 0, 3));
    assert_non_null(strstr(notes.text, "ends before slice 3 because slices are missing in between"));
    assert_non_null(strstr(notes.text, "ends before slice 1 because that slice lies so far aside"));
    sm_result_free(result);
    for (int k = 0; k < NZ; k++) { /* one slice missing, and a little aside: it goes on */
        origin[k][0] = k < 2 ? -7 : -9;
        origin[k][2] = 2 + 4 * (k + (k > 2));
    }
    result = segment(&prompts, &options, NULL, SM_OK);
    assert_true(sm_result_has(result, 0, 1) && sm_result_has(result, 0, 3));
    sm_result_free(result);
    volume.slice_origin_lps = NULL;
    sm_prompts_free(&prompts);
}

static bool always(void *context)
{
    (void)context;
    return true;
}

static void cancelled(void **state)
{
    struct sm_prompts prompts = {0};
    struct sm_segment_options options = {0};
    const struct sm_listener listener = {.cancelled = always};
    (void)state;
    box(&prompts, "a=5,4,2,11,12,2");
    assert_null(segment(&prompts, &options, &listener, SM_INTERRUPTED));
    sm_prompts_free(&prompts);
}

/* The block as label 7, with i and k exchanged and j backwards: the same voxels of the world. */
static void masks_in_another_axis_order(void **state)
{
    char path[] = "/tmp/sammed2d-test-XXXXXX.nii";
    struct sm_grid grid = {.dim = {NZ, NY, NX}};
    struct sm_labels labels;
    struct sm_prompts prompts = {0};
    struct sm_err err = {0};
    (void)state;
    for (int r = 0; r < 4; r++) {
        const double *row = volume.grid.affine_lps[r];
        const double turned[4] = {row[2], -row[1], row[0], row[3] + row[1] * (NY - 1)};
        memcpy(grid.affine_lps[r], turned, sizeof turned);
    }
    assert_int_equal(sm_labels_alloc(&labels, &grid, &err), SM_OK);
    for (int k = 0; k < NZ; k++)
        for (int j = 0; j < NY; j++)
            for (int i = 0; i < NX; i++)
                labels.voxels[(size_t)k + NZ * ((size_t)(NY - 1 - j) + NY * (size_t)i)] =
                    in_block(i, j, k) ? 7 : 0;
    int fd = mkstemps(path, 4);
    assert_true(fd >= 0);
    close(fd);
    struct sm_volume like = {.grid = grid};
    assert_int_equal(sm_nifti_write_labels(path, &labels, &like, &err), SM_OK);
    assert_int_equal(sm_prompts_add_mask(&prompts, path, NULL, &err), SM_OK);
    assert_int_equal(sm_prompts_load_masks(&prompts, &volume, NULL, &err), SM_OK);
    unlink(path);
    assert_int_equal(prompts.count, 1);
    assert_int_equal(prompts.objects[0].mask_id, 7);
    assert_string_equal(prompts.objects[0].name, "label 7");
    for (int k = 0; k < NZ; k++)
        for (int j = 0; j < NY; j++)
            for (int i = 0; i < NX; i++)
                assert_int_equal(prompts.objects[0].mask->voxels[at(i, j, k)], in_block(i, j, k));
    struct sm_segment_options options = {0};
    struct sm_result *result = segment(&prompts, &options, NULL, SM_OK);
    const float expected[4] = {5, 4, 12, 13};
    assert_int_equal(prompts.objects[0].id, 7);
    assert_memory_equal(sm_result_prompt(result, 0, 3)->boxes[0], expected, sizeof expected);
    assert_int_equal(sm_result_encoded(result), 3);
    sm_result_free(result);
    sm_prompts_free(&prompts);
    sm_labels_free(&labels);
}

/* The bundled model answers boxes with the best of three masks and points with its single mask, also when both are on
 * one slice; what the user says holds for both. */
static double apart(const float *x, const float *y, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += fabs(x[i] - y[i]);
    return sum / count;
}

static void which_mask_answers_which_prompt(void **state)
{
    enum { SIDE = 64, FLOATS = SIDE * SIDE };
    float low[3][2][FLOATS]; /* (choice, object) */
    (void)state;
    for (int choice = SM_CHOICE_DEFAULT; choice <= SM_CHOICE_YES; choice++) {
        struct sm_prompts prompts = {0};
        struct sm_segment_options options = {.propagate = SM_PROPAGATE_NONE, .multimask = (enum sm_choice)choice};
        struct sm_err err;
        box(&prompts, "a=5,4,2,11,12,2");
        assert_int_equal(sm_prompts_add_point(&prompts, "b=8,8,2", true, SM_SPACE_VOXEL, &err), SM_OK);
        struct sm_result *result = segment(&prompts, &options, NULL, SM_OK);
        for (size_t o = 0; o < 2; o++)
            memcpy(low[choice][o], result_cell(result, o, 2)->low_res, sizeof low[choice][o]);
        sm_result_free(result);
        sm_prompts_free(&prompts);
    }
    /* Prompts that are decoded together are rounded otherwise than each alone; with how many threads decides that. */
    for (int o = 0; o < 2; o++) {
        double yes = apart(low[SM_CHOICE_DEFAULT][o], low[SM_CHOICE_YES][o], FLOATS);
        double no = apart(low[SM_CHOICE_DEFAULT][o], low[SM_CHOICE_NO][o], FLOATS);
        assert_true(o == 0 ? yes < 1e-3 * no : no < 1e-3 * yes);
    }
}

/* A box that outgrows its first slice's is held alike on both sides: mirrored, it is held as its mirror image. */
static void a_held_box_knows_no_side(void **state)
{
    (void)state;
    const struct appearance looks = {.side = {20, 21}};
    const struct propagation how = {.widest = 1.15f};
    const float before[4] = {30, 40, 50, 61}, grown[4] = {25, 33, 56, 70}, held[4] = {28.5f, 38.425f, 51.5f, 62.575f};
    float box[4], mirrored[4];
    const float before_mirrored[4] = {100 - before[2], 100 - before[3], 100 - before[0], 100 - before[1]};
    for (int n = 0; n < 4; n++) {
        box[n] = grown[n];
        mirrored[n] = 100 - grown[(n + 2) % 4];
    }
    appearance_limit_box(&looks, &how, before, box);
    appearance_limit_box(&looks, &how, before_mirrored, mirrored);
    for (int n = 0; n < 4; n++) {
        assert_float_equal(box[n], held[n], 1e-4);
        assert_float_equal(mirrored[n], 100 - held[(n + 2) % 4], 1e-4);
    }
    const float stray[4] = {0, 40, 101, 61}, beside[4] = {0, 40, 24, 61};
    memcpy(box, beside, sizeof box);
    appearance_limit_box(&looks, &how, stray, box); /* its middle is not even in the new box */
    assert_float_equal(box[0], 12.5, 1e-4);
    assert_float_equal(box[2], 24, 1e-4);
    memcpy(box, before, sizeof box);
    appearance_limit_box(&looks, &how, before, box); /* within it nothing happens */
    assert_memory_equal(box, before, sizeof before);
}

static void threshold_of_the_reference(void **state)
{
    (void)state;
    assert_false(logit_inside(0));
    assert_false(logit_inside(1e-8f)); /* its sigmoid is 0.5 in float32 */
    assert_true(logit_inside(1e-5f));
    assert_false(logit_inside(NAN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_encoded_once),
        cmocka_unit_test(boxes_of_one_object_are_merged),
        cmocka_unit_test(a_box_is_seen_again_from_near),
        cmocka_unit_test(a_mirrored_slice_has_a_mirrored_answer),
        cmocka_unit_test(several_boxes_are_seen_once),
        cmocka_unit_test(a_box_is_carried_and_ends),
        cmocka_unit_test(boxes_on_key_slices),
        cmocka_unit_test(how_far_key_slices_reach),
        cmocka_unit_test(two_boxes_a_slice_are_paired),
        cmocka_unit_test(notes_say_where_and_why_it_ends),
        cmocka_unit_test(nothing_is_carried_over_gaps),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(masks_in_another_axis_order),
        cmocka_unit_test(which_mask_answers_which_prompt),
        cmocka_unit_test(a_held_box_knows_no_side),
        cmocka_unit_test(threshold_of_the_reference),
    };
    return cmocka_run_group_tests_name("pipeline", tests, set_up, tear_down);
}
