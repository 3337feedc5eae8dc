/* A folder of pictures: cases in, JSON files last. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "dataset/slices_internal.h"
#include "dataset/slices_write.h"

/* ---- the folder ---- */

static enum sm_status make_folder(const char *folder, const char *below, struct sm_err *err)
{
    char *path = NULL;
    enum sm_status status = SM_OK;
    if (asprintf(&path, "%s%s", folder, below) < 0)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", folder);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        status = sm_fail(err, SM_OUTPUT, "%s: cannot be made: %s", path, strerror(errno));
    free(path);
    return status;
}

static char *without_slashes(const char *folder)
{
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    return strndup(folder, length);
}

enum sm_status sm_slices_open(struct sm_slices **result, const char *folder, const struct sm_slices_options *options,
                              const struct sm_listener *listener, struct sm_err *err)
{
    struct sm_slices *slices = calloc(1, sizeof *slices);
    *result = NULL;
    if (!slices || !(slices->folder = without_slashes(folder)) ||
        !(slices->inputs = strdup(options->inputs ? options->inputs : ""))) {
        sm_slices_close(slices);
        return sm_fail(err, SM_MEMORY, "%s: out of memory", folder);
    }
    slices->options = *options;
    slices->options.inputs = slices->inputs;
    slices->options.step = options->step > 0 ? options->step : 1;
    slices->options.threads = options->threads > 0 ? options->threads : 1;
    slices->listener = listener;
    enum sm_status status = *folder ? make_folder(slices->folder, "", err)
                                    : sm_fail(err, SM_USAGE, "the name of the folder for pictures is empty");
    if (!status)
        status = slices_claim_folder(slices, err);
    if (!status && options->labelled)
        status = make_folder(slices->folder, "/images", err);
    if (!status && options->labelled)
        status = make_folder(slices->folder, "/masks", err);
    if (status)
        sm_slices_close(slices);
    else
        *result = slices;
    return status;
}

void sm_slices_close(struct sm_slices *slices)
{
    if (!slices)
        return;
    for (size_t n = 0; n < slices->case_count; n++) {
        free(slices->cases[n].name);
        json_decref(slices->cases[n].images);
    }
    free(slices->cases);
    free(slices->inputs);
    free(slices->folder);
    free(slices);
}

struct sm_slices_count sm_slices_counted(const struct sm_slices *slices)
{
    return slices->count;
}

/* ---- cases ---- */

/* Takes the name, so that no other case gets it; *place is where the case will be listed. */
static enum sm_status claim_name(struct sm_slices *slices, const char *name, size_t *place, struct sm_err *err)
{
    char *plain = slices_plain_name(name, "case");
    struct listed *grown = plain ? realloc(slices->cases, (slices->case_count + 1) * sizeof *grown) : NULL;
    if (grown)
        slices->cases = grown;
    for (size_t n = 0; grown && n < slices->case_count; n++)
        if (strcmp(slices->cases[n].name, plain) == 0) {
            sm_fail(err, SM_USAGE, "two cases would both be called \"%s\" in %s, \"%.200s\" and one before it", plain,
                    slices->folder, name);
            free(plain);
            return SM_USAGE;
        }
    if (!grown) {
        free(plain);
        return sm_fail(err, SM_MEMORY, "out of memory for the list of cases");
    }
    *place = slices->case_count++;
    grown[*place] = (struct listed){.name = plain};
    return SM_OK;
}

static void add_counts(struct sm_slices_count *to, const struct sm_slices_count *from)
{
    to->cases++;
    to->images += from->images;
    to->masks += from->masks;
    to->kept += from->kept;
    to->small_masks += from->small_masks;
    to->extreme_slices += from->extreme_slices;
    to->empty_slices += from->empty_slices;
}

enum sm_status sm_slices_add(struct sm_slices *slices, const char *name, const struct sm_volume *volume,
                             const struct sm_label_set *objects, bool train, bool test, struct sm_err *err)
{
    struct sm_slices_count count = {0};
    json_t *images = NULL;
    size_t place = 0;
    char *plain = NULL;
    enum sm_status status;
#pragma omp critical(sm_slices)
    {
        status = claim_name(slices, name, &place, err);
        plain = status ? NULL : strdup(slices->cases[place].name);
    }
    if (!status && !plain)
        status = sm_fail(err, SM_MEMORY, "out of memory for the list of cases");
    if (!status)
        status = slices_write_case(slices, plain, volume, objects, &images, &count, err);
    free(plain);
    if (status) {
        json_decref(images);
        return status;
    }
#pragma omp critical(sm_slices)
    {
        struct listed *listed = &slices->cases[place];
        listed->images = images;
        listed->train = train;
        listed->test = test;
        add_counts(&slices->count, &count);
    }
    return SM_OK;
}

/* ---- JSON ---- */

static int by_name(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    return strverscmp(x->name, y->name);
}

/* {image: [masks]} of the training cases. */
static json_t *image_to_label(const struct sm_slices *slices)
{
    json_t *json = json_object();
    for (size_t n = 0; n < slices->case_count; n++)
        if (slices->cases[n].images && slices->cases[n].train)
            json_object_update(json, slices->cases[n].images);
    return json;
}

/* {mask: image} of the test cases. */
static json_t *label_to_image(const struct sm_slices *slices)
{
    json_t *json = json_object(), *masks;
    const char *image;
    for (size_t n = 0; n < slices->case_count; n++) {
        if (!slices->cases[n].images || !slices->cases[n].test)
            continue;
        json_object_foreach(slices->cases[n].images, image, masks) {
            for (size_t m = 0; m < json_array_size(masks); m++)
                json_object_set_new(json, json_string_value(json_array_get(masks, m)), json_string(image));
        }
    }
    return json;
}

static enum sm_status write_json(const struct sm_slices *slices, const char *name, json_t *json, struct sm_err *err)
{
    char *path = NULL;
    enum sm_status status = SM_OK;
    if (!json || asprintf(&path, "%s/%s", slices->folder, name) < 0)
        status = sm_fail(err, SM_MEMORY, "%s/%s: out of memory", slices->folder, name);
    if (!status)
        status = json_write(path, json, err);
    json_decref(json);
    free(path);
    return status;
}

enum sm_status sm_slices_finish(struct sm_slices *slices, struct sm_err *err)
{
    const struct sm_slices_count *c = &slices->count;
    if (slices->case_count)
        qsort(slices->cases, slices->case_count, sizeof *slices->cases, by_name);
    if (c->images == 0 && !c->extreme_slices && !c->empty_slices)
        return sm_fail(err, SM_NOT_FOUND, "%s: no slice was chosen; --slices counts from 0 along the view's axis", slices->folder);
    if (c->images == 0)
        return sm_fail(err, SM_NOT_FOUND, "%s: no picture is left: of %zu slices too oblong, %zu without a mask, and %zu "
                       "masks too small", slices->folder, c->extreme_slices, c->empty_slices, c->small_masks);
    if (!slices->options.labelled)
        return SM_OK;
    enum sm_status status = write_json(slices, "image2label_train.json", image_to_label(slices), err);
    return status ? status : write_json(slices, "label2image_test.json", label_to_image(slices), err);
}
