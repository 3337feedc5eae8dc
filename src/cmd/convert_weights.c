/* sammed2d convert of a weights file: to a checkpoint, packed, or averaged with another. */
#include <math.h>
#include <string.h>
#include "base/output.h"
#include "checkpoint/export.h"
#include "cmd/cmd.h"
#include "cmd/convert.h"
#include "model/average.h"
#include "model/packed.h"
#include "model/save.h"

/* Options that say something of a checkpoint, which a weights file is not. */
static bool checkpoint_options_given(const struct convert_command *c)
{
    return c->kind || c->image_size || c->type || c->multimask || c->zoom || c->mirrors || c->orient || c->name ||
           c->provenance || c->licence || c->any || c->packed;
}

static enum sm_status finish(struct h5_out *out, enum sm_status status, struct sm_err *err)
{
    if (!status)
        return h5_commit(out, err);
    h5_discard(out);
    return status;
}

/* ---- the other way ---- */

enum sm_status convert_export(const struct convert_command *command, struct sm_err *err)
{
    struct h5 *weights;
    enum sm_precision packed;
    if (checkpoint_options_given(command) || command->precision)
        return sm_fail(err, SM_USAGE, "a weights file becomes a .pth as it is: only -o goes with it");
    enum sm_status status = h5_open(&weights, command->input, err);
    if (status)
        return status;
    status = packed_precision(&packed, weights, err);
    if (!status && packed != SM_PRECISION_FLOAT32)
        status = sm_fail(err, SM_UNSUPPORTED, "%s: holds weights packed as %s; convert the file it was made from",
                         command->input, sm_precision_name(packed));
    status = status ? status : export_checkpoint(command->output, weights, cmd_listener(), err);
    h5_close(weights);
    return status;
}

/* ---- packed: the encoder's matrices as they are multiplied ---- */

static enum sm_status write_packed(const char *path, struct sm_model *model, enum sm_precision precision,
                                   struct sm_err *err)
{
    struct h5_out *out;
    enum sm_status status = h5_create(&out, path, err);
    return status ? status : finish(out, model_save_packed(model, out, precision, err), err);
}

enum sm_status convert_repack(const struct convert_command *command, struct sm_err *err)
{
    struct sm_model *model;
    enum sm_precision precision = SM_PRECISION_BF16;
    while (precision <= SM_PRECISION_INT8 && strcmp(command->precision, sm_precision_name(precision)) != 0)
        precision++;
    if (precision > SM_PRECISION_INT8)
        return sm_fail(err, SM_USAGE, "--precision takes bf16 or int8, not \"%s\"", command->precision);
    if (checkpoint_options_given(command))
        return sm_fail(err, SM_USAGE, "--precision packs a weights file as it is: only -o goes with it");
    enum sm_status status = output_check(command->output, err);
    if (!status)
        status = sm_model_open(&model, command->input, err);
    if (status)
        return status;
    status = write_packed(command->output, model, precision, err);
    sm_model_close(model);
    return status;
}

/* ---- the mean of two ---- */

static enum sm_status write_average(const struct convert_command *command, const struct sm_model *own,
                                    const struct sm_model *other, double share, struct sm_err *err)
{
    struct h5_out *out;
    enum sm_status status = h5_create(&out, command->output, err);
    if (status)
        return status;
    status = model_save_average(own, other, share, command->input, command->average, out, err);
    return finish(out, status, err);
}

enum sm_status convert_average(const struct convert_command *command, struct sm_err *err)
{
    struct sm_model *own = NULL, *other = NULL;
    double share = isnan(command->share) ? 0.5 : command->share;
    if (checkpoint_options_given(command) || command->precision)
        return sm_fail(err, SM_USAGE, "--average takes weights files as they are: only --share and -o go with it");
    if (!(share >= 0 && share <= 1))
        return sm_fail(err, SM_USAGE, "--share takes a number from 0 to 1, not %g", share);
    enum sm_status status = output_check(command->output, err);
    if (!status)
        status = sm_model_open(&own, command->input, err);
    if (!status)
        status = sm_model_open(&other, command->average, err);
    if (!status)
        status = write_average(command, own, other, share, err);
    sm_model_close(own);
    sm_model_close(other);
    return status;
}
