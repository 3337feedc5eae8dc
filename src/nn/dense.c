#include <assert.h>
#include <omp.h>
#include <string.h>
#include "nn/gemm.h"
#include "nn/minimal.h"
#include "nn/nn.h"
#include "nn/parallel.h"
#include "nn/simd.h"

enum {
    MOST_TAPS = 16,
    MOST_PANELS = 8,           /* packed together: 256 tokens meet each weight that is read */
    MOST_WORDS = 1 << 20,      /* packed together, unless one panel alone is more */
    MOST_GROUPS = 384,         /* of k at a time: (MOST_GROUPS, 256 tokens) stays in the second cache */
    BLOCK = 8 * CHANNELS,      /* channels whose sums are kept while k goes by */
    TILE_STRIDE = MOST_GROUPS + LINE /* words: rows of a copied tile fall into different sets */
};

/* A product of weights with rows that are gathered from pictures: output place (y, x) takes, for
 * each tap, the channels of input pixel (y * stride + dy, x * stride + dx), zeros outside. A linear
 * layer has one tap and pictures of one row. */
struct product {
    const struct nn_weights *weights;
    const float *x;
    int height, width; /* of the input */
    int batch, oh, ow, stride;
    int taps;
    struct tap {
        int dy, dx;
        int number; /* its place in the weights */
    } tap[MOST_TAPS];
    const struct nn_after *after;
    float *out;
    int step, first_y, first_x; /* place (y, x) is pixel (y * step + first_y, ...) of the output */
};

/* How a product is cut up, and what it works in. */
struct work {
    const struct product *product;
    const struct gemm_set *set;
    gemm_tile *tile;
    int rows, groups;            /* tokens in all; groups of one tap */
    int blocks, block_groups;    /* of one tap */
    bool alone;                  /* each thread packs panels of its own, one at a time */
    int panels;                  /* at a time */
    int channels;                /* of a block of sums */
    uint32_t *packed;            /* (panels, or threads where each is alone; taps * groups, PANEL) */
    float *factor;               /* (panels, PANEL): int8's scale of each token */
    int32_t *zero;               /* (panels, PANEL): where its zero is */
    float *sums, *tile_copy;     /* of each thread */
    size_t thread_floats;
};

static inline enum nn_precision precision_of(const struct work *work)
{
    return work->product->weights->precision;
}

static int per_group(const struct gemm_set *set, enum nn_precision precision)
{
    return precision == NN_INT8 ? set->int8_group : precision == NN_BF16 ? 2 : 1;
}

static int panels_at_once(int rows, int words)
{
    int all = pieces(rows, PANEL), most = MOST_WORDS / (PANEL * words);
    most = most > MOST_PANELS ? MOST_PANELS : most < 1 ? 1 : most;
    return pieces(all, pieces(all, most));
}

static size_t thread_floats(int panels)
{
    return (size_t)panels * BLOCK * PANEL + CHANNELS * TILE_STRIDE;
}

/* Weights that stay in the second cache, beside a panel that stays in the first: each thread takes
 * panels of its own, from packing to output. */
static bool goes_by_panels(int words, const struct nn_weights *weights)
{
    enum { MOST_WEIGHTS = 1 << 17, MOST_WORDS_ALONE = 192 };
    return words <= MOST_WORDS_ALONE && (size_t)words * weights->n <= MOST_WEIGHTS;
}

static size_t product_scratch(int rows, int taps, const struct nn_weights *weights)
{
    const struct gemm_set *set = gemm_own_set();
    int words = taps * pieces(weights->k, per_group(set, weights->precision));
    bool alone = goes_by_panels(words, weights);
    int panels = alone ? 1 : panels_at_once(rows, words), packed = alone ? nn_threads() : panels;
    return LINE + (size_t)packed * PANEL * (words + 2) + nn_threads() * thread_floats(panels);
}

