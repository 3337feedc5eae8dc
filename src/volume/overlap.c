#include "sammed2d/metrics.h"

struct sm_overlap sm_overlap_masks(const uint8_t *a, const uint8_t *b, size_t n)
{
    struct sm_overlap overlap = {0};
    for (size_t v = 0; v < n; v++) {
        overlap.a += a[v] != 0;
        overlap.b += b[v] != 0;
        overlap.both += a[v] && b[v];
    }
    return overlap;
}

double sm_overlap_dice(struct sm_overlap overlap)
{
    size_t sum = overlap.a + overlap.b;
    return sum ? 2 * (double) overlap.both / (double) sum : 1;
}

double sm_overlap_iou(struct sm_overlap overlap)
{
    size_t either = overlap.a + overlap.b - overlap.both;
    return either ? (double) overlap.both / (double) either : 1;
}
