/* Attention in tiles: 32 queries are the lanes of a panel, and keys are the rows that meet it, so that
 * scores come out as (keys, queries): softmax goes down each lane, and what it leaves is the panel that
 * v, transposed, meets. Some rows of keys at a time, all of which stays in the first cache, with sums
 * that are scaled down when a larger score turns up: Milakov and Gimelshein, Online normalizer
 * calculation for softmax (2018); Dao et al., FlashAttention (2022). Powers are of two, whose
 * remainders are exact: queries and positions are multiplied by log2(e). */
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "nn/gemm.h"
#include "nn/window_attention.h"

#define LOG2_E 1.44269504f

enum {
    MOST_KEYS = 112 /* at a time, unless one row of the window has more */
};

/* What one thread works in. */
struct bench {
    const struct gemm_set *set;
    const struct window_sizes *s;
    int rows_once;  /* rows of keys at a time */
    int v_stride;   /* floats from channel to channel of v */
    float *k, *v;   /* (keys, d), one more for all of padding; the same turned, (d, v_stride) */
    float *q;       /* (d, PANEL) */
    float *dots;    /* (2 w - 1, PANEL): q . rel_pos */
    float *row_terms, *column_terms; /* (w, PANEL): of each row and column of keys */
    float *scores;  /* (rows_once * w + 1, PANEL) */
    float *padding; /* (w * w, PANEL): scores of padded keys */
    float *results; /* (d, PANEL) */
    float *most, *sum, *factor; /* (PANEL) */
};

/* Floats of a bench, in whole cache lines; fills it when scratch is there. */
static size_t set_up(struct bench *b, const struct window_sizes *s, float *scratch)
{
    size_t keys = (size_t)s->w * s->w, used = 0;
    int fitting = MOST_KEYS / s->w;
    *b = (struct bench){.set = gemm_own_set(), .s = s};
    b->rows_once = pieces(s->w, pieces(s->w, fitting < 1 ? 1 : fitting));
    /* An odd number of lines: channels fall into different sets of the cache. */
    b->v_stride = ((int)pieces(keys + 1, 2 * LINE) * 2 + 1) * LINE;
    struct {
        float **part;
        size_t floats;
    } parts[] = {
        {&b->k, (keys + 1) * s->d},
        {&b->v, (size_t)b->v_stride * s->d},
        {&b->q, (size_t)s->d * PANEL},
        {&b->dots, (size_t)(2 * s->w - 1) * PANEL},
        {&b->row_terms, (size_t)s->w * PANEL},
        {&b->column_terms, (size_t)s->w * PANEL},
        {&b->scores, ((size_t)b->rows_once * s->w + 1) * PANEL},
        {&b->padding, s->side % s->w ? keys * PANEL : 0},
        {&b->results, (size_t)s->d * PANEL},
        {&b->most, PANEL},
        {&b->sum, PANEL},
        {&b->factor, PANEL},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        *parts[i].part = scratch ? scratch + used : NULL;
        used += (parts[i].floats + LINE - 1) / LINE * LINE;
    }
    return used;
}

size_t window_tiles_scratch(const struct window_sizes *s)
{
    struct bench bench;
    return set_up(&bench, s, NULL);
}

/* ---- keys and values ---- */

/* Token i of the window, as all kinds of x have it; past the last one what stands for padding. */
static const float *token(const struct window_head *head, const struct window_sizes *s, const float *x,
                          const float *padded, int i)
{
    int columns = head->x1 - head->x0, y = head->y0 + i / columns;
    return y < head->y1 ? x + ((size_t)y * s->side + head->x0 + i % columns) * s->ld : padded;
}

/* Channels of up to PANEL rows, NULL past them, to (d, PANEL). */
static void pack(const struct bench *b, float *panel, const float *const rows[PANEL])
{
    for (int c = 0; c < b->s->d; c += CHUNK) {
        const uint32_t *from[PANEL];
        for (int t = 0; t < PANEL; t++)
            from[t] = rows[t] ? (const uint32_t *)(rows[t] + c) : NULL;
        b->set->pack((uint32_t *)(panel + (size_t)c * PANEL), from, smaller(b->s->d - c, CHUNK));
    }
}

static void gather_keys(const struct bench *b, const struct window_head *head, int keys)
{
    const struct window_sizes *s = b->s;
    int dim = s->heads * s->d, d = s->d;
    const float *k = head->qkv + dim, *v = k + dim;
    const float *k_padded = head->qkv_bias + dim, *v_padded = k_padded + dim;
    for (int i = 0; i < keys; i++)
        memcpy(b->k + (size_t)i * d, token(head, s, k, k_padded, i), d * sizeof(float));
    for (int first = 0; first < keys; first += PANEL) {
        int count = smaller(keys - first, PANEL);
        const float *rows[PANEL] = {NULL};
        for (int t = 0; t < count; t++)
            rows[t] = token(head, s, v, v_padded, first + t);
        pack(b, b->q, rows);
        for (int c = 0; c < d; c++)
            memcpy(b->v + (size_t)c * b->v_stride + first, b->q + c * PANEL, PANEL * sizeof(float));
    }
}

/* ---- positions ---- */

/* terms (w, PANEL) of the keys' places 0..w-1 = rel_pos[at - place + w - 1] . q, at the query's. */
static void find_terms(const struct bench *b, float *terms, const float *rel_pos, const int at[PANEL],
                       int lanes)
{
    int w = b->s->w, d = b->s->d, low = at[0], high = at[0];
    if (!rel_pos) {
        memset(terms, 0, (size_t)w * PANEL * sizeof(float));
        return;
    }
    for (int t = 1; t < lanes; t++) {
        low = smaller(low, at[t]);
        high = high < at[t] ? at[t] : high;
    }
    b->set->f32(b->dots, (const char *)(rel_pos + (size_t)low * d), d * sizeof(float),
                (const uint32_t *)b->q, lanes, high - low + w, d, false, (struct ahead){0});
    for (int i = 0; i < w; i++)
        for (int t = 0; t < lanes; t++)
            terms[i * PANEL + t] = LOG2_E * b->dots[(at[t] - low - i + w - 1) * PANEL + t];
}

