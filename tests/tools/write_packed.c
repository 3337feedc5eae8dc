/* write_packed bf16|int8 OUT.h5 - the smallest network there can be, packed: the seeds of tests/fuzz/corpus/weights. */
#include <stdio.h>
#include <string.h>
#include "h5/h5.h"
#include "lib/small_model.h"
#include "model/save.h"

static struct sm_config smallest(void)
{
    struct sm_config c = small_config();
    c.image_size = 16;
    c.patch_size = 8;
    c.embed_dim = 4;
    c.mlp_dim = 16;
    c.depth = c.num_heads = c.adapter_hidden = 1;
    c.global_attn[1] = false;
    c.prompt_dim = 8;
    c.mask_in_chans = 4;
    c.decoder_depth = c.decoder_heads = c.decoder_downsample = 1;
    c.decoder_mlp_dim = c.iou_head_depth = c.iou_head_hidden = 1;
    return c;
}

int main(int argc, char **argv)
{
    struct sm_config config = smallest();
    struct sm_model *model = small_model(&config);
    struct h5_out *out;
    struct sm_err err = {0};
    if (argc != 3 || !model) {
        fprintf(stderr, "usage: write_packed bf16|int8 OUT.h5\n");
        return SM_USAGE;
    }
    enum sm_precision precision = strcmp(argv[1], "int8") == 0 ? SM_PRECISION_INT8 : SM_PRECISION_BF16;
    enum sm_status status = h5_create(&out, argv[2], &err);
    if (!status) {
        status = model_save_packed(model, out, precision, &err);
        if (status)
            h5_discard(out);
        else
            status = h5_commit(out, &err);
    }
    if (status)
        fprintf(stderr, "%s\n", err.message);
    sm_model_close(model);
    return (int)status;
}
