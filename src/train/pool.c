#include "train/pool.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VIEWS = 3 };

/* A case whose voxels may be in memory. */
struct cached {
    const struct sm_dataset *set;
    size_t index; /* in it */
    bool test;    /* the data say that it is for testing, and others are not */
    struct sm_volume image;
    struct sm_label_set objects;
    struct sm_window window; /* prepared for the image */
    size_t bytes, used;      /* used: when, by the pool's clock; bytes 0: not in memory */
};

struct slice {
    uint32_t case_index;
    uint16_t view;
    int number;
};

struct pool {
    struct pool_rule rule;
    const struct sm_listener *listener;
    struct cached *cases; /* of all data sets */
    size_t case_count, cases_used, unread;
    struct slice *slices;
    size_t count, room;
    size_t bytes, clock;
};

/* ---- voxels in memory ---- */

static void drop(struct pool *pool, struct cached *c)
{
    pool->bytes -= c->bytes;
    sm_volume_free(&c->image);
    sm_label_set_free(&c->objects);
    c->bytes = 0;
}

static void make_room(struct pool *pool, const struct cached *keep)
{
    while (pool->bytes > pool->rule.cache_bytes) {
        struct cached *oldest = NULL;
        for (size_t i = 0; i < pool->case_count; i++) {
            struct cached *c = &pool->cases[i];
            if (c->bytes && c != keep && (!oldest || c->used < oldest->used))
                oldest = c;
        }
        if (!oldest)
            return;
        drop(pool, oldest);
    }
}

static enum sm_status fetch(struct pool *pool, size_t index, struct cached **out, struct sm_err *err)
{
    struct cached *c = *out = &pool->cases[index];
    c->used = ++pool->clock;
    if (c->bytes)
        return SM_OK;
    enum sm_status status = sm_dataset_read(c->set, c->index, &c->image, &c->objects, pool->listener, err);
    if (status)
        return status;
    size_t voxels = sm_grid_voxels(&c->image.grid);
    c->bytes = voxels * (sm_voxel_type_bytes(c->image.type) * c->image.channels + 2 * c->objects.map_count);
    pool->bytes += c->bytes;
    make_room(pool, c);
    bool by_default = pool->rule.window.mode == SM_WINDOW_DEFAULT && !c->image.display_ready;
    c->window = by_default ? pool->rule.volumes : pool->rule.window;
    return sm_window_prepare(&c->window, &c->image, err);
}

/* ---- views ---- */

static int views_of(const struct pool *pool, const struct cached *c, struct sm_view views[MAX_VIEWS])
{
    bool flat = c->image.grid.dim[2] == 1;
    int count = pool->rule.all_planes && !flat ? MAX_VIEWS : 1;
    for (int i = 0; i < count; i++)
        sm_view_choose(&views[i], &c->image, count == 1 ? pool->rule.plane : (enum sm_plane)(SM_PLANE_AXIAL + i),
                       pool->rule.orient);
    return count;
}

/* out (height, width): where the label is; the number of its pixels. */
static size_t mask_of(uint8_t *out, const struct sm_label *label, const struct sm_view *view, int s)
{
    size_t origin, count = 0;
    ptrdiff_t column, row;
    sm_view_steps(view, &label->map->grid, s, &origin, &column, &row);
    for (int y = 0; y < view->dim[1]; y++)
        for (int x = 0; x < view->dim[0]; x++) {
            bool inside = label->map->voxels[origin + y * row + x * column] == label->value;
            if (out)
                out[(size_t)y * view->dim[0] + x] = inside;
            count += inside;
        }
    return count;
}

static bool large_enough(const struct pool *pool, const struct sm_label *label, const struct sm_view *view,
                         int s)
{
    double pixels = (double)view->dim[0] * view->dim[1];
    size_t count = mask_of(NULL, label, view, s);
    return count > 0 && (double)count >= pool->rule.smallest * pixels;
}

/* ---- what there is ---- */

static enum sm_status add_slice(struct pool *pool, struct slice slice, struct sm_err *err)
{
    if (pool->count == pool->room) {
        size_t room = pool->room ? 2 * pool->room : 1024;
        struct slice *grown = realloc(pool->slices, room * sizeof *grown);
        if (!grown)
            return sm_fail(err, SM_MEMORY, "out of memory for a list of %zu slices", room);
        pool->slices = grown;
        pool->room = room;
    }
    pool->slices[pool->count++] = slice;
    return SM_OK;
}

