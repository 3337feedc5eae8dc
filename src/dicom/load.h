// dicom/load.h - a file through DCMTK, and where its pixels lie.
#ifndef DICOM_LOAD_H
#define DICOM_LOAD_H

#include <memory>
#include <string>

#include "dicom/instance.h"

class DcmFileFormat;

namespace dicom {

// Reads everything before the pixels. Returns NULL and a reason in words when it is no DICOM file, or
// damaged before its pixels.
std::unique_ptr<DcmFileFormat> load_header(const Bytes &bytes, const FileRef &file,
                                           PixelPlace &pixels, std::string &reason);

} // namespace dicom
#endif
