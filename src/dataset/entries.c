/* The list of cases. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "dataset/dataset_internal.h"

struct source *dataset_source(struct sm_dataset *dataset)
{
    struct source *source = calloc(1, sizeof *source);
    if (!source) {
        dataset->starved = true;
        return NULL;
    }
    source->next = dataset->sources;
    return dataset->sources = source;
}

static const char *or_nothing(const char *text)
{
    return text ? text : "";
}

static bool make_room(struct sm_dataset *dataset)
{
    if (dataset->count < dataset->room)
        return true;
    size_t room = dataset->room ? 2 * dataset->room : 64;
    struct entry *grown = realloc(dataset->entries, room * sizeof *grown);
    if (!grown)
        return false;
    dataset->entries = grown;
    dataset->room = room;
    return true;
}

struct entry *dataset_add(struct sm_dataset *dataset, const struct sm_case *about, size_t files)
{
    const char **list = calloc(files + 1, sizeof *list), **objects = calloc(files + 1, sizeof *objects);
    if (!list || !objects || !make_room(dataset)) {
        free(list);
        free(objects);
        dataset->starved = true;
        return NULL;
    }
    struct entry *entry = &dataset->entries[dataset->count++];
    *entry = (struct entry){.about = *about, .files = list, .objects = objects};
    struct sm_case *a = &entry->about;
    size_t prefix = strlen(dataset->prefix);
    const char *name = or_nothing(about->name);
    a->name = dataset_text(dataset, "%.*s%s", (int)(prefix && !*name ? prefix - 1 : prefix), dataset->prefix, name);
    a->subject = about->subject ? dataset_text(dataset, "%s%s", dataset->prefix, about->subject) : a->name;
    a->dataset = or_nothing(a->dataset);
    a->modality = or_nothing(a->modality);
    a->split = or_nothing(a->split);
    a->image = or_nothing(a->image);
    a->files = list;
    a->file_count = files;
    return entry;
}

void dataset_drop(struct sm_dataset *dataset)
{
    struct entry *entry = &dataset->entries[--dataset->count];
    free(entry->files);
    free(entry->objects);
}

/* How names start, in SA-Med2D-20M and elsewhere, and how channels are called; DICOM's word for it. */
static const struct {
    const char *word, *modality;
} starts[] = {
    {"ct", "CT"}, {"mr", "MR"}, {"mri", "MR"}, {"us", "US"}, {"pet", "PT"}, {"pt", "PT"}, {"x_ray", "DX"},
    {"xray", "DX"}, {"cr", "CR"}, {"dx", "DX"}, {"endoscopy", "ES"}, {"dermoscopy", "XC"}, {"fundus", "OP"},
    {"fundus_photography", "OP"}, {"ultrasound", "US"}, {"microscopy", "SM"}, {"histopathology", "SM"}},
  words[] = {{"noNorm", NULL}, {"T1w", "MR"}, {"T2w", "MR"}, {"T1", "MR"}, {"T2", "MR"}, {"FLAIR", "MR"},
             {"ADC", "MR"}, {"DWI", "MR"}, {"T1gd", "MR"}, {"T1c", "MR"}, {"T1ce", "MR"}, {"PD", "MR"},
             {"MR-T1", "MR"}, {"MR-T2", "MR"}, {"cineMRI", "MR"}};

const char *dataset_modality_of_name(const char *name)
{
    for (size_t s = sizeof starts / sizeof *starts; s-- > 0;) {
        size_t length = strlen(starts[s].word);
        if (strncasecmp(name, starts[s].word, length) == 0 && (name[length] == '_' || name[length] == '-'))
            return starts[s].modality;
    }
    return "";
}

const char *dataset_modality_of_word(const char *word)
{
    for (size_t s = 0; s < sizeof starts / sizeof *starts; s++)
        if (strcasecmp(word, starts[s].word) == 0)
            return starts[s].modality;
    for (size_t s = 0; s < sizeof words / sizeof *words; s++)
        if (strcasecmp(word, words[s].word) == 0)
            return words[s].modality;
    return NULL;
}
