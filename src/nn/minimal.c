#include "nn/minimal.h"
#include <omp.h>
#include <string.h>
#include "nn/gemm.h"
#include "nn/parallel.h"
#include "nn/simd.h"

enum {
    SUMS = 3,               /* along a side, for two places */
    POINTS = SUMS * SUMS,
    MOST_ALONG = 5,         /* products along a side */
    MOST_PANELS = 4,        /* tiles of 128 places at a time */
    BLOCK = 4 * CHANNELS,   /* channels of a thread at a time, at most */
    GROUPS = 192,           /* of k at a time: (GROUPS, PANEL) stays in the first cache */
    STRIDE = GROUPS + LINE, /* floats: rows of weights fall into different sets of the cache */
};

/* One product along a side: the first pixel less the second, counted from the tile's place, times
 * the sum of the weights, is part of a sum. */
struct along {
    int sum;
    int pixels, pixel[2];
    int weights, weight[2];
};

/* Phases of the transposed convolution: even output places are x[-1] w3 + x[0] w1, odd ones x[0] w2
 * + x[1] w0. */
static const struct along up[2][MOST_ALONG] = {
    {{0, 2, {-1, 0}, 1, {3}}, {1, 1, {0}, 2, {3, 1}}, {2, 2, {1, 0}, 1, {1}}},
    {{0, 2, {0, 1}, 1, {2}}, {1, 1, {1}, 2, {2, 0}}, {2, 2, {2, 1}, 1, {0}}},
};
enum { UP_COUNT = 3 };

/* x[-1] w0 + x[0] w1 + x[1] w2, and the same two pixels on. */
static const struct along down[MOST_ALONG] = {
    {0, 2, {-1, 1}, 1, {0}}, {0, 1, {0}, 1, {1}}, {1, 1, {1}, 2, {0, 2}},
    {2, 2, {3, 1}, 1, {2}},  {2, 1, {2}, 1, {1}},
};
enum { DOWN_COUNT = 5 };

/* x[-1] w0 + x[0] w1 + x[1] w2, and the same one pixel on: two taps as above, the third by itself. */
static const struct along same[MOST_ALONG] = {
    {0, 2, {-1, 0}, 1, {0}}, {1, 1, {0}, 2, {0, 1}}, {2, 2, {1, 0}, 1, {1}},
    {0, 1, {1}, 1, {2}},     {2, 1, {2}, 1, {2}},
};
enum { SAME_COUNT = 5 };

/* A filter over all pictures, and what it works in. A tile is two by two places. */
struct filter {
    const struct gemm_set *set;
    const struct nn_weights *weights;
    const struct nn_after *after;
    const float *x;
    float *out;
    int height, width, kernel;
    int apart; /* pixels from tile to tile */
    const struct along *rows, *columns;
    int count; /* of rows, and of columns */
    int taps, tap[9]; /* of the weights, all that are used */
    int down, across, tiles; /* tiles of a picture; of all pictures */
    int step, first_y, first_x; /* place (y, x) is pixel (y * step + first_y, ...) of the output */
    int panels;                 /* at a time */
    int channels;               /* of a block */
    float *packed;              /* (panels, count * count, k, PANEL) */
    float *sums;                /* of each thread: (POINTS, panels, BLOCK, PANEL) */
    size_t thread_floats;
};

static int panels_at_once(int tiles)
{
    int all = pieces(tiles, PANEL);
    return pieces(all, pieces(all, MOST_PANELS));
}

/* Sums; a product's weights; sums of one place. */
static size_t thread_floats(int panels)
{
    return (size_t)POINTS * panels * BLOCK * PANEL + BLOCK * STRIDE + BLOCK * PANEL;
}

/* All threads get as many blocks, as even as the tiles' least step allows. */
static int block_channels(int n)
{
    enum { STEP = 4 };
    int blocks = pieces(pieces(n, BLOCK), nn_threads()) * nn_threads();
    int channels = pieces(pieces(n, blocks), STEP) * STEP;
    return channels < CHANNELS ? CHANNELS : channels;
}

bool minimal_applies(const struct nn_weights *weights, int oh, int ow)
{
    return weights->precision == NN_F32 && oh % 2 == 0 && ow % 2 == 0;
}

