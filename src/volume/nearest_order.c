#include "volume/nearest_order.h"
#include <stdlib.h>
#include <string.h>

enum { KEY_BITS = 64, DIGIT = 11, DIGITS = 1 << DIGIT };

/* Which bit of which index each bit of a key is, from the lowest. */
struct mix {
    int axis[KEY_BITS], bit[KEY_BITS], bits;
};

static int bits_of(int dim)
{
    int bits = 0;
    while (bits < 31 && (dim - 1) >> bits)
        bits++;
    return bits;
}

/* The next bit is of the axis along which cells are smallest. */
static void mix_bits(struct mix *mix, const struct sm_grid *grid)
{
    int used[3] = {0};
    double cell[3];
    for (int c = 0; c < 3; c++)
        cell[c] = sm_grid_spacing_mm(grid, c);
    mix->bits = 0;
    for (int n = 0; n < KEY_BITS; n++) { /* what does not fit is left unsorted */
        int next = -1;
        for (int c = 0; c < 3; c++)
            if (used[c] < bits_of(grid->dim[c]) && (next < 0 || cell[c] < cell[next]))
                next = c;
        if (next < 0)
            return;
        mix->axis[n] = next;
        mix->bit[n] = used[next]++;
        cell[next] *= 2;
        mix->bits = n + 1;
    }
}

static uint64_t key_of(const struct mix *mix, const int32_t voxel[3])
{
    uint64_t key = 0;
    for (int n = 0; n < mix->bits; n++)
        key |= (uint64_t)(voxel[mix->axis[n]] >> mix->bit[n] & 1) << n;
    return key;
}

static void voxel_of(const struct mix *mix, uint64_t key, int32_t voxel[3])
{
    memset(voxel, 0, 3 * sizeof *voxel);
    for (int n = 0; n < mix->bits; n++)
        voxel[mix->axis[n]] |= (int32_t)(key >> n & 1) << mix->bit[n];
}

/* One pass of a radix sort: stable, by the digit at `shift`. */
static void sort_digit(uint64_t *out, const uint64_t *key, size_t count, int shift)
{
    size_t place[DIGITS] = {0}, sum = 0;
    for (size_t v = 0; v < count; v++)
        place[key[v] >> shift & (DIGITS - 1)]++;
    for (int d = 0; d < DIGITS; d++) {
        size_t own = place[d];
        place[d] = sum;
        sum += own;
    }
    for (size_t v = 0; v < count; v++)
        out[place[key[v] >> shift & (DIGITS - 1)]++] = key[v];
}

enum sm_status nearest_sort(int32_t (*voxel)[3], size_t count, const struct sm_grid *grid, struct sm_err *err)
{
    struct mix mix;
    uint64_t *key = malloc(count * sizeof *key), *other = malloc(count * sizeof *other);
    enum sm_status status = SM_OK;
    mix_bits(&mix, grid);
    if (!key || !other) {
        status = sm_fail(err, SM_MEMORY, "out of memory: %zu bytes to sort %zu surface voxels",
                         2 * count * sizeof *key, count);
        count = 0;
    }
#pragma omp parallel for
    for (size_t v = 0; v < count; v++)
        key[v] = key_of(&mix, voxel[v]);
    for (int shift = 0; count && shift < mix.bits; shift += DIGIT) {
        uint64_t *sorted = other;
        sort_digit(sorted, key, count, shift);
        other = key;
        key = sorted;
    }
#pragma omp parallel for
    for (size_t v = 0; v < count; v++)
        voxel_of(&mix, key[v], voxel[v]);
    free(key);
    free(other);
    return status;
}
