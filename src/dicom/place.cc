#include "dicom/place.h"

#include <algorithm>

namespace dicom {

double dot(const Vector &a, const Vector &b)
{
    return a.x[0] * b.x[0] + a.x[1] * b.x[1] + a.x[2] * b.x[2];
}

Vector cross(const Vector &a, const Vector &b)
{
    Vector c;
    for (int i = 0; i < 3; i++)
        c.x[i] = a.x[(i + 1) % 3] * b.x[(i + 2) % 3] - a.x[(i + 2) % 3] * b.x[(i + 1) % 3];
    return c;
}

Vector minus(const Vector &a, const Vector &b)
{
    Vector c;
    for (int i = 0; i < 3; i++)
        c.x[i] = a.x[i] - b.x[i];
    return c;
}

Vector times(const Vector &a, double factor)
{
    Vector c;
    for (int i = 0; i < 3; i++)
        c.x[i] = a.x[i] * factor;
    return c;
}

bool make_unit(Vector &v)
{
    double length = std::sqrt(dot(v, v));
    if (!(length > 1e-12) || !std::isfinite(length))
        return false;
    v = times(v, 1 / length);
    return true;
}

// 0.00045 radians: what a direction rounded to a few decimals may be off, and under a fifth of a mm
// across a picture.
bool parallel(const Vector &a, const Vector &b)
{
    return std::fabs(dot(a, b)) > 1 - 1e-7;
}

bool plate_axes(Plate &plate, const Vector &origin, const Vector &across, const Vector &down)
{
    Vector normal = cross(across, down);
    double aa = dot(across, across), ad = dot(across, down), dd = dot(down, down);
    double det = aa * dd - ad * ad;
    if (!(det > 1e-9 * aa * dd) || !make_unit(normal))
        return false;
    plate.axis[0].direction = minus(times(across, dd / det), times(down, ad / det));
    plate.axis[1].direction = minus(times(down, aa / det), times(across, ad / det));
    plate.axis[2].direction = normal;
    for (Axis &axis : plate.axis)
        axis.offset = dot(axis.direction, origin);
    return true;
}

static Vector column_of(const sm_grid &grid, int c)
{
    Vector v;
    for (int r = 0; r < 3; r++)
        v.x[r] = grid.affine_lps[r][c];
    return v;
}

Places::Places(const sm_volume &like)
{
    std::copy(like.grid.dim, like.grid.dim + 3, dim);
    across = column_of(like.grid, 0);
    down = column_of(like.grid, 1);
    Vector on = column_of(like.grid, 2), start = column_of(like.grid, 3);
    normal = cross(across, down);
    make_unit(normal);
    if (dot(normal, on) < 0)
        normal = times(normal, -1);
    uneven = like.slice_origin_lps != nullptr;
    for (int k = 0; k < dim[2]; k++) {
        Vector at = minus(start, times(on, -k));
        if (uneven)
            std::copy(like.slice_origin_lps[k], like.slice_origin_lps[k] + 3, at.x);
        origin.push_back(at);
        depth.push_back(dot(at, normal));
    }
    step = dot(on, normal);
    if (dim[2] > 1) {
        std::vector<double> steps;
        for (size_t k = 1; k < depth.size(); k++)
            steps.push_back(depth[k] - depth[k - 1]);
        std::nth_element(steps.begin(), steps.begin() + (long)steps.size() / 2, steps.end());
        step = steps[steps.size() / 2];
    }
}

int Places::nearest(double where) const
{
    size_t best = 0;
    for (size_t k = 1; k < depth.size(); k++)
        if (std::fabs(depth[k] - where) < std::fabs(depth[best] - where))
            best = k;
    return (int)best;
}

// Could any voxel of slice k be in the plate? Looks at the slice's corners.
bool Places::touches(const Plate &plate, int k) const
{
    for (int c = 0; c < 3; c++) {
        double at = plate.axis[c].at(origin[(size_t)k]);
        double a = dot(plate.axis[c].direction, across) * (dim[0] - 1);
        double d = dot(plate.axis[c].direction, down) * (dim[1] - 1);
        double least = at + std::min(a, 0.0) + std::min(d, 0.0);
        double most = at + std::max(a, 0.0) + std::max(d, 0.0);
        if (most < plate.low[c] || least >= plate.high[c])
            return false;
    }
    return true;
}

// Narrows first..last to where low <= start + i * step < high.
static void narrow(double start, double step, double low, double high, double &first, double &last)
{
    if (std::fabs(step) < 1e-9) {
        if (!(start >= low && start < high))
            last = first - 1;
        return;
    }
    double at_low = (low - start) / step, at_high = (high - start) / step;
    if (step > 0) {
        first = std::max(first, std::ceil(at_low));
        last = std::min(last, std::ceil(at_high) - 1);
    } else {
        first = std::max(first, std::floor(at_high) + 1);
        last = std::min(last, std::floor(at_low));
    }
}

bool Places::clip(const Plate &plate, RowPiece &piece) const
{
    double first = 0, last = dim[0] - 1;
    Vector at = minus(origin[(size_t)piece.k], times(down, -piece.j));
    for (int c = 0; c < 3; c++) {
        piece.start[c] = plate.axis[c].at(at);
        piece.step[c] = dot(plate.axis[c].direction, across);
        narrow(piece.start[c], piece.step[c], plate.low[c], plate.high[c], first, last);
    }
    if (!(first <= last))
        return false;
    piece.first = (int)first;
    piece.last = (int)last;
    return true;
}

} // namespace dicom
