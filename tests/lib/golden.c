#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/golden.h"

/* ---- files ---- */

static int keep_name(void *context, const char *name)
{
    struct golden *g = context;
    char **names = realloc(g->names, (g->count + 1) * sizeof *names);
    if (!names)
        return 1;
    g->names = names;
    g->names[g->count] = strdup(name);
    return g->names[g->count++] == NULL;
}

void golden_open(struct golden *g, const char *dir, const char *name, struct golden_tally *tally)
{
    char path[1024];
    struct sm_err err;
    *g = (struct golden){.tally = tally};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(g->label, sizeof g->label, "%s", name);
    if (h5_open(&g->file, path, &err)) {
        g->file = NULL;
        golden_fail(g, "", err.message);
    } else if (h5_each(g->file, "", keep_name, g)) {
        golden_fail(g, "", "its data sets cannot be listed");
    }
    g->compared = calloc(g->count + 1, sizeof *g->compared);
}

void golden_close(struct golden *g)
{
    for (size_t i = 0; i < g->count; i++)
        free(g->names[i]);
    free(g->names);
    free(g->compared);
    if (g->file)
        h5_close(g->file);
}

void golden_fail(struct golden *g, const char *what, const char *why)
{
    g->tally->failed++;
    printf("%-22s %-58s FAIL: %s\n", g->label, what, why);
}

static void verdict(struct golden *g, const char *what, double difference, double bound)
{
    bool ok = difference <= bound; /* false for NaN */
    *(ok ? &g->tally->passed : &g->tally->failed) += 1;
    printf("%-22s %-58s %.3g <= %.3g  %s\n", g->label, what, difference, bound, ok ? "ok" : "FAIL");
}

float *golden_floats(struct golden *g, const char *path, struct h5_shape *shape)
{
    struct sm_err err;
    if (h5_shape(g->file, path, shape, &err)) {
        golden_fail(g, path, err.message);
        return NULL;
    }
    int64_t count = h5_count(shape);
    float *values = malloc(((size_t)count + 1) * sizeof *values);
    if (!values || (count > 0 && h5_read_floats(g->file, path, values, count, &err))) {
        golden_fail(g, path, values ? err.message : "out of memory");
        free(values);
        return NULL;
    }
    return values;
}

/* ---- bounds ---- */

/* A data set's stage: the last part of its name, without _every_4th. */
static void stage_of(char *stage, size_t size, const char *path)
{
    const char *slash = strrchr(path, '/');
    snprintf(stage, size, "%s", slash ? slash + 1 : path);
    char *every = strstr(stage, "_every_");
    if (every)
        *every = 0;
}

struct stated {
    double difference, value; /* largest of the stage; difference < 0: none stated */
};

static struct stated stated_by(const struct golden *g, const char *stage)
{
    struct stated s = {-1, 0};
    for (size_t i = 0; i < g->count; i++) {
        char other[128];
        double difference, value;
        stage_of(other, sizeof other, g->names[i]);
        if (strcmp(stage, other) != 0 ||
            !h5_attr_double(g->file, g->names[i], "max_abs_difference_from_float64", &difference) ||
            !h5_attr_double(g->file, g->names[i], "max_abs_value", &value))
            continue;
        s.difference = fmax(s.difference, difference);
        s.value = fmax(s.value, value);
    }
    return s;
}

static bool same_encoder(const struct golden *a, const struct golden *b)
{
    static const char *const attributes[] = {"embed_dim", "depth", "num_heads"};
    for (size_t i = 0; i < 3; i++) {
        int64_t x, y;
        if (!h5_attr_int(a->file, NULL, attributes[i], &x) ||
            !h5_attr_int(b->file, NULL, attributes[i], &y) || x != y)
            return false;
    }
    return true;
}

/* Largest relative difference that files of the same encoder state, or else any file. */
static double relative_elsewhere(const struct golden *g, const char *stage)
{
    double best = 0;
    for (int any = 0; any < 2 && best == 0; any++)
        for (size_t i = 0; i < g->all_count; i++) {
            const struct golden *other = &g->all[i];
            struct stated s = {-1, 0};
            if (other->file && (any || same_encoder(g, other)))
                s = stated_by(other, stage);
            if (s.difference >= 0 && s.value > 0)
                best = fmax(best, s.difference / s.value);
        }
    return best;
}

static double bound_of(const struct golden *g, const char *path, double largest)
{
    char stage[128];
    stage_of(stage, sizeof stage, path);
    struct stated s = stated_by(g, stage);
    if (s.difference < 0) {
        s.value = largest;
        s.difference = relative_elsewhere(g, stage) * largest;
    }
    return fmax(4 * s.difference, 32 * 1.19e-7 * s.value);
}

/* ---- comparisons ---- */

static void mark_compared(struct golden *g, const char *path)
{
    for (size_t i = 0; i < g->count && g->compared; i++)
        if (strcmp(g->names[i], path) == 0)
            g->compared[i] = true;
}

static int64_t stride_of(const char *path)
{
    const char *every = strstr(path, "_every_");
    return every ? strtol(every + strlen("_every_"), NULL, 10) : 1;
}

