/* lib/golden_training.c - files with a training step: losses in isolation, gradients of every trained
 * tensor, Adam on the stored gradients, and a second, decoder-only step after an update of our own.
 *
 * Bounds. A file states for every tensor how far float32 gradients were from float64 ones; ours may be
 * four times that, or 32 roundings of the tensor's norm, away. Gradients that are only rounding noise (the
 * biases of k_proj, which softmax does not see) have no stated size: they may be four times as large as
 * the largest such noise in the file, or 32 roundings of their weight's gradient. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/golden.h"
#include "lib/h5_kinds.h"
#include "lib/hash_weights.h"
#include "model/config.h"
#include "train/learner.h"
#include "train/optimiser.h"

enum { NAME = 128, FIRST = 16, MAX_MASKS = 16 };
static const double roundings = 32 * 1.19e-7;
static const struct round_rule published = {{20, 1, 1, LOSS_PUBLISHED, .whole_batch = true}, OUTPUTS_THREE, CHOOSE_PREDICTED,
                                            IOU_OF_CHOSEN};
/* What train.py trains: downscaling runs under no_grad only. */
enum { TRAINED = PART_ADAPTERS | PART_POINTS | PART_PROMPTS | PART_DECODER };

struct training {
    struct golden *g;
    struct sm_model *model;
    struct learner network;
    struct adam adam;
    int masks; /* on the one picture */
    struct sm_err err;
};

static float *read_floats(struct training *t, const char *step, const char *name, int64_t *count)
{
    char path[192];
    struct h5_shape shape;
    snprintf(path, sizeof path, "%s/%s", step, name);
    float *values = golden_floats(t->g, path, &shape);
    if (values && count)
        *count = h5_count(&shape);
    return values;
}

/* ---- the loss in isolation ---- */

static double largest_difference(const float *a, const float *b, int64_t count, double *largest)
{
    double difference = 0;
    *largest = 0;
    for (int64_t i = 0; i < count; i++) {
        double d = fabs((double)a[i] - b[i]);
        difference = d > difference || isnan(d) ? d : difference;
        *largest = fmax(*largest, fabs(b[i]));
    }
    return difference;
}

/* The stated precision is that of the moderate logits: beyond them float64 gives other numbers. */
static void compare_isolated(struct training *t, const char *regime, const char *name, const float *got)
{
    char path[192], moderate[192];
    double largest, stated = 0;
    int64_t count;
    float *wanted = read_floats(t, regime, name, &count);
    snprintf(path, sizeof path, "%s/%s", regime, name);
    snprintf(moderate, sizeof moderate, "loss_in_isolation/moderate_logits/%s", name);
    h5_attr_double(t->g->file, moderate, "max_abs_difference_from_float64", &stated);
    if (wanted) {
        double difference = largest_difference(got, wanted, count, &largest);
        golden_verdict(t->g, path, "", difference, fmax(4 * stated, roundings * largest));
    }
    free(wanted);
}

static void isolated_loss(struct training *t, const char *regime)
{
    int64_t count = 0, n = 0;
    float *logits = read_floats(t, regime, "input/logits", &count);
    float *target = read_floats(t, regime, "input/target", NULL);
    float *guess = read_floats(t, regime, "input/iou_predictions", &n);
    float *scratch = malloc((size_t)count * sizeof *scratch), d_guess[MAX_MASKS];
    uint8_t *truth = malloc((size_t)count);
    struct loss loss;
    if (logits && target && guess && scratch && truth && n <= MAX_MASKS) {
        for (int64_t i = 0; i < count; i++)
            truth[i] = target[i] > 0;
        loss_and_gradient(&loss, logits, d_guess, scratch, truth, guess, (int)n, (size_t)(count / n),
                          &published.loss);
        compare_isolated(t, regime, "focal", &(float){(float)loss.focal});
        compare_isolated(t, regime, "dice", &(float){(float)loss.dice});
        compare_isolated(t, regime, "iou", &(float){(float)loss.iou});
        compare_isolated(t, regime, "total", &(float){(float)loss.total});
        compare_isolated(t, regime, "gradient_of_total_by_logits", logits);
        compare_isolated(t, regime, "gradient_of_total_by_iou", d_guess);
    } else {
        golden_fail(t->g, regime, "cannot be read");
    }
    free(logits), free(target), free(guess), free(scratch), free(truth);
}

