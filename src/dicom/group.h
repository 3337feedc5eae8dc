// dicom/group.h - frames into volumes, and the geometry of each.
#ifndef DICOM_GROUP_H
#define DICOM_GROUP_H

#include "dicom/instance.h"
#include "sammed2d/dicom.h"

namespace dicom {

// The frames of one volume, in slice order.
struct Slices {
    std::vector<Frame> frames;
    std::string reason; // what tells it from its siblings in the series
    bool guessed = false; // which slices belong together
};

// One volume as found: what sm_dicom_volume points into.
struct Found {
    std::vector<Frame> frames; // slice k is frames[k]
    std::string series_uid, modality, description, transfer_syntax, reason;
    std::string unplaced; // the sentence that says why it lies at the origin; "" when it does not
    bool readable = true, guessed = false; // guessed: which slices belong together
    std::vector<sm_gap> gaps;
    std::vector<int> instances; // each once, in slice order
    sm_dicom_volume shown = {};
};

// Groups the frames of instances that take part; empties Instance::parts. Single frames of another
// orientation than a large series' are left out (Instance::left_out).
std::vector<Found> make_volumes(std::vector<Instance> &instances);

// Splits frames that share orientation, size and spacing so that no two share a position.
std::vector<Slices> separate(const std::vector<Frame> &frames, const std::vector<Instance> &instances);

// Sorts along the normal. Position along it, mm.
Vector normal_of(const Frame &frame);
double along(const Vector &normal, const Vector &position);
void sort_slices(std::vector<Frame> &frames);

// Fills grid, gaps and tilt of a volume whose frames are sorted.
void measure(Found &volume);
// The type that holds the values of all its frames.
enum sm_voxel_type volume_type(const Found &volume, const std::vector<Instance> &instances);
// Are the sorted frames evenly spaced?
bool evenly_spaced(const std::vector<Frame> &frames);

} // namespace dicom
#endif
