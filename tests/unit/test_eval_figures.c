/* Scores, means and intervals, tables, and the file of results. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "eval/grid.h"
#include "eval/results.h"
#include "eval/score.h"
#include "eval/statistics.h"

#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

/* ---- scores ---- */

/* The golden values are in build/check_golden; here what they cannot show. */
static void reference_has_its_quirks(void **state)
{
    (void)state;
    const uint8_t truth[4] = {1, 1, 0, 0};
    const float logits[4] = {0.3f, 2, 0.2f, -1}, same_without_negative[4] = {0.3f, 2, 0.2f, 0};
    uint8_t inside[4];
    float dice, iou;
    score_reference_inside(logits, 4, inside); /* a negative value: sigmoid, then > 0.5 */
    assert_true(inside[0] && inside[1] && inside[2] && !inside[3]);
    score_reference_inside(same_without_negative, 4, inside); /* none: > 0.5 at once */
    assert_true(!inside[0] && inside[1] && !inside[2] && !inside[3]);
    score_reference_image(truth, inside, 4, &dice, &iou);
    assert_near(dice, 2.0 / 3, 1e-6);
    assert_near(iou, 0.5, 1e-6);
    assert_near(score_reference_round(dice), 0.6667, 0);
    score_inside(same_without_negative, 4, inside); /* the plain definition knows logits as logits */
    assert_true(inside[0] && inside[1] && inside[2] && !inside[3]);
}

static void plain_scores_have_no_epsilon(void **state)
{
    (void)state;
    const uint8_t none[3] = {0, 0, 0}, one[3] = {1, 0, 0}, two[3] = {1, 1, 0};
    assert_true(score_masks(none, none, 3).dice == 1 && score_masks(none, none, 3).iou == 1);
    assert_true(score_masks(one, none, 3).dice == 0);
    assert_near(score_masks(one, two, 3).dice, 2.0 / 3, 1e-15);
    assert_near(score_masks(one, two, 3).iou, 0.5, 1e-15);
    assert_true(isnan(score_masks(one, two, 3).predicted));
}

static void ellipse_fills_pi_quarters_of_its_box(void **state)
{
    (void)state;
    enum { SIDE = 200 };
    static uint8_t box[SIDE * SIDE], ellipse[SIDE * SIDE];
    const float bounds[4] = {20, 30, 180, 130};
    size_t in_box = 0, in_ellipse = 0;
    score_fill_box(bounds, SIDE, SIDE, box);
    score_fill_ellipse(bounds, SIDE, SIDE, ellipse);
    for (size_t p = 0; p < SIDE * SIDE; p++) {
        in_box += box[p];
        in_ellipse += ellipse[p];
        assert_true(box[p] || !ellipse[p]);
    }
    assert_int_equal(in_box, 160 * 100);
    assert_near((double)in_ellipse / (double)in_box, acos(-1) / 4, 2e-3);
    const float pixel[4] = {5, 6, 6, 7};
    score_fill_ellipse(pixel, SIDE, SIDE, ellipse);
    assert_int_equal(ellipse[6 * SIDE + 5], 1);
    assert_int_equal(ellipse[6 * SIDE + 6], 0);
}

/* ---- statistics ---- */

static void quantiles_are_linear_between_ranks(void **state)
{
    (void)state;
    const double values[5] = {1, 2, 4, 8, 16}; /* numpy.quantile's default */
    assert_near(quantile(values, 5, 0), 1, 0);
    assert_near(quantile(values, 5, 0.025), 1.1, 1e-12);
    assert_near(quantile(values, 5, 0.7), 7.2, 1e-12);
    assert_near(quantile(values, 5, 1), 16, 0);
}

/* numpy, 400,000 resamples with another generator: 0.6422 and 0.8532. */
static void bootstrap_agrees_with_numpy(void **state)
{
    (void)state;
    const struct unit units[8] = {{7.1, 9}, {2.4, 4}, {0.9, 1}, {11.2, 14}, {3.3, 6}, {5.0, 5}, {1.2, 3}, {8.8, 10}};
    double interval[2], again[2], other[2];
    assert_true(bootstrap(units, 8, 100000, 7, interval));
    assert_near(interval[0], 0.6422, 0.003);
    assert_near(interval[1], 0.8532, 0.003);
    bootstrap(units, 8, 1000, 7, interval);
    bootstrap(units, 8, 1000, 7, again);
    bootstrap(units, 8, 1000, 8, other);
    assert_memory_equal(interval, again, sizeof interval);
    assert_true(interval[0] != other[0]);
    assert_false(bootstrap(units, 1, 1000, 7, interval));
    assert_true(isnan(interval[0]));
}

