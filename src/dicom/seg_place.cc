// Frames of a segmentation onto a volume's grid, by geometry alone.
#include <algorithm>

#include "dicom/seg_read.h"
#include "dicom/source.h"

namespace dicom {

static const double WHOLE = 0.1;      // of a voxel: how far two grids that are one may be apart
static const double NUDGE = 1e-4;     // of a pixel: centres that lie on a border all fall to one side
static const double ENDLESS = 1e30;   // mm
static const size_t MOST_STACKS = 64; // of frames in different directions
static const double SAME_PLANE_MM = 0.01;

namespace {
// Frames whose planes run parallel.
struct Stack {
    Vector normal;
    std::vector<const MaskFrame *> frames;
    double step = 0;         // between planes, mm
    bool own_planes = false; // every frame lies on a slice of the volume, or beyond its ends
};
struct Stamp {
    Masks &masks;
    const Seg &seg;
    SegPixels &pixels;
    const MaskRequest &request;
    const Places &places;
    std::vector<int> index_of;      // by pixel value: LabelMap
    std::vector<uint16_t *> voxels; // of each mask, NULL before its first voxel
    std::vector<size_t> lost;       // pixels outside of the volume
    bool resampled = false;
};
struct Bounds {
    int u0, u1 = -1, v0, v1 = -1;
};
} // namespace

static sm_status make_stacks(std::vector<Stack> &stacks, const Seg &seg, const MaskRequest &request)
{
    for (const MaskFrame &frame : seg.frames) {
        auto fits = [&](const Stack &stack) { return parallel(stack.normal, frame.normal); };
        auto stack = std::find_if(stacks.begin(), stacks.end(), fits);
        if (stack == stacks.end()) {
            if (stacks.size() == MOST_STACKS)
                return sm_fail(request.err, SM_UNSUPPORTED, "%s: its frames lie in more than %zu "
                               "directions", request.name(), MOST_STACKS);
            stack = stacks.insert(stacks.end(), Stack{frame.normal, {}, 0, false});
        }
        stack->frames.push_back(&frame);
    }
    return SM_OK;
}

// The slice of the volume that the frame lies on; -1: beyond its ends; -2: between slices.
static int slice_of(const MaskFrame &frame, const Places &places)
{
    double depth = dot(frame.plane.position, places.normal);
    int k = places.nearest(depth);
    double off = depth - places.depth[(size_t)k];
    if (std::fabs(off) <= WHOLE * places.step)
        return k;
    bool before = k == 0 && off < -places.step / 2;
    bool after = k == places.dim[2] - 1 && off > places.step / 2;
    return before || after ? -1 : -2;
}

static double nearest_planes(const Stack &stack)
{
    std::vector<double> depths;
    for (const MaskFrame *frame : stack.frames)
        depths.push_back(dot(frame->plane.position, stack.normal));
    std::sort(depths.begin(), depths.end());
    double nearest = ENDLESS;
    for (size_t d = 1; d < depths.size(); d++)
        if (depths[d] - depths[d - 1] > SAME_PLANE_MM)
            nearest = std::min(nearest, depths[d] - depths[d - 1]);
    return nearest;
}

static bool of_this_series(const Seg &seg, const MaskRequest &request)
{
    const sm_dicom_source *source = request.like->dicom;
    return source && !source->series_uid.empty() &&
           std::find(seg.series.begin(), seg.series.end(), source->series_uid) != seg.series.end();
}

static void measure_stack(Stack &stack, const Stamp &stamp)
{
    const Places &places = stamp.places;
    const Frame &first = stack.frames[0]->plane;
    double declared = first.between > 0 ? first.between : 0, nearest = nearest_planes(stack);
    stack.step = nearest;
    for (double step : {declared, declared > 0 ? 0 : first.thickness})
        if (step > 0)
            stack.step = std::min(stack.step, step);
    if (stack.step >= ENDLESS)
        stack.step = places.step;
    if (!parallel(stack.normal, places.normal))
        return;
    // Thick frames may lie on thin slices without belonging to them: then they reach further. How far they
    // are from one another need not be said; then their thickness tells.
    double reach = declared > 0 ? declared : first.thickness;
    bool thick = reach > 1.1 * places.step && stack.step > 1.1 * places.step;
    stack.own_planes = !thick || places.uneven || of_this_series(stamp.seg, stamp.request);
    for (const MaskFrame *frame : stack.frames)
        stack.own_planes &= slice_of(*frame, places) != -2;
}

static bool near_whole(double value)
{
    return std::fabs(value - std::round(value)) <= WHOLE;
}

// Is a step along `edge` (count of them to the grid's end) a step of one pixel along one coordinate?
static bool unit_step(const Plate &plate, const double scale[3], int coordinates, const Vector &edge, int count)
{
    int moved = 0;
    for (int c = 0; c < coordinates; c++) {
        double step = dot(plate.axis[c].direction, edge) / scale[c], whole = std::round(step);
        if (std::fabs(step - whole) * std::max(count, 1) > WHOLE || std::fabs(whole) > 1)
            return false;
        moved += whole != 0;
    }
    return moved == 1;
}

// Do voxels and pixels lie on one another, each on one?
static bool aligned(const Plate &plate, const Stack &stack, int slice, const Places &places)
{
    const double scale[3] = {1, 1, stack.step};
    int coordinates = stack.own_planes ? 2 : 3;
    const Vector &origin = places.origin[stack.own_planes ? (size_t)slice : 0];
    for (int c = 0; c < coordinates; c++)
        if (!near_whole(plate.axis[c].at(origin) / scale[c]))
            return false;
    bool good = unit_step(plate, scale, coordinates, places.across, places.dim[0] - 1) &&
                unit_step(plate, scale, coordinates, places.down, places.dim[1] - 1);
    if (stack.own_planes)
        return good;
    Vector on = places.dim[2] > 1 ? minus(places.origin[1], places.origin[0])
                                  : times(places.normal, places.step);
    return good && !places.uneven && unit_step(plate, scale, 3, on, places.dim[2] - 1);
}

static Bounds bounds_of(const std::vector<uint16_t> &values, int columns, int rows)
{
    Bounds bounds = {columns, -1, rows, -1};
    for (int v = 0; v < rows; v++) {
        const uint16_t *row = &values[(size_t)v * (size_t)columns];
        int first = 0, last = columns - 1;
        while (first < columns && !row[first])
            first++;
        if (first == columns)
            continue;
        while (!row[last])
            last--;
        bounds.u0 = std::min(bounds.u0, first);
        bounds.u1 = std::max(bounds.u1, last);
        bounds.v0 = std::min(bounds.v0, v);
        bounds.v1 = v;
    }
    return bounds;
}

static int mask_of(const Stamp &stamp, const MaskFrame &frame, uint16_t value)
{
    return value == 0 ? -1 : frame.segment >= 0 ? frame.segment : stamp.index_of[value];
}

static void put(Stamp &stamp, int mask, size_t voxel)
{
    uint16_t *&voxels = stamp.voxels[(size_t)mask];
    if (!voxels)
        voxels = stamp.masks.voxels((size_t)mask, stamp.request.like->grid);
    voxels[voxel] = 1;
}

static void stamp_piece(Stamp &stamp, const MaskFrame &frame, const RowPiece &piece,
                        std::vector<size_t> &hits)
{
    int columns = frame.plane.columns, rows = frame.plane.rows;
    size_t row = stamp.places.voxel(piece.k, piece.j);
    for (int i = piece.first; i <= piece.last; i++) {
        int u = (int)std::floor(piece.start[0] + i * piece.step[0] + 0.5 + NUDGE);
        int v = (int)std::floor(piece.start[1] + i * piece.step[1] + 0.5 + NUDGE);
        if (u < 0 || v < 0 || u >= columns || v >= rows)
            continue;
        int mask = mask_of(stamp, frame, stamp.pixels.at((size_t)v * (size_t)columns + (size_t)u));
        if (mask < 0)
            continue;
        put(stamp, mask, row + (size_t)i);
        hits[(size_t)mask]++;
    }
}

static void count_lost(Stamp &stamp, const MaskFrame &frame, std::vector<size_t> &hits)
{
    std::vector<size_t> there(hits.size(), 0);
    for (uint16_t value : stamp.pixels.values()) {
        int mask = mask_of(stamp, frame, value);
        if (mask >= 0)
            there[(size_t)mask]++;
    }
    for (size_t mask = 0; mask < hits.size(); mask++)
        stamp.lost[mask] += there[mask] > hits[mask] ? there[mask] - hits[mask] : 0;
}

static void stamp_frame(Stamp &stamp, const Stack &stack, const MaskFrame &frame)
{
    const Frame &plane = frame.plane;
    Bounds bounds = bounds_of(stamp.pixels.values(), plane.columns, plane.rows);
    Plate plate;
    std::vector<size_t> hits(stamp.masks.size(), 0);
    if (bounds.u1 < 0 || !plate_axes(plate, plane.position, times(plane.row, plane.column_spacing),
                                     times(plane.column, plane.row_spacing)))
        return;
    int slice = stack.own_planes ? slice_of(frame, stamp.places) : 0;
    bool exact = slice >= 0 && aligned(plate, stack, slice, stamp.places);
    if (slice >= 0) {
        double reach = stack.own_planes ? ENDLESS : stack.step / 2, shift = NUDGE * stack.step;
        const double low[3] = {bounds.u0 - 0.5 - NUDGE, bounds.v0 - 0.5 - NUDGE, -reach - shift};
        const double high[3] = {bounds.u1 + 0.5 - NUDGE, bounds.v1 + 0.5 - NUDGE, reach - shift};
        std::copy(low, low + 3, plate.low);
        std::copy(high, high + 3, plate.high);
        stamp.resampled |= !exact;
        stamp.places.sweep(plate, slice, stack.own_planes ? slice : stamp.places.dim[2] - 1,
                           [&](const RowPiece &piece) { stamp_piece(stamp, frame, piece, hits); });
    }
    if (exact || slice < 0)
        count_lost(stamp, frame, hits);
}

static sm_status stamp_stack(Stamp &stamp, const Stack &stack, size_t &done)
{
    const MaskRequest &request = stamp.request;
    std::string reason;
    for (const MaskFrame *frame : stack.frames) {
        if (sm_cancelled(request.listener))
            return sm_fail(request.err, SM_INTERRUPTED, "interrupted while reading %s", request.name());
        if (!stamp.pixels.frame(frame->number, reason))
            return sm_fail(request.err, SM_CORRUPT, "%s: frame %d: %s", request.name(),
                           frame->number + 1, reason.c_str());
        stamp_frame(stamp, stack, *frame);
        sm_progress(request.listener, "reading segments", ++done, stamp.seg.frames.size());
    }
    return SM_OK;
}

static void say_what_changed(const Stamp &stamp)
{
    const MaskRequest &request = stamp.request;
    const Frame &plane = stamp.seg.frames[0].plane;
    if (stamp.resampled)
        sm_warn(request.listener, "%s: is on another grid (%d x %d pixels of %.4g x %.4g mm) than the "
                "volume; its voxels were taken by nearest neighbour", request.name(), plane.columns,
                plane.rows, plane.column_spacing, plane.row_spacing);
    for (size_t mask = 0; mask < stamp.lost.size(); mask++)
        if (stamp.lost[mask] > 0 && stamp.voxels[mask])
            sm_warn(request.listener, "%s: %zu pixels of \"%s\" lie outside of the volume",
                    request.name(), stamp.lost[mask], stamp.masks.label(mask));
}

enum sm_status place_seg(Masks &masks, const Seg &seg, SegPixels &pixels, const MaskRequest &request)
{
    Places places(*request.like);
    Stamp stamp = {masks, seg, pixels, request, places, std::vector<int>(65536, -1),
                   std::vector<uint16_t *>(masks.size(), nullptr), std::vector<size_t>(masks.size(), 0), false};
    for (size_t mask = 0; mask < masks.size(); mask++)
        stamp.index_of[(size_t)masks.number(mask)] = (int)mask;
    std::vector<Stack> stacks;
    size_t done = 0;
    sm_status status = make_stacks(stacks, seg, request);
    for (Stack &stack : stacks) {
        measure_stack(stack, stamp);
        if (status == SM_OK)
            status = stamp_stack(stamp, stack, done);
    }
    if (status == SM_OK)
        status = check_inside(masks, request);
    if (status == SM_OK)
        say_what_changed(stamp);
    return status;
}

} // namespace dicom
