/* lib/golden_inference.c - files with encoder/, case/ and predictor/ data sets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/golden.h"
#include "lib/h5_kinds.h"
#include "lib/hash_weights.h"
#include "model/config.h"
#include "model/preprocess.h"
#include "model/prompt_encoder.h"
#include "model/session.h"
#include "nn/nn.h"

enum { MAX_PROMPTS = 64 };

struct inference {
    struct golden *g;
    struct sm_model *model;
    struct sm_session *session;
    const struct sm_config *config;
    int64_t side, dim, low; /* G, C, L */
    int image;              /* number of the picture that `embedding` shows; -1: none */
    int height, width;
    float *embedding;
    struct sm_err err;
};

static bool starts(const char *name, const char *head)
{
    return strncmp(name, head, strlen(head)) == 0;
}

/* The data set prefix/name, or prefix/name_every_<n>th; NULL when there is neither. */
static const char *find(struct inference *r, const char *prefix, const char *name)
{
    char whole[256], strided[300];
    snprintf(whole, sizeof whole, "%s/%s", prefix, name);
    snprintf(strided, sizeof strided, "%s_every_", whole);
    for (size_t i = 0; i < r->g->count; i++)
        if (strcmp(r->g->names[i], whole) == 0 || starts(r->g->names[i], strided))
            return r->g->names[i];
    return NULL;
}

/* Tokens first to channels first, then compared. */
static void compare_chw(struct inference *r, const char *path, const float *hwc, int batch)
{
    int64_t dim[4] = {batch, r->dim, r->side, r->side};
    size_t picture = (size_t)(r->dim * r->side * r->side);
    struct h5_shape shape;
    float *chw = malloc((size_t)batch * picture * sizeof *chw);
    if (!chw || h5_shape(r->g->file, path, &shape, &r->err)) {
        golden_fail(r->g, path, chw ? r->err.message : "out of memory");
        free(chw);
        return;
    }
    for (int i = 0; i < batch; i++)
        nn_transpose(chw + i * picture, hwc + i * picture, (int)(r->side * r->side), (int)r->dim);
    golden_compare(r->g, path, chw, shape.rank, dim + 4 - shape.rank);
    free(chw);
}

/* ---- encoder ---- */

static void see_stage(void *context, enum stage stage, int block, const float *x)
{
    struct inference *r = context;
    int64_t dim[3] = {r->side, r->side, r->config->embed_dim};
    char name[64] = "after_patch_embed_and_pos_hwc";
    if (stage == STAGE_EMBEDDING)
        return; /* sm_encode gives it too */
    if (stage == STAGE_BLOCK)
        snprintf(name, sizeof name, "after_block_%02d_hwc", block);
    const char *path = find(r, "encoder", name);
    if (path)
        golden_compare(r->g, path, x, 3, dim);
}

static void compare_input(struct inference *r, const struct sm_picture *picture)
{
    const char *path = "encoder/input_normalized_chw";
    size_t pixels = (size_t)r->config->image_size * (size_t)r->config->image_size;
    if (!h5_has(r->g->file, path))
        return;
    float *hwc = malloc(6 * pixels * sizeof *hwc);
    if (!hwc || preprocess(r->config, picture, hwc, &r->err)) {
        golden_fail(r->g, path, "preprocessing failed");
    } else {
        nn_transpose(hwc + 3 * pixels, hwc, (int)pixels, 3);
        golden_compare_ulp(r->g, path, hwc + 3 * pixels, 3 * pixels);
    }
    free(hwc);
}

/* Encodes picture `image`; the first time picture 0's stages are compared on the way. */
static bool encode_image(struct inference *r, int image)
{
    char path[64];
    struct h5_shape shape;
    if (r->image == image)
        return true;
    snprintf(path, sizeof path, "image/%d_uint8_rgb", image);
    if (h5_shape(r->g->file, path, &shape, &r->err) || shape.rank != 3 || shape.dim[2] != 3) {
        golden_fail(r->g, path, "not a picture");
        return false;
    }
    int64_t count = h5_count(&shape);
    uint8_t *pixels = malloc((size_t)count);
    bool ok = pixels && !h5_read_bytes(r->g->file, path, pixels, count, &r->err);
    if (ok) {
        struct sm_picture picture = {(int)shape.dim[0], (int)shape.dim[1], 3, pixels};
        bool first = image == 0;
        r->session->tap = (struct tap){r, first ? see_stage : NULL};
        if (first)
            compare_input(r, &picture);
        ok = !sm_encode(r->session, &picture, 1, r->embedding, &r->err);
        r->image = image;
        r->height = picture.height;
        r->width = picture.width;
    }
    free(pixels);
    if (!ok)
        golden_fail(r->g, path, r->err.message);
    return ok;
}