/* ---- a step's tables: one row a tensor ---- */

struct table {
    const char *step;
    int64_t rows;
    char (*names)[NAME];
    int32_t *sizes;
    uint8_t *zero, *noise;
    float *norm, *norm_error, *peak_error; /* (rows) */
    float *first, *before, *after;         /* (rows, FIRST); the last two NULL where there are none */
};

static void table_free(struct table *table)
{
    free(table->names), free(table->sizes), free(table->zero), free(table->noise);
    free(table->norm), free(table->norm_error), free(table->peak_error);
    free(table->first), free(table->before), free(table->after);
}

static bool read_flags(struct training *t, struct table *table, const char *name, uint8_t **out)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s", table->step, name);
    *out = malloc((size_t)table->rows + 1);
    return *out && !h5_read_bytes(t->g->file, path, *out, table->rows, &t->err);
}

static bool read_table(struct training *t, struct table *table, const char *step)
{
    char path[192];
    int64_t *rows = &table->rows;
    *table = (struct table){.step = step};
    table->norm = read_floats(t, step, "gradient_l2_norm", rows);
    table->norm_error = read_floats(t, step, "gradient_l2_error_of_float32", NULL);
    table->peak_error = read_floats(t, step, "gradient_max_abs_error_of_float32", NULL);
    table->first = read_floats(t, step, "gradient_first_16", NULL);
    snprintf(path, sizeof path, "%s/parameter_before_first_16", step);
    if (h5_has(t->g->file, path)) {
        table->before = read_floats(t, step, "parameter_before_first_16", NULL);
        table->after = read_floats(t, step, "parameter_after_first_16", NULL);
    }
    table->names = malloc((size_t)*rows * sizeof *table->names + 1);
    table->sizes = malloc((size_t)*rows * sizeof *table->sizes + 1);
    snprintf(path, sizeof path, "%s/tensor_names", step);
    if (!table->norm || !table->norm_error || !table->peak_error || !table->first || !table->names ||
        !table->sizes || h5_read_texts(t->g->file, path, table->names[0], NAME, *rows, &t->err))
        return false;
    snprintf(path, sizeof path, "%s/tensor_sizes", step);
    return !h5_read_ints(t->g->file, path, table->sizes, *rows, &t->err) &&
           read_flags(t, table, "gradient_is_exactly_zero", &table->zero) &&
           read_flags(t, table, "gradient_is_only_rounding_noise", &table->noise);
}

/* Row of a name, or -1. */
static int64_t row_of(const struct table *table, const char *name)
{
    for (int64_t row = 0; row < table->rows; row++)
        if (strcmp(table->names[row], name) == 0)
            return row;
    return -1;
}

static const struct parameter *find_parameter(const struct training *t, const char *name)
{
    for (size_t i = 0; i < t->network.parameters.count; i++)
        if (strcmp(t->network.parameters.list[i].tensor.name, name) == 0)
            return &t->network.parameters.list[i];
    return NULL;
}

/* ---- gradients ---- */

struct worst {
    double norm, first, noise, zero, wrong; /* shares of bounds, but for the last two: counts */
};

static double largest_of(const float *x, int count)
{
    double largest = 0;
    for (int i = 0; i < count; i++)
        largest = fmax(largest, fabs(x[i]));
    return largest;
}

/* How large a gradient may be that is 0 but for rounding: softmax does not see the bias of keys, and what is
 * left of the sums that make it is rounding of the size of the weight's gradient, which is the same sums
 * before they cancel. */
static double noise_bound(const struct table *table, int64_t row)
{
    double bound = 0;
    char weight[NAME + 8];
    int stem = (int)strlen(table->names[row]) - (int)strlen("bias");
    for (int64_t other = 0; other < table->rows; other++)
        if (table->noise[other])
            bound = fmax(bound, 4 * table->norm_error[other]);
    snprintf(weight, sizeof weight, "%.*sweight", stem > 0 ? stem : 0, table->names[row]);
    int64_t beside = row_of(table, weight);
    return beside < 0 ? bound : fmax(bound, roundings * table->norm[beside]);
}

