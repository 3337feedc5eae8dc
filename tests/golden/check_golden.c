/* check_golden [--dir DIR] [--precision bf16|int8]: runs every golden file of a directory through the network and compares
 * stage by stage. Configuration, seed, pictures, prompts and stated precision come from the files.
 *
 * One line a comparison: file, data set, largest difference, bound, ok or FAIL; at the end
 * "N passed, N failed". Exit status 1 when anything failed or nothing was found. In a lower precision the
 * files with an encoder only, and how far it is off is said, not judged.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/golden.h"

/* What kind of file it is, by content. */
static const struct kind {
    const char *mark; /* a data set or, with '@', a root attribute that tells it */
    void (*run)(struct golden *g);
    const char *skipped; /* why it is not run */
} kinds[] = {
    {"@learning_rate", golden_training, NULL},
    {"nearest_source_index_for_", golden_preprocess, NULL},
    {"after_load_from_", golden_interpolation, NULL},
    {"encoder/", golden_inference, NULL},
    {"seg_metrics_mean_iou_dice", golden_metrics, NULL},
};

static bool matches(const struct golden *g, const char *mark)
{
    double ignored[64];
    if (mark[0] == '@')
        return h5_attr_doubles(g->file, NULL, mark + 1, ignored, 64) >= 0;
    for (size_t i = 0; i < g->count; i++)
        if (strstr(g->names[i], mark))
            return true;
    return false;
}

static void run_file(struct golden *g)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!matches(g, kinds[i].mark))
            continue;
        if (g->precision != SM_PRECISION_FLOAT32 && kinds[i].run != golden_inference)
            return;
        if (kinds[i].run)
            kinds[i].run(g);
        else
            printf("%-22s skipped: %s\n", g->label, kinds[i].skipped);
        return;
    }
    golden_fail(g, "", "not a golden file of a known kind");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_h5(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 3 && strcmp(entry->d_name + n - 3, ".h5") == 0;
}

static bool parse(int argc, char **argv, const char **dir, enum sm_precision *precision)
{
    int i = 1;
    for (; i + 1 < argc; i += 2) {
        bool bf16 = strcmp(argv[i + 1], "bf16") == 0, int8 = strcmp(argv[i + 1], "int8") == 0;
        if (strcmp(argv[i], "--dir") == 0)
            *dir = argv[i + 1];
        else if (strcmp(argv[i], "--precision") == 0 && (bf16 || int8))
            *precision = bf16 ? SM_PRECISION_BF16 : SM_PRECISION_INT8;
        else
            return false;
    }
    return i == argc;
}

int main(int argc, char **argv)
{
    const char *dir = "../shared/golden";
    enum sm_precision precision = SM_PRECISION_FLOAT32;
    if (!parse(argc, argv, &dir, &precision)) {
        fprintf(stderr, "usage: check_golden [--dir DIR] [--precision bf16|int8]\n");
        return 1;
    }
    struct dirent **entries;
    int found = scandir(dir, &entries, is_h5, by_name);
    if (found <= 0) {
        fprintf(stderr, "check_golden: no .h5 files in %s\n", dir);
        return 1;
    }
    struct golden *files = calloc((size_t)found, sizeof *files);
    struct golden_tally tally = {0};
    for (int i = 0; files && i < found; i++)
        golden_open(&files[i], dir, entries[i]->d_name, &tally);
    for (int i = 0; files && i < found; i++) {
        files[i].all = files;
        files[i].all_count = (size_t)found;
        files[i].precision = precision;
        if (files[i].file)
            run_file(&files[i]);
        fflush(stdout);
    }
    for (int i = 0; i < found; i++) {
        if (files)
            golden_close(&files[i]);
        free(entries[i]);
    }
    free(entries);
    free(files);
    printf("%d passed, %d failed\n", tally.passed, tally.failed);
    return tally.failed > 0 || tally.passed == 0;
}