/* ---- prompts ---- */

/* What a case or predictor run asks; owns its arrays. */
struct asked {
    int count;           /* prompts */
    int points, boxes;   /* points a prompt; prompts with a box */
    float *point, *box, *mask;
    int32_t *label;
    struct sm_prompt prompts[MAX_PROMPTS];
};

static void asked_free(struct asked *a)
{
    free(a->point);
    free(a->box);
    free(a->mask);
    free(a->label);
}

static float *optional(struct inference *r, const char *prefix, const char *name,
                       struct h5_shape *shape)
{
    char path[256];
    *shape = (struct h5_shape){0};
    snprintf(path, sizeof path, "%s/input/%s", prefix, name);
    return h5_has(r->g->file, path) ? golden_floats(r->g, path, shape) : NULL;
}

/* prefix/input/..., `frame` "model" or "original". Shapes (N, P, 2) or (P, 2); (N, 4) or (4). */
static bool read_asked(struct inference *r, struct asked *a, const char *prefix, const char *frame)
{
    struct h5_shape points, boxes, mask;
    char name[64], path[256];
    *a = (struct asked){0};
    snprintf(name, sizeof name, "point_coords_%s_frame", frame);
    a->point = optional(r, prefix, name, &points);
    snprintf(name, sizeof name, "boxes_%s_frame", frame);
    a->box = optional(r, prefix, name, &boxes);
    snprintf(name, sizeof name, "box_%s_frame", frame);
    if (!a->box)
        a->box = optional(r, prefix, name, &boxes);
    a->mask = optional(r, prefix, "mask_input", &mask);
    if (a->point) {
        int64_t total = h5_count(&points) / 2;
        a->points = (int)points.dim[points.rank - 2];
        a->count = (int)(total / a->points);
        a->label = malloc((size_t)total * sizeof *a->label);
        snprintf(path, sizeof path, "%s/input/point_labels", prefix);
        if (!a->label || h5_read_ints(r->g->file, path, a->label, total, &r->err))
            return false;
    }
    if (a->box) {
        a->boxes = (int)(h5_count(&boxes) / 4);
        a->count = a->boxes > a->count ? a->boxes : a->count;
    }
    if (a->mask && a->count == 0)
        a->count = 1;
    if (a->mask && h5_count(&mask) != r->low * r->low)
        return false;
    return a->count > 0 && a->count <= MAX_PROMPTS && a->points <= SM_MAX_POINTS;
}

static void make_prompts(struct asked *a)
{
    for (int i = 0; i < a->count; i++)
        a->prompts[i] = (struct sm_prompt){
            .point_count = a->points,
            .points = a->point ? (const float(*)[2])(a->point + (size_t)i * a->points * 2) : NULL,
            .point_labels = a->label ? a->label + (size_t)i * a->points : NULL,
            .box = a->box ? a->box + (size_t)(a->boxes == 1 ? 0 : i) * 4 : NULL,
            .mask = a->mask};
}

/* ---- case/NAME ---- */

static void compare_frame(struct inference *r, const char *prefix, const char *name)
{
    char from[256], to[256];
    struct h5_shape shape;
    snprintf(from, sizeof from, "%s/input/%s_original_frame", prefix, name);
    snprintf(to, sizeof to, "%s/input/%s_model_frame", prefix, name);
    if (!h5_has(r->g->file, from) || !h5_has(r->g->file, to))
        return;
    float *xy = golden_floats(r->g, from, &shape);
    struct frame frame = frame_of(r->config, r->height, r->width);
    if (!xy)
        return;
    size_t count = (size_t)h5_count(&shape);
    for (size_t i = 0; i + 1 < count; i += 2)
        frame_point(&frame, xy + i, (float[2]){xy[i], xy[i + 1]});
    golden_compare_ulp(r->g, to, xy, count);
    free(xy);
}

