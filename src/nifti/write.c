#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <nifti2_io.h>
#include "nifti/header.h"
#include "nifti/sink.h"
#include "sammed2d/sammed2d.h"

/* What the header of an output says. */
struct plan {
    int dim[4]; /* dim[3]: volumes, 0 for a 3-D file */
    int type;   /* DT_... */
    int bits;
    int intent;
    struct sm_nifti_forms forms;
};

/* The fields have the same names and other types in the two versions. A float field gets back what a
 * float field gave, so nothing is rounded. */
#define FILL_FIELDS(h, plan, float_type)                                                           \
    do {                                                                                           \
        (h)->dim[0] = (plan)->dim[3] ? 4 : 3;                                                      \
        for (int d = 0; d < 4; d++)                                                                \
            (h)->dim[d + 1] = (plan)->dim[d] ? (__typeof__((h)->dim[0]))(plan)->dim[d] : 1;       \
        for (int d = 5; d < 8; d++)                                                                \
            (h)->dim[d] = 1;                                                                       \
        for (int d = 0; d < 8; d++)                                                                \
            (h)->pixdim[d] = (float_type)(plan)->forms.pixdim[d];                                  \
        for (int c = 0; c < 4; c++) {                                                              \
            (h)->srow_x[c] = (float_type)(plan)->forms.srow_x[c];                                  \
            (h)->srow_y[c] = (float_type)(plan)->forms.srow_y[c];                                  \
            (h)->srow_z[c] = (float_type)(plan)->forms.srow_z[c];                                  \
        }                                                                                          \
        (h)->datatype = (short)(plan)->type;                                                       \
        (h)->bitpix = (short)(plan)->bits;                                                         \
        (h)->intent_code = (__typeof__((h)->intent_code))(plan)->intent;                          \
        (h)->scl_slope = 1;                                                                        \
        (h)->xyzt_units = (__typeof__((h)->xyzt_units))(plan)->forms.xyzt_units;                  \
        (h)->qform_code = (__typeof__((h)->qform_code))(plan)->forms.qform_code;                  \
        (h)->sform_code = (__typeof__((h)->sform_code))(plan)->forms.sform_code;                  \
        (h)->quatern_b = (float_type)(plan)->forms.quatern_b;                                      \
        (h)->quatern_c = (float_type)(plan)->forms.quatern_c;                                      \
        (h)->quatern_d = (float_type)(plan)->forms.quatern_d;                                      \
        (h)->qoffset_x = (float_type)(plan)->forms.qoffset_x;                                      \
        (h)->qoffset_y = (float_type)(plan)->forms.qoffset_y;                                      \
        (h)->qoffset_z = (float_type)(plan)->forms.qoffset_z;                                      \
        snprintf((h)->descrip, sizeof (h)->descrip, "sammed2d %s", sm_version());                  \
    } while (0)

/* After the header: four zero bytes that say "no extensions". */
enum { EXTENSION_BYTES = 4 };

static enum sm_status write_nifti_1(struct sink *sink, const struct plan *plan, struct sm_err *err)
{
    struct {
        nifti_1_header h;
        char extension[EXTENSION_BYTES];
    } out = {.h = {.sizeof_hdr = NIFTI_1_BYTES, .regular = 'r'}};
    FILL_FIELDS(&out.h, plan, float);
    out.h.vox_offset = NIFTI_1_BYTES + EXTENSION_BYTES;
    memcpy(out.h.magic, "n+1", 4);
    _Static_assert(sizeof out == NIFTI_1_BYTES + EXTENSION_BYTES, "packed as in the file");
    return sink_write(sink, &out, sizeof out, err);
}

static enum sm_status write_nifti_2(struct sink *sink, const struct plan *plan, struct sm_err *err)
{
    nifti_2_header h = {.sizeof_hdr = NIFTI_2_BYTES};
    FILL_FIELDS(&h, plan, double);
    h.vox_offset = NIFTI_2_BYTES + EXTENSION_BYTES;
    memcpy(h.magic, "n+2\0\r\n\032\n", 8);
    char out[NIFTI_2_BYTES + EXTENSION_BYTES] = {0};
    memcpy(out, &h, NIFTI_2_BYTES);
    return sink_write(sink, out, sizeof out, err);
}

/* NIfTI-1 counts in 16 bits and places in float32; NIfTI-2 is kept where the source was, and taken
 * where 16 bits do not suffice. */
static enum sm_status write_header(struct sink *sink, const struct plan *plan, struct sm_err *err)
{
    bool nifti_2 = plan->forms.nifti2;
    for (int d = 0; d < 4; d++)
        nifti_2 = nifti_2 || plan->dim[d] > INT16_MAX;
    return nifti_2 ? write_nifti_2(sink, plan, err) : write_nifti_1(sink, plan, err);
}

static void plan_geometry(struct plan *plan, const struct sm_grid *grid,
                          const struct sm_volume *like)
{
    memcpy(plan->dim, grid->dim, sizeof grid->dim);
    if (like->nifti.present)
        plan->forms = like->nifti;
    else
        nifti_forms_from_grid(&plan->forms, grid, like->unplaced);
}

static uint16_t largest_label(const struct sm_labels *labels)
{
    uint16_t largest = 0;
    size_t count = sm_grid_voxels(&labels->grid);
    for (size_t v = 0; v < count; v++)
        if (labels->voxels[v] > largest)
            largest = labels->voxels[v];
    return largest;
}

