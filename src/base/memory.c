#include "base/memory.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* One number out of a file such as /proc/meminfo; `key` NULL: the first. Negative: not there. */
static double read_number(const char *path, const char *key)
{
    char line[128];
    double found = -1;
    size_t skip = key ? strlen(key) : 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    while (found < 0 && fgets(line, sizeof line, file))
        if ((!key || strncmp(line, key, skip) == 0) && sscanf(line + skip, "%lf", &found) != 1)
            found = -1;
    fclose(file);
    return found;
}

double memory_available(void)
{
    double machine = 1024 * read_number("/proc/meminfo", "MemAvailable:");
    double limit = read_number("/sys/fs/cgroup/memory.max", NULL);
    double used = read_number("/sys/fs/cgroup/memory.current", NULL);
    double cached = fmax(0, read_number("/sys/fs/cgroup/memory.stat", "inactive_file "));
    if (machine <= 0)
        machine = 1e18;
    return limit > 0 && used >= 0 ? fmin(machine, fmax(0, limit - used + cached)) : machine;
}
