#include <math.h>
#include <stdlib.h>
#include "lib/gradient_check.h"
#include "lib/nn_check.h"

enum { MOST = 24 }; /* elements looked at */

float *coarse_floats(size_t count, float scale)
{
    float *x = random_floats(count, scale);
    for (size_t i = 0; i < count; i++)
        x[i] = rintf(x[i] * 4096) / 4096;
    return x;
}

static double central(struct objective o, float *x, float step)
{
    float before = *x;
    *x = before + step;
    double above = o.value(o.context);
    *x = before - step;
    double below = o.value(o.context);
    *x = before;
    return (above - below) / (2 * (double)step);
}

void check_gradient(const char *what, struct objective objective, float *input, const float *gradient,
                    size_t count, double roundings)
{
    size_t step = count > MOST ? count / MOST : 1, looked_at = (count + step - 1) / step;
    double *wanted = empty_doubles(looked_at), largest = 0;
    double *size = empty_doubles(looked_at);
    float *got = empty_floats(looked_at);
    for (size_t n = 0; n < looked_at; n++) {
        float *x = input + n * step;
        wanted[n] = (4 * central(objective, x, 0x1p-8f) - central(objective, x, 0x1p-7f)) / 3;
        got[n] = gradient[n * step];
        largest = fmax(largest, fabs(wanted[n]));
    }
    for (size_t n = 0; n < looked_at; n++)
        size[n] = 1 + largest;
    check_close(what, got, wanted, size, looked_at, roundings);
    free(wanted), free(size), free(got);
}

double dot(const double *x, const float *y, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += x[i] * y[i];
    return sum;
}
