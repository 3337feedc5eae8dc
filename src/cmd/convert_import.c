/* sammed2d convert of a checkpoint: what the options mean, what the network needs, and the writing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/digest.h"
#include "base/output.h"
#include "checkpoint/convert.h"
#include "cmd/cmd.h"
#include "cmd/convert.h"
#include "model/config.h"
#include "model/mirror.h"
#include "model/weights.h"
#include "sammed2d/sammed2d.h"

enum { MAX_EXPECTED = 4096 };

struct import {
    const struct convert_command *command;
    struct checkpoint *checkpoint;
    struct conversion_plan plan;
    struct sm_config config; /* as it will be written */
    struct expected_tensor *expected;
    size_t expected_count, missing;
    char name[128], provenance[512], sha256[65];
};

/* Steps, NULL at the end, until one fails. */
static enum sm_status take_steps(struct import *import, enum sm_status (*const *step)(struct import *, struct sm_err *),
                                 struct sm_err *err)
{
    enum sm_status status = SM_OK;
    for (; !status && *step; step++)
        status = (*step)(import, err);
    return status;
}

/* ---- what the options mean ---- */

static enum sm_status set_type(struct import *import, struct sm_err *err)
{
    const char *asked = import->command->type;
    import->plan.keep_type = !asked;
    for (int type = H5_FLOAT32; asked && type <= H5_BFLOAT16; type++)
        if (strcmp(asked, h5_type_name((enum h5_type)type)) == 0) {
            import->plan.type = (enum h5_type)type;
            return SM_OK;
        }
    return asked ? sm_fail(err, SM_USAGE, "--dtype takes float32, float16 or bfloat16, not \"%s\"", asked) : SM_OK;
}

/* Before a large file is read. */
static enum sm_status check_kind(struct import *import, struct sm_err *err)
{
    const char *asked = import->command->kind;
    return !asked || kind_find(asked) ? SM_OK
                                      : sm_fail(err, SM_USAGE, "--kind takes %s, not \"%s\"", kind_names(), asked);
}

static enum sm_status choose_kind(struct import *import, struct sm_err *err)
{
    const struct kind **kind = &import->plan.kind;
    const char *why;
    bool sure;
    (void)err;
    if (import->command->kind) {
        *kind = kind_find(import->command->kind);
        return SM_OK;
    }
    *kind = kind_guess(&import->config, import->sha256, &why, &sure);
    if (sure)
        sm_note(cmd_listener(), "taken for %s: %s", (*kind)->name, why);
    else
        sm_warn(cmd_listener(), "taken for %s: %s; --kind (%s) decides otherwise", (*kind)->name, why, kind_names());
    return SM_OK;
}

static enum sm_status set_multimask(struct import *import, struct sm_err *err)
{
    const char *const *known = multimask_words + SM_CHOICE_NO; /* as enum sm_multimask */
    const char *asked = import->command->multimask;
    import->config.multimask = import->plan.kind->multimask;
    if (!asked)
        return SM_OK;
    for (int n = 0; known[n]; n++)
        if (strcmp(asked, known[n]) == 0) {
            import->config.multimask = n;
            return SM_OK;
        }
    return sm_fail(err, SM_USAGE, "--multimask takes yes, no, box or points, not \"%s\"", asked);
}

static enum sm_status set_zoom(struct import *import, struct sm_err *err)
{
    struct sm_config *config = &import->config;
    enum sm_status status = option_zoom(&config->zoom, import->command->zoom, err);
    if (config->zoom == 1)
        config->zoom = 0; /* none: as files have it that know of no zoom */
    return status;
}

static enum sm_status set_mirrors(struct import *import, struct sm_err *err)
{
    struct sm_config *config = &import->config;
    struct sm_config shown = *config; /* as files of the kind say that pictures are */
    enum sm_status status = option_mirrors(&config->mirrors, import->command->mirrors, err);
    if (strcmp(import->plan.kind->resize, "sam") == 0)
        shown.resize = SM_RESIZE_SAM;
    if (!status)
        status = mirror_check(&shown, mirror_count(config, 0), err);
    if (config->mirrors == 1)
        config->mirrors = 0; /* likewise */
    return status;
}

static enum sm_status set_orient(struct import *import, struct sm_err *err)
{
    const char *const *known = sm_orient_words(), *asked = import->command->orient;
    import->plan.orientation = import->plan.kind->orientation;
    for (size_t i = 0; asked && known[i]; i++)
        if (strcmp(asked, known[i]) == 0) {
            import->plan.orientation = known[i];
            return SM_OK;
        }
    return asked ? sm_fail(err, SM_USAGE, "--orient takes radiological, stored or sa-med2d, not \"%s\"", asked) : SM_OK;
}

