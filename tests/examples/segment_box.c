/* segment_box IN.nii.gz WEIGHTS.h5 NAME=i0,j0,k0,i1,j1,k1 OUT.nii.gz - the library in forty lines:
 *     cc segment_box.c $(pkg-config --cflags --libs sammed2d) */
#include <stdio.h>
#include "sammed2d/sammed2d.h"

static void print_warning(void *context, const char *sentence)
{
    (void)context;
    fprintf(stderr, "warning: %s\n", sentence);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: segment_box IN WEIGHTS NAME=i0,j0,k0,i1,j1,k1 OUT\n");
        return SM_USAGE;
    }
    struct sm_listener listener = {.warning = print_warning};
    struct sm_segment_options options = {0}; /* as the weights file and the volume say */
    struct sm_volume volume = {0};
    struct sm_prompts prompts = {0};
    struct sm_model *model = NULL;
    struct sm_result *result = NULL;
    struct sm_err err;

    if (sm_nifti_read(&volume, argv[1], -1, &listener, &err) == SM_OK &&
        sm_model_open(&model, argv[2], &err) == SM_OK &&
        sm_prompts_add_box(&prompts, argv[3], SM_SPACE_VOXEL, &err) == SM_OK &&
        sm_prompts_resolve(&prompts, &volume.grid, &err) == SM_OK &&
        sm_segment(&result, model, &volume, &prompts, &options, &listener, &err) == SM_OK &&
        sm_nifti_write_labels(argv[4], sm_result_labels(result), &volume, &err) == SM_OK) {
        printf("%s: %.2f ml\n", argv[4], sm_result_object(result, 0)->volume_ml);
        err.status = SM_OK;
    } else {
        fprintf(stderr, "segment_box: %s\n", err.message);
    }
    sm_result_free(result);
    sm_prompts_free(&prompts);
    sm_model_close(model);
    sm_volume_free(&volume);
    return err.status;
}
