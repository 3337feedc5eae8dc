#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "model/mask_decoder.h"
#include "model/preprocess.h"
#include "model/prompt_encoder.h"
#include "model/session.h"
#include "nn/nn.h"

enum {
    USUAL_TOKENS = 24,     /* output tokens and a handful of points: what the arena is sized for */
    GROUP_IMAGE_TOKENS = 4096 /* prompts decoded together share GEMMs, but should stay in the cache */
};

/* ---- how many prompts go through the decoder together, on one thread of several ---- */

static int own_tokens(const struct sm_config *c)
{
    return 1 + c->mask_tokens;
}

static int group_limit(const struct sm_session *s, int tokens)
{
    int pixels = grid_side(&s->model->config) * grid_side(&s->model->config);
    int limit = GROUP_IMAGE_TOKENS / pixels;
    if (tokens > USUAL_TOKENS)
        limit = limit * USUAL_TOKENS / tokens;
    return limit < 1 ? 1 : limit;
}

static int chunk_limit(const struct sm_session *s, int tokens)
{
    int limit = group_limit(s, tokens) * nn_workers(s->max_prompts);
    return limit < s->max_prompts ? limit : s->max_prompts;
}

/* ---- prompts of equal token count, all with a mask or all without ---- */

struct chunk {
    const struct sm_session *session;
    const struct sm_prompt *prompts;
    const int *member; /* n indices into prompts */
    int n, sparse_count;
    bool has_mask, multimask;
    float *low_res, *iou; /* of all prompts */
    int groups;           /* the members' parts of about equal size, each decoded by one worker */
    char *scratch;        /* (groups, group_bytes) */
    size_t group_bytes;
};

static void encode_sparse(const struct chunk *c, float *sparse)
{
    const struct sm_session *s = c->session;
    size_t stride = (size_t)c->sparse_count * (size_t)s->model->config.prompt_dim;
    for (int i = 0; i < c->n; i++) {
        const struct sm_prompt *p = &c->prompts[c->member[i]];
        float points[SM_MAX_POINTS][2], box[4];
        for (int j = 0; j < p->point_count; j++)
            frame_point(&s->frame, points[j], p->points[j]);
        for (int j = 0; j < 2 && p->box; j++)
            frame_point(&s->frame, box + 2 * j, p->box + 2 * j);
        prompt_encoder_sparse(s->model, sparse + i * stride, p, (const float(*)[2])points,
                              p->box ? box : NULL);
    }
}

/* image embedding + dense embedding of each prompt: (n, G, G, C) */
static float *masked_images(const struct chunk *c, struct arena *arena)
{
    const struct sm_session *s = c->session;
    size_t picture = sm_embedding_floats(&s->model->config);
    float *src = arena_floats(arena, c->n * picture);
    for (int i = 0; i < c->n; i++) {
        bool run = arena->base != NULL;
        float *dense = run ? src + i * picture : NULL;
        prompt_encoder_dense(s->model, arena, dense, run ? c->prompts[c->member[i]].mask : NULL);
        if (run)
            nn_add(dense, s->embedding, picture);
    }
    return src;
}

/* One group: a chunk of its own. */
static void decode_group(const struct chunk *c, struct arena *arena)
{
    const struct sm_config *config = &c->session->model->config;
    size_t side = (size_t)sm_low_res_side(config);
    size_t masks = (size_t)mask_count(config, c->multimask);
    float *sparse = arena_floats(arena,
                                 (size_t)c->n * (size_t)c->sparse_count * (size_t)config->prompt_dim);
    float **mask_at = arena_take(arena, (size_t)c->n * sizeof *mask_at);
    float **iou_at = arena_take(arena, (size_t)c->n * sizeof *iou_at);
    if (arena->base)
        encode_sparse(c, sparse);
    for (int i = 0; i < c->n && arena->base; i++) {
        mask_at[i] = c->low_res + (size_t)c->member[i] * masks * side * side;
        iou_at[i] = c->iou + (size_t)c->member[i] * masks;
    }
    float *src = c->has_mask ? masked_images(c, arena) : NULL;
    mask_decoder_predict(c->session->model, arena, mask_at, iou_at, sparse, c->sparse_count,
                         c->has_mask ? NULL : &c->session->image, src, c->n, c->multimask);
}

