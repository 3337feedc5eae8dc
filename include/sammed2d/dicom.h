/* sammed2d/dicom.h - DICOM series in, DICOM SEG in and out. The C++ behind it (DCMTK, OpenJPEG) does not
 * show: plain C, and no exception crosses.
 *
 * Source: DICOM PS3.3 (C.7.6.2 image plane, C.7.6.16 multi-frame functional groups, C.8.20 segmentation),
 * PS3.5 (pixel data, transfer syntaxes), PS3.10 (files, DICOMDIR).
 */
#ifndef SAMMED2D_DICOM_H
#define SAMMED2D_DICOM_H

#include "sammed2d/listener.h"
#include "sammed2d/segment.h"
#include "sammed2d/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- finding: headers only ---- */

struct sm_dicom_study; /* every volume found under some paths, and everything left out */

/* Where slices are missing or uneven: between slice k and k + 1 the step is step_mm, not the series', or leads aside of
 * it; or the slices up to there have drifted off even places by a tenth of a step. */
struct sm_gap {
    int after;      /* k */
    double step_mm; /* measured along the normal */
};

struct sm_dicom_volume {
    int number;      /* from 1, in the order `info` lists; what --series N means */
    const char *series_uid, *modality, *description; /* UTF-8; description is the series' */
    const char *transfer_syntax; /* in words, as the standard names it */
    struct sm_grid grid;         /* median step where spacing is uneven */
    enum sm_voxel_type type;     /* as stored; the smallest that holds all slices where they differ */
    size_t files;                /* instances that make it */
    const struct sm_gap *gaps;
    size_t gap_count;
    double tilt_deg;  /* angle between the stacking direction and the slice normal (gantry tilt) */
    bool placed;          /* its place in the patient is known; else the grid is made up, from the origin */
    const char *unplaced; /* the sentence that says why not; NULL when it is, and when the volume is not readable */
    bool readable;
    const char *reason; /* why not readable (colour, palette, cine ...), or what tells it from its
                           siblings in the series (echo, time, phase) */
};
enum sm_left_out_kind {
    SM_LEFT_OUT_OTHER,    /* no image, a localizer, a second copy ... */
    SM_LEFT_OUT_FOREIGN,  /* not DICOM */
    SM_LEFT_OUT_MASK,     /* a segmentation (SEG) or RT structure set */
    SM_LEFT_OUT_DAMAGED,  /* cut short, empty, damaged, not to be opened */
    SM_LEFT_OUT_MISSING,  /* a DICOMDIR lists it, and it is not there */
    SM_LEFT_OUT_MISPLACED /* an image whose place or size makes no sense among those of its series */
};
struct sm_left_out {
    const char *file, *reason; /* "localizer", "duplicate of FILE", "truncated: ...", "not DICOM" ... */
    const char *series_uid;    /* "" where it is not known */
    enum sm_left_out_kind kind;
};

/* Files, directory trees in any order and with any names, DICOMDIRs, zip files of these. One bad file
 * never fails it; SM_NOT_FOUND only when a path does not exist. Strings live as long as *study.
 * A DICOMDIR stands for the folder it is in (but where other files of that folder are named too, for itself);
 * entries that are not there or lead out of it are left out, with the reason. Zip members are "archive.zip/member", read in memory.
 * Secondary captures without geometry are left out, unless there is nothing else. */
enum sm_status sm_dicom_scan(struct sm_dicom_study **study, const char *const *paths, size_t count,
                             const struct sm_listener *listener, struct sm_err *err);
void sm_dicom_study_free(struct sm_dicom_study *study);
size_t sm_dicom_volumes(const struct sm_dicom_study *study);
const struct sm_dicom_volume *sm_dicom_volume_at(const struct sm_dicom_study *study, size_t index);
/* The files that make it, in slice order, each once: `file` from 0 to volume->files - 1. */
const char *sm_dicom_volume_file(const struct sm_dicom_study *study, size_t index, size_t file);
size_t sm_dicom_left_out(const struct sm_dicom_study *study);
const struct sm_left_out *sm_dicom_left_out_at(const struct sm_dicom_study *study, size_t index);