/* ---- label maps ---- */

struct sm_label_writer {
    struct sink sink;
    size_t pixels;   /* of a slice */
    int left;        /* slices to come */
    uint8_t *narrow; /* (pixels), when the largest label fits into a byte */
};

static enum sm_status check_grid(const char *path, const struct sm_grid *grid, const struct sm_volume *like,
                                 struct sm_err *err)
{
    const int *own = grid->dim, *dim = like->grid.dim;
    return memcmp(own, dim, sizeof grid->dim) == 0
               ? SM_OK
               : sm_fail(err, SM_USAGE,
                         "%s: labels of %d x %d x %d voxels do not lie on a grid of %d x %d x %d",
                         path, own[0], own[1], own[2], dim[0], dim[1], dim[2]);
}

static enum sm_status begin(struct sm_label_writer *writer, const struct sm_grid *grid, uint16_t largest,
                            const struct sm_volume *like, struct sm_err *err)
{
    bool bytes = largest <= UINT8_MAX;
    struct plan plan = {.type = bytes ? DT_UINT8 : DT_UINT16,
                        .bits = bytes ? 8 : 16,
                        .intent = NIFTI_INTENT_LABEL};
    plan_geometry(&plan, grid, like);
    writer->pixels = (size_t)grid->dim[0] * (size_t)grid->dim[1];
    writer->left = grid->dim[2];
    if (bytes && !(writer->narrow = malloc(writer->pixels)))
        return sm_fail(err, SM_MEMORY, "out of memory: a slice of labels");
    return write_header(&writer->sink, &plan, err);
}

enum sm_status sm_label_writer_add(struct sm_label_writer *writer, const uint16_t *slice, struct sm_err *err)
{
    if (writer->left-- < 1)
        return sm_fail(err, SM_USAGE, "%s: more slices of labels than the grid has", writer->sink.path);
    if (!writer->narrow)
        return sink_write(&writer->sink, slice, writer->pixels * sizeof *slice, err);
    for (size_t v = 0; v < writer->pixels; v++)
        writer->narrow[v] = (uint8_t)slice[v];
    return sink_write(&writer->sink, writer->narrow, writer->pixels, err);
}

static enum sm_status finish(struct sm_label_writer *writer, enum sm_status status, struct sm_err *err)
{
    free(writer->narrow);
    if (status == SM_OK && writer->left > 0)
        status = sm_fail(err, SM_USAGE, "%s: %d slices of labels are missing", writer->sink.path, writer->left);
    return sink_close(&writer->sink, status, err);
}

enum sm_status sm_nifti_write_labels(const char *path, const struct sm_labels *labels,
                                     const struct sm_volume *like, struct sm_err *err)
{
    struct sm_label_writer writer = {0};
    enum sm_status status = check_grid(path, &labels->grid, like, err);
    if (status == SM_OK)
        status = sink_open(&writer.sink, path, err);
    if (status != SM_OK)
        return status;
    status = begin(&writer, &labels->grid, largest_label(labels), like, err);
    for (int k = 0; k < labels->grid.dim[2] && status == SM_OK; k++)
        status = sm_label_writer_add(&writer, labels->voxels + (size_t)k * writer.pixels, err);
    return finish(&writer, status, err);
}

enum sm_status sm_label_writer_open(struct sm_label_writer **out, const char *path, const struct sm_grid *grid,
                                    uint16_t largest, const struct sm_volume *like, struct sm_err *err)
{
    struct sm_label_writer *writer = calloc(1, sizeof *writer);
    *out = NULL;
    if (!writer)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    enum sm_status status = sink_hold(&writer->sink, path, err);
    if (status == SM_OK)
        status = check_grid(path, grid, like, err);
    if (status == SM_OK)
        status = begin(writer, grid, largest, like, err);
    if (status == SM_OK)
        *out = writer;
    else
        sm_label_writer_close(writer, status, NULL);
    return status;
}

enum sm_status sm_label_writer_close(struct sm_label_writer *writer, enum sm_status status, struct sm_err *err)
{
    if (writer)
        status = finish(writer, status, err);
    free(writer);
    return status;
}

enum sm_status sm_nifti_write_floats(const char *path, const struct sm_volume *like, int volumes,
                                     enum sm_status (*fill)(void *context, int v, float *out,
                                                            struct sm_err *err),
                                     void *context, struct sm_err *err)
{
    struct plan plan = {.type = DT_FLOAT32, .bits = 32};
    plan_geometry(&plan, &like->grid, like);
    plan.dim[3] = volumes;
    size_t bytes = sm_grid_voxels(&like->grid) * sizeof(float);
    float *voxels = malloc(bytes);
    if (!voxels)
        return sm_fail(err, SM_MEMORY, "%s: out of memory for %zu MB", path, bytes >> 20);
    struct sink sink;
    enum sm_status status = sink_open(&sink, path, err);
    if (status == SM_OK) {
        status = write_header(&sink, &plan, err);
        for (int v = 0; v < volumes && status == SM_OK; v++) {
            status = fill(context, v, voxels, err);
            if (status == SM_OK)
                status = sink_write(&sink, voxels, bytes, err);
        }
        status = sink_close(&sink, status, err);
    }
    free(voxels);
    return status;
}
