#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "bench/parts/bench.h"
#include "nn/nn.h"

void sample(struct samples *samples, double value)
{
    if (samples->n < MOST_ROUNDS)
        samples->value[samples->n++] = value;
}

static int by_size(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

struct spread spread_of(const struct samples *samples)
{
    struct samples sorted = *samples;
    int n = sorted.n;
    if (n == 0)
        return (struct spread){NAN, NAN, NAN};
    qsort(sorted.value, (size_t)n, sizeof *sorted.value, by_size);
    return (struct spread){(sorted.value[(n - 1) / 2] + sorted.value[n / 2]) / 2, sorted.value[0],
                           sorted.value[n - 1]};
}

static clockid_t network_clock = CLOCK_MONOTONIC;

static double read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double now(void)
{
    return read_clock(network_clock);
}

double wall(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void use_processor_time(void)
{
    network_clock = CLOCK_PROCESS_CPUTIME_ID;
}

double sgemm_rate(void)
{
    enum { SIDE = 2048 };
    static float *a, *c;
    if (!a) {
        a = room((size_t)SIDE * SIDE * sizeof *a);
        c = room((size_t)SIDE * SIDE * sizeof *c);
        for (size_t i = 0; i < (size_t)SIDE * SIDE; i++)
            a[i] = (float)(i * 2654435761u % 1000) / 500 - 1;
        nn_gemm(c, SIDE, a, SIDE, false, a, SIDE, true, SIDE, SIDE, SIDE, 1, 0);
    }
    double start = now();
    nn_gemm(c, SIDE, a, SIDE, false, a, SIDE, true, SIDE, SIDE, SIDE, 1, 0);
    return 2e-9 * SIDE * SIDE * SIDE / (now() - start);
}

/* ---- memory: Linux counts the peak anew when asked to ---- */

void forget_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file) {
        fputs("5", file);
        fclose(file);
    }
}

double peak_mb(void)
{
    char line[256];
    double kb = NAN;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kb = strtod(line + 6, NULL);
    if (file)
        fclose(file);
    return kb / 1024;
}

void give_up(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void *room(size_t bytes)
{
    void *memory = malloc(bytes);
    if (!memory)
        give_up("out of memory");
    return memory;
}

/* ---- measurements ---- */

void measured(struct measurement *m, double seconds, double rate, bool staged)
{
    sample(&m->seconds, seconds / m->units);
    sample(&m->rate, rate);
    m->gflop = 0;
    for (int i = 0; staged && i < STAGES; i++) {
        sample(&m->stage[i], stage_costs[i].seconds / m->units);
        m->stage_gflop[i] = stage_costs[i].gflop / m->units;
        m->gflop += m->stage_gflop[i];
    }
}

struct spread ratio_to(const struct measurement *m, double gflop)
{
    struct samples ratios = {0};
    for (int i = 0; i < m->seconds.n; i++)
        sample(&ratios, m->seconds.value[i] * m->rate.value[i] / gflop);
    return spread_of(&ratios);
}

double best_ratio_to(const struct measurement *m, double gflop)
{
    return spread_of(&m->seconds).least * spread_of(&m->rate).most / gflop;
}