static void compare_embeddings(struct inference *r, const char *prefix, const struct asked *a)
{
    const char *path = find(r, prefix, "sparse_embeddings");
    int tokens = prompt_encoder_tokens(&a->prompts[0]);
    size_t each = (size_t)tokens * (size_t)r->dim, picture = (size_t)(r->side * r->side * r->dim);
    float *sparse = malloc((each * (size_t)a->count + 1) * sizeof *sparse);
    float *dense = malloc(picture * sizeof *dense);
    if (sparse && path) {
        for (int i = 0; i < a->count; i++)
            prompt_encoder_sparse(r->model, sparse + i * each, &a->prompts[i], a->prompts[i].points,
                                  a->prompts[i].box);
        golden_compare(r->g, path, sparse, 3, (int64_t[]){a->count, tokens, r->dim});
    }
    path = find(r, prefix, "dense_embeddings");
    if (dense && path) {
        prompt_encoder_dense(r->model, &r->session->arena, dense, a->mask);
        compare_chw(r, path, dense, 1);
    }
    free(sparse);
    free(dense);
}

static void compare_masks(struct inference *r, const char *prefix, const struct asked *a,
                          bool multimask)
{
    int64_t masks = multimask ? r->config->mask_tokens - 1 : 1;
    size_t each = (size_t)(masks * r->low * r->low);
    char group[256];
    snprintf(group, sizeof group, "%s/%s", prefix, multimask ? "three_masks" : "one_mask");
    float *low = malloc((size_t)a->count * each * sizeof *low);
    float *iou = malloc((size_t)a->count * (size_t)masks * sizeof *iou);
    const char *logits_path = find(r, group, "low_res_logits"), *iou_path = find(r, group, "iou_predictions");
    if (!low || !iou || sm_decode(r->session, a->prompts, a->count, multimask, low, iou, &r->err)) {
        golden_fail(r->g, group, low && iou ? r->err.message : "out of memory");
    } else {
        if (logits_path)
            golden_compare(r->g, logits_path, low, 4, (int64_t[]){a->count, masks, r->low, r->low});
        if (iou_path)
            golden_compare(r->g, iou_path, iou, 2, (int64_t[]){a->count, masks});
    }
    free(low);
    free(iou);
}

/* Decodes from the coordinates in the network's frame: there a picture of S x S is not scaled. */
static void run_case(struct inference *r, const char *prefix)
{
    struct asked a;
    int size = r->config->image_size;
    if (!encode_image(r, 0))
        return;
    compare_frame(r, prefix, "point_coords");
    compare_frame(r, prefix, "boxes");
    if (!read_asked(r, &a, prefix, "model") ||
        sm_set_image(r->session, r->embedding, size, size, &r->err)) {
        golden_fail(r->g, prefix, "its prompts cannot be read");
    } else {
        make_prompts(&a);
        compare_embeddings(r, prefix, &a);
        compare_masks(r, prefix, &a, false);
        compare_masks(r, prefix, &a, true);
    }
    asked_free(&a);
}

/* ---- predictor/NAME: from the picture to logits of its own size ---- */

/* Of several masks the one with the largest predicted IoU, the first of equals. */
static int best_of(const float *iou, int masks)
{
    int best = 0;
    for (int i = 1; i < masks; i++)
        if (iou[i] > iou[best])
            best = i;
    return best;
}

static void compare_found(struct inference *r, const char *prefix, const char *name, const float *got,
                          int rank, const int64_t *dim)
{
    const char *path = find(r, prefix, name);
    if (path)
        golden_compare(r->g, path, got, rank, dim);
}

static void compare_predicted(struct inference *r, const char *prefix, const float *low, float iou)
{
    size_t size = (size_t)r->config->image_size, pixels = (size_t)r->height * (size_t)r->width;
    float *logits = malloc((pixels + size * size) * sizeof *logits);
    if (!logits) {
        golden_fail(r->g, prefix, "out of memory");
        return;
    }
    compare_found(r, prefix, "low_res_logits", low, 3, (int64_t[]){1, r->low, r->low});
    compare_found(r, prefix, "iou_predictions", &iou, 1, (int64_t[]){1});
    sm_upsample(r->config, low, r->height, r->width, logits, logits + pixels);
    compare_found(r, prefix, "mask_logits_original_size", logits, 3,
                  (int64_t[]){1, r->height, r->width});
    free(logits);
}

