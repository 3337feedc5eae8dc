/* sammed2d convert: a PyTorch checkpoint becomes a weights file. */
#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/digest.h"
#include "base/output.h"
#include "base/suffix.h"
#include "checkpoint/convert.h"
#include "checkpoint/export.h"
#include "cmd/clash.h"
#include "cmd/cmd.h"
#include "model/average.h"
#include "model/config.h"
#include "model/mirror.h"
#include "model/packed.h"
#include "model/save.h"
#include "model/weights.h"
#include "sammed2d/sammed2d.h"

enum { MAX_EXPECTED = 4096 };

static struct {
    const char *output, *kind, *type, *name, *licence, *provenance, *multimask, *zoom, *mirrors, *orient, *precision, *average;
    double share; /* of the other in the average; NAN, which nobody can type: not given */
    int image_size;
    bool any, packed;
} options;

static const struct synopsis synopsis = {
    "convert", "IN.pth -o OUT.h5 | IN.h5 -o OUT.pth | IN.h5 --precision bf16|int8 -o OUT.h5 | IN.h5 --average OTHER.h5 -o OUT.h5",
    "Turn a PyTorch checkpoint into a weights file, or the other way, without Python."};

/* ---- what the options mean ---- */

static enum sm_status parse_type(struct conversion_plan *plan, struct sm_err *err)
{
    plan->keep_type = !options.type;
    for (int type = H5_FLOAT32; options.type && type <= H5_BFLOAT16; type++)
        if (strcmp(options.type, h5_type_name((enum h5_type)type)) == 0) {
            plan->type = (enum h5_type)type;
            return SM_OK;
        }
    return plan->keep_type
               ? SM_OK
               : sm_fail(err, SM_USAGE, "--dtype takes float32, float16 or bfloat16, not \"%s\"",
                         options.type);
}

static enum sm_status parse_multimask(struct sm_config *config, const struct kind *kind,
                                      struct sm_err *err)
{
    const char *const *known = multimask_words + SM_CHOICE_NO; /* as enum sm_multimask */
    config->multimask = kind->multimask;
    if (!options.multimask)
        return SM_OK;
    for (int n = 0; known[n]; n++)
        if (strcmp(options.multimask, known[n]) == 0) {
            config->multimask = n;
            return SM_OK;
        }
    return sm_fail(err, SM_USAGE, "--multimask takes yes, no, box or points, not \"%s\"", options.multimask);
}

static enum sm_status parse_zoom(struct sm_config *config, struct sm_err *err)
{
    enum sm_status status = option_zoom(&config->zoom, options.zoom, err);
    if (config->zoom == 1)
        config->zoom = 0; /* none: as files have it that know of no zoom */
    return status;
}

static enum sm_status parse_mirrors(struct sm_config *config, const struct kind *kind, struct sm_err *err)
{
    struct sm_config shown = *config; /* as files of the kind say that pictures are */
    enum sm_status status = option_mirrors(&config->mirrors, options.mirrors, err);
    if (kind && strcmp(kind->resize, "sam") == 0)
        shown.resize = SM_RESIZE_SAM;
    if (!status)
        status = mirror_check(&shown, mirror_count(config, 0), err);
    if (config->mirrors == 1)
        config->mirrors = 0; /* likewise */
    return status;
}

static enum sm_status parse_orient(struct conversion_plan *plan, struct sm_err *err)
{
    const char *const *known = sm_orient_words();
    plan->orientation = plan->kind->orientation;
    for (size_t i = 0; options.orient && known[i]; i++)
        if (strcmp(options.orient, known[i]) == 0) {
            plan->orientation = known[i];
            return SM_OK;
        }
    return options.orient ? sm_fail(err, SM_USAGE,
                                    "--orient takes radiological, stored or sa-med2d, "
                                    "not \"%s\"",
                                    options.orient)
                          : SM_OK;
}

