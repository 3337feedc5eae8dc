/* Generated pictures as a data set: what `train --synthetic` sees. */
#include <stdlib.h>
#include <string.h>
#include "cmd/slice.h"
#include "synth/synth.h"

enum { SIDE = 256 };

static enum sm_status as_volume(struct sm_volume *volume, const struct synth_picture *picture, struct sm_err *err)
{
    struct sm_grid grid = {.dim = {picture->side, picture->side, 1}};
    for (int axis = 0; axis < 4; axis++)
        grid.affine_lps[axis][axis] = 1;
    enum sm_status status = sm_volume_alloc(volume, &grid, SM_UINT8, 1, err);
    if (status)
        return status;
    memcpy(volume->voxels, picture->grey, sm_grid_voxels(&grid));
    volume->format = SM_FORMAT_PNG;
    volume->display_ready = true;
    return SM_OK;
}

/* Each object has a map of its own, for objects lie in one another; two of a kind are told apart by number. */
static enum sm_status as_labels(struct sm_label_set *set, const struct synth_picture *picture,
                                const struct sm_grid *grid, struct sm_err *err)
{
    size_t pixels = sm_grid_voxels(grid);
    enum sm_status status = SM_OK;
    set->maps = calloc((size_t)picture->objects, sizeof *set->maps);
    set->labels = calloc((size_t)picture->objects, sizeof *set->labels);
    if (!set->maps || !set->labels)
        return sm_fail(err, SM_MEMORY, "out of memory");
    for (int n = 0; n < picture->objects && !status; n++) {
        char *name = NULL;
        status = sm_labels_alloc(&set->maps[n], grid, err);
        if (!status && asprintf(&name, "%s%d", picture->kinds[n], n + 1) < 0)
            status = sm_fail(err, SM_MEMORY, "out of memory");
        set->map_count++;
        set->labels[set->count++] =
            (struct sm_label){.id = n + 1, .name = name, .named = true, .map = &set->maps[n], .value = 1};
        for (size_t p = 0; p < pixels && !status; p++)
            set->maps[n].voxels[p] = picture->masks[(size_t)n * pixels + p];
    }
    return status;
}

static enum sm_status add_picture(struct slice_job *job, const struct synth_picture *picture, int number,
                                  struct sm_err *err)
{
    struct sm_volume volume = {0};
    struct sm_label_set objects = {0};
    char name[80];
    snprintf(name, sizeof name, "synthetic_%d_%06d_%s", job->command->seed, number, picture->recipe);
    enum sm_status status = as_volume(&volume, picture, err);
    if (!status)
        status = as_labels(&objects, picture, &volume.grid, err);
    if (!status)
        status = sm_slices_add(job->slices, name, &volume, &objects, true, true, err);
    sm_label_set_free(&objects);
    sm_volume_free(&volume);
    return status;
}

enum sm_status slice_synthetic(struct slice_job *job, struct sm_err *err)
{
    char inputs[64];
    struct synth *synth;
    int count = job->command->synthetic;
    snprintf(inputs, sizeof inputs, "synthetic %d of %d", count, job->command->seed);
    job->options.inputs = inputs;
    enum sm_status status = sm_slices_open(&job->slices, job->command->output, &job->options, cmd_listener(), err);
    job->options.inputs = NULL;
    if (!status)
        status = synth_open(&synth, SIDE, err);
    if (status)
        return status;
    for (int n = 0; n < count && !status; n++) {
        status = add_picture(job, synth_draw(synth, (uint64_t)job->command->seed, (uint64_t)n), n, err);
        sm_progress(cmd_listener(), "generating", (size_t)n + 1, (size_t)count);
    }
    synth_close(synth);
    return status;
}