static void set_up(struct work *work, const struct product *product, float *scratch)
{
    const struct gemm_set *set = gemm_own_set();
    enum nn_precision precision = product->weights->precision;
    int groups = pieces(product->weights->k, per_group(set, precision));
    int blocks = pieces(groups, MOST_GROUPS), words = product->taps * groups;
    int rows = product->batch * product->oh * product->ow;
    bool alone = goes_by_panels(words, product->weights);
    int panels = alone ? 1 : panels_at_once(rows, words), n = product->weights->n;
    int packed_panels = alone ? nn_threads() : panels;
    /* Some blocks for each thread, so that one that was held up does not hold up all. */
    int channels = alone ? BLOCK : pieces(pieces(n, 4 * nn_threads()), CHANNELS) * CHANNELS;
    uintptr_t misplaced = (uintptr_t)scratch / sizeof(float) % LINE;
    uint32_t *packed = (uint32_t *)(scratch + (LINE - misplaced) % LINE);
    float *factor = (float *)(packed + (size_t)packed_panels * PANEL * words);
    float *sums = factor + 2 * packed_panels * PANEL;
    *work = (struct work){
        .product = product,
        .set = set,
        .tile = precision == NN_INT8   ? set->int8
                : precision == NN_BF16 ? set->bf16
                                       : set->f32,
        .rows = rows,
        .groups = groups,
        .blocks = blocks,
        .block_groups = smaller(pieces(pieces(groups, blocks), LINE) * LINE, MOST_GROUPS),
        .alone = alone,
        .panels = panels,
        .channels = smaller(channels, BLOCK),
        .packed = packed,
        .factor = factor,
        .zero = (int32_t *)(factor + packed_panels * PANEL),
        .sums = sums,
        .tile_copy = sums + (size_t)panels * BLOCK * PANEL,
        .thread_floats = thread_floats(panels),
    };
}

/* ---- activations ---- */

/* The pixels of a tap under the tokens of a panel; NULL: outside, or no token. */
static void find_pixels(const float *row[PANEL], const struct product *p, int first, int rows,
                        const struct tap *tap)
{
    int places = p->oh * p->ow;
    for (int t = 0; t < PANEL; t++) {
        int token = first + t, place = token % places;
        int y = place / p->ow * p->stride + tap->dy, x = place % p->ow * p->stride + tap->dx;
        bool inside = token < rows && y >= 0 && y < p->height && x >= 0 && x < p->width;
        size_t picture = token / places;
        row[t] = inside ? p->x + ((picture * p->height + y) * p->width + x) * p->weights->k : NULL;
    }
}

/* int8: low..high of a token, always with zero in it, becomes 0..255. */
static void find_scales(const struct work *work, int first, float *factor, int32_t *zero)
{
    const struct product *p = work->product;
    float low[PANEL] = {0}, high[PANEL] = {0}, odd[PANEL] = {0};
    for (int tap = 0; tap < p->taps; tap++) {
        const float *row[PANEL];
        find_pixels(row, p, first, work->rows, &p->tap[tap]);
        for (int t = 0; t < PANEL; t++)
            if (row[t])
                odd[t] += work->set->range(low + t, high + t, row[t], p->weights->k);
    }
    for (int t = 0; t < PANEL; t++) {
        float width = high[t] - low[t];
        factor[t] = width / 255 + odd[t];
        zero[t] = width > 0 ? (int32_t)(-low[t] / width * 255 + 0.5f) : 0;
    }
}

/* Numbers of a token in 8 bits, as the tile wants them. */
static void quantise(const struct gemm_set *set, uint32_t *words, const float *x, float factor,
                     int32_t zero, int numbers)
{
    uint8_t bytes[2 * CHUNK];
    float inverse = factor > 0 ? 1 / factor : 0;
    if (set->int8_group == 2) {
        set->quantise(bytes, x, inverse, zero, numbers);
        set->widen_uint8((int16_t *)words, bytes, numbers);
    } else {
        set->quantise((uint8_t *)words, x, inverse, zero, numbers);
    }
}

/* A pixel outside counts as zero. */
static void fill_outside(const struct work *work, uint32_t *words, int32_t zero, int count)
{
    uint32_t word = precision_of(work) != NN_INT8 ? 0
                    : work->set->int8_group == 2  ? 0x10001u * (uint32_t)zero
                                                  : 0x1010101u * (uint32_t)zero;
    for (int i = 0; i < count; i++)
        words[i] = word;
}

