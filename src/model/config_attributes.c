#include "model/config_attributes.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the table ---- */

static bool makes_sense_as_zoom(double zoom)
{
    return zoom == 0 || (zoom >= 1.5 && zoom <= 10);
}

static bool makes_sense_as_mirrors(double count)
{
    return count == 0 || count == 2 || count == 4;
}

static const char *const *resize_words(void)
{
    static const char *const words[] = {[SM_RESIZE_SAM_MED2D] = "sam-med2d",
                                        [SM_RESIZE_SAM] = "sam",
                                        [SM_RESIZE_MEDSAM] = "medsam",
                                        [SM_RESIZE_MEDSAM + 1] = NULL};
    return words;
}

static const char *const *mask_prompt_words(void)
{
    static const char *const words[] = {"sigmoid", "logits", NULL};
    return words;
}

#define FIELD(field) .at = offsetof(struct sm_config, field), .size = sizeof(((struct sm_config *)0)->field)
#define WHOLE(field, least, most) {#field, ATTRIBUTE_WHOLE, FIELD(field), .min = (least), .max = (most)}

/* The upper ends keep every product of these numbers far from overflow; mask_tokens is fixed because
 * callers of sm_decode make room for three masks. */
const struct attribute config_attributes[] = {
    WHOLE(image_size, 16, 2048),
    WHOLE(patch_size, 4, 64),
    WHOLE(embed_dim, 4, 4096),
    WHOLE(depth, 1, SM_MAX_DEPTH),
    WHOLE(num_heads, 1, 64),
    WHOLE(window_size, 1, 128),
    WHOLE(adapter, 0, 1),
    WHOLE(adapter_hidden, 0, 4096),
    WHOLE(prompt_dim, 8, 2048),
    WHOLE(mask_in_chans, 4, 1024),
    WHOLE(decoder_depth, 1, 16),
    WHOLE(decoder_heads, 1, 64),
    WHOLE(decoder_mlp_dim, 1, 16384),
    WHOLE(decoder_downsample, 1, 16),
    WHOLE(mask_tokens, 4, 4),
    WHOLE(iou_head_depth, 1, 16),
    WHOLE(iou_head_hidden, 1, 4096),
    {"mirrors", ATTRIBUTE_COUNT, FIELD(mirrors), .makes_sense = makes_sense_as_mirrors, .expected = "0, 2 or 4"},
    WHOLE(multimask, SM_SINGLE_MASK, SM_MASKS_BY_POINTS),
    {"global_attn_indexes", ATTRIBUTE_BLOCKS, FIELD(global_attn)}, /* after depth, which they are checked with */
    {"pixel_mean", ATTRIBUTE_TRIPLE, FIELD(pixel_mean)},
    {"zoom", ATTRIBUTE_FACTOR, FIELD(zoom), .makes_sense = makes_sense_as_zoom, .expected = "0 or 1.5 to 10"},
    {"pixel_std", ATTRIBUTE_TRIPLE, FIELD(pixel_std)},
    {"normalization", ATTRIBUTE_WINDOW, FIELD(normalization)},
    {"orientation", ATTRIBUTE_CHOICE, FIELD(orientation), .words = sm_orient_words},
    {"resize", ATTRIBUTE_CHOICE, FIELD(resize), .words = resize_words},
    {"mask_prompt", ATTRIBUTE_CHOICE, FIELD(mask_prompt_logits), .words = mask_prompt_words},
    {"name", ATTRIBUTE_TEXT, FIELD(name)},
    {"provenance", ATTRIBUTE_TEXT, FIELD(provenance)},
    {"licence", ATTRIBUTE_TEXT, FIELD(licence)},
    {"source_sha256", ATTRIBUTE_TEXT, FIELD(source_sha256)},
    {.name = NULL},
};

int attribute_value(const struct attribute *a, const struct sm_config *config)
{
    const char *field = (const char *)config + a->at;
    return a->size == sizeof(bool) ? *(const bool *)field : *(const int *)field;
}

static void set_value(const struct attribute *a, struct sm_config *config, int value)
{
    char *field = (char *)config + a->at;
    if (a->size == sizeof(bool))
        *(bool *)field = value != 0;
    else
        *(int *)field = value;
}

/* ---- windows: what sm_window_name writes, without the named presets, as a weights file must stand by itself ---- */

static const char *const window_words[] = {[SM_WINDOW_MINMAX] = "minmax",
                                           [SM_WINDOW_VOLUME] = "volume",
                                           [SM_WINDOW_PERCENTILE] = "percentile",
                                           [SM_WINDOW_DICOM] = "dicom"};
enum { WINDOW_WORDS = sizeof window_words / sizeof *window_words };

static void name_window(char *text, size_t size, const struct sm_window *window)
{
    if (window->mode == SM_WINDOW_CENTER_WIDTH)
        snprintf(text, size, "%.17g,%.17g", window->center, window->width);
    else
        snprintf(text, size, "%s", window_words[window->mode]);
}

static bool window_named(struct sm_window *window, const char *text)
{
    char rest;
    *window = (struct sm_window){0};
    for (int mode = 0; mode < WINDOW_WORDS; mode++)
        if (window_words[mode] && strcmp(text, window_words[mode]) == 0) {
            window->mode = (enum sm_window_mode)mode;
            return true;
        }
    window->mode = SM_WINDOW_CENTER_WIDTH;
    return sscanf(text, "%lf,%lf%c", &window->center, &window->width, &rest) == 2 && isfinite(window->center) &&
           isfinite(window->width) && window->width > 0;
}

/* ---- reading ---- */

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

