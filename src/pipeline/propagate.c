/* Following an object by its grey: a histogram inside against one around it, then connected pixels. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "pipeline/propagate.h"

const struct propagation propagation_default = {.box = true,
                                                .mask = false,
                                                .by_grey = true,
                                                .growth = 0.08f,
                                                .growth_px = 2,
                                                .widest = 1.15f,
                                                .collapse = 0.25f,
                                                .burst = 100,
                                                .explosion = 1.8f,
                                                .overlap = 0.6f,
                                                .likeness = 0.7f,
                                                .contrast = 0.5f,
                                                .least_iou = 0.5f,
                                                .separation = 0.6f,
                                                .tolerance = 2.5f};

/* Rows and columns with fewer pixels than this part of the fullest are whiskers, not the object. */
static const float WHISKER = 0.1f;
/* What counts as around an object: its box, grown by this part of its sides and at least so far. */
static const float SURROUNDINGS = 0.5f;
enum { SURROUNDINGS_PX = 4 };

struct bounds {
    int x0, y0, x1, y1; /* x1, y1 one past the last */
};

bool mask_box(const bool *inside, int height, int width, float box[4])
{
    struct bounds r = {width, height, 0, 0};
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            if (inside[(size_t)y * (size_t)width + (size_t)x]) {
                r.x0 = x < r.x0 ? x : r.x0;
                r.y0 = y < r.y0 ? y : r.y0;
                r.x1 = x + 1 > r.x1 ? x + 1 : r.x1;
                r.y1 = y + 1;
            }
    box[0] = (float)r.x0;
    box[1] = (float)r.y0;
    box[2] = (float)r.x1;
    box[3] = (float)r.y1;
    return r.x1 > 0;
}

/* The box of the mask grown by a part of its sides, within the picture. */
static bool grown_bounds(const bool *inside, int height, int width, float part, int least,
                         struct bounds *r)
{
    float box[4];
    if (!mask_box(inside, height, width, box))
        return false;
    int by_x = (int)lroundf(part * (box[2] - box[0])), by_y = (int)lroundf(part * (box[3] - box[1]));
    by_x = by_x > least ? by_x : least;
    by_y = by_y > least ? by_y : least;
    *r = (struct bounds){(int)box[0] - by_x, (int)box[1] - by_y, (int)box[2] + by_x,
                         (int)box[3] + by_y};
    r->x0 = r->x0 < 0 ? 0 : r->x0;
    r->y0 = r->y0 < 0 ? 0 : r->y0;
    r->x1 = r->x1 > width ? width : r->x1;
    r->y1 = r->y1 > height ? height : r->y1;
    return true;
}

static float sane(float value)
{
    return isfinite(value) ? value : 0;
}

/* 1 2 1 both ways, inside the region; the border repeats. */
static void smooth_region(const float *values, int height, int width, const struct bounds *r,
                          float *smooth)
{
    static const float weight[3] = {1, 2, 1};
    for (int y = r->y0; y < r->y1; y++)
        for (int x = r->x0; x < r->x1; x++) {
            float sum = 0;
            for (int dy = -1; dy <= 1; dy++)
                for (int dx = -1; dx <= 1; dx++) {
                    int v = y + dy, u = x + dx;
                    v = v < 0 ? 0 : v >= height ? height - 1 : v;
                    u = u < 0 ? 0 : u >= width ? width - 1 : u;
                    sum += weight[dy + 1] * weight[dx + 1] *
                           sane(values[(size_t)v * (size_t)width + (size_t)u]);
                }
            smooth[(size_t)y * (size_t)width + (size_t)x] = sum / 16;
        }
}

static int bin_of(const struct appearance *appearance, float value)
{
    float range = appearance->high - appearance->low;
    float at = range > 0 ? (value - appearance->low) / range * GREY_BINS : 0;
    return at < 0 ? 0 : at >= GREY_BINS ? GREY_BINS - 1 : (int)at;
}

