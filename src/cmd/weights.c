/* sammed2d weights: what a weights file holds, whether it is whole, and under which terms. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/digest.h"
#include "base/json.h"
#include "cmd/cmd.h"
#include "h5/h5.h"
#include "model/packed.h"
#include "model/weights.h"
#include "sammed2d/model.h"

static const struct synopsis synopsis = {"weights", "[FILE]",
                                         "Describe a weights file and verify that it is whole."};

static const char notice[] =
    "sammed2d is not a medical device. The published SAM-Med2D training data are "
    "CC BY-NC-SA 4.0, its code is Apache-2.0.";

/* Tensors by what their names start with, or contain. */
static const struct part {
    const char *name, *start, *contains;
} parts[] = {{"adapters", "image_encoder.", ".Adapter."},
             {"image_encoder", "image_encoder.", NULL},
             {"prompt_encoder", "prompt_encoder.", NULL},
             {"mask_decoder", "mask_decoder.", NULL},
             {"unexpected", "", NULL}};
enum { PARTS = sizeof parts / sizeof *parts, UNEXPECTED = PARTS - 1, TYPES = H5_OTHER + 1 };

/* What is shown as the file's attributes say it. */
static const char *const text_attributes[] = {"name",        "kind",    "normalization",
                                              "orientation", "resize",  "mask_prompt",
                                              "provenance",  "licence", "source_sha256"};
enum { TEXTS = sizeof text_attributes / sizeof *text_attributes };

struct summary {
    const char *path;
    struct h5 *file;
    const struct sm_config *config;
    struct weights *layout; /* weights_each points into it */
    int64_t parameters[PARTS], total;
    int tensors, types[TYPES], unexpected;
    char texts[TEXTS][512], sha256[65];
    long long bytes;
    enum sm_precision precision;
};

/* ---- counting ---- */

struct search {
    const char *name;
    bool found, scale;
};

static enum sm_status is_it(void *context, const struct tensor *tensor, struct sm_err *err)
{
    struct search *search = context;
    size_t length = strlen(tensor->name);
    (void)err;
    search->found = search->found || strcmp(search->name, tensor->name) == 0;
    /* int8's scales are no parameters */
    search->scale = search->scale || (strncmp(search->name, tensor->name, length) == 0 &&
                                      strcmp(search->name + length, ".scale") == 0);
    return SM_OK;
}

static struct search look_up(const struct summary *summary, const char *name)
{
    struct search search = {.name = name};
    weights_each(summary->layout, summary->config, is_it, &search, NULL);
    search.scale = search.scale && summary->precision == SM_PRECISION_INT8;
    return search;
}

static int part_of(const char *name)
{
    for (int i = 0; i < UNEXPECTED; i++)
        if (strncmp(name, parts[i].start, strlen(parts[i].start)) == 0 &&
            (!parts[i].contains || strstr(name, parts[i].contains)))
            return i;
    return UNEXPECTED;
}

static int count_tensor(void *context, const char *name)
{
    struct summary *summary = context;
    struct h5_shape shape;
    struct search found = look_up(summary, name);
    if (found.scale)
        return 0;
    if (!found.found) {
        sm_warn(cmd_listener(), "%s: unexpected data set, not used: %s", summary->path, name);
        summary->unexpected++;
        return 0;
    }
    if (h5_shape(summary->file, name, &shape, NULL) != SM_OK)
        return 0;
    summary->tensors++;
    summary->types[shape.type]++;
    summary->parameters[part_of(name)] += h5_count(&shape);
    summary->total += h5_count(&shape);
    return 0;
}

static enum sm_status summarise(struct summary *summary, struct sm_err *err)
{
    struct stat status;
    enum sm_status failed = h5_open(&summary->file, summary->path, err);
    if (failed)
        return failed;
    summary->layout = calloc(1, sizeof *summary->layout);
    if (!summary->layout)
        return sm_fail(err, SM_MEMORY, "out of memory");
    h5_each(summary->file, "", count_tensor, summary);
    for (int i = 0; i < TEXTS; i++)
        if (!h5_attr_text(summary->file, NULL, text_attributes[i], summary->texts[i],
                          sizeof summary->texts[i]))
            summary->texts[i][0] = 0;
    if (stat(summary->path, &status) == 0)
        summary->bytes = status.st_size;
    return digest_file(summary->path, summary->sha256, err);
}

/* ---- showing ---- */

static void stored_as(const struct summary *summary, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < TYPES; i++)
        if (summary->types[i] && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
                                     h5_type_name((enum h5_type)i));
}

static void global_blocks(const struct sm_config *config, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < config->depth && used < size; i++)
        if (config->global_attn[i])
            used += (size_t)snprintf(text + used, size - used, "%s%d", used ? ", " : "", i);
}

static const char *const outputs[] = {[SM_SINGLE_MASK] = "single mask", [SM_BEST_OF_THREE] = "best of three masks",
                                      [SM_BEST_OF_THREE_IN_BOX] = "best of three masks, single mask for points alone",
                                      [SM_MASKS_BY_POINTS] = "best of three masks, single mask for points alone; of a mask corrected by points, all, weighed by points"};

