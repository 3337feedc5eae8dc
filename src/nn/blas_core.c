/* Which kernels OpenBLAS should have taken. It knows processors by their model numbers, and what is newer than it
 * gets kernels of 2004 without a word, a quarter as fast (OpenBLAS issue 4267: Raptor Lake; 0.3.21 of Debian 12
 * does it on Emerald Rapids too). */
#include <string.h>
#include "nn/nn.h"

#ifdef __x86_64__

/* What OpenBLAS calls kernels that use neither AVX2 nor FMA. */
static const char *const before_avx2[] = {"Prescott", "Core2", "Penryn", "Dunnington", "Nehalem", "Sandybridge", "Atom",
                                          "Nano", "Athlon", "Opteron", "Opteron_SSE3", "Barcelona", "Bobcat",
                                          "Bulldozer", "Piledriver", "Steamroller"};

const char *nn_core_instead_of(const char *core)
{
    bool old = false;
    for (size_t n = 0; n < sizeof before_avx2 / sizeof *before_avx2; n++)
        old |= strcmp(core, before_avx2[n]) == 0;
    if (!old || !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return NULL;
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    return wide ? "SkylakeX" : "Haswell";
}

#else

const char *nn_core_instead_of(const char *core)
{
    (void) core;
    return NULL;
}

#endif
