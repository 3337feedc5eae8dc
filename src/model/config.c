#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model/config.h"

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

/* ---- attributes ---- */

#define AT(field) offsetof(struct sm_config, field)

/* The upper ends keep every product of these numbers far from overflow; mask_tokens is fixed because
 * callers of sm_decode make room for three masks. */
static const struct int_attribute {
    const char *name;
    size_t at;
    int64_t min, max;
} int_attributes[] = {
    {"image_size", AT(image_size), 16, 2048},
    {"patch_size", AT(patch_size), 4, 64},
    {"embed_dim", AT(embed_dim), 4, 4096},
    {"depth", AT(depth), 1, SM_MAX_DEPTH},
    {"num_heads", AT(num_heads), 1, 64},
    {"window_size", AT(window_size), 1, 128},
    {"adapter_hidden", AT(adapter_hidden), 0, 4096},
    {"prompt_dim", AT(prompt_dim), 8, 2048},
    {"mask_in_chans", AT(mask_in_chans), 4, 1024},
    {"decoder_depth", AT(decoder_depth), 1, 16},
    {"decoder_heads", AT(decoder_heads), 1, 64},
    {"decoder_mlp_dim", AT(decoder_mlp_dim), 1, 16384},
    {"decoder_downsample", AT(decoder_downsample), 1, 16},
    {"mask_tokens", AT(mask_tokens), 4, 4},
    {"iou_head_depth", AT(iou_head_depth), 1, 16},
    {"iou_head_hidden", AT(iou_head_hidden), 1, 4096},
    {"multimask", AT(multimask), SM_SINGLE_MASK, SM_MASKS_BY_POINTS},
};

static const struct bool_attribute {
    const char *name;
    size_t at;
} bool_attributes[] = {{"adapter", AT(adapter)}};

static const struct text_attribute {
    const char *name;
    size_t at, size;
} text_attributes[] = {
    {"name", AT(name), sizeof((struct sm_config *)0)->name},
    {"provenance", AT(provenance), sizeof((struct sm_config *)0)->provenance},
    {"licence", AT(licence), sizeof((struct sm_config *)0)->licence},
    {"source_sha256", AT(source_sha256), sizeof((struct sm_config *)0)->source_sha256},
};

/* Texts that stand for one of a few values, in the order of the enumerations. */
static const char *const resizes[] = {"sam-med2d", "sam", "medsam", NULL};
static const char *const mask_prompts[] = {"sigmoid", "logits", NULL};

struct reader {
    const struct h5 *file;
    bool complete;
    struct sm_err *err;
};

static enum sm_status absent(const struct reader *r, const char *name, const char *kind)
{
    if (!r->complete)
        return SM_OK;
    return sm_fail(r->err, SM_WEIGHTS,
                   "%s: the attribute \"%s\" (%s) is missing, so this is not a sammed2d weights file; "
                   "make one with `sammed2d convert`",
                   h5_path(r->file), name, kind);
}

static enum sm_status read_int(const struct reader *r, const char *name, int64_t min, int64_t max,
                               int *out)
{
    int64_t value;
    if (!h5_attr_int(r->file, NULL, name, &value))
        return absent(r, name, "a whole number");
    if (value < min || value > max)
        return sm_fail(r->err, SM_WEIGHTS,
                       "%s: %s is %" PRId64 ", expected %" PRId64 " to %" PRId64, h5_path(r->file),
                       name, value, min, max);
    *out = (int)value;
    return SM_OK;
}

static enum sm_status read_numbers(struct sm_config *config, const struct reader *r)
{
    for (size_t i = 0; i < sizeof int_attributes / sizeof *int_attributes; i++) {
        const struct int_attribute *a = &int_attributes[i];
        if (read_int(r, a->name, a->min, a->max, (int *)((char *)config + a->at)))
            return SM_WEIGHTS;
    }
    for (size_t i = 0; i < sizeof bool_attributes / sizeof *bool_attributes; i++) {
        bool *out = (bool *)((char *)config + bool_attributes[i].at);
        int value = *out;
        if (read_int(r, bool_attributes[i].name, 0, 1, &value))
            return SM_WEIGHTS;
        *out = value != 0;
    }
    config->mlp_dim = 4 * config->embed_dim;
    return SM_OK;
}

