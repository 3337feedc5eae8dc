#include <omp.h>
#include "nn/nn.h"

int nn_workers(int n)
{
    int most = nn_gemm_in_parallel() ? nn_threads() : 1;
    return n < 1 ? 1 : n < most ? n : most;
}

void nn_each(int n, void (*task)(void *context, int i, int worker), void *context)
{
    int workers = nn_workers(n);
    if (workers == 1) {
        for (int i = 0; i < n; i++)
            task(context, i, 0);
        return;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(workers)
    for (int i = 0; i < n; i++)
        task(context, i, omp_get_thread_num());
}
