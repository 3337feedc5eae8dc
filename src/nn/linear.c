#include <cblas.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include "nn/nn.h"
#include "nn/parallel.h"
#include "nn/simd.h"

static atomic_int thread_count; /* 0: not yet asked for */

/* Threads are this library's own (nn_gemm's strips), so BLAS needs none, whichever build it is. A pthread
 * build would have a second set of them beside OpenMP's, which spin a while after each call; with one
 * thread a call it takes calls from several threads as an openmp build does. */
static void share_threads(int threads)
{
    openblas_set_num_threads(1);
    omp_set_num_threads(threads); /* after it: an openmp build sets OpenMP's number too */
}

void nn_set_threads(int threads)
{
    if (threads <= 0)
        threads = omp_get_num_procs();
    omp_set_dynamic(0); /* OpenBLAS waits for as many threads as it asked for, and OMP_DYNAMIC may give fewer */
    atomic_store(&thread_count, threads);
    share_threads(threads);
}

/* OpenMP's own choice is taken once and kept: it may differ from thread to thread, and scratch that
 * was sized for few must not meet many. A thread of a team works by itself. */
int nn_threads(void)
{
    int threads = atomic_load(&thread_count);
    if (omp_in_parallel())
        return 1;
    if (threads)
        return threads;
    int own = omp_get_max_threads();
    if (!atomic_compare_exchange_strong(&thread_count, &threads, own))
        return threads;
    share_threads(own);
    return own;
}

/* A sequential build's buffers have no locks, and calls from several threads give wrong numbers without a
 * word. */
bool nn_gemm_in_parallel(void)
{
    return openblas_get_parallel() != 0;
}

static void small_gemm(void)
{
    enum { SIDE = 128 };
    static const float zeros[SIDE * SIDE];
    static _Thread_local float product[SIDE * SIDE];
    nn_gemm(product, SIDE, zeros, SIDE, false, zeros, SIDE, true, SIDE, SIDE, SIDE, 1, 0);
}

size_t nn_reserve(void)
{
    const size_t buffer = (size_t)128 << 20; /* OpenBLAS's BUFFER_SIZE on x86-64, one a thread */
    size_t wanted = buffer * ((size_t)nn_threads() + 1);
    void *probe = mmap(NULL, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED)
        return wanted;
    munmap(probe, wanted);
    small_gemm();
    if (nn_gemm_in_parallel()) {
#pragma omp parallel num_threads(nn_threads())
        small_gemm();
    }
    return 0;
}

const char *nn_blas_core(void)
{
    return openblas_get_corename();
}

const char *nn_blas_description(void)
{
    static _Thread_local char text[128];
    static const char *const build[] = {"sequential", "pthread", "openmp"}; /* openblas_get_parallel() */
    char version[32] = "";
    int parallel = openblas_get_parallel();
    sscanf(openblas_get_config(), "OpenBLAS %31s", version);
    snprintf(text, sizeof(text), "OpenBLAS %s (%s, %s), loops for %s", version,
             parallel >= 0 && parallel <= 2 ? build[parallel] : "unknown",
             nn_blas_core(), nn_simd()->name);
    return text;
}

static void one_gemm(float *c, int ldc, const float *a, int lda, bool transpose_a, const float *b,
                     int ldb, bool transpose_b, int m, int n, int k, float alpha, float beta)
{
    cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
                transpose_b ? CblasTrans : CblasNoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

/* Into how many strips, each for one thread: 1 leaves it to BLAS. */
static int strips_of(int longer, double products)
{
    enum { LEAST_PRODUCTS = 1 << 18, LEAST_WIDTH = 16 };
    int strips = longer / LEAST_WIDTH < nn_threads() ? longer / LEAST_WIDTH : nn_threads();
    if (products < LEAST_PRODUCTS || strips < 2 || omp_in_parallel() || !nn_gemm_in_parallel())
        return 1;
    return strips;
}

/* The threads of one OpenBLAS call wait for each other without giving way, which takes a hundred times
 * as long when other programs want the processor; strips of the result need no waiting. */
void nn_gemm(float *c, int ldc, const float *a, int lda, bool transpose_a, const float *b, int ldb,
             bool transpose_b, int m, int n, int k, float alpha, float beta)
{
    bool across = n > m;
    int longer = across ? n : m, strips = strips_of(longer, (double)m * n * k);
    size_t step_a = across ? 0 : transpose_a ? 1 : (size_t)lda;
    size_t step_b = !across ? 0 : transpose_b ? (size_t)ldb : 1, step_c = across ? 1 : (size_t)ldc;
    if (m < 1 || n < 1)
        return;
    if (strips == 1) {
        one_gemm(c, ldc, a, lda, transpose_a, b, ldb, transpose_b, m, n, k, alpha, beta);
        return;
    }
#pragma omp parallel for num_threads(strips)
    for (int i = 0; i < strips; i++) {
        int first = (int)((long)longer * i / strips), next = (int)((long)longer * (i + 1) / strips);
        one_gemm(c + first * step_c, ldc, a + first * step_a, lda, transpose_a, b + first * step_b, ldb,
                 transpose_b, across ? m : next - first, across ? next - first : n, k, alpha, beta);
    }
}

/* So few rows that a GEMM would spend its time on repacking w: out (rows, n) += x w^T. */
enum { FEW_ROWS = 8 };

static void add_few_rows(float *out, int ld_out, const float *x, int ld_x, const float *w, int rows,
                         int k, int n)
{
    const struct nn_simd *simd = nn_simd();
#pragma omp parallel for num_threads(threads_for((size_t)n *k))
    for (int j = 0; j < n; j++)
        simd->dot_rows(out + j, (size_t)ld_out, x, (size_t)ld_x, w + (size_t)j * k, rows, k);
}

void nn_linear_ld(float *out, int ld_out, const float *x, int ld_x, const float *w,
                  const float *bias, int rows, int k, int n)
{
    int begun = bias || rows <= FEW_ROWS ? rows : 0;
#pragma omp parallel for num_threads(threads_for((size_t)rows *n))
    for (int i = 0; i < begun; i++) {
        if (bias)
            memcpy(out + (size_t)i * ld_out, bias, n * sizeof(float));
        else
            memset(out + (size_t)i * ld_out, 0, n * sizeof(float));
    }
    if (rows <= FEW_ROWS) {
        add_few_rows(out, ld_out, x, ld_x, w, rows, k, n);
        return;
    }
    nn_gemm(out, ld_out, x, ld_x, false, w, k, true, rows, n, k, 1.0f, bias ? 1.0f : 0.0f);
}

void nn_linear(float *out, const float *x, const float *w, const float *bias, int rows, int k,
               int n)
{
    nn_linear_ld(out, n, x, k, w, bias, rows, k, n);
}

void nn_linear_add(float *out, const float *x, const float *w, const float *bias, int rows, int k,
                   int n)
{
    if (bias)
        nn_add_rows(out, out, bias, rows, n);
    if (rows <= FEW_ROWS) {
        add_few_rows(out, n, x, k, w, rows, k, n);
        return;
    }
    nn_gemm(out, n, x, k, false, w, k, true, rows, n, k, 1.0f, 1.0f);
}
