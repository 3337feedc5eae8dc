#include <string.h>
#include <strings.h>
#include "nifti/sink.h"

static bool ends_in(const char *path, const char *suffix)
{
    size_t length = strlen(path), tail = strlen(suffix);
    return length >= tail && strcasecmp(path + length - tail, suffix) == 0;
}

enum sm_status sink_open(struct sink *sink, const char *path, struct sm_err *err)
{
    *sink = (struct sink){.output.fd = -1};
    bool gz = ends_in(path, ".nii.gz");
    if (!gz && !ends_in(path, ".nii"))
        return sm_fail(err, SM_USAGE, "%s: the name of a NIfTI output ends in .nii or .nii.gz",
                       path);
    if (gz && !(sink->gzip = gzip_open()))
        return sm_fail(err, SM_MEMORY, "%s: out of memory for compressing", path);
    enum sm_status status = output_open(&sink->output, path, err);
    return status == SM_OK ? SM_OK : sink_close(sink, status, err);
}

enum sm_status sink_write(struct sink *sink, const void *bytes, size_t count, struct sm_err *err)
{
    return sink->gzip ? gzip_write(sink->gzip, &sink->output, bytes, count, err)
                      : output_write(&sink->output, bytes, count, err);
}

enum sm_status sink_close(struct sink *sink, enum sm_status status, struct sm_err *err)
{
    if (sink->gzip && status == SM_OK)
        status = gzip_finish(sink->gzip, &sink->output, err);
    gzip_close(sink->gzip);
    if (status == SM_OK)
        status = output_commit(&sink->output, err);
    else
        output_discard(&sink->output);
    *sink = (struct sink){.output.fd = -1};
    return status;
}
