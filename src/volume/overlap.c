#include "sammed2d/metrics.h"

enum { BLOCK = 1 << 16 }; /* counted in 32 bits, which are quicker */

struct sm_overlap sm_overlap_masks(const uint8_t *a, const uint8_t *b, size_t n)
{
    struct sm_overlap overlap = {0};
    for (size_t from = 0; from < n; from += BLOCK) {
        size_t end = n - from < BLOCK ? n : from + BLOCK;
        uint32_t in_a = 0, in_b = 0, in_both = 0;
#pragma omp simd reduction(+ : in_a, in_b, in_both)
        for (size_t v = from; v < end; v++) {
            in_a += a[v] != 0;
            in_b += b[v] != 0;
            in_both += (a[v] != 0) & (b[v] != 0);
        }
        overlap.a += in_a;
        overlap.b += in_b;
        overlap.both += in_both;
    }
    return overlap;
}

double sm_overlap_dice(struct sm_overlap overlap)
{
    size_t sum = overlap.a + overlap.b;
    return sum ? 2 * (double)overlap.both / (double)sum : 1;
}

double sm_overlap_iou(struct sm_overlap overlap)
{
    size_t either = overlap.a + overlap.b - overlap.both;
    return either ? (double)overlap.both / (double)either : 1;
}