static enum sm_status read_triple(const struct reader *r, const char *name, float out[3])
{
    double value[3];
    int found = h5_attr_doubles(r->file, NULL, name, value, 3);
    if (found < 0)
        return absent(r, name, "three numbers");
    if (found != 3)
        return sm_fail(r->err, SM_WEIGHTS, "%s: %s has %d numbers, expected 3", h5_path(r->file), name,
                       found);
    for (int i = 0; i < 3; i++)
        out[i] = (float)value[i];
    return SM_OK;
}

static bool makes_sense_as_zoom(double zoom)
{
    return zoom == 0 || (zoom >= 1.5 && zoom <= 10);
}

static bool makes_sense_as_mirrors(double count)
{
    return count == 0 || count == 2 || count == 4;
}

/* Numbers that may be missing: of files written before there was such a thing. */
static enum sm_status read_later(const struct reader *r, const char *name, bool (*makes_sense)(double), const char *expected,
                                 double *out)
{
    double value = 0;
    int found = h5_attr_doubles(r->file, NULL, name, &value, 1);
    if (!h5_attr_exists(r->file, NULL, name))
        return SM_OK;
    if (found < 0)
        return sm_fail(r->err, SM_WEIGHTS, "%s: %s is no number, expected %s", h5_path(r->file), name, expected);
    if (found != 1)
        return sm_fail(r->err, SM_WEIGHTS, "%s: %s has %d numbers, expected 1", h5_path(r->file), name, found);
    if (!makes_sense(value))
        return sm_fail(r->err, SM_WEIGHTS, "%s: %s is %g, expected %s", h5_path(r->file), name, value, expected);
    *out = value;
    return SM_OK;
}

static enum sm_status read_looks(struct sm_config *config, const struct reader *r)
{
    double mirrors = config->mirrors;
    if (read_later(r, "zoom", makes_sense_as_zoom, "0 or 1.5 to 10", &config->zoom) ||
        read_later(r, "mirrors", makes_sense_as_mirrors, "0, 2 or 4", &mirrors))
        return SM_WEIGHTS;
    config->mirrors = (int)mirrors;
    return SM_OK;
}

static enum sm_status read_global_blocks(struct sm_config *config, const struct reader *r)
{
    double value[SM_MAX_DEPTH];
    int found = h5_attr_doubles(r->file, NULL, "global_attn_indexes", value, SM_MAX_DEPTH);
    if (found < 0)
        return absent(r, "global_attn_indexes", "block numbers");
    if (found > SM_MAX_DEPTH)
        return sm_fail(r->err, SM_WEIGHTS, "%s: global_attn_indexes has %d numbers, expected at most %d",
                       h5_path(r->file), found, SM_MAX_DEPTH);
    memset(config->global_attn, 0, sizeof config->global_attn);
    for (int i = 0; i < found; i++) {
        if (!(value[i] >= 0 && value[i] < config->depth))
            return sm_fail(r->err, SM_WEIGHTS, "%s: global_attn_indexes names block %g of %d blocks",
                           h5_path(r->file), value[i], config->depth);
        config->global_attn[(int)value[i]] = true;
    }
    return SM_OK;
}

