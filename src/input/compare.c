/* Two label sets, object by object. */
#include <stdlib.h>
#include <string.h>
#include "input/compare_internal.h"
#include "sammed2d/dicom.h"

enum { VALUES = 65536 };

/* ---- reading ---- */

static enum sm_status read_again(struct sm_label_set *set, const char *path, const struct sm_volume *like,
                                 const struct sm_listener *listener, struct sm_err *err)
{
    sm_label_set_free(set);
    return sm_label_set_read(set, path, like, listener, err);
}

/* Do both say that they were made on one series? */
static bool of_one_series(const char *const path[2])
{
    struct sm_dicom_reference reference[2];
    for (int n = 0; n < 2; n++)
        if (sm_dicom_read_reference(&reference[n], path[n], NULL) || !*reference[n].series_uid)
            return false;
    return strcmp(reference[0].series_uid, reference[1].series_uid) == 0;
}

/* Segmentations on uneven planes come on the planes of either, where they can. */
static enum sm_status bring_together(struct sm_label_set *const set[2], const char *const path[2],
                                     const struct sm_listener *listener, struct sm_err *err)
{
    struct sm_volume like;
    double moved_mm;
    enum sm_status status = compare_unite(&like, &moved_mm, set[0], set[1], of_one_series(path), err);
    for (int n = 0; !status && like.grid.dim[2] && n < 2; n++) {
        status = read_again(set[n], path[n], &like, listener, err);
        set[n]->moved_mm = moved_mm;
    }
    sm_volume_free(&like);
    return status;
}

enum sm_status sm_compare_read(struct sm_label_set *a, struct sm_label_set *b, const char *path_a,
                               const char *path_b, const struct sm_listener *listener, struct sm_err *err)
{
    struct sm_label_set *const set[2] = {a, b};
    const char *const path[2] = {path_a, path_b};
    enum sm_status status[2];
    struct sm_err trouble[2];
    for (int n = 0; n < 2; n++)
        status[n] = sm_label_set_read(set[n], path[n], NULL, listener, &trouble[n]);
    bool own = !status[0] && !status[1];
    for (int n = 0; n < 2; n++)
        if (status[n] == SM_USAGE && !status[1 - n]) { /* a structure set has no grid */
            struct sm_volume like = {.grid = set[1 - n]->maps->grid, .slice_origin_lps = set[1 - n]->slice_origin_lps};
            status[n] = read_again(set[n], path[n], &like, listener, &trouble[n]);
        }
    int failed = status[0] ? 0 : 1;
    if (status[failed]) {
        if (err)
            *err = trouble[failed];
        return status[failed];
    }
    bool uneven = own && (a->slice_origin_lps || b->slice_origin_lps);
    return uneven && !compare_is_map(a) && !compare_is_map(b) ? bring_together(set, path, listener, err) : SM_OK;
}

/* ---- where each label is ---- */

struct extent {
    size_t voxels;
    int low[3], high[3]; /* inclusive */
};

static void extend(struct extent *extent, const int at[3])
{
    if (!extent->voxels++) {
        memcpy(extent->low, at, sizeof extent->low);
        memcpy(extent->high, at, sizeof extent->high);
    }
    for (int c = 0; c < 3; c++) {
        extent->low[c] = at[c] < extent->low[c] ? at[c] : extent->low[c];
        extent->high[c] = at[c] > extent->high[c] ? at[c] : extent->high[c];
    }
}

static void find_extents(struct extent by_value[VALUES], const struct sm_labels *map)
{
    const uint16_t *voxel = map->voxels;
    int at[3];
    memset(by_value, 0, VALUES * sizeof *by_value);
    for (at[2] = 0; at[2] < map->grid.dim[2]; at[2]++)
        for (at[1] = 0; at[1] < map->grid.dim[1]; at[1]++)
            for (at[0] = 0; at[0] < map->grid.dim[0]; at[0]++, voxel++)
                if (*voxel)
                    extend(&by_value[*voxel], at);
}