/* Groups first..first+count of a tap, all tokens of a panel, as words of the tile's precision. */
static void convert(const struct work *work, uint32_t words[PANEL][CHUNK], const float *const *row,
                    int first, int count, const float *factor, const int32_t *zero)
{
    int per = per_group(work->set, precision_of(work)), k = work->product->weights->k;
    int numbers = smaller(count * per, k - first * per);
    for (int t = 0; t < PANEL; t++) {
        const float *x = row[t] ? row[t] + first * per : NULL;
        if (numbers < count * per)
            words[t][count - 1] = 0;
        if (!x)
            fill_outside(work, words[t], zero[t], count);
        else if (precision_of(work) == NN_BF16)
            work->set->to_bf16((uint16_t *)words[t], x, numbers);
        else
            quantise(work->set, words[t], x, factor[t], zero[t], numbers);
    }
}

static void pack_panel(const struct work *work, int start, int panel)
{
    const struct product *p = work->product;
    int first = (start + panel) * PANEL, per = per_group(work->set, precision_of(work));
    uint32_t *to = work->packed + (size_t)panel * p->taps * work->groups * PANEL;
    float *factor = work->factor + panel * PANEL;
    int32_t *zero = work->zero + panel * PANEL;
    if (precision_of(work) == NN_INT8)
        find_scales(work, first, factor, zero);
    for (int tap = 0; tap < p->taps; tap++) {
        const float *row[PANEL];
        find_pixels(row, p, first, work->rows, &p->tap[tap]);
        for (int g = 0; g < work->groups; g += CHUNK) {
            int count = smaller(work->groups - g, CHUNK);
            uint32_t words[PANEL][CHUNK];
            const uint32_t *from[PANEL];
            if (per > 1)
                convert(work, words, row, g, count, factor, zero);
            for (int t = 0; t < PANEL; t++)
                from[t] = per > 1 ? words[t] : row[t] ? (const uint32_t *)row[t] + g : NULL;
            work->set->pack(to, from, count);
            to += (size_t)count * PANEL;
        }
    }
}

/* ---- weights ---- */

/* Bytes of a row that a group takes in memory: four, or two of int8 that will be widened. */
static size_t word_bytes(const struct work *work)
{
    return precision_of(work) == NN_INT8 ? (size_t)work->set->int8_group : sizeof(float);
}

/* A tile's weights: rows from `channel` on, groups from `group` on of one tap. */
struct place {
    int channel, tap, group;
};

static const char *weights_at(const struct work *work, const struct place *at)
{
    const struct nn_weights *w = work->product->weights;
    return (const char *)w->data + at->channel * w->row_bytes +
           work->product->tap[at->tap].number * w->tap_bytes + at->group * word_bytes(work);
}

/* The next tile's rows on their way while this one, copied, is multiplied. */
static void fetch_rows(const char *rows, size_t stride, size_t bytes)
{
    for (int r = 0; r < CHANNELS; r++)
        for (size_t at = 0; at < bytes; at += LINE * sizeof(float))
            __builtin_prefetch(rows + r * stride + at, 0, 2);
}

/* The rows where they lie, or copied close together: widened, or out of each other's way. */
static const char *fetch_tile(const struct work *work, const struct place *at, int channels,
                              int groups, float *copy, size_t *stride)
{
    const struct nn_weights *w = work->product->weights;
    const char *rows = weights_at(work, at);
    *stride = w->row_bytes;
    bool pairs = precision_of(work) == NN_INT8 && work->set->int8_group == 2;
    if (!pairs && !(rows_collide(*stride) && work->panels > 2))
        return rows;
    for (int c = 0; c < channels; c++, rows += w->row_bytes) {
        float *to = copy + c * TILE_STRIDE;
        if (pairs)
            work->set->widen_int8((int16_t *)to, (const int8_t *)rows, 2 * groups);
        else
            memcpy(to, rows, groups * sizeof(float));
    }
    *stride = TILE_STRIDE * sizeof(float);
    return (const char *)copy;
}

/* ---- sums ---- */

