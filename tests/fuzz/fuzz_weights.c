/* Weights files: everything that h5.h can be asked about a foreign HDF5 file, and sm_model_open. */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include "h5/h5.h"
#include "sammed2d/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_one(void *context, const char *name)
{
    const struct h5 *file = context;
    struct h5_shape shape;
    struct sm_err err;
    if (h5_shape(file, name, &shape, &err) != SM_OK)
        return 0;
    float *values = malloc((size_t)h5_count(&shape) * sizeof *values + 1);
    if (values)
        h5_read_floats(file, name, values, h5_count(&shape), &err);
    free(values);
    return 0;
}

static void read_all(struct h5 *file)
{
    int64_t number;
    double numbers[16];
    char text[512];
    h5_attr_int(file, NULL, "depth", &number);
    h5_attr_doubles(file, NULL, "pixel_mean", numbers, 16);
    h5_attr_text(file, NULL, "name", text, sizeof text);
    h5_each(file, "", read_one, file);
}

/* HDF5 resolves links in a path, so a memfd's /proc name will not do. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/sammed2d-fuzz-XXXXXX";
    struct h5 *file;
    struct sm_model *model;
    struct sm_err err;
    int fd = mkstemp(path);
    if (fd < 0)
        return 0;
    if (write(fd, data, size) == (ssize_t)size) {
        if (h5_open(&file, path, &err) == SM_OK) {
            read_all(file);
            h5_close(file);
        }
        if (sm_model_open(&model, path, &err) == SM_OK)
            sm_model_close(model);
    }
    close(fd);
    unlink(path);
    return 0;
}
