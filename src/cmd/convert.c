/* sammed2d convert: a PyTorch checkpoint becomes a weights file, and the other ways. */
#include <math.h>
#include "base/suffix.h"
#include "cmd/clash.h"
#include "cmd/cmd.h"
#include "cmd/convert.h"

static const struct synopsis synopsis = {
    "convert", "IN.pth -o OUT.h5 | IN.h5 -o OUT.pth | IN.h5 --precision bf16|int8 -o OUT.h5 | "
               "IN.h5 --average OTHER.h5 -o OUT.h5",
    "Turn a PyTorch checkpoint into a weights file, or the other way, without Python."};

static int parse(struct convert_command *command, int *argc, char ***argv)
{
    const struct option_row rows[] = {
        OPTION_TEXT('o', "output", &command->output, "FILE", "weights file to write; .pth or .pt: a state dict"),
        OPTION_TEXT(0, "kind", &command->kind, "KIND",
                    "sam-med2d, ft-sam, sam or medsam (default: guessed)"),
        OPTION_INT(0, "image-size", &command->image_size, "N",
                   "interpolate position embeddings to pictures of N pixels"),
        OPTION_TEXT(
            0, "dtype", &command->type, "TYPE",
            "float32, float16 or bfloat16 (default: 16-bit tensors as they are, else float32)"),
        OPTION_TEXT(0, "multimask", &command->multimask, "yes|no|box|points",
                    "best of three masks, the single one, the former where there is a box or a mask, "
                    "or all weighed by points, by default"),
        OPTION_TEXT(0, "zoom", &command->zoom, "no|F", "look a second time at what is in a box, by default"),
        OPTION_TEXT(0, "mirrors", &command->mirrors, "no|2|4",
                    "look at a picture in so many images, mirrored ones with it, by default"),
        OPTION_TEXT(0, "orient", &command->orient, "HOW",
                    "how slices are shown by default: radiological, stored or sa-med2d"),
        OPTION_TEXT(0, "name", &command->name, "TEXT", "name of the model (default: the file's)"),
        OPTION_TEXT(0, "provenance", &command->provenance, "TEXT", "where it comes from"),
        OPTION_TEXT(0, "licence", &command->licence, "TEXT", "terms it stands under"),
        OPTION_TEXT(0, "precision", &command->precision, "bf16|int8",
                    "pack a weights file for what segment --precision computes with"),
        OPTION_TEXT(0, "average", &command->average, "FILE.h5", "the mean of the weights of two files"),
        OPTION_DOUBLE(0, "share", &command->share, "F", "how much of it is FILE.h5 (default 0.5)"),
        OPTION_FLAG(0, "packed", &command->packed,
                    "store convolutions as they are computed with: starts without copying them"),
        OPTION_FLAG(0, "any", &command->any, "store every tensor as it is, whatever the network"),
        OPTION_END};
    return options_parse(&synopsis, rows, argc, argv);
}

static enum sm_status check_files(const struct convert_command *command, struct sm_err *err)
{
    struct clash clash = {0};
    clash_reads(&clash, command->input, "the input");
    clash_reads(&clash, command->average, "the file of --average");
    enum sm_status status = clash_writes(&clash, command->output, NULL, err);
    clash_free(&clash);
    return status;
}

static enum sm_status check(const struct convert_command *command, int inputs, struct sm_err *err)
{
    if (inputs != 1 || !command->output)
        return sm_fail(err, SM_USAGE, "one checkpoint and -o FILE are needed: sammed2d convert %s", synopsis.arguments);
    if (!isnan(command->share) && !command->average)
        return sm_fail(err, SM_USAGE, "--share says how much of the file of --average is taken, and there is none");
    return check_files(command, err);
}

static enum sm_status convert(const struct convert_command *command, struct sm_err *err)
{
    bool checkpoint = suffix_of(command->output, ".pth") || suffix_of(command->output, ".pt");
    return command->average     ? convert_average(command, err)
           : checkpoint         ? convert_export(command, err)
           : command->precision ? convert_repack(command, err)
                                : convert_import(command, err);
}

int cmd_convert(int argc, char **argv)
{
    struct convert_command command = {.share = NAN};
    struct sm_err err = {0};
    int done = parse(&command, &argc, &argv);
    if (done >= 0)
        return done;
    command.input = argv[0]; /* NULL: there is none */
    enum sm_status status = check(&command, argc, &err);
    if (!status)
        status = convert(&command, &err);
    err.status = status;
    return status ? cmd_fail("convert", &err) : SM_OK;
}
