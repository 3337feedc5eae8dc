#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "checkpoint/infer.h"

enum { LARGEST_SIZE = 1 << 20 };

#define AT(field) offsetof(struct sm_config, field)

/* Sizes that stand in a shape; in the order of asking, the first tensor that is there decides. */
static const struct source {
    size_t at;
    const char *tensor;
    int dim;
    int otherwise; /* the published value; 0: the tensor must be there */
} sources[] = {
    {AT(embed_dim), "image_encoder.pos_embed", 3, 0},
    {AT(patch_size), "image_encoder.patch_embed.proj.weight", 2, 16},
    {AT(adapter_hidden), "image_encoder.blocks.0.Adapter.channel.0.weight", 0, 0},
    {AT(prompt_dim), "image_encoder.neck.0.weight", 0, 0},
    {AT(prompt_dim), "prompt_encoder.no_mask_embed.weight", 1, 0},
    {AT(prompt_dim), "mask_decoder.iou_token.weight", 1, 256},
    {AT(mask_in_chans), "prompt_encoder.mask_downscaling.6.weight", 1, 16},
    {AT(decoder_mlp_dim), "mask_decoder.transformer.layers.0.mlp.lin1.weight", 0, 2048},
    {AT(mask_tokens), "mask_decoder.mask_tokens.weight", 0, 4},
    {AT(iou_head_hidden), "mask_decoder.iou_prediction_head.layers.0.weight", 0, 256},
};

static int dim_of(const struct checkpoint *checkpoint, const char *name, int dim)
{
    const struct checkpoint_tensor *tensor = checkpoint_find(checkpoint, name);
    if (!tensor || tensor->rank <= dim || tensor->dim[dim] < 1 || tensor->dim[dim] > LARGEST_SIZE)
        return 0;
    return (int)tensor->dim[dim];
}

/* How many of pattern's numbered tensors follow one another from 0. */
static int count_numbered(const struct checkpoint *checkpoint, const char *before,
                          const char *after)
{
    int count = 0;
    char name[128];
    do
        snprintf(name, sizeof name, "%s%d%s", before, count, after);
    while (checkpoint_find(checkpoint, name) && ++count <= SM_MAX_DEPTH);
    return count;
}

static enum sm_status unsupported(const struct checkpoint *checkpoint, const char *what,
                                  struct sm_err *err)
{
    return sm_fail(err, SM_UNSUPPORTED,
                   "%s: not a checkpoint of SAM, MedSAM, FT-SAM or SAM-Med2D: %s "
                   "(--any stores the tensors of other networks as they are)",
                   checkpoint_path(checkpoint), what);
}

static void read_sources(struct sm_config *config, const struct checkpoint *checkpoint)
{
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        int *value = (int *)(void *)((char *)config + sources[i].at);
        if (*value == 0)
            *value = dim_of(checkpoint, sources[i].tensor, sources[i].dim);
        if (*value == 0)
            *value = sources[i].otherwise;
    }
}

/* A block is global when its positions span the picture, else windowed; all windows are alike. */
static enum sm_status read_windows(struct sm_config *config, const struct checkpoint *checkpoint,
                                   int side, struct sm_err *err)
{
    for (int block = 0; block < config->depth; block++) {
        char name[96];
        snprintf(name, sizeof name, "image_encoder.blocks.%d.attn.rel_pos_h", block);
        int rows = dim_of(checkpoint, name, 0), window = (rows + 1) / 2;
        if (rows == 0)
            return unsupported(checkpoint, "its blocks have no relative positions", err);
        config->global_attn[block] = rows == 2 * side - 1;
        if (config->global_attn[block])
            continue;
        if (rows % 2 == 0 || (config->window_size && config->window_size != window))
            return unsupported(checkpoint, "its windows have different sizes", err);
        config->window_size = window;
    }
    if (config->window_size == 0)
        config->window_size = side; /* every block is global */
    return SM_OK;
}

static void read_decoder(struct sm_config *config, const struct checkpoint *checkpoint)
{
    int attention = dim_of(
        checkpoint, "mask_decoder.transformer.layers.0.cross_attn_token_to_image.q_proj.weight", 0);
    config->decoder_depth =
        count_numbered(checkpoint, "mask_decoder.transformer.layers.", ".norm1.weight");
    config->iou_head_depth =
        count_numbered(checkpoint, "mask_decoder.iou_prediction_head.layers.", ".weight");
    config->decoder_heads = 8; /* no shape shows it; every published model has 8 */
    config->decoder_downsample = attention ? config->prompt_dim / attention : 2;
    if (config->decoder_depth == 0)
        config->decoder_depth = 2;
    if (config->iou_head_depth == 0)
        config->iou_head_depth = 3;
}

enum sm_status infer_config(struct sm_config *config, const struct checkpoint *checkpoint,
                            struct sm_err *err)
{
    *config = (struct sm_config){.pixel_mean = {123.675F, 116.28F, 103.53F},
                                 .pixel_std = {58.395F, 57.12F, 57.375F}};
    int side = dim_of(checkpoint, "image_encoder.pos_embed", 1);
    if (side == 0 || side > 1024)
        return unsupported(checkpoint, "it has no image_encoder.pos_embed of four dimensions", err);
    read_sources(config, checkpoint);
    config->mlp_dim = 4 * config->embed_dim;
    config->image_size = side * (config->patch_size < 1024 ? config->patch_size : 1024);
    config->adapter = config->adapter_hidden > 0;
    config->depth = count_numbered(checkpoint, "image_encoder.blocks.", ".norm1.weight");
    if (config->depth == 0 || config->depth > SM_MAX_DEPTH)
        return unsupported(checkpoint, "its image encoder has no blocks, or too many", err);
    int width = dim_of(checkpoint, "image_encoder.blocks.0.attn.rel_pos_h", 1);
    if (width == 0 || config->embed_dim % width)
        return unsupported(checkpoint, "its blocks have no relative positions of a fitting width",
                           err);
    config->num_heads = config->embed_dim / width;
    read_decoder(config, checkpoint);
    return read_windows(config, checkpoint, side, err);
}
