/* lib/golden_metrics.c - Dice and IoU as metrics.py computes them, quirks and all. A group is a batch of
 * predictions of one target; the quirk is that the smallest value of the whole batch decides on the sigmoid. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "eval/score.h"
#include "lib/golden.h"
#include "lib/h5_kinds.h"

/* np.mean of float32 values: less than eight are added up one by one, in float32. */
static float mean(const float *values, int count)
{
    float sum = 0;
    for (int n = 0; n < count; n++)
        sum += values[n];
    return sum / (float)count;
}

static void compare_group(struct golden *g, const char *group, const float *prediction, const uint8_t *target,
                          int images, size_t pixels)
{
    char path[256];
    float dice[64], iou[64], means[2];
    uint8_t *inside = malloc((size_t)images * pixels);
    if (!inside)
        return;
    score_reference_inside(prediction, (size_t)images * pixels, inside);
    for (int n = 0; n < images; n++)
        score_reference_image(target + (size_t)n * pixels, inside + (size_t)n * pixels, pixels, &dice[n], &iou[n]);
    means[0] = mean(iou, images);
    means[1] = mean(dice, images);
    snprintf(path, sizeof path, "%s/dice_per_image", group);
    golden_compare_ulp(g, path, dice, (size_t)images);
    snprintf(path, sizeof path, "%s/iou_per_image", group);
    golden_compare_ulp(g, path, iou, (size_t)images);
    snprintf(path, sizeof path, "%s/seg_metrics_mean_iou_dice", group);
    golden_compare_ulp(g, path, means, 2);
    free(inside);
}

static void check_group(struct golden *g, const char *name, const uint8_t *target)
{
    struct h5_shape shape;
    char group[200];
    int64_t empty = 0;
    snprintf(group, sizeof group, "%.*s", (int)(strrchr(name, '/') - name), name);
    float *prediction = golden_floats(g, name, &shape);
    h5_attr_int(g->file, group, "target_is_all_zero", &empty);
    if (prediction && shape.rank == 4 && shape.dim[0] <= 64) {
        size_t count = (size_t)h5_count(&shape);
        uint8_t *none = calloc(count, 1);
        if (none)
            compare_group(g, group, prediction, empty ? none : target, (int)shape.dim[0], count / (size_t)shape.dim[0]);
        free(none);
    } else if (prediction) {
        golden_fail(g, name, "not a batch of one-channel pictures");
    }
    free(prediction);
}

void golden_metrics(struct golden *g)
{
    struct h5_shape shape;
    struct sm_err err;
    uint8_t *target = NULL;
    int groups = 0;
    if (!h5_shape(g->file, "target", &shape, &err))
        target = malloc((size_t)h5_count(&shape));
    if (!target || h5_read_bytes(g->file, "target", target, h5_count(&shape), &err)) {
        golden_fail(g, "target", "cannot be read");
    } else {
        for (size_t i = 0; i < g->count; i++) {
            const char *slash = strrchr(g->names[i], '/');
            if (!slash || strcmp(slash, "/prediction") != 0)
                continue;
            check_group(g, g->names[i], target);
            groups++;
        }
        if (!groups)
            golden_fail(g, "", "no predictions in it");
    }
    free(target);
}
