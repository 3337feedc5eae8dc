/* sammed2d/slices.h - volumes as 2-D pictures in files: plain PNGs, or with labels SA-Med2D's data set layout.
 *
 * With labels:    DIR/images/CASE_SLICE.png
 *                 DIR/masks/CASE_SLICE_LABEL_COMPONENT.png   (0 and 255, one object each)
 *                 DIR/image2label_train.json   {image: [masks]}    DIR/label2image_test.json   {mask: image}
 * Without:        DIR/CASE_SLICE.png
 * SLICE is the voxel index along the slice axis in the stored order of the input; COMPONENT counts the connected
 * components (eight neighbours) of a label on the slice that are kept, in the order of their first pixels. Paths in
 * the JSON files start with DIR as it was given, as SAM-Med2D's own do.
 *
 * Source: OpenGVLab/SAM-Med2D, DataLoader.py and data_demo; the rules of what is left out are those of the paper.
 */
#ifndef SAMMED2D_SLICES_H
#define SAMMED2D_SLICES_H

#include "sammed2d/input.h"
#include "sammed2d/listener.h"
#include "sammed2d/view.h"
#include "sammed2d/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sm_slices_options {
    bool labelled;           /* SA-Med2D's layout */
    enum sm_plane plane;
    bool all_planes;         /* axial, coronal and sagittal: CASE is followed by the plane's name */
    enum sm_orient orient;
    struct sm_window window; /* as sm_window_parse leaves it */
    int first, last, step;   /* slices, inclusive; last -1: to the end; step 0 is 1 */
    double smallest_mask;    /* a mask with a smaller part of the picture's pixels is left out; paper: 0.00153 */
    double smallest_aspect;  /* labelled pictures whose short edge is a smaller part of the long one are left out; paper: 0.5 */
    int threads;             /* at least 1 */
    const char *inputs;      /* what the pictures are made of, in any words: other inputs are other pictures */
};

/* What was done so far. */
struct sm_slices_count {
    size_t cases;
    size_t images, masks;       /* that there are, of which ... */
    size_t kept;                /* ... were there before, images and masks together */
    size_t small_masks;         /* left out */
    size_t extreme_slices;      /* left out for their aspect */
    size_t empty_slices;        /* left out, as nothing was left on them */
};

struct sm_slices; /* a folder being filled */

/* Makes the folder where there is none. Pictures that are there from an interrupted run are kept: SM_USAGE says so when
 * that run had other options or inputs, or when the folder holds pictures that no such run made. Free with
 * sm_slices_close. */
enum sm_status sm_slices_open(struct sm_slices **slices, const char *folder,
                              const struct sm_slices_options *options, const struct sm_listener *listener,
                              struct sm_err *err);
/* Adds the pictures of one case, in parallel; `objects` (labelled only) are on the volume's grid. `name` becomes CASE:
 * what is neither letter, digit, '-' nor '.' becomes '_'. `test` and `train` say in which JSON files it is listed.
 * May be called from several threads. SM_INTERRUPTED leaves whole files only. */
enum sm_status sm_slices_add(struct sm_slices *slices, const char *name, const struct sm_volume *volume,
                             const struct sm_label_set *objects, bool train, bool test, struct sm_err *err);
/* Writes the JSON files, cases in the order of their names: the last step, after which the data set can be read.
 * SM_NOT_FOUND: there is no picture. */
enum sm_status sm_slices_finish(struct sm_slices *slices, struct sm_err *err);
struct sm_slices_count sm_slices_counted(const struct sm_slices *slices);
void sm_slices_close(struct sm_slices *slices);

#ifdef __cplusplus
}
#endif

#endif
