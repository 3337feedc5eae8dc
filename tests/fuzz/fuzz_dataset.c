/* The JSON files of labelled data sets. The first byte says which: 's' label2image_test.json, 't'
 * image2label_train.json, 'd' dataset.json, 'l' labels.json beside images/ and masks/, anything else labels.json of
 * one case. Around the file lie pictures that it may name; every case that is found is read. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sammed2d/sammed2d.h"

static char root[64];

static int take_away(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static void clean(void)
{
    nftw(root, take_away, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *at(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void make_folder(void)
{
    static const char *const folders[] = {"plain", "pairs", "pairs/images", "pairs/masks", "plain/imagesTr", "plain/labelsTr"};
    static const char *const pictures[] = {"plain/a_1.png", "plain/a_1_b_000.png", "pairs/images/a_1.png",
                                           "pairs/masks/a_1.png", "plain/imagesTr/a_1_0000.png", "plain/labelsTr/a_1.png"};
    static const uint8_t pixels[] = {0, 1, 1, 0, 1, 0};
    strcpy(root, "/tmp/sammed2d-fuzz-XXXXXX");
    if (!mkdtemp(root))
        abort();
    atexit(clean);
    for (size_t n = 0; n < sizeof folders / sizeof *folders; n++)
        if (mkdir(at(folders[n]), 0777) != 0)
            abort();
    for (size_t n = 0; n < sizeof pictures / sizeof *pictures; n++)
        if (sm_png_write(at(pictures[n]), pixels, 3, 2, 1, NULL))
            abort();
}

/* The file for that first byte. */
static const char *file_for(uint8_t first)
{
    switch (first) {
    case 's': return "plain/label2image_test.json";
    case 't': return "plain/image2label_train.json";
    case 'd': return "plain/dataset.json";
    case 'l': return "pairs/labels.json";
    default: return "plain/labels.json";
    }
}

/* What was accepted holds together. */
static void check(const struct sm_dataset *set)
{
    for (size_t n = 0; n < sm_dataset_cases(set); n++) {
        const struct sm_case *about = sm_dataset_case(set, n);
        struct sm_volume image;
        struct sm_label_set objects;
        if (!about->name || !about->subject || !about->image || about->subject_number >= sm_dataset_cases(set))
            abort();
        if (strncmp(about->image, root, strlen(root)) != 0 || strstr(about->image, ".."))
            continue; /* "image" of one case may be anywhere; nothing else is opened here */
        if (sm_dataset_read(set, n, &image, &objects, NULL, NULL))
            continue;
        for (size_t o = 0; o < objects.count; o++)
            if (!objects.labels[o].name || !sm_grid_equal(&objects.labels[o].map->grid, &image.grid, 1e-3))
                abort();
        sm_label_set_free(&objects);
        sm_volume_free(&image);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!*root)
        make_folder();
    if (!size)
        return 0;
    char path[200], folder[200];
    snprintf(path, sizeof path, "%s", at(file_for(data[0])));
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = 0;
    FILE *file = fopen(path, "w");
    if (!file || fwrite(data + 1, 1, size - 1, file) != size - 1 || fclose(file) != 0)
        abort();
    struct sm_dataset *set;
    struct sm_err err = {0};
    if (sm_dataset_open(&set, folder, NULL, &err) == SM_OK)
        check(set);
    else if (!*err.message)
        abort();
    sm_dataset_close(set);
    unlink(path);
    return 0;
}
