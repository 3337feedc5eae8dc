/* build/train_cost [ROUNDS [THREADS]]: what a training round of ViT-B with adapters at 256 px costs, batch
 * 1, five masks, as multiples of the forward passes that inference makes, measured in the same rounds:
 *   first round   encoder and decoder, forwards and backwards; adapters, prompt encoder and decoder
 *                 trained: in encoder forwards
 *   later round   points and a mask prompt on the kept embedding, the decoder alone trained: in decoder
 *                 forwards of the same five prompts
 *   optimiser     AdamW over everything that is trained, by itself
 * Each figure is the best of the rounds; on one thread the processor's time, which other work disturbs less. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include "lib/hash_weights.h"
#include "model/config.h"
#include "train/learner.h"
#include "train/optimiser.h"

enum { MASKS = 5, POINTS = 3, MOST_ROUNDS = 100 };
enum figure { ENCODER, FIRST, DECODER, LATER, OPTIMISER, FIGURES };
static const char *const names[FIGURES] = {"encoder forward", "first round", "decoder forward",
                                           "later round", "optimiser"};

static double now(void)
{
    struct timespec t;
    clock_gettime(nn_threads() == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void fail(const char *why)
{
    fprintf(stderr, "train_cost: %s\n", why);
    exit(1);
}

struct bench {
    struct sm_model *model;
    struct learner network;
    struct sm_session *session;
    struct prompt_batch boxes, points;
    struct sm_prompt prompts[MASKS];
    float *low_res, *iou;
    double seconds[FIGURES][MOST_ROUNDS];
};

static const int picture[MASKS];
static const float box[MASKS * 4] = {20, 30, 90, 120, 100, 10, 200, 80, 5, 5, 250, 250, 60, 60, 99, 99, 7, 90, 40, 180};
static float point[MASKS * POINTS][2];
static int label[MASKS * POINTS];

static void set_up(struct bench *b)
{
    const struct sm_config *c = &b->model->config;
    size_t square = (size_t)c->image_size * c->image_size, low = sm_low_res_side(c);
    struct sm_err err;
    struct learner_sizes sizes = {.pictures = 1, .prompts = MASKS, .points = POINTS};
    unsigned parts = PART_ADAPTERS | PART_POINTS | PART_PROMPTS | PART_DECODER;
    if (learner_open(&b->network, b->model, parts, PART_DECODER, false, sizes, &err) ||
        sm_session_open(&b->session, b->model, 1, MASKS, &err))
        fail(err.message);
    float *masks = calloc(MASKS * low * low, sizeof *masks);
    b->low_res = malloc(MASKS * 3 * low * low * sizeof *b->low_res);
    b->iou = malloc(MASKS * 3 * sizeof *b->iou);
    if (!masks || !b->low_res || !b->iou)
        fail("out of memory");
    for (size_t i = 0; i < 3 * square; i++)
        b->network.pixels[i] = (float)(i * 2654435761u % 1000) / 500 - 1;
    for (size_t i = 0; i < MASKS * square; i++)
        b->network.target[i] = i / 1000 % 2;
    for (int i = 0; i < MASKS * POINTS; i++) {
        point[i][0] = (float)(i * 37 % 256), point[i][1] = (float)(i * 91 % 256);
        label[i] = i % 2;
    }
    b->boxes = (struct prompt_batch){.n = MASKS, .picture = picture, .boxes = box};
    b->points = (struct prompt_batch){.n = MASKS, .picture = picture, .point_count = POINTS,
                                      .points = (const float(*)[2])point, .labels = label, .masks = masks};
    for (int i = 0; i < MASKS; i++)
        b->prompts[i] = (struct sm_prompt){.point_count = POINTS, .mask = masks + i * low * low,
                                           .points = (const float(*)[2])point + i * POINTS,
                                           .point_labels = label + i * POINTS};
}

static void one_round(struct bench *b, int round)
{
    static const struct round_rule rule = {{20, 1, 1, LOSS_PUBLISHED, .whole_batch = true}, OUTPUTS_THREE, CHOOSE_PREDICTED, IOU_OF_CHOSEN};
    struct adam adam = {.lr = 1e-4, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .decoupled = true};
    double start[FIGURES + 1];
    int size = b->model->config.image_size;
    start[ENCODER] = now();
    learner_encode(&b->network, 1);
    start[FIRST] = now();
    learner_first_round(&b->network, 1, &b->boxes, &rule);
    start[DECODER] = now();
    if (sm_set_image(b->session, b->network.embeddings, size, size, NULL) ||
        sm_decode(b->session, b->prompts, MASKS, true, b->low_res, b->iou, NULL))
        fail("the decoder failed");
    start[LATER] = now();
    learner_later_round(&b->network, &b->points, &rule);
    start[OPTIMISER] = now();
    adam_step(&b->network.parameters, PART_ALL, &adam, 1);
    start[FIGURES] = now();
    for (int i = 0; i < FIGURES; i++)
        b->seconds[i][round] = start[i + 1] - start[i];
    parameters_zero_gradients(&b->network.parameters, PART_ALL);
}

int main(int argc, char **argv)
{
    static struct bench b;
    uint64_t seed = 1;
    int rounds = argc > 1 ? atoi(argv[1]) : 10;
    struct sm_config config;
    struct sm_err err;
    struct tensor_source source = hash_source(&seed);
    struct rusage usage;
    double best[FIGURES];
    nn_set_threads(argc > 2 ? atoi(argv[2]) : 0);
    rounds = rounds < 1 ? 1 : rounds > MOST_ROUNDS ? MOST_ROUNDS : rounds;
    if (!config_preset(&config, "vit_b", 256, true) || model_from_source(&b.model, &config, &source, &err))
        fail(err.message);
    set_up(&b);
    one_round(&b, 0); /* memory is touched the first time */
    for (int round = 0; round < rounds; round++)
        one_round(&b, round);
    printf("%s, %d threads, %d rounds\n", nn_blas_description(), nn_threads(), rounds);
    for (int i = 0; i < FIGURES; i++) {
        best[i] = b.seconds[i][0];
        for (int round = 1; round < rounds; round++)
            best[i] = b.seconds[i][round] < best[i] ? b.seconds[i][round] : best[i];
        printf("%-16s %8.4f s", names[i], best[i]);
        if (i == FIRST || i == LATER)
            printf("   %.2f %ss", best[i] / best[i - 1], names[i - 1]);
        putchar('\n');
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("peak memory      %8.1f MB\n", (double)usage.ru_maxrss / 1024);
    free((float *)b.points.masks), free(b.low_res), free(b.iou);
    sm_session_close(b.session);
    learner_close(&b.network);
    sm_model_close(b.model);
    return 0;
}
