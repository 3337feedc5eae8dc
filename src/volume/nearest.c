#include "volume/nearest.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAF = 8, TASK = 1 << 14, BLOCK = 1 << 10 };

/* The affine's columns in a frame turned so that they make an upper triangle (Gram-Schmidt): distances stay
 * what they are, and axes at right angles become a diagonal. */
static void turn_axes(double axes[3][3], const struct sm_grid *grid)
{
    double unit[3][3];
    memset(axes, 0, 9 * sizeof(double));
    for (int c = 0; c < 3; c++) {
        double rest[3];
        for (int x = 0; x < 3; x++)
            rest[x] = grid->affine_lps[x][c];
        for (int r = 0; r < c; r++) {
            for (int x = 0; x < 3; x++)
                axes[r][c] += unit[r][x] * grid->affine_lps[x][c];
            for (int x = 0; x < 3; x++)
                rest[x] -= axes[r][c] * unit[r][x];
        }
        axes[c][c] = sqrt(rest[0] * rest[0] + rest[1] * rest[1] + rest[2] * rest[2]);
        for (int x = 0; x < 3; x++)
            unit[c][x] = rest[x] / axes[c][c];
    }
}

static inline double place(const struct nearest *tree, const int32_t voxel[3], int row)
{
    double sum = 0;
    for (int c = row; c < 3; c++)
        sum += tree->axes[row][c] * voxel[c];
    return sum;
}

/* ---- building ---- */

static inline void swap(int32_t a[3], int32_t b[3])
{
    int32_t kept[3];
    memcpy(kept, a, sizeof kept);
    memcpy(a, b, sizeof kept);
    memcpy(b, kept, sizeof kept);
}

/* Puts the voxel of rank `rank` along an axis in its place, none after it lower, none before it higher. */
static void select_rank(const struct nearest *tree, int32_t (*voxel)[3], size_t count, size_t rank, int axis)
{
    ptrdiff_t low = 0, high = (ptrdiff_t) count - 1, wanted = (ptrdiff_t) rank;
    while (low < high) {
        double pivot = place(tree, voxel[low + (high - low) / 2], axis);
        ptrdiff_t up = low, down = high;
        while (up <= down) {
            while (place(tree, voxel[up], axis) < pivot)
                up++;
            while (place(tree, voxel[down], axis) > pivot)
                down--;
            if (up <= down)
                swap(voxel[up++], voxel[down--]);
        }
        if (wanted <= down)
            high = down;
        else if (wanted >= up)
            low = up;
        else
            return;
    }
}

static struct nearest_box box_around(const struct nearest *tree, size_t first, size_t count)
{
    struct nearest_box box;
    for (int row = 0; row < 3; row++)
        box.low[row] = box.high[row] = place(tree, tree->voxel[first], row);
    for (size_t v = first + 1; v < first + count; v++)
        for (int row = 0; row < 3; row++) {
            double at = place(tree, tree->voxel[v], row);
            box.low[row] = fmin(box.low[row], at);
            box.high[row] = fmax(box.high[row], at);
        }
    return box;
}

static void build(struct nearest *tree, size_t node, size_t first, size_t count)
{
    struct nearest_box box = box_around(tree, first, count);
    size_t half = count / 2;
    int longest = 0;
    tree->box[node] = box;
    if (count <= LEAF)
        return;
    for (int row = 1; row < 3; row++)
        if (box.high[row] - box.low[row] > box.high[longest] - box.low[longest])
            longest = row;
    select_rank(tree, tree->voxel + first, count, half, longest);
    if (count > TASK) {
#pragma omp task
        build(tree, 2 * node + 1, first, half);
        build(tree, 2 * node + 2, first + half, count - half);
#pragma omp taskwait
    } else {
        build(tree, 2 * node + 1, first, half);
        build(tree, 2 * node + 2, first + half, count - half);
    }
}

enum sm_status nearest_build(struct nearest *tree, int32_t (*voxel)[3], size_t count,
                             const struct sm_grid *grid, struct sm_err *err)
{
    size_t nodes = 1;
    for (size_t largest = count; largest > LEAF; largest -= largest / 2)
        nodes = 2 * nodes + 1;
    *tree = (struct nearest){.voxel = voxel, .count = count, .box = malloc(nodes * sizeof *tree->box)};
    if (!tree->box)
        return sm_fail(err, SM_MEMORY, "out of memory: %zu bytes for the distances of %zu surface voxels",
                       nodes * sizeof *tree->box, count);
    turn_axes(tree->axes, grid);
#pragma omp parallel
#pragma omp single
    build(tree, 0, 0, count);
    return SM_OK;
}

void nearest_free(struct nearest *tree)
{
    free(tree->box);
    *tree = (struct nearest){0};
}

/* ---- searching ---- */

struct query {
    const int32_t *voxel;
    double at[3];   /* the same in mm */
    size_t nearest; /* so far */
    double square;  /* of its distance */
};

static inline double square_between(const struct nearest *tree, const int32_t a[3], const int32_t b[3])
{
    const int32_t off[3] = {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
    double square = 0;
    for (int row = 0; row < 3; row++) {
        double part = place(tree, off, row);
        square += part * part;
    }
    return square;
}

static inline double square_to_box(const struct nearest_box *box, const double at[3])
{
    double square = 0;
    for (int row = 0; row < 3; row++) {
        double below = box->low[row] - at[row], above = at[row] - box->high[row];
        double off = below > above ? below : above;
        off = off > 0 ? off : 0;
        square += off * off;
    }
    return square;
}

static void search(const struct nearest *tree, struct query *query, size_t node, size_t first, size_t count)
{
    if (count <= LEAF) {
        for (size_t v = first; v < first + count; v++) {
            double square = square_between(tree, query->voxel, tree->voxel[v]);
            if (square < query->square) {
                query->square = square;
                query->nearest = v;
            }
        }
        return;
    }
    size_t half = count / 2, left = 2 * node + 1, right = left + 1;
    double to_left = square_to_box(&tree->box[left], query->at);
    double to_right = square_to_box(&tree->box[right], query->at);
    if (to_left <= to_right && to_left < query->square)
        search(tree, query, left, first, half);
    if (to_right < query->square)
        search(tree, query, right, first + half, count - half);
    if (to_left > to_right && to_left < query->square)
        search(tree, query, left, first, half);
}

/* Neighbours have neighbours nearest to them: each search begins with what the last one found. */
void nearest_distances(const struct nearest *tree, const int32_t (*voxel)[3], size_t count,
                       double *distance_mm)
{
#pragma omp parallel for schedule(dynamic)
    for (size_t block = 0; block < count; block += BLOCK) {
        struct query query = {.nearest = 0};
        for (size_t v = block; v < count && v < block + BLOCK; v++) {
            query.voxel = voxel[v];
            for (int row = 0; row < 3; row++)
                query.at[row] = place(tree, voxel[v], row);
            query.square = square_between(tree, voxel[v], tree->voxel[query.nearest]);
            search(tree, &query, 0, 0, tree->count);
            distance_mm[v] = sqrt(query.square);
        }
    }
}
