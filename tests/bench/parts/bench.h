/* bench/parts/bench.h - what build/bench measures, and how: runs of everything in turn, round after
 * round, with sgemm of 2048^3 before each, so that a ratio has both its sides from the same moment.
 */
#ifndef BENCH_PARTS_BENCH_H
#define BENCH_PARTS_BENCH_H

#include <stdbool.h>
#include <stdio.h>
#include "lib/golden.h"
#include "sammed2d/model.h"

enum { MOST_ROUNDS = 64 };

/* ---- figures.c ---- */

struct samples {
    int n;
    double value[MOST_ROUNDS];
};
struct spread {
    double median, least, most; /* NaN of no samples */
};

void sample(struct samples *samples, double value);
struct spread spread_of(const struct samples *samples);

/* Seconds: of the wall's clock, or of the processor (of all threads together) once that is asked for, which
 * is what one thread would take were it alone on the machine. */
double now(void);
void use_processor_time(void);
double wall(void);
/* GFLOP/s of one product of 2048^3 by OpenBLAS, with the threads that are set. */
double sgemm_rate(void);
/* Most memory that this process held since it was last forgotten, MB. */
double peak_mb(void);
void forget_peak(void);
/* Prints a sentence and ends the program: a bench that cannot go on has nothing to tidy up but files. */
void give_up(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void *room(size_t bytes);

/* ---- stages.c: where the time of a forward pass goes ---- */

enum stage_name {
    NOWHERE,
    IN_PREPROCESS, IN_PATCH_EMBED, IN_QKV, IN_ATTENTION, IN_PROJ, IN_MLP, IN_ADAPTER_DOWN, IN_ADAPTER_UP,
    IN_NECK, IN_ENCODER, /* what is left of the encoder: norms, channel gate, sums */
    IN_IMAGE_SIDE, IN_PROMPT, IN_TRANSFORMER, IN_MASKS,
    STAGES
};
extern const char *const stage_names[STAGES];

struct stage_cost {
    double seconds; /* by itself, without stages inside it; of all threads that were in it */
    double gflop;   /* that the layer needs: real tokens, places inside the picture */
};
/* Sets all to zero; encoder layers are told by the addresses of this model's weights. */
void stages_begin(const struct sm_model *model);
extern struct stage_cost stage_costs[STAGES];

/* ---- one thing that is run again and again ---- */

struct measurement {
    int units;                      /* slices or prompts in a run */
    struct samples seconds;         /* a unit */
    struct samples rate;            /* sgemm's GFLOP/s just before */
    struct samples stage[STAGES];   /* seconds a unit */
    double gflop, stage_gflop[STAGES]; /* a unit */
};

/* A run that took so long; stages as stage_costs has them, when `staged`. */
void measured(struct measurement *m, double seconds, double rate, bool staged);
/* seconds as multiples of `gflop` at sgemm's rate, round by round. */
struct spread ratio_to(const struct measurement *m, double gflop);
/* The least seconds at the best rate: on a machine that others use too, both from a quiet moment. */
double best_ratio_to(const struct measurement *m, double gflop);

/* ---- everything ---- */

enum { PRECISIONS = 3, BATCHES = 3, COUNTS = 3, OBJECTS = 2 };
extern const char *const precision_names[PRECISIONS];
extern const int batches[BATCHES], prompt_counts[COUNTS], object_counts[OBJECTS];

enum part { PART_ENCODER, PART_DECODER, PART_SEGMENT, PART_THREADS, PARTS };
extern const char *const part_names[PARTS];

/* `segment` as a program of its own: what it says of itself, by the wall's clock. */
struct run_seconds {
    struct samples read, encode, decode, write, outside; /* outside encoder and decoder */
};

/* How much faster all threads are than one, round by round. */
enum speedup { SPEEDUP_BATCH1, SPEEDUP_BATCH4, SPEEDUP_PROMPTS20, SPEEDUP_SEGMENT, SPEEDUPS };
extern const char *const speedup_names[SPEEDUPS];

struct bench {
    int rounds, threads, slices;
    bool part[PARTS], json, processor_time;
    const char *golden_path, *weights_path; /* weights_path NULL: weights by the hash rule */

    struct golden golden; /* file NULL: there is none */
    struct golden_tally tally;
    struct sm_config config;
    uint64_t seed;

    struct samples sgemm;
    struct measurement encoder[PRECISIONS][BATCHES], decoder[COUNTS], upsample;
    struct measurement segment[OBJECTS], start; /* start: one slice, one object */
    struct run_seconds segment_seconds[OBJECTS], start_seconds;
    struct samples speedup[SPEEDUPS];
    double peak_mb[PARTS];
    int verified, failed;             /* outputs against the goldens, or against the first run's */
    double worst;                     /* largest difference in units of what it may be */
    double difference[PRECISIONS];    /* of the embedding, relative to its largest value */
};

/* ---- network.c: pictures and prompts of the golden file, through a session ---- */

/* Configuration, seed and pictures from the golden file, or ViT-B and a picture of its own. */
void network_prepare(struct bench *b);
struct sm_model *network_model(const struct bench *b, enum sm_precision precision);
void bench_encoder(struct bench *b);
void bench_decoder(struct bench *b);
void bench_network_threads(struct bench *b);

/* ---- runs.c: `sammed2d segment` on a generated CT ---- */

void bench_segment(struct bench *b);
void bench_segment_threads(struct bench *b);

/* ---- report.c ---- */

void report_text(const struct bench *b, FILE *out);
void report_json(const struct bench *b, FILE *out);

#endif
