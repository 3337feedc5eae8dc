/* synth_lines PICTURES: a line about each of the first generated pictures: number, recipe, objects, mean grey. */
#include <stdio.h>
#include <stdlib.h>
#include "synth/synth.h"

enum { SIDE = 96 };

static double mean_grey(const struct synth_picture *picture)
{
    double sum = 0;
    for (int p = 0; p < SIDE * SIDE; p++)
        sum += picture->grey[p];
    return sum / (SIDE * SIDE);
}

int main(int argc, char **argv)
{
    int pictures = argc > 1 ? atoi(argv[1]) : 200;
    struct synth *synth;
    struct sm_err err;
    if (synth_open(&synth, SIDE, &err)) {
        fprintf(stderr, "synth_lines: %s\n", err.message);
        return 1;
    }
    for (int n = 0; n < pictures; n++) {
        const struct synth_picture *picture = synth_draw(synth, 5, (uint64_t)n);
        printf("%d %s %d %.1f\n", n, picture->recipe, picture->objects, mean_grey(picture));
    }
    synth_close(synth);
    return 0;
}