/* Step along each dimension; false when the shapes do not go together. */
static bool steps(int64_t *step, const struct h5_shape *shape, int rank, const int64_t *dim,
                  int64_t stride)
{
    if (shape->rank != rank || stride < 1)
        return false;
    for (int i = 0; i < rank; i++) {
        step[i] = shape->dim[i] == dim[i] ? 1 : stride;
        if (shape->dim[i] != (dim[i] + step[i] - 1) / step[i])
            return false;
    }
    return true;
}

/* Offset in the full array of element `index` of the stepped one. */
static int64_t offset_of(int64_t index, const struct h5_shape *shape, const int64_t *dim,
                         const int64_t *step)
{
    int64_t offset = 0, run = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        offset += index % shape->dim[i] * step[i] * run;
        index /= shape->dim[i];
        run *= dim[i];
    }
    return offset;
}

/* Of all elements. */
struct apart {
    double most, squares;         /* differences */
    double largest, value_squares; /* what is expected */
    int64_t inside[2], common;     /* above 0: got, expected, both */
};

static void add_element(struct apart *a, double got, double expected)
{
    double d = fabs(got - expected);
    a->most = d > a->most || isnan(d) ? d : a->most;
    a->largest = fmax(a->largest, fabs(expected));
    a->squares += d * d;
    a->value_squares += expected * expected;
    a->inside[0] += got > 0;
    a->inside[1] += expected > 0;
    a->common += got > 0 && expected > 0;
}

static bool compare(struct apart *a, struct golden *g, const char *path, const float *got, int rank,
                    const int64_t *dim)
{
    struct h5_shape shape;
    int64_t step[H5_MAX_RANK];
    float *expected = golden_floats(g, path, &shape);
    *a = (struct apart){0};
    mark_compared(g, path);
    if (!expected)
        return false;
    bool same = steps(step, &shape, rank, dim, stride_of(path));
    for (int64_t i = 0; same && i < h5_count(&shape); i++)
        add_element(a, got[offset_of(i, &shape, dim, step)], expected[i]);
    if (!same)
        golden_fail(g, path, "its shape is not that of the result");
    free(expected);
    return same;
}

bool golden_difference(struct golden *g, const char *path, const float *got, int rank,
                       const int64_t *dim, double *difference, double *bound)
{
    struct apart apart;
    bool same = compare(&apart, g, path, got, rank, dim);
    *difference = apart.most;
    *bound = bound_of(g, path, apart.largest);
    return same;
}

static void report(struct golden *g, const char *path, const struct apart *a)
{
    int64_t pixels = a->inside[0] + a->inside[1];
    g->tally->passed++;
    printf("%-22s %-58s most %.2e rms %.2e", g->label, path, a->most / a->largest, sqrt(a->squares / a->value_squares));
    if (strstr(path, "logits")) {
        double dice = pixels ? 2.0 * (double)a->common / (double)pixels : 1.0;
        printf(" Dice %.4f", dice);
        g->least_dice = g->masks ? fmin(g->least_dice, dice) : dice;
        g->dice += dice;
        g->masks++;
    }
    putchar('\n');
}

void golden_report_masks(const struct golden *g)
{
    if (g->masks)
        printf("%-22s %d sets of masks: mean Dice %.4f, least %.4f\n", g->label, g->masks, g->dice / g->masks,
               g->least_dice);
}

void golden_compare(struct golden *g, const char *path, const float *got, int rank,
                    const int64_t *dim)
{
    struct apart apart;
    if (!compare(&apart, g, path, got, rank, dim))
        return;
    if (g->precision == SM_PRECISION_FLOAT32)
        verdict(g, path, apart.most, bound_of(g, path, apart.largest));
    else
        report(g, path, &apart);
}

static double ulps_apart(float a, float b)
{
    float unit = nextafterf(fmaxf(fabsf(a), fabsf(b)), INFINITY) - fmaxf(fabsf(a), fabsf(b));
    return fabs((double)a - b) / unit;
}

void golden_compare_ulp(struct golden *g, const char *path, const float *got, size_t count)
{
    struct h5_shape shape;
    float *expected = golden_floats(g, path, &shape);
    mark_compared(g, path);
    if (!expected)
        return;
    double difference = 0;
    if ((size_t)h5_count(&shape) != count) {
        golden_fail(g, path, "its shape is not that of the result");
    } else {
        for (size_t i = 0; i < count; i++) {
            double d = ulps_apart(got[i], expected[i]);
            difference = d > difference || isnan(d) ? d : difference;
        }
        char what[160];
        snprintf(what, sizeof what, "%s (ulp)", path);
        verdict(g, what, difference, 2);
    }
    free(expected);
}

void golden_verdict(struct golden *g, const char *path, const char *what, double difference, double bound)
{
    char line[160];
    mark_compared(g, path);
    snprintf(line, sizeof line, "%s%s", path, what);
    verdict(g, line, difference, bound);
}

void golden_compare_exact(struct golden *g, const char *what, size_t different, size_t count)
{
    char line[160];
    snprintf(line, sizeof line, "%s (of %zu)", what, count);
    verdict(g, line, (double)different, 0);
}