/* One tile of weights times all panels. The next tile's rows are fetched meanwhile, some with each
 * panel. */
static void multiply(const struct work *work, float *sums, const struct place *at, int channels,
                     int groups, const char *next, int panels, float *copy)
{
    size_t stride, own_stride = work->product->weights->row_bytes;
    const char *rows = fetch_tile(work, at, channels, groups, copy, &stride);
    int words = work->product->taps * work->groups, share = pieces(CHANNELS, panels);
    const uint32_t *panel =
        work->packed + ((size_t)at->tap * work->groups + at->group) * PANEL;
    bool add = at->tap > 0 || at->group > 0, in_place = rows != (const char *)copy;
    if (!in_place && next)
        fetch_rows(next, own_stride, groups * word_bytes(work));
    for (int i = 0; i < panels; i++) {
        int row = i * share;
        int ahead_rows = in_place && next && row < CHANNELS ? smaller(share, CHANNELS - row) : 0;
        struct ahead ahead = {ahead_rows ? next + row * own_stride : NULL, own_stride, ahead_rows};
        work->tile(sums + (size_t)i * BLOCK * PANEL, rows, stride,
                   panel + (size_t)i * words * PANEL, PANEL, channels, groups, add, ahead);
    }
}

static float *output_row(const struct product *p, int token)
{
    int places = p->oh * p->ow, place = token % places;
    size_t y = (size_t)token / places * p->oh * p->step + place / p->ow * p->step + p->first_y;
    size_t x = place % p->ow * p->step + p->first_x;
    return p->out + (y * p->ow * p->step + x) * p->weights->n;
}

/* Sums of a panel, channels from `channel` on, become output. */
static void finish(const struct work *work, float *sums, int start, int panel, int channel,
                   int channels)
{
    const struct product *p = work->product;
    const struct nn_weights *w = p->weights;
    const struct nn_after *after = p->after;
    float *out[PANEL];
    const float *add[PANEL];
    for (int t = 0; t < PANEL; t++) {
        int token = (start + panel) * PANEL + t;
        out[t] = token < work->rows ? output_row(p, token) + channel : NULL;
        add[t] = out[t] && after->add ? after->add + (out[t] - p->out) : NULL;
    }
    if (precision_of(work) == NN_INT8) {
        int32_t total[BLOCK] = {0};
        for (int tap = 0; tap < p->taps; tap++)
            for (int c = 0; c < channels; c++)
                total[c] += w->total[(size_t)p->tap[tap].number * w->n + channel + c];
        work->set->from_int32(sums, channels, w->scale + channel, total,
                              work->factor + panel * PANEL, work->zero + panel * PANEL);
    }
    work->set->add_bias(sums, channels, after->bias ? after->bias + channel : NULL,
                        after->activation == NN_RELU);
    if (after->activation == NN_GELU)
        nn_simd()->gelu(sums, (size_t)channels * PANEL);
    work->set->unpack(out, after->add ? add : NULL, sums, channels);
}

/* Where the walk over k, then over blocks of channels, goes on after a tile. */
static const char *next_tile(const struct work *work, struct place at, int first, int end)
{
    at.channel += CHANNELS;
    if (at.channel >= end) {
        at.channel = first;
        at.group += work->block_groups;
    }
    if (at.group >= work->groups) {
        at.group = 0;
        at.tap++;
    }
    if (at.tap >= work->product->taps)
        at = (struct place){.channel = end};
    return at.channel + CHANNELS <= work->product->weights->n ? weights_at(work, &at) : NULL;
}

/* All of k for the channels of one block and the panels that are packed. */
static void fill_block(const struct work *work, int start, int panels, int block)
{
    float *sums = work->sums + omp_get_thread_num() * work->thread_floats;
    float *copy = work->tile_copy + omp_get_thread_num() * work->thread_floats;
    int first = block * work->channels;
    int end = smaller(first + work->channels, work->product->weights->n);
    struct place at;
    for (at.tap = 0; at.tap < work->product->taps; at.tap++)
        for (at.group = 0; at.group < work->groups; at.group += work->block_groups)
            for (at.channel = first; at.channel < end; at.channel += CHANNELS)
                multiply(work, sums + (size_t)(at.channel - first) * PANEL, &at,
                         smaller(end - at.channel, CHANNELS),
                         smaller(work->groups - at.group, work->block_groups),
                         next_tile(work, at, first, end), panels, copy);
    for (int i = 0; i < panels; i++)
        finish(work, sums + (size_t)i * BLOCK * PANEL, start, i, first, end - first);
}

