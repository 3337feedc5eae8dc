#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/output.h"

static const char *reason(int error)
{
    switch (error) {
    case ENOENT:
        return "its directory does not exist";
    case ENOTDIR:
        return "a part of its path is not a directory";
    case EACCES:
    case EROFS:
        return "its directory cannot be written to";
    case ENOSPC:
    case EDQUOT:
        return "the disk is full";
    case EFBIG:
        return "it would be larger than a file may be here";
    case ENAMETOOLONG:
        return "its name is too long";
    default:
        return strerror(error);
    }
}

static enum sm_status fail(struct sm_err *err, const char *path, int error)
{
    return sm_fail(err, SM_OUTPUT, "%s: cannot be written: %s", path, reason(error));
}

/* Temporary files there are at the moment, for output_abandon. A slot is one pointer, so a signal
 * handler sees it whole. */
enum { PENDING = 64 };
static const char *_Atomic pending[PENDING];

static void replace_pending(const char *from, const char *to)
{
    for (int i = 0; i < PENDING; i++) {
        const char *expected = from;
        if (atomic_compare_exchange_strong(&pending[i], &expected, to))
            return;
    }
}

static void list_pending(const char *name)
{
    replace_pending(NULL, name);
}

static void forget_pending(const char *name)
{
    replace_pending(name, NULL);
}

void output_abandon(void)
{
    for (int i = 0; i < PENDING; i++)
        if (pending[i])
            unlink(pending[i]);
}

/* A new file beside `path`, with its suffix, by which libraries know what to write. umask is left to open: asking for
 * it would change it for other threads. -1: errno says why not. */
static int create_temporary(char **temporary, const char *path, mode_t mode)
{
    static atomic_uint made;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *suffix = strchr(name, '.');
    int fd;
    do {
        if (asprintf(temporary, "%.*s.sammed2d-%ld-%u%s", (int)(name - path), path, (long)getpid(),
                     atomic_fetch_add(&made, 1), suffix ? suffix : "") < 0) {
            *temporary = NULL;
            errno = ENOMEM;
            return -1;
        }
        fd = open(*temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (fd >= 0)
            return fd;
        int error = errno;
        free(*temporary);
        *temporary = NULL;
        errno = error;
    } while (errno == EEXIST); /* left behind by a process that was killed */
    return -1;
}

/* Where the bytes shall go: the file behind a symbolic link, not the link; only a regular file can be
 * replaced by a rename. existing gets its mode, or 0. */
static enum sm_status find_target(char **target, mode_t *existing, const char *path, struct sm_err *err)
{
    struct stat status;
    *existing = 0;
    if (strcmp(path, "-") == 0 || strncmp(path, "/dev/", 5) == 0 || !*path)
        return sm_fail(err, SM_OUTPUT, "\"%s\": outputs go to files; name one", path);
    bool is_link = lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
    bool is_there = stat(path, &status) == 0;
    if (is_link && !is_there)
        return sm_fail(err, SM_OUTPUT, "%s: is a symbolic link to nothing", path);
    if (is_there && S_ISDIR(status.st_mode))
        return sm_fail(err, SM_OUTPUT, "%s: is a directory; name a file in it", path);
    if (is_there && !S_ISREG(status.st_mode))
        return sm_fail(err, SM_OUTPUT, "%s: is not a regular file", path);
    if (is_there && (access(path, W_OK) != 0 || !(status.st_mode & 0222))) /* root may write anything */
        return sm_fail(err, SM_OUTPUT, "%s: is there and write-protected", path);
    if (is_there)
        *existing = status.st_mode & 0777;
    *target = is_link ? realpath(path, NULL) : strdup(path);
    return *target ? SM_OK : sm_fail(err, SM_MEMORY, "%s: out of memory", path);
}

enum sm_status output_open(struct output *output, const char *path, struct sm_err *err)
{
    mode_t existing;
    *output = (struct output){.fd = -1};
    enum sm_status status = find_target(&output->path, &existing, path, err);
    if (status != SM_OK)
        return status;
    output->fd = create_temporary(&output->temporary, output->path, existing ? existing : 0666);
    if (output->fd < 0) {
        int error = errno;
        output_discard(output);
        return error == ENOMEM ? sm_fail(err, SM_MEMORY, "%s: out of memory", path) : fail(err, path, error);
    }
    list_pending(output->temporary);
    if (existing) /* a file that is replaced keeps its mode */
        fchmod(output->fd, existing);
    return SM_OK;
}

enum sm_status output_write(struct output *output, const void *bytes, size_t count, struct sm_err *err)
{
    const char *from = bytes;
    while (count) {
        ssize_t written = write(output->fd, from, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fail(err, output->path, errno);
        from += written;
        count -= (size_t)written;
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
    forget_pending(output->temporary);
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
        forget_pending(output->temporary);
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
