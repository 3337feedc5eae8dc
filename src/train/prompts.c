/* ref: OpenGVLab/SAM-Med2D, segment_anything/modeling/prompt_encoder.py */
#include "train/prompts.h"
#include "model/prompt_encoder.h"

static size_t picture_floats(const struct pass *pass)
{
    return sm_embedding_floats(&pass->model->config);
}

/* ---- points and boxes ---- */

static struct sm_prompt prompt_of(const struct prompt_batch *b, int i)
{
    size_t first = (size_t)i * b->point_count;
    return (struct sm_prompt){.point_count = b->point_count,
                              .points = b->points ? b->points + first : NULL,
                              .point_labels = b->labels ? b->labels + first : NULL,
                              .box = b->boxes ? b->boxes + 4 * (size_t)i : NULL};
}

static void sparse_forward(struct prompts_tape *tape, const struct pass *pass)
{
    const struct prompt_batch *b = tape->batch;
    struct sm_prompt first = {.point_count = b->point_count, .box = b->boxes};
    tape->sparse_count = prompt_encoder_tokens(&first);
    size_t floats = (size_t)tape->sparse_count * pass->model->config.prompt_dim;
    tape->sparse = take(pass, b->n * floats);
    for (int i = 0; i < b->n && running(pass); i++) {
        struct sm_prompt p = prompt_of(b, i);
        prompt_encoder_sparse(pass->model, tape->sparse + i * floats, &p, p.points, p.box);
    }
}

/* The learned embedding that token `index` of a prompt has, in `g`; NULL: none, or not trained. */
static const float *embedding_of(const struct prompt_encoder *g, const struct sm_prompt *p, int index)
{
    if (index < p->point_count) {
        int label = p->point_labels[index];
        return label == -1 ? g->not_a_point : label == 0 || label == 1 ? g->point_embed[label] : NULL;
    }
    if (!p->box)
        return g->not_a_point; /* the padding point */
    return g->point_embed[2 + index - p->point_count];
}

static void sparse_backward(const struct prompts_tape *tape, const struct pass *pass, const float *d_sparse)
{
    const struct prompt_encoder *g = &pass->gradients->prompt_encoder;
    size_t dim = pass->model->config.prompt_dim;
    for (int i = 0; i < tape->batch->n; i++) {
        struct sm_prompt p = prompt_of(tape->batch, i);
        for (int j = 0; j < tape->sparse_count; j++, d_sparse += dim) {
            const float *gradient = embedding_of(g, &p, j);
            if (gradient)
                nn_add(into(gradient), d_sparse, dim);
        }
    }
}

bool points_trained(const struct pass *pass)
{
    const struct prompt_encoder *g = &pass->gradients->prompt_encoder;
    bool trained = g->not_a_point != NULL;
    for (int i = 0; i < POINT_KINDS; i++)
        trained = trained || g->point_embed[i];
    return trained;
}

/* ---- masks: two 2x2 convolutions of stride 2, then one of 1x1 ---- */

struct step {
    int side, cin, cout;
};

static struct step step_of(const struct pass *pass, int index)
{
    const struct sm_config *c = &pass->model->config;
    int side = 4 * grid_side(c), k = c->mask_in_chans;
    return index == 0 ? (struct step){side, 1, k / 4} : (struct step){side / 2, k / 4, k};
}

static void downscale(const struct pass *pass, float **conv, float **norm, float **act, const float *x,
                      const struct linear *w, const struct norm *norm_w, int n, int index)
{
    struct step s = step_of(pass, index);
    int pixels = n * s.side / 2 * (s.side / 2);
    *conv = take(pass, (size_t)pixels * s.cout);
    size_t mark = arena_mark(pass->arena);
    float *scratch = take(pass, nn_conv_scratch(n, s.side, s.side, s.cin, s.cout, 2, 2, 0));
    if (running(pass))
        nn_conv(*conv, x, w->weight, w->bias, n, s.side, s.side, s.cin, s.cout, 2, 2, 0, scratch);
    arena_release(pass->arena, mark);
    *norm = take_norm(pass, *conv, norm_w, pixels, s.cout, norm_eps_encoder());
    *act = take_copy(pass, *norm, (size_t)pixels * s.cout);
    if (running(pass))
        nn_gelu(*act, (size_t)pixels * s.cout);
}

