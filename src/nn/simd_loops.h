/* nn/simd_loops.h - included by simd.c once for each instruction set, with NAME(f) defined to a
 * name of that set, and TABLE and TITLE to the table's name and text. No include guard: that is the
 * point.
 *
 * exp and erf are polynomials because calls of libm's cannot be vectorised. The coefficients are
 * weighted least-squares fits, driven to equal ripple, of the functions named; with them the float
 * results are within 2 ulp (tests/unit/test_nn_act.c looks at every 97th float). Conditions are
 * written so that not-a-number falls through to the result.
 */

#include "nn/exp2.h"

static inline float NAME(from_bits)(int32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static inline int32_t NAME(to_bits)(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

/* exp(x) = 2^k exp(r), |r| <= ln 2 / 2; 0 below EXP_LOW, where the result would leave the normal
 * numbers, and exp(EXP_HIGH) above EXP_HIGH. */
static inline float NAME(exp)(float x)
{
    float clamped = x < EXP_LOW ? EXP_LOW : x;
    clamped = clamped > EXP_HIGH ? EXP_HIGH : clamped;
    float shifted = clamped * LOG2_E + ROUNDER; /* k sits in the low bits of the mantissa */
    float k = shifted - ROUNDER;
    float r = clamped - k * LN2_HIGH - k * LN2_LOW;
    float p = 0.00138145964f; /* (exp(r) - 1 - r) / r^2 */
    p = p * r + 0.00836871709f;
    p = p * r + 0.0416683881f;
    p = p * r + 0.166665206f;
    p = p * r + 0.499999934f;
    float e = 1.0f + (r + r * r * p);
    uint32_t exponent = (uint32_t)NAME(to_bits)(shifted) << 23;
    float scaled = NAME(from_bits)((int32_t)((uint32_t)NAME(to_bits)(e) + exponent));
    scaled = x != x ? x : scaled;
    return x < EXP_LOW ? 0.0f : scaled;
}

static inline float NAME(erf)(float x)
{
    float t = fabsf(x), s = x * x;
    float p = 7.8538577e-05f; /* erf(x) / x - 1 in x^2, |x| <= 1 */
    p = p * s - 0.000801019252f;
    p = p * s + 0.00518832756f;
    p = p * s - 0.0268538119f;
    p = p * s + 0.112835851f;
    p = p * s - 0.376126258f;
    p = p * s + 0.128379166f;
    t = t > 4.0f ? 4.0f : t;    /* erf(4) rounds to 1 */
    float q = -0.000187605643f; /* -log(1 - erf(t)), 0.99 <= t <= 4 */
    q = q * t + 0.00296012219f;
    q = q * t - 0.0218896733f;
    q = q * t + 0.103218265f;
    q = q * t + 0.638012147f;
    q = q * t + 1.12717169f;
    q = q * t + 0.000320564433f;
    float far = 1.0f - NAME(exp)(-q);
    float near = x + x * p;
    far = x < 0.0f ? -far : far;
    return t < 1.0f ? near : far;
}

/* x Phi(x), Phi the normal distribution: for x > 0 that is x - x Phi(-x), so one polynomial, of the
 * logarithm of Phi(-|x|), and one exponential do for both. |x| is held where the result is 0 or x. */
static inline float NAME(gelu_of)(float x)
{
    float t = fabsf(x), p = -1.70608610e-06f;
    t = t > 14.0f ? 14.0f : t; /* not-a-number stays */
    p = p * t + 2.69976117e-05f;
    p = p * t - 0.000133031281f;
    p = p * t - 0.000251336169f;
    p = p * t + 0.00719470857f;
    p = p * t - 0.0525749922f;
    p = p * t - 0.459185690f;
    p = p * t - 1.15110767f;
    p = p * t - 0.999999940f;
    float tail = p < -126.0f ? 0.0f : t * NAME(exp2)(p);
    return (x < 0.0f ? 0.0f : x) - tail;
}

static void NAME(gelu)(float *x, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        x[i] = NAME(gelu_of)(x[i]);
}

static void NAME(bias_gelu)(float *restrict x, const float *restrict bias, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        x[i] = NAME(gelu_of)(x[i] + bias[i]);
}

static void NAME(sigmoid)(float *x, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        x[i] = 1.0f / (1.0f + NAME(exp)(-x[i]));
}

static void NAME(relu)(float *x, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        x[i] = x[i] < 0.0f ? 0.0f : x[i];
}

static void NAME(add)(float *restrict x, const float *restrict y, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        x[i] += y[i];
}

static void NAME(scale)(float *out, const float *x, float factor, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        out[i] = factor * x[i];
}

static void NAME(multiply)(float *out, const float *x, const float *y, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        out[i] = x[i] * y[i];
}

static float NAME(exp_sum_below)(float *x, float max, size_t count)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < count; i++) {
        float e = NAME(exp)(x[i] - max);
        x[i] = e;
        sum += e;
    }
    return sum;
}

static float NAME(exp_sum)(float *x, size_t count)
{
    float max = -INFINITY;
#pragma omp simd reduction(max : max)
    for (size_t i = 0; i < count; i++)
        max = max < x[i] ? x[i] : max;
    return NAME(exp_sum_below)(x, max, count);
}

static float NAME(exp_sum_positions)(float *restrict x, const float *restrict row_term,
                                     const float *restrict column_term, int rows, int columns)
{
    float max = -INFINITY;
    for (int i = 0; i < rows; i++) {
        float *line = x + (size_t)i * columns, term = row_term[-i];
#pragma omp simd reduction(max : max)
        for (int j = 0; j < columns; j++) {
            float value = line[j] + (term + column_term[-j]);
            line[j] = value;
            max = max < value ? value : max;
        }
    }
    return NAME(exp_sum_below)(x, max, (size_t)rows * columns);
}