static enum sm_status choose_kind(const struct kind **kind, const struct sm_config *config,
                                  const char *sha256, struct sm_err *err)
{
    const char *why;
    bool sure;
    if (options.kind) {
        *kind = kind_find(options.kind);
        return *kind ? SM_OK
                     : sm_fail(err, SM_USAGE, "--kind takes %s, not \"%s\"", kind_names(),
                               options.kind);
    }
    *kind = kind_guess(config, sha256, &why, &sure);
    if (sure)
        sm_note(cmd_listener(), "taken for %s: %s", (*kind)->name, why);
    else
        sm_warn(cmd_listener(), "taken for %s: %s; --kind (%s) decides otherwise", (*kind)->name,
                why, kind_names());
    return SM_OK;
}

static enum sm_status choose_size(struct sm_config *config, const char *path, struct sm_err *err)
{
    if (options.image_size == 0)
        return config_check(config, path, err);
    if (options.image_size < 0 || options.image_size % config->patch_size)
        return sm_fail(err, SM_USAGE, "--image-size %d is not a multiple of the patch size, %d",
                       options.image_size, config->patch_size);
    config->image_size = options.image_size;
    return config_check(config, path, err);
}

/* ---- what the network needs ---- */

struct expectation {
    struct expected_tensor *tensors;
    size_t count;
};

static enum sm_status expect(void *context, const struct tensor *tensor, struct sm_err *err)
{
    struct expectation *all = context;
    if (all->count == MAX_EXPECTED)
        return sm_fail(err, SM_UNSUPPORTED, "the network has more than %d tensors", MAX_EXPECTED);
    struct expected_tensor *expected = &all->tensors[all->count++];
    memcpy(expected->name, tensor->name, sizeof expected->name);
    expected->rank = tensor->rank;
    memcpy(expected->dim, tensor->dim, sizeof expected->dim);
    expected->axes = options.packed ? tensor_axes(tensor) : "";
    return SM_OK;
}

static enum sm_status expect_all(struct expectation *all, const struct sm_config *config,
                                 struct sm_err *err)
{
    struct weights *weights = calloc(1, sizeof *weights); /* the walk points into it */
    all->tensors = calloc(MAX_EXPECTED, sizeof *all->tensors);
    enum sm_status status = weights && all->tensors
                                ? weights_each(weights, config, expect, all, err)
                                : sm_fail(err, SM_MEMORY, "out of memory");
    free(weights);
    return status;
}

/* ---- the conversion ---- */

struct texts {
    char name[128], provenance[512], sha256[65];
};

/* The file's own name without directories, for name and provenance. */
static void fill_texts(struct texts *texts, const char *path)
{
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    const char *dot = strrchr(file, '.');
    snprintf(texts->name, sizeof texts->name, "%.*s", dot && dot > file ? (int)(dot - file) : 120,
             file);
    snprintf(texts->provenance, sizeof texts->provenance, "converted from %.200s by sammed2d %s",
             file, sm_version());
}

static enum sm_status convert_network(struct conversion_plan *plan, size_t *missing,
                                      struct sm_err *err)
{
    struct sm_config config;
    struct expectation all = {0};
    const char *path = checkpoint_path(plan->checkpoint);
    enum sm_status status = infer_config(&config, plan->checkpoint, err);
    if (status)
        return status;
    status = choose_kind(&plan->kind, &config, plan->sha256, err);
    if (status == SM_OK)
        status = parse_multimask(&config, plan->kind, err);
    if (status == SM_OK)
        status = parse_zoom(&config, err);
    if (status == SM_OK)
        status = parse_mirrors(&config, plan->kind, err);
    if (status == SM_OK)
        status = parse_orient(plan, err);
    if (status == SM_OK)
        status = choose_size(&config, path, err);
    if (status == SM_OK)
        status = expect_all(&all, &config, err);
    if (!plan->licence && plan->kind)
        plan->licence = plan->kind->licence;
    plan->config = &config;
    plan->expected = all.tensors;
    plan->expected_count = all.count;
    if (status == SM_OK)
        status = convert_check(plan, missing, cmd_listener(), err);
    if (status == SM_OK)
        status = convert_write(plan, options.output, cmd_listener(), err);
    free(all.tensors);
    /* what config_check says of a weights file is here said of a checkpoint */
    return status == SM_WEIGHTS ? SM_UNSUPPORTED : status;
}

