/* Where a NIfTI volume lies. The only place where RAS and LPS meet.
 *
 * nifti1.h's rule, in this order: the sform when sform_code > 0; else the qform when qform_code > 0;
 * else pixdim alone ("method 1"), which says nothing of position and direction. */
#include <math.h>
#include <string.h>
#include <nifti2_io.h>
#include "nifti/header.h"

/* Forms that move no corner voxel further than this part of the smallest spacing agree. */
static const double agree = 0.1;

/* NIfTI's x grows to the Right and y to Anterior, ours to Left and Posterior; z is the same. The
 * sign change is its own inverse, so this serves both directions. */
static void swap_ras_lps(double affine[4][4])
{
    for (int column = 0; column < 4; column++) {
        affine[0][column] = -affine[0][column];
        affine[1][column] = -affine[1][column];
    }
}

static double unit_in_mm(int xyzt_units)
{
    switch (XYZT_TO_SPACE(xyzt_units)) {
    case NIFTI_UNITS_METER: return 1000;
    case NIFTI_UNITS_MICRON: return 0.001;
    default: return 1; /* mm, or unknown: mm is what everybody means */
    }
}

static void sform_affine(double affine[4][4], const struct sm_nifti_forms *forms)
{
    const double *rows[3] = {forms->srow_x, forms->srow_y, forms->srow_z};
    for (int row = 0; row < 3; row++)
        memcpy(affine[row], rows[row], 4 * sizeof(double));
}

/* Spacings must be positive numbers. Where they are not: the absolute value, or 1. */
static bool repair_spacing(double spacing[3], const struct sm_nifti_forms *forms)
{
    bool repaired = false;
    for (int axis = 0; axis < 3; axis++) {
        double given = forms->pixdim[axis + 1];
        bool usable = isfinite(given) && given != 0;
        spacing[axis] = usable ? fabs(given) : 1;
        repaired = repaired || !(usable && given > 0);
    }
    return repaired;
}

/* False: the quaternion is no rotation. */
static bool qform_affine(double affine[4][4], const struct sm_nifti_forms *f,
                         const double spacing[3])
{
    double square =
        f->quatern_b * f->quatern_b + f->quatern_c * f->quatern_c + f->quatern_d * f->quatern_d;
    if (!(square <= 1.01))
        return false;
    nifti_dmat44 m = nifti_quatern_to_dmat44(
        f->quatern_b, f->quatern_c, f->quatern_d, f->qoffset_x, f->qoffset_y, f->qoffset_z,
        spacing[0], spacing[1], spacing[2], f->pixdim[0] < 0 ? -1 : 1);
    memcpy(affine, m.m, sizeof m.m);
    return true;
}

static void finish_affine(struct sm_grid *grid, double unit)
{
    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 4; column++)
            grid->affine_lps[row][column] *= unit;
    swap_ras_lps(grid->affine_lps);
}

static void warn_of_difference(const struct sm_grid *grid, const struct nifti_header *header,
                               const double spacing[3], const char *path,
                               const struct sm_listener *listener)
{
    struct sm_grid other = *grid;
    if (!qform_affine(other.affine_lps, &header->forms, spacing)) {
        sm_warn(listener, "%s: the qform is damaged; the sform is used", path);
        return;
    }
    finish_affine(&other, unit_in_mm(header->forms.xyzt_units));
    double smallest = INFINITY, distance = sm_grid_distance_mm(grid, &other);
    for (int axis = 0; axis < 3; axis++)
        smallest = fmin(smallest, sm_grid_spacing_mm(grid, axis));
    if (!(distance <= agree * smallest))
        sm_warn(listener,
                "%s: sform and qform differ by up to %.3g mm; the sform is used, as NIfTI's rule is",
                path, distance);
}

static enum sm_status bad_form(const char *path, const char *form, struct sm_err *err)
{
    return sm_fail(err, SM_CORRUPT,
                   "%s: the %s does not place voxels in space (a number missing, or axes in one "
                   "plane); repair the header first",
                   path, form);
}

enum sm_status nifti_place(struct sm_grid *grid, const char **form,
                           const struct nifti_header *header, const char *path,
                           const struct sm_listener *listener, struct sm_err *err)
{
    const struct sm_nifti_forms *forms = &header->forms;
    *grid = (struct sm_grid){.affine_lps[3][3] = 1};
    for (int axis = 0; axis < 3; axis++)
        grid->dim[axis] = (int)header->dim[axis];
    bool sform = forms->sform_code > 0, qform = forms->qform_code > 0;
    double spacing[3];
    bool repaired = repair_spacing(spacing, forms);
    *form = sform ? "sform" : qform ? "qform" : "pixdim";
    if (sform)
        sform_affine(grid->affine_lps, forms);
    else if (!qform)
        for (int axis = 0; axis < 3; axis++)
            grid->affine_lps[axis][axis] = spacing[axis];
    else if (!qform_affine(grid->affine_lps, forms, spacing))
        return bad_form(path, *form, err);
    finish_affine(grid, unit_in_mm(forms->xyzt_units));
    if (!sm_grid_invertible(grid))
        return bad_form(path, *form, err);
    if (!sform && repaired && (header->dim[2] > 1 || forms->pixdim[3] < 0 ||
                               !(forms->pixdim[1] > 0 && forms->pixdim[2] > 0)))
        sm_warn(listener,
                "%s: a voxel size of %g x %g x %g is impossible; %g x %g x %g is taken", path,
                forms->pixdim[1], forms->pixdim[2], forms->pixdim[3], spacing[0], spacing[1],
                spacing[2]);
    if (sform && qform)
        warn_of_difference(grid, header, spacing, path, listener);
    if (!sform && !qform)
        sm_warn(listener,
                "%s: neither sform nor qform is set; the axes are taken as right, anterior and "
                "superior, but left and right are not known from this file",
                path);
    return SM_OK;
}

/* The qform can only say rotation, reflection and spacing: true when that is all there is. */
static bool rotation_only(const struct sm_grid *grid)
{
    for (int a = 0; a < 3; a++) {
        int b = (a + 1) % 3;
        double product = 0;
        for (int row = 0; row < 3; row++)
            product += grid->affine_lps[row][a] * grid->affine_lps[row][b];
        if (fabs(product) > 1e-5 * sm_grid_spacing_mm(grid, a) * sm_grid_spacing_mm(grid, b))
            return false;
    }
    return true;
}

void nifti_forms_from_grid(struct sm_nifti_forms *forms, const struct sm_grid *grid, bool unplaced)
{
    int code = unplaced ? NIFTI_XFORM_UNKNOWN : NIFTI_XFORM_SCANNER_ANAT;
    *forms = (struct sm_nifti_forms){.sform_code = code, .xyzt_units = NIFTI_UNITS_MM};
    nifti_dmat44 ras;
    memcpy(ras.m, grid->affine_lps, sizeof ras.m);
    swap_ras_lps(ras.m);
    double *rows[3] = {forms->srow_x, forms->srow_y, forms->srow_z};
    for (int row = 0; row < 3; row++)
        memcpy(rows[row], ras.m[row], 4 * sizeof(double));
    nifti_dmat44_to_quatern(ras, &forms->quatern_b, &forms->quatern_c, &forms->quatern_d,
                            &forms->qoffset_x, &forms->qoffset_y, &forms->qoffset_z, NULL, NULL,
                            NULL, &forms->pixdim[0]);
    for (int axis = 0; axis < 3; axis++)
        forms->pixdim[axis + 1] = sm_grid_spacing_mm(grid, axis);
    if (rotation_only(grid))
        forms->qform_code = code;
}