static enum sm_status read_choice(const struct reader *r, const char *name, const char *const *choices,
                                  int *out)
{
    char text[64], list[128] = "";
    if (!h5_attr_text(r->file, NULL, name, text, sizeof text))
        return absent(r, name, "a text");
    for (int i = 0; choices[i]; i++) {
        if (strcmp(text, choices[i]) == 0) {
            *out = i;
            return SM_OK;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", choices[i]);
    }
    return sm_fail(r->err, SM_WEIGHTS, "%s: %s is \"%s\", expected one of %s", h5_path(r->file), name,
                   text, list);
}

/* What sm_window_name writes, without the named presets: a weights file must stand by itself. */
static enum sm_status read_window(struct sm_window *window, const struct reader *r)
{
    static const struct {
        const char *name;
        enum sm_window_mode mode;
    } modes[] = {{"minmax", SM_WINDOW_MINMAX},
                 {"volume", SM_WINDOW_VOLUME},
                 {"percentile", SM_WINDOW_PERCENTILE},
                 {"dicom", SM_WINDOW_DICOM}};
    char text[64], rest;
    if (!h5_attr_text(r->file, NULL, "normalization", text, sizeof text))
        return absent(r, "normalization", "a text");
    *window = (struct sm_window){0};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(text, modes[i].name) == 0) {
            window->mode = modes[i].mode;
            return SM_OK;
        }
    }
    window->mode = SM_WINDOW_CENTER_WIDTH;
    if (sscanf(text, "%lf,%lf%c", &window->center, &window->width, &rest) == 2 &&
        isfinite(window->center) && isfinite(window->width) && window->width > 0)
        return SM_OK;
    return sm_fail(r->err, SM_WEIGHTS,
                   "%s: normalization is \"%s\", expected minmax, volume, percentile, dicom or "
                   "CENTER,WIDTH",
                   h5_path(r->file), text);
}

static enum sm_status read_texts(struct sm_config *config, const struct reader *r)
{
    int orientation = (int)config->orientation, resize = (int)config->resize;
    int logits = config->mask_prompt_logits;
    if (read_choice(r, "orientation", sm_orient_words(), &orientation) ||
        read_choice(r, "resize", resizes, &resize) ||
        read_choice(r, "mask_prompt", mask_prompts, &logits) || read_window(&config->normalization, r))
        return SM_WEIGHTS;
    config->orientation = (enum sm_orient)orientation;
    config->resize = (enum sm_resize)resize;
    config->mask_prompt_logits = logits != 0;
    /* What nothing is computed from may be missing. */
    for (size_t i = 0; i < sizeof text_attributes / sizeof *text_attributes; i++) {
        const struct text_attribute *a = &text_attributes[i];
        h5_attr_text(r->file, NULL, a->name, (char *)config + a->at, a->size);
    }
    return SM_OK;
}

/* ---- comparison ---- */

const char *config_difference(const struct sm_config *a, const struct sm_config *b)
{
    for (size_t i = 0; i < sizeof int_attributes / sizeof *int_attributes; i++) {
        size_t at = int_attributes[i].at;
        if (at != AT(multimask) && *(const int *)((const char *)a + at) != *(const int *)((const char *)b + at))
            return int_attributes[i].name;
    }
    if (a->adapter != b->adapter)
        return "adapter";
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
    for (size_t i = 0; i < sizeof int_attributes / sizeof *int_attributes; i++) {
        const struct int_attribute *a = &int_attributes[i];
        int value = *(const int *)((const char *)c + a->at);
        if (value < a->min || value > a->max)
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
    struct reader r = {file, complete, err};
    int version = 1;
    if (config->patch_size == 0)
        *config = base_config;
    if (read_int(&r, "format_version", 1, 1, &version) || read_numbers(config, &r) ||
        read_global_blocks(config, &r) || read_triple(&r, "pixel_mean", config->pixel_mean) ||
        read_triple(&r, "pixel_std", config->pixel_std) || read_looks(config, &r) || read_texts(config, &r))
        return SM_WEIGHTS;
    if (!complete && config->adapter && config->adapter_hidden == 0)
        config->adapter_hidden = config->embed_dim / 4;
    return config_check(config, h5_path(file), err);
}