/* Bytes of arena that a group of n such prompts needs. */
static size_t measure_group(const struct chunk *c, int n)
{
    struct arena arena = {0};
    struct chunk group = *c;
    group.n = n;
    decode_group(&group, &arena);
    return arena.peak;
}

static void decode_share(void *context, int i, int worker)
{
    const struct chunk *c = context;
    struct chunk group = *c;
    struct arena arena = {.base = c->scratch + (size_t)i * c->group_bytes, .size = c->group_bytes};
    int first = i * c->n / c->groups;
    (void)worker;
    group.member = c->member + first;
    group.n = (i + 1) * c->n / c->groups - first;
    decode_group(&group, &arena);
}

/* With a measuring arena only takes. */
static void decode_chunk(struct chunk *c, struct arena *arena)
{
    c->groups = nn_workers(c->n);
    c->group_bytes = measure_group(c, (c->n + c->groups - 1) / c->groups);
    c->scratch = arena_take(arena, (size_t)c->groups * c->group_bytes);
    if (arena->base)
        nn_each(c->groups, decode_share, c);
}

/* ---- opening: the same code on a measuring arena gives the size ---- */

static void take_buffers(struct sm_session *s)
{
    const struct sm_config *c = &s->model->config;
    size_t size = (size_t)c->image_size, g = (size_t)grid_side(c) * (size_t)grid_side(c);
    size_t narrow = (size_t)(c->prompt_dim / c->decoder_downsample);
    s->input = arena_floats(&s->arena, (size_t)s->max_batch * size * size * 3);
    s->done = arena_take(&s->arena, (size_t)s->max_prompts * sizeof *s->done);
    s->src = arena_floats(&s->arena, g * (size_t)c->prompt_dim);
    s->k = arena_floats(&s->arena, g * narrow);
    s->v = arena_floats(&s->arena, g * narrow);
    s->q = arena_floats(&s->arena, g * narrow);
    s->image = (struct image_side){s->src, s->k, s->v, s->q};
}

static void measure_decoder(struct sm_session *s, int sparse_count, bool has_mask)
{
    int n = chunk_limit(s, own_tokens(&s->model->config) + sparse_count);
    struct chunk c = {.session = s, .n = n, .sparse_count = sparse_count, .has_mask = has_mask, .multimask = true};
    size_t mark = arena_mark(&s->arena);
    arena_take(&s->arena, (size_t)s->max_prompts * sizeof(int)); /* sm_decode's list of members */
    decode_chunk(&c, &s->arena);
    arena_release(&s->arena, mark);
}

/* Pictures that go through the encoder together: as many tokens as it takes for reading the weights not
 * to show, and no more, since activations should stay in the cache. */
static int pictures_at_once(const struct sm_session *s, int count)
{
    enum { TOKENS = 1024 };
    int g = grid_side(&s->model->config) * grid_side(&s->model->config);
    int most = g < TOKENS ? TOKENS / g : 1;
    return count < most ? count : most;
}

static size_t measure(struct sm_session *s)
{
    take_buffers(s);
    image_encoder_forward(s->model, &s->arena, NULL, NULL, pictures_at_once(s, s->max_batch), NULL);
    two_way_transformer_image_side(s->model, &s->arena, NULL, NULL, NULL, NULL);
    for (int sparse_count = 0; sparse_count <= SM_MAX_POINTS + 2; sparse_count++)
        for (int has_mask = 0; has_mask < 2; has_mask++)
            measure_decoder(s, sparse_count, has_mask);
    return s->arena.peak;
}

