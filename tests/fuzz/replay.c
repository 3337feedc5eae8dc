/* replay.c - the main() of build/fuzz/replay_NAME: feeds files, or every file of a directory, to a fuzz
 * target once, so that `make check` repeats what fuzzing found without libFuzzer. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int complain(const char *path)
{
    fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
    return -1;
}

/* The input lies in a block of exactly its size, so that a sanitizer sees one byte too far. */
static int replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(size);
    if (!file || (size && !bytes) || fread(bytes, 1, size, file) != size) {
        free(bytes);
        if (file)
            fclose(file);
        return complain(path);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    return 1;
}

static int replay(const char *path);

static int replay_directory(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort), replayed = 0;
    if (count < 0)
        return complain(path);
    for (int i = 0; i < count; i++) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
        int more = entries[i]->d_name[0] == '.' || replayed < 0 ? 0 : replay(inner);
        replayed = more < 0 ? -1 : replayed + more;
        free(entries[i]);
    }
    free(entries);
    return replayed;
}

/* How many inputs were fed, or -1. */
static int replay(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return complain(path);
    return S_ISDIR(status.st_mode) ? replay_directory(path)
                                   : replay_file(path, (size_t)status.st_size);
}

int main(int argc, char **argv)
{
    int replayed = 0;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        int more = replay(argv[i]);
        if (more < 0)
            return 1;
        replayed += more;
    }
    printf("%d inputs\n", replayed);
    return replayed == 0;
}
