// dicom/study.h - the scanned study behind the opaque pointer.
#ifndef DICOM_STUDY_H
#define DICOM_STUDY_H

#include <vector>

#include "dicom/group.h"

struct sm_dicom_study {
    std::vector<dicom::Instance> instances; // of every file that is DICOM
    std::vector<dicom::Found> volumes;
    std::vector<dicom::Skipped> left_out;
    std::vector<sm_left_out> left_out_shown;
};

#endif
