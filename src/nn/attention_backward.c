#include <math.h>
#include <omp.h>
#include "nn/nn_backward.h"
#include "nn/simd.h"

enum { LINE = 16 }; /* floats of a cache line: threads' parts begin on one, see attention.c */

/* Queries of one head that are looked at together, so that both their weights and the gradients by
 * them stay in the cache. */
static int queries_at_once(int tq, int tk)
{
    enum { SCORES = 1 << 17, FEWEST = 16 };
    int fitting = SCORES / tk > FEWEST ? SCORES / tk : FEWEST;
    return fitting < tq ? fitting : tq;
}

static size_t scores_floats(int tq, int tk)
{
    return ((size_t)queries_at_once(tq, tk) * tk + LINE - 1) / LINE * LINE;
}

size_t nn_attention_backward_scratch(int batch, int tq, int tk, int heads, int d)
{
    (void)batch, (void)heads, (void)d;
    return nn_threads() * 2 * scores_floats(tq, tk);
}

/* One head of one picture: pointers to its first number, all with the leading dimension ld. */
struct head {
    float *d_q, *d_k, *d_v;
    const float *d_out, *q, *k, *v;
    int tk, d, ld;
};

/* `queries` of the head from `first` on; d_k and d_v are added to, but by the first ones set. */
static void attend_back(const struct head *h, int first, int queries, float *weights, float *d_scores)
{
    const struct nn_simd *simd = nn_simd();
    size_t at = (size_t)first * h->ld;
    int tk = h->tk, d = h->d, ld = h->ld;
    float scale = 1.0f / sqrtf((float)d), keep = first > 0;
    nn_gemm(weights, tk, h->q + at, ld, false, h->k, ld, true, queries, tk, d, scale, 0.0f);
    nn_gemm(d_scores, tk, h->d_out + at, ld, false, h->v, ld, true, queries, tk, d, 1.0f, 0.0f);
    for (int i = 0; i < queries; i++) {
        float *row = weights + (size_t)i * tk;
        float sum = simd->exp_sum(row, tk);
        simd->scale(row, row, 1.0f / sum, tk);
        simd->softmax_backward(d_scores + (size_t)i * tk, row, tk);
    }
    nn_gemm(h->d_v, ld, weights, tk, true, h->d_out + at, ld, false, tk, d, queries, 1.0f, keep);
    nn_gemm(h->d_q + at, ld, d_scores, tk, false, h->k, ld, false, queries, d, tk, scale, 0.0f);
    nn_gemm(h->d_k, ld, d_scores, tk, true, h->q + at, ld, false, tk, d, queries, scale, keep);
}

void nn_attention_backward(float *d_q, float *d_k, float *d_v, const float *d_out, const float *q,
                           const float *k, const float *v, int batch, int tq, int tk, int heads, int d,
                           float *scratch)
{
    int once = queries_at_once(tq, tk), ld = heads * d;
    size_t scores = scores_floats(tq, tk);
#pragma omp parallel for schedule(dynamic) num_threads(nn_threads()) if (nn_gemm_in_parallel())
    for (int task = 0; task < batch * heads; task++) {
        size_t queries = (size_t)(task / heads) * tq * ld + (size_t)(task % heads) * d;
        size_t keys = (size_t)(task / heads) * tk * ld + (size_t)(task % heads) * d;
        struct head h = {d_q + queries, d_k + keys, d_v + keys, d_out + queries, q + queries,
                         k + keys,      v + keys,   tk,         d,               ld};
        float *mine = scratch + omp_get_thread_num() * 2 * scores;
        for (int first = 0; first < tq; first += once)
            attend_back(&h, first, tq - first < once ? tq - first : once, mine, mine + scores);
    }
}