/* Four sums at a time: w is read once for four rows of x. Past the last row the sums repeat it. */
static void NAME(dot_rows)(float *out, size_t ld_out, const float *x, size_t ld_x, const float *w,
                           int rows, int k)
{
    for (int r = 0; r < rows; r += 4) {
        const float *x0 = x + (size_t)r * ld_x, *x1 = r + 1 < rows ? x0 + ld_x : x0;
        const float *x2 = r + 2 < rows ? x1 + ld_x : x1, *x3 = r + 3 < rows ? x2 + ld_x : x2;
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
#pragma omp simd reduction(+ : s0, s1, s2, s3)
        for (int i = 0; i < k; i++) {
            s0 += x0[i] * w[i];
            s1 += x1[i] * w[i];
            s2 += x2[i] * w[i];
            s3 += x3[i] * w[i];
        }
        const float sum[4] = {s0, s1, s2, s3};
        for (int i = 0; i < 4 && r + i < rows; i++)
            out[(size_t)(r + i) * ld_out] += sum[i];
    }
}

/* A strip of columns at a time, whose maxima and sums stay in registers or next to them. */
static void NAME(softmax_columns)(float *x, size_t ld, int rows, int columns)
{
    enum { STRIP = 64 };
    float max[STRIP], sum[STRIP];
    for (int first = 0; first < columns; first += STRIP) {
        int n = columns - first < STRIP ? columns - first : STRIP;
        float *strip = x + first;
        for (int j = 0; j < n; j++) {
            max[j] = -INFINITY;
            sum[j] = 0;
        }
        for (int i = 0; i < rows; i++)
#pragma omp simd
            for (int j = 0; j < n; j++)
                max[j] = max[j] < strip[i * ld + j] ? strip[i * ld + j] : max[j];
        for (int i = 0; i < rows; i++)
#pragma omp simd
            for (int j = 0; j < n; j++) {
                float e = NAME(exp)(strip[i * ld + j] - max[j]);
                strip[i * ld + j] = e;
                sum[j] += e;
            }
#pragma omp simd
        for (int j = 0; j < n; j++)
            sum[j] = 1.0f / sum[j];
        for (int i = 0; i < rows; i++)
#pragma omp simd
            for (int j = 0; j < n; j++)
                strip[i * ld + j] *= sum[j];
    }
}

static void NAME(norm_row)(float *out, const float *x, const float *weight, const float *bias,
                           int n, float eps)
{
    float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++)
        sum += x[i];
    float mean = sum / n;
#pragma omp simd reduction(+ : squares)
    for (int i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    float factor = 1.0f / sqrtf(squares / n + eps);
#pragma omp simd
    for (int i = 0; i < n; i++)
        out[i] = (x[i] - mean) * factor * weight[i] + bias[i];
}

/* ---- backwards: nn_backward.h ---- */

/* d *= Phi(x) + x phi(x), Phi and phi the normal distribution and its density. */
static void NAME(gelu_backward)(float *restrict d, const float *restrict x, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        float half = x[i] * SQRT_HALF;
        d[i] *= 0.5f * (1.0f + NAME(erf)(half)) + x[i] * NORMAL_DENSITY * NAME(exp)(-half * half);
    }
}

static void NAME(relu_backward)(float *restrict d, const float *restrict y, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        d[i] = y[i] > 0.0f ? d[i] : 0.0f;
}

/* d = y * (d - sum of d * y) */
static void NAME(softmax_backward)(float *restrict d, const float *restrict y, size_t count)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < count; i++)
        sum += d[i] * y[i];
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        d[i] = y[i] * (d[i] - sum);
}

/* sum += x * y */
static void NAME(multiply_add)(float *restrict sum, const float *restrict x, const float *restrict y,
                               size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        sum[i] += x[i] * y[i];
}

static void NAME(add_scaled)(float *restrict sum, const float *restrict x, float factor, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        sum[i] += factor * x[i];
}

static void NAME(norm_row_backward)(float *d_x, float *d_weight, float *d_bias, const float *d_out,
                                    const float *x, const float *weight, int n, float eps)
{
    float sum = 0, squares = 0, along = 0, level = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++)
        sum += x[i];
    float mean = sum / n;
#pragma omp simd reduction(+ : squares)
    for (int i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    float factor = 1.0f / sqrtf(squares / n + eps);
#pragma omp simd reduction(+ : along, level)
    for (int i = 0; i < n; i++) {
        float d = d_out[i] * weight[i];
        level += d;
        along += d * ((x[i] - mean) * factor);
    }
    level /= n;
    along /= n;
    if (d_bias)
        NAME(add)(d_bias, d_out, (size_t)n);
    if (d_weight) {
#pragma omp simd
        for (int i = 0; i < n; i++)
            d_weight[i] += d_out[i] * ((x[i] - mean) * factor);
    }
#pragma omp simd
    for (int i = 0; i < n; i++)
        d_x[i] = factor * (d_out[i] * weight[i] - level - (x[i] - mean) * factor * along);
}

static const struct nn_simd TABLE = {
    TITLE,          NAME(gelu),  NAME(bias_gelu), NAME(sigmoid), NAME(relu),
    NAME(add),      NAME(scale), NAME(multiply),  NAME(exp_sum), NAME(dot_rows),
    NAME(softmax_columns),     NAME(exp_sum_positions),
    NAME(norm_row), NAME(gelu_backward), NAME(relu_backward), NAME(softmax_backward),
    NAME(multiply_add), NAME(add_scaled), NAME(norm_row_backward),
};

#undef NAME
#undef TABLE
#undef TITLE