static enum sm_status look_at(struct pool *pool, size_t index, struct sm_err *err)
{
    struct cached *c;
    struct sm_view views[MAX_VIEWS];
    size_t before = pool->count;
    enum sm_status status = fetch(pool, index, &c, err);
    int count = status ? 0 : views_of(pool, c, views);
    for (int v = 0; v < count; v++)
        for (int s = 0; s < views[v].dim[2] && !status; s++) {
            bool any = false;
            for (size_t i = 0; i < c->objects.count && !any; i++)
                any = large_enough(pool, &c->objects.labels[i], &views[v], s);
            if (any)
                status = add_slice(pool, (struct slice){(uint32_t)index, (uint16_t)v, s}, err);
        }
    pool->cases_used += pool->count > before;
    return status;
}

/* A case that cannot be read is left out, with a warning. */
static enum sm_status try_to_look_at(struct pool *pool, size_t index, struct sm_err *err)
{
    struct sm_err why = {0};
    enum sm_status status = look_at(pool, index, &why);
    if (status == SM_MEMORY || status == SM_INTERRUPTED)
        return sm_fail(err, status, "%s", why.message);
    if (status)
        sm_warn(pool->listener, "%s: left out: %s",
                sm_dataset_case(pool->cases[index].set, pool->cases[index].index)->name, why.message);
    pool->unread += status != SM_OK;
    return SM_OK;
}

static enum sm_status nothing_left(const struct pool *pool, size_t looked_at, struct sm_err *err)
{
    char unread[64] = "";
    if (looked_at == 0)
        return sm_fail(err, SM_NOT_FOUND, "--hold-out %d leaves none of %zu cases to learn from", pool->rule.hold_out,
                       pool->case_count);
    if (pool->unread)
        snprintf(unread, sizeof unread, "; %zu of them cannot be read", pool->unread);
    return sm_fail(err, SM_NOT_FOUND, "no slice with an object of at least %.3g %% of its pixels in %zu cases%s%s",
                   100 * pool->rule.smallest, looked_at, pool->rule.side == SIDE_APART ? " held out" : "",
                   unread);
}

static bool is_wanted(const struct pool *pool, const struct cached *c)
{
    const struct pool_rule *rule = &pool->rule;
    bool held_out = rule->hold_out && sm_dataset_held_out(c->set, c->index, rule->hold_out);
    switch (rule->side) {
    case SIDE_LEARN: return !held_out && !c->test;
    case SIDE_APART: return rule->hold_out ? held_out : c->test;
    case SIDE_ALL: return true;
    }
    return true;
}

static enum sm_status look_at_all(struct pool *pool, struct sm_err *err)
{
    size_t count = pool->case_count, looked_at = 0;
    enum sm_status status = SM_OK;
    for (size_t i = 0; i < count && !status; i++) {
        sm_progress(pool->listener, "reading cases", i, count);
        if (sm_cancelled(pool->listener))
            return sm_fail(err, SM_INTERRUPTED, "interrupted while reading the data");
        if (!is_wanted(pool, &pool->cases[i]))
            continue;
        looked_at++;
        status = try_to_look_at(pool, i, err);
    }
    sm_progress(pool->listener, "reading cases", count, count);
    return status || pool->count > 0 ? status : nothing_left(pool, looked_at, err);
}

static bool says_test(const struct sm_dataset *set, size_t index)
{
    return strcmp(sm_dataset_case(set, index)->split, "test") == 0;
}

/* Cases of the split "test"; none where all are. */
static size_t count_tests(const struct sm_dataset *set)
{
    size_t count = 0;
    for (size_t i = 0; i < sm_dataset_cases(set); i++)
        count += says_test(set, i);
    return count < sm_dataset_cases(set) ? count : 0;
}

bool data_sets_have_tests(struct data_sets sets)
{
    for (size_t s = 0; s < sets.count; s++)
        if (count_tests(sets.list[s]))
            return true;
    return false;
}

static enum sm_status list_cases(struct pool *pool, struct data_sets sets, struct sm_err *err)
{
    size_t count = 0;
    for (size_t s = 0; s < sets.count; s++)
        count += sm_dataset_cases(sets.list[s]);
    pool->cases = calloc(count + 1, sizeof *pool->cases);
    if (!pool->cases)
        return sm_fail(err, SM_MEMORY, "out of memory for a list of %zu cases", count);
    for (size_t s = 0; s < sets.count; s++) {
        const struct sm_dataset *set = sets.list[s];
        bool tests = count_tests(set) > 0;
        for (size_t i = 0; i < sm_dataset_cases(set); i++)
            pool->cases[pool->case_count++] = (struct cached){.set = set, .index = i, .test = tests && says_test(set, i)};
    }
    return SM_OK;
}

