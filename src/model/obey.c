#include "model/obey.h"
#include <math.h>
#include "model/frame.h"

/* How far a point reaches, in sides of a square as large as the mask: chosen on 30 objects a set (weights/README.md).
 */
static const double REACH = 0.2;
/* As far as it would reach in a mask of so many pixels, it reaches where there is none. */
enum { LEAST_AREA = 50 };
/* What the logit of a point becomes, on its own side. */
static const float MARGIN = 1;
/* Moving one point may move its neighbours to the wrong side; they have their turns. Each has so many at most, or two
 * at odds would take those of all others. */
enum { TURNS = 4 };

/* ---- points in a picture ---- */

static bool pixel_of(const struct sm_prompt *prompt, int point, int height, int width, size_t *pixel)
{
    long x = lroundf(prompt->points[point][0]), y = lroundf(prompt->points[point][1]);
    if (prompt->point_labels[point] < 0 || x < 0 || x >= width || y < 0 || y >= height)
        return false;
    *pixel = (size_t)y * (size_t)width + (size_t)x;
    return true;
}

static bool is_wrong(const struct sm_prompt *prompt, int point, float logit)
{
    return (logit > 0) != (prompt->point_labels[point] == 1);
}

int points_wrong(const struct sm_prompt *prompt, const float *logits, int height, int width)
{
    int wrong = 0;
    size_t pixel;
    for (int p = 0; p < prompt->point_count; p++)
        wrong += pixel_of(prompt, p, height, width, &pixel) && is_wrong(prompt, p, logits[pixel]);
    return wrong;
}

/* Of the points with turns left, the one furthest on the wrong side, and how much it lacks; -1: there is none. */
static int most_wrong(const struct sm_prompt *prompt, const int *turns, const float *logits, int height, int width,
                      float *lacking)
{
    int most = -1;
    size_t pixel;
    *lacking = 0;
    for (int p = 0; p < prompt->point_count; p++) {
        if (turns[p] == TURNS || !pixel_of(prompt, p, height, width, &pixel) || !is_wrong(prompt, p, logits[pixel]) ||
            !isfinite(logits[pixel]))
            continue;
        float lack = (prompt->point_labels[p] == 1 ? MARGIN : -MARGIN) - logits[pixel];
        if (fabsf(lack) > fabsf(*lacking)) {
            *lacking = lack;
            most = p;
        }
    }
    return most;
}

/* ---- logits that move ---- */

/* A Gaussian along one axis of the low-resolution mask, `cell` pixels of the picture each. Narrower than a cell it
 * would fall between two of them. */
static double falloff(int index, double cell, double at, double reach)
{
    double distance = ((index + 0.5) * cell - 0.5 - at) / fmax(reach, cell);
    return exp(-distance * distance / 2);
}

static void move_logits(const struct sm_config *config, const struct frame *frame, const float point[2], double reach,
                        float by, float *low_res)
{
    int side = sm_low_res_side(config);
    double step = (double)config->image_size / side;
    for (int v = 0; v < side; v++) {
        double down = falloff(v, step / frame->scale_y, point[1], reach);
        for (int u = 0; u < side; u++)
            low_res[v * side + u] += by * (float)(down * falloff(u, step / frame->scale_x, point[0], reach));
    }
}

static double mask_reach(const float *logits, size_t pixels)
{
    size_t area = 0;
    for (size_t p = 0; p < pixels; p++)
        area += logits[p] > 0;
    return REACH * sqrt(area > LEAST_AREA ? (double)area : LEAST_AREA);
}

/* Half way to the nearest point of the other label, at most. */
static double limit_reach(const struct sm_prompt *prompt, int point, double reach)
{
    const float *at = prompt->points[point];
    for (int p = 0; p < prompt->point_count; p++) {
        double distance = hypot((double)prompt->points[p][0] - at[0], (double)prompt->points[p][1] - at[1]);
        if (prompt->point_labels[p] >= 0 && prompt->point_labels[p] != prompt->point_labels[point])
            reach = fmin(reach, distance / 2);
    }
    return reach;
}

/* By turns, the point furthest on the wrong side: Southwell's relaxation (1946) of the interpolation through all. */
void obey_points(const struct sm_config *config, const struct sm_prompt *prompt, int height, int width, float *low_res,
                 float *logits, float *square)
{
    struct frame frame = frame_of(config, height, width);
    int turns[SM_MAX_POINTS] = {0}, point;
    float lacking;
    sm_upsample(config, low_res, height, width, logits, square);
    while ((point = most_wrong(prompt, turns, logits, height, width, &lacking)) >= 0) {
        double reach = limit_reach(prompt, point, mask_reach(logits, (size_t)height * (size_t)width));
        move_logits(config, &frame, prompt->points[point], reach, lacking, low_res);
        sm_upsample(config, low_res, height, width, logits, square);
        turns[point]++;
    }
}