/* (count) extents of a set's labels. */
static enum sm_status list_extents(struct extent **extents, const struct sm_label_set *set, struct sm_err *err)
{
    struct extent *by_value = malloc(VALUES * sizeof *by_value);
    *extents = calloc(set->count + 1, sizeof **extents);
    bool good = by_value && *extents;
    for (size_t m = 0; good && m < set->map_count; m++) {
        find_extents(by_value, &set->maps[m]);
        for (size_t n = 0; n < set->count; n++)
            if (set->labels[n].map == &set->maps[m])
                (*extents)[n] = by_value[set->labels[n].value];
    }
    free(by_value);
    return good ? SM_OK : sm_fail(err, SM_MEMORY, "out of memory for labels");
}

/* ---- one object ---- */

struct side {
    const struct sm_label_set *set;
    struct sm_turn turn; /* from A's indices to those of the set's maps */
    struct extent *extents;
};

/* An extent in the set's own indices, in A's. */
static struct extent extent_in_a(const struct side *side, const struct sm_label *label)
{
    struct extent own = side->extents[label - side->set->labels], extent = {.voxels = own.voxels};
    const struct sm_turn *turn = &side->turn;
    for (int c = 0; c < 3; c++) {
        int along = turn->axis[c];
        int first = turn->step[c] * (own.low[along] - turn->offset[along]);
        int last = turn->step[c] * (own.high[along] - turn->offset[along]);
        extent.low[c] = first < last ? first : last;
        extent.high[c] = first < last ? last : first;
    }
    return extent;
}

static struct extent joined(struct extent a, const struct extent *b)
{
    if (!a.voxels || !b->voxels)
        return a.voxels ? a : *b;
    for (int c = 0; c < 3; c++) {
        a.low[c] = b->low[c] < a.low[c] ? b->low[c] : a.low[c];
        a.high[c] = b->high[c] > a.high[c] ? b->high[c] : a.high[c];
    }
    return a;
}

static void find_in_line(uint8_t *out, const uint16_t *from, ptrdiff_t step, int count, uint16_t value)
{
    if (step == 1) { /* as stored, which is the usual and can be quick */
#pragma omp simd
        for (int i = 0; i < count; i++)
            out[i] = from[i] == value;
        return;
    }
    for (int i = 0; i < count; i++)
        out[i] = from[i * step] == value;
}

/* 1 where the label is, in the box at `low` of A's indices; `own` is where the label is at all. */
static void cut_out(uint8_t *mask, const int dim[3], const int low[3], const struct side *side,
                    const struct sm_label *label, const struct extent *own)
{
    const struct sm_turn *turn = &side->turn;
    const int *size = label->map->grid.dim;
    const ptrdiff_t stride[3] = {1, size[0], (ptrdiff_t)size[0] * size[1]};
    ptrdiff_t step[3], origin = 0;
    for (int c = 0; c < 3; c++) {
        step[c] = turn->step[c] * stride[turn->axis[c]];
        origin += turn->offset[turn->axis[c]] * stride[turn->axis[c]];
    }
    int count = own->high[0] - own->low[0] + 1;
#pragma omp parallel for
    for (int k = own->low[2]; k <= own->high[2]; k++)
        for (int j = own->low[1]; j <= own->high[1]; j++) {
            const uint16_t *from = label->map->voxels + (origin + own->low[0] * step[0] + j * step[1] + k * step[2]);
            uint8_t *row = mask + ((size_t)(k - low[2]) * (size_t)dim[1] + (size_t)(j - low[1])) * (size_t)dim[0];
            find_in_line(row + (own->low[0] - low[0]), from, step[0], count, label->value);
        }
}

