#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "nn/gemm.h"
#include "nn/nn.h"

#define SUM_OF_PRODUCT(sum, x, weight) sum += (x) * (weight)

/* ---- any CPU: vectors of 128 bits ---- */

#define NAME(f) base_##f
#include "nn/gemm_loops.h"
#define TILE base_f32
#define VECTOR 16
#define ROWS 6
#define WORD float
#define SUM float
#define MULTIPLY_ADD SUM_OF_PRODUCT
#include "nn/gemm_tile.h"

#ifdef __SSE2__
#include <immintrin.h>
#define TILE base_pairs
#define VECTOR 16
#define ROWS 6
#define WORD int32_t
#define SUM int32_t
#define MULTIPLY_ADD(sum, x, weight)                                                               \
    sum += (__typeof__(sum))_mm_madd_epi16((__m128i)x, _mm_set1_epi32(weight))
#include "nn/gemm_tile.h"
#define BASE_INT8 .int8 = base_pairs, .int8_group = 2,
#else
#define BASE_INT8
#endif

#define LOOPS(set)                                                                                 \
    .pack = set##_pack, .to_bf16 = set##_to_bf16, .quantise = set##_quantise,                      \
    .range = set##_range, .from_bf16 = set##_from_bf16, .from_int8 = set##_from_int8,              \
    .widen_int8 = set##_widen_int8, .widen_uint8 = set##_widen_uint8, .gather = set##_gather,      \
    .from_int32 = set##_from_int32, .add_bias = set##_add_bias, .unpack = set##_unpack, \
    .add_terms = set##_add_terms, .exp2_sum = set##_exp2_sum, .scale_lanes = set##_scale_lanes

static const struct gemm_set base_set = {.name = "base", .f32 = base_f32, BASE_INT8 LOOPS(base)};

#ifdef __x86_64__

/* Between these two, functions may use the instruction sets named. */
#define PRAGMA(text) _Pragma(#text)
#ifdef __clang__
#define FOR_TARGET(sets)                                                                           \
    PRAGMA(clang attribute push(__attribute__((target(sets))), apply_to = function))
#define END_TARGET PRAGMA(clang attribute pop)
#else
#define FOR_TARGET(sets) PRAGMA(GCC push_options) PRAGMA(GCC target(sets))
#define END_TARGET PRAGMA(GCC pop_options)
#endif

/* ---- AVX2 and FMA ---- */

FOR_TARGET("avx2,fma")
#define NAME(f) avx2_##f
#include "nn/gemm_loops.h"
#define TILE avx2_f32
#define VECTOR 32
#define ROWS 6
#define WORD float
#define SUM float
#define MULTIPLY_ADD SUM_OF_PRODUCT
#include "nn/gemm_tile.h"
#define TILE avx2_pairs
#define VECTOR 32
#define ROWS 6
#define WORD int32_t
#define SUM int32_t
#define MULTIPLY_ADD(sum, x, weight)                                                               \
    sum += (__typeof__(sum))_mm256_madd_epi16((__m256i)x, _mm256_set1_epi32(weight))
#include "nn/gemm_tile.h"
END_TARGET

static const struct gemm_set avx2_set = {
    .name = "avx2", .f32 = avx2_f32, .int8 = avx2_pairs, .int8_group = 2, LOOPS(avx2)};

/* ---- AVX-512, and its instructions for bfloat16 and int8 where there are ---- */

FOR_TARGET("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")
#define NAME(f) avx512_##f
#include "nn/gemm_loops.h"
#define TILE avx512_f32
#define VECTOR 64
#define ROWS 12
#define WORD float
#define SUM float
#define MULTIPLY_ADD SUM_OF_PRODUCT
#include "nn/gemm_tile.h"
#define TILE avx512_pairs
#define VECTOR 64
#define ROWS 12
#define WORD int32_t
#define SUM int32_t
#define MULTIPLY_ADD(sum, x, weight)                                                               \
    sum += (__typeof__(sum))_mm512_madd_epi16((__m512i)x, _mm512_set1_epi32(weight))
