#include <math.h>
#include <omp.h>
#include "nn/nn.h"
#include "nn/simd.h"

/* Queries of one head that are looked at together, so that their scores stay in the cache. */
static int queries_at_once(int tq, int tk)
{
    enum { SCORES = 1 << 18, FEWEST = 16 };
    int fitting = SCORES / tk > FEWEST ? SCORES / tk : FEWEST;
    return fitting < tq ? fitting : tq;
}

static int pieces(int tq, int tk)
{
    int once = queries_at_once(tq, tk);
    return (tq + once - 1) / once;
}

/* Floats of one thread's scores, whole cache lines: the order in which a compiler's loop adds up
 * may depend on where in a line it starts, and results must not depend on the thread. */
static size_t scores_floats(int tq, int tk)
{
    enum { LINE = 16 };
    return ((size_t)queries_at_once(tq, tk) * tk + LINE - 1) / LINE * LINE;
}

size_t nn_attention_scratch(int batch, int tq, int tk, int heads, int d)
{
    (void)batch, (void)heads, (void)d;
    return nn_threads() * scores_floats(tq, tk);
}

/* One head, `queries` of them: all matrices have the leading dimension ld = heads * d. */
static void attend(float *out, const float *q, const float *k, const float *v, int queries, int tk,
                   int d, int ld, float *scores)
{
    const struct nn_simd *simd = nn_simd();
    nn_gemm(scores, tk, q, ld, false, k, ld, true, queries, tk, d, 1.0f / sqrtf((float)d), 0.0f);
    for (int i = 0; i < queries; i++) {
        float *row = scores + (size_t)i * tk;
        float sum = simd->exp_sum(row, tk);
        simd->scale(row, row, 1.0f / sum, tk);
    }
    nn_gemm(out, ld, scores, tk, false, v, ld, false, queries, d, tk, 1.0f, 0.0f);
}

void nn_attention(float *out, const float *q, const float *k, const float *v, int batch, int tq,
                  int tk, int heads, int d, float *scratch)
{
    int once = queries_at_once(tq, tk), count = pieces(tq, tk), ld = heads * d;
    size_t scores = scores_floats(tq, tk);
#pragma omp parallel for schedule(dynamic) num_threads(nn_threads()) if (nn_gemm_in_parallel())
    for (int task = 0; task < batch * heads * count; task++) {
        int first = task % count * once, head = task / count % heads;
        size_t picture = task / count / heads;
        size_t queries_at = (picture * tq + first) * ld + (size_t)head * d;
        size_t keys_at = picture * tk * ld + (size_t)head * d;
        attend(out + queries_at, q + queries_at, k + keys_at, v + keys_at,
               tq - first < once ? tq - first : once, tk, d, ld,
               scratch + omp_get_thread_num() * scores);
    }
}
