/* tests/lib/gradient_check.h - gradients against differences of a float64 function.
 *
 * The function is a kernel's naive float64 twin (nn_ref.h) times fixed numbers, summed. Differences are
 * central, at two steps, extrapolated to none (Richardson): what is left is of the order step^4, some
 * 1e-10, far below a float32 rounding. Inputs must be multiples of 2^-12 of at most a few units, so that
 * x + step is a float exactly: coarse_floats makes them.
 */
#ifndef TESTS_LIB_GRADIENT_CHECK_H
#define TESTS_LIB_GRADIENT_CHECK_H

#include <stddef.h>

struct objective {
    double (*value)(const void *context);
    const void *context;
};

/* count multiples of 2^-12, evenly in -scale..scale; freed by the caller. */
float *coarse_floats(size_t count, float scale);

/* Fails the test unless each gradient[i] is within roundings * 2^-24 * (1 + the largest gradient) of the
 * derivative of the objective by input[i]; of many elements only some, spread evenly, are looked at. */
void check_gradient(const char *what, struct objective objective, float *input, const float *gradient,
                    size_t count, double roundings);
/* sum of x * y */
double dot(const double *x, const float *y, size_t count);
#endif