static enum sm_status convert(const char *path, struct checkpoint **checkpoint, size_t *missing,
                              struct sm_err *err)
{
    struct texts texts;
    struct conversion_plan plan = {
        .name = options.name, .provenance = options.provenance, .licence = options.licence};
    fill_texts(&texts, path);
    if (!plan.name)
        plan.name = texts.name;
    if (!plan.provenance)
        plan.provenance = texts.provenance;
    plan.sha256 = texts.sha256;
    enum sm_status status = parse_type(&plan, err);
    if (status == SM_OK && options.kind && !kind_find(options.kind))
        status = choose_kind(&plan.kind, NULL, NULL, err);
    if (status == SM_OK)
        status = output_check(options.output, err);
    if (status == SM_OK)
        status = checkpoint_open(checkpoint, path, err);
    if (status == SM_OK)
        status = digest_file(path, texts.sha256, err);
    if (status)
        return status;
    plan.checkpoint = *checkpoint;
    return options.any ? convert_any(&plan, options.output, cmd_listener(), err)
                       : convert_network(&plan, missing, err);
}

/* ---- the other way ---- */

/* Options that say something of a checkpoint, which a weights file is not. */
static bool checkpoint_options_given(void)
{
    return options.kind || options.image_size || options.type || options.multimask || options.zoom || options.mirrors || options.orient || options.name ||
           options.provenance || options.licence || options.any || options.packed;
}

static enum sm_status export(const char *path, struct sm_err *err)
{
    struct h5 *weights;
    enum sm_precision packed;
    if (checkpoint_options_given() || options.precision)
        return sm_fail(err, SM_USAGE, "a weights file becomes a .pth as it is: only -o goes with it");
    enum sm_status status = h5_open(&weights, path, err);
    if (status)
        return status;
    status = packed_precision(&packed, weights, err);
    if (!status && packed != SM_PRECISION_FLOAT32)
        status = sm_fail(err, SM_UNSUPPORTED, "%s: holds weights packed as %s; convert the file it was made from", path,
                         sm_precision_name(packed));
    status = status ? status : export_checkpoint(options.output, weights, cmd_listener(), err);
    h5_close(weights);
    return status;
}

/* ---- packed: the encoder's matrices as they are multiplied ---- */

static enum sm_status write_packed(struct sm_model *model, enum sm_precision precision, struct sm_err *err)
{
    struct h5_out *out;
    enum sm_status status = h5_create(&out, options.output, err);
    if (status)
        return status;
    status = model_save_packed(model, out, precision, err);
    if (!status)
        return h5_commit(out, err);
    h5_discard(out);
    return status;
}

static enum sm_status pack(const char *path, struct sm_err *err)
{
    struct sm_model *model;
    enum sm_precision precision = SM_PRECISION_BF16;
    while (precision <= SM_PRECISION_INT8 && strcmp(options.precision, sm_precision_name(precision)) != 0)
        precision++;
    if (precision > SM_PRECISION_INT8)
        return sm_fail(err, SM_USAGE, "--precision takes bf16 or int8, not \"%s\"", options.precision);
    if (checkpoint_options_given())
        return sm_fail(err, SM_USAGE, "--precision packs a weights file as it is: only -o goes with it");
    enum sm_status status = output_check(options.output, err);
    if (!status)
        status = sm_model_open(&model, path, err);
    if (status)
        return status;
    status = write_packed(model, precision, err);
    sm_model_close(model);
    return status;
}

/* ---- the mean of two ---- */

static enum sm_status write_average(const char *path, const struct sm_model *own, const struct sm_model *other,
                                    struct sm_err *err)
{
    struct h5_out *out;
    enum sm_status status = h5_create(&out, options.output, err);
    if (status)
        return status;
    status = model_save_average(own, other, options.share, path, options.average, out, err);
    if (!status)
        return h5_commit(out, err);
    h5_discard(out);
    return status;
}

static enum sm_status average(const char *path, struct sm_err *err)
{
    struct sm_model *own = NULL, *other = NULL;
    if (checkpoint_options_given() || options.precision)
        return sm_fail(err, SM_USAGE, "--average takes weights files as they are: only --share and -o go with it");
    if (isnan(options.share))
        options.share = 0.5;
    if (!(options.share >= 0 && options.share <= 1))
        return sm_fail(err, SM_USAGE, "--share takes a number from 0 to 1, not %g", options.share);
    enum sm_status status = output_check(options.output, err);
    if (!status)
        status = sm_model_open(&own, path, err);
    if (!status)
        status = sm_model_open(&other, options.average, err);
    if (!status)
        status = write_average(path, own, other, err);
    sm_model_close(own);
    sm_model_close(other);
    return status;
}

