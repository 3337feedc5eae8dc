#include "dicom/group.h"

#include <algorithm>
#include <cmath>

namespace dicom {

// Positions are rounded by scanners, some to a tenth of a millimetre; a slice that is off the even grid by
// no more than this part of the step belongs to it, and what is more is a gap.
static const double EVEN = 0.1;
// A step that differs from the median by more than this part of it is named as a gap.
static const double SAME_STEP = 0.02;
// What so many of the steps have in common is what most have.
static const double MOST = 0.6;
static const double DEGREES = 57.29577951308232;

static Vector minus(const Vector &a, const Vector &b)
{
    Vector c;
    for (int i = 0; i < 3; i++)
        c.x[i] = a.x[i] - b.x[i];
    return c;
}

static double length_of(const Vector &a)
{
    return std::sqrt(a.x[0] * a.x[0] + a.x[1] * a.x[1] + a.x[2] * a.x[2]);
}

Vector normal_of(const Frame &frame)
{
    Vector n;
    for (int i = 0; i < 3; i++)
        n.x[i] = frame.row.x[(i + 1) % 3] * frame.column.x[(i + 2) % 3] -
                 frame.row.x[(i + 2) % 3] * frame.column.x[(i + 1) % 3];
    return n;
}

double along(const Vector &normal, const Vector &position)
{
    return normal.x[0] * position.x[0] + normal.x[1] * position.x[1] + normal.x[2] * position.x[2];
}

void sort_slices(std::vector<Frame> &frames)
{
    if (frames.empty())
        return;
    Vector normal = normal_of(frames[0]);
    std::stable_sort(frames.begin(), frames.end(), [&](const Frame &a, const Frame &b) {
        return along(normal, a.position) < along(normal, b.position);
    });
}

static Vector mean_step(const std::vector<Frame> &frames)
{
    Vector step = minus(frames.back().position, frames.front().position);
    for (double &x : step.x)
        x /= (double)(frames.size() - 1);
    return step;
}

// Half a pixel: slices that are shifted by less lie one upon the other.
static double half_pixel(const Frame &frame)
{
    return 0.5 * std::min(frame.row_spacing, frame.column_spacing);
}

static double across(const Vector &normal, const Vector &off)
{
    double deep = along(normal, off), size = length_of(off);
    return std::sqrt(std::max(0.0, size * size - deep * deep));
}

// Does slice k lie off the place that even steps from slice `from` give it?
static bool is_off(const std::vector<Frame> &frames, size_t from, size_t k, const Vector &step)
{
    Vector normal = normal_of(frames[0]), off = minus(frames[k].position, frames[from].position);
    for (int a = 0; a < 3; a++)
        off.x[a] -= step.x[a] * (double)(k - from);
    return std::fabs(along(normal, off)) > EVEN * along(normal, step) || across(normal, off) > half_pixel(frames[0]);
}

bool evenly_spaced(const std::vector<Frame> &frames)
{
    if (frames.size() < 3)
        return true;
    Vector step = mean_step(frames);
    for (size_t k = 0; k < frames.size(); k++)
        if (is_off(frames, 0, k, step))
            return false;
    return true;
}

static double median(std::vector<double> values)
{
    size_t middle = values.size() / 2;
    std::nth_element(values.begin(), values.begin() + (ptrdiff_t)middle, values.end());
    double upper = values[middle];
    if (values.size() % 2)
        return upper;
    return (upper + *std::max_element(values.begin(), values.begin() + (ptrdiff_t)middle)) / 2;
}

static Vector step_after(const std::vector<Frame> &frames, size_t k)
{
    return minus(frames[k + 1].position, frames[k].position);
}

// As deep as most steps are, along the line from the first slice to the last.
static Vector step_on_line(const std::vector<Frame> &frames, double depth)
{
    Vector step = mean_step(frames);
    double factor = depth / along(normal_of(frames[0]), step);
    for (double &x : step.x)
        x *= factor;
    return step;
}

// Where most steps lead: the median in each direction. Slices that move to and fro have none: there the median is a
// step to one side, which would lead out of the picture, so the line through all is taken.
static Vector most_step(const std::vector<Frame> &frames, double depth)
{
    Vector normal = normal_of(frames[0]), most;
    size_t steps = frames.size() - 1, alike = 0;
    for (int a = 0; a < 3; a++) {
        std::vector<double> parts;
        for (size_t k = 0; k < steps; k++)
            parts.push_back(step_after(frames, k).x[a]);
        most.x[a] = median(parts);
    }
    for (size_t k = 0; k < steps; k++)
        alike += across(normal, minus(step_after(frames, k), most)) <= half_pixel(frames[0]);
    return (double)alike < MOST * (double)steps ? step_on_line(frames, depth) : most;
}

// Steps that are longer or shorter than most, or lead aside from where most lead; the mean of the others.
static Vector uneven_step(const std::vector<Frame> &frames, std::vector<sm_gap> &gaps)
{
    Vector normal = normal_of(frames[0]), sum;
    std::vector<double> depths;
    for (size_t k = 0; k + 1 < frames.size(); k++)
        depths.push_back(along(normal, step_after(frames, k)));
    double usual = median(depths);
    Vector most = most_step(frames, usual);
    size_t counted = 0;
    for (size_t k = 0; k + 1 < frames.size(); k++) {
        Vector step = step_after(frames, k);
        if (std::fabs(depths[k] - usual) > SAME_STEP * usual || across(normal, minus(step, most)) > half_pixel(frames[0])) {
            gaps.push_back({(int)k, depths[k]});
            continue;
        }
        for (int a = 0; a < 3; a++)
            sum.x[a] += step.x[a];
        counted++;
    }
    if (counted == 0) // none is the usual one: of an even number that is between two
        return step_on_line(frames, usual);
    for (double &x : sum.x)
        x /= (double)counted;
    return sum;
}

// Steps each of which is near enough to the others, but which add up to more: a table that runs slow or fast. Named
// is where a slice has come off the grid that begins where the last one did.
static void name_drift(const std::vector<Frame> &frames, const Vector &step, std::vector<sm_gap> &gaps)
{
    Vector normal = normal_of(frames[0]);
    size_t from = 0;
    for (size_t k = 1; k < frames.size(); k++)
        if (is_off(frames, from, k, step)) {
            gaps.push_back({(int)k - 1, along(normal, step_after(frames, k - 1))});
            from = k;
        }
}

static Vector stacking(const std::vector<Frame> &frames, std::vector<sm_gap> &gaps)
{
    const Frame &first = frames[0];
    if (frames.size() > 1 && evenly_spaced(frames))
        return mean_step(frames);
    if (frames.size() > 1) {
        Vector usual = uneven_step(frames, gaps);
        if (gaps.empty())
            name_drift(frames, usual, gaps);
        return usual;
    }
    double depth = first.between > 0 ? first.between : first.thickness > 0 ? first.thickness : 1;
    Vector step = normal_of(first);
    for (double &x : step.x)
        x *= depth;
    return step;
}

// Images without a place lie on the table's plane at the origin, columns to L, rows to P.
static Frame somewhere(const Frame &frame)
{
    Frame placed = frame;
    placed.row = {{1, 0, 0}};
    placed.column = {{0, 1, 0}};
    placed.position = {};
    return placed;
}

void measure(Found &volume)
{
    if (!volume.frames[0].placed)
        volume.frames[0] = somewhere(volume.frames[0]);
    const Frame &first = volume.frames[0];
    Vector step = stacking(volume.frames, volume.gaps);
    double cosine = along(normal_of(first), step) / length_of(step);
    double tilt = std::acos(std::min(1.0, std::max(-1.0, cosine))) * DEGREES;
    volume.shown.tilt_deg = tilt < 0.05 ? 0 : tilt;
    sm_grid &grid = volume.shown.grid;
    grid.dim[0] = first.columns;
    grid.dim[1] = first.rows;
    grid.dim[2] = (int)volume.frames.size();
    for (int a = 0; a < 3; a++) {
        grid.affine_lps[a][0] = first.row.x[a] * first.column_spacing;
        grid.affine_lps[a][1] = first.column.x[a] * first.row_spacing;
        grid.affine_lps[a][2] = step.x[a];
        grid.affine_lps[a][3] = first.position.x[a];
        grid.affine_lps[3][a] = 0;
        for (double &cell : grid.affine_lps[a])
            cell += 0.0; // "-0" in a header is 0
    }
    grid.affine_lps[3][3] = 1;
}

} // namespace dicom