static void print_text(const struct summary *summary)
{
    const struct sm_config *c = summary->config;
    char blocks[256], types[64];
    global_blocks(c, blocks, sizeof blocks);
    stored_as(summary, types, sizeof types);
    printf("%s\n", summary->path);
    for (int i = 0; i < TEXTS; i++)
        if (summary->texts[i][0])
            printf("  %-16s %s\n", text_attributes[i], summary->texts[i]);
    printf("  %-16s %s\n", "sha256", summary->sha256);
    printf("  %-16s %d px, patches of %d\n", "pictures", c->image_size, c->patch_size);
    printf("  %-16s %d blocks of width %d, %d heads, windows of %d, global blocks %s\n", "encoder",
           c->depth, c->embed_dim, c->num_heads, c->window_size, blocks);
    if (c->adapter)
        printf("  %-16s in every block, channel gate of width %d\n", "adapters", c->adapter_hidden);
    else
        printf("  %-16s none\n", "adapters");
    printf("  %-16s %d layers, width %d, %d heads, mlp %d, %d mask tokens\n", "decoder",
           c->decoder_depth, c->prompt_dim, c->decoder_heads, c->decoder_mlp_dim, c->mask_tokens);
    printf("  %-16s %s\n", "default output", outputs[c->multimask]);
    if (c->zoom > 1)
        printf("  %-16s a second time, in a part of the picture %g times their size\n", "boxes seen", c->zoom);
    if (c->mirrors > 1)
        printf("  %-16s in %d images, mirrored ones included\n", "pictures seen", c->mirrors);
    printf("  %-16s %d, stored as %s\n", "tensors", summary->tensors, types);
    if (summary->precision != SM_PRECISION_FLOAT32)
        printf("  %-16s matrices of the encoder's blocks for %s\n", "packed", sm_precision_name(summary->precision));
    for (int i = 0; i < UNEXPECTED; i++)
        printf("  %-16s %lld parameters\n", parts[i].name, (long long)summary->parameters[i]);
    printf("  %-16s %lld parameters, all finite, all shapes right\n", "total",
           (long long)summary->total);
    if (!cmd_common.quiet)
        printf("%s\n", notice);
}

static json_t *configuration_json(const struct sm_config *c)
{
    json_t *blocks = json_array();
    for (int i = 0; i < c->depth; i++)
        if (c->global_attn[i])
            json_array_append_new(blocks, json_integer(i));
    return json_pack(
        "{s:i s:i s:i s:i s:i s:i s:b s:i s:i s:i s:i s:i s:i s:i s:i s:i s:i s:b s:b s:s s:f s:i s:o}",
        "image_size", c->image_size, "patch_size", c->patch_size, "embed_dim", c->embed_dim,
        "depth", c->depth, "num_heads", c->num_heads, "window_size", c->window_size, "adapter",
        c->adapter, "adapter_hidden", c->adapter_hidden, "prompt_dim", c->prompt_dim,
        "mask_in_chans", c->mask_in_chans, "decoder_depth", c->decoder_depth, "decoder_heads",
        c->decoder_heads, "decoder_mlp_dim", c->decoder_mlp_dim, "decoder_downsample",
        c->decoder_downsample, "mask_tokens", c->mask_tokens, "iou_head_depth", c->iou_head_depth,
        "iou_head_hidden", c->iou_head_hidden, "multimask", c->multimask != SM_SINGLE_MASK, "multimask_points",
        c->multimask == SM_BEST_OF_THREE, "multimask_as", multimask_words[SM_CHOICE_NO + c->multimask], "zoom", c->zoom, "mirrors", c->mirrors, "global_attn_indexes",
        blocks);
}

static bool print_json(const struct summary *summary)
{
    char types[64];
    stored_as(summary, types, sizeof types);
    json_t *parameters = json_object();
    for (int i = 0; i < UNEXPECTED; i++)
        json_object_set_new(parameters, parts[i].name, json_integer(summary->parameters[i]));
    json_object_set_new(parameters, "total", json_integer(summary->total));
    json_t *all =
        json_pack("{s:o s:I s:s s:b s:i s:i s:s s:s s:o s:o s:s}", "file", json_text(summary->path), "bytes",
                  (json_int_t)summary->bytes, "sha256", summary->sha256, "usable", 1, "tensors",
                  summary->tensors, "unexpected_tensors", summary->unexpected, "stored_as", types,
                  "precision", sm_precision_name(summary->precision), "configuration", configuration_json(summary->config), "parameters", parameters,
                  "notice", notice);
    for (int i = 0; all && i < TEXTS; i++)
        json_object_set_new(all, text_attributes[i], json_text(summary->texts[i]));
    char *text = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
    if (text)
        puts(text);
    free(text);
    json_decref(all);
    return text != NULL;
}

int cmd_weights(int argc, char **argv)
{
    static bool json;
    static const struct option_row rows[] = {
        OPTION_FLAG(0, "json", &json, "print one JSON document"), OPTION_END};
    struct sm_err err = {0};
    struct sm_model *model = NULL;
    struct summary summary = {0};
    int done = options_parse(&synopsis, rows, &argc, &argv);
    if (done >= 0)
        return done;
    if (argc > 1) {
        sm_fail(&err, SM_USAGE, "one weights file at a time");
        return cmd_fail("weights", &err);
    }
    summary.path = argc ? argv[0] : cmd_default_weights();
    enum sm_status status = sm_model_open_as(&model, summary.path, SM_PRECISION_FLOAT32, &err);
    if (status == SM_OK) {
        summary.config = sm_model_config(model);
        summary.precision = sm_model_precision(model);
        status = summarise(&summary, &err);
    }
    if (status == SM_OK && !json)
        print_text(&summary);
    else if (status == SM_OK && !print_json(&summary))
        status = sm_fail(&err, SM_MEMORY, "out of memory");
    h5_close(summary.file);
    free(summary.layout);
    sm_model_close(model);
    return status ? cmd_fail("weights", &err) : SM_OK;
}
