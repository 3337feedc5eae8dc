/* Which label of one set is which of the other. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "input/compare_internal.h"

/* matched[n]: the label of b that is label n of a; taken[m]: label m of b is one. */
struct matching {
    const struct sm_label_set *a, *b;
    const struct sm_label **matched;
    bool *taken;
};

static bool same_name(const struct sm_label *a, const struct sm_label *b)
{
    return strcasecmp(a->name, b->name) == 0;
}

static bool same_number(const struct sm_label *a, const struct sm_label *b)
{
    return a->id == b->id;
}

static void match_by(struct matching *matching, bool (*same)(const struct sm_label *, const struct sm_label *))
{
    for (size_t n = 0; n < matching->a->count; n++)
        for (size_t m = 0; !matching->matched[n] && m < matching->b->count; m++)
            if (!matching->taken[m] && same(&matching->a->labels[n], &matching->b->labels[m])) {
                matching->matched[n] = &matching->b->labels[m];
                matching->taken[m] = true;
            }
}

/* Two maps say the same with the same number; of a SEG's numbers that is not certain. */
static void warn_of_names(const struct matching *matching, const struct sm_listener *listener)
{
    for (size_t n = 0; n < matching->a->count; n++) {
        const struct sm_label *a = &matching->a->labels[n], *b = matching->matched[n];
        if (b && a->named && b->named && !same_name(a, b))
            sm_warn(listener, "number %d is \"%s\" in A and \"%s\" in B; they are compared", a->id, a->name,
                    b->name);
    }
}

/* By number; A's first where B alone has the same. */
static int in_order(const void *x, const void *y)
{
    const struct label_pair *p = x, *q = y;
    return p->id != q->id ? (p->id > q->id) - (p->id < q->id) : (p->a == NULL) - (q->a == NULL);
}

static void list_pairs(struct label_pair *pairs, size_t *count, const struct matching *matching)
{
    for (size_t n = 0; n < matching->a->count; n++)
        pairs[(*count)++] = (struct label_pair){matching->a->labels[n].id, &matching->a->labels[n], matching->matched[n]};
    for (size_t m = 0; m < matching->b->count; m++)
        if (!matching->taken[m])
            pairs[(*count)++] = (struct label_pair){matching->b->labels[m].id, NULL, &matching->b->labels[m]};
    qsort(pairs, *count, sizeof *pairs, in_order);
}

/* ---- those asked for ---- */

static bool is_called(const struct label_pair *pair, int number, const char *text)
{
    return number ? pair->id == number
                  : (pair->a && strcasecmp(pair->a->name, text) == 0) ||
                        (pair->b && strcasecmp(pair->b->name, text) == 0);
}

/* Of a label's number; 0: the text is a name. */
static int number_in(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);
    return end != text && !*end && number >= 1 && number <= 65535 ? (int)number : 0;
}

/* Moves the pairs that `text` calls from `rest` to `chosen`. A number that neither set has is a pair of
 * two empty labels. */
static enum sm_status choose(struct label_pair *chosen, size_t *count, struct label_pair *rest, size_t all,
                             const char *text, const struct sm_listener *listener, struct sm_err *err)
{
    int number = number_in(text);
    size_t before = *count;
    for (size_t n = 0; n < all; n++)
        if ((rest[n].a || rest[n].b) && is_called(&rest[n], number, text)) {
            chosen[(*count)++] = rest[n];
            rest[n] = (struct label_pair){0};
        }
    if (*count > before)
        return SM_OK;
    const char *more = "";
    for (size_t n = 0; n < before; n++)
        if (is_called(&chosen[n], number, text))
            more = "another ";
    if (!number)
        return sm_fail(err, SM_USAGE, "neither A nor B has %slabel named \"%s\"", *more ? more : "a ", text);
    sm_warn(listener, "neither A nor B has %slabel %d", more, number);
    chosen[(*count)++] = (struct label_pair){.id = number};
    return SM_OK;
}

static enum sm_status choose_all(struct label_pair **pairs, size_t *count,
                                 const struct sm_compare_options *options,
                                 const struct sm_listener *listener, struct sm_err *err)
{
    struct label_pair *chosen = calloc(*count + options->label_count, sizeof *chosen);
    size_t all = *count;
    enum sm_status status = SM_OK;
    if (!chosen)
        return sm_fail(err, SM_MEMORY, "out of memory for labels");
    *count = 0;
    for (size_t n = 0; !status && n < options->label_count; n++)
        status = choose(chosen, count, *pairs, all, options->labels[n], listener, err);
    free(*pairs);
    *pairs = chosen;
    return status;
}

enum sm_status compare_match(struct label_pair **pairs, size_t *count, const struct sm_label_set *a,
                             const struct sm_label_set *b, const struct sm_compare_options *options,
                             const struct sm_listener *listener, struct sm_err *err)
{
    struct matching matching = {a, b, calloc(a->count + 1, sizeof *matching.matched),
                                calloc(b->count + 1, sizeof *matching.taken)};
    *pairs = calloc(a->count + b->count + 1, sizeof **pairs);
    *count = 0;
    bool good = *pairs && matching.matched && matching.taken;
    if (good) {
        if (!compare_is_map(a) || !compare_is_map(b))
            match_by(&matching, same_name);
        match_by(&matching, same_number);
        warn_of_names(&matching, listener);
        list_pairs(*pairs, count, &matching);
    }
    free(matching.matched);
    free(matching.taken);
    if (!good)
        return sm_fail(err, SM_MEMORY, "out of memory for labels");
    return options->label_count ? choose_all(pairs, count, options, listener, err) : SM_OK;
}
