/* Files of kept records: whatever the bytes claim, opening, looking up and adding neither crash nor write
 * beyond the file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "h5/h5.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLOATS = 4, SLOTS = 3 }; /* of the files in the corpus */

static void use(struct h5_table *table)
{
    char key[H5_KEY + 1];
    float values[FLOATS] = {1, 2, 3, 4};
    memset(key, 'a', H5_KEY);
    key[H5_KEY] = 0;
    h5_table_get(table, key, values);
    for (int n = 0; n < SLOTS + 1; n++) {
        key[0] = (char)('0' + n);
        h5_table_put(table, key, values);
    }
    key[0] = '3';
    h5_table_get(table, key, values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/sammed2d-fuzz-XXXXXX";
    struct h5_table *table;
    struct sm_err err;
    int fd = mkstemp(path);
    if (fd < 0)
        return 0;
    if (write(fd, data, size) == (ssize_t)size && h5_table_open(&table, path, "k", FLOATS, SLOTS, &err) == SM_OK) {
        use(table);
        h5_table_close(table);
    }
    if (lseek(fd, 0, SEEK_END) != (off_t)size)
        abort(); /* it never changes its size */
    close(fd);
    unlink(path);
    return 0;
}
