/* Words of the command line into choices and prompts. */
#include <string.h>
#include "cmd/segment.h"
#include "sammed2d/input.h"

const char *const propagation_words[] = {"auto", "both", "up", "down", "none", NULL};
const char *const mask_use_words[] = {"box", "mask", "both", NULL};
static const char *const gap_ways[] = {"error", "fill", "resample", NULL};
static const char *const spaces[] = {"voxel", "lps", "ras", NULL};

enum sm_status segment_choices(const struct segment_command *command,
                               struct sm_segment_options *options, struct sm_err *err)
{
    int plane = 0, orient = 0, propagate = 0, multimask = 0, mask_as = 0, gaps = 0, precision = 0;
    const struct {
        const char *option, *word;
        const char *const *names;
        int *place;
    } rows[] = {{"plane", command->plane, sm_plane_words(), &plane},
                {"orient", command->orient, sm_orient_words(), &orient},
                {"propagate", command->propagate, propagation_words, &propagate},
                {"multimask", command->multimask, multimask_words, &multimask},
                {"mask-as", command->mask_as, mask_use_words, &mask_as},
                {"gaps", command->gaps, gap_ways, &gaps},
                {"precision", command->precision, sm_precision_words(), &precision}};
    enum sm_status status = SM_OK;
    for (size_t r = 0; !status && r < sizeof rows / sizeof *rows; r++)
        status = option_choose(rows[r].place, rows[r].option, rows[r].word, rows[r].names, err);
    if (status)
        return status;
    *options = (struct sm_segment_options){.plane = (enum sm_plane)plane,
                                           .orient = (enum sm_orient)orient,
                                           .orient_given = command->orient != NULL,
                                           .propagate = (enum sm_propagate)propagate,
                                           .multimask = (enum sm_choice)multimask,
                                           .mask_as = (enum sm_mask_as)mask_as,
                                           .overlap = command->overlap};
    status = option_zoom(&options->zoom, command->zoom, err);
    if (!status)
        status = option_mirrors(&options->mirrors, command->mirrors, err);
    return !status && command->window ? sm_window_parse(&options->window, command->window, err) : status;
}

enum sm_precision segment_precision(const struct segment_command *command)
{
    const char *const *precisions = sm_precision_words();
    int precision = SM_PRECISION_FLOAT32;
    while (command->precision && precisions[precision] && strcmp(precisions[precision], command->precision) != 0)
        precision++;
    return (enum sm_precision)precision;
}

enum sm_gaps segment_gaps(const struct segment_command *command)
{
    int way = SM_GAPS_ERROR;
    while (command->gaps && gap_ways[way] && strcmp(gap_ways[way], command->gaps) != 0)
        way++;
    return (enum sm_gaps)way;
}

/* `picture`: the input when it is one, which a file of prompts for many is for. */
static enum sm_status add_prompt(struct sm_prompts *prompts, const struct prompt_option *option,
                                 enum sm_space space, const char *picture, struct sm_err *err)
{
    switch (option->kind) {
    case 'b': return sm_prompts_add_box(prompts, option->text, space, err);
    case 'p': return sm_prompts_add_point(prompts, option->text, true, space, err);
    case 'x': return sm_prompts_add_point(prompts, option->text, false, space, err);
    case 'f': return sm_prompts_read(prompts, option->text, picture, err);
    default: return sm_prompts_add_mask(prompts, option->text, cmd_listener(), err);
    }
}

static bool has_places(const struct prompt_options *options)
{
    for (size_t p = 0; p < options->count; p++)
        if (strchr("bpx", options->list[p].kind))
            return true;
    return false;
}

enum sm_status segment_prompts(const struct segment_command *command, const char *input,
                               struct sm_prompts *prompts, struct sm_err *err)
{
    int space = SM_SPACE_VOXEL;
    const char *picture = sm_input_detect(input) == SM_INPUT_PNG ? input : NULL;
    enum sm_status status = option_choose(&space, "space", command->space, spaces, err);
    for (size_t p = 0; !status && p < command->prompt_options.count; p++)
        status = add_prompt(prompts, &command->prompt_options.list[p], (enum sm_space)space, picture,
                            err);
    if (!status && !prompts->count)
        status = sm_fail(err, SM_USAGE, "no prompts: say where the objects are with --box, --point, "
                                        "--prompts or --mask");
    if (!status && command->space && !has_places(&command->prompt_options))
        status = sm_fail(err, SM_USAGE,
                         "--space says how --box, --point and --exclude are meant, and none is given; a file "
                         "of prompts says \"space\" itself");
    bool any_mask = false;
    for (size_t o = 0; !status && o < prompts->count; o++)
        any_mask |= prompts->objects[o].mask_path != NULL;
    if (!status && command->mask_as && !any_mask)
        status = sm_fail(err, SM_USAGE, "--mask-as says how masks are shown, but there is none; give --mask FILE");
    return status;
}
