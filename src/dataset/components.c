/* Two passes with a union-find forest: He, Chao, Suzuki 2008. */
#include <stdlib.h>
#include <string.h>
#include "dataset/components.h"

enum sm_status components_alloc(struct components *components, int width, int height, struct sm_err *err)
{
    size_t pixels = (size_t)width * (size_t)height;
    *components = (struct components){.width = width, .height = height, .id = malloc(pixels * sizeof *components->id),
                                      .parent = malloc((pixels + 1) * sizeof *components->parent)};
    if (components->id && components->parent)
        return SM_OK;
    components_free(components);
    return sm_fail(err, SM_MEMORY, "out of memory for components of %d x %d pixels", width, height);
}

void components_free(struct components *components)
{
    free(components->id);
    free(components->parent);
    free(components->list);
    *components = (struct components){0};
}

static uint32_t root_of(uint32_t *parent, uint32_t n)
{
    while (parent[n] != n)
        n = parent[n] = parent[parent[n]];
    return n;
}

/* The smaller number stays root, so roots keep the order of first pixels. */
static void unite(uint32_t *parent, uint32_t a, uint32_t b)
{
    a = root_of(parent, a);
    b = root_of(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

/* Numbers each pixel after a neighbour that came before it: left, and the three above. Returns the last number. */
static uint32_t first_pass(struct components *c, const uint16_t *labels)
{
    const int before[4][2] = {{-1, 0}, {-1, -1}, {0, -1}, {1, -1}};
    uint32_t last = 0;
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++) {
            size_t at = (size_t)y * (size_t)c->width + (size_t)x;
            c->id[at] = 0;
            for (int n = 0; labels[at] && n < 4; n++) {
                int nx = x + before[n][0], ny = y + before[n][1];
                if (nx < 0 || nx >= c->width || ny < 0)
                    continue;
                size_t there = (size_t)ny * (size_t)c->width + (size_t)nx;
                if (labels[there] != labels[at])
                    continue;
                if (c->id[at])
                    unite(c->parent, c->id[at], c->id[there]);
                else
                    c->id[at] = c->id[there];
            }
            if (labels[at] && !c->id[at]) {
                c->id[at] = ++last;
                c->parent[last] = last;
            }
        }
    return last;
}

/* parent[n] becomes the number of n's component. A parent is smaller than its child, so it is done before. */
static size_t flatten(uint32_t *parent, uint32_t last)
{
    uint32_t count = 0;
    for (uint32_t n = 1; n <= last; n++)
        parent[n] = parent[n] == n ? ++count : parent[parent[n]];
    return count;
}

static enum sm_status make_room(struct components *c, struct sm_err *err)
{
    if (c->count <= c->room)
        return SM_OK;
    struct component *grown = realloc(c->list, c->count * sizeof *grown);
    if (!grown)
        return sm_fail(err, SM_MEMORY, "out of memory for components");
    c->list = grown;
    c->room = c->count;
    return SM_OK;
}

enum sm_status components_find(struct components *c, const uint16_t *labels, struct sm_err *err)
{
    size_t pixels = (size_t)c->width * (size_t)c->height;
    c->count = flatten(c->parent, first_pass(c, labels));
    enum sm_status status = make_room(c, err);
    if (status)
        return status;
    if (c->count)
        memset(c->list, 0, c->count * sizeof *c->list);
    for (size_t at = 0; at < pixels; at++)
        if (c->id[at]) {
            struct component *component = &c->list[(c->id[at] = c->parent[c->id[at]]) - 1];
            component->value = labels[at];
            component->pixels++;
        }
    return SM_OK;
}
