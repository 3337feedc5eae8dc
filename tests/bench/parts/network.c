/* Encoder and decoder by themselves, on the pictures and prompts of the golden file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench/parts/bench.h"
#include "lib/h5_kinds.h"
#include "lib/hash_weights.h"
#include "model/config.h"
#include "model/session.h"
#include "nn/nn.h"

enum { PICTURES = 3, MOST_BATCH = 8, MOST_PROMPTS = 20, BOXES = 3, MASKS = 3, FULL_SIDE = 512 };

const char *const precision_names[PRECISIONS] = {
    [SM_PRECISION_FLOAT32] = "float32", [SM_PRECISION_BF16] = "bf16", [SM_PRECISION_INT8] = "int8"};
const int batches[BATCHES] = {1, 4, MOST_BATCH}, prompt_counts[COUNTS] = {1, 5, MOST_PROMPTS};
static const char *const boxes_case = "case/boxes3";

static struct sm_picture pictures[PICTURES];
static float boxes[BOXES][4];

/* ---- what is shown and asked ---- */

static void read_picture(struct bench *b, int number)
{
    char path[64];
    struct h5_shape shape;
    struct sm_err err;
    snprintf(path, sizeof path, "image/%d_uint8_rgb", number);
    if (h5_shape(b->golden.file, path, &shape, &err))
        give_up("%s", err.message);
    uint8_t *pixels = room((size_t)h5_count(&shape));
    if (shape.rank != 3 || h5_read_bytes(b->golden.file, path, pixels, h5_count(&shape), &err))
        give_up("%s: %s is not a picture", b->golden_path, path);
    pictures[number] = (struct sm_picture){(int)shape.dim[0], (int)shape.dim[1], (int)shape.dim[2], pixels};
}

static void make_picture(int number)
{
    uint8_t *pixels = room((size_t)FULL_SIDE * FULL_SIDE);
    for (size_t i = 0; i < (size_t)FULL_SIDE * FULL_SIDE; i++)
        pixels[i] = (uint8_t)((i % FULL_SIDE * (i / FULL_SIDE) >> 8) + 40 * (size_t)number);
    pictures[number] = (struct sm_picture){FULL_SIDE, FULL_SIDE, 1, pixels};
}

static void read_boxes(struct bench *b)
{
    char path[128];
    struct sm_err err;
    snprintf(path, sizeof path, "%s/input/boxes_model_frame", boxes_case);
    if (h5_read_floats(b->golden.file, path, boxes[0], BOXES * 4, &err))
        give_up("%s", err.message);
}

static void make_boxes(int side)
{
    for (int i = 0; i < BOXES * 4; i++)
        boxes[i / 4][i % 4] = (float)(side * (i % 4 < 2 ? 1 + i / 4 : 4 + i / 4)) / 8;
}

static void read_config(struct bench *b)
{
    const struct sm_config usual = b->config;
    int64_t value;
    struct sm_err err;
    b->config = (struct sm_config){
        .normalization = usual.normalization, .orientation = usual.orientation, .multimask = usual.multimask};
    if (config_read(&b->config, b->golden.file, false, &err))
        give_up("%s", err.message);
    if (h5_attr_int(b->golden.file, NULL, "out_chans", &value))
        b->config.prompt_dim = (int)value;
    if (!h5_attr_int(b->golden.file, NULL, "seed", &value))
        give_up("%s: no seed", b->golden_path);
    b->seed = (uint64_t)value;
}

static void read_weights_config(struct bench *b)
{
    struct sm_model *model = network_model(b, SM_PRECISION_FLOAT32);
    b->config = *sm_model_config(model);
    sm_model_close(model);
}

void network_prepare(struct bench *b)
{
    b->seed = 20240618;
    config_preset(&b->config, "vit_b", 256, true);
    if (b->weights_path)
        read_weights_config(b);
    if (!b->weights_path && access(b->golden_path, R_OK) == 0) {
        golden_open(&b->golden, ".", b->golden_path, &b->tally);
        if (!b->golden.file)
            give_up("%s cannot be read", b->golden_path);
        b->golden.all = &b->golden;
        b->golden.all_count = 1;
        read_config(b);
        read_boxes(b);
    } else {
        make_boxes(b->config.image_size);
    }
    for (int i = 0; i < PICTURES; i++)
        b->golden.file ? read_picture(b, i) : make_picture(i);
}

struct sm_model *network_model(const struct bench *b, enum sm_precision precision)
{
    uint64_t seed = b->seed;
    struct sm_model *model;
    struct sm_err err;
    struct tensor_source source = hash_source(&seed);
    if (b->weights_path ? sm_model_open_as(&model, b->weights_path, precision, &err)
                        : model_from_source_as(&model, &b->config, &source, precision, &err))
        give_up("%s", err.message);
    return model;
}

