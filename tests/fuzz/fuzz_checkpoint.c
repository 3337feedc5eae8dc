/* PyTorch checkpoints: zip, pickle machine, tensors. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "checkpoint/checkpoint.h"
#include "checkpoint/infer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const struct checkpoint *checkpoint)
{
    for (size_t i = 0; i < checkpoint_count(checkpoint); i++) {
        const struct checkpoint_tensor *tensor = checkpoint_tensor(checkpoint, i);
        float *values = malloc((size_t)tensor->count * sizeof *values + 1);
        struct sm_err err;
        if (values)
            checkpoint_read(checkpoint, tensor, values, &err);
        free(values);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct checkpoint *checkpoint;
    struct sm_err err;
    struct sm_config config;
    int fd = memfd_create("checkpoint", 0);
    if (fd < 0)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (write(fd, data, size) == (ssize_t)size &&
        checkpoint_open(&checkpoint, path, &err) == SM_OK) {
        infer_config(&config, checkpoint, &err);
        read_all(checkpoint);
        checkpoint_close(checkpoint);
    }
    close(fd);
    return 0;
}
