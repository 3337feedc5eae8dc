#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "lib/nn_check.h"

static uint64_t state;
static double worst_units, worst_share;

void dice_start(const char *test)
{
    const char *seed = getenv("SAMMED2D_SEED");
    state = seed ? strtoull(seed, NULL, 10) : 20240618;
    printf("# %s: SAMMED2D_SEED=%llu\n", test, (unsigned long long)state);
    worst_units = worst_share = 0;
}

/* splitmix64 */
static uint64_t next(void)
{
    uint64_t x = state += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

int dice(int low, int high)
{
    return low + (int)(next() % (uint64_t)(high - low + 1));
}

float *empty_floats(size_t count)
{
    float *x = malloc(count ? count * sizeof(*x) : 1);
    assert_non_null(x);
    for (size_t i = 0; i < count; i++)
        x[i] = NAN; /* what a kernel forgets to write is seen */
    return x;
}

float *random_floats(size_t count, float scale)
{
    float *x = empty_floats(count);
    for (size_t i = 0; i < count; i++)
        x[i] = scale * ((float)(next() >> 40) / 8388608.0f - 1.0f);
    return x;
}

double *empty_doubles(size_t count)
{
    double *x = calloc(count ? count : 1, sizeof(*x));
    assert_non_null(x);
    return x;
}

void check_close(const char *what, const float *got, const double *wanted, const double *size,
                 size_t count, double roundings)
{
    for (size_t i = 0; i < count; i++) {
        double units = fabs(got[i] - wanted[i]) / (U * (size ? size[i] : 1) + 1e-300);
        if (!(units <= roundings))
            fail_msg("%s, element %zu: %.9g instead of %.9g, %.1f roundings away, %.1f allowed",
                     what, i, got[i], wanted[i], units, roundings);
        worst_units = fmax(worst_units, units);
        worst_share = fmax(worst_share, units / roundings);
    }
}

void report_worst(const char *what)
{
    printf("# %s: at most %.1f roundings away, %.0f %% of the tolerance\n", what, worst_units,
           100 * worst_share);
    worst_units = worst_share = 0;
}

double sum_roundings(double k)
{
    return 4 + 4 * sqrt(k);
}