/* ---- queries ---- */

/* Scores of all padded keys, whose product with the queries is `score`; most rises with them. */
static int add_padding(const struct bench *b, const struct window_head *head, const float *score,
                       int lanes)
{
    int w = b->s->w, rows = head->y1 - head->y0, columns = head->x1 - head->x0, count = 0;
    for (int i = 0; i < w; i++) {
        int first = i < rows ? columns : 0;
        float *to = b->padding + (size_t)count * PANEL;
        for (int j = first; j < w; j++, count++)
            memcpy(b->padding + (size_t)count * PANEL, score, PANEL * sizeof(float));
        b->set->add_terms(to, b->row_terms + i * PANEL, b->column_terms + first * PANEL, w - first,
                          b->most, lanes);
    }
    return count;
}

/* What was summed so far was summed against `before`; now it is against `most`. */
static void scale_down(const struct bench *b, const float before[PANEL], int lanes)
{
    float unused[PANEL] = {0};
    if (memcmp(before, b->most, lanes * sizeof(float)) == 0)
        return;
    memcpy(b->factor, before, PANEL * sizeof(float));
    b->set->exp2_sum(b->factor, 1, b->most, unused, lanes);
    b->set->scale_lanes(b->sum, 1, b->factor, lanes);
    b->set->scale_lanes(b->results, b->s->d, b->factor, lanes);
}

/* Keys of rows first..end of the window and, with the last of them, its padding. */
static void attend_rows(const struct bench *b, const struct window_head *head, int first, int end,
                        bool padded, int lanes)
{
    const struct gemm_set *set = b->set;
    int d = b->s->d, columns = head->x1 - head->x0, keys = (end - first) * columns, padding = 0;
    float before[PANEL], *padded_score = b->scores + (size_t)keys * PANEL;
    memcpy(before, b->most, sizeof(before));
    set->f32(b->scores, (const char *)(b->k + (size_t)first * columns * d), d * sizeof(float),
             (const uint32_t *)b->q, lanes, keys + padded, d, false, (struct ahead){0});
    for (int i = first; i < end; i++)
        set->add_terms(b->scores + (size_t)(i - first) * columns * PANEL, b->row_terms + i * PANEL,
                       b->column_terms, columns, b->most, lanes);
    if (padded)
        padding = add_padding(b, head, padded_score, lanes);
    if (first > 0)
        scale_down(b, before, lanes);
    set->exp2_sum(b->scores, keys, b->most, b->sum, lanes);
    if (padded) {
        memset(padded_score, 0, PANEL * sizeof(float));
        set->exp2_sum(b->padding, padding, b->most, padded_score, lanes);
        for (int t = 0; t < lanes; t++)
            b->sum[t] += padded_score[t];
    }
    set->f32(b->results, (const char *)(b->v + (size_t)first * columns), b->v_stride * sizeof(float),
             (const uint32_t *)b->scores, lanes, d, keys + padded, first > 0, (struct ahead){0});
}

/* Queries first.. of the window, PANEL of them at most; softmax's division comes last. */
static void attend_panel(const struct bench *b, const struct window_head *head, int first, int count)
{
    const struct window_sizes *s = b->s;
    int rows = head->y1 - head->y0, columns = head->x1 - head->x0, d = s->d;
    int lanes = count <= HALF ? HALF : PANEL, y[PANEL], x[PANEL];
    bool padding = rows < s->w || columns < s->w;
    const float *queries[PANEL] = {NULL};
    float *out[PANEL] = {NULL};
    for (int t = 0; t < PANEL; t++) {
        int query = first + (t < count ? t : 0);
        y[t] = query / columns;
        x[t] = query % columns;
        if (t < count) {
            queries[t] = token(head, s, head->qkv, NULL, query);
            out[t] = head->out + (queries[t] - head->qkv) / s->ld * s->heads * d;
        }
        b->most[t] = -INFINITY;
        b->sum[t] = 0;
        b->factor[t] = LOG2_E / sqrtf((float)d);
    }
    pack(b, b->q, queries);
    find_terms(b, b->row_terms, head->rel_pos_h, y, lanes);
    find_terms(b, b->column_terms, head->rel_pos_w, x, lanes);
    b->set->scale_lanes(b->q, d, b->factor, lanes);
    for (int row = 0; row < rows; row += b->rows_once) {
        int end = smaller(row + b->rows_once, rows);
        attend_rows(b, head, row, end, padding && end == rows, lanes);
    }
    for (int t = 0; t < lanes; t++)
        b->factor[t] = 1.0f / b->sum[t];
    b->set->scale_lanes(b->results, d, b->factor, lanes);
    b->set->unpack(out, NULL, b->results, d);
}

void window_tiles(const struct window_head *head, const struct window_sizes *s, float *scratch)
{
    struct bench bench;
    int rows = head->y1 - head->y0, columns = head->x1 - head->x0, queries = rows * columns;
    bool padding = rows < s->w || columns < s->w;
    set_up(&bench, s, scratch);
    gather_keys(&bench, head, queries + padding);
    for (int first = 0; first < queries; first += PANEL)
        attend_panel(&bench, head, first, smaller(queries - first, PANEL));
}
