/* build/synth_cost [PICTURES [SIDE]]: processor time of generated pictures, in all and by recipe. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "synth/synth.h"

enum { RECIPES = 16 };

struct cost {
    const char *recipe;
    double seconds;
    int pictures;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static struct cost *cost_of(struct cost *costs, const char *recipe)
{
    int i = 0;
    while (costs[i].recipe && strcmp(costs[i].recipe, recipe) != 0)
        i++;
    costs[i].recipe = recipe;
    return &costs[i];
}

static void print(const char *name, const struct cost *cost)
{
    printf("%-10s %6d pictures %8.2f ms each\n", name, cost->pictures, 1e3 * cost->seconds / cost->pictures);
}

int main(int argc, char **argv)
{
    int pictures = argc > 1 ? atoi(argv[1]) : 500, side = argc > 2 ? atoi(argv[2]) : 256;
    struct cost costs[RECIPES + 1] = {0}, all = {0};
    struct synth *synth;
    struct sm_err err;
    if (pictures < 1 || side < 32 || side > 1024 || synth_open(&synth, side, &err)) {
        fprintf(stderr, "synth_cost: pictures from 1, side from 32 to 1024\n");
        return 1;
    }
    for (int i = 0; i < pictures; i++) {
        double start = now();
        struct cost *one = cost_of(costs, synth_draw(synth, 0, (uint64_t)i)->recipe);
        one->seconds += now() - start;
        all.seconds += now() - start;
        one->pictures++;
        all.pictures++;
    }
    for (int i = 0; costs[i].recipe; i++)
        print(costs[i].recipe, &costs[i]);
    print("all", &all);
    synth_close(synth);
    return 0;
}