/* Numbers that may be missing: of files written before there was such a thing. */
static enum sm_status read_later(const struct reader *r, const struct attribute *a, double *out)
{
    const char *name = a->name, *expected = a->expected;
    double value = 0;
    int found = h5_attr_doubles(r->file, NULL, name, &value, 1);
    if (!h5_attr_exists(r->file, NULL, name))
        return SM_OK;
    if (found < 0)
        return sm_fail(r->err, SM_WEIGHTS, "%s: %s is no number, expected %s", h5_path(r->file), name, expected);
    if (found != 1)
        return sm_fail(r->err, SM_WEIGHTS, "%s: %s has %d numbers, expected 1", h5_path(r->file), name, found);
    if (!a->makes_sense(value))
        return sm_fail(r->err, SM_WEIGHTS, "%s: %s is %g, expected %s", h5_path(r->file), name, value, expected);
    *out = value;
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

static enum sm_status read_window(struct sm_window *window, const struct reader *r)
{
    char text[64];
    if (!h5_attr_text(r->file, NULL, "normalization", text, sizeof text))
        return absent(r, "normalization", "a text");
    return window_named(window, text)
               ? SM_OK
               : sm_fail(r->err, SM_WEIGHTS,
                         "%s: normalization is \"%s\", expected minmax, volume, percentile, dicom or CENTER,WIDTH",
                         h5_path(r->file), text);
}

static enum sm_status read_attribute(struct sm_config *config, const struct reader *r, const struct attribute *a)
{
    void *field = (char *)config + a->at;
    bool whole = a->kind == ATTRIBUTE_WHOLE || a->kind == ATTRIBUTE_COUNT || a->kind == ATTRIBUTE_CHOICE;
    int value = whole ? attribute_value(a, config) : 0; /* what it stays where the attribute is absent */
    double number = value;
    enum sm_status status = SM_OK;
    switch (a->kind) {
    case ATTRIBUTE_FACTOR: return read_later(r, a, field);
    case ATTRIBUTE_TRIPLE: return read_triple(r, a->name, field);
    case ATTRIBUTE_BLOCKS: return read_global_blocks(config, r);
    case ATTRIBUTE_WINDOW: return read_window(field, r);
    case ATTRIBUTE_TEXT: h5_attr_text(r->file, NULL, a->name, field, a->size); return SM_OK;
    case ATTRIBUTE_COUNT: status = read_later(r, a, &number); value = (int)number; break;
    case ATTRIBUTE_WHOLE: status = read_int(r, a->name, a->min, a->max, &value); break;
    case ATTRIBUTE_CHOICE: status = read_choice(r, a->name, a->words(), &value); break;
    }
    set_value(a, config, value);
    return status;
}

enum sm_status attributes_read(struct sm_config *config, const struct h5 *file, bool complete, struct sm_err *err)
{
    struct reader r = {file, complete, err};
    int version = 1;
    enum sm_status status = read_int(&r, "format_version", 1, 1, &version);
    for (const struct attribute *a = config_attributes; a->name && !status; a++)
        status = read_attribute(config, &r, a);
    return status;
}

/* ---- writing ---- */

static enum sm_status write_triple(struct h5_out *out, const char *name, const float *values, struct sm_err *err)
{
    const double wide[3] = {values[0], values[1], values[2]};
    return h5_set_double(out, name, wide, 3, err);
}

static enum sm_status write_blocks(struct h5_out *out, const char *name, const struct sm_config *c, struct sm_err *err)
{
    int blocks[SM_MAX_DEPTH], count = 0;
    for (int i = 0; i < c->depth; i++)
        if (c->global_attn[i])
            blocks[count++] = i;
    return h5_set_ints(out, name, blocks, count, err);
}

/* An empty text is left out. */
static enum sm_status write_text(struct h5_out *out, const char *name, const char *text, struct sm_err *err)
{
    return *text ? h5_set_text(out, name, text, err) : SM_OK;
}

static enum sm_status write_attribute(const struct sm_config *config, struct h5_out *out, const struct attribute *a,
                                      struct sm_err *err)
{
    const void *field = (const char *)config + a->at;
    char window[64];
    switch (a->kind) {
    case ATTRIBUTE_WHOLE:
    case ATTRIBUTE_COUNT: return h5_set_int(out, a->name, attribute_value(a, config), err);
    case ATTRIBUTE_FACTOR: return h5_set_double(out, a->name, field, 1, err);
    case ATTRIBUTE_TRIPLE: return write_triple(out, a->name, field, err);
    case ATTRIBUTE_BLOCKS: return write_blocks(out, a->name, config, err);
    case ATTRIBUTE_WINDOW: name_window(window, sizeof window, field); return write_text(out, a->name, window, err);
    case ATTRIBUTE_CHOICE: return write_text(out, a->name, a->words()[attribute_value(a, config)], err);
    case ATTRIBUTE_TEXT: return write_text(out, a->name, field, err);
    }
    return SM_OK;
}

static enum sm_status write_kinds(const struct sm_config *config, struct h5_out *out, bool texts, struct sm_err *err)
{
    enum sm_status status = SM_OK;
    for (const struct attribute *a = config_attributes; a->name && !status; a++)
        if ((a->kind >= ATTRIBUTE_WINDOW) == texts)
            status = write_attribute(config, out, a, err);
    return status;
}

enum sm_status config_write(const struct sm_config *config, struct h5_out *out, struct sm_err *err)
{
    enum sm_status status = h5_set_int(out, "format_version", 1, err);
    return status ? status : write_kinds(config, out, false, err);
}

enum sm_status config_write_texts(const struct sm_config *config, struct h5_out *out, struct sm_err *err)
{
    return write_kinds(config, out, true, err);
}
