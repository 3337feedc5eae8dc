#include <string.h>
#include "checkpoint/infer.h"

#define SAM_MED2D_TERMS                                                                            \
    "not stated in the checkpoint; the published SAM-Med2D has its code under Apache-2.0 and its " \
    "training data under CC BY-NC-SA 4.0 (not for commercial use)"

/* SAM-Med2D and FT-SAM trained three masks and fed back sigmoids; MedSAM one mask, with boxes. */
static const struct kind kinds[] = {
    {"sam-med2d", "minmax", "sa-med2d", "sam-med2d", "sigmoid", true, SAM_MED2D_TERMS},
    {"ft-sam", "minmax", "sa-med2d", "sam-med2d", "sigmoid", true, SAM_MED2D_TERMS},
    {"sam", "minmax", "radiological", "sam", "logits", true,
     "not stated in the checkpoint; the published Segment Anything models are under Apache-2.0"},
    {"medsam", "percentile", "radiological", "medsam", "logits", false,
     "not stated in the checkpoint; the published MedSAM is under Apache-2.0, its training data "
     "under "
     "terms of their own"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

const struct kind *kind_find(const char *name)
{
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

const char *kind_names(void)
{
    return "sam-med2d, ft-sam, sam, medsam";
}

/* Segment Anything's files carry the start of their SHA-256 in their names: sam_vit_b_01ec64.pth.
 */
static bool is_published_sam(const char *sha256)
{
    static const char *const starts[] = {"01ec64", "0b3195", "4b8939"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (strncmp(sha256, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

const struct kind *kind_guess(const struct sm_config *config, const char *sha256, const char **why,
                              bool *sure)
{
    *sure = true;
    if (config->adapter) {
        *why = "its blocks have adapters";
        return kind_find("sam-med2d");
    }
    if (is_published_sam(sha256)) {
        *why = "its SHA-256 is that of a published Segment Anything model";
        return kind_find("sam");
    }
    *sure = false;
    if (config->image_size <= 512) {
        *why = "it has no adapters and small pictures";
        return kind_find("ft-sam");
    }
    *why = "it has no adapters and large pictures; MedSAM looks the same";
    return kind_find("sam");
}