static struct sm_session *open_session(const struct sm_model *model)
{
    struct sm_session *session;
    struct sm_err err;
    if (sm_session_open(&session, model, MOST_BATCH, MOST_PROMPTS, &err))
        give_up("%s", err.message);
    return session;
}

static float *embeddings_room(const struct bench *b)
{
    return room(MOST_BATCH * sm_embedding_floats(&b->config) * sizeof(float));
}

/* ---- against the goldens ---- */

static void judge(struct bench *b, const char *what, double difference, double bound)
{
    bool ok = difference <= bound; /* false for NaN */
    *(ok ? &b->verified : &b->failed) += 1;
    b->worst = fmax(b->worst, difference / bound);
    if (!ok && b->failed <= 3)
        fprintf(stderr, "bench: %s is %.3g from the golden file, may be %.3g\n", what, difference, bound);
}

/* Difference of a picture-0 embedding (G, G, C) and what it may be; false: there is no golden file. */
static bool embedding_difference(struct bench *b, const float *embedding, double *difference, double *bound)
{
    int64_t side = b->config.image_size / b->config.patch_size, dim[3] = {b->config.prompt_dim, side, side};
    if (!b->golden.file)
        return false;
    float *chw = room(sm_embedding_floats(&b->config) * sizeof *chw);
    nn_transpose(chw, embedding, (int)(side * side), (int)dim[0]);
    bool there =
        golden_difference(&b->golden, "encoder/image_embedding_chw", chw, 3, dim, difference, bound);
    free(chw);
    return there;
}

static double largest(const float *x, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs(x[i]));
    return most;
}

/* float32 has to agree; how far the others are is reported. */
static void verify_embeddings(struct bench *b, enum sm_precision precision, const float *embeddings, int batch)
{
    size_t floats = sm_embedding_floats(&b->config);
    double difference, bound;
    for (int i = 0; i < batch; i += PICTURES) {
        if (!embedding_difference(b, embeddings + (size_t)i * floats, &difference, &bound))
            return;
        if (precision == SM_PRECISION_FLOAT32)
            judge(b, "an embedding", difference, bound);
        difference /= largest(embeddings + (size_t)i * floats, floats);
        b->difference[precision] = fmax(b->difference[precision], difference);
    }
}

/* Prompt i asked for box i % BOXES. The file has the boxes together: where a group is not full, its own
 * values stand in. */
static void verify_masks(struct bench *b, const float *low_res, int count)
{
    int64_t side = sm_low_res_side(&b->config), dim[4] = {BOXES, MASKS, side, side};
    size_t floats = (size_t)(MASKS * side * side);
    struct h5_shape shape;
    char path[128];
    double difference, bound;
    snprintf(path, sizeof path, "%s/three_masks/low_res_logits", boxes_case);
    for (int first = 0; b->golden.file && first < count; first += BOXES) {
        int here = count - first < BOXES ? count - first : BOXES;
        float *group = golden_floats(&b->golden, path, &shape);
        if (!group || h5_count(&shape) != (int64_t)(BOXES * floats))
            give_up("%s: %s is not masks of %d boxes", b->golden_path, path, BOXES);
        memcpy(group, low_res + (size_t)first * floats, (size_t)here * floats * sizeof *group);
        if (golden_difference(&b->golden, path, group, 4, dim, &difference, &bound))
            judge(b, "a mask", difference, bound);
        free(group);
    }
}

/* ---- encoder ---- */

static double encode(struct sm_session *session, float *embeddings, int batch)
{
    struct sm_picture shown[MOST_BATCH];
    struct sm_err err;
    for (int i = 0; i < batch; i++)
        shown[i] = pictures[i % PICTURES];
    stages_begin(session->model);
    double start = now();
    if (sm_encode(session, shown, batch, embeddings, &err))
        give_up("%s", err.message);
    return now() - start;
}

static void encoder_rounds(struct bench *b, enum sm_precision precision)
{
    struct sm_model *model = network_model(b, precision);
    struct sm_session *session = open_session(model);
    float *embeddings = embeddings_room(b);
    encode(session, embeddings, MOST_BATCH); /* memory is touched the first time */
    for (int round = 0; round < b->rounds; round++)
        for (int i = 0; i < BATCHES; i++) {
            struct measurement *m = &b->encoder[precision][i];
            double rate = sgemm_rate();
            m->units = batches[i];
            sample(&b->sgemm, rate);
            measured(m, encode(session, embeddings, batches[i]), rate, true);
            verify_embeddings(b, precision, embeddings, batches[i]);
        }
    free(embeddings);
    sm_session_close(session);
    sm_model_close(model);
}