static enum sm_status set_size(struct import *import, struct sm_err *err)
{
    struct sm_config *config = &import->config;
    int asked = import->command->image_size;
    if (asked && (asked < 0 || asked % config->patch_size))
        return sm_fail(err, SM_USAGE, "--image-size %d is not a multiple of the patch size, %d", asked,
                       config->patch_size);
    if (asked)
        config->image_size = asked;
    return config_check(config, checkpoint_path(import->checkpoint), err);
}

/* ---- what the network needs ---- */

static enum sm_status expect(void *context, const struct tensor *tensor, struct sm_err *err)
{
    struct import *import = context;
    if (import->expected_count == MAX_EXPECTED)
        return sm_fail(err, SM_UNSUPPORTED, "the network has more than %d tensors", MAX_EXPECTED);
    struct expected_tensor *expected = &import->expected[import->expected_count++];
    memcpy(expected->name, tensor->name, sizeof expected->name);
    expected->rank = tensor->rank;
    memcpy(expected->dim, tensor->dim, sizeof expected->dim);
    expected->axes = import->command->packed ? tensor_axes(tensor) : "";
    return SM_OK;
}

static enum sm_status expect_all(struct import *import, struct sm_err *err)
{
    struct weights *weights = calloc(1, sizeof *weights); /* the walk points into it */
    import->expected = calloc(MAX_EXPECTED, sizeof *import->expected);
    enum sm_status status = weights && import->expected ? weights_each(weights, &import->config, expect, import, err)
                                                        : sm_fail(err, SM_MEMORY, "out of memory");
    free(weights);
    return status;
}

/* ---- the conversion ---- */

/* The file's own name without directories, for name and provenance. */
static void set_texts(struct import *import)
{
    const struct convert_command *c = import->command;
    const char *slash = strrchr(c->input, '/'), *file = slash ? slash + 1 : c->input;
    const char *dot = strrchr(file, '.');
    snprintf(import->name, sizeof import->name, "%.*s", dot && dot > file ? (int)(dot - file) : 120, file);
    snprintf(import->provenance, sizeof import->provenance, "converted from %.200s by sammed2d %s", file, sm_version());
    import->plan = (struct conversion_plan){.name = c->name ? c->name : import->name,
                                            .provenance = c->provenance ? c->provenance : import->provenance,
                                            .licence = c->licence,
                                            .sha256 = import->sha256};
}

static enum sm_status check_output(struct import *import, struct sm_err *err)
{
    return output_check(import->command->output, err);
}

static enum sm_status open_checkpoint(struct import *import, struct sm_err *err)
{
    enum sm_status status = checkpoint_open(&import->checkpoint, import->command->input, err);
    import->plan.checkpoint = import->checkpoint;
    return status ? status : digest_file(import->command->input, import->sha256, err);
}

static enum sm_status write_weights(struct import *import, struct sm_err *err)
{
    struct conversion_plan *plan = &import->plan;
    plan->licence = plan->licence ? plan->licence : plan->kind->licence;
    plan->config = &import->config;
    plan->expected = import->expected;
    plan->expected_count = import->expected_count;
    enum sm_status status = convert_check(plan, &import->missing, cmd_listener(), err);
    return status ? status : convert_write(plan, import->command->output, cmd_listener(), err);
}

static enum sm_status import_network(struct import *import, struct sm_err *err)
{
    static enum sm_status (*const steps[])(struct import *, struct sm_err *) = {
        choose_kind, set_multimask, set_zoom, set_mirrors, set_orient, set_size, expect_all, write_weights, NULL};
    enum sm_status status = infer_config(&import->config, import->checkpoint, err);
    if (status)
        return status;
    status = take_steps(import, steps, err);
    /* what config_check says of a weights file is here said of a checkpoint */
    return status == SM_WEIGHTS ? SM_UNSUPPORTED : status;
}

enum sm_status convert_import(const struct convert_command *command, struct sm_err *err)
{
    static enum sm_status (*const opening[])(struct import *, struct sm_err *) = {set_type, check_kind, check_output,
                                                                                  open_checkpoint, NULL};
    struct import import = {.command = command};
    set_texts(&import);
    enum sm_status status = take_steps(&import, opening, err);
    if (!status)
        status = command->any ? convert_any(&import.plan, command->output, cmd_listener(), err)
                              : import_network(&import, err);
    free(import.expected);
    checkpoint_close(import.checkpoint);
    if (!status && import.missing)
        return sm_fail(err, SM_PARTIAL, "%s: written, but %zu tensors are missing in %s: it cannot segment",
                       command->output, import.missing, command->input);
    return status;
}
