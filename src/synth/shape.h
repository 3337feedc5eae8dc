/* synth/shape.h - outlines in the plane of a scene: smooth closed curves, and tubes along a path.
 */
#ifndef SYNTH_SHAPE_H
#define SYNTH_SHAPE_H

#include "synth/random.h"

static const float turn = 6.2831853f; /* a whole one, radians */

enum { SHAPE_HARMONICS = 6, SHAPE_KNOTS = 9 };

struct shape {
    float x, y;       /* centre, scene units */
    float reach;      /* nothing of it is farther from the centre */
    /* Closed curve, star-shaped about the centre: in the frame turned by (cosine, sine) and scaled by the
     * half axes a and b, inside where radius < 1 + sum of amplitude[k] cos((k + 1) angle - phase). */
    float a, b, cosine, sine;
    float even[SHAPE_HARMONICS], odd[SHAPE_HARMONICS]; /* amplitudes of cosines and sines */
    float swing;      /* their sum: the curve stays within 1 - swing and 1 + swing */
    float hollow;     /* inner part left out, as a fraction of the radius; 0: none */
    bool cut;         /* only the side of a straight line: u cut_u + v cut_v < cut_at; of a tube too */
    float cut_u, cut_v, cut_at;
    /* Tube: knots > 0. Inside within the radius of the path, both relative to the centre. */
    int knots;
    float path[SHAPE_KNOTS][2], radius[SHAPE_KNOTS];
};

/* A curve with half axes a and b, turned by angle; wobble 0 makes an ellipse, 0.3 an amoeba. */
struct shape shape_blob(float x, float y, float a, float b, float angle, float wobble, struct rng *rng);
/* A tube from (x, y) in direction angle, that bends by up to `bend` radians a step. */
struct shape shape_tube(float x, float y, float angle, float length, float radius, float bend, struct rng *rng);
/* The same curve, its half axes grown by `by` scene units (shrunk when negative). */
struct shape shape_grown(const struct shape *shape, float by);
/* Cut by a line through about its middle. */
void shape_cut(struct shape *shape, struct rng *rng);
bool shape_has(const struct shape *shape, float x, float y);

#endif