size_t minimal_scratch(const struct nn_weights *weights, int batch, int oh, int ow)
{
    int panels = panels_at_once(batch * (oh / 2) * (ow / 2));
    size_t packed = (size_t)panels * PANEL * weights->k * MOST_ALONG * MOST_ALONG;
    return LINE + packed + nn_threads() * thread_floats(panels);
}

/* ---- pixels ---- */

/* The pixels of a product under a tile; NULL: outside. A product is one of the rows' and one of the
 * columns'. */
static void find_pixels(const struct filter *f, const float *found[4], int tile, int product)
{
    const struct along *row = &f->rows[product / f->count];
    const struct along *column = &f->columns[product % f->count];
    int place = tile % (f->down * f->across);
    size_t picture = tile / (f->down * f->across);
    for (int i = 0; i < row->pixels; i++)
        for (int j = 0; j < column->pixels; j++) {
            int y = place / f->across * f->apart + row->pixel[i];
            int x = place % f->across * f->apart + column->pixel[j];
            bool inside = y >= 0 && y < f->height && x >= 0 && x < f->width;
            size_t pixel = (picture * f->height + y) * f->width + x;
            *found++ = inside ? f->x + pixel * f->weights->k : NULL;
        }
}

/* What one product needs of one panel of tiles. */
static void pack_product(const struct filter *f, int start, int panel, int product)
{
    static const float outside[CHUNK];
    int first = (start + panel) * PANEL, products = f->count * f->count, k = f->weights->k;
    float *to = f->packed + ((size_t)panel * products + product) * k * PANEL;
    const float *pixel[PANEL][4];
    int pixels = f->rows[product / f->count].pixels * f->columns[product % f->count].pixels;
    for (int t = 0; t < PANEL && first + t < f->tiles; t++)
        find_pixels(f, pixel[t], first + t, product);
    for (int g = 0; g < k; g += CHUNK) {
        int count = smaller(k - g, CHUNK);
        float sum[PANEL][CHUNK];
        const uint32_t *from[PANEL];
        for (int t = 0; t < PANEL; t++) {
            const float *x[4];
            from[t] = first + t < f->tiles ? (const uint32_t *)sum[t] : NULL;
            for (int i = 0; from[t] && i < pixels; i++)
                x[i] = pixel[t][i] ? pixel[t][i] + g : outside;
            if (from[t])
                f->set->gather(sum[t], x, pixels, true, count);
        }
        f->set->pack((uint32_t *)to, from, count);
        to += (size_t)count * PANEL;
    }
}

/* ---- sums ---- */

/* Some channels and groups of the weights. */
struct part {
    int channel, channels, group, groups;
};

static const char *weights_at(const struct filter *f, int channel, int group, int tap)
{
    const struct nn_weights *w = f->weights;
    return (const char *)w->data + channel * w->row_bytes + tap * w->tap_bytes + group * sizeof(float);
}

/* The weights of a product where they lie, or added up at `copy`. */
static const char *find_weights(const struct filter *f, float *copy, int product,
                                const struct part *at, size_t *stride)
{
    const struct along *row = &f->rows[product / f->count];
    const struct along *column = &f->columns[product % f->count];
    int taps = row->weights * column->weights;
    const char *from[4];
    for (int i = 0; i < taps; i++) {
        int ky = row->weight[i / column->weights], kx = column->weight[i % column->weights];
        from[i] = weights_at(f, at->channel, at->group, ky * f->kernel + kx);
    }
    *stride = f->weights->row_bytes;
    if (taps == 1 && !rows_collide(*stride))
        return from[0];
    for (int c = 0; c < at->channels; c++) {
        const float *tap[4];
        for (int i = 0; i < taps; i++)
            tap[i] = (const float *)(from[i] + c * f->weights->row_bytes);
        f->set->gather(copy + c * STRIDE, tap, taps, false, at->groups);
    }
    *stride = STRIDE * sizeof(float);
    return (const char *)copy;
}