static enum sm_status compare_pair(struct sm_compared *compared, const struct label_pair *pair,
                                   const struct side sides[2], const struct sm_grid *grid,
                                   const struct sm_compare_options *options, struct sm_err *err)
{
    const struct sm_label *labels[2] = {pair->a, pair->b};
    struct extent own[2] = {{0}}, box;
    struct sm_grid part = *grid;
    uint8_t *mask[2] = {NULL};
    for (int n = 0; n < 2; n++)
        if (labels[n])
            own[n] = extent_in_a(&sides[n], labels[n]);
    box = joined(own[0], &own[1]);
    for (int c = 0; c < 3; c++)
        part.dim[c] = box.voxels ? box.high[c] - box.low[c] + 1 : 1;
    for (int n = 0; n < 2; n++) {
        mask[n] = calloc(sm_grid_voxels(&part), 1);
        if (mask[n] && own[n].voxels)
            cut_out(mask[n], part.dim, box.low, &sides[n], labels[n], &own[n]);
    }
    enum sm_status status = SM_OK;
    if (!mask[0] || !mask[1])
        status = sm_fail(err, SM_MEMORY, "out of memory for masks of %d x %d x %d voxels", part.dim[0],
                         part.dim[1], part.dim[2]);
    else
        compared->overlap = sm_overlap_masks(mask[0], mask[1], sm_grid_voxels(&part));
    if (!status && !options->overlap_only)
        status = sm_surface_masks(&compared->surface, mask[0], mask[1], &part, options->tolerance_mm, err);
    free(mask[0]);
    free(mask[1]);
    return status;
}

/* ---- all ---- */

static enum sm_status compare_all(struct sm_comparison *comparison, const struct label_pair *pairs,
                                  size_t count, const struct side sides[2],
                                  const struct sm_compare_options *options,
                                  const struct sm_listener *listener, struct sm_err *err)
{
    comparison->labels = calloc(count + 1, sizeof *comparison->labels);
    if (!comparison->labels)
        return sm_fail(err, SM_MEMORY, "out of memory for labels");
    for (size_t n = 0; n < count; n++) {
        struct sm_compared *compared = &comparison->labels[comparison->count++];
        const struct label_pair *pair = &pairs[n];
        compared->id_a = pair->a ? pair->a->id : 0;
        compared->id_b = pair->b ? pair->b->id : 0;
        compared->id = pair->id;
        compared->name = pair->a ? pair->a->name : pair->b ? pair->b->name : "";
        if (sm_cancelled(listener))
            return sm_fail(err, SM_INTERRUPTED, "interrupted while comparing labels");
        enum sm_status status = compare_pair(compared, pair, sides, &comparison->grid, options, err);
        if (status)
            return status;
        sm_progress(listener, "comparing labels", n + 1, count);
    }
    return SM_OK;
}

enum sm_status sm_compare(struct sm_comparison *comparison, const struct sm_label_set *a,
                          struct sm_label_set *b, const struct sm_compare_options *options,
                          const struct sm_listener *listener, struct sm_err *err)
{
    struct side sides[2] = {{a, {{0, 1, 2}, {1, 1, 1}, {0}, true}, NULL}, {.set = b}};
    struct label_pair *pairs = NULL;
    size_t count = 0;
    *comparison = (struct sm_comparison){0};
    if (a->slice_origin_lps && !options->overlap_only)
        sm_warn(listener, "the slices are not evenly spaced; distances take the usual step for all");
    enum sm_status status = compare_align(comparison, &sides[1].turn, a, b, options->resample, listener, err);
    for (int n = 0; !status && n < 2; n++)
        status = list_extents(&sides[n].extents, sides[n].set, err);
    if (!status)
        status = compare_match(&pairs, &count, a, b, options, listener, err);
    if (!status)
        status = compare_all(comparison, pairs, count, sides, options, listener, err);
    free(pairs);
    free(sides[0].extents);
    free(sides[1].extents);
    if (status)
        sm_comparison_free(comparison);
    return status;
}

void sm_comparison_free(struct sm_comparison *comparison)
{
    free(comparison->labels);
    *comparison = (struct sm_comparison){0};
}