static void run_predictor(struct inference *r, const char *prefix)
{
    int64_t image = 0, multimask = 1;
    struct asked a;
    float iou[16], *low = malloc(16 * (size_t)(r->low * r->low) * sizeof *low);
    if (!h5_attr_int(r->g->file, prefix, "image", &image) ||
        !h5_attr_int(r->g->file, prefix, "multimask_output", &multimask) ||
        !encode_image(r, (int)image)) {
        golden_fail(r->g, prefix, "its attributes cannot be read");
        free(low);
        return;
    }
    if (!read_asked(r, &a, prefix, "original") || !low) {
        golden_fail(r->g, prefix, "its prompts cannot be read");
    } else {
        make_prompts(&a);
        if (sm_set_image(r->session, r->embedding, r->height, r->width, &r->err) ||
            sm_decode(r->session, a.prompts, 1, multimask != 0, low, iou, &r->err)) {
            golden_fail(r->g, prefix, r->err.message);
        } else {
            int best = multimask ? best_of(iou, r->config->mask_tokens - 1) : 0;
            compare_predicted(r, prefix, low + (size_t)best * (size_t)(r->low * r->low), iou[best]);
        }
    }
    asked_free(&a);
    free(low);
}

/* ---- a file ---- */

static bool prepare(struct inference *r, struct sm_config *config, uint64_t *seed)
{
    int64_t value;
    *config = (struct sm_config){0};
    if (config_read(config, r->g->file, false, &r->err))
        return false;
    if (h5_attr_int(r->g->file, NULL, "out_chans", &value))
        config->prompt_dim = (int)value;
    if (!h5_attr_int(r->g->file, NULL, "seed", &value)) {
        sm_fail(&r->err, SM_CORRUPT, "no seed");
        return false;
    }
    *seed = (uint64_t)value;
    struct tensor_source source = hash_source(seed);
    if (model_from_source_as(&r->model, config, &source, r->g->precision, &r->err) ||
        sm_session_open(&r->session, r->model, 1, MAX_PROMPTS, &r->err))
        return false;
    r->config = sm_model_config(r->model);
    r->side = grid_side(r->config);
    r->low = sm_low_res_side(r->config);
    r->dim = r->config->prompt_dim;
    r->embedding = malloc(sm_embedding_floats(r->config) * sizeof(float));
    return r->embedding != NULL;
}

/* "case/NAME" of "case/NAME/..."; false when it is the one of the name before. */
static bool new_group(char *group, size_t size, const char *name)
{
    const char *first = strchr(name, '/'), *second = first ? strchr(first + 1, '/') : NULL;
    size_t n = second ? (size_t)(second - name) : 0;
    if (n == 0 || n >= size || (strncmp(group, name, n) == 0 && group[n] == 0))
        return false;
    memcpy(group, name, n);
    group[n] = 0;
    return true;
}

static void run_all(struct inference *r)
{
    char group[256] = "";
    if (!encode_image(r, 0))
        return;
    for (size_t i = 0; i < r->g->count; i++) {
        const char *name = r->g->names[i];
        if (starts(name, "encoder/image_embedding_chw") && encode_image(r, 0))
            compare_chw(r, name, r->embedding, 1);
        else if (strstr(name, "/dense_positional_encoding"))
            compare_chw(r, name, r->model->image_pe, 1);
        else if (starts(name, "case/") && new_group(group, sizeof group, name))
            run_case(r, group);
        else if (starts(name, "predictor/") && new_group(group, sizeof group, name))
            run_predictor(r, group);
    }
}

/* A result that nothing was compared with must not pass unseen. */
static void report_unseen(struct golden *g)
{
    for (size_t i = 0; i < g->count; i++) {
        const char *name = g->names[i];
        bool given = starts(name, "image/") || (strstr(name, "/input/") && !strstr(name, "model_frame"));
        if (!given && !g->compared[i])
            golden_fail(g, name, "nothing was compared with it");
    }
}

void golden_inference(struct golden *g)
{
    struct inference r = {.g = g, .image = -1};
    struct sm_config config;
    uint64_t seed;
    if (prepare(&r, &config, &seed)) {
        run_all(&r);
        report_unseen(g);
        golden_report_masks(g);
    } else {
        golden_fail(g, "", r.err.message);
    }
    free(r.embedding);
    sm_session_close(r.session);
    sm_model_close(r.model);
}
