/* nn/gemm_loops.h - included by gemm_sets.c once for each instruction set, with NAME(f) defined to a
 * name of that set: what is done to activations before tiles and to sums after them. No include
 * guard: that is the point.
 */

#include "nn/exp2.h"

typedef uint32_t NAME(four) __attribute__((vector_size(16)));
typedef uint32_t NAME(four_anywhere) __attribute__((vector_size(16), aligned(4)));

/* Words of four rows to words of four columns. */
static inline void NAME(transpose_four)(NAME(four) x[4])
{
    NAME(four) a = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5);
    NAME(four) b = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7);
    NAME(four) c = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5);
    NAME(four) d = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);
    x[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    x[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    x[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    x[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

static void NAME(pack)(uint32_t *panel, const uint32_t *const rows[PANEL], int groups)
{
    static const uint32_t zeros[CHUNK];
    for (int t = 0; t < PANEL; t += 4) {
        const uint32_t *row[4];
        _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++)
            row[i] = rows[t + i] ? rows[t + i] : zeros;
        int g = 0;
        for (; g + 4 <= groups; g += 4) {
            NAME(four) x[4];
            _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++)
                x[i] = *(const NAME(four_anywhere) *)(row[i] + g);
            NAME(transpose_four)(x);
            _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++)
                *(NAME(four) *)(panel + (g + i) * PANEL + t) = x[i];
        }
        for (; g < groups; g++)
            _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++)
                panel[g * PANEL + t + i] = row[i][g];
    }
}

static void NAME(to_bf16)(uint16_t *restrict out, const float *restrict x, int count)
{
#pragma omp simd
    for (int i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof(bits));
        uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
        out[i] = (uint16_t)((bits & 0x7FFFFFFF) > 0x7F800000 ? bits >> 16 | 0x40 : rounded);
    }
}

static void NAME(quantise)(uint8_t *restrict out, const float *restrict x, float factor, float zero,
                           int count)
{
#pragma omp simd
    for (int i = 0; i < count; i++) {
        float place = x[i] * factor + (zero + 0.5f);
        place = place > 0.0f ? place : 0.0f; /* not-a-number too */
        place = place < 255.0f ? place : 255.0f;
        out[i] = (uint8_t)(int)place;
    }
}

static float NAME(range)(float *low, float *high, const float *x, int count)
{
    float least = *low, most = *high, sum = 0;
#pragma omp simd reduction(min : least) reduction(max : most) reduction(+ : sum)
    for (int i = 0; i < count; i++) {
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
        sum += x[i] * 0.0f;
    }
    *low = least;
    *high = most;
    return sum;
}

static void NAME(from_bf16)(float *restrict out, const uint16_t *restrict x, int count)
{
#pragma omp simd
    for (int i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)x[i] << 16;
        memcpy(out + i, &bits, sizeof(bits));
    }
}

static void NAME(from_int8)(float *restrict out, const int8_t *restrict x, int count)
{
#pragma omp simd
    for (int i = 0; i < count; i++)
        out[i] = x[i];
}

static void NAME(widen_int8)(int16_t *restrict out, const int8_t *restrict x, int count)
{
#pragma omp simd
    for (int i = 0; i < count; i++)
        out[i] = x[i];
}

static void NAME(widen_uint8)(int16_t *restrict out, const uint8_t *restrict x, int count)
{
#pragma omp simd
    for (int i = 0; i < count; i++)
        out[i] = x[i];
}

static void NAME(gather)(float *restrict out, const float *const *rows, int count, bool alternate,
                         int n)
{
    const float *a = rows[0], *b = rows[count > 1 ? 1 : 0];
    const float *c = rows[count > 2 ? 2 : 0], *d = rows[count > 2 ? 3 : 0];
    float sign = alternate ? -1.0f : 1.0f;
    if (count == 1)
        memcpy(out, a, (size_t)n * sizeof(float));
    else if (count == 2)
#pragma omp simd
        for (int i = 0; i < n; i++)
            out[i] = a[i] + sign * b[i];
    else
#pragma omp simd
        for (int i = 0; i < n; i++)
            out[i] = (a[i] + sign * b[i]) + sign * (c[i] + sign * d[i]);
}

