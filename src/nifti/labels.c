#include <stdlib.h>
#include "nifti/header.h"

struct fault {
    double value;
    int ijk[3];
};

/* False at the first value that is no label. float holds every label exactly. */
static bool copy_labels(struct sm_labels *labels, const struct sm_volume *volume, float *line,
                        struct fault *fault)
{
    const int *dim = volume->grid.dim;
    uint16_t *out = labels->voxels;
    for (int k = 0; k < dim[2]; k++)
        for (int j = 0; j < dim[1]; j++) {
            sm_volume_line(volume, 0, j, k, 0, 0, dim[0], line);
            for (int i = 0; i < dim[0]; i++) {
                if (!(line[i] >= 0 && line[i] <= UINT16_MAX) ||
                    line[i] != (float)(uint16_t)line[i]) {
                    *fault = (struct fault){.value = line[i], .ijk = {i, j, k}};
                    return false;
                }
                *out++ = (uint16_t)line[i];
            }
        }
    return true;
}

enum sm_status sm_nifti_read_labels(struct sm_labels *labels, const char *path,
                                    const struct sm_listener *listener, struct sm_err *err)
{
    struct sm_volume volume;
    struct fault fault;
    *labels = (struct sm_labels){0};
    enum sm_status status = sm_nifti_read(&volume, path, NIFTI_LABEL_MAP, listener, err);
    if (status != SM_OK)
        return status;
    float *line = malloc((size_t)volume.grid.dim[0] * sizeof *line);
    status = line ? sm_labels_alloc(labels, &volume.grid, err)
                  : sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    if (status == SM_OK && !copy_labels(labels, &volume, line, &fault))
        status = sm_fail(err, SM_UNSUPPORTED,
                         "%s: not a label map: voxel %d,%d,%d is %g; whole numbers from 0 to 65535 "
                         "are expected",
                         path, fault.ijk[0], fault.ijk[1], fault.ijk[2], fault.value);
    if (status != SM_OK)
        sm_labels_free(labels);
    free(line);
    sm_volume_free(&volume);
    return status;
}