/* Five subjects: the first with an image of two objects and an image of one, the others with an image of one. */
enum { SUBJECTS = 5 };
static struct sm_evaluation *small_evaluation(void)
{
    static const struct {
        int case_number, image, label;
        double dice;
    } objects[] = {{0, 0, 0, 0.2}, {0, 0, 1, 0.6}, {0, 1, 0, 0.9}, {1, 2, 0, 0.5},
                 {2, 3, 0, 0.5}, {3, 4, 0, 0.5}, {4, 5, 0, 0.5}};
    struct sm_evaluation *e = calloc(1, sizeof *e);
    e->options.prompt_count = 1;
    e->options.resamples = 200;
    e->case_count = SUBJECTS;
    e->cases = calloc(SUBJECTS, sizeof *e->cases);
    e->tables = calloc(1, sizeof *e->tables);
    e->table_count = 1;
    words_add(&e->datasets, "set");
    words_add(&e->modalities, "CT");
    words_add(&e->labels, "liver");
    words_add(&e->labels, "spleen");
    for (int c = 0; c < SUBJECTS; c++)
        e->cases[c].subject = words_add(&e->subjects, (char[]) {(char)('a' + c), 0});
    for (size_t o = 0; o < sizeof objects / sizeof *objects; o++) {
        struct row *row = table_add(&e->tables[0], 1);
        row->case_number = objects[o].case_number;
        row->image = objects[o].image;
        row->label = objects[o].label;
        *table_scores(e, &e->tables[0], o) = (struct score){objects[o].dice, objects[o].dice / 2, 0.5};
    }
    e->tables[0].images = 6;
    return e;
}

static void means_are_over_objects_or_images(void **state)
{
    (void)state;
    struct sm_evaluation *e = small_evaluation();
    struct figures f;
    const struct group all = {-1, -1, -1}, liver = {0, -1, -1}, elsewhere = {-1, 7, -1};
    figures_of(&f, e, &e->tables[0], 0, all);
    assert_int_equal(f.objects, 7);
    assert_int_equal(f.images, 6);
    assert_int_equal(f.subjects, SUBJECTS);
    assert_true(f.by_subject);
    assert_near(f.dice, (0.2 + 0.6 + 0.9 + 4 * 0.5) / 7, 1e-12);
    assert_near(f.iou, f.dice / 2, 1e-12);
    assert_near(f.dice_interval[0], 0.5, 1e-12); /* often the first subject is not drawn; at most it is almost alone */
    assert_true(f.dice_interval[1] > f.dice && f.dice_interval[1] < 1.7 / 3);
    assert_near(f.predicted_error, (0.4 + 0.2 + 0.05 + 4 * 0.25) / 7, 1e-12);
    e->options.by_image = true;
    figures_of(&f, e, &e->tables[0], 0, all);
    assert_near(f.dice, (0.4 + 0.9 + 4 * 0.5) / 6, 1e-12);
    figures_of(&f, e, &e->tables[0], 0, liver);
    assert_near(f.dice, (0.2 + 0.9 + 4 * 0.5) / 6, 1e-12);
    figures_of(&f, e, &e->tables[0], 0, elsewhere);
    assert_int_equal(f.objects, 0);
    assert_true(isnan(f.dice));
    for (size_t o = 3; o < 7; o++) /* one subject is left, of two images, whose own means are the extremes */
        *table_scores(e, &e->tables[0], o) = (struct score){NAN, NAN, NAN};
    figures_of(&f, e, &e->tables[0], 0, all);
    assert_false(f.by_subject);
    assert_near(f.dice_interval[0], 0.4, 1e-12);
    assert_near(f.dice_interval[1], 0.9, 1e-12);
    sm_evaluation_free(e);
}

/* ---- tables ---- */

static void written(const struct grid *grid, int way, char *text, size_t size)
{
    memset(text, 0, size);
    FILE *out = fmemopen(text, size, "w");
    if (way == 0)
        grid_write_text(grid, 1, out);
    else if (way == 1)
        grid_write_markdown(grid, 1, out);
    else
        grid_write_csv(grid, out);
    fclose(out);
}

