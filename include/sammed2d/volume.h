/* sammed2d/volume.h - voxels and where they are: the currency of the picture half.
 *
 * Frames. A voxel index is (i, j, k): column, row, slice, 0-based, in the stored order of the input;
 * i runs fastest in memory. World positions are millimetres in LPS (x to the patient's Left, y to
 * Posterior, z to Superior), DICOM's frame (PS3.3 C.7.6.2.1.1). NIfTI's RAS is turned into LPS in
 * src/nifti and nowhere else. A voxel's index is that of its centre, so voxel i spans i-0.5..i+0.5.
 */
#ifndef SAMMED2D_VOLUME_H
#define SAMMED2D_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sammed2d/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A grid: how many voxels, and the affine that takes (i, j, k, 1) to LPS mm. Columns need not be
 * orthogonal (gantry tilt is a shear). */
struct sm_grid {
    int dim[3];              /* nx, ny, nz, each at least 1 */
    double affine_lps[4][4]; /* rows; last row 0 0 0 1; invertible */
};

double sm_grid_spacing_mm(const struct sm_grid *grid, int axis); /* length of that affine column */
double sm_grid_voxel_volume_ml(const struct sm_grid *grid);      /* |det| / 1000 */
size_t sm_grid_voxels(const struct sm_grid *grid);               /* nx*ny*nz */

/* Every number finite, and the three axes not in one plane (|det| above 1e-6 of what it would be were
 * they at right angles). Readers check it, so every volume's grid is. */
bool sm_grid_invertible(const struct sm_grid *grid);

/* lps_mm = affine * index, and back; both take fractional indices. */
void sm_grid_to_lps(const struct sm_grid *grid, const double ijk[3], double lps_mm[3]);
void sm_grid_from_lps(const struct sm_grid *grid, const double lps_mm[3], double ijk[3]);

/* Which world axis (0 L, 1 P, 2 S) each voxel axis runs along, and whether towards the positive end:
 * the assignment, over all six permutations, with the largest product of absolute direction
 * cosines. Never two voxel axes on one world axis, whatever the obliquity. A tie (axes turned by 45
 * degrees) is decided by world directions, so it does not depend on how a file orders or reverses
 * its axes. */
struct sm_orientation {
    int world[3];     /* world axis of voxel axis 0, 1, 2 */
    bool positive[3]; /* true: the index grows towards L, P or S */
};
void sm_grid_orientation(const struct sm_grid *grid, struct sm_orientation *orientation);
/* Three letters naming where i, j and k grow to, as in nibabel's aff2axcodes: "LPS", "RAS" ... */
void sm_grid_orientation_letters(const struct sm_grid *grid, char letters[4]);
/* "128 x 120 x 40 voxels of 2 x 2 x 4 mm, LPS, the first at -127,-119,0": for messages; 200 bytes hold it. */
void sm_grid_describe(const struct sm_grid *grid, char *text, size_t size);

/* The largest distance by which the two affines move a corner voxel of a's grid apart. */
double sm_grid_distance_mm(const struct sm_grid *a, const struct sm_grid *b);
/* Same dim, and affines equal within tolerance_mm at every corner of the grid. */
bool sm_grid_equal(const struct sm_grid *a, const struct sm_grid *b, double tolerance_mm);

enum sm_voxel_type {
    SM_UINT8, SM_INT8, SM_UINT16, SM_INT16, SM_UINT32, SM_INT32, SM_UINT64, SM_INT64,
    SM_FLOAT32, SM_FLOAT64
};
size_t sm_voxel_type_bytes(enum sm_voxel_type type);
const char *sm_voxel_type_name(enum sm_voxel_type type); /* "uint8" ... as numpy names them */

/* value = slope * stored + intercept, per slice k (DICOM may change it from slice to slice). */
struct sm_rescale {
    double slope, intercept;
};

enum sm_source_format { SM_FORMAT_PNG, SM_FORMAT_NIFTI, SM_FORMAT_DICOM };

/* The placement fields of a NIfTI header as the file had them, so that a label map can repeat them to
 * the last bit. Meaning: nifti1.h. Only a volume read from NIfTI has them. */
struct sm_nifti_forms {
    bool present;
    int qform_code, sform_code, xyzt_units;
    double quatern_b, quatern_c, quatern_d, qoffset_x, qoffset_y, qoffset_z;
    double pixdim[8]; /* [0] is qfac */
    double srow_x[4], srow_y[4], srow_z[4];
    bool nifti2;      /* the file was NIfTI-2 */
};

/* How a DICOM file wants its (rescaled) values shown, PS3.3 C.11.2.1: one or more windows, or a table. */
enum sm_voi_function { SM_VOI_LINEAR, SM_VOI_LINEAR_EXACT, SM_VOI_SIGMOID };
struct sm_voi_window {
    double center, width;
};
struct sm_voi_table {
    double first;  /* value that the first entry is for */
    size_t size;   /* at least 1; values beyond its ends take its end entries */
    uint8_t *grey; /* (size), 0..255 */
};
struct sm_voi {
    enum sm_voi_function function;
    bool per_slice;
    size_t windows;               /* alternatives; the first is the usual one; 0 when there are tables */
    struct sm_voi_window *window; /* (per_slice ? nz : 1, windows) */
    char (*explanation)[65];      /* (windows), UTF-8, "" where there is none */
    size_t tables;                /* per_slice ? nz : 1, or 0 when there are windows */
    struct sm_voi_table *table;   /* (tables) */
};
void sm_voi_free(struct sm_voi *voi);

