#include "model/config.h"

static enum sm_status write_numbers(const struct sm_config *c, struct h5_out *out, struct sm_err *err)
{
    const struct {
        const char *name;
        int value;
    } numbers[] = {{"format_version", 1},
                   {"image_size", c->image_size},
                   {"patch_size", c->patch_size},
                   {"embed_dim", c->embed_dim},
                   {"depth", c->depth},
                   {"num_heads", c->num_heads},
                   {"window_size", c->window_size},
                   {"adapter", c->adapter},
                   {"adapter_hidden", c->adapter_hidden},
                   {"prompt_dim", c->prompt_dim},
                   {"mask_in_chans", c->mask_in_chans},
                   {"decoder_depth", c->decoder_depth},
                   {"decoder_heads", c->decoder_heads},
                   {"decoder_mlp_dim", c->decoder_mlp_dim},
                   {"decoder_downsample", c->decoder_downsample},
                   {"mask_tokens", c->mask_tokens},
                   {"iou_head_depth", c->iou_head_depth},
                   {"iou_head_hidden", c->iou_head_hidden},
                   {"mirrors", c->mirrors},
                   {"multimask", c->multimask}};
    enum sm_status status = SM_OK;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && !status; i++)
        status = h5_set_int(out, numbers[i].name, numbers[i].value, err);
    return status;
}

static enum sm_status write_arrays(const struct sm_config *c, struct h5_out *out, struct sm_err *err)
{
    int blocks[SM_MAX_DEPTH], count = 0;
    double mean[3], deviation[3];
    for (int i = 0; i < c->depth; i++)
        if (c->global_attn[i])
            blocks[count++] = i;
    for (int i = 0; i < 3; i++) {
        mean[i] = c->pixel_mean[i];
        deviation[i] = c->pixel_std[i];
    }
    enum sm_status status = h5_set_ints(out, "global_attn_indexes", blocks, count, err);
    if (!status)
        status = h5_set_double(out, "pixel_mean", mean, 3, err);
    if (!status)
        status = h5_set_double(out, "zoom", &c->zoom, 1, err);
    return status ? status : h5_set_double(out, "pixel_std", deviation, 3, err);
}

enum sm_status config_write(const struct sm_config *config, struct h5_out *out, struct sm_err *err)
{
    enum sm_status status = write_numbers(config, out, err);
    return status ? status : write_arrays(config, out, err);
}