#include "nn/gemm_tile.h"
END_TARGET
FOR_TARGET("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,avx2,fma")
#define TILE avx512_bf16
#define VECTOR 64
#define ROWS 12
#define WORD int32_t
#define SUM float
#define MULTIPLY_ADD(sum, x, weight)                                                               \
    sum = (__typeof__(sum))_mm512_dpbf16_ps((__m512)sum, (__m512bh)x,                              \
                                            (__m512bh)_mm512_set1_epi32(weight))
#include "nn/gemm_tile.h"
END_TARGET
FOR_TARGET("avx512f,avx512dq,avx512bw,avx512vl,avx512vnni,avx2,fma")
#define TILE avx512_int8
#define VECTOR 64
#define ROWS 12
#define WORD int32_t
#define SUM int32_t
#define MULTIPLY_ADD(sum, x, weight)                                                               \
    sum = (__typeof__(sum))_mm512_dpbusd_epi32((__m512i)sum, (__m512i)x, _mm512_set1_epi32(weight))
#include "nn/gemm_tile.h"
END_TARGET

/* Which of the low precisions a CPU knows differs: bit 0 bfloat16, bit 1 int8. */
#define WITHOUT_VNNI .int8 = avx512_pairs, .int8_group = 2
#define WITH_VNNI .int8 = avx512_int8, .int8_group = 4
static const struct gemm_set avx512_sets[4] = {
    {.name = "avx512f", .f32 = avx512_f32, WITHOUT_VNNI, LOOPS(avx512)},
    {.name = "avx512", .f32 = avx512_f32, .bf16 = avx512_bf16, WITHOUT_VNNI, LOOPS(avx512)},
    {.name = "avx512", .f32 = avx512_f32, WITH_VNNI, LOOPS(avx512)},
    {.name = "avx512", .f32 = avx512_f32, .bf16 = avx512_bf16, WITH_VNNI, LOOPS(avx512)},
};

const struct gemm_set *gemm_set_variant(int number)
{
    const struct gemm_set *usable[4];
    int count = 0;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        int more = !!__builtin_cpu_supports("avx512bf16") + 2 * !!__builtin_cpu_supports("avx512vnni");
        if (more)
            usable[count++] = &avx512_sets[more];
        usable[count++] = &avx512_sets[0];
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        usable[count++] = &avx2_set;
    usable[count++] = &base_set;
    return number < count ? usable[number] : NULL;
}

#else

const struct gemm_set *gemm_set_variant(int number)
{
    return number == 0 ? &base_set : NULL;
}

#endif

/* ---- the choice ---- */

static const struct gemm_set blas_set = {.name = "blas"};
static _Atomic(const struct gemm_set *) chosen;

bool nn_use_kernels(const char *name)
{
    const struct gemm_set *found = strcmp(name, blas_set.name) == 0 ? &blas_set : NULL;
    for (int i = 0; !found && gemm_set_variant(i); i++)
        if (strcmp(name, gemm_set_variant(i)->name) == 0)
            found = gemm_set_variant(i);
    if (found)
        atomic_store(&chosen, found);
    return found != NULL;
}

/* Vectors of 128 bits are no match for BLAS's kernels. */
static const struct gemm_set *choose(void)
{
    const char *name = getenv("SAMMED2D_KERNELS");
    const struct gemm_set *best = gemm_set_variant(0);
    if (!name || !nn_use_kernels(name))
        atomic_store(&chosen, best == &base_set ? &blas_set : best);
    return atomic_load(&chosen);
}

const struct gemm_set *gemm_set(void)
{
    const struct gemm_set *set = atomic_load(&chosen);
    set = set ? set : choose();
    return set == &blas_set ? NULL : set;
}

const struct gemm_set *gemm_own_set(void)
{
    const struct gemm_set *set = gemm_set();
    return set ? set : gemm_set_variant(0);
}

const char *nn_kernels(void)
{
    const struct gemm_set *set = gemm_set();
    return set ? set->name : blas_set.name;
}