/* `choice`: a series UID, a number as `info` lists them, or NULL when there is only one readable volume;
 * otherwise the error lists the candidates. */
enum sm_status sm_dicom_choose(const struct sm_dicom_study *study, const char *choice, size_t *index,
                               struct sm_err *err);

/* Decodes the pixels, in parallel. Slices are sorted along the normal of the image plane (row x column
 * direction); voxel (i, j, k) = (column, row, slice). volume->dicom keeps what writing a SEG needs.
 *
 * Voxels are the stored values (after a modality LUT, where there is one), volume->rescale the slices'
 * own rescale. MONOCHROME1: the voxels stay, the rescale is turned over (low and high end of the stored
 * range change places), so that large values are bright as viewers show them; the windows follow. Images
 * without spacing get 1 mm and a warning. slice_origin_lps is set when there are gaps. */
enum sm_status sm_dicom_read(struct sm_volume *volume, const struct sm_dicom_study *study, size_t index,
                             const struct sm_listener *listener, struct sm_err *err);

/* The same without pixels, which wait for sm_volume_load; a file that cannot be decoded comes out then. The study is
 * the volume's from now on, also when it fails. The listener must stay until all pixels are there or the volume is
 * freed: sm_volume_load_all tells it of its progress, and may be cancelled by it. */
enum sm_status sm_dicom_open(struct sm_volume *volume, struct sm_dicom_study *study, size_t index,
                             const struct sm_listener *listener, struct sm_err *err);
/* SeriesInstanceUID of the series a volume was read from; NULL when it was not read from DICOM. */
const char *sm_dicom_series_uid(const struct sm_volume *volume);

/* ---- writing SEG ---- */

enum sm_seg_type { SM_SEG_BINARY, SM_SEG_FRACTIONAL, SM_SEG_LABELMAP };

/* A coded concept, PS3.3 8.8. */
struct sm_code {
    char value[17], scheme[17], meaning[65];
};
struct sm_segment_meaning {
    const char *label; /* SegmentLabel */
    const char *description; /* SegmentDescription; NULL: none */
    struct sm_code category, type, modifier; /* modifier.value "" when there is none */
    struct sm_code region, region_modifier;  /* where it is, for what is not anatomy; value "": not said */
    uint16_t cielab[3]; /* DICOM's scaling of CIELab, PS3.3 C.10.7.1.1 */
    bool generic; /* the name was not in the table */
};
/* Looks a name up in the shipped table (names and synonyms, any case, '_', '-' or ' ', with a word that
 * says left or right); an unknown name gives a valid generic code with generic set. The label is `name`
 * itself, which must outlive *meaning. */
void sm_segment_meaning_find(struct sm_segment_meaning *meaning, const char *name);
/* sRGB, 0..255, as DICOM's CIELab under D50. */
void sm_segment_meaning_colour(struct sm_segment_meaning *meaning, const int rgb[3]);

struct sm_seg_object {
    struct sm_segment_meaning meaning;
    /* Bits or values of this object on slice k of the volume's stored grid, (ny, nx): 0/1 for BINARY and
     * LABELMAP, 0..255 for FRACTIONAL. Returns false when the slice is empty. */
    bool (*slice)(void *context, int k, uint8_t *out);
    void *context;
    const char *tracking_id;  /* NULL: none */
    const char *tracking_uid; /* of that ID; NULL: made from it and the patient's ID */
};
struct sm_seg_options {
    enum sm_seg_type type;
    int series_number;              /* 0: source's * 100 + 50, or 300 */
    const char *series_description; /* NULL: "<source> sammed2d" */
    const char *content_creator;    /* as PN; NULL: "sammed2d^" */
    const char *algorithm_version;  /* program version, and below what the UIDs depend on */
    const char *digest;             /* weights, prompts, options: any text */
    const struct sm_listener *listener; /* warnings of what the source lacks; NULL: nobody */
};
/* The source is volume->dicom. Whole or not at all, and never in memory as a whole: `slice` is asked twice
 * for each object and slice, and must give the same. UIDs are a function of the source UIDs, digest and the
 * encoded frames. A source without study or frame of reference gets one, made of its series UID, with a
 * warning. SM_USAGE when every object is empty; SM_UNSUPPORTED when a DICOM file cannot hold the pixels. */
