/* sammed2d/segment.h - the main job: a volume, prompts and a model give label values.
 */
#ifndef SAMMED2D_SEGMENT_H
#define SAMMED2D_SEGMENT_H

#include "sammed2d/listener.h"
#include "sammed2d/model.h"
#include "sammed2d/prompts.h"
#include "sammed2d/view.h"
#include "sammed2d/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

enum sm_propagate {
    /* both for points and boxes of one slice, but within the outermost slices where several carry a
     * box; none for 3-D boxes and masks. Between two slices with a box, boxes are interpolated (NONE:
     * they are not). */
    SM_PROPAGATE_AUTO,
    SM_PROPAGATE_BOTH, SM_PROPAGATE_UP, SM_PROPAGATE_DOWN, SM_PROPAGATE_NONE
};
enum sm_mask_as { SM_MASK_AS_BOX, SM_MASK_AS_MASK, SM_MASK_AS_BOTH };

/* Image embeddings kept in a file, so that a picture seen before need not be encoded again. They are found
 * by a digest of the picture as the network is shown it, the weights, the precision and what computes. The
 * file is made when it is not there, with room for `megabytes`; it never grows beyond, the oldest make
 * room, and several processes may use it at a time. SM_USAGE: the file holds something else. The model's
 * encoder is read only when it is needed (sm_model_open_lazily). Close after the model's last sm_segment. */
struct sm_embeddings;
enum sm_status sm_embeddings_open(struct sm_embeddings **embeddings, const char *path,
                                  const struct sm_model *model, const char *weights_sha256, int megabytes,
                                  struct sm_err *err);
void sm_embeddings_close(struct sm_embeddings *embeddings);

struct sm_segment_options {
    struct sm_window window;     /* DEFAULT: as the weights file says */
    enum sm_plane plane;
    bool orient_given;
    enum sm_orient orient;       /* used when orient_given, else as the weights file says */
    enum sm_propagate propagate; /* up is towards higher slice numbers of the view */
    enum sm_choice multimask;
    double zoom;                 /* what is in a box is looked at a second time from near, in a part of the slice so many
                                    times the box's size; 0: as the weights file says, 1: it is not */
    int mirrors;                 /* images that a slice is looked at in, itself and mirrored ones: 1, 2 or 4; 0: as the weights
                                    file says */
    enum sm_mask_as mask_as;
    bool overlap;                /* voxels, volume and intensity count an object's own mask, not what
                                    the label map left it; without, a point in one object is excluded
                                    from others whose mask prompts have it */
    struct sm_embeddings *embeddings; /* to reuse and to add to; NULL: none */
    /* Called with stored slice k = 0, 1, ... of the label map as soon as it and those before will not change any more,
     * so that it can be written while the network is at others: by one thread at a time, not always the caller's, and
     * for the last one before sm_segment returns. What it fails with sm_segment fails with. NULL: nobody. */
    enum sm_status (*slice_done)(void *context, const struct sm_labels *labels, int k, struct sm_err *err);
    void *context;
};

struct sm_object_result {
    int id;
    const char *name; /* the prompts' */
    size_t voxels;
    double volume_ml; /* slices unevenly spaced: each counts as sm_stack_share says */
    int slices[2];         /* first and last slice number k along the view's slice axis, as voxel
                              indices; -1, -1 when empty */
    double predicted_iou;  /* mean over its slices of the chosen mask's prediction */
    double mean, sd;       /* intensity inside, rescaled values */
};

struct sm_result; /* everything the run knows; see the getters */

/* Each slice that carries a prompt, or is reached by propagation, is encoded once. `prompts` must have
 * been through sm_prompts_resolve for the volume's grid and must outlive the result. Slices that are not in memory yet
 * are brought there, all of them, before it returns: what is wrong with them it fails with. An object that
 * comes out empty is a warning (and has voxels 0). Cancelled: SM_INTERRUPTED, *result is NULL. The listener is
 * called by one thread at a time, but not always by the caller's. */
enum sm_status sm_segment(struct sm_result **result, const struct sm_model *model,
                          const struct sm_volume *volume, const struct sm_prompts *prompts,
                          const struct sm_segment_options *options,
                          const struct sm_listener *listener, struct sm_err *err);
void sm_result_free(struct sm_result *result);

const struct sm_labels *sm_result_labels(const struct sm_result *result);
size_t sm_result_objects(const struct sm_result *result);
const struct sm_object_result *sm_result_object(const struct sm_result *result, size_t object);
const struct sm_view *sm_result_view(const struct sm_result *result);
const struct sm_window *sm_result_window(const struct sm_result *result);
/* How many slices went through the image encoder. */
int sm_result_encoded(const struct sm_result *result);
/* Seconds spent bringing slices to memory, encoding and decoding. */
void sm_result_seconds(const struct sm_result *result, double *load, double *encode, double *decode);
/* Slice s of the view, object o: was it decoded, and if so its logits (height, width) in the view's
 * frame, as they were before objects competed. */
bool sm_result_has(const struct sm_result *result, size_t object, int slice);
void sm_result_logits(const struct sm_result *result, size_t object, int slice, float *logits);
/* Probabilities of one object on the volume's grid, (nz, ny, nx); 0 where nothing was decoded. */
void sm_result_probabilities(const struct sm_result *result, size_t object, float *out);
/* What was asked on slice s for an object, for drawing: NULL when nothing was. */
struct sm_slice_prompt {
    int box_count;
    const float (*boxes)[4]; /* x0, y0, x1, y1 in pixels of the view; x1, y1 one past the last */
    int point_count;
    const float (*points)[2];
    const int *point_labels;
    bool has_mask;   /* a mask prompt went with them */
    bool propagated; /* carried from other slices, not given by the user */
};
const struct sm_slice_prompt *sm_result_prompt(const struct sm_result *result, size_t object,
                                               int slice);

#ifdef __cplusplus
}
#endif

#endif
