// dicom/read.h - the pieces of sm_dicom_read.
#ifndef DICOM_READ_H
#define DICOM_READ_H

#include <memory>

#include "dicom/study.h"
#include "sammed2d/listener.h"

struct sm_dicom_source;
class DcmDataset;

namespace dicom {

// Decodes slices into the volume's memory as they are asked for, those of one call in parallel. What is referred to
// must stay; with `owned`, the study that it is part of, it does.
sm_supply *supply_of(const sm_volume &volume, const Found &found, const std::vector<Instance> &instances,
                     const sm_listener *listener, sm_dicom_study *owned);
// Refuses what no file of that size can hold, before memory is asked for.
enum sm_status check_size(const Found &found, const std::vector<Instance> &instances, sm_err *err);

// volume->voi from the frames' windows and the first slice's header.
void take_voi(sm_volume &volume, const Found &found, const std::vector<Instance> &instances,
              DcmDataset &header);

// A look-up table of PS3.3 C.11.1 or C.11.2: descriptor and data.
struct LookUp {
    double first = 0;
    int bits = 16;
    std::vector<uint16_t> values;
};
// Item 0 of `sequence` (the tag's number in group 0028: 3000 modality, 3010 VOI). Empty when absent.
LookUp look_up_of(DcmDataset &header, uint16_t sequence, bool is_signed);

// MONOCHROME1: value = turn_over(instance, rescale) - value.
double turning_sum(const Instance &instance, double slope, double intercept);

sm_dicom_source *source_of(const Found &found, const std::vector<Instance> &instances,
                           std::unique_ptr<DcmDataset> header);

} // namespace dicom
#endif
