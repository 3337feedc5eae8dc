// What a SEG or RT structure set says it was made on, without reading its masks.
#include <cstring>
#include <functional>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>

#include "dicom/library.h"
#include "dicom/load.h"
#include "dicom/values.h"
#include "sammed2d/dicom.h"

namespace dicom {

static const unsigned long MOST_ITEMS = 64; // of each sequence on the way

using Item = std::function<bool(DcmItem &)>;

// Calls for each item until one says yes.
static bool any_item(DcmItem &item, const DcmTagKey &sequence, const Item &is)
{
    for (unsigned long n = 0; n < MOST_ITEMS; n++) {
        DcmItem *inner = item_of(item, sequence, n);
        if (!inner)
            return false;
        if (is(*inner))
            return true;
    }
    return false;
}

// PS3.3 C.8.20.2 (SEG), C.8.8.5 (structure sets).
static std::string series_of(DcmItem &data)
{
    std::string uid;
    Item has_uid = [&](DcmItem &series) { return !(uid = text_of(series, DCM_SeriesInstanceUID)).empty(); };
    if (any_item(data, DCM_ReferencedSeriesSequence, has_uid))
        return uid;
    any_item(data, DCM_ReferencedFrameOfReferenceSequence, [&](DcmItem &frame) {
        return any_item(frame, DCM_RTReferencedStudySequence, [&](DcmItem &study) {
            return any_item(study, DCM_RTReferencedSeriesSequence, has_uid);
        });
    });
    return uid;
}

static void copy_text(char *to, size_t size, const std::string &text)
{
    size_t length = text.size() < size - 1 ? text.size() : size - 1;
    memcpy(to, text.data(), length);
    to[length] = 0;
}

static sm_status read_reference(sm_dicom_reference *reference, const char *path, sm_err *err)
{
    FileRef file;
    file.path = file.name = path;
    Bytes bytes(file);
    PixelPlace pixels;
    std::string reason;
    if (!bytes.ok())
        return sm_fail(err, SM_NOT_FOUND, "%s: %s", path, bytes.problem().c_str());
    std::unique_ptr<DcmFileFormat> format = load_header(bytes, file, pixels, reason);
    if (!format)
        return sm_fail(err, SM_CORRUPT, "%s: %s", path, reason.c_str());
    DcmDataset &data = *format->getDataset();
    std::string patient = text_of(data, DCM_PatientID);
    copy_text(reference->series_uid, sizeof reference->series_uid, series_of(data));
    copy_text(reference->patient, sizeof reference->patient,
              patient.empty() ? text_of(data, DCM_StudyInstanceUID) : patient);
    return SM_OK;
}

} // namespace dicom

extern "C" sm_status sm_dicom_read_reference(sm_dicom_reference *reference, const char *path, sm_err *err)
{
    *reference = {};
    return dicom::guarded(err, path, [&] { return dicom::read_reference(reference, path, err); });
}
