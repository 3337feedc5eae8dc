#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "model/config_attributes.h"

/* ---- presets: build_sam.py ---- */

static const struct preset {
    const char *name;
    int embed_dim, depth, num_heads, every; /* every n-th block is global: the last of each n */
    int window_size, patch_size;
    int prompt_dim, decoder_mlp_dim;
} presets[] = {
    {"vit_b", 768, 12, 12, 3, 14, 16, 256, 2048},
    {"vit_l", 1024, 24, 16, 6, 14, 16, 256, 2048},
    {"vit_h", 1280, 32, 16, 8, 14, 16, 256, 2048},
    /* not published: for training from nothing; windows divide the grid of patches */
    {"tiny", 64, 4, 4, 2, 8, 16, 256, 2048},
    {"small", 192, 6, 6, 3, 8, 16, 256, 2048},
    {"medium", 384, 12, 6, 3, 8, 16, 256, 2048},
    {"fine", 128, 6, 4, 3, 8, 8, 128, 512}, /* small patches for small objects */
};

static const struct sm_config base_config = {
    .patch_size = 16,
    .window_size = 14,
    .prompt_dim = 256,
    .mask_in_chans = 16,
    .decoder_depth = 2,
    .decoder_heads = 8,
    .decoder_mlp_dim = 2048,
    .decoder_downsample = 2,
    .mask_tokens = 4,
    .iou_head_depth = 3,
    .iou_head_hidden = 256,
    .pixel_mean = {123.675f, 116.28f, 103.53f},
    .pixel_std = {58.395f, 57.12f, 57.375f},
    .resize = SM_RESIZE_SAM_MED2D,
    .normalization = {.mode = SM_WINDOW_MINMAX},
    .orientation = SM_ORIENT_RADIOLOGICAL,
    .multimask = SM_BEST_OF_THREE,
};

bool config_preset(struct sm_config *config, const char *name, int image_size, bool adapter)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
        const struct preset *p = &presets[i];
        if (strcmp(name, p->name) != 0)
            continue;
        *config = base_config;
        config->image_size = image_size;
        config->embed_dim = p->embed_dim;
        config->mlp_dim = 4 * p->embed_dim;
        config->depth = p->depth;
        config->num_heads = p->num_heads;
        config->window_size = p->window_size;
        config->patch_size = p->patch_size;
        config->prompt_dim = p->prompt_dim;
        config->decoder_mlp_dim = p->decoder_mlp_dim;
        config->adapter = adapter;
        config->adapter_hidden = adapter ? p->embed_dim / 4 : 0;
        for (int b = 0; b < p->depth; b++)
            config->global_attn[b] = (b + 1) % p->every == 0;
        snprintf(config->name, sizeof config->name, "%s", name);
        return true;
    }
    return false;
}

/* ---- comparison ---- */

const char *config_difference(const struct sm_config *a, const struct sm_config *b)
{
    for (const struct attribute *t = config_attributes; t->name; t++)
        if (t->kind == ATTRIBUTE_WHOLE && t->at != offsetof(struct sm_config, multimask) &&
            attribute_value(t, a) != attribute_value(t, b))
            return t->name;
    if (a->mask_prompt_logits != b->mask_prompt_logits)
        return "mask_prompt";
    if (a->resize != b->resize)
        return "resize";
    if (memcmp(a->pixel_mean, b->pixel_mean, sizeof a->pixel_mean) || memcmp(a->pixel_std, b->pixel_std, sizeof a->pixel_std))
        return "pixel_mean or pixel_std";
    return memcmp(a->global_attn, b->global_attn, sizeof a->global_attn) ? "global_attn_indexes" : NULL;
}

/* ---- sanity ---- */

enum sm_status config_check(const struct sm_config *c, const char *path, struct sm_err *err)
{
    const char *found = NULL;
    for (const struct attribute *a = config_attributes; a->name; a++) {
        int value = a->kind == ATTRIBUTE_WHOLE ? attribute_value(a, c) : 0;
        if (a->kind == ATTRIBUTE_WHOLE && (value < a->min || value > a->max))
            return sm_fail(err, SM_WEIGHTS, "%s: %s is %d, expected %" PRId64 " to %" PRId64, path,
                           a->name, value, a->min, a->max);
    }
    if (c->image_size % c->patch_size || c->image_size / c->patch_size > 128)
        found = "image_size is not patch_size times 1 to 128";
    else if (c->embed_dim % c->num_heads)
        found = "embed_dim is not a multiple of num_heads";
    else if (c->prompt_dim % 8)
        found = "prompt_dim is not a multiple of 8";
    else if (c->mask_in_chans % 4)
        found = "mask_in_chans is not a multiple of 4";
    else if (c->prompt_dim % c->decoder_downsample || c->prompt_dim % c->decoder_heads ||
             c->prompt_dim / c->decoder_downsample % c->decoder_heads)
        found = "prompt_dim cannot be shared out over decoder_heads and decoder_downsample";
    else if (c->adapter && c->adapter_hidden < 1)
        found = "there are adapters, but adapter_hidden is 0";
    else if (c->adapter && c->image_size / c->patch_size % 2)
        found = "adapters need an even number of patches a side";
    for (int i = 0; i < 3 && !found; i++)
        if (!isfinite(c->pixel_mean[i]) || !(c->pixel_std[i] > 0) || !isfinite(c->pixel_std[i]))
            found = "pixel_mean and pixel_std are not finite numbers with a positive deviation";
    if (c->mirrors > 1 && c->resize == SM_RESIZE_SAM)
        found = "mirrors are asked for, but pictures are padded (resize sam)";
    if (!found)
        return SM_OK;
    return sm_fail(err, SM_WEIGHTS, "%s: the configuration makes no sense: %s", path, found);
}

enum sm_status config_read(struct sm_config *config, const struct h5 *file, bool complete,
                           struct sm_err *err)
{
    if (config->patch_size == 0)
        *config = base_config;
    if (attributes_read(config, file, complete, err))
        return SM_WEIGHTS;
    config->mlp_dim = 4 * config->embed_dim;
    if (!complete && config->adapter && config->adapter_hidden == 0)
        config->adapter_hidden = config->embed_dim / 4;
    return config_check(config, h5_path(file), err);
}
