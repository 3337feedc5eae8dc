#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "h5/h5.h"
#include "lib/hash_weights.h"
#include "lib/small_model.h"
#include "model/config.h"

static uint64_t seed = 99;

struct sm_config small_config(void)
{
    struct sm_config c;
    config_preset(&c, "vit_b", 64, true);
    c.embed_dim = 16;
    c.mlp_dim = 64;
    c.depth = 2;
    c.num_heads = 2;
    c.window_size = 3;
    memset(c.global_attn, 0, sizeof c.global_attn);
    c.global_attn[1] = true;
    c.adapter_hidden = 4;
    c.prompt_dim = 32;
    c.mask_in_chans = 8;
    c.decoder_heads = 4;
    c.decoder_mlp_dim = 48;
    c.iou_head_hidden = 24;
    return c;
}

struct sm_model *small_model(const struct sm_config *config)
{
    struct tensor_source source = hash_source(&seed);
    struct sm_model *model;
    return model_from_source(&model, config, &source, NULL) ? NULL : model;
}

struct writer {
    struct h5_out *out;
    const struct small_flaw *flaw;
};

static bool is(const char *name, const char *flaw)
{
    return flaw && strcmp(name, flaw) == 0;
}

static enum sm_status write_tensor(void *context, const struct tensor *tensor, struct sm_err *err)
{
    struct writer *w = context;
    struct h5_shape shape = {.rank = tensor->rank,
                             .type = w->flaw->half ? H5_FLOAT16 : H5_FLOAT32};
    if (is(tensor->name, w->flaw->without))
        return SM_OK;
    for (int i = 0; i < tensor->rank; i++)
        shape.dim[i] = tensor->dim[i];
    if (w->flaw->packed)
        strcpy(shape.axes, tensor_axes(tensor));
    if (is(tensor->name, w->flaw->shape))
        shape.dim[tensor->rank - 1]++;
    float *values = calloc((size_t)h5_count(&shape), sizeof *values);
    if (!values)
        return SM_MEMORY;
    hash_fill(values, tensor->name, tensor->rank, tensor->dim, seed);
    if (is(tensor->name, w->flaw->nan))
        values[0] = NAN;
    enum sm_status status = h5_write_floats(w->out, tensor->name, values, &shape, err);
    free(values);
    return status;
}

static bool write_numbers(struct writer *w, const struct sm_config *c)
{
    const struct {
        const char *name;
        int value;
    } numbers[] = {
        {"format_version", 1},
        {"image_size", c->image_size},
        {"patch_size", c->patch_size},
        {"embed_dim", c->embed_dim},
        {"depth", c->depth},
        {"num_heads", c->num_heads},
        {"window_size", c->window_size},
        {"adapter", c->adapter},
        {"adapter_hidden", c->adapter_hidden},
        {"prompt_dim", c->prompt_dim},
        {"mask_in_chans", c->mask_in_chans},
        {"decoder_depth", c->decoder_depth},
        {"decoder_heads", c->decoder_heads},
        {"decoder_mlp_dim", c->decoder_mlp_dim},
        {"decoder_downsample", c->decoder_downsample},
        {"mask_tokens", c->mask_tokens},
        {"iou_head_depth", c->iou_head_depth},
        {"iou_head_hidden", c->iou_head_hidden},
        {"multimask", c->multimask},
        {"mirrors", c->mirrors},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const char *name = numbers[i].name;
        int64_t value = is(name, w->flaw->number) ? w->flaw->value : numbers[i].value;
        if (!is(name, w->flaw->without) && h5_set_int(w->out, name, value, NULL))
            return false;
    }
    return true;
}

static bool write_texts(struct writer *w)
{
    const char *const texts[][2] = {
        {"normalization", "minmax"}, {"orientation", "stored"}, {"resize", "sam-med2d"},
        {"mask_prompt", "sigmoid"},  {"name", "small"},         {"licence", "none"},
        {"zoom", NULL}, /* a number, where there is one: a text is a flaw */
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *name = texts[i][0];
        const char *text = is(name, w->flaw->text) ? w->flaw->content : texts[i][1];
        if (text && !is(name, w->flaw->without) && h5_set_text(w->out, name, text, NULL))
            return false;
    }
    return true;
}

static bool write_arrays(struct writer *w, const struct sm_config *c)
{
    double mean[3], deviation[3];
    int blocks[SM_MAX_DEPTH], count = 0;
    for (int i = 0; i < 3; i++) {
        mean[i] = c->pixel_mean[i];
        deviation[i] = c->pixel_std[i];
    }
    for (int i = 0; i < c->depth; i++)
        if (c->global_attn[i])
            blocks[count++] = i;
    if (is("global_attn_indexes", w->flaw->number))
        blocks[0] = (int)w->flaw->value;
    if (is("pixel_std", w->flaw->number))
        deviation[1] = (double)w->flaw->value;
    return !h5_set_double(w->out, "pixel_mean", mean, 3, NULL) &&
           !h5_set_double(w->out, "pixel_std", deviation, 3, NULL) &&
           (is("global_attn_indexes", w->flaw->without) ||
            !h5_set_ints(w->out, "global_attn_indexes", blocks, count, NULL));
}

bool small_file(const char *path, const struct sm_config *config, const struct small_flaw *flaw)
{
    static const struct small_flaw none;
    struct writer w = {.flaw = flaw ? flaw : &none};
    static struct weights ignored;
    if (h5_create(&w.out, path, NULL))
        return false;
    if (weights_each(&ignored, config, write_tensor, &w, NULL) || !write_numbers(&w, config) ||
        !write_texts(&w) || !write_arrays(&w, config)) {
        h5_discard(w.out);
        return false;
    }
    return h5_commit(w.out, NULL) == SM_OK;
}
