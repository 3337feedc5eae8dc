/* Embeddings are found by the very picture that the encoder is shown: volume, slice, window, plane and
 * orientation are all in it, and nothing else of them matters. To it come weights, precision, the kernels
 * that computed it (their last bits differ) and the program's version. */
#include "pipeline/embeddings.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/digest.h"
#include "h5/h5.h"
#include "model/model_internal.h"
#include "nn/nn.h"
#include "sammed2d/sammed2d.h"

static const char kind[] = "sammed2d image embeddings";

struct sm_embeddings {
    struct h5_table *table;
    char *path;
    char made_by[256];
    size_t floats;
    bool warned;
};

enum sm_status sm_embeddings_open(struct sm_embeddings **out, const char *path, const struct sm_model *model,
                                  const char *weights_sha256, int megabytes, struct sm_err *err)
{
    struct sm_embeddings *kept = calloc(1, sizeof *kept);
    *out = NULL;
    if (!kept || !(kept->path = strdup(path))) {
        free(kept);
        return sm_fail(err, SM_MEMORY, "out of memory");
    }
    kept->floats = sm_embedding_floats(sm_model_config(model));
    int64_t slots = ((int64_t)megabytes << 20) / (int64_t)(kept->floats * sizeof(float));
    snprintf(kept->made_by, sizeof kept->made_by, "sammed2d %s weights %.64s precision %d kernels %s", sm_version(),
             weights_sha256, (int)model->precision, nn_kernels());
    enum sm_status status = h5_table_open(&kept->table, path, kind, (int64_t)kept->floats, slots > 0 ? slots : 1, err);
    if (status)
        sm_embeddings_close(kept);
    else
        *out = kept;
    return status;
}

void sm_embeddings_close(struct sm_embeddings *kept)
{
    if (!kept)
        return;
    h5_table_close(kept->table);
    free(kept->path);
    free(kept);
}

void embeddings_key(const struct sm_embeddings *kept, const struct sm_picture *picture, char key[65])
{
    char text[sizeof kept->made_by + 160], pixels[65];
    digest_bytes(picture->pixels,
                 (size_t)picture->height * (size_t)picture->width * (size_t)picture->channels, pixels);
    int length = snprintf(text, sizeof text, "%s picture %d x %d x %d %s", kept->made_by, picture->height,
                          picture->width, picture->channels, pixels);
    digest_bytes(text, (size_t)length, key);
}

bool embeddings_find(const struct sm_embeddings *kept, const char *key, float *embedding)
{
    return h5_table_get(kept->table, key, embedding);
}

void embeddings_keep(struct sm_embeddings *kept, const char *key, const float *embedding,
                     const struct sm_listener *listener)
{
    if (h5_table_put(kept->table, key, embedding) || kept->warned)
        return;
    kept->warned = true;
    sm_warn(listener, "%s: embeddings cannot be kept there (disk full, or not to be written to); the result is the same",
            kept->path);
}
