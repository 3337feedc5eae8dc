#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "base/suffix.h"
#include "nifti/pair.h"

/* Where the suffix begins: .gz is not counted as one. */
static size_t stem_length(const char *path)
{
    const char *gz = suffix_of(path, ".gz");
    size_t length = gz ? (size_t)(gz - path) : strlen(path);
    if (length > 4 && path[length - 4] == '.')
        length -= 4;
    return length;
}

int pair_is_image(const char *path)
{
    return strncasecmp(path + stem_length(path), ".img", 4) == 0;
}

void pair_find(char *found, size_t size, const char *path, const char *suffix)
{
    char upper[8];
    size_t letters = strlen(suffix);
    for (size_t c = 0; c <= letters; c++)
        upper[c] = (char)(suffix[c] >= 'a' ? suffix[c] - 'a' + 'A' : suffix[c]);
    const char *const spellings[] = {suffix, upper};
    for (int s = 0; s < 2; s++)
        for (int gz = 0; gz < 2; gz++) {
            int length = snprintf(found, size, "%.*s.%s%s", (int)stem_length(path), path,
                                  spellings[s], gz ? ".gz" : "");
            if (length > 0 && (size_t)length < size && access(found, F_OK) == 0)
                return;
        }
    found[0] = 0;
}