/* With each product a share of the weights that are next: half of a tile's rows of one tap. */
static struct ahead look_ahead(const struct filter *f, int product, int row, const struct part *at)
{
    int tap = product / 2, first = at->channel + row + product % 2 * (CHANNELS / 2);
    int group = at->group + GROUPS;
    if (group >= f->weights->k) {
        group = 0;
        first += f->channels;
    }
    if (tap >= f->taps || first + CHANNELS / 2 > f->weights->n || group + GROUPS > f->weights->k)
        return (struct ahead){0};
    return (struct ahead){weights_at(f, first, group, f->tap[tap]), f->weights->row_bytes,
                          CHANNELS / 2};
}

/* One product of all panels into the sums of its point. */
static void multiply(const struct filter *f, float *sums, float *copy, int product, int start,
                     int panels, const struct part *at, bool add)
{
    int products = f->count * f->count, k = f->weights->k;
    size_t stride;
    const char *weights = find_weights(f, copy, product, at, &stride);
    for (int i = 0; i < panels; i++) {
        int lanes = f->tiles - (start + i) * PANEL <= HALF ? HALF : PANEL;
        const float *panel = f->packed + (((size_t)i * products + product) * k + at->group) * PANEL;
        for (int c = 0; c < at->channels; c += CHANNELS)
            f->set->f32(sums + ((size_t)i * BLOCK + c) * PANEL, weights + c * stride, stride,
                        (const uint32_t *)panel, lanes, smaller(at->channels - c, CHANNELS),
                        at->groups, add,
                        i == 0 ? look_ahead(f, product, c, at) : (struct ahead){0});
    }
}

/* Where place (y, x) of a tile goes; NULL past the last tile. */
static float *output_row(const struct filter *f, int tile, int y, int x)
{
    int place = tile % (f->down * f->across);
    size_t picture = tile / (f->down * f->across);
    size_t oy = (picture * f->down + place / f->across) * 2 + y;
    size_t ox = place % f->across * 2 + x;
    size_t pixel = (oy * f->step + f->first_y) * f->across * 2 * f->step + ox * f->step + f->first_x;
    return tile < f->tiles ? f->out + pixel * f->weights->n : NULL;
}

/* A place of all tiles of a panel: four sums make it. */
static void finish_place(const struct filter *f, float *y, const float *const sums[4], int tile,
                         int place, int channel, int channels)
{
    const struct nn_after *after = f->after;
    float *out[PANEL];
    const float *add[PANEL];
    for (int t = 0; t < PANEL; t++) {
        float *row = output_row(f, tile + t, place / 2, place % 2);
        out[t] = row ? row + channel : NULL;
        add[t] = row && after->add ? after->add + (out[t] - f->out) : NULL;
    }
    f->set->gather(y, sums, 4, false, channels * PANEL);
    f->set->add_bias(y, channels, after->bias ? after->bias + channel : NULL,
                     after->activation == NN_RELU);
    if (after->activation == NN_GELU)
        nn_simd()->gelu(y, (size_t)channels * PANEL);
    f->set->unpack(out, after->add ? add : NULL, y, channels);
}

static void finish(const struct filter *f, float *y, const float *sums, int start, int panel,
                   int panels, int channel, int channels)
{
    size_t point = (size_t)panels * BLOCK * PANEL;
    sums += (size_t)panel * BLOCK * PANEL;
    for (int place = 0; place < 4; place++) {
        const float *first = sums + (place / 2 * SUMS + place % 2) * point;
        const float *const four[4] = {first, first + point, first + SUMS * point,
                                      first + (SUMS + 1) * point};
        finish_place(f, y, four, (start + panel) * PANEL, place, channel, channels);
    }
}

/* All of k, all products, for the channels of one block and the panels that are packed. */
static void fill_block(const struct filter *f, int start, int panels, int block)
{
    float *sums = f->sums + omp_get_thread_num() * f->thread_floats;
    float *copy = sums + (size_t)POINTS * f->panels * BLOCK * PANEL, *y = copy + BLOCK * STRIDE;
    struct part at = {.channel = block * f->channels};
    at.channels = smaller(f->weights->n - at.channel, f->channels);
    for (at.group = 0; at.group < f->weights->k; at.group += GROUPS) {
        bool filled[POINTS] = {false};
        at.groups = smaller(f->weights->k - at.group, GROUPS);
        for (int product = 0; product < f->count * f->count; product++) {
            int point = f->rows[product / f->count].sum * SUMS + f->columns[product % f->count].sum;
            multiply(f, sums + (size_t)point * panels * BLOCK * PANEL, copy, product, start, panels,
                     &at, at.group > 0 || filled[point]);
            filled[point] = true;
        }
    }
    for (int i = 0; i < panels; i++)
        finish(f, y, sums, start, i, panels, at.channel, at.channels);
}

