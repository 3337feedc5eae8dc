#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "eval/score.h"
#include "sammed2d/metrics.h"

static float sigmoid(float logit)
{
    return 1.0f / (1.0f + expf(-logit));
}

void score_inside(const float *logits, size_t n, uint8_t *inside)
{
    for (size_t i = 0; i < n; i++)
        inside[i] = sigmoid(logits[i]) > 0.5f;
}

struct score score_masks(const uint8_t *truth, const uint8_t *answer, size_t n)
{
    struct sm_overlap overlap = sm_overlap_masks(truth, answer, n);
    return (struct score){sm_overlap_dice(overlap), sm_overlap_iou(overlap), NAN};
}

/* ref: metrics.py, _list_tensor and _threshold */
void score_reference_inside(const float *values, size_t n, uint8_t *inside)
{
    float least = INFINITY;
    for (size_t i = 0; i < n; i++)
        least = fminf(least, values[i]);
    for (size_t i = 0; i < n; i++)
        inside[i] = (least < 0 ? sigmoid(values[i]) : values[i]) > 0.5f;
}

/* ref: metrics.py, iou and dice */
void score_reference_image(const uint8_t *truth, const uint8_t *inside, size_t n, float *dice, float *iou)
{
    static const float eps = 1e-7f;
    struct sm_overlap overlap = sm_overlap_masks(truth, inside, n);
    float both = (float)overlap.both, sum = (float)overlap.a + (float)overlap.b;
    *dice = (2.0f * both + eps) / (sum + eps);
    *iou = (both + eps) / (sum - both + eps);
}

double score_reference_round(float value)
{
    char text[32];
    snprintf(text, sizeof text, "%.4f", (double)value);
    return strtod(text, NULL);
}

void score_fill_box(const float box[4], int height, int width, uint8_t *mask)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            *mask++ = x + 0.5 >= box[0] && x + 0.5 < box[2] && y + 0.5 >= box[1] && y + 0.5 < box[3];
}

void score_fill_ellipse(const float box[4], int height, int width, uint8_t *mask)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            double u = (2 * x + 1 - box[0] - box[2]) / (box[2] - box[0]);
            double v = (2 * y + 1 - box[1] - box[3]) / (box[3] - box[1]);
            *mask++ = u * u + v * v <= 1;
        }
}
