#include "model/mask_prompt.h"
#include <math.h>

/* What somebody is sure of: a probability of 0.9997. */
static const float CERTAIN_LOGIT = 8;

static size_t mask_floats(const struct sm_config *config)
{
    size_t side = (size_t)sm_low_res_side(config);
    return side * side;
}

void mask_prompt_from_logits(const struct sm_config *config, const float *low_res, float *mask)
{
    size_t count = mask_floats(config);
    for (size_t p = 0; p < count; p++)
        mask[p] = config->mask_prompt_logits ? low_res[p] : 1.0f / (1.0f + expf(-low_res[p]));
}

void mask_prompt_from_pixels(const struct sm_config *config, const float *pixels, int height, int width, float *mask)
{
    size_t count = mask_floats(config);
    sm_mask_to_low_res(config, pixels, height, width, mask);
    for (size_t p = 0; config->mask_prompt_logits && p < count; p++)
        mask[p] = (2 * mask[p] - 1) * CERTAIN_LOGIT;
}
