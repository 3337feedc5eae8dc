/* train/augment.h - pictures as they might have been: turned, bent, brighter, noisier.
 *
 * Geometry is one map from the new picture to the old one, made of flips, a rotation, a scale and a smooth
 * displacement; the picture is interpolated, masks are taken from the nearest pixel. Grey values follow.
 */
#ifndef TRAIN_AUGMENT_H
#define TRAIN_AUGMENT_H

#include "train/example.h"
#include "synth/random.h"

/* How far each may go; 0: not at all. Chances are per picture. */
struct augmentation {
    double flip;         /* chance of each of: left-right, up-down, rows for columns (square pictures) */
    double rotate_deg;   /* up to so much either way */
    double scale;        /* larger or smaller by up to this factor minus 1 */
    double elastic;      /* displacement, up to this share of the picture's side */
    double intensity;    /* brightness, contrast and gamma, up to this share */
    double window;       /* part of the grey range cut off at either end, up to this share */
    double noise;        /* standard deviation, up to this share of the grey range */
    double blur;         /* Gaussian, up to so many pixels, in half of the pictures */
    double low_resolution; /* chance of halving the resolution */
    double invert;       /* chance of exchanging dark and bright */
};

/* out, which is not `in`, gets the picture and the masks; objects that the map would push out of the picture
 * keep at least a third of their pixels, or geometry is left as it was. */
enum sm_status augment(struct example *out, const struct example *in, const struct augmentation *how,
                       struct rng *rng, struct sm_err *err);

#endif