/* Each number is summed by one thread in the order of k: neither the threads nor the other pictures
 * show in the result. */
static void compute(const struct filter *f)
{
    int all = pieces(f->tiles, PANEL), blocks = pieces(f->weights->n, f->channels), products = f->count * f->count;
    size_t multiplications = (size_t)f->tiles * f->weights->n * f->weights->k * products;
    (void)multiplications; /* unused without OpenMP */
#pragma omp parallel num_threads(threads_for(multiplications / 16))
    for (int start = 0; start < all; start += f->panels) {
        int panels = smaller(all - start, f->panels);
#pragma omp for schedule(dynamic)
        for (int i = 0; i < panels * products; i++)
            pack_product(f, start, i / products, i % products);
#pragma omp for schedule(dynamic)
        for (int block = 0; block < blocks; block++)
            fill_block(f, start, panels, block);
    }
}

/* ---- the two shapes ---- */

static struct filter set_up(float *out, const float *x, const struct nn_weights *weights,
                            const struct nn_after *after, int batch, int oh, int ow, int products,
                            float *scratch)
{
    uintptr_t misplaced = (uintptr_t)scratch / sizeof(float) % LINE;
    int tiles = batch * (oh / 2) * (ow / 2), panels = panels_at_once(tiles);
    float *packed = scratch + (LINE - misplaced) % LINE;
    float *sums = packed + (size_t)panels * PANEL * weights->k * products;
    if (tiles % PANEL) /* lanes of no tile are not computed, and should not hold what slows a CPU down */
        memset(sums, 0, nn_threads() * thread_floats(panels) * sizeof(float));
    return (struct filter){
        .set = gemm_own_set(),
        .weights = weights,
        .after = after,
        .x = x,
        .out = out,
        .down = oh / 2,
        .across = ow / 2,
        .tiles = tiles,
        .panels = panels,
        .channels = block_channels(weights->n),
        .packed = packed,
        .sums = sums,
        .thread_floats = thread_floats(panels),
    };
}

void minimal_conv(float *out, const float *x, const struct nn_weights *weights,
                  const struct nn_after *after, int batch, int height, int width, int stride,
                  float *scratch)
{
    int oh = (height - 1) / stride + 1, ow = (width - 1) / stride + 1;
    int count = stride == 2 ? DOWN_COUNT : SAME_COUNT;
    struct filter f = set_up(out, x, weights, after, batch, oh, ow, count * count, scratch);
    f.height = height;
    f.width = width;
    f.kernel = 3;
    f.apart = 2 * stride;
    f.rows = f.columns = stride == 2 ? down : same;
    f.count = count;
    f.step = 1;
    for (f.taps = 0; f.taps < 9; f.taps++)
        f.tap[f.taps] = f.taps;
    compute(&f);
}

void minimal_conv_transpose(float *out, const float *x, const struct nn_weights *weights,
                            const struct nn_after *after, int batch, int height, int width,
                            float *scratch)
{
    struct filter f =
        set_up(out, x, weights, after, batch, height, width, UP_COUNT * UP_COUNT, scratch);
    f.height = height;
    f.width = width;
    f.kernel = 4;
    f.apart = 2;
    f.count = UP_COUNT;
    f.step = 2;
    for (int phase = 0; phase < 4; phase++) {
        f.rows = up[f.first_y = phase / 2];
        f.columns = up[f.first_x = phase % 2];
        f.taps = 4;
        for (int t = 0; t < 4; t++)
            f.tap[t] = f.rows[1].weight[t / 2] * 4 + f.columns[1].weight[t % 2];
        compute(&f);
    }
}
