#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "volume/line.h"
#include "volume/order.h"

enum { BINS = 1 << 16, MAX_RANKS = 8 };

struct extremes {
    float low, high;
};

static void widen(void *context, const float *values, int n)
{
    struct extremes *e = context;
    for (int x = 0; x < n; x++)
        if (isfinite(values[x])) {
            if (values[x] < e->low)
                e->low = values[x];
            if (values[x] > e->high)
                e->high = values[x];
        }
}

enum sm_status order_extremes(const struct sm_volume *volume, double *low, double *high,
                              struct sm_err *err)
{
    struct extremes e = {INFINITY, -INFINITY};
    enum sm_status status = volume_each_line(volume, widen, &e, err);
    bool any = e.low <= e.high;
    *low = any ? e.low : 0;
    *high = any ? e.high : 0;
    return status;
}

/* A number that sorts as the float does. */
static uint32_t sortable(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static float from_sortable(uint32_t key)
{
    uint32_t bits = key & 0x80000000u ? key & 0x7fffffffu : ~key;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

struct rank {
    uint64_t wanted;    /* 0-based position in sorted order, then within the bin */
    uint32_t bin;       /* upper half of the key */
    uint64_t *low_half; /* BINS counters of the keys in that bin */
};

struct count {
    uint64_t total, *high_half; /* BINS counters of upper halves */
    struct rank rank[MAX_RANKS];
    int ranks;
};

static bool counts(float value)
{
    return value != 0 && isfinite(value);
}

static void count_high(void *context, const float *values, int n)
{
    struct count *count = context;
    for (int x = 0; x < n; x++)
        if (counts(values[x])) {
            count->high_half[sortable(values[x]) >> 16]++;
            count->total++;
        }
}

static void count_low(void *context, const float *values, int n)
{
    struct count *count = context;
    for (int x = 0; x < n; x++) {
        if (!counts(values[x]))
            continue;
        uint32_t key = sortable(values[x]);
        for (int r = 0; r < count->ranks; r++)
            if (count->rank[r].bin == key >> 16)
                count->rank[r].low_half[key & (BINS - 1)]++;
    }
}

/* The bin that holds position *wanted, which becomes the position within it. */
static uint32_t find_bin(const uint64_t *bins, uint64_t *wanted)
{
    uint32_t bin = 0;
    while (bin < BINS - 1 && *wanted >= bins[bin])
        *wanted -= bins[bin++];
    return bin;
}

/* Ranks on both sides of each percentile. */
static void set_ranks(struct count *count, const double *percent, int percentiles)
{
    count->ranks = 2 * percentiles;
    for (int p = 0; p < percentiles; p++) {
        uint64_t below = (uint64_t)floor(percent[p] / 100 * (double)(count->total - 1));
        count->rank[2 * p].wanted = below;
        count->rank[2 * p + 1].wanted = below + (below + 1 < count->total);
    }
    for (int r = 0; r < count->ranks; r++)
        count->rank[r].bin = find_bin(count->high_half, &count->rank[r].wanted);
}

static void interpolate(struct count *count, const double *percent, int percentiles, double *value)
{
    for (int p = 0; p < percentiles; p++) {
        double at = percent[p] / 100 * (double)(count->total - 1), side[2];
        for (int s = 0; s < 2; s++) {
            struct rank *rank = &count->rank[2 * p + s];
            uint32_t low = find_bin(rank->low_half, &rank->wanted);
            side[s] = from_sortable(rank->bin << 16 | low);
        }
        value[p] = side[0] + (side[1] - side[0]) * (at - floor(at));
    }
}

enum sm_status order_percentiles(const struct sm_volume *volume, const double *percent, int count,
                                 double *value, struct sm_err *err)
{
    for (int p = 0; p < count; p++)
        value[p] = 0;
    uint64_t *bins = calloc((size_t)(1 + 2 * count) * BINS, sizeof *bins);
    if (!bins)
        return sm_fail(err, SM_MEMORY, "out of memory: counters for percentiles");
    struct count c = {.high_half = bins};
    for (int r = 0; r < 2 * count; r++)
        c.rank[r].low_half = bins + (size_t)(1 + r) * BINS;
    enum sm_status status = volume_each_line(volume, count_high, &c, err);
    if (status == SM_OK && c.total) {
        set_ranks(&c, percent, count);
        status = volume_each_line(volume, count_low, &c, err);
        if (status == SM_OK)
            interpolate(&c, percent, count, value);
    }
    free(bins);
    return status;
}
