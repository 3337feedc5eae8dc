#include <errno.h>
#include <fcntl.h>
#include <sha256.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
#include "base/digest.h"

enum { BLOCK = SHA256_BLOCK_LENGTH, PIECE = 1 << 18 };

/* libmd keeps what is left over and ends the message; whole blocks go to the CPU's instructions. */
static void add(SHA2_CTX *context, const uint8_t *bytes, size_t count)
{
    bool aligned = context->bitcount[0] / 8 % BLOCK == 0;
    size_t blocks = aligned && digest_is_native() ? count / BLOCK : 0;
    if (blocks) {
        digest_native(context->state.st32, bytes, blocks);
        context->bitcount[0] += (uint64_t)blocks * BLOCK * 8;
    }
    SHA256Update(context, bytes + blocks * BLOCK, count - blocks * BLOCK);
}

static bool add_file(SHA2_CTX *context, int fd, uint8_t *piece)
{
    size_t held = 0;
    for (;;) {
        ssize_t count = read(fd, piece + held, PIECE - held);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        held += (size_t)count;
        if (count == 0 || held == PIECE) {
            add(context, piece, held); /* whole pieces but for the last */
            held = 0;
        }
        if (count == 0)
            return true;
    }
}

enum sm_status digest_file(const char *path, char hex[65], struct sm_err *err)
{
    SHA2_CTX context;
    uint8_t *piece = malloc(PIECE);
    int fd = piece ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    SHA256Init(&context);
    bool fine = fd >= 0 && add_file(&context, fd, piece);
    int reason = errno;
    if (fd >= 0)
        close(fd);
    free(piece);
    if (!fine)
        return sm_fail(err, SM_NOT_FOUND, "%s: %s", path, strerror(reason));
    SHA256End(&context, hex);
    return SM_OK;
}

void digest_bytes(const void *bytes, size_t count, char hex[65])
{
    SHA2_CTX context;
    SHA256Init(&context);
    add(&context, bytes, count);
    SHA256End(&context, hex);
}
