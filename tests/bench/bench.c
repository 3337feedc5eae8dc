/* build/bench [ROUNDS [THREADS]]: seconds a slice of the ViT-B encoder with adapters at 256 px,
 * batch 1 and 4, beside the rate of sgemm (2048^3) measured in the same rounds. Each figure is the
 * best of the rounds; only the ratio of the two means something on another machine. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "lib/hash_weights.h"
#include "model/config.h"
#include "nn/nn.h"

enum { BATCH = 4, GEMM = 2048 };
/* What one slice needs when nothing is wasted: blocks with adapters, patch embedding and neck. */
static const double encoder_gflop = 67;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void *must(void *pointer)
{
    if (!pointer) {
        fprintf(stderr, "bench: out of memory\n");
        exit(1);
    }
    return pointer;
}

static float *numbers(size_t count)
{
    float *x = must(malloc(count * sizeof(*x)));
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(i * 2654435761u % 1000) / 500 - 1;
    return x;
}

static double keep_best(double *best, double start)
{
    double seconds = now() - start;
    if (*best == 0 || seconds < *best)
        *best = seconds;
    return *best;
}

static void time_all(const struct sm_model *model, struct arena *arena, int rounds)
{
    size_t side = (size_t)model->config.image_size;
    float *pixels = numbers(BATCH * side * side * 3), *a = numbers(GEMM * GEMM);
    float *out = must(malloc(BATCH * sm_embedding_floats(&model->config) * sizeof(*out)));
    float *c = must(malloc(GEMM * GEMM * sizeof(*c)));
    double one = 0, four = 0, gemm = 0;
    for (int round = 0; round < rounds; round++) {
        double start = now();
        nn_gemm(c, GEMM, a, GEMM, false, a, GEMM, true, GEMM, GEMM, GEMM, 1, 0);
        keep_best(&gemm, start);
        start = now();
        image_encoder_forward(model, arena, out, pixels, 1, NULL);
        keep_best(&one, start);
        start = now();
        image_encoder_forward(model, arena, out, pixels, BATCH, NULL);
        keep_best(&four, start);
    }
    double rate = 2e-9 * GEMM * GEMM * GEMM / gemm, floor = encoder_gflop / rate;
    printf("%s, %d threads\n", nn_blas_description(), nn_threads());
    printf("sgemm 2048^3        %7.1f GFLOP/s\n", rate);
    printf("encoder, batch 1    %7.3f s a slice, %.2f times %g GFLOP at that rate\n", one,
           one / floor, encoder_gflop);
    printf("encoder, batch %d    %7.3f s a slice, %.2f times\n", BATCH, four / BATCH,
           four / BATCH / floor);
    printf("activations         %7.1f MB\n", arena->size / 1048576.0);
    free(pixels), free(a), free(out), free(c);
}

int main(int argc, char **argv)
{
    uint64_t seed = 1;
    int rounds = argc > 1 ? atoi(argv[1]) : 10;
    struct sm_config config;
    struct sm_model *model;
    struct sm_err err;
    struct tensor_source source = hash_source(&seed);
    nn_set_threads(argc > 2 ? atoi(argv[2]) : 0);
    if (!config_preset(&config, "vit_b", 256, true) ||
        model_from_source(&model, &config, &source, &err)) {
        fprintf(stderr, "bench: cannot make a model: %s\n", err.message);
        return 1;
    }
    struct arena arena = {0};
    image_encoder_forward(model, &arena, NULL, NULL, BATCH, NULL);
    if (arena_init(&arena, arena.peak, &err)) {
        fprintf(stderr, "bench: %s\n", err.message);
        return 1;
    }
    time_all(model, &arena, rounds);
    arena_free(&arena);
    sm_model_close(model);
    return 0;
}
