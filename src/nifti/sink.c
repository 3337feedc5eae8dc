#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>
#include "nifti/sink.h"

enum { GZIP_WINDOW = 15 + 16, LEVEL = 6, MEMORY = 8, BUFFER = 64 << 10 };

static bool ends_in(const char *path, const char *suffix)
{
    size_t length = strlen(path), tail = strlen(suffix);
    return length >= tail && strcasecmp(path + length - tail, suffix) == 0;
}

/* zlib's own gzip header carries neither name nor time, so the same voxels give the same bytes. */
static enum sm_status start_deflate(struct sink *sink, const char *path, struct sm_err *err)
{
    z_stream *z = calloc(1, sizeof *z);
    if (!z || deflateInit2(z, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(z);
        return sm_fail(err, SM_MEMORY, "%s: out of memory for compressing", path);
    }
    sink->deflate = z;
    return SM_OK;
}

enum sm_status sink_open(struct sink *sink, const char *path, struct sm_err *err)
{
    *sink = (struct sink){.output.fd = -1};
    bool gz = ends_in(path, ".nii.gz");
    if (!gz && !ends_in(path, ".nii"))
        return sm_fail(err, SM_USAGE, "%s: the name of a NIfTI output ends in .nii or .nii.gz",
                       path);
    enum sm_status status = gz ? start_deflate(sink, path, err) : SM_OK;
    if (status == SM_OK)
        status = output_open(&sink->output, path, err);
    return status == SM_OK ? SM_OK : sink_close(sink, status, err);
}

/* Runs deflate over what was given to it until it wants more, or to the end with Z_FINISH. */
static enum sm_status pump(struct sink *sink, int flush, struct sm_err *err)
{
    z_stream *z = sink->deflate;
    unsigned char bytes[BUFFER];
    enum sm_status status = SM_OK;
    do {
        z->next_out = bytes;
        z->avail_out = sizeof bytes;
        deflate(z, flush);
        status = output_write(&sink->output, bytes, sizeof bytes - z->avail_out, err);
    } while (status == SM_OK && z->avail_out == 0);
    return status;
}

enum sm_status sink_write(struct sink *sink, const void *bytes, size_t count, struct sm_err *err)
{
    z_stream *z = sink->deflate;
    if (!z)
        return output_write(&sink->output, bytes, count, err);
    enum sm_status status = SM_OK;
    z->next_in = (void *) bytes;
    while (count && status == SM_OK) {
        z->avail_in = count < INT_MAX ? (unsigned) count : INT_MAX;
        count -= z->avail_in;
        status = pump(sink, Z_NO_FLUSH, err);
    }
    return status;
}

enum sm_status sink_close(struct sink *sink, enum sm_status status, struct sm_err *err)
{
    if (sink->deflate) {
        if (status == SM_OK)
            status = pump(sink, Z_FINISH, err);
        deflateEnd(sink->deflate);
        free(sink->deflate);
    }
    if (status == SM_OK)
        status = output_commit(&sink->output, err);
    else
        output_discard(&sink->output);
    *sink = (struct sink){.output.fd = -1};
    return status;
}
