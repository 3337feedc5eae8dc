// dicom/study.h - the scanned study behind the opaque pointer.
#ifndef DICOM_STUDY_H
#define DICOM_STUDY_H

#include <vector>

#include "dicom/group.h"

namespace dicom {
struct LeftOut {
    std::string name, reason, series_uid; // series_uid: "" where it is not known
    sm_left_out_kind kind;
};
} // namespace dicom

struct sm_dicom_study {
    std::vector<dicom::Instance> instances; // of every file that is DICOM
    std::vector<dicom::Found> volumes;
    std::vector<dicom::LeftOut> left_out;
    std::vector<sm_left_out> left_out_shown;
};

#endif