enum sm_status sm_dicom_write_seg(const char *path, const struct sm_volume *volume,
                                  const struct sm_seg_object *objects, size_t count,
                                  const struct sm_seg_options *options, struct sm_err *err);

/* SM_USAGE when `path` is a DICOM file already and no segmentation: a SEG must not replace an image. SM_OK when nothing is
 * there, or something that is not DICOM. */
enum sm_status sm_dicom_check_replaced(const char *path, struct sm_err *err);

/* ---- reading SEG and RT structure sets, as prompts ---- */

/* One mask a segment or ROI, on the grid of `like` (same frame of reference, any orientation). */
struct sm_dicom_mask {
    char *label; /* UTF-8, no two alike: "lesion (2)" where the file has several of a name */
    int number;  /* SegmentNumber; ROINumber, or the place in the file from 1 where a file has ROI
                    numbers outside 1..65535 */
    struct sm_labels mask; /* 1 inside */
};

/* BINARY, FRACTIONAL (inside: at least half of the maximum) and LABELMAP segmentations, and closed planar
 * contours of structure sets. Frames go where their own positions say, to the slices' true positions where
 * `like` has slice_origin_lps: voxel by voxel where the grids agree but for order and extent, else by
 * nearest neighbour and with a warning. A voxel is inside a contour when its centre is; contours on one
 * plane are combined by even and odd. Segments may overlap.
 * A mask without a voxel in the volume is a warning.
 * SM_USAGE: another frame of reference, or no mask reaches into the volume; SM_UNSUPPORTED: neither SEG nor
 * structure set, or in a form that is not read. */
enum sm_status sm_dicom_read_masks(struct sm_dicom_mask **masks, size_t *count, const char *path,
                                   const struct sm_volume *like, const struct sm_listener *listener,
                                   struct sm_err *err);
/* Which there are, without any volume: mask.voxels is NULL. Segments without frames and ROIs without
 * closed contours are left out here and above. SM_USAGE when nothing is left. */
enum sm_status sm_dicom_list_masks(struct sm_dicom_mask **masks, size_t *count, const char *path,
                                   const struct sm_listener *listener, struct sm_err *err);
/* The grid that a SEG's own frames lie on, as a volume without voxels that can be `like` above: from its
 * first plane with a frame to its last, the planes between them included where all are whole steps apart
 * (SpacingBetweenSlices, else the smallest distance); else the planes that have a frame, with
 * slice_origin_lps. SM_UNSUPPORTED: frames in several directions, beside one another or of several pixel
 * sizes; SM_USAGE: a structure set, which has no grid. Free with sm_volume_free. */
enum sm_status sm_dicom_mask_grid(struct sm_volume *own, const char *path,
                                  const struct sm_listener *listener, struct sm_err *err);
void sm_dicom_masks_free(struct sm_dicom_mask *masks, size_t count);

/* What a SEG or structure set says it was made on: the first series it refers to ("": it does not say), and whose it
 * is: PatientID, else StudyInstanceUID. The latter tells subjects apart and is not to be shown or written. */
struct sm_dicom_reference {
    char series_uid[65];
    char patient[130];
};
enum sm_status sm_dicom_read_reference(struct sm_dicom_reference *reference, const char *path,
                                       struct sm_err *err);

#ifdef __cplusplus
}
#endif

#endif
