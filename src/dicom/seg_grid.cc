// The grid that a segmentation's frames themselves lie on.
#include <algorithm>
#include <cstdlib>

#include "dicom/group.h"
#include "dicom/seg_read.h"

namespace dicom {

static const double SAME_PLANE_MM = 0.01;
static const double SAME_SPACING = 1e-3;  // part of it
static const double IN_PLACE = 0.1;       // of a step: scanners round positions
static const double IN_PLANE = 0.5;       // of a pixel
static const size_t MOST_MORE = 100, MOST_TIMES = 20; // slices beyond those that have a frame

static sm_status fail_scattered(const MaskRequest &request, const char *what)
{
    return sm_fail(request.err, SM_UNSUPPORTED, "%s: its frames %s, so it has no grid of its own; "
                   "give the image it belongs to", request.name(), what);
}

static bool same_spacing(double a, double b)
{
    return std::fabs(a - b) <= SAME_SPACING * a;
}

// How far two positions are apart within the plane, mm.
static double beside(const Vector &a, const Vector &b, const Vector &normal)
{
    Vector off = minus(a, b);
    double deep = dot(off, normal);
    return std::sqrt(std::max(0.0, dot(off, off) - deep * deep));
}

static double slack_mm(const Frame &plane)
{
    return IN_PLANE * std::min(plane.row_spacing, plane.column_spacing);
}

// The planes that have a frame, each once, in order.
static sm_status find_planes(std::vector<Frame> &planes, const Seg &seg, const MaskRequest &request)
{
    const MaskFrame &first = seg.frames[0];
    std::vector<Frame> frames;
    for (const MaskFrame &frame : seg.frames) {
        const Frame &plane = frame.plane;
        if (dot(frame.normal, first.normal) < 0 || !parallel(frame.normal, first.normal) ||
            !parallel(plane.row, first.plane.row))
            return fail_scattered(request, "lie in several directions");
        if (!same_spacing(plane.row_spacing, first.plane.row_spacing) ||
            !same_spacing(plane.column_spacing, first.plane.column_spacing))
            return fail_scattered(request, "have pixels of several sizes");
        frames.push_back(plane);
    }
    sort_slices(frames);
    for (const Frame &frame : frames) {
        if (planes.empty() || dot(minus(frame.position, planes.back().position), first.normal) > SAME_PLANE_MM)
            planes.push_back(frame);
        else if (beside(frame.position, planes.back().position, first.normal) > slack_mm(frame))
            return fail_scattered(request, "lie beside one another");
    }
    return SM_OK;
}

// Lays planes `step` mm apart into a regular grid; false when some plane is not on it.
static bool lay_regular(sm_grid &grid, const std::vector<Frame> &planes, double step)
{
    Vector normal = normal_of(planes[0]);
    Vector span = minus(planes.back().position, planes[0].position);
    double steps = std::round(dot(span, normal) / step);
    if (!(steps >= 1 && steps < (double)(MOST_MORE + MOST_TIMES * planes.size())))
        return false;
    Vector on = times(span, 1 / steps);
    double length = dot(on, normal);
    for (const Frame &plane : planes) {
        Vector off = minus(plane.position, planes[0].position);
        double place = dot(off, normal) / length, whole = std::round(place);
        if (std::fabs(place - whole) > IN_PLACE ||
            beside(off, times(on, whole), normal) > slack_mm(plane))
            return false;
    }
    for (int row = 0; row < 3; row++)
        grid.affine_lps[row][2] = on.x[row];
    grid.dim[2] = (int)steps + 1;
    return true;
}

static bool is_regular(sm_grid &grid, const std::vector<Frame> &planes)
{
    Vector normal = normal_of(planes[0]);
    double nearest = 0;
    for (size_t p = 1; p < planes.size(); p++) {
        double step = dot(minus(planes[p].position, planes[p - 1].position), normal);
        nearest = p == 1 ? step : std::min(nearest, step);
    }
    double declared = planes[0].between;
    return planes.size() == 1 || (declared > 0 && lay_regular(grid, planes, declared)) ||
           lay_regular(grid, planes, nearest);
}

static void keep_origins(sm_volume &own, const std::vector<Frame> &planes)
{
    own.slice_origin_lps = static_cast<double(*)[3]>(malloc(planes.size() * sizeof *own.slice_origin_lps));
    if (!own.slice_origin_lps)
        throw std::bad_alloc();
    for (size_t p = 0; p < planes.size(); p++)
        std::copy(planes[p].position.x, planes[p].position.x + 3, own.slice_origin_lps[p]);
}

enum sm_status read_seg_grid(sm_volume &own, const MaskRequest &request)
{
    Seg seg;
    Masks masks;
    Found found;
    sm_status status = read_seg_header(seg, masks, request);
    if (status == SM_OK)
        status = find_planes(found.frames, seg, request);
    if (status != SM_OK)
        return status;
    measure(found);
    own = {};
    own.grid = found.shown.grid;
    own.format = SM_FORMAT_DICOM;
    if (!sm_grid_invertible(&own.grid))
        return sm_fail(request.err, SM_CORRUPT, "%s: damaged segmentation: the places of its frames make "
                       "no grid", request.name());
    if (!is_regular(own.grid, found.frames))
        keep_origins(own, found.frames);
    return SM_OK;
}

} // namespace dicom