static void compare_row(const struct table *table, int64_t row, const struct parameter *p,
                        struct worst *worst)
{
    float *plain = malloc(p->count * sizeof *plain);
    double squares = 0, difference = 0, norm = table->norm[row];
    int first = p->count < FIRST ? (int)p->count : FIRST;
    const float *wanted = table->first + row * FIRST;
    tensor_unpack(&p->tensor, plain, p->gradient);
    for (size_t i = 0; i < p->count; i++)
        squares += (double)plain[i] * plain[i];
    for (int i = 0; i < first; i++)
        difference = fmax(difference, fabs((double)plain[i] - wanted[i]));
    if (table->zero[row]) {
        worst->zero += squares != 0;
    } else if (table->noise[row]) {
        worst->noise = fmax(worst->noise, sqrt(squares) / noise_bound(table, row));
    } else {
        double norm_bound = fmax(4 * table->norm_error[row], roundings * norm);
        double first_bound = fmax(4 * table->peak_error[row], roundings * largest_of(wanted, first));
        worst->norm = fmax(worst->norm, fabs(sqrt(squares) - norm) / norm_bound);
        worst->first = fmax(worst->first, difference / first_bound);
    }
    free(plain);
}

static void verdict_of(struct training *t, const char *step, const char *set, const char *what,
                       double difference, double bound)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s", step, set);
    golden_verdict(t->g, path, what, difference, bound);
}

static void compare_gradients(struct training *t, const struct table *table)
{
    struct worst worst = {0};
    for (int64_t row = 0; row < table->rows; row++) {
        const struct parameter *p = find_parameter(t, table->names[row]);
        if (p && (int64_t)p->count == table->sizes[row])
            compare_row(table, row, p, &worst);
        else
            worst.wrong++;
    }
    const char *step = table->step;
    verdict_of(t, step, "tensor_names", " (missing or of another size)", worst.wrong, 0);
    verdict_of(t, step, "gradient_l2_norm", " (share of bound)", worst.norm, 1);
    verdict_of(t, step, "gradient_first_16", " (share of bound)", worst.first, 1);
    verdict_of(t, step, "gradient_is_exactly_zero", "", worst.zero, 0);
    verdict_of(t, step, "gradient_is_only_rounding_noise", " (share)", worst.noise, 1);
}

static void compare_forward(struct training *t, const char *step)
{
    int64_t low = sm_low_res_side(&t->model->config), n = t->masks;
    char path[192];
    const struct round_result *r = &t->network.result;
    snprintf(path, sizeof path, "%s/loss", step);
    golden_compare(t->g, path, &(float){(float)r->loss.total}, 1, (int64_t[]){1});
    snprintf(path, sizeof path, "%s/selected_low_res_logits", step);
    golden_compare(t->g, path, r->low_res, 4, (int64_t[]){n, 1, low, low});
    snprintf(path, sizeof path, "%s/selected_iou_predictions", step);
    golden_compare(t->g, path, r->iou, 2, (int64_t[]){n, 1});
}

/* ---- Adam on the stored gradients ---- */

static double ulps(float a, float b)
{
    float unit = nextafterf(fabsf(b), INFINITY) - fabsf(b);
    return fabs((double)a - b) / unit;
}

/* The second step needs the first one's moments: `earlier` is its table, or NULL. */
static void compare_adam(struct training *t, const struct table *table, const struct table *earlier)
{
    double worst = 0;
    for (int64_t row = 0; row < table->rows; row++) {
        float value[FIRST], m[FIRST] = {0}, v[FIRST] = {0};
        int64_t before = earlier ? row_of(earlier, table->names[row]) : -1;
        memcpy(value, table->before + row * FIRST, sizeof value);
        if (before >= 0)
            adam_update((float[FIRST]){0}, m, v, earlier->first + before * FIRST, FIRST, &t->adam, 1, 0, 1);
        adam_update(value, m, v, table->first + row * FIRST, FIRST, &t->adam, before >= 0 ? 2 : 1, 0, 1);
        int count = table->sizes[row] < FIRST ? table->sizes[row] : FIRST;
        for (int i = 0; i < count; i++)
            worst = fmax(worst, ulps(value[i], table->after[row * FIRST + i]));
    }
    verdict_of(t, table->step, "parameter_after_first_16", " (Adam, ulp)", worst, 2);
}

