#include <math.h>
#include <stdint.h>
#include <string.h>
#include "nn/simd.h"

#define EXP_LOW -86.0f
#define EXP_HIGH 88.0f
#define LOG2_E 1.44269504f
#define LN2_HIGH 0.693359375f /* few bits: k * LN2_HIGH is exact */
#define LN2_LOW -2.12194440e-4f
#define ROUNDER 12582912.0f /* 1.5 * 2^23: adding it rounds to an integer */
#define SQRT_HALF 0.707106781f
#define NORMAL_DENSITY 0.398942280f /* 1 / sqrt(2 pi) */

#define NAME(f) base_##f
#define TABLE base_table
#define TITLE "base"
#include "nn/simd_loops.h"

#ifdef __x86_64__

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define NAME(f) avx2_##f
#define TABLE avx2_table
#define TITLE "avx2"
#include "nn/simd_loops.h"
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#ifdef __clang__
#pragma clang attribute push(                                                                      \
    __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prefer-vector-width=512")
#endif
#define NAME(f) avx512_##f
#define TABLE avx512_table
#define TITLE "avx512"
#include "nn/simd_loops.h"
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const struct nn_simd *nn_simd_variant(int number)
{
    const struct nn_simd *usable[3];
    int count = 0;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        usable[count++] = &avx512_table;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        usable[count++] = &avx2_table;
    usable[count++] = &base_table;
    return number < count ? usable[number] : NULL;
}

#else

const struct nn_simd *nn_simd_variant(int number)
{
    return number == 0 ? &base_table : NULL;
}

#endif

const struct nn_simd *nn_simd(void)
{
    return nn_simd_variant(0);
}
