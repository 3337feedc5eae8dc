/* nn/window_attention.h - one head of one window, for window_attention.c and window_tiles.c. */
#ifndef NN_WINDOW_ATTENTION_H
#define NN_WINDOW_ATTENTION_H

#include <stddef.h>

struct window_sizes {
    int side, heads, d;
    int w;      /* side of a window */
    int across; /* windows along a side of the picture, the last perhaps partly padding */
    int ld;     /* of qkv: 3 * heads * d */
};

/* Tokens of rows y0..y1 and columns x0..x1 of a picture are real. */
struct window_head {
    int y0, y1, x0, x1;
    const float *qkv;      /* the head's part of the picture's first token: q, k and v heads * d apart */
    const float *qkv_bias; /* the same of what stands for a padded token */
    const float *rel_pos_h, *rel_pos_w; /* (2 * w - 1, d) or NULL */
    float *out;            /* the head's part of the picture's first token */
};

/* window_tiles.c: by the kernels of gemm.h. Floats of scratch for a thread. */
size_t window_tiles_scratch(const struct window_sizes *s);
void window_tiles(const struct window_head *head, const struct window_sizes *s, float *scratch);
#endif