/* Our own parameters: exact before anything was trained; afterwards an element whose gradient is of the
 * size of its rounding may have gone the other way, by up to twice the learning rate. */
static void compare_parameters(struct training *t, const struct table *table, const char *set,
                               const float *wanted, double bound)
{
    double worst = 0;
    for (int64_t row = 0; row < table->rows; row++) {
        const struct parameter *p = find_parameter(t, table->names[row]);
        float *plain = p ? malloc(p->count * sizeof *plain) : NULL;
        if (!plain)
            continue; /* tensor_names has failed already */
        tensor_unpack(&p->tensor, plain, p->value);
        for (size_t i = 0; i < p->count && i < FIRST; i++)
            worst = fmax(worst, fabs((double)plain[i] - wanted[row * FIRST + i]));
        free(plain);
    }
    verdict_of(t, table->step, set, " (our own)", worst, bound);
}

/* ---- the steps ---- */

static bool open_network(struct training *t)
{
    struct sm_config config = {0};
    static uint64_t seed;
    int64_t value;
    if (config_read(&config, t->g->file, false, &t->err))
        return false;
    if (h5_attr_int(t->g->file, NULL, "out_chans", &value))
        config.prompt_dim = (int)value;
    if (!h5_attr_int(t->g->file, NULL, "seed", &value))
        return false;
    seed = (uint64_t)value;
    struct tensor_source source = hash_source(&seed);
    struct learner_sizes sizes = {.pictures = 1, .prompts = t->masks, .points = 16};
    if (model_from_source(&t->model, &config, &source, &t->err))
        return false;
    return !learner_open(&t->network, t->model, TRAINED, PART_DECODER, false, sizes, &t->err);
}

static void close_network(struct training *t)
{
    learner_close(&t->network);
    sm_model_close(t->model);
    t->model = NULL;
}

static bool fill_inputs(struct training *t)
{
    size_t pixels = (size_t)t->model->config.image_size * (size_t)t->model->config.image_size;
    struct h5_shape shape;
    float *image = golden_floats(t->g, "input/image_normalized_nchw", &shape);
    bool ok = image && (size_t)h5_count(&shape) == 3 * pixels &&
              !h5_read_bytes(t->g->file, "input/labels", t->network.target, t->masks * (int64_t)pixels,
                             &t->err);
    if (ok)
        nn_transpose(t->network.pixels, image, 3, (int)pixels);
    free(image);
    return ok;
}

static const int picture[MAX_MASKS]; /* all prompts on the one picture */

static void first_step(struct training *t, struct table *table)
{
    float *boxes = read_floats(t, "input", "step1_boxes", NULL);
    struct prompt_batch batch = {.n = t->masks, .picture = picture, .boxes = boxes};
    if (boxes && read_table(t, table, "step1_boxes")) {
        compare_parameters(t, table, "parameter_before_first_16", table->before, 0);
        learner_first_round(&t->network, 1, &batch, &published);
        compare_forward(t, table->step);
        compare_gradients(t, table);
        compare_adam(t, table, NULL);
        adam_step(&t->network.parameters, TRAINED, &t->adam, 1);
        parameters_zero_gradients(&t->network.parameters, PART_ALL);
        compare_parameters(t, table, "parameter_after_first_16", table->after, 2 * t->adam.lr);
    } else {
        golden_fail(t->g, "step1_boxes", t->err.message);
    }
    free(boxes);
}

/* `stepped`: the parts that the optimiser moves, with gradients of zero or not. */
static void second_step(struct training *t, const char *step, const struct table *earlier, unsigned stepped)
{
    struct table table;
    int64_t count = 0;
    float *points = read_floats(t, "input", "step2_point_coords", &count);
    float *masks = read_floats(t, "input", "step2_mask_inputs", NULL);
    int32_t labels[MAX_MASKS * 16];
    struct prompt_batch batch = {.n = t->masks, .picture = picture, .point_count = (int)count / 2 / t->masks,
                                 .points = (const float(*)[2])points, .labels = labels, .masks = masks};
    if (points && masks && count / 2 <= MAX_MASKS * 16 && read_table(t, &table, step) &&
        !h5_read_ints(t->g->file, "input/step2_point_labels", labels, count / 2, &t->err)) {
        learner_later_round(&t->network, &batch, &published);
        compare_forward(t, step);
        compare_gradients(t, &table);
        compare_adam(t, &table, earlier);
        adam_step(&t->network.parameters, stepped, &t->adam, 1);
        compare_parameters(t, &table, "parameter_after_first_16", table.after, 4 * t->adam.lr);
    } else {
        golden_fail(t->g, step, t->err.message);
    }
    table_free(&table);
    free(points), free(masks);
}

