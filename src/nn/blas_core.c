/* Which kernels OpenBLAS should have taken. It knows processors by their model numbers, and what is newer than it
 * gets kernels of 2004 without a word, a quarter as fast (OpenBLAS issue 4267: Raptor Lake; 0.3.21 of Debian 12
 * does it on Emerald Rapids too). */
#include <string.h>
#include "nn/nn.h"
#include "nn/simd.h"

/* What OpenBLAS calls kernels that use neither AVX2 nor FMA. */
static const char *const before_avx2[] = {"Prescott", "Core2", "Penryn", "Dunnington", "Nehalem", "Sandybridge", "Atom",
                                          "Nano", "Athlon", "Opteron", "Opteron_SSE3", "Barcelona", "Bobcat",
                                          "Bulldozer", "Piledriver", "Steamroller"};
/* By the loops of our own that the processor runs. */
static const struct {
    const char *loops, *core;
} better[] = {{"avx512", "SkylakeX"}, {"avx2", "Haswell"}};

const char *nn_core_instead_of(const char *core)
{
    bool old = false;
    for (size_t n = 0; n < sizeof before_avx2 / sizeof *before_avx2; n++)
        old |= strcmp(core, before_avx2[n]) == 0;
    for (size_t n = 0; old && n < sizeof better / sizeof *better; n++)
        if (strcmp(nn_simd()->name, better[n].loops) == 0)
            return better[n].core;
    return NULL;
}
