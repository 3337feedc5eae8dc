/* pipeline/prompts_internal.h - what the prompt readers share. */
#ifndef PIPELINE_PROMPTS_INTERNAL_H
#define PIPELINE_PROMPTS_INTERNAL_H

#include "base/json.h"
#include "sammed2d/prompts.h"

/* Millimetres and voxel indices beyond this are nonsense, and would overflow later. */
#define PROMPT_LIMIT 1e6

enum sm_status prompts_append_point(struct sm_object *object, const struct sm_point *point,
                                    struct sm_err *err);
enum sm_status prompts_append_box(struct sm_object *object, const struct sm_box *box,
                                  struct sm_err *err);
/* A box whose corners are given in plain axes of its space. */
struct sm_box prompts_plain_box(enum sm_space space, const double numbers[6]);

/* The nearest voxel; halfway between two, the one towards L, P or S, whichever way it is stored. */
void prompts_nearest(const struct sm_grid *grid, double ijk[3]);

/* An array of exactly `count` finite numbers of sane size, or SM_CORRUPT naming `what`. */
enum sm_status json_numbers(const json_t *json, double *numbers, size_t count, const char *path,
                            const char *what, struct sm_err *err);

/* The readers of the three forms; `path` is for messages and for what is relative to the file;
 * `picture`: as in sm_prompts_read. */
enum sm_status prompts_from_json(struct sm_prompts *prompts, const json_t *json, const char *path,
                                 const char *picture, struct sm_err *err);
enum sm_status prompts_from_own(struct sm_prompts *prompts, const json_t *json, const char *path,
                                struct sm_err *err);
enum sm_status prompts_from_slicer(struct sm_prompts *prompts, const json_t *json, const char *path,
                                   struct sm_err *err);
enum sm_status prompts_from_fixed(struct sm_prompts *prompts, const json_t *json, const char *path,
                                  const char *picture, struct sm_err *err);

/* An object whose prompt is label `value` of the mask file: that of the name, or, where it has a mask, with a warning a new
 * one, "NAME (2)". */
enum sm_status prompts_add_mask_object(struct sm_prompts *prompts, const char *path, int value, const char *name,
                                       const struct sm_listener *listener, struct sm_err *err);

/* Masks in DICOM files: an object a segment or ROI; then the masks of all objects that name the file. */
bool prompts_is_dicom(const char *path);
enum sm_status prompts_add_dicom(struct sm_prompts *prompts, const char *path,
                                 const struct sm_listener *listener, struct sm_err *err);
enum sm_status prompts_load_dicom(struct sm_prompts *prompts, const char *path,
                                  const struct sm_volume *volume, const struct sm_listener *listener,
                                  struct sm_err *err);
#endif
