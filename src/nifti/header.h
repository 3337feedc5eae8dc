/* nifti/header.h - NIfTI-1 and NIfTI-2 headers as one struct, in native byte order, checked.
 *
 * niftilib supplies the header's layout, byte swapping and quaternion arithmetic. Its nifti_image is
 * not used: building one turns NaN into 0, quietly repairs dimensions, prints to standard error and,
 * when it loads voxels, replaces what is not finite, and allocates whatever the header says.
 */
#ifndef NIFTI_HEADER_H
#define NIFTI_HEADER_H

#include "sammed2d/nifti.h"

enum { NIFTI_1_BYTES = 348, NIFTI_2_BYTES = 540 };
/* For sm_nifti_read: the only volume, as -1, of a file that no --volume is for. */
enum { NIFTI_LABEL_MAP = -2 };

struct nifti_type {
    int code; /* DT_... */
    const char *name;
    size_t bytes;
    bool readable;
    enum sm_voxel_type type; /* when readable */
};

struct nifti_header {
    int version;   /* 1 or 2 */
    bool swapped;  /* the file's byte order is not this machine's */
    bool one_file; /* voxels follow the header */
    int64_t dim[7]; /* all at least 1 */
    const struct nifti_type *type;
    int64_t vox_offset;
    double slope, intercept; /* as they apply: 1, 0 when the file scales nothing */
    struct sm_nifti_forms forms;
    char description[81];
};

/* From the first `count` bytes of a file (NIFTI_2_BYTES suffice). Errors as sm_nifti_info. */
enum sm_status nifti_header_parse(struct nifti_header *header, const void *bytes, size_t count,
                                  const char *path, const struct sm_listener *listener,
                                  struct sm_err *err);

/* Bytes of one volume and of all; false: more than any file can hold. */
bool nifti_header_sizes(const struct nifti_header *header, uint64_t *volume, uint64_t *all);
int64_t nifti_header_volumes(const struct nifti_header *header); /* only after sizes were checked */

/* Where the voxels are, in LPS; which of the forms won, as "sform", "qform" or "pixdim". */
enum sm_status nifti_place(struct sm_grid *grid, const char **form,
                           const struct nifti_header *header, const char *path,
                           const struct sm_listener *listener, struct sm_err *err);
/* The placement fields of a grid that did not come from NIfTI; of an unplaced one with codes that say so. */
void nifti_forms_from_grid(struct sm_nifti_forms *forms, const struct sm_grid *grid, bool unplaced);
#endif
