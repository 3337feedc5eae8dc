#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "eval/evaluation.h"

static const struct {
    const char *word;
    enum sm_eval_kind kind;
    bool counted; /* a number of points follows */
} kinds[] = {{"box", SM_EVAL_BOX, false}, {"point", SM_EVAL_POINTS, true}, {"iter", SM_EVAL_ITERATIVE, true}};

/* "point3" */
static bool parse_prompt(struct sm_eval_prompt *prompt, const char *word)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t length = strlen(kinds[k].word);
        char *end;
        if (strncmp(word, kinds[k].word, length) != 0)
            continue;
        long points = kinds[k].counted ? strtol(word + length, &end, 10) : 0;
        if (kinds[k].counted ? end == word + length || *end || points < 1 || points > SM_EVAL_MAX_POINTS : word[length] != 0)
            continue;
        *prompt = (struct sm_eval_prompt){kinds[k].kind, (int)points, ""};
        snprintf(prompt->name, sizeof prompt->name, kinds[k].counted ? "%s%ld" : "%s", kinds[k].word, points);
        return true;
    }
    return false;
}

static bool is_new(const struct sm_eval_options *options, const char *name)
{
    for (size_t p = 0; p < options->prompt_count; p++)
        if (strcmp(options->prompts[p].name, name) == 0)
            return false;
    return true;
}

/* Calls `take` for each word between commas. */
static enum sm_status each_word(struct sm_eval_options *options, const char *text,
                                enum sm_status (*take)(struct sm_eval_options *, const char *, struct sm_err *),
                                struct sm_err *err)
{
    enum sm_status status = SM_OK;
    while (!status) {
        char word[64];
        size_t length = strcspn(text, ",");
        snprintf(word, sizeof word, "%.*s", length < sizeof word ? (int)length : 0, text);
        status = take(options, word, err);
        if (!text[length])
            break;
        text += length + 1;
    }
    return status;
}

static enum sm_status take_prompt(struct sm_eval_options *options, const char *word, struct sm_err *err)
{
    struct sm_eval_prompt prompt;
    if (!parse_prompt(&prompt, word))
        return sm_fail(err, SM_USAGE, "\"%s\" is no kind of prompt: box, point1, point3, point5 (any number of points to "
                                      "%d), iter1, iter9 (points one after the other)", word, SM_EVAL_MAX_POINTS);
    if (options->prompt_count == SM_EVAL_MAX_PROMPTS)
        return sm_fail(err, SM_USAGE, "at most %d kinds of prompts at once", SM_EVAL_MAX_PROMPTS - 2);
    if (is_new(options, prompt.name))
        options->prompts[options->prompt_count++] = prompt;
    return SM_OK;
}

enum sm_status sm_eval_prompts_parse(struct sm_eval_options *options, const char *text, struct sm_err *err)
{
    options->prompt_count = 0;
    return each_word(options, text, take_prompt, err);
}

const char *const way_words[SM_EVAL_WAYS] = {[SM_EVAL_WAY_EVERY] = "every",
                                             [SM_EVAL_WAY_THREE] = "three",
                                             [SM_EVAL_WAY_BOX] = "box",
                                             [SM_EVAL_WAY_POINT] = "point"};

static enum sm_status take_way(struct sm_eval_options *options, const char *word, struct sm_err *err)
{
    bool known = strcmp(word, "all") == 0;
    for (int w = 0; w < SM_EVAL_WAYS; w++)
        if (strcmp(word, "all") == 0 || strcmp(word, way_words[w]) == 0)
            known = options->ways[w] = true;
    return known ? SM_OK : sm_fail(err, SM_USAGE, "\"%s\" is no way to prompt a volume: every (a box on every slice), three "
                                                  "(first, middle, last), box or point (one, carried on), or all", word);
}

enum sm_status sm_eval_ways_parse(struct sm_eval_options *options, const char *text, struct sm_err *err)
{
    return each_word(options, text, take_way, err);
}
