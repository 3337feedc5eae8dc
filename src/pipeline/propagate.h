/* pipeline/propagate.h - from one slice to the next: where the object is likely to be, and when it has
 * ended. Figures behind the choices: man/sammed2d-segment.1, tests/bench/measure_propagation.c.
 */
#ifndef PIPELINE_PROPAGATE_H
#define PIPELINE_PROPAGATE_H

#include <stdbool.h>
#include <stddef.h>

struct propagation {
    bool box;            /* the next slice is prompted with a box */
    bool mask;           /* ... with the mask */
    bool by_grey;        /* the box and mask follow pixels that look like the object */
    float growth;        /* how far a box may grow in a step, as a part of its side */
    int growth_px;       /* ... and at least so many pixels */
    float collapse;      /* ended when the area falls below this part of the slice before */
    float explosion;     /* ended when it grows beyond this multiple */
    float least_iou;     /* ended when the predicted IoU falls below this part of the first slice's */
    float separation;    /* grey is trusted when it tells this part of the pixels apart, 0.5..1 */
};
extern const struct propagation propagation_default;

/* What the object looks like on the slice where the user pointed at it. */
enum { GREY_BINS = 32 };
struct appearance {
    float low, high;             /* range of the bins */
    bool like_object[GREY_BINS]; /* a pixel of this grey is more likely inside than around */
    float separation;            /* how well that tells them apart: mean of both hit rates */
    float iou;                   /* predicted, of that slice */
};

/* Learns from values (height, width) and the mask inside (height, width). smooth: height*width floats. */
void appearance_learn(struct appearance *appearance, const float *values, const bool *inside,
                      int height, int width, float *smooth);

/* Pixels of the next slice that may be the object: of the right grey, in the box of `inside` grown,
 * connected with where it was. out (height, width); returns their number. stack: height*width ints. */
size_t appearance_follow(const struct appearance *appearance, const struct propagation *propagation,
                         const float *values, const bool *inside, int height, int width, bool *out,
                         float *smooth, int *stack);

/* Bounds x0, y0, x1, y1 (one past the last) of the true pixels; false when there are none. */
bool mask_box(const bool *inside, int height, int width, float box[4]);
#endif
