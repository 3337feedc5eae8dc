/* Weights files, packed ones too: everything that h5.h can be asked about a foreign HDF5 file, opening a model, and
 * with a small one a picture, since packed numbers are only read where they lie. */
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

static void encode(const struct sm_model *model)
{
    const struct sm_config *config = sm_model_config(model);
    uint8_t pixels[12] = {0, 200, 100, 50};
    struct sm_picture picture = {3, 4, 1, pixels};
    struct sm_session *session;
    struct sm_err err;
    if (config->image_size > 64 || config->embed_dim > 64 || config->prompt_dim > 64 || config->depth > 2 ||
        sm_session_open(&session, model, 1, 1, &err) != SM_OK)
        return;
    float *embedding = malloc(sm_embedding_floats(config) * sizeof *embedding);
    if (embedding)
        sm_encode(session, &picture, 1, embedding, &err);
    free(embedding);
    sm_session_close(session);
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
        if (sm_model_open_as(&model, path, SM_PRECISION_FLOAT32, &err) == SM_OK) {
            encode(model);
            sm_model_close(model);
        }
    }
    close(fd);
    unlink(path);
    return 0;
}