enum sm_status sm_session_open(struct sm_session **session, const struct sm_model *model,
                               int max_batch, int max_prompts, struct sm_err *err)
{
    *session = NULL;
    if (max_batch < 1 || max_batch > 256 || max_prompts < 1 || max_prompts > 65536)
        return sm_fail(err, SM_USAGE,
                       "a session for %d pictures and %d prompts at once cannot be opened; expected "
                       "1 to 256 and 1 to 65536",
                       max_batch, max_prompts);
    struct sm_session *s = calloc(1, sizeof *s);
    if (!s)
        return sm_fail(err, SM_MEMORY, "out of memory");
    *s = (struct sm_session){.model = model,
                             .threads = nn_threads(),
                             .max_batch = max_batch,
                             .max_prompts = max_prompts};
    size_t size = measure(s);
    enum sm_status status = arena_init(&s->arena, size, err);
    size_t wanted = status ? 0 : nn_reserve();
    if (wanted) {
        arena_free(&s->arena);
        status = sm_fail(err, SM_MEMORY,
                         "out of memory: OpenBLAS needs %zu MB of address space for %d threads; "
                         "allow more (ulimit -v) or use fewer --threads",
                         wanted >> 20, s->threads);
    }
    if (status) {
        free(s);
        return status;
    }
    take_buffers(s);
    *session = s;
    return SM_OK;
}

void sm_session_close(struct sm_session *session)
{
    if (!session)
        return;
    arena_free(&session->arena);
    free(session);
}

/* Scratch is a part for each thread, sized when the session was opened. */
static enum sm_status check_threads(const struct sm_session *s, struct sm_err *err)
{
    if (nn_threads() <= s->threads)
        return SM_OK;
    return sm_fail(err, SM_USAGE, "%d threads, but the session was opened for %d; open another",
                   nn_threads(), s->threads);
}

/* ---- pictures ---- */

/* The first `count` squares of s->input. */
static void encode_input(struct sm_session *s, int count, float *embeddings)
{
    const struct sm_config *c = &s->model->config;
    size_t square = 3 * (size_t)c->image_size * (size_t)c->image_size, floats = sm_embedding_floats(c);
    int most = pictures_at_once(s, count);
    s->encoded = true;
    for (int first = 0; first < count; first += most)
        image_encoder_forward(s->model, &s->arena, embeddings + (size_t)first * floats,
                              s->input + (size_t)first * square,
                              count - first < most ? count - first : most, s->tap.stage ? &s->tap : NULL);
}

static enum sm_status begin_encoding(struct sm_session *s, int count, struct sm_err *err)
{
    if (count < 1 || count > s->max_batch)
        return sm_fail(err, SM_USAGE, "%d pictures at once, but the session was opened for 1 to %d",
                       count, s->max_batch);
    enum sm_status status = check_threads(s, err);
    return status ? status
                  : model_prepare_encoder(s->model, s->encoded || count > pictures_at_once(s, count), err);
}

enum sm_status sm_encode(struct sm_session *s, const struct sm_picture *pictures, int count,
                         float *embeddings, struct sm_err *err)
{
    size_t size = (size_t)s->model->config.image_size;
    enum sm_status status = begin_encoding(s, count, err);
    if (status)
        return status;
    for (int i = 0; i < count; i++) {
        status = preprocess(&s->model->config, &pictures[i], s->input + (size_t)i * size * size * 3,
                            err);
        if (status)
            return status;
    }
    encode_input(s, count, embeddings);
    return SM_OK;
}

enum sm_status session_encode_squares(struct sm_session *s, const float *const *squares, int count,
                                      float *embeddings, struct sm_err *err)
{
    size_t floats = 3 * (size_t)s->model->config.image_size * (size_t)s->model->config.image_size;
    enum sm_status status = begin_encoding(s, count, err);
    if (status)
        return status;
    for (int i = 0; i < count; i++)
        memcpy(s->input + (size_t)i * floats, squares[i], floats * sizeof *s->input);
    encode_input(s, count, embeddings);
    return SM_OK;
}

