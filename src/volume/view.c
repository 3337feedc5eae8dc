#include <string.h>
#include "sammed2d/view.h"
#include "volume/line.h"

const char *const *sm_plane_words(void)
{
    static const char *const words[] = {[SM_PLANE_AUTO] = "auto",
                                        [SM_PLANE_AXIAL] = "axial",
                                        [SM_PLANE_CORONAL] = "coronal",
                                        [SM_PLANE_SAGITTAL] = "sagittal",
                                        [SM_PLANE_SAGITTAL + 1] = NULL};
    return words;
}

const char *const *sm_orient_words(void)
{
    static const char *const words[] = {[SM_ORIENT_RADIOLOGICAL] = "radiological",
                                        [SM_ORIENT_STORED] = "stored",
                                        [SM_ORIENT_SA_MED2D] = "sa-med2d",
                                        [SM_ORIENT_SA_MED2D + 1] = NULL};
    return words;
}

/* A picture axis in world terms: 0 L, 1 P, 2 S, and whether it runs towards the positive end. */
struct direction {
    int world;
    bool positive;
};

enum { COLUMN, ROW, SLICE };

/* plane, orient -> directions of columns, rows and slices. */
static const struct direction radiological[][3] = {
    [SM_PLANE_AXIAL] = {{0, true}, {1, true}, {2, true}},
    [SM_PLANE_CORONAL] = {{0, true}, {2, false}, {1, true}},
    [SM_PLANE_SAGITTAL] = {{1, true}, {2, false}, {0, true}},
};
static const struct direction sa_med2d_axial[3] = {{0, true}, {1, false}, {2, true}};

static const enum sm_plane plane_across[3] = {/* world axis of the slices */
                                              SM_PLANE_SAGITTAL, SM_PLANE_CORONAL, SM_PLANE_AXIAL};

static const char letter[3][2] = {{'R', 'L'}, {'A', 'P'}, {'I', 'S'}};

static int axis_along(const struct sm_orientation *orientation, int world)
{
    for (int axis = 0; axis < 2; axis++)
        if (orientation->world[axis] == world)
            return axis;
    return 2;
}

/* The one axis that is a single voxel thick, or -1: a 2-D picture is its own plane, whatever
 * spacing its header gives to the missing direction. */
static int flat_axis(const struct sm_grid *grid)
{
    int flat = -1;
    for (int axis = 0; axis < 3; axis++)
        if (grid->dim[axis] == 1) {
            if (flat >= 0)
                return -1;
            flat = axis;
        }
    return flat;
}

/* Across the largest spacing; of those within 0.1 % of it the one that runs along S, else P. */
static int widest_axis(const struct sm_grid *grid, const struct sm_orientation *orientation)
{
    double largest = 0;
    for (int axis = 0; axis < 3; axis++)
        if (sm_grid_spacing_mm(grid, axis) > largest)
            largest = sm_grid_spacing_mm(grid, axis);
    for (int world = 2; world > 0; world--) {
        int axis = axis_along(orientation, world);
        if (sm_grid_spacing_mm(grid, axis) * 1.001 >= largest)
            return axis;
    }
    return axis_along(orientation, 0);
}

static enum sm_plane nearest_plane(const struct sm_volume *volume,
                                   const struct sm_orientation *orientation)
{
    int axis = 2;
    if (volume->format == SM_FORMAT_NIFTI) {
        axis = flat_axis(&volume->grid);
        if (axis < 0)
            axis = widest_axis(&volume->grid, orientation);
    }
    return plane_across[orientation->world[axis]];
}

static void choose_stored(struct sm_view *view, int slice_axis)
{
    view->axis[COLUMN] = slice_axis == 0 ? 1 : 0;
    view->axis[ROW] = slice_axis == 2 ? 1 : 2;
    view->axis[SLICE] = slice_axis;
}

static void choose_directions(struct sm_view *view, const struct sm_orientation *orientation,
                              const struct direction directions[3])
{
    for (int p = 0; p < 3; p++) {
        view->axis[p] = axis_along(orientation, directions[p].world);
        view->reversed[p] = orientation->positive[view->axis[p]] != directions[p].positive;
    }
}

