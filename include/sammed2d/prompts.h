/* sammed2d/prompts.h - what the user points at, before a slice is chosen.
 *
 * Everything here is in voxel indices of the input volume once sm_prompts_resolve has run.
 */
#ifndef SAMMED2D_PROMPTS_H
#define SAMMED2D_PROMPTS_H

#include "sammed2d/listener.h"
#include "sammed2d/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a point or box is meant before sm_prompts_resolve. SQUARE: SAM-Med2D's fixed prompts, pixels of
 * the 256 x 256 picture that its data loader makes (smaller pictures centred in it, others resized). */
enum sm_space { SM_SPACE_VOXEL, SM_SPACE_LPS, SM_SPACE_RAS, SM_SPACE_SQUARE };

struct sm_point {
    enum sm_space space;
    double position[3]; /* voxel index, or mm; once resolved a whole voxel index */
    bool positive;      /* false: --exclude */
};
struct sm_box {
    enum sm_space space;
    double corner[2][3]; /* inclusive voxel indices, corner[0] <= corner[1] once resolved; or mm */
    double frame[3][3];  /* mm only: position = frame * corner, so that a box may be turned; rows */
};

struct sm_object {
    char *name;
    char *file; /* the prompts file that alone gave it, for messages; NULL: the command line, a mask, or several */
    int id; /* label value; 0: sm_prompts_resolve gives one: mask_id, or the place in the order of appearance, from 1 */
    struct sm_point *points;
    size_t point_count;
    struct sm_box *boxes;
    size_t box_count;
    char *mask_path;        /* label map, SEG or RT structure set as prompt, or NULL */
    int mask_value;         /* the label in it; 0 means: the only one, or the one equal to id (DICOM:
                             * the one of that name first) */
    int mask_id;            /* the number that its label has in the file: an object without id takes it, where no other
                             * object has it. Of an object with id and mask alone, its id; 0: not known */
    struct sm_labels *mask; /* 1 inside, on the volume's grid; from sm_prompts_load_masks; owned */
};

struct sm_prompts {
    struct sm_object *objects;
    size_t count;
    const char *reading; /* the prompts file that is being read; NULL: none */
};

void sm_prompts_free(struct sm_prompts *prompts);

/* The object of that name, made when there is none. SM_USAGE: an empty name, one with control
 * characters or longer than 200 bytes, or more than 65535 objects. */
enum sm_status sm_prompts_object(struct sm_prompts *prompts, const char *name,
                                 struct sm_object **object, struct sm_err *err);

/* "NAME=i0,j0,k0,i1,j1,k1" and "NAME=i,j,k"; SM_USAGE quotes the text and shows the right form. */
enum sm_status sm_prompts_add_box(struct sm_prompts *prompts, const char *text, enum sm_space space,
                                  struct sm_err *err);
enum sm_status sm_prompts_add_point(struct sm_prompts *prompts, const char *text, bool positive,
                                    enum sm_space space, struct sm_err *err);

/* Our JSON, Slicer markups (.mrk.json), or SAM-Med2D's fixed-prompt JSON, told apart by content.
 * Mask files named in it are relative to it.
 *
 * A fixed-prompt file speaks of a whole data set, its keys being PICTURE_LABEL_NUMBER.png. With a `picture`
 * (its path) the objects of that one are taken, as LABEL_NUMBER, and SM_USAGE when there are none; NULL takes
 * all, under the names they have. A number and an underscore before the label belong to the picture's name:
 * case_1_0_liver_000.png is of case_1_0.png, not of case_1.png. */
enum sm_status sm_prompts_read(struct sm_prompts *prompts, const char *path, const char *picture,
                               struct sm_err *err);

/* Every label of a label map, every segment of a DICOM SEG and every ROI of an RT structure set becomes
 * an object of that id, where no other has it, with itself as mask prompt; where an object of its name has a mask already,
 * one named "NAME (2)", with a warning; a label map's names come from the .json beside it
 * where there is one, else "label N". */
enum sm_status sm_prompts_add_mask(struct sm_prompts *prompts, const char *path,
                                   const struct sm_listener *listener, struct sm_err *err);

/* Reads the mask files and brings them to the volume's grid; a label map stored in another axis order on
 * the same voxels is turned, one on other voxels is SM_USAGE. DICOM masks: sm_dicom_read_masks. */
enum sm_status sm_prompts_load_masks(struct sm_prompts *prompts, const struct sm_volume *volume,
                                     const struct sm_listener *listener, struct sm_err *err);

/* To voxel indices of `grid`, ids given, and everything checked: an object without a prompt, a prompt
 * outside the volume, two objects with one id are SM_USAGE. A box in mm becomes the voxel bounds of
 * its eight corners, cut to the volume; a point in mm the nearest voxel. Messages begin with the prompts
 * file where one is known. */
enum sm_status sm_prompts_resolve(struct sm_prompts *prompts, const struct sm_grid *grid,
                                  struct sm_err *err);

/* The same for a volume whose slices may be missing or unevenly spaced: a position in mm belongs to the
 * nearest slice by its true position, a box to every slice it reaches; one that lies in a gap, farther than
 * half the usual step from every slice, is SM_USAGE. Warned of: labels of mask files that get another id,
 * and objects of points alone where others have masks, whose names may be misspelt. */
enum sm_status sm_prompts_resolve_in(struct sm_prompts *prompts, const struct sm_volume *volume,
                                     const struct sm_listener *listener, struct sm_err *err);

#ifdef __cplusplus
}
#endif

#endif
