/* dice.c - how well a label map agrees with the truth, for the demo.
 *
 *     build/dice CASE LABELS      CASE is a folder with labels.json and the label map it names
 *
 * Dice is 2 |A and B| / (|A| + |B|), over all voxels of the volume. Exit status 4 when the two are
 * not on one grid.
 */
#include <stdio.h>
#include <stdlib.h>
#include "base/json.h"
#include "sammed2d/nifti.h"

struct counts {
    size_t found, truth, both;
};

static void count(struct counts *counts, const struct sm_labels *found,
                  const struct sm_labels *truth, int value)
{
    size_t voxels = sm_grid_voxels(&truth->grid);
    *counts = (struct counts){0, 0, 0};
    for (size_t n = 0; n < voxels; n++) {
        counts->found += found->voxels[n] == value;
        counts->truth += truth->voxels[n] == value;
        counts->both += found->voxels[n] == value && truth->voxels[n] == value;
    }
}

static void print_table(const struct sm_labels *found, const struct sm_labels *truth,
                        const json_t *names)
{
    double sum = 0;
    int objects = 0;
    printf("  %-22s %6s %9s %9s\n", "", "Dice", "voxels", "truth");
    for (int value = 1; value <= UINT16_MAX; value++) {
        char key[8];
        struct counts c;
        snprintf(key, sizeof key, "%d", value);
        const json_t *name = json_object_get(names, key);
        if (!name)
            continue;
        count(&c, found, truth, value);
        double dice = c.found + c.truth ? 2.0 * (double)c.both / (double)(c.found + c.truth) : 0;
        printf("  %-22s %6.3f %9zu %9zu\n", json_string_value(name), dice, c.found, c.truth);
        sum += dice;
        objects++;
    }
    printf("  %-22s %6.3f\n", "mean", objects ? sum / objects : 0);
}

static enum sm_status read_case(struct sm_labels *truth, json_t **json, const char *folder,
                                struct sm_err *err)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/labels.json", folder);
    enum sm_status status = json_read(json, path, err);
    if (status)
        return status;
    const char *label = json_string_value(json_object_get(*json, "label"));
    if (!label || !json_object_get(*json, "labels"))
        return sm_fail(err, SM_CORRUPT, "%s: no \"label\" or no \"labels\" in it", path);
    snprintf(path, sizeof path, "%s/%s", folder, label);
    return sm_nifti_read_labels(truth, path, NULL, err);
}

int main(int argc, char **argv)
{
    struct sm_labels found = {0}, truth = {0};
    json_t *json = NULL;
    struct sm_err err;
    if (argc != 3) {
        fprintf(stderr, "usage: dice CASE LABELS\n");
        return SM_USAGE;
    }
    enum sm_status status = read_case(&truth, &json, argv[1], &err);
    if (!status)
        status = sm_nifti_read_labels(&found, argv[2], NULL, &err);
    if (!status && !sm_grid_equal(&found.grid, &truth.grid, 1e-3))
        status = sm_fail(&err, SM_CORRUPT, "%s is not on the grid of the truth", argv[2]);
    if (status)
        fprintf(stderr, "dice: %s\n", err.message);
    else
        print_table(&found, &truth, json_object_get(json, "labels"));
    sm_labels_free(&found);
    sm_labels_free(&truth);
    json_decref(json);
    return (int)status;
}
