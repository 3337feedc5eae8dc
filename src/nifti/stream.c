#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "base/suffix.h"
#include "nifti/stream.h"

enum { BUFFER = 256 << 10, DEFLATE_AT_BEST = 1032 };

static bool begins_as_gzip(int fd)
{
    unsigned char magic[2];
    return pread(fd, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
}

static enum sm_status check_kind(struct stream *stream, struct sm_err *err)
{
    struct stat status;
    if (fstat(stream->fd, &status) != 0)
        return sm_fail(err, SM_NOT_FOUND, "%s: %s", stream->path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return sm_fail(err, SM_NOT_FOUND, "%s: is a directory; name a NIfTI file in it",
                       stream->path);
    if (!S_ISREG(status.st_mode))
        return sm_fail(err, SM_NOT_FOUND, "%s: is not a regular file; NIfTI is read from files only",
                       stream->path);
    if (status.st_size == 0)
        return sm_fail(err, SM_CORRUPT, "%s: the file is empty", stream->path);
    stream->file_bytes = (uint64_t)status.st_size;
    return SM_OK;
}

enum sm_status stream_open(struct stream *stream, const char *path, enum stream_kind kind,
                           struct sm_err *err)
{
    /* O_NONBLOCK: a FIFO must be refused, not waited for */
    *stream = (struct stream){.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (stream->fd < 0)
        return sm_fail(err, SM_NOT_FOUND, "%s: cannot be opened: %s", path, strerror(errno));
    enum sm_status status = check_kind(stream, err);
    if (status == SM_OK &&
        (kind == STREAM_BY_NAME ? suffix_of(path, ".gz") != NULL : begins_as_gzip(stream->fd))) {
        stream->gz = gzdopen(stream->fd, "rb");
        if (!stream->gz)
            status = sm_fail(err, SM_MEMORY, "%s: out of memory for inflating", path);
        else
            gzbuffer(stream->gz, BUFFER);
    }
    if (status != SM_OK)
        stream_close(stream);
    return status;
}

void stream_close(struct stream *stream)
{
    if (stream->gz)
        gzclose(stream->gz);
    else if (stream->fd >= 0)
        close(stream->fd);
    *stream = (struct stream){.fd = -1};
}

/* One call to the system or to zlib: bytes read, 0 at the end, -1 on failure. */
static ssize_t read_some(struct stream *stream, void *bytes, size_t count, struct sm_err *err)
{
    unsigned portion = count < INT_MAX ? (unsigned)count : INT_MAX;
    if (!stream->gz) {
        ssize_t got;
        do
            got = read(stream->fd, bytes, portion);
        while (got < 0 && errno == EINTR);
        if (got < 0)
            sm_fail(err, SM_CORRUPT, "%s: cannot be read: %s", stream->path, strerror(errno));
        return got;
    }
    int got = gzread(stream->gz, bytes, portion);
    int code = Z_OK;
    if (got <= 0)
        gzerror(stream->gz, &code);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
        sm_fail(err, SM_CORRUPT, "%s: %s after %llu bytes; copy the file again", stream->path,
                code == Z_BUF_ERROR ? "the compressed file is cut short"
                                    : "the compressed data are damaged",
                (unsigned long long)stream->position);
        return -1;
    }
    return got;
}

enum sm_status stream_read(struct stream *stream, void *bytes, size_t count, size_t *got,
                           struct sm_err *err)
{
    for (*got = 0; *got < count;) {
        ssize_t more = read_some(stream, (char *)bytes + *got, count - *got, err);
        if (more < 0)
            return SM_CORRUPT;
        if (more == 0)
            break;
        *got += (size_t)more;
        stream->position += (uint64_t)more;
    }
    return SM_OK;
}

enum sm_status stream_skip(struct stream *stream, uint64_t count, uint64_t *got,
                           struct sm_err *err)
{
    char bytes[16 << 10];
    for (*got = 0; *got < count;) {
        uint64_t left = count - *got;
        size_t more, portion = left < sizeof bytes ? (size_t)left : sizeof bytes;
        enum sm_status status = stream_read(stream, bytes, portion, &more, err);
        if (status != SM_OK)
            return status;
        *got += more;
        if (more < portion)
            break;
    }
    return SM_OK;
}

uint64_t stream_limit(const struct stream *stream)
{
    uint64_t limit = stream->file_bytes;
    if (stream->gz && __builtin_mul_overflow(limit, (uint64_t)DEFLATE_AT_BEST, &limit))
        return UINT64_MAX;
    return limit;
}

bool stream_size_matches(const struct stream *stream, uint64_t expected)
{
    unsigned char last[4];
    if (!stream->gz)
        return true;
    if (stream->file_bytes < 18 ||
        pread(stream->fd, last, 4, (off_t)(stream->file_bytes - 4)) != 4)
        return false;
    uint32_t size = last[0] | (uint32_t)last[1] << 8 | (uint32_t)last[2] << 16 |
                    (uint32_t)last[3] << 24;
    return size == (uint32_t)expected;
}
