/* nn/gemm_tile.h - included by gemm_sets.c once for each kind of tile, with
 *   TILE          the tile's name
 *   VECTOR        bytes of a vector
 *   ROWS          rows of weights whose sums fit the registers, two vectors each
 *   WORD          float, or int32_t for groups of two or four numbers
 *   SUM           float or int32_t
 *   MULTIPLY_ADD(sum, x, weight)   sum, x vectors, weight a vector or a WORD
 * No include guard: that is the point.
 *
 * Sums stay in registers over all groups; each step loads two vectors of tokens and broadcasts ROWS
 * weights. Unrolling is asked for, so that the arrays of sums become registers at -O2.
 */
#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define STEP 16 /* groups: 64 bytes of a row of weights, one cache line to fetch ahead */

typedef WORD JOIN(TILE, words) __attribute__((vector_size(VECTOR)));
typedef SUM JOIN(TILE, sums) __attribute__((vector_size(VECTOR)));

static inline __attribute__((always_inline)) void
JOIN(TILE, step)(JOIN(TILE, sums) sums[][2], const char *weights, size_t stride, const char *x,
                 const int rows, const int vectors)
{
    typedef JOIN(TILE, words) words;
    words x0 = *(const words *)x, x1 = vectors > 1 ? *(const words *)(x + VECTOR) : x0;
    _Pragma("GCC unroll 12") for (int r = 0; r < rows; r++)
    {
        WORD weight = *(const WORD *)(weights + r * stride);
        MULTIPLY_ADD(sums[r][0], x0, weight);
        if (vectors > 1)
            MULTIPLY_ADD(sums[r][1], x1, weight);
    }
}

static inline __attribute__((always_inline)) void
JOIN(TILE, block)(float *out, const char *weights, size_t stride, const char *x, int groups,
                  bool add, struct ahead ahead, const int rows, const int vectors)
{
    typedef JOIN(TILE, sums) vector;
    vector sums[ROWS][2];
    _Pragma("GCC unroll 12") for (int r = 0; r < rows; r++)
    {
        const char *before = (const char *)(out + PANEL * r);
        sums[r][0] = add ? *(const vector *)before : (vector){0};
        sums[r][1] = add && vectors > 1 ? *(const vector *)(before + VECTOR) : (vector){0};
    }
    for (; groups >= STEP; groups -= STEP) {
        for (int r = 0; r < ahead.rows; r++)
            __builtin_prefetch(ahead.weights + r * ahead.stride, 0, 2);
        ahead.weights += 4 * STEP;
        _Pragma("GCC unroll 4") for (int i = 0; i < STEP; i++)
            JOIN(TILE, step)(sums, weights + 4 * i, stride, x + 4 * PANEL * i, rows, vectors);
        weights += 4 * STEP;
        x += 4 * PANEL * STEP;
    }
    for (; groups > 0; groups--, weights += 4, x += 4 * PANEL)
        JOIN(TILE, step)(sums, weights, stride, x, rows, vectors);
    _Pragma("GCC unroll 12") for (int r = 0; r < rows; r++)
    {
        char *after = (char *)(out + PANEL * r);
        *(vector *)after = sums[r][0];
        if (vectors > 1)
            *(vector *)(after + VECTOR) = sums[r][1];
    }
}

/* `vectors` of lanes, all channels. */
static inline __attribute__((always_inline)) void
JOIN(TILE, strip)(float *sums, const char *weights, size_t stride, const char *x, int channels,
                  int groups, bool add, struct ahead ahead, const int vectors)
{
    enum { FEW = 4 };
    int c = 0;
    for (; c + ROWS <= channels; c += ROWS, ahead.rows = 0)
        JOIN(TILE, block)(sums + PANEL * c, weights + c * stride, stride, x, groups, add, ahead, ROWS,
                          vectors);
    for (; c + FEW <= channels; c += FEW, ahead.rows = 0)
        JOIN(TILE, block)(sums + PANEL * c, weights + c * stride, stride, x, groups, add, ahead, FEW,
                          vectors);
    for (; c < channels; c++)
        JOIN(TILE, block)(sums + PANEL * c, weights + c * stride, stride, x, groups, add, ahead, 1,
                          vectors);
}

static void TILE(float *sums, const char *weights, size_t stride, const uint32_t *panel, int lanes,
                 int channels, int groups, bool add, struct ahead ahead)
{
    enum { LANES = 2 * VECTOR / 4 };
    int lane = 0;
    for (; lane + LANES <= lanes; lane += LANES)
        JOIN(TILE, strip)(sums + lane, weights, stride, (const char *)(panel + lane), channels,
                          groups, add, ahead, 2);
    if ((int)LANES > (int)HALF && lane < lanes)
        JOIN(TILE, strip)(sums + lane, weights, stride, (const char *)(panel + lane), channels,
                          groups, add, ahead, 1);
}

#undef STEP
#undef TILE
#undef VECTOR
#undef ROWS
#undef WORD
#undef SUM
#undef MULTIPLY_ADD
#undef JOIN
#undef JOIN2