/* d is by act and used up; d_x may be NULL. */
static void downscale_backward(const struct pass *pass, float *d_x, const struct linear *g,
                               const struct norm *norm_g, float *d, const float *conv, const float *norm,
                               const float *x, const struct linear *w, const struct norm *norm_w, int n,
                               int index)
{
    struct step s = step_of(pass, index);
    int pixels = n * s.side / 2 * (s.side / 2);
    size_t mark = arena_mark(pass->arena);
    float *scratch = take(pass, nn_conv_backward_scratch(n, s.side, s.side, s.cin, s.cout, 2, 2, 0));
    if (running(pass))
        nn_gelu_backward(d, norm, (size_t)pixels * s.cout);
    norm_backward(pass, d, norm_g, d, conv, norm_w, pixels, s.cout, norm_eps_encoder());
    if (running(pass))
        nn_conv_backward(d_x, into(g->weight), into(g->bias), d, x, w->weight, n, s.side, s.side, s.cin,
                         s.cout, 2, 2, 0, scratch);
    arena_release(pass->arena, mark);
}

static void masks_forward(struct prompts_tape *tape, const struct pass *pass)
{
    const struct prompt_encoder *w = &pass->model->weights.prompt_encoder;
    const struct sm_config *c = &pass->model->config;
    int n = tape->batch->n, pixels = n * grid_side(c) * grid_side(c);
    downscale(pass, &tape->conv1, &tape->norm1, &tape->act1, tape->batch->masks, &w->mask_conv1,
              &w->mask_norm1, n, 0);
    downscale(pass, &tape->conv2, &tape->norm2, &tape->act2, tape->act1, &w->mask_conv2, &w->mask_norm2, n,
              1);
    if (running(pass))
        nn_linear_add(tape->src, tape->act2, w->mask_conv3.weight, w->mask_conv3.bias, pixels,
                      c->mask_in_chans, c->prompt_dim);
}

static void masks_backward(const struct prompts_tape *tape, const struct pass *pass, const float *d_src)
{
    const struct prompt_encoder *w = &pass->model->weights.prompt_encoder;
    const struct prompt_encoder *g = &pass->gradients->prompt_encoder;
    const struct sm_config *c = &pass->model->config;
    int n = tape->batch->n, pixels = n * grid_side(c) * grid_side(c), k = c->mask_in_chans;
    size_t mark = arena_mark(pass->arena);
    float *d2 = take(pass, (size_t)pixels * k), *d1 = take(pass, (size_t)pixels * k);
    linear_backward(pass, d2, &g->mask_conv3, d_src, tape->act2, &w->mask_conv3, pixels, k, c->prompt_dim);
    downscale_backward(pass, d1, &g->mask_conv2, &g->mask_norm2, d2, tape->conv2, tape->norm2, tape->act1,
                       &w->mask_conv2, &w->mask_norm2, n, 1);
    downscale_backward(pass, NULL, &g->mask_conv1, &g->mask_norm1, d1, tape->conv1, tape->norm1,
                       tape->batch->masks, &w->mask_conv1, &w->mask_norm1, n, 0);
    arena_release(pass->arena, mark);
}

bool dense_trained(const struct pass *pass, const struct prompt_batch *batch)
{
    const struct prompt_encoder *g = &pass->gradients->prompt_encoder;
    return batch->masks ? linear_trained(&g->mask_conv1) : g->no_mask != NULL;
}

/* ---- the whole ---- */

void prompts_forward(struct prompts_tape *tape, const struct pass *pass, const struct prompt_batch *batch,
                     const float *embeddings)
{
    const struct sm_config *c = &pass->model->config;
    size_t picture = picture_floats(pass);
    *tape = (struct prompts_tape){.batch = batch};
    sparse_forward(tape, pass);
    tape->src = take(pass, batch->n * picture);
    for (int i = 0; i < batch->n && running(pass); i++)
        memcpy(tape->src + i * picture, embeddings + batch->picture[i] * picture, picture * sizeof(float));
    if (batch->masks)
        masks_forward(tape, pass);
    else if (running(pass))
        nn_add_rows(tape->src, tape->src, pass->model->weights.prompt_encoder.no_mask,
                    batch->n * (int)(picture / c->prompt_dim), c->prompt_dim);
}

void prompts_backward(const struct prompts_tape *tape, const struct pass *pass, float *d_embeddings,
                      const float *d_sparse, const float *d_src)
{
    const struct prompt_batch *batch = tape->batch;
    int dim = pass->model->config.prompt_dim;
    size_t picture = picture_floats(pass);
    const float *no_mask = pass->gradients->prompt_encoder.no_mask;
    if (running(pass) && points_trained(pass))
        sparse_backward(tape, pass, d_sparse);
    if (dense_trained(pass, batch) && batch->masks)
        masks_backward(tape, pass, d_src);
    else if (running(pass) && !batch->masks && no_mask)
        nn_add_sum_of_rows(into(no_mask), d_src, batch->n * (int)(picture / dim), dim);
    for (int i = 0; i < batch->n && running(pass) && d_embeddings; i++)
        nn_add(d_embeddings + batch->picture[i] * picture, d_src + i * picture, picture);
}
