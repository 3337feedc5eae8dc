/* tests/lib/nn_check.h - random shapes and numbers, and how far a float32 result may be from
 * float64.
 *
 * Tolerances count roundings. One float32 operation is wrong by at most U = 2^-24 of its result. A
 * sum of k products makes k roundings, each at most U times the sum of the absolute products
 * (`size` in nn_ref.h); in whatever order they are of either sign, so that they grow as sqrt(k),
 * and 4 + 4 sqrt(k) of them are more than six standard deviations. A wrong index or a missing term
 * is wrong by about size / sqrt(k), tens of thousands of times more.
 */
#ifndef TESTS_LIB_NN_CHECK_H
#define TESTS_LIB_NN_CHECK_H

#include <stddef.h>
#include <stdint.h>

#define U 0x1p-24

/* Starts a test's random numbers: from $SAMMED2D_SEED, else always the same; prints the seed. */
void dice_start(const char *test);
/* Evenly in low..high, both included. */
int dice(int low, int high);
/* count floats, evenly in -scale..scale; freed by the caller. The block ends where the floats end,
 * so that a sanitizer sees the first one too many. */
float *random_floats(size_t count, float scale);
float *empty_floats(size_t count);
double *empty_doubles(size_t count);

/* Fails the test unless |got - wanted| <= roundings * U * size for each; size NULL is 1. Keeps the
 * largest difference in those units for report_worst. */
void check_close(const char *what, const float *got, const double *wanted, const double *size,
                 size_t count, double roundings);
/* Prints how much of the tolerance was used since the last report. */
void report_worst(const char *what);
/* Roundings of a sum of k products. */
double sum_roundings(double k);
#endif