static void compute_together(const struct work *work, int all, int blocks, int threads)
{
    (void)threads; /* unused without OpenMP */
#pragma omp parallel num_threads(threads)
    for (int start = 0; start < all; start += work->panels) {
        int panels = smaller(all - start, work->panels);
#pragma omp for schedule(dynamic)
        for (int panel = 0; panel < panels; panel++)
            pack_panel(work, start, panel);
#pragma omp for schedule(dynamic)
        for (int block = 0; block < blocks; block++)
            fill_block(work, start, panels, block);
    }
}

static void compute_alone(const struct work *work, int all, int blocks, int threads)
{
    (void)threads; /* unused without OpenMP */
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int panel = 0; panel < all; panel++) {
        struct work own = *work;
        size_t lanes = (size_t)omp_get_thread_num() * PANEL;
        own.packed += lanes * work->product->taps * work->groups;
        own.factor += lanes;
        own.zero += lanes;
        pack_panel(&own, panel, 0);
        for (int block = 0; block < blocks; block++)
            fill_block(&own, panel, 1, block);
    }
}

/* Each number is summed by one thread in the order of k: the threads do not show in the result. */
static void compute(const struct product *product, float *scratch)
{
    struct work work;
    set_up(&work, product, scratch);
    int all = pieces(work.rows, PANEL), blocks = pieces(product->weights->n, work.channels);
    size_t products = (size_t)work.rows * product->weights->n * product->taps * work.groups;
    (work.alone ? compute_alone : compute_together)(&work, all, blocks, threads_for(products / 16));
}

/* ---- the same by BLAS ---- */

static bool by_blas(const struct nn_weights *weights)
{
    return weights->precision == NN_F32 && !gemm_set();
}

static void add_after(float *out, const struct nn_after *after, int rows, int n)
{
    size_t count = (size_t)rows * n;
    if (after->bias && after->activation == NN_GELU)
        nn_bias_gelu(out, after->bias, rows, n);
    else if (after->activation == NN_GELU)
        nn_gelu(out, count);
    else if (after->activation == NN_RELU)
        nn_relu(out, count);
    if (after->add)
        nn_add(out, after->add, count);
}

/* ---- the three shapes ---- */

size_t nn_dense_scratch(int rows, const struct nn_weights *weights)
{
    return by_blas(weights) ? 0 : product_scratch(rows, 1, weights);
}

void nn_dense(float *out, const float *x, const struct nn_weights *weights,
              const struct nn_after *after, int rows, float *scratch)
{
    const float *bias = after->activation == NN_GELU ? NULL : after->bias;
    if (by_blas(weights) && after->add == out && after->activation == NN_NONE) {
        nn_linear_add(out, x, weights->data, bias, rows, weights->k, weights->n);
    } else if (by_blas(weights)) {
        nn_linear(out, x, weights->data, bias, rows, weights->k, weights->n);
        add_after(out, after, rows, weights->n);
    } else {
        struct product product = {
            .weights = weights,
            .x = x,
            .height = 1,
            .width = rows,
            .batch = 1,
            .oh = 1,
            .ow = rows,
            .stride = 1,
            .taps = 1,
            .after = after,
            .out = out,
            .step = 1,
        };
        compute(&product, scratch);
    }
}

static int conv_places(int size, int kernel, int stride, int padding)
{
    return (size + 2 * padding - kernel) / stride + 1;
}

static bool by_fewer(const struct nn_weights *weights, int oh, int ow, int kernel, int stride,
                     int padding)
{
    return kernel == 3 && stride <= 2 && padding == 1 && minimal_applies(weights, oh, ow);
}

