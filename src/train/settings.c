#include "train/settings.h"
#include <stdio.h>
#include <string.h>

/* What does not fit is cut off. */
static void append(char text[SETTINGS_MAX], const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, SETTINGS_MAX - used, "%s", more);
}

static void append_counts(char text[SETTINGS_MAX], const char *name, const struct point_counts *counts)
{
    char word[64];
    append(text, name);
    for (int i = 0; i < counts->count; i++) {
        snprintf(word, sizeof word, "%s%d", i ? "," : "=", counts->of[i]);
        append(text, word);
    }
}

struct setting {
    const char *name; /* as the option, where there is one */
    double value;
};

static void append_settings(char text[SETTINGS_MAX], const struct setting *settings, size_t count)
{
    char word[64];
    for (size_t i = 0; i < count; i++) {
        snprintf(word, sizeof word, "%s%s=%.9g", *text ? " " : "", settings[i].name, settings[i].value);
        append(text, word);
    }
}

static void append_protocol(char text[SETTINGS_MAX], const struct train_options *o)
{
    const struct loss_rule *loss = &o->rule.loss;
    const struct setting settings[] = {
        {"seed", (double)o->seed}, {"batch", o->batch}, {"masks", o->masks}, {"accumulate", o->accumulate},
        {"train", o->parts}, {"later", o->later_parts}, {"rounds", o->rounds}, {"mask-only", o->mask_only},
        {"threshold", o->threshold}, {"box-share", o->box_share}, {"jitter", o->jitter.share},
        {"jitter-pixels", o->jitter.most}, {"jitter-together", o->jitter.together}, {"component", o->largest_component},
        {"focal", loss->focal}, {"dice", loss->dice}, {"iou", loss->iou}, {"alpha", loss->alpha}, {"gamma", loss->gamma},
        {"dice-smooth", loss->smooth}, {"loss-over", loss->whole_batch}, {"outputs", o->rule.outputs},
        {"choose", o->rule.choice}, {"iou-of", o->rule.iou}, {"synthetic", o->synthetic}, {"plain", o->plain}, {"keep-zeros", o->keep_zeros},
        {"bgr", o->quirks.bgr}, {"centre-small", o->quirks.centre_small}, {"aimless", o->aimless}};
    append_settings(text, settings, sizeof settings / sizeof *settings);
}

static void append_optimiser(char text[SETTINGS_MAX], const struct train_options *o)
{
    const struct adam *adam = &o->adam;
    const struct lr_steps *steps = &o->lr_steps;
    const struct setting settings[] = {
        {"lr", adam->lr}, {"beta1", adam->beta1}, {"beta2", adam->beta2}, {"adam-eps", adam->eps},
        {"weight-decay", adam->weight_decay}, {"adamw", adam->decoupled}, {"clip", o->clip}, {"ema", o->ema},
        {"schedule", o->schedule}, {"warmup", (double)o->warmup}, {"lr-end", o->lr_end}, {"lr-factor", steps->factor},
        {"lr-at", steps->at[0]}, {"lr-then", steps->at[1]}};
    append_settings(text, settings, sizeof settings / sizeof *settings);
}

static void append_augmentation(char text[SETTINGS_MAX], const struct augmentation *a)
{
    const struct setting settings[] = {
        {"flip", a->flip}, {"rotate", a->rotate_deg}, {"scale", a->scale}, {"elastic", a->elastic},
        {"intensity", a->intensity}, {"cut-window", a->window}, {"noise", a->noise}, {"blur", a->blur},
        {"low-resolution", a->low_resolution}, {"invert", a->invert}};
    append_settings(text, settings, sizeof settings / sizeof *settings);
}

void settings_of(char text[SETTINGS_MAX], const struct train_options *o)
{
    *text = 0;
    append_protocol(text, o);
    append_optimiser(text, o);
    append_augmentation(text, &o->augmentation);
    append_counts(text, " points", &o->points);
    append_counts(text, " first-points", &o->first_points);
    const struct setting later[] = {{"near", o->zoom}, {"keep-prompts", o->keep_prompts}};
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (later[i].value > 0) /* states from before there were these know none */
            append_settings(text, &later[i], 1);
    char word[64];
    snprintf(word, sizeof word, " data=%016llx", (unsigned long long)o->data_digest);
    append(text, word);
}

static int word_length(const char *text)
{
    return (int)strcspn(text, " ");
}

static const char *next_word(const char *word)
{
    word += word_length(word);
    return *word ? word + 1 : word;
}

enum sm_status settings_compare(const char *path, const char *theirs, const char *ours, struct sm_err *err)
{
    if (strcmp(theirs, ours) == 0)
        return SM_OK;
    while (word_length(theirs) == word_length(ours) && strncmp(theirs, ours, word_length(ours)) == 0) {
        theirs = next_word(theirs);
        ours = next_word(ours);
    }
    return sm_fail(err, SM_USAGE,
                   "%s: that run was made with other options%s: %.*s, not %.*s; give it the same, or begin anew from its "
                   "weights without --resume",
                   path, strncmp(ours, "data=", 5) == 0 ? " or other slices" : "", word_length(theirs), theirs,
                   word_length(ours), ours);
}
