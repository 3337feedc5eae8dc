// What a SEG may replace: a segmentation of an earlier run, but no image, whichever way the name came about.
#include <memory>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>

#include "dicom/library.h"
#include "dicom/load.h"
#include "dicom/values.h"
#include "sammed2d/dicom.h"

namespace dicom {

// "" where it is not DICOM.
static std::string sop_class_of(const char *path)
{
    FileRef file;
    file.path = file.name = path;
    Bytes bytes(file);
    PixelPlace pixels;
    std::string reason;
    std::unique_ptr<DcmFileFormat> format = bytes.ok() ? load_header(bytes, file, pixels, reason) : nullptr;
    return format ? text_of(*format->getDataset(), DCM_SOPClassUID) : "";
}

} // namespace dicom

extern "C" enum sm_status sm_dicom_check_replaced(const char *path, struct sm_err *err)
{
    return dicom::guarded(err, path, [&]() -> enum sm_status {
        const std::string uid = dicom::sop_class_of(path);
        if (uid.empty() || uid == "1.2.840.10008.5.1.4.1.1.66.4" || uid == "1.2.840.10008.5.1.4.1.1.66.7")
            return SM_OK;
        return sm_fail(err, SM_USAGE, "%s: holds a DICOM image or document, not a segmentation; give the output another name",
                       path);
    });
}