size_t nn_dense_conv_scratch(const struct nn_weights *weights, int batch, int height, int width,
                             int kernel, int stride, int padding)
{
    int oh = conv_places(height, kernel, stride, padding);
    int ow = conv_places(width, kernel, stride, padding);
    if (by_blas(weights))
        return nn_conv_scratch(batch, height, width, weights->k, weights->n, kernel, stride,
                               padding);
    if (by_fewer(weights, oh, ow, kernel, stride, padding))
        return minimal_scratch(weights, batch, oh, ow);
    return product_scratch(batch * oh * ow, kernel * kernel, weights);
}

void nn_dense_conv(float *out, const float *x, const struct nn_weights *weights,
                   const struct nn_after *after, int batch, int height, int width, int kernel,
                   int stride, int padding, float *scratch)
{
    int oh = conv_places(height, kernel, stride, padding);
    int ow = conv_places(width, kernel, stride, padding);
    assert(kernel * kernel <= MOST_TAPS);
    if (by_blas(weights)) {
        nn_conv(out, x, weights->data, after->activation == NN_GELU ? NULL : after->bias, batch,
                height, width, weights->k, weights->n, kernel, stride, padding, scratch);
        add_after(out, after, batch * oh * ow, weights->n);
        return;
    }
    if (by_fewer(weights, oh, ow, kernel, stride, padding)) {
        minimal_conv(out, x, weights, after, batch, height, width, stride, scratch);
        return;
    }
    struct product product = {
        .weights = weights,
        .x = x,
        .height = height,
        .width = width,
        .batch = batch,
        .oh = oh,
        .ow = ow,
        .stride = stride,
        .taps = kernel * kernel,
        .after = after,
        .out = out,
        .step = 1,
    };
    for (int t = 0; t < product.taps; t++)
        product.tap[t] = (struct tap){t / kernel - padding, t % kernel - padding, t};
    compute(&product, scratch);
}

size_t nn_dense_conv_transpose_scratch(const struct nn_weights *weights, int batch, int height,
                                       int width, int kernel)
{
    if (by_blas(weights))
        return nn_conv_transpose_scratch(batch, height, width, weights->k, weights->n, kernel);
    if (kernel == 4 && minimal_applies(weights, height, width))
        return minimal_scratch(weights, batch, height, width);
    return product_scratch(batch * height * width, kernel * kernel / 4, weights);
}

/* Output pixel (2y + first_y, ...) = 2 i - padding + t: with t of one parity, a convolution of its
 * own with half as many taps a side. */
static void choose_phase(struct product *product, int kernel, int first_y, int first_x)
{
    int padding = kernel / 2 - 1;
    product->first_y = first_y;
    product->first_x = first_x;
    product->taps = 0;
    for (int ty = (first_y + padding) % 2; ty < kernel; ty += 2)
        for (int tx = (first_x + padding) % 2; tx < kernel; tx += 2)
            product->tap[product->taps++] = (struct tap){
                (first_y + padding - ty) / 2, (first_x + padding - tx) / 2, ty * kernel + tx};
}

void nn_dense_conv_transpose(float *out, const float *x, const struct nn_weights *weights,
                             const struct nn_after *after, int batch, int height, int width,
                             int kernel, float *scratch)
{
    assert(kernel * kernel / 4 <= MOST_TAPS);
    if (by_blas(weights)) {
        nn_conv_transpose(out, x, weights->data, after->activation == NN_GELU ? NULL : after->bias,
                          batch, height, width, weights->k, weights->n, kernel, scratch);
        add_after(out, after, batch * 4 * height * width, weights->n);
        return;
    }
    if (kernel == 4 && minimal_applies(weights, height, width)) {
        minimal_conv_transpose(out, x, weights, after, batch, height, width, scratch);
        return;
    }
    struct product product = {
        .weights = weights,
        .x = x,
        .height = height,
        .width = width,
        .batch = batch,
        .oh = height,
        .ow = width,
        .stride = 1,
        .after = after,
        .out = out,
        .step = 2,
    };
    for (int phase = 0; phase < 4; phase++) {
        choose_phase(&product, kernel, phase / 2, phase % 2);
        compute(&product, scratch);
    }
}