/* Three standard deviations about the mean, so that metal does not squeeze everything into one bin. */
static void find_range(struct appearance *appearance, const float *smooth, int width,
                       const struct bounds *r)
{
    double sum = 0, squares = 0, count = 0;
    for (int y = r->y0; y < r->y1; y++)
        for (int x = r->x0; x < r->x1; x++) {
            double value = smooth[(size_t)y * (size_t)width + (size_t)x];
            sum += value;
            squares += value * value;
            count++;
        }
    double mean = sum / count, sd = sqrt(fmax(0, squares / count - mean * mean));
    appearance->low = (float)(mean - 3 * sd);
    appearance->high = (float)(mean + 3 * sd);
}

static void blur_bins(double bins[GREY_BINS])
{
    double before = bins[0], total = 0;
    for (int b = 0; b < GREY_BINS; b++) {
        double here = bins[b], after = b + 1 < GREY_BINS ? bins[b + 1] : here;
        bins[b] = (before + 2 * here + after) / 4;
        before = here;
    }
    for (int b = 0; b < GREY_BINS; b++)
        total += bins[b];
    for (int b = 0; b < GREY_BINS && total > 0; b++)
        bins[b] /= total;
}

/* The bin below which half of the counts lie. */
static int median_bin(const double bins[GREY_BINS])
{
    double sum = 0;
    for (int b = 0; b < GREY_BINS; b++)
        if ((sum += bins[b]) >= 0.5)
            return b;
    return GREY_BINS - 1;
}

/* Greys near the object's median, by its median absolute deviation, and commoner inside than around. */
static void find_like(struct appearance *appearance, const double around[GREY_BINS],
                      const double inside[GREY_BINS], float tolerance)
{
    double deviation[GREY_BINS] = {0};
    int middle = median_bin(inside);
    for (int b = 0; b < GREY_BINS; b++)
        deviation[abs(b - middle)] += inside[b];
    float reach = tolerance * 1.4826f * ((float)median_bin(deviation) + 0.5f);
    double like[2] = {0};
    for (int b = 0; b < GREY_BINS; b++) {
        bool near = fabsf((float)(b - middle)) <= reach;
        appearance->like_object[b] = near && inside[b] > around[b];
        like[0] += appearance->like_object[b] ? around[b] : 0;
        like[1] += appearance->like_object[b] ? inside[b] : 0;
    }
    appearance->separation = (float)((like[1] + 1 - like[0]) / 2);
    appearance->likeness[0] = (float)like[0];
    appearance->likeness[1] = (float)like[1];
}

void appearance_learn(struct appearance *appearance, const struct propagation *propagation,
                      const float *values, const bool *inside, int height, int width, float *smooth)
{
    struct bounds r;
    float box[4];
    double bins[2][GREY_BINS] = {{0}};
    appearance->separation = 0;
    if (!grown_bounds(inside, height, width, SURROUNDINGS, SURROUNDINGS_PX, &r))
        return;
    mask_box(inside, height, width, box);
    appearance->side[0] = box[2] - box[0];
    appearance->side[1] = box[3] - box[1];
    smooth_region(values, height, width, &r, smooth);
    find_range(appearance, smooth, width, &r);
    for (int y = r.y0; y < r.y1; y++)
        for (int x = r.x0; x < r.x1; x++) {
            size_t p = (size_t)y * (size_t)width + (size_t)x;
            bins[inside[p]][bin_of(appearance, smooth[p])]++;
            appearance->area += inside[p];
        }
    blur_bins(bins[0]);
    blur_bins(bins[1]);
    find_like(appearance, bins[0], bins[1], propagation->tolerance);
}