int cmd_convert(int argc, char **argv)
{
    static const struct option_row rows[] = {
        OPTION_TEXT('o', "output", &options.output, "FILE", "weights file to write; .pth or .pt: a state dict"),
        OPTION_TEXT(0, "kind", &options.kind, "KIND",
                    "sam-med2d, ft-sam, sam or medsam (default: guessed)"),
        OPTION_INT(0, "image-size", &options.image_size, "N",
                   "interpolate position embeddings to pictures of N pixels"),
        OPTION_TEXT(
            0, "dtype", &options.type, "TYPE",
            "float32, float16 or bfloat16 (default: 16-bit tensors as they are, else float32)"),
        OPTION_TEXT(0, "multimask", &options.multimask, "yes|no|box|points",
                    "best of three masks, the single one, the former where there is a box or a mask, or all weighed by points, by default"),
        OPTION_TEXT(0, "zoom", &options.zoom, "no|F", "look a second time at what is in a box, by default"),
        OPTION_TEXT(0, "mirrors", &options.mirrors, "no|2|4", "look at a picture in so many images, mirrored ones with it, by default"),
        OPTION_TEXT(0, "orient", &options.orient, "HOW",
                    "how slices are shown by default: radiological, stored or sa-med2d"),
        OPTION_TEXT(0, "name", &options.name, "TEXT", "name of the model (default: the file's)"),
        OPTION_TEXT(0, "provenance", &options.provenance, "TEXT", "where it comes from"),
        OPTION_TEXT(0, "licence", &options.licence, "TEXT", "terms it stands under"),
        OPTION_TEXT(0, "precision", &options.precision, "bf16|int8",
                    "pack a weights file for what segment --precision computes with"),
        OPTION_TEXT(0, "average", &options.average, "FILE.h5", "the mean of the weights of two files"),
        OPTION_DOUBLE(0, "share", &options.share, "F", "how much of it is FILE.h5 (default 0.5)"),
        OPTION_FLAG(0, "packed", &options.packed, "store convolutions as they are computed with: starts without copying them"),
        OPTION_FLAG(0, "any", &options.any, "store every tensor as it is, whatever the network"),
        OPTION_END};
    struct sm_err err = {0};
    struct checkpoint *checkpoint = NULL;
    size_t missing = 0;
    options.share = NAN;
    int done = options_parse(&synopsis, rows, &argc, &argv);
    if (done >= 0)
        return done;
    enum sm_status status = SM_OK;
    if (argc != 1 || !options.output)
        status =
            sm_fail(&err, SM_USAGE, "one checkpoint and -o FILE are needed: sammed2d convert %s",
                    synopsis.arguments);
    if (status == SM_OK && !isnan(options.share) && !options.average)
        status = sm_fail(&err, SM_USAGE, "--share says how much of the file of --average is taken, and there is none");
    struct clash clash = {0};
    if (status == SM_OK) {
        clash_reads(&clash, argv[0], "the input");
        if (options.average)
            clash_reads(&clash, options.average, "the file of --average");
        status = clash_writes(&clash, options.output, NULL, &err);
        clash_free(&clash);
    }
    if (status == SM_OK && options.average)
        status = average(argv[0], &err);
    else if (status == SM_OK && (suffix_of(options.output, ".pth") || suffix_of(options.output, ".pt")))
        status = export(argv[0], &err);
    else if (status == SM_OK && options.precision)
        status = pack(argv[0], &err);
    else if (status == SM_OK)
        status = convert(argv[0], &checkpoint, &missing, &err);
    checkpoint_close(checkpoint);
    err.status = status;
    if (status)
        return cmd_fail("convert", &err);
    if (missing == 0)
        return SM_OK;
    sm_fail(&err, SM_PARTIAL, "%s: written, but %zu tensors are missing in %s: it cannot segment",
            options.output, missing, argv[0]);
    return cmd_fail("convert", &err);
}
