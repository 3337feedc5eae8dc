/* sammed2d/view.h - which 2-D pictures a volume is cut into, and how each is turned.
 *
 * A view is a signed permutation of the voxel axes: no pixel is ever interpolated, so picture and
 * volume correspond one to one.
 */
#ifndef SAMMED2D_VIEW_H
#define SAMMED2D_VIEW_H

#include "sammed2d/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

enum sm_plane { SM_PLANE_AUTO, SM_PLANE_AXIAL, SM_PLANE_CORONAL, SM_PLANE_SAGITTAL };
/* "auto", "axial" ...: as --plane has them, in the order of the enumeration; NULL at the end. */
const char *const *sm_plane_words(void);

/* How the network sees a slice.
 *   radiological  axial: columns to L, rows to P; coronal: columns to L, rows to I;
 *                 sagittal: columns to P, rows to I
 *   stored        the file's own order: columns along the lower voxel axis, nothing reversed
 *   sa-med2d      as radiological, but axial rows to A, as SAM-Med2D's published demo slices */
enum sm_orient { SM_ORIENT_RADIOLOGICAL, SM_ORIENT_STORED, SM_ORIENT_SA_MED2D };
/* "radiological", "stored", "sa-med2d": as --orient and weights files have them, likewise. */
const char *const *sm_orient_words(void);

/* Picture axis 0 is the column (x), 1 the row (y), 2 the slice number. */
struct sm_view {
    int axis[3];      /* voxel axis that each picture axis runs along */
    bool reversed[3]; /* true: the picture axis runs against the voxel index */
    int dim[3];       /* width, height, number of slices */
    double spacing_mm[3];
    enum sm_plane plane; /* never AUTO: the nearest anatomical plane */
    char letters[3][2];  /* what lies at the low and the high end of each picture axis: "R","L" as
                            {'R','L'}: letters[0] = left and right edge, [1] = top and bottom edge */
};

/* Slices are numbered towards L, P or S (not for `stored`), so that the order of work, and with it
 * every bit of the result, does not depend on how the file stores its axes.
 * AUTO: DICOM and PNG, the image plane (k is the slice); NIfTI, across the one axis that is a single
 * voxel thick, if there is one, else across the largest spacing; of spacings within 0.1 % of the
 * largest, the axis that runs along S is the slice axis, else P, else L. */
void sm_view_choose(struct sm_view *view, const struct sm_volume *volume, enum sm_plane plane,
                    enum sm_orient orient);

/* Between pixel (x, y) of slice s and voxel index; exact, fractional indices allowed. */
void sm_view_to_voxel(const struct sm_view *view, const double xys[3], double ijk[3]);
void sm_view_from_voxel(const struct sm_view *view, const double ijk[3], double xys[3]);

/* Has what slice s of the view shows brought to memory: sm_volume_load of its one voxel slice, or of all. */
enum sm_status sm_view_load(const struct sm_view *view, const struct sm_volume *volume, int s, struct sm_err *err);
/* Rescaled values of slice s, which is in memory: out (height, width, channels). */
void sm_view_slice(const struct sm_view *view, const struct sm_volume *volume, int s, float *out);

/* Offset in voxels of pixel (0, 0) of slice s in a (nz, ny, nx) array, and the signed steps to the
 * next column and the next row: how masks are put back. */
void sm_view_steps(const struct sm_view *view, const struct sm_grid *grid, int s, size_t *origin,
                   ptrdiff_t *column_step, ptrdiff_t *row_step);

/* The network's input is an 8-bit picture; the window says how values become grey.
 *   MINMAX      each slice by itself: floor(255 * (v - min) / (max - min + eps)), what SA-Med2D did;
 *               eps = 1e-8 * max(1, max - min), in double, so 254 is the brightest
 *   VOLUME      the same with the volume's extremes
 *   PERCENTILE  low and high are the 0.5 and 99.5 percentiles of the volume's non-zero voxels (linear
 *               between ranks): (v - low) / (high - low), clipped to 0..1, times 255, the fraction cut
 *               off (MedSAM's rule for MR)
 *   CENTER_WIDTH  (v - (center - width/2)) / width, clipped to 0..1, times 255, rounded
 *   DICOM       the file's VOI; SM_UNSUPPORTED elsewhere
 *   STORED      8-bit pictures as they are
 * Values that are not finite count as the smallest finite one. */
enum sm_window_mode {
    SM_WINDOW_DEFAULT, /* what the weights file says; STORED for 8-bit pictures */
    SM_WINDOW_MINMAX, SM_WINDOW_VOLUME, SM_WINDOW_PERCENTILE, SM_WINDOW_CENTER_WIDTH,
    SM_WINDOW_DICOM, SM_WINDOW_STORED
};
struct sm_window {
    enum sm_window_mode mode;
    double center, width; /* CENTER_WIDTH */
    double low, high;     /* VOLUME, PERCENTILE: filled in by sm_window_prepare */
    const struct sm_voi *voi; /* DICOM: the volume's, filled in by sm_window_prepare */
    int voi_slice;            /* DICOM: voxel slice k whose window counts, where they differ */
};

/* "minmax", "volume", "percentile", "dicom", "stored", "default", "40,400", or a preset: abdomen 40,400  lung -600,1500
 * bone 400,1800  brain 40,80  mediastinum 50,350  liver 60,160. SM_USAGE lists what is known. */
enum sm_status sm_window_parse(struct sm_window *window, const char *text, struct sm_err *err);
/* The text that sm_window_parse would read back. */
void sm_window_name(const struct sm_window *window, char *text, size_t size);
/* Looks at the whole volume, having it loaded, where the mode needs it (VOLUME, PERCENTILE); DEFAULT becomes STORED for
 * what is display_ready, else MINMAX. SM_UNSUPPORTED: DICOM without VOI, STORED without 8 bits.
 * DICOM: the first of the file's windows, or its table; the middle slice's where they differ. */
enum sm_status sm_window_prepare(struct sm_window *window, const struct sm_volume *volume,
                                 struct sm_err *err);
/* The window for slice s of a view: where each voxel slice has its own, that of the voxel slice it shows. */
struct sm_window sm_window_at(const struct sm_window *window, const struct sm_view *view, int s);
/* grey (pixels) from values (pixels); `pixels` is height * width * channels. */
void sm_window_apply(const struct sm_window *window, const float *values, size_t pixels,
                     uint8_t *grey);

#ifdef __cplusplus
}
#endif

#endif
