#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/output.h"

static const char *reason(int error)
{
    switch (error) {
    case ENOENT: return "its directory does not exist";
    case ENOTDIR: return "a part of its path is not a directory";
    case EACCES:
    case EROFS: return "its directory cannot be written to";
    case ENOSPC:
    case EDQUOT: return "the disk is full";
    default: return strerror(error);
    }
}

static enum sm_status fail(struct sm_err *err, const char *path, int error)
{
    return sm_fail(err, SM_OUTPUT, "%s: cannot be written: %s", path, reason(error));
}

static char *temporary_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *suffix = strchr(name, '.');
    char *result = NULL;
    if (asprintf(&result, "%.*s.sammed2d-XXXXXX%s", (int) (name - path), path,
                 suffix ? suffix : "") < 0)
        return NULL;
    return result;
}

enum sm_status output_open(struct output *output, const char *path, struct sm_err *err)
{
    *output = (struct output){.fd = -1};
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return sm_fail(err, SM_OUTPUT, "%s: is a directory; name a file in it", path);
    output->path = strdup(path);
    output->temporary = temporary_name(path);
    if (!output->path || !output->temporary) {
        output_discard(output);
        return sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    }
    const char *base = strrchr(output->temporary, '/');
    const char *suffix = strchr(strstr(base ? base : output->temporary, ".sammed2d-") + 1, '.');
    output->fd = mkostemps(output->temporary, suffix ? (int) strlen(suffix) : 0, O_CLOEXEC);
    if (output->fd < 0) {
        int error = errno;
        free(output->temporary);
        output->temporary = NULL;
        output_discard(output);
        return fail(err, path, error);
    }
    mode_t mask = umask(0);
    umask(mask);
    fchmod(output->fd, 0666 & ~mask);
    return SM_OK;
}

enum sm_status output_write(struct output *output, const void *bytes, size_t count,
                            struct sm_err *err)
{
    const char *from = bytes;
    while (count) {
        ssize_t written = write(output->fd, from, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fail(err, output->path, errno);
        from += written;
        count -= (size_t) written;
    }
    return SM_OK;
}

static void sync_directory(const char *path)
{
    char *copy = strdup(path);
    if (!copy)
        return;
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(copy);
}

enum sm_status output_commit(struct output *output, struct sm_err *err)
{
    int failed = fsync(output->fd) != 0 ? errno : 0;
    if (close(output->fd) != 0 && !failed)
        failed = errno;
    output->fd = -1;
    if (!failed && rename(output->temporary, output->path) != 0)
        failed = errno;
    if (failed) {
        fail(err, output->path, failed);
        output_discard(output);
        return SM_OUTPUT;
    }
    sync_directory(output->path);
    free(output->temporary);
    output->temporary = NULL;
    output_discard(output);
    return SM_OK;
}

void output_discard(struct output *output)
{
    if (output->temporary) {
        if (output->fd >= 0)
            close(output->fd);
        unlink(output->temporary);
    }
    free(output->temporary);
    free(output->path);
    *output = (struct output){.fd = -1};
}

enum sm_status output_check(const char *path, struct sm_err *err)
{
    struct output output;
    enum sm_status status = output_open(&output, path, err);
    if (status == SM_OK)
        output_discard(&output);
    return status;
}

enum sm_status output_text(const char *path, const char *text, struct sm_err *err)
{
    struct output output;
    enum sm_status status = output_open(&output, path, err);
    if (status == SM_OK)
        status = output_write(&output, text, strlen(text), err);
    if (status == SM_OK)
        return output_commit(&output, err);
    output_discard(&output);
    return status;
}
