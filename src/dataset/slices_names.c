/* File names from the names of cases and labels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dataset/slices_internal.h"

enum { LONGEST = 100 };

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

char *slices_plain_name(const char *name, const char *otherwise)
{
    char plain[LONGEST + 1];
    size_t length = 0;
    for (; *name && length < LONGEST; name++)
        if (is_plain(*name) && (length || *name != '.'))
            plain[length++] = *name;
        else if (length && plain[length - 1] != '_')
            plain[length++] = '_';
    while (length && plain[length - 1] == '_')
        length--;
    plain[length] = 0;
    return strdup(length ? plain : otherwise);
}

/* Names that differ only in what a file name cannot hold get the label's id. Labels of one name keep it. */
static bool tell_apart(char **names, const struct sm_label_set *objects, size_t last)
{
    const struct sm_label *label = &objects->labels[last];
    for (size_t n = 0; n < last; n++) {
        char *longer = NULL;
        if (strcmp(names[n], names[last]) != 0 || strcmp(objects->labels[n].name, label->name) == 0)
            continue;
        if (asprintf(&longer, "%s-%d", names[last], label->id) < 0)
            return false;
        free(names[last]);
        names[last] = longer;
        n = (size_t)-1; /* from the start */
    }
    return true;
}

char **slices_label_names(const struct sm_label_set *objects)
{
    char **names = calloc(objects->count + 1, sizeof *names);
    bool good = names != NULL;
    for (size_t n = 0; good && n < objects->count; n++) {
        char plain[32];
        const struct sm_label *label = &objects->labels[n];
        snprintf(plain, sizeof plain, "label_%d", label->id);
        names[n] = slices_plain_name(label->name, plain);
        good = names[n] && tell_apart(names, objects, n);
    }
    for (size_t n = 0; !good && names && n < objects->count; n++)
        free(names[n]);
    if (good)
        return names;
    free(names);
    return NULL;
}