void bench_encoder(struct bench *b)
{
    forget_peak();
    for (int precision = 0; precision < PRECISIONS; precision++)
        encoder_rounds(b, precision);
    b->peak_mb[PART_ENCODER] = peak_mb();
}

/* ---- decoder ---- */

struct asking {
    struct sm_session *session;
    float *embedding, *low_res, *iou, *logits;
    struct sm_prompt prompts[MOST_PROMPTS];
};

static void open_asking(struct bench *b, struct asking *a, const struct sm_model *model)
{
    size_t low = (size_t)sm_low_res_side(&b->config), size = (size_t)b->config.image_size;
    a->session = open_session(model);
    a->embedding = embeddings_room(b);
    a->low_res = room(MOST_PROMPTS * MASKS * low * low * sizeof *a->low_res);
    a->iou = room(MOST_PROMPTS * MASKS * sizeof *a->iou);
    a->logits = room((FULL_SIDE * FULL_SIDE + size * size) * sizeof *a->logits);
    for (int i = 0; i < MOST_PROMPTS; i++)
        a->prompts[i] = (struct sm_prompt){.box = boxes[i % BOXES]};
    encode(a->session, a->embedding, 1);
}

static void close_asking(struct asking *a)
{
    sm_session_close(a->session);
    free(a->embedding), free(a->low_res), free(a->iou), free(a->logits);
}

/* A slice with `count` prompts: what the picture needs once included. The boxes are in the network's
 * square, where a picture of its size is not scaled. */
static double decode(const struct bench *b, struct asking *a, int count)
{
    int size = b->config.image_size;
    struct sm_err err;
    stages_begin(a->session->model);
    double start = now();
    if (sm_set_image(a->session, a->embedding, size, size, &err) ||
        sm_decode(a->session, a->prompts, count, true, a->low_res, a->iou, &err))
        give_up("%s", err.message);
    return now() - start;
}

static double upsample(const struct bench *b, struct asking *a)
{
    double start = now();
    sm_upsample(&b->config, a->low_res, FULL_SIDE, FULL_SIDE, a->logits, a->logits + FULL_SIDE * FULL_SIDE);
    return now() - start;
}

/* Milliseconds each, so several for every sgemm, the best of which is the round's. */
static void decoder_round(struct bench *b, struct asking *a, int which)
{
    enum { TRIES = 5 };
    struct measurement *m = &b->decoder[which];
    struct stage_cost best[STAGES];
    double rate = sgemm_rate(), least = INFINITY;
    m->units = prompt_counts[which];
    sample(&b->sgemm, rate);
    for (int i = 0; i < TRIES; i++) {
        double seconds = decode(b, a, prompt_counts[which]);
        for (int s = 0; s < STAGES && seconds < least; s++)
            best[s] = stage_costs[s];
        least = fmin(least, seconds);
        verify_masks(b, a->low_res, prompt_counts[which]);
    }
    for (int s = 0; s < STAGES; s++)
        stage_costs[s] = best[s];
    measured(m, least, rate, true);
}

void bench_decoder(struct bench *b)
{
    struct asking a;
    forget_peak();
    struct sm_model *model = network_model(b, SM_PRECISION_FLOAT32);
    open_asking(b, &a, model);
    for (int round = 0; round < b->rounds; round++) {
        for (int i = 0; i < COUNTS; i++)
            decoder_round(b, &a, i);
        b->upsample.units = 1;
        measured(&b->upsample, upsample(b, &a), b->decoder[0].rate.value[round], false);
    }
    b->peak_mb[PART_DECODER] = peak_mb();
    close_asking(&a);
    sm_model_close(model);
}

/* ---- one thread against all ---- */

static double once(struct bench *b, struct asking *a, float *embeddings, enum speedup what)
{
    return what == SPEEDUP_PROMPTS20 ? decode(b, a, MOST_PROMPTS)
                                     : encode(a->session, embeddings, what == SPEEDUP_BATCH4 ? 4 : 1);
}

void bench_network_threads(struct bench *b)
{
    struct asking a;
    struct sm_model *model = network_model(b, SM_PRECISION_FLOAT32);
    float *embeddings = embeddings_room(b);
    open_asking(b, &a, model);
    for (int round = 0; round < b->rounds; round++)
        for (int what = SPEEDUP_BATCH1; what <= SPEEDUP_PROMPTS20; what++) {
            nn_set_threads(1);
            double alone = once(b, &a, embeddings, what);
            nn_set_threads(b->threads);
            once(b, &a, embeddings, what); /* threads come to life */
            sample(&b->speedup[what], alone / once(b, &a, embeddings, what));
        }
    free(embeddings);
    close_asking(&a);
    sm_model_close(model);
}