enum sm_status sm_set_image(struct sm_session *s, const float *embedding, int height, int width,
                            struct sm_err *err)
{
    const struct sm_config *c = &s->model->config;
    size_t pixels = (size_t)grid_side(c) * (size_t)grid_side(c);
    if (height < 1 || width < 1)
        return sm_fail(err, SM_USAGE, "a picture of %d x %d pixels cannot be prompted", width, height);
    enum sm_status status = check_threads(s, err);
    if (status)
        return status;
    s->embedding = embedding;
    s->frame = frame_of(c, height, width);
    nn_add_rows(s->src, embedding, s->model->weights.prompt_encoder.no_mask, (int)pixels, c->prompt_dim);
    two_way_transformer_image_side(s->model, &s->arena, s->k, s->v, s->q, s->src);
    return SM_OK;
}

/* ---- prompts ---- */

static enum sm_status check_prompt(const struct sm_prompt *p, int number, struct sm_err *err)
{
    bool finite = true;
    if (p->point_count < 0 || p->point_count > SM_MAX_POINTS)
        return sm_fail(err, SM_USAGE, "prompt %d has %d points, expected at most %d", number,
                       p->point_count, SM_MAX_POINTS);
    if (p->point_count == 0 && !p->box && !p->mask)
        return sm_fail(err, SM_USAGE, "prompt %d has neither points nor a box nor a mask", number);
    for (int i = 0; i < p->point_count; i++)
        finite = finite && isfinite(p->points[i][0]) && isfinite(p->points[i][1]);
    for (int i = 0; i < 4 && p->box; i++)
        finite = finite && isfinite(p->box[i]);
    if (!finite)
        return sm_fail(err, SM_USAGE, "prompt %d has a coordinate that is not a finite number", number);
    return SM_OK;
}

/* The next chunk: the first prompt not done yet, and those after it that are like it. */
static int next_chunk(struct sm_session *s, struct chunk *c, int *member, int first, int count)
{
    const struct sm_prompt *like = &c->prompts[first];
    c->sparse_count = prompt_encoder_tokens(like);
    c->has_mask = like->mask != NULL;
    c->n = 0;
    int limit = chunk_limit(s, own_tokens(&s->model->config) + c->sparse_count);
    for (int i = first; i < count && c->n < limit; i++) {
        const struct sm_prompt *p = &c->prompts[i];
        if (s->done[i] || prompt_encoder_tokens(p) != c->sparse_count ||
            (p->mask != NULL) != c->has_mask)
            continue;
        s->done[i] = true;
        member[c->n++] = i;
    }
    return c->n;
}

enum sm_status sm_decode(struct sm_session *s, const struct sm_prompt *prompts, int count,
                         bool multimask, float *low_res, float *iou, struct sm_err *err)
{
    if (!s->embedding)
        return sm_fail(err, SM_USAGE, "sm_set_image has to be called before sm_decode");
    if (count < 0 || count > s->max_prompts)
        return sm_fail(err, SM_USAGE, "%d prompts at once, but the session was opened for up to %d",
                       count, s->max_prompts);
    enum sm_status status = check_threads(s, err);
    if (status)
        return status;
    for (int i = 0; i < count; i++) {
        status = check_prompt(&prompts[i], i, err);
        if (status)
            return status;
    }
    memset(s->done, 0, (size_t)s->max_prompts * sizeof *s->done);
    for (int i = 0; i < count; i++) {
        if (s->done[i])
            continue;
        size_t mark = arena_mark(&s->arena);
        struct chunk c = {.session = s, .prompts = prompts, .multimask = multimask,
                          .low_res = low_res, .iou = iou};
        int *member = arena_take(&s->arena, (size_t)s->max_prompts * sizeof *member);
        c.member = member;
        next_chunk(s, &c, member, i, count);
        decode_chunk(&c, &s->arena);
        arena_release(&s->arena, mark);
    }
    return SM_OK;
}
