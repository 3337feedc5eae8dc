/* NIfTI has one distance between slices; what to do where a DICOM series has several. */
#include <string.h>
#include "cmd/segment.h"
#include "sammed2d/nifti.h"
#include "volume/regular.h"

static const char *const ways[] = {"error", "fill", "resample"};

static int way_of(const struct segment_command *command)
{
    if (!command->gaps)
        return 0;
    for (int w = 0; w < 3; w++)
        if (strcmp(command->gaps, ways[w]) == 0)
            return w;
    return -1;
}

static const char *first_map(const struct segment_command *command)
{
    for (size_t n = 0; n < command->outputs.count; n++)
        if (!segment_is_seg(command->outputs.values[n]))
            return command->outputs.values[n];
    return NULL;
}

enum sm_status segment_check_gaps(const struct segment_job *job, struct sm_err *err)
{
    const struct segment_command *command = job->command;
    const char *map = first_map(command);
    int way = way_of(command);
    if (way < 0)
        return sm_fail(err, SM_USAGE, "--gaps takes one of error, fill, resample, not \"%s\"",
                       command->gaps);
    if (!job->volume.slice_origin_lps)
        return SM_OK;
    if (command->probabilities)
        return sm_fail(err, SM_UNSUPPORTED, "%s: slices are missing or unevenly spaced, which NIfTI cannot "
                       "say; write --fractional -o FILE.dcm", command->probabilities);
    if (map && way == 0)
        return sm_fail(err, SM_UNSUPPORTED, "%s: slices are missing or unevenly spaced (see sammed2d info), "
                       "which NIfTI cannot say; write -o FILE.dcm, or choose --gaps fill or --gaps "
                       "resample", map);
    return SM_OK;
}

enum sm_status segment_write_map(const struct segment_job *job, const char *path, struct sm_err *err)
{
    const struct sm_labels *labels = sm_result_labels(job->result);
    enum regular_how how = way_of(job->command) == 1 ? REGULAR_FILL : REGULAR_RESAMPLE;
    struct sm_labels regular = {0};
    if (!job->volume.slice_origin_lps)
        return sm_nifti_write_labels(path, labels, &job->volume, err);
    struct sm_volume like = job->volume; /* borrows everything */
    enum sm_status status = regular_labels(&regular, labels, job->volume.slice_origin_lps, how, err);
    like.grid = regular.grid;
    if (!status)
        status = sm_nifti_write_labels(path, &regular, &like, err);
    sm_labels_free(&regular);
    return status;
}