void sm_view_choose(struct sm_view *view, const struct sm_volume *volume, enum sm_plane plane,
                    enum sm_orient orient)
{
    struct sm_orientation orientation;
    sm_grid_orientation(&volume->grid, &orientation);
    *view = (struct sm_view){.plane = plane};
    if (plane == SM_PLANE_AUTO)
        view->plane = nearest_plane(volume, &orientation);
    const struct direction *directions = radiological[view->plane];
    if (orient == SM_ORIENT_STORED)
        choose_stored(view, axis_along(&orientation, directions[SLICE].world));
    else if (orient == SM_ORIENT_SA_MED2D && view->plane == SM_PLANE_AXIAL)
        choose_directions(view, &orientation, sa_med2d_axial);
    else
        choose_directions(view, &orientation, directions);
    for (int p = 0; p < 3; p++) {
        int axis = view->axis[p];
        view->dim[p] = volume->grid.dim[axis];
        view->spacing_mm[p] = sm_grid_spacing_mm(&volume->grid, axis);
        bool positive = orientation.positive[axis] != view->reversed[p];
        view->letters[p][0] = letter[orientation.world[axis]][!positive];
        view->letters[p][1] = letter[orientation.world[axis]][positive];
    }
}

void sm_view_to_voxel(const struct sm_view *view, const double xys[3], double ijk[3])
{
    double result[3];
    for (int p = 0; p < 3; p++)
        result[view->axis[p]] = view->reversed[p] ? view->dim[p] - 1 - xys[p] : xys[p];
    memcpy(ijk, result, sizeof result);
}

void sm_view_from_voxel(const struct sm_view *view, const double ijk[3], double xys[3])
{
    double result[3];
    for (int p = 0; p < 3; p++) {
        double index = ijk[view->axis[p]];
        result[p] = view->reversed[p] ? view->dim[p] - 1 - index : index;
    }
    memcpy(xys, result, sizeof result);
}

void sm_view_steps(const struct sm_view *view, const struct sm_grid *grid, int s, size_t *origin,
                   ptrdiff_t *column_step, ptrdiff_t *row_step)
{
    ptrdiff_t at = 0, step[3];
    for (int p = 0; p < 3; p++) {
        step[p] = volume_step(grid, view->axis[p]);
        int index = p == SLICE ? s : 0;
        at += step[p] * (view->reversed[p] ? view->dim[p] - 1 - index : index);
        if (view->reversed[p])
            step[p] = -step[p];
    }
    *origin = (size_t)at;
    *column_step = step[COLUMN];
    *row_step = step[ROW];
}

/* Where k is at pixel (x, y) of slice s, for the rescale of that slice of the file. */
static int k_of(const struct sm_view *view, int x, int y, int s)
{
    const int xys[3] = {x, y, s};
    for (int p = 0; p < 3; p++)
        if (view->axis[p] == 2)
            return view->reversed[p] ? view->dim[p] - 1 - xys[p] : xys[p];
    return 0;
}

enum sm_status sm_view_load(const struct sm_view *view, const struct sm_volume *volume, int s, struct sm_err *err)
{
    int k = k_of(view, 0, 0, s), last = volume->grid.dim[2] - 1;
    return view->axis[SLICE] == 2 ? sm_volume_load(volume, k, k, err) : sm_volume_load(volume, 0, last, err);
}

/* Lines run along whichever picture axis is nearer in memory: a sagittal or coronal picture of a
 * volume stored k-fastest would otherwise jump a cache line a pixel. */
void sm_view_slice(const struct sm_view *view, const struct sm_volume *volume, int s, float *out)
{
    size_t origin;
    ptrdiff_t step[2];
    sm_view_steps(view, &volume->grid, s, &origin, &step[COLUMN], &step[ROW]);
    int channels = volume->channels;
    ptrdiff_t out_step[2] = {channels, (ptrdiff_t)channels * view->dim[COLUMN]};
    int along = view->axis[COLUMN] < view->axis[ROW] ? COLUMN : ROW, across = !along;
    struct line line = {.volume = volume,
                        .step = step[along],
                        .n = view->dim[along],
                        .out_step = out_step[along]};
    if (view->axis[along] == 2)
        line.rescale_step = view->reversed[along] ? -1 : 1;
    for (int number = 0; number < view->dim[across]; number++) {
        line.first = (size_t)((ptrdiff_t)origin + number * step[across]);
        line.rescale = volume->rescale + (along == COLUMN ? k_of(view, 0, number, s)
                                                          : k_of(view, number, 0, s));
        for (line.channel = 0; line.channel < channels; line.channel++) {
            line.out = out + number * out_step[across] + line.channel;
            volume_line_read(&line);
        }
    }
}