/* Slices of a volume that are still where they came from, as a reader leaves them that only opens its file.
 * A reader's own struct begins with this one. */
struct sm_supply {
    /* Brings slices first..last into the volume's memory, each once; several threads may call it at a time.
     * Once it has failed for a slice it fails for it again. */
    enum sm_status (*load)(struct sm_supply *supply, int first, int last, struct sm_err *err);
    void (*free)(struct sm_supply *supply);
};

struct sm_volume {
    struct sm_grid grid;
    enum sm_voxel_type type;
    int channels;               /* 1; 3 only for colour PNG (uint8, interleaved RGB) */
    void *voxels;               /* (nz, ny, nx, channels), native byte order, owned */
    struct sm_supply *supply;   /* owned; NULL: all voxels are in memory, else those that sm_volume_load was asked for */
    struct sm_rescale *rescale; /* (nz), owned */
    enum sm_source_format format;
    bool unplaced;              /* DICOM without a usable position and orientation: the grid's sizes are true, its
                                 * origin and directions are made up */
    bool display_ready;         /* 8-bit picture (PNG): shown to the network as it is by default */
    char modality[17];          /* "CT", "MR" ... as DICOM's Modality; "" when unknown */
    char description[256];      /* UTF-8, from the file; "" when none */
    struct sm_nifti_forms nifti;
    /* DICOM only. Position of the centre of voxel (0, 0, k) for each k, (nz, 3) LPS mm, owned: exact where
     * the affine, which has one step for all, is not (missing slices, uneven spacing). NULL: the affine
     * holds for every slice. */
    double (*slice_origin_lps)[3];
    struct sm_dicom_source *dicom; /* what writing a SEG needs, owned; see dicom.h */
    void (*dicom_free)(struct sm_dicom_source *source);
    struct sm_voi *voi; /* owned; NULL: the file has none */
};

/* Allocates voxels (uninitialised) and rescale (1, 0 for each slice). The other fields are zero.
 * SM_MEMORY names the size asked for. */
enum sm_status sm_volume_alloc(struct sm_volume *volume, const struct sm_grid *grid,
                               enum sm_voxel_type type, int channels, struct sm_err *err);
/* The same with voxels that malloc gave out; they are freed when it fails. */
enum sm_status sm_volume_adopt(struct sm_volume *volume, const struct sm_grid *grid,
                               enum sm_voxel_type type, int channels, void *voxels,
                               struct sm_err *err);
/* Makes sure that slices k first..last are in memory. Several threads may ask at a time, and work on slices that
 * are there while others come. Errors: those of the volume's reader (SM_CORRUPT, SM_INTERRUPTED ...). */
enum sm_status sm_volume_load(const struct sm_volume *volume, int first, int last, struct sm_err *err);
/* All of them; nothing of the source is held any more when it returns SM_OK. */
enum sm_status sm_volume_load_all(struct sm_volume *volume, struct sm_err *err);
void sm_volume_free(struct sm_volume *volume); /* also of a zeroed struct; leaves it zeroed */

/* Rescaled values of n voxels along a line: out[x] is the value of channel c at (i,j,k) + x steps
 * along `axis`. NaN stays NaN. */
void sm_volume_line(const struct sm_volume *volume, int i, int j, int k, int axis, int channel,
                    int n, float *out);

/* Label values on a grid; 0 is background. */
struct sm_labels {
    struct sm_grid grid;
    uint16_t *voxels; /* (nz, ny, nx), owned */
};
enum sm_status sm_labels_alloc(struct sm_labels *labels, const struct sm_grid *grid,
                               struct sm_err *err); /* all background */
void sm_labels_free(struct sm_labels *labels);

/* Where voxels of grid a are among those of grid b: index x along axis c of a is index
 * offset[axis[c]] + step[c] * x along axis axis[c] of b, which may lie beyond b's ends. */
struct sm_turn {
    int axis[3], step[3], offset[3]; /* step: 1 or -1 */
    bool whole;                      /* a and b have the same voxels, in whatever order */
};
/* False when a's voxels are not on the lattice of b's: a corner voxel more than 0.05 voxels off. */
bool sm_grid_find_turn(struct sm_turn *turn, const struct sm_grid *a, const struct sm_grid *b);
/* The same for a volume and a label map of it. Of an unplaced volume also, voxel for voxel, a map of its size that
 * begins at the origin with its axes to right, anterior and superior: what a NIfTI file without sform and qform is. */
bool sm_volume_find_turn(struct sm_turn *turn, const struct sm_volume *volume, const struct sm_grid *labels);
/* `labels` (grid b) in the order of `grid` (a); background where `labels` has no voxel. */
enum sm_status sm_labels_turn(struct sm_labels *out, const struct sm_labels *labels,
                              const struct sm_turn *turn, const struct sm_grid *grid, struct sm_err *err);

#ifdef __cplusplus
}
#endif

#endif
