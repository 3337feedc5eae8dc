#include "train/fresh.h"
#include <math.h>
#include <string.h>
#include "synth/random.h"

static bool has(const char *name, const char *part)
{
    return strstr(name, part) != NULL;
}

/* Products that are summed into one output. */
static double fan_in(const struct tensor *t)
{
    if (t->layout == DECONV)
        return (double)t->dim[0] * (double)(t->dim[2] * t->dim[3]) / 4; /* stride 2 */
    double products = 1;
    for (int i = 1; i < t->rank; i++)
        products *= (double)t->dim[i];
    return products;
}

struct law {
    float centre, even, normal; /* centre + even * (-1..1) + normal * N(0, 1) */
};

static struct law law_of(const struct tensor *t)
{
    const char *name = t->name;
    if (has(name, "gaussian_matrix"))
        return (struct law){0, 0, 1};
    if (has(name, "pos_embed") || has(name, "rel_pos_"))
        return (struct law){0, 0, 0.02f};
    if (has(name, "_embed") && !has(name, "patch_embed"))
        return (struct law){0, 0, 1};
    if (has(name, "iou_token") || has(name, "mask_tokens"))
        return (struct law){0, 0, 1};
    if (t->rank == 1 && has(name, ".weight"))
        return (struct law){1, 0, 0};
    if (t->rank == 1)
        return (struct law){0, 0, 0};
    return (struct law){0, (float)(1 / sqrt(fan_in(t))), 0};
}

static uint64_t hash_of(const char *name)
{
    uint64_t h = 0xCBF29CE484222325; /* FNV-1a */
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 0x100000001B3;
    return h;
}

static enum sm_status fill(void *context, const struct tensor *t, float *out, struct sm_err *err)
{
    struct rng rng = rng_of(*(uint64_t *)context, hash_of(t->name));
    struct law law = law_of(t);
    (void)err;
    for (int64_t i = 0; i < t->count; i++) {
        float even = rng_between(&rng, -1, 1);
        out[i] = law.centre + law.even * even + (law.normal > 0 ? law.normal * rng_normal(&rng) : 0);
    }
    return SM_OK;
}

struct tensor_source fresh_source(uint64_t *seed)
{
    return (struct tensor_source){.context = seed, .path = "new weights", .fill = fill};
}
