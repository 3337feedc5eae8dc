/* Views of weights, and weights rounded to bfloat16 and int8. */
#include <math.h>
#include <string.h>
#include "nn/gemm.h"
#include "nn/nn.h"

enum { ALIGNMENT = 64 };

struct nn_weights nn_weights_linear(const float *weights, int n, int k)
{
    return (struct nn_weights){.precision = NN_F32,
                               .n = n,
                               .k = k,
                               .taps = 1,
                               .row_bytes = k * sizeof(float),
                               .data = weights};
}

struct nn_weights nn_weights_conv(const float *packed, int cout, int cin, int kernel)
{
    struct nn_weights w = nn_weights_linear(packed, cout, cin);
    w.taps = kernel * kernel;
    w.tap_bytes = w.row_bytes;
    w.row_bytes *= w.taps;
    return w;
}

struct nn_weights nn_weights_conv_transpose(const float *packed, int cin, int cout, int kernel)
{
    struct nn_weights w = nn_weights_linear(packed, cout, cin);
    w.taps = kernel * kernel;
    w.tap_bytes = cout * w.row_bytes;
    return w;
}

static size_t whole_lines(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* A row's tap in whole groups of four bytes. */
static size_t piece_bytes(const struct nn_weights *w, enum nn_precision precision)
{
    size_t bytes = (size_t)w->k * (precision == NN_INT8 ? 1 : 2);
    return (bytes + 3) / 4 * 4;
}

/* Without a kernel for the precision, rounded weights are kept in float32. */
static bool kept_wide(enum nn_precision precision)
{
    return !nn_is_native(precision);
}

static size_t wide_bytes(const struct nn_weights *w)
{
    return whole_lines((size_t)w->taps * w->n * w->k * sizeof(float));
}

size_t nn_weights_bytes(const struct nn_weights *w, enum nn_precision precision)
{
    if (precision == NN_F32)
        return 0;
    if (kept_wide(precision))
        return wide_bytes(w);
    size_t numbers = whole_lines((size_t)w->taps * w->n * piece_bytes(w, precision));
    size_t scales = whole_lines(w->n * sizeof(float));
    size_t totals = whole_lines((size_t)w->taps * w->n * sizeof(int32_t));
    return precision == NN_INT8 ? numbers + scales + totals : numbers;
}

static const float *piece(const struct nn_weights *w, int channel, int tap)
{
    return (const float *)((const char *)w->data + channel * w->row_bytes + tap * w->tap_bytes);
}

/* The largest of a channel becomes 127. */
static float channel_scale(const struct nn_weights *w, int channel)
{
    float largest = 0;
    for (int tap = 0; tap < w->taps; tap++) {
        const float *x = piece(w, channel, tap);
        for (int i = 0; i < w->k; i++)
            largest = fmaxf(largest, fabsf(x[i]));
    }
    return largest / 127;
}

static int32_t to_int8(int8_t *out, const float *x, float scale, int count)
{
    int32_t total = 0;
    float factor = scale > 0 ? 1 / scale : 0;
    for (int i = 0; i < count; i++) {
        out[i] = (int8_t)fminf(127, fmaxf(-127, rintf(x[i] * factor)));
        total += out[i];
    }
    return total;
}

/* ---- in float32 ---- */

static void widen(float *out, const void *numbers, float scale, int count, enum nn_precision precision)
{
    const struct gemm_set *set = gemm_own_set();
    if (precision == NN_BF16) {
        set->from_bf16(out, numbers, count);
        return;
    }
    set->from_int8(out, numbers, count);
    for (int i = 0; i < count; i++)
        out[i] *= scale;
}

/* Of weights that are float32 at `memory`, in the layout of `w`. */
static float *wide_piece(float *memory, const struct nn_weights *w, int channel, int tap)
{
    return (float *)((char *)memory + channel * w->row_bytes + tap * w->tap_bytes);
}

static void round_piece(float *out, const float *x, float scale, int count, enum nn_precision precision)
{
    union {
        uint16_t halves[CHUNK];
        int8_t bytes[CHUNK];
    } numbers;
    for (int i = 0; i < count; i += CHUNK) {
        int here = count - i < CHUNK ? count - i : CHUNK;
        if (precision == NN_BF16)
            gemm_own_set()->to_bf16(numbers.halves, x + i, here);
        else
            to_int8(numbers.bytes, x + i, scale, here);
        widen(out + i, &numbers, scale, here, precision);
    }
}

static struct nn_weights lower_wide(float *memory, const struct nn_weights *w,
                                    enum nn_precision precision)
{
    struct nn_weights wide = *w;
    wide.data = memory;
#pragma omp parallel for num_threads(nn_threads())
    for (int c = 0; c < w->n; c++) {
        float scale = precision == NN_INT8 ? channel_scale(w, c) : 1;
        for (int tap = 0; tap < w->taps; tap++)
            round_piece(wide_piece(memory, w, c, tap), piece(w, c, tap), scale, w->k, precision);
    }
    return wide;
}

static struct nn_weights stored_wide(float *memory, const char *numbers, const float *scale,
                                     const struct nn_weights *view, enum nn_precision precision)
{
    struct nn_weights wide = *view;
    size_t bytes = piece_bytes(view, precision);
    wide.data = memory;
#pragma omp parallel for num_threads(nn_threads())
    for (int c = 0; c < view->n; c++)
        for (int tap = 0; tap < view->taps; tap++)
            widen(wide_piece(memory, view, c, tap), numbers + ((size_t)c * view->taps + tap) * bytes,
                  precision == NN_INT8 ? scale[c] : 1, view->k, precision);
    return wide;
}

/* ---- as they are multiplied ---- */

/* Numbers of `lower`'s form; scale and total for int8, total may be NULL. */
static void fill(const struct nn_weights *lower, char *numbers, float *scale, int32_t *total,
                 const struct nn_weights *w)
{
#pragma omp parallel for num_threads(nn_threads())
    for (int c = 0; c < w->n; c++) {
        if (lower->precision == NN_INT8)
            scale[c] = channel_scale(w, c);
        for (int tap = 0; tap < w->taps; tap++) {
            char *to = numbers + c * lower->row_bytes + tap * lower->tap_bytes;
            memset(to + lower->tap_bytes - 4, 0, 4);
            if (lower->precision == NN_BF16) {
                gemm_own_set()->to_bf16((uint16_t *)to, piece(w, c, tap), w->k);
                continue;
            }
            int32_t sum = to_int8((int8_t *)to, piece(w, c, tap), scale[c], w->k);
            if (total)
                total[(size_t)tap * w->n + c] = sum;
        }
    }
}

struct nn_weights nn_weights_lower(void *memory, const struct nn_weights *w,
                                   enum nn_precision precision)
{
    if (precision == NN_F32)
        return *w;
    if (kept_wide(precision))
        return lower_wide(memory, w, precision);
    size_t bytes = piece_bytes(w, precision), row = bytes * w->taps;
    char *numbers = memory;
    float *scale = (float *)(numbers + whole_lines(row * w->n));
    int32_t *total = (int32_t *)((char *)scale + whole_lines(w->n * sizeof(float)));
    struct nn_weights lower = {.precision = precision,
                               .n = w->n,
                               .k = w->k,
                               .taps = w->taps,
                               .row_bytes = row,
                               .tap_bytes = bytes,
                               .data = numbers,
                               .scale = precision == NN_INT8 ? scale : NULL,
                               .total = precision == NN_INT8 ? total : NULL};
    fill(&lower, numbers, scale, total, w);
    return lower;
}

bool nn_weights_storable(int k, enum nn_precision precision)
{
    return k % (precision == NN_INT8 ? 4 : 2) == 0;
}

void nn_weights_numbers(void *numbers, float *scale, const struct nn_weights *w,
                        enum nn_precision precision)
{
    size_t bytes = piece_bytes(w, precision);
    struct nn_weights lower = {.precision = precision, .row_bytes = bytes * w->taps, .tap_bytes = bytes};
    fill(&lower, numbers, scale, NULL, w);
}

size_t nn_weights_stored_bytes(const struct nn_weights *view, enum nn_precision precision)
{
    if (kept_wide(precision))
        return wide_bytes(view);
    return precision == NN_INT8 ? (size_t)view->taps * view->n * sizeof(int32_t) : 0;
}

static void add_up(int32_t *total, const struct nn_weights *w)
{
#pragma omp parallel for num_threads(nn_threads())
    for (int c = 0; c < w->n; c++)
        for (int tap = 0; tap < w->taps; tap++) {
            const int8_t *x = (const int8_t *)piece(w, c, tap);
            int32_t sum = 0;
            for (int i = 0; i < w->k; i++)
                sum += x[i];
            total[(size_t)tap * w->n + c] = sum;
        }
}

struct nn_weights nn_weights_stored(void *memory, const void *numbers, const float *scale,
                                    const struct nn_weights *view, enum nn_precision precision)
{
    if (kept_wide(precision))
        return stored_wide(memory, numbers, scale, view, precision);
    struct nn_weights w = *view;
    w.precision = precision;
    w.data = numbers;
    w.tap_bytes = piece_bytes(view, precision);
    w.row_bytes = w.tap_bytes * w.taps;
    if (precision == NN_INT8) {
        w.scale = scale;
        w.total = memory;
        add_up(memory, &w);
    }
    return w;
}

bool nn_is_native(enum nn_precision precision)
{
    const struct gemm_set *set = gemm_own_set();
    return precision == NN_F32 || (precision == NN_BF16 ? set->bf16 : set->int8) != NULL;
}