static void both_steps(struct training *t, const char *second, unsigned stepped)
{
    struct table table = {0};
    if (open_network(t) && fill_inputs(t)) {
        first_step(t, &table);
        second_step(t, second, &table, stepped);
    } else {
        golden_fail(t->g, second, t->err.message);
    }
    table_free(&table);
    close_network(t);
}

/* train.py's optimiser loses sight of the points' embeddings: those of PART_POINTS. */
static void compare_unseen(struct training *t, const char *step)
{
    enum { MOST = 16 };
    char path[192], names[MOST][NAME];
    struct h5_shape shape;
    int wrong = 0, ours = 0;
    snprintf(path, sizeof path, "%s/parameters_the_optimizer_no_longer_sees", step);
    if (h5_shape(t->g->file, path, &shape, &t->err) || h5_count(&shape) > MOST ||
        h5_read_texts(t->g->file, path, names[0], NAME, h5_count(&shape), &t->err)) {
        golden_fail(t->g, path, t->err.message);
        return;
    }
    for (int i = 0; i < h5_count(&shape); i++) {
        const struct parameter *p = find_parameter(t, names[i]);
        wrong += !p || p->part != PART_POINTS;
    }
    for (size_t i = 0; i < t->network.parameters.count; i++)
        ours += t->network.parameters.list[i].part == PART_POINTS;
    golden_verdict(t->g, path, "", wrong + abs(ours - (int)h5_count(&shape)), 0);
}

static void points_step(struct training *t)
{
    const char *step = "step1_points_gradients_only";
    struct table table = {0};
    int32_t labels[MAX_MASKS * 16];
    int64_t count = 0;
    float *points = read_floats(t, "input", "step1_alternative_point_coords", &count);
    struct prompt_batch batch = {.n = t->masks, .picture = picture, .point_count = (int)count / 2 / t->masks,
                                 .points = (const float(*)[2])points, .labels = labels};
    if (points && count / 2 <= MAX_MASKS * 16 && open_network(t) && fill_inputs(t) &&
        read_table(t, &table, step) &&
        !h5_read_ints(t->g->file, "input/step1_alternative_point_labels", labels, count / 2, &t->err)) {
        learner_first_round(&t->network, 1, &batch, &published);
        compare_forward(t, step);
        compare_gradients(t, &table);
        compare_unseen(t, step);
    } else {
        golden_fail(t->g, step, t->err.message);
    }
    table_free(&table);
    free(points);
    close_network(t);
}

void golden_training(struct golden *g)
{
    struct training t = {.g = g, .adam = {.lr = 0, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8}};
    struct h5_shape shape;
    double betas[2];
    if (h5_shape(g->file, "input/labels", &shape, &t.err) || shape.dim[0] > MAX_MASKS ||
        !h5_attr_double(g->file, NULL, "learning_rate", &t.adam.lr) ||
        h5_attr_doubles(g->file, NULL, "adam_betas", betas, 2) != 2 ||
        !h5_attr_double(g->file, NULL, "adam_eps", &t.adam.eps)) {
        golden_fail(g, "", "its inputs or the optimiser's numbers are missing");
        return;
    }
    t.masks = (int)shape.dim[0];
    t.adam.beta1 = betas[0];
    t.adam.beta2 = betas[1];
    isolated_loss(&t, "loss_in_isolation/moderate_logits");
    isolated_loss(&t, "loss_in_isolation/saturated_logits");
    both_steps(&t, "step2_zero_grad_keeps_zeros", TRAINED);
    both_steps(&t, "step2_zero_grad_sets_none", PART_DECODER);
    points_step(&t);
}
