/* lib/golden_preprocess.c - pictures normalised and resized; the nearest-neighbour index table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/golden.h"
#include "lib/h5_kinds.h"
#include "model/config.h"
#include "model/preprocess.h"
#include "nn/nn.h"

/* "image_HxW/uint8_rgb_hwc": the result is the data set beside it that starts with "normalized". */
static const char *sibling(const struct golden *g, const char *name)
{
    size_t folder = (size_t)(strrchr(name, '/') - name) + 1;
    for (size_t i = 0; i < g->count; i++)
        if (strncmp(g->names[i], name, folder) == 0 &&
            strncmp(g->names[i] + folder, "normalized", strlen("normalized")) == 0)
            return g->names[i];
    return NULL;
}

static void check_picture(struct golden *g, const struct sm_config *config, const char *name)
{
    struct h5_shape shape;
    struct sm_err err;
    size_t pixels = (size_t)config->image_size * (size_t)config->image_size;
    const char *result = sibling(g, name);
    if (!result || h5_shape(g->file, name, &shape, &err) || shape.rank != 3) {
        golden_fail(g, name, "no result stands beside it");
        return;
    }
    int64_t count = h5_count(&shape);
    uint8_t *bytes = malloc((size_t)count);
    float *hwc = malloc(6 * pixels * sizeof *hwc);
    struct sm_picture picture = {(int)shape.dim[0], (int)shape.dim[1], (int)shape.dim[2], bytes};
    if (!bytes || !hwc || h5_read_bytes(g->file, name, bytes, count, &err) ||
        preprocess(config, &picture, hwc, &err)) {
        golden_fail(g, name, "preprocessing failed");
    } else {
        nn_transpose(hwc + 3 * pixels, hwc, (int)pixels, 3);
        golden_compare_ulp(g, result, hwc + 3 * pixels, 3 * pixels);
    }
    free(bytes);
    free(hwc);
}

/* Row i of the table is for a source of i + 1 pixels. */
static void check_index_table(struct golden *g, const char *name)
{
    struct h5_shape shape;
    struct sm_err err;
    if (h5_shape(g->file, name, &shape, &err) || shape.rank != 2) {
        golden_fail(g, name, "not a table");
        return;
    }
    int places = (int)shape.dim[1];
    size_t count = (size_t)h5_count(&shape), different = 0;
    int32_t *table = malloc(count * sizeof *table);
    int *index = malloc((size_t)places * sizeof *index);
    if (!table || !index || h5_read_ints(g->file, name, table, (int64_t)count, &err)) {
        golden_fail(g, name, "cannot be read");
    } else {
        for (int64_t row = 0; row < shape.dim[0]; row++) {
            nn_nearest_index(index, (int)row + 1, places);
            for (int i = 0; i < places; i++)
                different += index[i] != table[row * places + i];
        }
        golden_compare_exact(g, name, different, count);
    }
    free(table);
    free(index);
}

void golden_preprocess(struct golden *g)
{
    struct sm_config config;
    struct sm_err err;
    int64_t size;
    config_preset(&config, "vit_b", 256, false);
    if (config_read(&config, g->file, false, &err)) {
        golden_fail(g, "", err.message);
        return;
    }
    if (h5_attr_int(g->file, NULL, "target_size", &size) && size >= 1 && size <= 2048)
        config.image_size = (int)size;
    for (size_t i = 0; i < g->count; i++) {
        const char *name = g->names[i];
        if (strncmp(name, "image_", 6) == 0 && strstr(name, "/uint8_rgb"))
            check_picture(g, &config, name);
        else if (strstr(name, "nearest_source_index_for_"))
            check_index_table(g, name);
    }
}
