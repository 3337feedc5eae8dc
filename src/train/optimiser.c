/* ref: PyTorch 1.13, torch/optim/adam.py _single_tensor_adam, adamw.py */
#include "train/optimiser.h"
#include <math.h>
#include "nn/nn.h"

enum { PIECE = 1 << 14 }; /* floats a thread takes at a time */

static size_t piece_length(size_t start, size_t count)
{
    return count - start < PIECE ? count - start : PIECE;
}

/* The numbers of one update, rounded to float32 as torch's kernels take them. */
struct update {
    float beta1, beta2, rest1, rest2; /* rest: 1 - beta */
    float step_size, root_correction, eps, scale;
    float added, kept; /* weight decay: of the gradient, or of the value */
};

static void update_piece(float *restrict value, float *restrict m, float *restrict v,
                         const float *restrict gradient, size_t count, struct update u)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        float g = u.scale * gradient[i] + u.added * value[i];
        m[i] = u.beta1 * m[i] + u.rest1 * g;
        v[i] = u.beta2 * v[i] + u.rest2 * g * g;
        value[i] = u.kept * value[i] - u.step_size * m[i] / (sqrtf(v[i]) / u.root_correction + u.eps);
    }
}

void adam_update(float *value, float *m, float *v, const float *gradient, size_t count,
                 const struct adam *adam, int64_t step, double weight_decay, double scale)
{
    double correction1 = 1 - pow(adam->beta1, (double)step), correction2 = 1 - pow(adam->beta2, (double)step);
    struct update u = {.beta1 = (float)adam->beta1,
                       .beta2 = (float)adam->beta2,
                       .rest1 = (float)(1 - adam->beta1),
                       .rest2 = (float)(1 - adam->beta2),
                       .step_size = (float)(adam->lr / correction1),
                       .root_correction = (float)sqrt(correction2),
                       .eps = (float)adam->eps,
                       .scale = (float)scale,
                       .added = adam->decoupled ? 0.0f : (float)weight_decay,
                       .kept = adam->decoupled ? (float)(1 - adam->lr * weight_decay) : 1.0f};
#pragma omp parallel for num_threads(count < PIECE ? 1 : nn_threads())
    for (size_t i = 0; i < count; i += PIECE)
        update_piece(value + i, m + i, v + i, gradient + i, piece_length(i, count), u);
}

void adam_step(struct parameters *parameters, unsigned parts, const struct adam *adam, double scale)
{
    for (size_t i = 0; i < parameters->count; i++) {
        struct parameter *p = &parameters->list[i];
        if (p->part & parts)
            adam_update(p->value, p->m, p->v, p->gradient, p->count, adam, ++p->step,
                        p->decays ? adam->weight_decay : 0, scale);
    }
}

static double squares_of(const float *x, size_t count)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < count; i++)
        sum += (double)x[i] * x[i];
    return sum;
}

/* Sums of pieces, then their sum in order: the same for any number of threads. */
static double squares_of_parameter(const struct parameter *p)
{
    enum { PIECES = 256 };
    double sums[PIECES] = {0}, sum = 0;
    size_t length = (p->count + PIECES - 1) / PIECES;
#pragma omp parallel for num_threads(p->count < PIECE ? 1 : nn_threads())
    for (size_t i = 0; i < PIECES; i++)
        if (i * length < p->count)
            sums[i] = squares_of(p->gradient + i * length,
                                 p->count - i * length < length ? p->count - i * length : length);
    for (size_t i = 0; i < PIECES; i++)
        sum += sums[i];
    return sum;
}

double gradient_norm(const struct parameters *parameters, unsigned parts)
{
    double sum = 0;
    for (size_t i = 0; i < parameters->count; i++)
        if (parameters->list[i].part & parts)
            sum += squares_of_parameter(&parameters->list[i]);
    return sqrt(sum);
}

void averages_update(struct parameters *parameters, double decay)
{
    float share = (float)(1 - decay);
    for (size_t i = 0; i < parameters->count; i++) {
        struct parameter *p = &parameters->list[i];
        if (!p->average)
            continue;
#pragma omp parallel for simd num_threads(p->count < PIECE ? 1 : nn_threads())
        for (size_t j = 0; j < p->count; j++)
            p->average[j] += share * (p->value[j] - p->average[j]);
    }
}
