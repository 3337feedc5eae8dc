/* linear.c against its twin; sizes around the blocks of BLAS kernels, and one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/nn_check.h"
#include "lib/nn_ref.h"
#include "nn/nn.h"

static void test_gemm(void **unused)
{
    (void)unused;
    dice_start("gemm");
    for (int round = 0; round < 200; round++) {
        int m = dice(1, 70), n = dice(1, 70), k = dice(1, 130);
        bool ta = dice(0, 1), tb = dice(0, 1);
        int lda = (ta ? m : k) + dice(0, 3), ldb = (tb ? k : n) + dice(0, 3), ldc = n + dice(0, 3);
        float alpha = dice(-2, 2) / 2.0f, beta = dice(0, 2) / 2.0f;
        float *a = random_floats((size_t)(ta ? k : m) * lda, 1),
              *c = random_floats((size_t)m * ldc, 1);
        float *b = random_floats((size_t)(tb ? n : k) * ldb, 1),
              *before = empty_floats((size_t)m * n);
        double *wanted = empty_doubles((size_t)m * n), *size = empty_doubles((size_t)m * n);
        for (int i = 0; i < m; i++)
            memcpy(before + (size_t)i * n, c + (size_t)i * ldc, n * sizeof(float));
        ref_gemm(wanted, size, before, a, lda, ta, b, ldb, tb, m, n, k, alpha, beta);
        nn_gemm(c, ldc, a, lda, ta, b, ldb, tb, m, n, k, alpha, beta);
        for (int i = 0; i < m; i++)
            check_close("gemm", c + (size_t)i * ldc, wanted + (size_t)i * n, size + (size_t)i * n,
                        n, sum_roundings(k));
        free(a), free(b), free(c), free(before), free(wanted), free(size);
    }
    report_worst("gemm");
}

static void one_linear(int rows, int k, int n, bool with_bias)
{
    size_t count = (size_t)rows * n;
    float *x = random_floats((size_t)rows * k, 1), *w = random_floats((size_t)n * k, 1);
    float *bias = with_bias ? random_floats(n, 1) : NULL, *out = empty_floats(count);
    float *sum = random_floats(count, 1);
    double *wanted = empty_doubles(count), *size = empty_doubles(count);
    ref_linear(wanted, size, x, k, w, bias, rows, k, n);
    nn_linear(out, x, w, bias, rows, k, n);
    check_close("linear", out, wanted, size, count, sum_roundings(k));
    for (size_t i = 0; i < count; i++) {
        wanted[i] += sum[i];
        size[i] += fabs(sum[i]);
    }
    nn_linear_add(sum, x, w, bias, rows, k, n);
    check_close("linear_add", sum, wanted, size, count, sum_roundings(k + 1));
    free(x), free(w), free(bias), free(out), free(sum), free(wanted), free(size);
}

static void test_linear(void **unused)
{
    (void)unused;
    dice_start("linear");
    for (int round = 0; round < 100; round++)
        one_linear(dice(1, round < 50 ? 10 : 60), dice(1, 200), dice(1, 90), dice(0, 1));
    one_linear(257, 1023, 130, true);
    report_worst("linear");
}

static void test_linear_ld(void **unused)
{
    (void)unused;
    dice_start("linear_ld");
    for (int round = 0; round < 50; round++) {
        int rows = dice(1, 20), k = dice(1, 50), n = dice(1, 30);
        int ld_x = k + dice(0, 5), ld_out = n + dice(1, 5);
        float *x = random_floats((size_t)rows * ld_x, 1), *w = random_floats((size_t)n * k, 1);
        float *bias = random_floats(n, 1), *out = empty_floats((size_t)rows * ld_out);
        double *wanted = empty_doubles((size_t)rows * n), *size = empty_doubles((size_t)rows * n);
        ref_linear(wanted, size, x, ld_x, w, bias, rows, k, n);
        nn_linear_ld(out, ld_out, x, ld_x, w, bias, rows, k, n);
        for (int i = 0; i < rows; i++) {
            check_close("linear_ld", out + (size_t)i * ld_out, wanted + (size_t)i * n,
                        size + (size_t)i * n, n, sum_roundings(k));
            assert_true(
                isnan(out[(size_t)i * ld_out + n])); /* between the rows nothing is written */
        }
        free(x), free(w), free(bias), free(out), free(wanted), free(size);
    }
}

static void test_threads(void **unused)
{
    (void)unused;
    nn_set_threads(3);
    assert_int_equal(nn_threads(), 3);
    one_linear(65, 64, 63, true);
    nn_set_threads(0);
    assert_true(nn_threads() >= 1);
    printf("# %s\n", nn_blas_description());
    assert_non_null(strstr(nn_blas_description(), "OpenBLAS "));
}

enum { TASKS = 200 };
struct tasks {
    int done[TASKS];
    atomic_bool busy[TASKS]; /* by worker */
    atomic_int clashes;
    float *w;
    int workers; /* as who sizes scratch sees them: a thread of a team sees itself alone */
};

static void one_task(void *context, int i, int worker)
{
    struct tasks *tasks = context;
    float x[8 * 16], out[8 * 16];
    if (worker < 0 || worker >= tasks->workers || atomic_exchange(&tasks->busy[worker], true))
        atomic_fetch_add(&tasks->clashes, 1);
    for (int j = 0; j < 8 * 16; j++)
        x[j] = (float)(i + j);
    nn_linear(out, x, tasks->w, NULL, 8, 16, 16); /* the identity */
    tasks->done[i] += memcmp(x, out, sizeof x) == 0;
    atomic_store(&tasks->busy[worker], false);
}

static void test_each(void **unused)
{
    (void)unused;
    float identity[16 * 16] = {0};
    for (int i = 0; i < 16; i++)
        identity[17 * i] = 1;
    for (int threads = 1; threads <= 3; threads++) {
        struct tasks tasks = {.w = identity};
        nn_set_threads(threads);
        tasks.workers = nn_workers(TASKS);
        nn_each(TASKS, one_task, &tasks);
        assert_int_equal(tasks.clashes, 0);
        for (int i = 0; i < TASKS; i++)
            assert_int_equal(tasks.done[i], 1);
    }
    assert_true(nn_workers(1) == 1 && nn_workers(0) == 1);
    nn_set_threads(0);
}

/* What OpenBLAS takes for a processor that it knows stays; its kernels of 2004 are for processors of 2004. */
static void test_core(void **unused)
{
    (void)unused;
    static const char *const fine[] = {"Haswell", "Zen", "SkylakeX", "Cooperlake", "SapphireRapids", "Excavator", "armv8", ""};
    for (size_t n = 0; n < sizeof fine / sizeof *fine; n++)
        assert_null(nn_core_instead_of(fine[n]));
    const char *better = nn_core_instead_of("Prescott");
#ifdef __x86_64__
    bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    assert_int_equal(better != NULL, has_avx2);
    if (better)
        assert_null(nn_core_instead_of(better)); /* or the program would start itself for ever */
#else
    assert_null(better);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_linear_ld),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_each),
        cmocka_unit_test(test_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
