#include "dicom/group.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "dicom/header.h"

namespace dicom {

static const double SAME_DIRECTION = 1e-3; // of unit vectors, an angle of 0.06 degrees
static const double SAME_SPACING = 1e-3;   // relative
static const size_t LARGE_SERIES = 4;

namespace {
// Frames that could be slices of one volume as far as their plane goes.
struct Plane {
    std::string series; // what makes a series here: UID and all that must be the same
    std::vector<Frame> frames;
};
} // namespace

static std::string series_key(const Instance &instance, const Frame &frame)
{
    std::string key = instance.series_uid;
    if (key.empty()) // stripped UIDs: keep folders and numbers apart instead
        key = instance.study_uid + "/" + std::to_string(instance.series_number) + "/" +
              instance.description + "/" + instance.file.path.substr(0, instance.file.path.rfind('/'));
    if (!instance.remark.empty()) // frames without positions lie nowhere near other images
        key += "/" + instance.file.name;
    return key + "|" + instance.modality + "|" + instance.frame_of_reference + "|" +
           std::to_string(frame.rows) + "x" + std::to_string(frame.columns) + "|" +
           std::to_string((int)instance.pixels.kind) + "|" + instance.photometric + "|" + frame.stack;
}

static bool near(const Vector &a, const Vector &b)
{
    for (int i = 0; i < 3; i++)
        if (std::fabs(a.x[i] - b.x[i]) > SAME_DIRECTION)
            return false;
    return true;
}

static bool near(double a, double b)
{
    return std::fabs(a - b) <= SAME_SPACING * std::max(a, b);
}

static bool same_plane(const Frame &a, const Frame &b)
{
    return a.placed && b.placed && near(a.row, b.row) && near(a.column, b.column) &&
           near(a.row_spacing, b.row_spacing) && near(a.column_spacing, b.column_spacing);
}

static std::vector<Plane> planes_of(std::vector<Instance> &instances)
{
    std::vector<Plane> planes;
    std::map<std::string, std::vector<size_t>> by_series;
    for (Instance &instance : instances) {
        if (!instance.left_out.empty())
            continue;
        for (Frame &frame : instance.parts) {
            std::string key = series_key(instance, frame);
            std::vector<size_t> &candidates = by_series[key];
            auto match = std::find_if(candidates.begin(), candidates.end(), [&](size_t p) {
                return instance.unreadable.empty() && same_plane(planes[p].frames[0], frame);
            });
            if (match == candidates.end()) {
                candidates.push_back(planes.size());
                planes.push_back({key, {}});
                match = candidates.end() - 1;
            }
            planes[*match].frames.push_back(std::move(frame));
        }
        instance.parts.clear();
    }
    return planes;
}

// A scout inside a series is no volume of its own.
static void leave_out_strays(std::vector<Plane> &planes, std::vector<Instance> &instances)
{
    std::map<std::string, size_t> largest;
    for (const Plane &plane : planes) {
        const std::string &uid = instances[(size_t)plane.frames[0].instance].series_uid;
        largest[uid] = std::max(largest[uid], plane.frames.size());
    }
    auto stray = [&](const Plane &plane) {
        Instance &instance = instances[(size_t)plane.frames[0].instance];
        if (plane.frames.size() > 1 || instance.series_uid.empty() || instance.frames > 1 ||
            !instance.unreadable.empty() || largest[instance.series_uid] < LARGE_SERIES)
            return false;
        instance.misplaced = true;
        instance.left_out = plane.frames[0].placed
                                ? "another orientation, size or spacing than the rest of its series"
                                : plane.frames[0].unplaced + ", unlike the rest of its series";
        return true;
    };
    planes.erase(std::remove_if(planes.begin(), planes.end(), stray), planes.end());
}

static Found found_from(Slices &&slices, const std::vector<Instance> &instances)
{
    Found volume;
    const Instance &first = instances[(size_t)slices.frames[0].instance];
    volume.frames = std::move(slices.frames);
    volume.series_uid = first.series_uid;
    volume.modality = first.modality;
    volume.description = first.description;
    volume.transfer_syntax = transfer_syntax_name(first.transfer_syntax);
    if (first.unreadable.find("transfer syntax") == 0)
        volume.transfer_syntax = first.transfer_syntax;
    volume.readable = first.unreadable.empty();
    volume.reason = volume.readable ? slices.reason : first.unreadable;
    volume.guessed = slices.guessed;
    if (volume.readable && !first.remark.empty())
        volume.reason += (volume.reason.empty() ? "" : ", ") + first.remark;
    return volume;
}

static std::vector<int> instances_in(const std::vector<Frame> &frames)
{
    std::vector<int> order;
    std::set<int> seen;
    for (const Frame &frame : frames)
        if (seen.insert(frame.instance).second)
            order.push_back(frame.instance);
    return order;
}

// An unreadable image is shown with its size and number of frames, and no geometry.
static void measure_unreadable(Found &volume, const Instance &instance)
{
    sm_grid &grid = volume.shown.grid;
    int dim[3] = {instance.columns, instance.rows, instance.frames};
    memcpy(grid.dim, dim, sizeof dim);
    for (int a = 0; a < 4; a++)
        grid.affine_lps[a][a] = 1;
}

// In what the planes of one series differ.
static std::string difference(const std::vector<const Plane *> &planes,
                              const std::vector<Instance> &instances)
{
    const Frame &first = planes[0]->frames[0];
    bool direction = false, size = false, spacing = false, reference = false, stack = false;
    for (const Plane *plane : planes) {
        const Frame &frame = plane->frames[0];
        direction |= !(near(first.row, frame.row) && near(first.column, frame.column));
        size |= first.rows != frame.rows || first.columns != frame.columns;
        spacing |= !(near(first.row_spacing, frame.row_spacing) &&
                     near(first.column_spacing, frame.column_spacing));
        reference |= instances[(size_t)first.instance].frame_of_reference !=
                     instances[(size_t)frame.instance].frame_of_reference;
        stack |= first.stack != frame.stack;
    }
    return direction ? "plane" : size ? "size" : spacing ? "spacing" : reference ? "frame of reference"
           : stack ? "stack" : "kind";
}

// Several planes in one series: "plane 2 of 3".
static std::vector<std::string> plane_names(const std::vector<Plane> &planes,
                                            const std::vector<Instance> &instances)
{
    std::map<std::string, std::vector<const Plane *>> by_series;
    std::map<std::string, int> seen;
    std::vector<std::string> names;
    auto uid = [&](const Plane &plane) {
        return instances[(size_t)plane.frames[0].instance].series_uid;
    };
    for (const Plane &plane : planes)
        if (plane.frames[0].placed)
            by_series[uid(plane)].push_back(&plane);
    for (const Plane &plane : planes) {
        const std::vector<const Plane *> &all = by_series[uid(plane)];
        bool several = all.size() > 1 && !uid(plane).empty() && plane.frames[0].placed;
        names.push_back(!several ? ""
                                 : difference(all, instances) + " " + std::to_string(++seen[uid(plane)]) +
                                       " of " + std::to_string(all.size()) + " in the series");
    }
    return names;
}

std::vector<Found> make_volumes(std::vector<Instance> &instances)
{
    std::vector<Plane> planes = planes_of(instances);
    leave_out_strays(planes, instances);
    std::vector<std::string> names = plane_names(planes, instances);
    std::vector<Found> volumes;
    for (size_t p = 0; p < planes.size(); p++) {
        Plane &plane = planes[p];
        const Instance &first = instances[(size_t)plane.frames[0].instance];
        std::vector<Slices> split;
        if (plane.frames.size() > 1 && first.unreadable.empty())
            split = separate(plane.frames, instances);
        else
            split.push_back({std::move(plane.frames), "", false});
        for (Slices &slices : split) {
            if (!names[p].empty())
                slices.reason = names[p] + (slices.reason.empty() ? "" : ", ") + slices.reason;
            volumes.push_back(found_from(std::move(slices), instances));
            Found &volume = volumes.back();
            volume.instances = instances_in(volume.frames);
            volume.shown.files = volume.instances.size();
            if (volume.readable)
                measure(volume);
            else
                measure_unreadable(volume, instances[(size_t)volume.frames[0].instance]);
        }
    }
    return volumes;
}

} // namespace dicom
