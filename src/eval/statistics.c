#include <math.h>
#include <stdlib.h>
#include "eval/sample.h"
#include "eval/statistics.h"

double quantile(const double *sorted, size_t count, double q)
{
    double at = q * (double)(count - 1);
    size_t low = (size_t)at, high = low + 1 < count ? low + 1 : low;
    return sorted[low] + (at - (double)low) * (sorted[high] - sorted[low]);
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

bool bootstrap(const struct unit *units, size_t count, int resamples, uint64_t seed, double interval[2])
{
    interval[0] = interval[1] = NAN;
    double *means = count < 2 || resamples < 1 ? NULL : malloc((size_t)resamples * sizeof *means);
    if (!means)
        return false;
    struct rng rng = rng_for(seed, "bootstrap");
    for (int r = 0; r < resamples; r++) {
        double sum = 0, weight = 0;
        for (size_t n = 0; n < count; n++) {
            const struct unit *unit = &units[rng_below(&rng, count)];
            sum += unit->sum;
            weight += unit->count;
        }
        means[r] = sum / weight;
    }
    qsort(means, (size_t)resamples, sizeof *means, ascending);
    interval[0] = quantile(means, (size_t)resamples, 0.025);
    interval[1] = quantile(means, (size_t)resamples, 0.975);
    free(means);
    return true;
}

/* ---- objects on slices ---- */

static bool in_group(const struct sm_evaluation *e, int case_number, int label, struct group group)
{
    const struct seen_case *seen = &e->cases[case_number];
    return (group.label < 0 || group.label == label) && (group.modality < 0 || group.modality == seen->modality) &&
           (group.dataset < 0 || group.dataset == seen->dataset);
}

/* An image's values, or its objects', go to its unit: one for each subject, and one for each image. */
struct tally {
    struct unit *subjects, *images; /* (subjects), (images) */
    size_t image_count;
    double sum, count; /* of the image in work */
    int image, subject;
};

static void close_image(struct tally *tally, bool by_image)
{
    if (tally->count == 0)
        return;
    struct unit value = by_image ? (struct unit){tally->sum / tally->count, 1} : (struct unit){tally->sum, tally->count};
    tally->images[tally->image_count++] = value;
    tally->subjects[tally->subject].sum += value.sum;
    tally->subjects[tally->subject].count += value.count;
    tally->sum = tally->count = 0;
}

static void add_value(struct tally *tally, bool by_image, int image, int subject, double value)
{
    if (image != tally->image)
        close_image(tally, by_image);
    tally->image = image;
    tally->subject = subject;
    tally->sum += value;
    tally->count++;
}

/* Moves the units that have a value to the front. */
static size_t used_units(struct unit *units, size_t count)
{
    size_t used = 0;
    for (size_t n = 0; n < count; n++)
        if (units[n].count > 0)
            units[used++] = units[n];
    return used;
}

static double mean_of(const struct unit *units, size_t count)
{
    double sum = 0, weight = 0;
    for (size_t n = 0; n < count; n++) {
        sum += units[n].sum;
        weight += units[n].count;
    }
    return weight > 0 ? sum / weight : NAN;
}

enum column { DICE, IOU };

/* Mean and interval of one column; objects, images and subjects on the way. */
static void column_figures(struct figures *figures, const struct sm_evaluation *e, const struct table *table,
                           size_t prompt, struct group group, enum column column)
{
    struct tally tally = {.image = -1};
    double *mean = column == DICE ? &figures->dice : &figures->iou;
    double *interval = column == DICE ? figures->dice_interval : figures->iou_interval;
    size_t objects = 0;
    *mean = interval[0] = interval[1] = NAN;
    tally.subjects = calloc(e->subjects.count + 1, sizeof *tally.subjects);
    tally.images = calloc((size_t)table->images + 1, sizeof *tally.images);
    for (size_t r = 0; tally.subjects && tally.images && r < table->count; r++) {
        const struct row *row = &table->rows[r];
        const struct score *score = &table_scores(e, table, r)[prompt];
        double value = column == DICE ? score->dice : score->iou;
        if (isnan(value) || !in_group(e, row->case_number, row->label, group))
            continue;
        add_value(&tally, e->options.by_image, row->image, e->cases[row->case_number].subject, value);
        objects++;
    }
    if (objects) {
        close_image(&tally, e->options.by_image);
        size_t subjects = used_units(tally.subjects, e->subjects.count);
        figures->objects = objects;
        figures->images = tally.image_count;
        figures->subjects = subjects;
        figures->by_subject = subjects >= LEAST_SUBJECTS;
        *mean = mean_of(tally.images, tally.image_count);
        bootstrap(figures->by_subject ? tally.subjects : tally.images,
                  figures->by_subject ? subjects : tally.image_count, e->options.resamples, e->options.seed, interval);
    }
    free(tally.subjects);
    free(tally.images);
}

void figures_of(struct figures *figures, const struct sm_evaluation *e, const struct table *table, size_t prompt,
                struct group group)
{
    double error = 0;
    size_t predicted = 0;
    *figures = (struct figures){0};
    column_figures(figures, e, table, prompt, group, DICE);
    column_figures(figures, e, table, prompt, group, IOU);
    for (size_t r = 0; r < table->count; r++) {
        const struct score *score = &table_scores(e, table, r)[prompt];
        if (isnan(score->predicted) || !in_group(e, table->rows[r].case_number, table->rows[r].label, group))
            continue;
        error += fabs(score->predicted - score->iou);
        predicted++;
    }
    figures->predicted_error = predicted ? error / (double)predicted : NAN;
}

/* ---- objects of volumes ---- */

static void add_solid(struct volume_figures *figures, const struct solid *solid, struct unit *unit, double sums[2],
                      size_t *measured)
{
    figures->objects++;
    figures->missed += solid->found == 0;
    unit->sum += solid->dice;
    unit->count++;
    sums[1] += solid->surface_dice;
    if (isfinite(solid->hd95_mm)) {
        sums[0] += solid->hd95_mm;
        (*measured)++;
    }
}

void volume_figures_of(struct volume_figures *figures, const struct sm_evaluation *e, const struct table *table,
                       enum sm_eval_way way, struct group group)
{
    struct unit *subjects = calloc(e->subjects.count + 1, sizeof *subjects);
    struct unit *objects = calloc(table->volume_count + 1, sizeof *objects);
    double sums[2] = {0, 0};
    size_t measured = 0;
    *figures = (struct volume_figures){.dice = NAN, .hd95_mm = NAN, .surface_dice = NAN, .dice_interval = {NAN, NAN}};
    for (size_t r = 0; subjects && objects && r < table->volume_count; r++) {
        const struct volume_row *row = &table->volumes[r];
        if (isnan(row->solids[way].dice) || !in_group(e, row->case_number, row->label, group))
            continue;
        objects[figures->objects] = (struct unit){row->solids[way].dice, 1};
        add_solid(figures, &row->solids[way], &subjects[e->cases[row->case_number].subject], sums, &measured);
    }
    if (figures->objects) {
        figures->subjects = used_units(subjects, e->subjects.count);
        figures->dice = mean_of(objects, figures->objects);
        figures->surface_dice = sums[1] / (double)figures->objects;
        figures->hd95_mm = measured ? sums[0] / (double)measured : NAN;
        bool by_subject = figures->subjects >= LEAST_SUBJECTS;
        bootstrap(by_subject ? subjects : objects, by_subject ? figures->subjects : figures->objects,
                  e->options.resamples, e->options.seed, figures->dice_interval);
    }
    free(objects);
    free(subjects);
}