static void NAME(from_int32)(float *sums, int channels, const float *scale, const int32_t *total,
                             const float *restrict factor, const int32_t *restrict zero)
{
    for (int c = 0; c < channels; c++, sums += PANEL) {
        const int32_t *sum = (const int32_t *)sums;
#pragma omp simd
        for (int t = 0; t < PANEL; t++)
            sums[t] = scale[c] * factor[t] * (float)(sum[t] - zero[t] * total[c]);
    }
}

static void NAME(add_bias)(float *x, int channels, const float *bias, bool relu)
{
    float least = relu ? 0.0f : -INFINITY;
    for (int c = 0; c < channels; c++, x += PANEL) {
        float term = bias ? bias[c] : 0.0f;
#pragma omp simd
        for (int t = 0; t < PANEL; t++) {
            float y = x[t] + term;
            x[t] = y < least ? least : y; /* not-a-number stays */
        }
    }
}

/* Four tokens, from channel c on. */
static inline void NAME(unpack_four)(float *const *out, const float *const *add, const float *x,
                                     int c)
{
    typedef float real __attribute__((vector_size(16)));
    typedef float real_anywhere __attribute__((vector_size(16), aligned(4)));
    NAME(four) block[4];
    _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++)
        block[i] = *(const NAME(four) *)(x + (c + i) * PANEL);
    NAME(transpose_four)(block);
    _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++) {
        real sum = (real)block[i];
        if (add)
            sum += *(const real_anywhere *)(add[i] + c);
        *(real_anywhere *)(out[i] + c) = sum;
    }
}

static void NAME(unpack)(float *const out[PANEL], const float *const *add, const float *x,
                         int channels)
{
    int t = 0;
    for (; t < PANEL && out[t + 3]; t += 4) {
        const float *const *more = add ? add + t : NULL;
        int c = 0;
        for (; c + 4 <= channels; c += 4)
            NAME(unpack_four)(out + t, more, x + t, c);
        for (; c < channels; c++)
            for (int i = t; i < t + 4; i++)
                out[i][c] = x[c * PANEL + i] + (add ? add[i][c] : 0.0f);
    }
    for (; t < PANEL && out[t]; t++)
        for (int c = 0; c < channels; c++)
            out[t][c] = x[c * PANEL + t] + (add ? add[t][c] : 0.0f);
}

/* ---- softmax of lanes ---- */

static void NAME(add_terms)(float *restrict x, const float *restrict row_term,
                            const float *restrict column_terms, int count, float *restrict most,
                            int lanes)
{
    for (int lane = 0; lane < lanes; lane += HALF) {
        float row[HALF], top[HALF];
        memcpy(row, row_term + lane, sizeof(row));
        memcpy(top, most + lane, sizeof(top));
        for (int i = 0; i < count; i++) {
            float *score = x + i * PANEL + lane;
            const float *column = column_terms + i * PANEL + lane;
#pragma omp simd
            for (int t = 0; t < HALF; t++) {
                float value = score[t] + (row[t] + column[t]);
                score[t] = value;
                top[t] = top[t] < value ? value : top[t];
            }
        }
        memcpy(most + lane, top, sizeof(top));
    }
}

static void NAME(exp2_sum)(float *restrict x, int count, const float *restrict most,
                           float *restrict sum, int lanes)
{
    for (int lane = 0; lane < lanes; lane += HALF) {
        float top[HALF], total[HALF];
        memcpy(top, most + lane, sizeof(top));
        memcpy(total, sum + lane, sizeof(total));
        for (int i = 0; i < count; i++) {
            float *score = x + i * PANEL + lane;
#pragma omp simd
            for (int t = 0; t < HALF; t++) {
                float power = NAME(exp2)(score[t] - top[t]);
                score[t] = power;
                total[t] += power;
            }
        }
        memcpy(sum + lane, total, sizeof(total));
    }
}

static void NAME(scale_lanes)(float *restrict x, int count, const float *restrict factor, int lanes)
{
    for (int i = 0; i < count; i++)
#pragma omp simd
        for (int t = 0; t < lanes; t++)
            x[i * PANEL + t] *= factor[t];
}

#undef NAME
