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

enum sm_space { SM_SPACE_VOXEL, SM_SPACE_LPS, SM_SPACE_RAS };

struct sm_point {
    double position[3]; /* voxel index, or mm before sm_prompts_resolve */
    bool positive;      /* false: --exclude */
};
struct sm_box {
    double corner[2][3]; /* inclusive voxel indices, corner[0] <= corner[1] once resolved */
};

struct sm_object {
    char *name;
    int id; /* label value; 0 until given: the order of first appearance, from 1 */
    enum sm_space space;
    struct sm_point *points;
    size_t point_count;
    struct sm_box *boxes;
    size_t box_count;
    char *mask_path;        /* label map as prompt, or NULL */
    int mask_value;         /* the label in it; 0 means: any non-zero */
    struct sm_labels *mask; /* loaded by the pipeline: 1 inside; owned */
};

struct sm_prompts {
    struct sm_object *objects;
    size_t count;
};

void sm_prompts_free(struct sm_prompts *prompts);

/* The object of that name, made when there is none. NULL: out of memory. */
struct sm_object *sm_prompts_object(struct sm_prompts *prompts, const char *name,
                                    enum sm_space space);

/* "NAME=i0,j0,k0,i1,j1,k1" and "NAME=i,j,k"; SM_USAGE quotes the text and shows the right form. */
enum sm_status sm_prompts_add_box(struct sm_prompts *prompts, const char *text, enum sm_space space,
                                  struct sm_err *err);
enum sm_status sm_prompts_add_point(struct sm_prompts *prompts, const char *text, bool positive,
                                    enum sm_space space, struct sm_err *err);

/* Our JSON, Slicer markups (.mrk.json), or SAM-Med2D's fixed-prompt JSON, told apart by content. */
enum sm_status sm_prompts_read(struct sm_prompts *prompts, const char *path, struct sm_err *err);

/* To voxel indices of `grid`, ids given, and everything checked: an object without a prompt, a prompt
 * outside the volume, two objects with one id are SM_USAGE. A box in mm becomes the voxel bounds of
 * its eight corners. */
enum sm_status sm_prompts_resolve(struct sm_prompts *prompts, const struct sm_grid *grid,
                                  struct sm_err *err);

#ifdef __cplusplus
}
#endif

#endif
