#include "volume/nearest.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "volume/nearest_order.h"

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

static inline void to_mm(const struct nearest *tree, const int32_t voxel[3], double mm[3])
{
    const double (*a)[3] = tree->axes;
    mm[0] = a[0][0] * voxel[0] + a[0][1] * voxel[1] + a[0][2] * voxel[2];
    mm[1] = a[1][1] * voxel[1] + a[1][2] * voxel[2];
    mm[2] = a[2][2] * voxel[2];
}

static inline double larger(double a, double b)
{
    return a > b ? a : b;
}

static inline double smaller(double a, double b)
{
    return a < b ? a : b;
}

static struct nearest_box joined(const struct nearest_box *a, const struct nearest_box *b)
{
    struct nearest_box box;
    for (int x = 0; x < 3; x++) {
        box.low[x] = smaller(a->low[x], b->low[x]);
        box.high[x] = larger(a->high[x], b->high[x]);
    }
    return box;
}

static struct nearest_box box_around(const double (*mm)[3], size_t count)
{
    struct nearest_box box;
    memcpy(box.low, mm[0], sizeof box.low);
    memcpy(box.high, mm[0], sizeof box.high);
    for (size_t v = 1; v < count; v++)
        for (int x = 0; x < 3; x++) {
            box.low[x] = smaller(box.low[x], mm[v][x]);
            box.high[x] = larger(box.high[x], mm[v][x]);
        }
    return box;
}

/* ---- building ---- */

/* Boxes of a node and all below it; its voxels are in order, each half is in one part of space. */
static void build(struct nearest *tree, size_t node, size_t first, size_t count)
{
    size_t half = count / 2;
    if (count <= LEAF) {
        double mm[LEAF][3] = {{0}};
        for (size_t v = 0; v < count; v++)
            to_mm(tree, tree->voxel[first + v], mm[v]);
        tree->box[node] = box_around((const double (*)[3]) mm, count);
        return;
    }
    if (count > TASK) {
#pragma omp task
        build(tree, 2 * node + 1, first, half);
        build(tree, 2 * node + 2, first + half, count - half);
#pragma omp taskwait
    } else {
        build(tree, 2 * node + 1, first, half);
        build(tree, 2 * node + 2, first + half, count - half);
    }
    tree->box[node] = joined(&tree->box[2 * node + 1], &tree->box[2 * node + 2]);
}

enum sm_status nearest_build(struct nearest *tree, int32_t (*voxel)[3], size_t count,
                             const struct sm_grid *grid, struct sm_err *err)
{
    size_t nodes = 1;
    for (size_t largest = count; largest > LEAF; largest -= largest / 2)
        nodes = 2 * nodes + 1;
    *tree = (struct nearest){.voxel = voxel, .count = count};
    enum sm_status status = nearest_sort(voxel, count, grid, err);
    if (status)
        return status;
    tree->box = malloc(nodes * sizeof *tree->box);
    if (!tree->box)
        return sm_fail(err, SM_MEMORY, "out of memory: %zu bytes for the distances of %zu surface voxels",
                       nodes * sizeof *tree->box, count);
    turn_axes(tree->axes, grid);
#pragma omp parallel
#pragma omp single
    build(tree, 0, 0, count);
    return close_make(&tree->close, (const int32_t (*)[3]) voxel, count, grid, err);
}

void nearest_free(struct nearest *tree)
{
    close_free(&tree->close);
    free(tree->box);
    *tree = (struct nearest){0};
}

/* ---- searching ---- */

struct query {
    double mm[3];
    size_t nearest; /* so far */
    double square;  /* of its distance */
};

static inline double square_to(const struct nearest *tree, size_t v, const double mm[3])
{
    double at[3], square = 0;
    to_mm(tree, tree->voxel[v], at);
    for (int x = 0; x < 3; x++)
        square += (at[x] - mm[x]) * (at[x] - mm[x]);
    return square;
}

static inline double square_to_box(const struct nearest_box *box, const double mm[3])
{
    double square = 0;
    for (int x = 0; x < 3; x++) {
        double off = larger(larger(box->low[x] - mm[x], mm[x] - box->high[x]), 0);
        square += off * off;
    }
    return square;
}

static void search(const struct nearest *tree, struct query *query, size_t node, size_t first, size_t count)
{
    if (count <= LEAF) {
        for (size_t v = first; v < first + count; v++) {
            double square = square_to(tree, v, query->mm);
            if (square < query->square) {
                query->square = square;
                query->nearest = v;
            }
        }
        return;
    }
    size_t half = count / 2, left = 2 * node + 1, right = left + 1;
    double to_left = square_to_box(&tree->box[left], query->mm);
    double to_right = square_to_box(&tree->box[right], query->mm);
    if (to_left <= to_right && to_left < query->square)
        search(tree, query, left, first, half);
    if (to_right < query->square)
        search(tree, query, right, first + half, count - half);
    if (to_left > to_right && to_left < query->square)
        search(tree, query, left, first, half);
}

/* What is close needs no search. Neighbours have neighbours nearest to them: each search begins with what
 * the last one found. */
void nearest_distances(const struct nearest *from, const struct nearest *to, double *distance_mm)
{
#pragma omp parallel for schedule(dynamic)
    for (size_t block = 0; block < from->count; block += BLOCK) {
        struct query query = {.nearest = 0};
        for (size_t v = block; v < from->count && v < block + BLOCK; v++) {
            distance_mm[v] = close_distance(&to->close, from->voxel[v]);
            if (distance_mm[v] >= 0)
                continue;
            to_mm(from, from->voxel[v], query.mm);
            query.square = square_to(to, query.nearest, query.mm);
            search(to, &query, 0, 0, to->count);
            distance_mm[v] = sqrt(query.square);
        }
    }
}
