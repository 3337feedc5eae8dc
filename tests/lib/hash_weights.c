#include <math.h>
#include <string.h>
#include "lib/hash_weights.h"

uint64_t hash_name(const char *name)
{
    uint64_t h = 0xCBF29CE484222325;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 0x100000001B3;
    return h;
}

uint64_t hash_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xBF58476D1CE4E5B9;
    x ^= x >> 27;
    x *= 0x94D049BB133111EB;
    x ^= x >> 31;
    return x;
}

static bool starts(const char *name, const char *head)
{
    return strncmp(name, head, strlen(head)) == 0;
}

static bool ends(const char *name, const char *tail)
{
    size_t n = strlen(name), t = strlen(tail);
    return n >= t && strcmp(name + n - t, tail) == 0;
}

static bool has(const char *name, const char *part)
{
    return strstr(name, part) != NULL;
}

static bool is_transposed(const char *name)
{
    return ends(name, "Adapter.spatial.2.weight") ||
           ends(name, "mask_decoder.output_upscaling.0.weight") ||
           ends(name, "mask_decoder.output_upscaling.3.weight");
}

/* How many products are summed into one interior element of the layer's output. */
static int64_t fan_in(const char *name, int rank, const int64_t *dim)
{
    if (rank == 2)
        return dim[1];
    if (is_transposed(name))
        return dim[0] * dim[2] * dim[3] / 4;
    return dim[1] * dim[2] * dim[3];
}

static double gain_of(const char *name)
{
    if (has(name, ".attn.qkv.") || has(name, "q_proj") || has(name, "k_proj"))
        return 1.5;
    if (has(name, "output_hypernetworks_mlps"))
        return 1.25;
    return has(name, "iou_prediction_head") ? 1.5 : 1.0;
}

struct law {
    double center, scale;
};

static struct law law_of(const char *name, int rank, const int64_t *dim)
{
    if (ends(name, "positional_encoding_gaussian_matrix"))
        return (struct law){0, 1.7};
    if (has(name, ".rel_pos_"))
        return (struct law){0, 0.15};
    if (ends(name, "image_encoder.pos_embed") ||
        (starts(name, "prompt_encoder.") && has(name, "_embed")) ||
        strcmp(name, "mask_decoder.iou_token.weight") == 0 ||
        strcmp(name, "mask_decoder.mask_tokens.weight") == 0)
        return (struct law){0, 0.5};
    if (rank == 1)
        return ends(name, ".bias") ? (struct law){0, 0.05} : (struct law){1, 0.1};
    return (struct law){0, sqrt(3.0 / (double)fan_in(name, rank, dim)) * gain_of(name)};
}

void hash_fill(float *out, const char *name, int rank, const int64_t *dim, uint64_t seed)
{
    struct law law = law_of(name, rank, dim);
    uint64_t base = hash_name(name) + seed;
    int64_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= dim[i];
#pragma omp parallel for
    for (int64_t i = 0; i < count; i++) {
        uint64_t h = hash_mix(base + (uint64_t)i * 0x9E3779B97F4A7C15);
        double u = (double)(h >> 40) / 8388608.0 - 1.0;
        out[i] = (float)(law.center + law.scale * u);
    }
}

static enum sm_status fill(void *context, const struct tensor *tensor, float *out,
                           struct sm_err *err)
{
    (void)err;
    hash_fill(out, tensor->name, tensor->rank, tensor->dim, *(uint64_t *)context);
    return SM_OK;
}

struct tensor_source hash_source(uint64_t *seed)
{
    return (struct tensor_source){.context = seed, .path = "hashed weights", .fill = fill};
}