enum sm_status pool_open(struct pool **pool, struct data_sets sets, const struct pool_rule *rule,
                         const struct sm_listener *listener, struct sm_err *err)
{
    struct pool *p = *pool = calloc(1, sizeof *p);
    if (!p)
        return sm_fail(err, SM_MEMORY, "out of memory");
    *p = (struct pool){.rule = *rule, .listener = listener};
    enum sm_status status = list_cases(p, sets, err);
    if (!status)
        status = look_at_all(p, err);
    if (status) {
        pool_close(p);
        *pool = NULL;
    }
    return status;
}

void pool_close(struct pool *pool)
{
    if (!pool)
        return;
    for (size_t i = 0; i < pool->case_count; i++)
        drop(pool, &pool->cases[i]);
    free(pool->cases);
    free(pool->slices);
    free(pool);
}

size_t pool_slices(const struct pool *pool)
{
    return pool->count;
}

size_t pool_cases(const struct pool *pool)
{
    return pool->cases_used;
}

/* FNV-1a. */
static uint64_t digest_text(uint64_t digest, const char *text)
{
    for (; *text; text++)
        digest = (digest ^ (unsigned char)*text) * 0x100000001B3;
    return digest;
}

uint64_t pool_digest(const struct pool *pool)
{
    char text[160];
    snprintf(text, sizeof text, "%d %.9g ", (int)pool->rule.orient, pool->rule.smallest);
    uint64_t digest = digest_text(0xCBF29CE484222325, text);
    sm_window_name(&pool->rule.window, text, sizeof text);
    digest = digest_text(digest, text);
    sm_window_name(&pool->rule.volumes, text, sizeof text);
    digest = digest_text(digest, text);
    for (size_t i = 0; i < pool->count; i++) {
        const struct slice *slice = &pool->slices[i];
        const struct cached *c = &pool->cases[slice->case_index];
        snprintf(text, sizeof text, " %d %d %d ", (int)pool->rule.plane, slice->view, slice->number);
        digest = digest_text(digest_text(digest, text), sm_dataset_case(c->set, c->index)->name);
    }
    return digest;
}

/* ---- one slice ---- */

/* Objects that are large enough, `wanted` of them drawn without return; their number. */
static int draw_objects(size_t *chosen, const struct pool *pool, const struct cached *c,
                        const struct sm_view *view, int s, int wanted, struct rng *rng)
{
    size_t count = 0;
    for (size_t i = 0; i < c->objects.count; i++)
        if (large_enough(pool, &c->objects.labels[i], view, s))
            chosen[count++] = i;
    for (size_t i = 0; i < count; i++) { /* shuffled */
        size_t j = i + rng_next(rng) % (count - i), kept = chosen[i];
        chosen[i] = chosen[j];
        chosen[j] = kept;
    }
    return count < (size_t)wanted ? (int)count : wanted;
}

static enum sm_status grey_slice(struct example *e, const struct cached *c, const struct sm_view *view, int s,
                                 struct sm_err *err)
{
    size_t values = (size_t)view->dim[0] * view->dim[1] * c->image.channels;
    float *slice = malloc(values * sizeof *slice);
    if (!slice)
        return sm_fail(err, SM_MEMORY, "out of memory");
    struct sm_window window = sm_window_at(&c->window, view, s);
    sm_view_slice(view, &c->image, s, slice);
    sm_window_apply(&window, slice, values, e->grey);
    free(slice);
    return SM_OK;
}

/* Volumes that do not fit into the cache are read again and again. */
static enum sm_status has_changed(const struct cached *c, struct sm_err *err)
{
    return sm_fail(err, SM_CORRUPT, "%s: is no longer what it was when training began",
                   sm_dataset_case(c->set, c->index)->image);
}

enum sm_status pool_draw(struct example *example, struct pool *pool, size_t index, int objects,
                         struct rng *rng, struct sm_err *err)
{
    const struct slice *slice = &pool->slices[index];
    struct sm_view views[MAX_VIEWS];
    struct cached *c;
    enum sm_status status = fetch(pool, slice->case_index, &c, err);
    if (status)
        return status;
    if (slice->view >= views_of(pool, c, views) || slice->number >= views[slice->view].dim[2])
        return has_changed(c, err);
    const struct sm_view *view = &views[slice->view];
    size_t *chosen = malloc((c->objects.count + 1) * sizeof *chosen);
    if (!chosen)
        return sm_fail(err, SM_MEMORY, "out of memory");
    int count = draw_objects(chosen, pool, c, view, slice->number, objects, rng);
    status = count > 0 ? example_reserve(example, view->dim[1], view->dim[0], c->image.channels, count, err)
                       : has_changed(c, err);
    if (!status)
        status = grey_slice(example, c, view, slice->number, err);
    for (int i = 0; i < count && !status; i++)
        mask_of(example_mask(example, i), &c->objects.labels[chosen[i]], view, slice->number);
    free(chosen);
    return status;
}
