/* synth/field.h - smooth random fields and blurs on (side, side) pictures.
 */
#ifndef SYNTH_FIELD_H
#define SYNTH_FIELD_H

#include "synth/random.h"

/* out: a smooth field of mean 0 and standard deviation about 1, whose hills are about `cell` pixels apart:
 * normal numbers on a grid, between them uniform cubic B-splines. scratch: side * (side + 8) floats. */
void field_smooth(float *out, int side, float cell_px, struct rng *rng, float *scratch);
/* The same added up over `octaves`, each half as wide and half as high as the one before. sum: side * side
 * floats more of scratch. */
void field_octaves(float *out, int side, float cell_px, int octaves, struct rng *rng, float *scratch, float *sum);
/* out: independent normal numbers. */
void field_white(float *out, int side, struct rng *rng);
/* Gaussian blur in place, sigma apart for columns and rows; edges repeat. scratch: side * side floats. */
void field_blur(float *x, int side, float sigma_x_px, float sigma_y_px, float *scratch);

#endif