static void grids_are_written_three_ways(void **state)
{
    (void)state;
    struct grid grid = {.columns = 2};
    char text[500];
    grid_add(&grid, "name");
    grid_add(&grid, "Dice");
    grid_add(&grid, "a|b, \"c\" \xC3\xA4");
    grid_number(&grid, 0.5, 2);
    grid_add(&grid, "x");
    grid_number(&grid, NAN, 2);
    written(&grid, 0, text, sizeof text);
    assert_string_equal(text, "name        Dice\na|b, \"c\" \xC3\xA4  0.50\nx              -\n");
    written(&grid, 1, text, sizeof text);
    assert_string_equal(text, "| name | Dice |\n|---|---:|\n| a\\|b, \"c\" \xC3\xA4 | 0.50 |\n| x | - |\n");
    written(&grid, 2, text, sizeof text);
    assert_string_equal(text, "name,Dice\n\"a|b, \"\"c\"\" \xC3\xA4\",0.50\nx,\n");
    grid_free(&grid);
}

/* ---- results ---- */

static void append_to(const char *path, const char *text)
{
    FILE *file = fopen(path, "a");
    fputs(text, file);
    fclose(file);
}

static void results_outlive_the_run(void **state)
{
    (void)state;
    char path[] = "/tmp/eval-results-XXXXXX";
    struct results *results;
    struct sm_err err;
    close(mkstemp(path));
    for (int round = 0; round < 3; round++) {
        char key[16];
        assert_int_equal(results_open(&results, path, &err), SM_OK);
        for (int known = 0; known < round; known++) {
            snprintf(key, sizeof key, "key%d", known);
            const json_t *scores = results_find(results, key);
            assert_non_null(scores);
            assert_near(results_value(json_array_get(scores, 0)), 1.0 / (known + 3), 0); /* to the last bit */
            assert_true(isnan(results_value(json_array_get(scores, 1))));
        }
        snprintf(key, sizeof key, "key%d", round);
        assert_null(results_find(results, key));
        json_t *scores = json_pack("[f, o]", 1.0 / (round + 3), results_number(NAN));
        assert_int_equal(results_add(results, key, "case", 4, "box", scores, &err), SM_OK);
        results_close(results);
        append_to(path, "{\"key\": \"cut"); /* the run was killed in the middle of a line */
    }
    append_to(path, " short\"}\n");
    assert_int_equal(results_open(&results, path, &err), SM_CORRUPT);
    assert_non_null(strstr(err.message, "line 4"));
    assert_int_equal(results_open(&results, "/nowhere/results", &err), SM_OUTPUT);
    unlink(path);
}

enum { RUNS = 6, ROUNDS = 100 };

static void add_rounds(const char *path, int run)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct results *results;
        char key[32];
        snprintf(key, sizeof key, "%d of run %d", round, run);
        if (results_open(&results, path, NULL) ||
            results_add(results, key, "case", 4, "box", json_pack("[i]", round), NULL))
            _exit(1);
        results_close(results);
    }
    _exit(0);
}

/* Each opens the file again and again while the others add to it: nothing of theirs may be taken for a line cut short. */
static void runs_share_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/eval-results-XXXXXX", key[32];
    struct results *results;
    close(mkstemp(path));
    for (int run = 0; run < RUNS; run++)
        if (fork() == 0)
            add_rounds(path, run);
    for (int run = 0; run < RUNS; run++) {
        int ended = -1;
        wait(&ended);
        assert_int_equal(ended, 0);
    }
    assert_int_equal(results_open(&results, path, NULL), SM_OK);
    for (int n = 0; n < RUNS * ROUNDS; n++) {
        snprintf(key, sizeof key, "%d of run %d", n / RUNS, n % RUNS);
        assert_non_null(results_find(results, key));
    }
    results_close(results);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_has_its_quirks),
        cmocka_unit_test(plain_scores_have_no_epsilon),
        cmocka_unit_test(ellipse_fills_pi_quarters_of_its_box),
        cmocka_unit_test(quantiles_are_linear_between_ranks),
        cmocka_unit_test(bootstrap_agrees_with_numpy),
        cmocka_unit_test(means_are_over_objects_or_images),
        cmocka_unit_test(grids_are_written_three_ways),
        cmocka_unit_test(results_outlive_the_run),
        cmocka_unit_test(runs_share_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
