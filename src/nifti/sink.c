#include <stdlib.h>
#include <string.h>
#include "base/suffix.h"
#include "nifti/sink.h"

static enum sm_status no_memory(const struct sink *sink, struct sm_err *err)
{
    return sm_fail(err, SM_MEMORY, "%s: out of memory for compressing", sink->path);
}

static enum sm_status keep(struct sink *sink, const void *bytes, size_t count, struct sm_err *err)
{
    if (count > sink->room - sink->count) {
        size_t room = 2 * sink->room + count;
        unsigned char *more = realloc(sink->kept, room);
        if (!more)
            return no_memory(sink, err);
        sink->kept = more;
        sink->room = room;
    }
    memcpy(sink->kept + sink->count, bytes, count);
    sink->count += count;
    return SM_OK;
}

static enum sm_status put(void *context, const void *bytes, size_t count, struct sm_err *err)
{
    struct sink *sink = context;
    return sink->held ? keep(sink, bytes, count, err) : output_write(&sink->output, bytes, count, err);
}

enum sm_status sink_hold(struct sink *sink, const char *path, struct sm_err *err)
{
    *sink = (struct sink){.path = path, .output.fd = -1, .held = true};
    bool gz = suffix_of(path, ".nii.gz");
    if (!gz && !suffix_of(path, ".nii"))
        return sm_fail(err, SM_USAGE, "%s: the name of a NIfTI output ends in .nii or .nii.gz",
                       path);
    return gz && !(sink->gzip = gzip_open(put, sink)) ? no_memory(sink, err) : SM_OK;
}

enum sm_status sink_open(struct sink *sink, const char *path, struct sm_err *err)
{
    enum sm_status status = sink_hold(sink, path, err);
    if (status == SM_OK)
        status = output_open(&sink->output, path, err);
    sink->held = false;
    return status == SM_OK ? SM_OK : sink_close(sink, status, err);
}

enum sm_status sink_write(struct sink *sink, const void *bytes, size_t count, struct sm_err *err)
{
    return sink->gzip ? gzip_write(sink->gzip, bytes, count, err) : put(sink, bytes, count, err);
}

static enum sm_status write_kept(struct sink *sink, struct sm_err *err)
{
    enum sm_status status = output_open(&sink->output, sink->path, err);
    return status ? status : output_write(&sink->output, sink->kept, sink->count, err);
}

enum sm_status sink_close(struct sink *sink, enum sm_status status, struct sm_err *err)
{
    if (sink->gzip && status == SM_OK)
        status = gzip_finish(sink->gzip, err);
    gzip_close(sink->gzip);
    if (sink->held && status == SM_OK)
        status = write_kept(sink, err);
    free(sink->kept);
    if (status == SM_OK)
        status = output_commit(&sink->output, err);
    else
        output_discard(&sink->output);
    *sink = (struct sink){.output.fd = -1};
    return status;
}
