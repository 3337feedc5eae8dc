#include "dicom/source.h"

#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dcdatset.h"

sm_dicom_source::sm_dicom_source() = default;
sm_dicom_source::~sm_dicom_source() = default;