void appearance_likeness(const struct appearance *appearance, const float *values, const bool *inside,
                         int height, int width, float *smooth, float likeness[2])
{
    struct bounds r;
    double like[2] = {0}, all[2] = {0};
    likeness[0] = likeness[1] = 0;
    if (!grown_bounds(inside, height, width, SURROUNDINGS, SURROUNDINGS_PX, &r))
        return;
    smooth_region(values, height, width, &r, smooth);
    for (int y = r.y0; y < r.y1; y++)
        for (int x = r.x0; x < r.x1; x++) {
            size_t p = (size_t)y * (size_t)width + (size_t)x;
            all[inside[p]]++;
            like[inside[p]] += appearance->like_object[bin_of(appearance, smooth[p])];
        }
    for (int n = 0; n < 2; n++)
        likeness[n] = all[n] > 0 ? (float)(like[n] / all[n]) : 0;
}

void appearance_limit_box(const struct appearance *appearance, const struct propagation *propagation,
                          const float before[4], float box[4])
{
    for (int a = 0; a < 2; a++) {
        float most = fmaxf(appearance->side[a] * propagation->widest, appearance->side[a] + 1);
        float middle = (before[a] + before[2 + a]) / 2;
        if (box[2 + a] - box[a] <= most)
            continue;
        middle = fminf(fmaxf(middle, box[a]), box[2 + a]); /* a stray island far aside may have moved it out */
        box[a] = fmaxf(box[a], middle - most / 2);
        box[2 + a] = fminf(box[2 + a], middle + most / 2);
    }
}

/* Marks the pixels of the right grey, then keeps those connected with where the object was. */
static size_t connected(const struct appearance *appearance, const float *smooth, const bool *inside,
                        int width, const struct bounds *r, bool *out, int *stack)
{
    size_t count = 0;
    int depth = 0;
    for (int y = r->y0; y < r->y1; y++)
        for (int x = r->x0; x < r->x1; x++) {
            int p = y * width + x;
            if (inside[p] && appearance->like_object[bin_of(appearance, smooth[p])]) {
                out[p] = true;
                stack[depth++] = p;
            }
        }
    while (depth) {
        static const int step[4][2] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}};
        int p = stack[--depth], x = p % width, y = p / width;
        count++;
        for (int n = 0; n < 4; n++) {
            int u = x + step[n][0], v = y + step[n][1], q = v * width + u;
            if (u < r->x0 || u >= r->x1 || v < r->y0 || v >= r->y1 || out[q] ||
                !appearance->like_object[bin_of(appearance, smooth[q])])
                continue;
            out[q] = true;
            stack[depth++] = q;
        }
    }
    return count;
}

/* Takes off rows, then columns, that hold hardly anything. */
static size_t shave(bool *out, int width, const struct bounds *r)
{
    size_t left = 0;
    for (int along = 0; along < 2; along++) {
        int lines = along ? r->x1 - r->x0 : r->y1 - r->y0;
        int length = along ? r->y1 - r->y0 : r->x1 - r->x0, fullest = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int line = 0; line < lines; line++) {
                int count = 0;
                for (int n = 0; n < length; n++)
                    count += along ? out[(r->y0 + n) * width + r->x0 + line]
                                   : out[(r->y0 + line) * width + r->x0 + n];
                if (!pass)
                    fullest = count > fullest ? count : fullest;
                bool whisker = (float)count < WHISKER * (float)fullest;
                for (int n = 0; pass && whisker && n < length; n++)
                    out[along ? (r->y0 + n) * width + r->x0 + line
                              : (r->y0 + line) * width + r->x0 + n] = false;
                if (pass && along && !whisker)
                    left += (size_t)count;
            }
    }
    return left;
}

size_t appearance_follow(const struct appearance *appearance, const struct propagation *propagation,
                         const float *values, const bool *inside, int height, int width, bool *out,
                         float *smooth, int *stack)
{
    struct bounds r;
    memset(out, 0, (size_t)height * (size_t)width * sizeof *out);
    if (!grown_bounds(inside, height, width, propagation->growth, propagation->growth_px, &r))
        return 0;
    smooth_region(values, height, width, &r, smooth);
    connected(appearance, smooth, inside, width, &r, out, stack);
    return shave(out, width, &r);
}
