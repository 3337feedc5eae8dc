/* phantom.h - synthetic bodies: shapes painted one over the other, seen by a scanner.
 *
 * Everything is +, -, *, / and sqrt in double, and integer hashes for chance, so that the files
 * come out the same on every machine (compile with -ffp-contract=off). Lengths are mm in LPS: x to
 * the patient's left, y to posterior, z to superior.
 */
#ifndef PHANTOM_H
#define PHANTOM_H

#include <stdint.h>

enum { TUBE_POINTS = 7, MAX_SHAPES = 96, MAX_LABELS = 16 };

enum shape_kind {
    ROUND, /* ellipsoid */
    BOXY,  /* between an ellipsoid and a box with rounded edges */
    FOLDS, /* the crumpled outer rind of an ellipsoid, as sulci are: see path[0] */
    TUBE   /* chain of capsules: radius changes along it */
};

enum { KEEP = -1 }; /* a shape that changes the intensity and leaves the label as it was */

struct shape {
    enum shape_kind kind;
    int label;                   /* 0 none, KEEP, or a label value */
    double value, texture;       /* intensity, and how far it wanders */
    double centre[3], radius[3]; /* ROUND, BOXY; a radius of 1e4 is a prism */
    double tilt[3];              /* tangents of turns about x, then y, then z */
    int count;                   /* TUBE: points used */
    double path[TUBE_POINTS][4]; /* TUBE: x, y, z, radius. FOLDS: where the rind begins (share
                                    of the radius), thickness (0..1), mm from fold to fold */
    const struct shape *within;  /* painted only inside that shape; NULL: everywhere */
    double ball[4];              /* x, y, z, radius^2 of a ball around it: phantom_scan's */
};

struct phantom {
    const char *name;               /* folder below data/ */
    const char *title;              /* NIfTI's descrip */
    const char *labels[MAX_LABELS]; /* names of label 1, 2, ... */
    int shape_count;
    struct shape shapes[MAX_SHAPES]; /* painted in this order */
    uint64_t seed;
    double background;             /* intensity outside */
    double warp_mm, warp_scale_mm; /* how far, and on what scale, shapes are bent */
    double noise;                  /* standard deviation */
    int magnitude;                 /* noise as in a magnitude image (MR), with a bias field */
    double bias;                   /* relative strength of the bias field */
    int dim[3];                    /* stored order */
    double spacing_mm[3];          /* stored order */
    double direction_lps[3][3];    /* [axis]: unit vector of stored axis */
    double centre_lps[3];          /* middle of the volume */
    int slice_axis;                /* the stored axis across the slices */
    double scl_inter;              /* stored = value - scl_inter */
    int dicom;                        /* the image is a DICOM series, in series/ */
};

void phantom_ct(struct phantom *phantom);
void phantom_mr(struct phantom *phantom);
void phantom_ct_dicom(struct phantom *phantom); /* the same body, coarser, in a frame of odd size */

/* Chance: the same number for the same place and seed. */
double hash_unit(uint64_t seed, int64_t a, int64_t b, int64_t c);    /* 0 <= u < 1 */
double hash_normal(uint64_t seed, int64_t n);                        /* mean 0, variance 1 */
double smooth_noise(uint64_t seed, const double p[3], double scale); /* -1 .. 1 */

/* Stored values and labels of the whole grid, (nz, ny, nx). */
struct pictures {
    int16_t *image;
    uint8_t *truth;
};
int phantom_scan(struct phantom *phantom, struct pictures *out); /* 0, or -1: no memory */

/* image.nii.gz (or series/), truth.nii.gz, labels.json and the prompts files into folder; 0, or -1 after a
 * sentence on standard error. */
int phantom_write(const struct phantom *phantom, const struct pictures *pictures,
                  const char *folder);

/* slice01.dcm ... into folder; 0, or -1. */
int phantom_write_dicom(const struct phantom *phantom, const int16_t *image, const char *folder);

#endif
