#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "dicom/rtstruct.h"

namespace dicom {

static const double SAME_PLANE_MM = 0.045; // closer planes nobody draws
static const double ROUNDED_MM = 0.2; // how far coordinates of one decimal (a cube of 0.1 mm) bring planes apart
static const double FLAT = 0.2;      // of a slice step: how far points of one contour may leave its plane
static const double ALIKE = 1 - 6e-6; // cosine: normals of contours whose points are rounded
static const double HALF = 0.5001;    // of a slice step, with room for rounded positions
static const size_t MOST_DIRECTIONS = 64;
static const double ENDLESS = 1e30;  // mm

namespace {
struct Extent {
    double least = ENDLESS, most = -ENDLESS;
    void take(double value)
    {
        least = std::min(least, value);
        most = std::max(most, value);
    }
};
// Contours on one plane.
struct Layer {
    Vector normal;
    double depth = 0; // along it
    std::vector<const Contour *> contours;
};
struct Drawn {
    Extent extent; // along the direction's normal: rounded points lie on either side of their plane
    const Contour *contour;
    double depth() const { return (extent.least + extent.most) / 2; }
};
// The plane whose contours are being gathered, from the lowest to the highest. Coordinates that were rounded, each by
// itself, leave the contours of one plane at slightly different depths, but with points on either side of it, so that
// their extents overlap; those of planes that are drawn close to one another do not.
struct Gathered {
    double same, rounded;       // mm: closer than `same` is one plane, further than `rounded` another
    double first = 0, most = 0; // depth of the first contour, and how far up any of them reaches
    explicit Gathered(double edge)
        : same(std::min(SAME_PLANE_MM, FLAT * edge)), rounded(std::min(ROUNDED_MM, FLAT * edge)) {}
    bool has(const Drawn &drawn) const
    {
        double further = drawn.depth() - first;
        return further <= same || (further <= rounded && drawn.extent.least <= most);
    }
    void begin(const Drawn &drawn)
    {
        first = drawn.depth();
        most = drawn.extent.most;
    }
    void take(const Drawn &drawn) { most = std::max(most, drawn.extent.most); }
};
// Contours on planes that run parallel.
struct Direction {
    Vector normal;
    std::vector<Drawn> drawn;
};
struct Point {
    double u, v;
};
using Polygon = std::vector<Point>;
using Ring = std::vector<std::array<double, 3>>;
// The voxels of one mask, made when the first is set.
struct Target {
    Masks &masks;
    size_t index;
    const Places &places;
    const MaskRequest &request;
    void fill(const RowPiece &piece, double first, double last) const
    {
        first = std::max(first, (double)piece.first);
        last = std::min(last, (double)piece.last);
        if (!(first <= last))
            return;
        uint16_t *row = masks.voxels(index, request.like->grid) + places.voxel(piece.k, piece.j);
        std::fill(row + (size_t)first, row + (size_t)last + 1, (uint16_t)1);
    }
};
} // namespace

static Extent extent_along(const Contour &contour, const Vector &direction)
{
    Extent extent;
    for (const Vector &point : contour)
        extent.take(dot(point, direction));
    return extent;
}

// Newell's: twice the area, along the normal of the plane that fits best.
static bool plane_normal(const Contour &contour, Vector &normal)
{
    normal = {};
    for (size_t p = 0; p < contour.size(); p++) {
        Vector a = minus(contour[p], contour[0]);
        Vector b = minus(contour[(p + 1) % contour.size()], contour[0]);
        Vector part = cross(a, b);
        normal = minus(normal, times(part, -1));
    }
    return make_unit(normal);
}

// The direction of `normal`; NULL when there are too many.
static Direction *direction_of(std::vector<Direction> &directions, const Vector &normal)
{
    for (Direction &direction : directions)
        if (std::fabs(dot(direction.normal, normal)) > ALIKE)
            return &direction;
    if (directions.size() == MOST_DIRECTIONS)
        return nullptr;
    directions.push_back({normal, {}});
    return &directions.back();
}

// Sorts every contour to the direction it is drawn in; the first are those along the slices. Returns how
// many have no plane.
static size_t sort_contours(std::vector<Direction> &directions, const std::vector<Contour> &contours,
                            const Places &places)
{
    size_t planeless = 0;
    directions.push_back({places.normal, {}});
    for (const Contour &contour : contours) {
        Vector normal = places.normal;
        Direction *direction = &directions[0];
        Extent extent = extent_along(contour, normal);
        if (extent.most - extent.least > FLAT * places.step)
            direction = plane_normal(contour, normal) ? direction_of(directions, normal) : nullptr;
        if (!direction) {
            planeless++;
            continue;
        }
        direction->drawn.push_back({extent_along(contour, direction->normal), &contour});
    }
    return planeless;
}

// A contour whatever point it begins with, whichever way it goes round, and whether or not the first point is there again at
// the end.
static Ring ring_of(const Contour &contour)
{
    Ring ring;
    for (const Vector &point : contour)
        ring.push_back({point.x[0], point.x[1], point.x[2]});
    while (ring.size() > 1 && ring.back() == ring.front())
        ring.pop_back();
    std::rotate(ring.begin(), std::min_element(ring.begin(), ring.end()), ring.end());
    if (ring.size() > 2 && ring.back() < ring[1])
        std::reverse(ring.begin() + 1, ring.end());
    return ring;
}

// Contours of one plane (parts, holes) count together, as a layer. `edge` is the shortest of a voxel: planes may be as
// close as voxels are. A contour that is there twice would be its own hole: it counts once, and is added to `repeated`.
static std::vector<Layer> layers_of(Direction &direction, double edge, size_t &repeated)
{
    std::vector<Layer> layers;
    std::set<Ring> of_layer;
    Gathered plane(edge);
    auto before = [](const Drawn &a, const Drawn &b) { return a.depth() < b.depth(); };
    std::stable_sort(direction.drawn.begin(), direction.drawn.end(), before);
    for (const Drawn &drawn : direction.drawn) {
        if (layers.empty() || !plane.has(drawn)) {
            layers.push_back({direction.normal, drawn.depth(), {}});
            of_layer.clear();
            plane.begin(drawn);
        }
        plane.take(drawn);
        layers.back().depth = (plane.first + drawn.depth()) / 2;
        if (of_layer.insert(ring_of(*drawn.contour)).second)
            layers.back().contours.push_back(drawn.contour);
        else
            repeated++;
    }
    return layers;
}

static bool inside(const std::vector<Polygon> &polygons, double u, double v)
{
    bool odd = false;
    for (const Polygon &polygon : polygons)
        for (size_t p = 0; p < polygon.size(); p++) {
            const Point &a = polygon[p], &b = polygon[(p + 1) % polygon.size()];
            if ((a.v <= v) != (b.v <= v) && u < a.u + (b.u - a.u) * (v - a.v) / (b.v - a.v))
                odd = !odd;
        }
    return odd;
}

// Where the line of a row of voxels crosses the polygons, in columns. s is the distance of a corner from
// the line; a corner on it counts as below, so that every crossing counts once.
static void find_crossings(const std::vector<Polygon> &polygons, const RowPiece &piece,
                           std::vector<double> &crossings)
{
    double gu = piece.step[0], gv = piece.step[1], square = gu * gu + gv * gv;
    crossings.clear();
    for (const Polygon &polygon : polygons)
        for (size_t p = 0; p < polygon.size(); p++) {
            const Point &a = polygon[p], &b = polygon[(p + 1) % polygon.size()];
            double au = a.u - piece.start[0], av = a.v - piece.start[1];
            double bu = b.u - piece.start[0], bv = b.v - piece.start[1];
            double sa = gu * av - gv * au, sb = gu * bv - gv * bu;
            if ((sa <= 0) == (sb <= 0))
                continue;
            double t = sa / (sa - sb);
            crossings.push_back(((au + (bu - au) * t) * gu + (av + (bv - av) * t) * gv) / square);
        }
    std::sort(crossings.begin(), crossings.end());
}

static void fill_piece(const Target &target, const std::vector<Polygon> &polygons,
                       const RowPiece &piece, std::vector<double> &crossings)
{
    if (piece.step[0] * piece.step[0] + piece.step[1] * piece.step[1] < 1e-12) {
        if (inside(polygons, piece.start[0], piece.start[1]))
            target.fill(piece, piece.first, piece.last);
        return;
    }
    find_crossings(polygons, piece, crossings);
    for (size_t c = 0; c + 1 < crossings.size(); c += 2)
        target.fill(piece, std::ceil(crossings[c]), std::ceil(crossings[c + 1]) - 1);
}

static bool plate_of(Plate &plate, std::vector<Polygon> &polygons, const Layer &layer,
                     const Vector &across, const Vector &down)
{
    const Vector &origin = (*layer.contours[0])[0];
    if (!plate_axes(plate, origin, across, down))
        return false;
    Extent u, v;
    for (const Contour *contour : layer.contours) {
        polygons.emplace_back();
        for (const Vector &point : *contour) {
            polygons.back().push_back({plate.axis[0].at(point), plate.axis[1].at(point)});
            u.take(polygons.back().back().u);
            v.take(polygons.back().back().v);
        }
    }
    const double low[3] = {u.least - 1, v.least - 1, -ENDLESS}, high[3] = {u.most + 1, v.most + 1, ENDLESS};
    std::copy(low, low + 3, plate.low);
    std::copy(high, high + 3, plate.high);
    return true;
}

// Two directions in the plane of a layer that is not along the slices.
static bool directions_in(const Layer &layer, Vector &across, Vector &down)
{
    across = {};
    for (const Vector &point : *layer.contours[0]) {
        Vector way = minus(point, (*layer.contours[0])[0]);
        if (dot(way, way) > dot(across, across))
            across = way;
    }
    across = minus(across, times(layer.normal, dot(across, layer.normal)));
    down = cross(layer.normal, across);
    return make_unit(across) && make_unit(down);
}

static void fill_slice(const Target &target, const Layer &layer, int slice)
{
    Plate plate;
    std::vector<Polygon> polygons;
    std::vector<double> crossings;
    if (!plate_of(plate, polygons, layer, target.places.across, target.places.down))
        return;
    target.places.sweep(plate, slice, slice, [&](const RowPiece &piece) {
        fill_piece(target, polygons, piece, crossings);
    });
}

static void fill_plate(const Target &target, const Layer &layer, double reach)
{
    Plate plate;
    std::vector<Polygon> polygons;
    std::vector<double> crossings;
    Vector across, down;
    if (!directions_in(layer, across, down) || !plate_of(plate, polygons, layer, across, down))
        return;
    double at = layer.depth - dot((*layer.contours[0])[0], layer.normal);
    plate.low[2] = at - reach;
    plate.high[2] = at + reach;
    target.places.sweep(plate, 0, target.places.dim[2] - 1, [&](const RowPiece &piece) {
        fill_piece(target, polygons, piece, crossings);
    });
}

// Each slice takes the layer nearest to it. Returns how many layers are near none.
static size_t fill_slices(const Target &target, const std::vector<Layer> &layers)
{
    const Places &places = target.places;
    std::map<int, const Layer *> of_slice;
    size_t far_off = 0;
    for (const Layer &layer : layers) {
        int k = places.nearest(layer.depth);
        double off = std::fabs(layer.depth - places.depth[(size_t)k]);
        if (off > places.step * HALF) {
            far_off++;
            continue;
        }
        const Layer *&chosen = of_slice[k];
        if (!chosen || off < std::fabs(chosen->depth - places.depth[(size_t)k]))
            chosen = &layer;
    }
    for (const auto &[k, layer] : of_slice)
        fill_slice(target, *layer, k);
    if (!of_slice.empty() && of_slice.rbegin()->first - of_slice.begin()->first >= (int)of_slice.size())
        sm_note(target.request.listener, "%s: \"%s\" has no contour on some slices between its first "
                "and its last; they get no mask", target.request.name(), target.masks.label(target.index));
    return far_off;
}

static void fill_layers(const Target &target, const std::vector<Layer> &layers)
{
    for (size_t n = 0; n < layers.size(); n++) {
        double step = ENDLESS;
        if (n > 0)
            step = layers[n].depth - layers[n - 1].depth;
        if (n + 1 < layers.size())
            step = std::min(step, layers[n + 1].depth - layers[n].depth);
        fill_plate(target, layers[n], (step < ENDLESS ? step : target.places.step) / 2);
    }
}

static double shortest_edge(const Places &places)
{
    double square = std::min(dot(places.across, places.across), dot(places.down, places.down));
    return std::min(std::sqrt(square), places.step);
}

void fill_contours(Masks &masks, size_t index, const std::vector<Contour> &contours,
                   const Places &places, const MaskRequest &request)
{
    Target target = {masks, index, places, request};
    std::vector<Direction> directions;
    size_t planeless = sort_contours(directions, contours, places);
    size_t repeated = 0, far_off = fill_slices(target, layers_of(directions[0], places.step, repeated));
    for (size_t d = 1; d < directions.size(); d++)
        fill_layers(target, layers_of(directions[d], shortest_edge(places), repeated));
    const char *name = request.name(), *label = masks.label(index);
    if (directions.size() > 1)
        sm_warn(request.listener, "%s: contours of \"%s\" are not drawn along the slices of the volume; "
                "they are filled halfway to their neighbours", name, label);
    if (repeated > 0)
        sm_warn(request.listener, "%s: contours of \"%s\" are there again, point for point, %zu in all; each counts once", name,
                label, repeated);
    if (far_off > 0)
        sm_warn(request.listener, "%s: contours of \"%s\" on %zu planes are further than half a slice "
                "from every slice of the volume and are left out", name, label, far_off);
    if (planeless > 0)
        sm_warn(request.listener, "%s: %zu contours of \"%s\" lie in no plane and are left out", name,
                planeless, label);
}

} // namespace dicom
