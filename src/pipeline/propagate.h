/* pipeline/propagate.h - from one slice to the next: where the object is likely to be, and when it has
 * ended. Figures behind the choices: PROPAGATION.md.
 */
#ifndef PIPELINE_PROPAGATE_H
#define PIPELINE_PROPAGATE_H

#include <stdbool.h>
#include <stddef.h>

struct propagation {
    bool box;         /* the next slice is prompted with a box */
    bool mask;        /* ... with the mask */
    bool by_grey;     /* box and mask follow pixels that look like the object */
    float growth;     /* how far a box may grow in a step, as a part of its side */
    int growth_px;    /* ... and at least so many pixels */
    float widest;     /* no side of a box beyond this multiple of the first slice's, and a pixel */
    float collapse;   /* ended when the area falls below this part of the slice before */
    float burst;      /* ended when it is beyond this multiple of the slice before */
    float explosion;  /* ended when it is beyond this multiple of the first slice's */
    float overlap;    /* ended when less than this part of the smaller of two neighbours is common */
    float likeness;   /* ended when the part that looks like the object falls below this part of the
                         first slice's */
    float contrast;   /* ended when its lead over the surroundings in that falls below this part */
    float least_iou;  /* ended when the predicted IoU falls below this part of the first slice's */
    float separation; /* grey is trusted when it tells this part of the pixels apart, 0.5..1 */
    float tolerance;  /* robust standard deviations within which a grey looks like the object */
};
extern const struct propagation propagation_default;

/* Why an object goes no further. */
enum end { GOES_ON, END_EMPTY, END_GREY, END_SHRUNK, END_BURST, END_GREW, END_IOU, END_APART, END_UNLIKE,
           END_CONTRAST, END_GAP, END_ASIDE, END_VOLUME };

/* What the object looks like on the slice where the user pointed at it. */
enum { GREY_BINS = 64 };
struct appearance {
    float low, high;             /* range of the bins */
    bool like_object[GREY_BINS]; /* a pixel of this grey looks like the object */
    float separation;            /* how well that tells inside from around: mean of both hit rates */
    float likeness[2];           /* part of the pixels around and inside that look like the object */
    float iou;                   /* predicted */
    float side[2];               /* of its box, x and y, pixels */
    size_t area;                 /* pixels */
};

/* Learns from values (height, width) and the mask inside (height, width). smooth: height*width floats. */
void appearance_learn(struct appearance *appearance, const struct propagation *propagation,
                      const float *values, const bool *inside, int height, int width, float *smooth);

/* Pixels of the next slice that may be the object: of the right grey, in the box of `inside` grown,
 * connected with where it was. out (height, width); returns their number. stack: height*width ints. */
size_t appearance_follow(const struct appearance *appearance, const struct propagation *propagation,
                         const float *values, const bool *inside, int height, int width, bool *out,
                         float *smooth, int *stack);

/* The parts of the pixels around [0] and inside [1] that look like the object. */
void appearance_likeness(const struct appearance *appearance, const float *values, const bool *inside,
                         int height, int width, float *smooth, float likeness[2]);

/* Holds the box that the next slice is asked with within propagation->widest of the first slice's, about
 * the middle of the box before. Not rounded: a mirror image gets its mirror image. */
void appearance_limit_box(const struct appearance *appearance, const struct propagation *propagation,
                          const float before[4], float box[4]);

/* Bounds x0, y0, x1, y1 (one past the last) of the true pixels; false when there are none. */
bool mask_box(const bool *inside, int height, int width, float box[4]);
#endif
