#include <algorithm>
#include <map>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcsequen.h>
#include <dcmtk/dcmdata/dcxfer.h>

#include "dicom/header.h"
#include "dicom/seg_read.h"
#include "dicom/values.h"

namespace dicom {

static const uint64_t MOST_PIXELS = (uint64_t)1 << 26; // a frame; the largest CR has an eighth of it

static sm_status fail_form(const MaskRequest &request, const char *what)
{
    return sm_fail(request.err, SM_UNSUPPORTED, "%s: %s", request.name(), what);
}

static sm_status fail_damaged(const MaskRequest &request, const char *what)
{
    return sm_fail(request.err, SM_CORRUPT, "%s: damaged segmentation: %s", request.name(), what);
}

static sm_status read_kind(Seg &seg, const MaskRequest &request)
{
    DcmItem &data = request.data;
    Instance &instance = seg.instance;
    std::string type = text_of(data, DCM_SegmentationType);
    instance.bits_allocated = int_of(data, DCM_BitsAllocated, 0);
    instance.bits_stored = int_of(data, DCM_BitsStored, instance.bits_allocated);
    instance.samples = int_of(data, DCM_SamplesPerPixel, 1);
    int bits = instance.bits_allocated;
    if (type == "LABELMAP" || text_of(data, DCM_SOPClassUID) == "1.2.840.10008.5.1.4.1.1.66.7")
        seg.kind = SegKind::LabelMap;
    else if (type == "FRACTIONAL")
        seg.kind = SegKind::Fractional;
    else if (type != "BINARY" && !type.empty())
        return fail_form(request, "a segmentation of a type other than BINARY, FRACTIONAL or LABELMAP");
    bool fits = seg.kind == SegKind::Binary       ? bits == 1 || bits == 8
                : seg.kind == SegKind::Fractional ? bits == 8 || bits == 16
                                                  : bits == 8 || bits == 16 || bits == 1;
    if (!fits || instance.samples != 1 || int_of(data, DCM_PixelRepresentation, 0) != 0)
        return fail_damaged(request, "its pixels are not in the form that its type asks for");
    seg.maximum = number_of(data, DCM_MaximumFractionalValue, 0);
    if (seg.kind == SegKind::Fractional && !(seg.maximum > 0)) {
        seg.maximum = bits == 8 ? 255 : 65535;
        sm_warn(request.listener, "%s: does not say which value means wholly inside; %g is taken",
                request.name(), seg.maximum);
    }
    return SM_OK;
}

// No size is believed that the bytes in the file cannot hold.
static sm_status read_size(Seg &seg, const MaskRequest &request)
{
    Instance &instance = seg.instance;
    instance.file = request.file;
    instance.pixels = request.pixels;
    instance.transfer_syntax = DcmXfer(((DcmDataset &) request.data).getOriginalXfer()).getXferID();
    instance.photometric = text_of(request.data, DCM_PhotometricInterpretation);
    instance.rows = int_of(request.data, DCM_Rows, 0);
    instance.columns = int_of(request.data, DCM_Columns, 0);
    instance.frames = int_of(request.data, DCM_NumberOfFrames, 1);
    if (instance.rows < 1 || instance.columns < 1 || instance.frames < 1)
        return fail_damaged(request, "it does not say how many rows, columns or frames it has");
    uint64_t pixels = (uint64_t)instance.rows * (uint64_t)instance.columns;
    if (pixels > MOST_PIXELS)
        return fail_form(request, "its frames have more than 64 million pixels");
    if (instance.pixels.kind != PixelKind::Integer)
        return fail_damaged(request, "it has no pixel data");
    if (instance.pixels.missing > 0)
        return sm_fail(request.err, SM_CORRUPT, "%s: truncated: %llu bytes of its pixel data are missing",
                       request.name(), (unsigned long long)instance.pixels.missing);
    uint64_t bits = pixels * (uint64_t)instance.bits_allocated * (uint64_t)instance.frames;
    if (!instance.pixels.encapsulated && (bits + 7) / 8 > instance.pixels.length)
        return sm_fail(request.err, SM_CORRUPT,
                       "%s: %llu bytes of pixel data cannot hold %d frames of %d x %d pixels",
                       request.name(), (unsigned long long)instance.pixels.length, instance.frames,
                       instance.columns, instance.rows);
    return SM_OK;
}

static sm_status read_segments(Masks &masks, const Seg &seg, const MaskRequest &request,
                               std::map<int, int> &index_of)
{
    std::string set = text_of(request.data, DCM_SpecificCharacterSet);
    DcmSequenceOfItems *segments = nullptr;
    if (request.data.findAndGetSequence(DCM_SegmentSequence, segments).bad() || !segments)
        return fail_damaged(request, "it describes no segments");
    for (DcmObject *object = nullptr; (object = segments->nextInContainer(object));) {
        DcmItem &item = static_cast<DcmItem &>(*object);
        int number = int_of(item, DCM_SegmentNumber, -1);
        if (number == 0 && seg.kind == SegKind::LabelMap)
            continue; // the background
        if (number < 1 || number > 65535)
            return fail_damaged(request, "a segment has no proper number");
        if (!index_of.insert({number, (int)masks.size()}).second)
            return fail_damaged(request, "two segments have the same number");
        masks.add(number, clean_label(text_of(item, DCM_SegmentLabel), set));
    }
    return SM_OK;
}

namespace {
struct Macros {
    DcmItem *frame, *shared;
    DcmItem *find(const DcmTagKey &tag) const
    {
        DcmItem *found = frame ? item_of(*frame, tag) : nullptr;
        return found ? found : shared ? item_of(*shared, tag) : nullptr;
    }
};
} // namespace

static bool read_place(MaskFrame &frame, const Macros &macros, const Instance &instance)
{
    DcmItem *position = macros.find(DCM_PlanePositionSequence);
    DcmItem *orientation = macros.find(DCM_PlaneOrientationSequence);
    DcmItem *measures = macros.find(DCM_PixelMeasuresSequence);
    if (!position || !orientation || !measures)
        return false;
    read_plane(frame.plane, *position, *orientation);
    read_spacing(frame.plane, *measures);
    frame.plane.rows = instance.rows;
    frame.plane.columns = instance.columns;
    frame.normal = cross(frame.plane.row, frame.plane.column);
    return frame.plane.placed && frame.plane.row_spacing > 0 && make_unit(frame.normal);
}

static sm_status read_frame(Seg &seg, int number, DcmItem *groups, DcmItem *shared,
                            const std::map<int, int> &index_of, const MaskRequest &request)
{
    Macros macros = {groups, shared};
    MaskFrame frame;
    frame.number = number;
    if (!read_place(frame, macros, seg.instance))
        return sm_fail(request.err, SM_UNSUPPORTED, "%s: frame %d has no position, orientation or "
                       "spacing in the patient", request.name(), number + 1);
    if (seg.kind != SegKind::LabelMap) {
        DcmItem *identity = macros.find(DCM_SegmentIdentificationSequence);
        int segment = identity ? int_of(*identity, DCM_ReferencedSegmentNumber, 0) : 0;
        auto known = index_of.find(segment);
        if (known == index_of.end())
            return sm_fail(request.err, SM_CORRUPT, "%s: damaged segmentation: frame %d does not say "
                           "to which of its segments it belongs", request.name(), number + 1);
        frame.segment = known->second;
    }
    seg.frames.push_back(std::move(frame));
    return SM_OK;
}

static sm_status read_frames(Seg &seg, const std::map<int, int> &index_of, const MaskRequest &request)
{
    DcmItem *shared = item_of(request.data, DCM_SharedFunctionalGroupsSequence);
    DcmSequenceOfItems *per_frame = nullptr;
    if (request.data.findAndGetSequence(DCM_PerFrameFunctionalGroupsSequence, per_frame).bad() ||
        !per_frame || per_frame->card() < (unsigned long)seg.instance.frames)
        return fail_damaged(request, "fewer per-frame functional groups than frames");
    DcmObject *object = nullptr;
    sm_status status = SM_OK;
    for (int n = 0; status == SM_OK && n < seg.instance.frames; n++) {
        object = per_frame->nextInContainer(object);
        status = read_frame(seg, n, static_cast<DcmItem *>(object), shared, index_of, request);
    }
    return status;
}

enum sm_status read_seg_header(Seg &seg, Masks &masks, const MaskRequest &request)
{
    std::map<int, int> index_of;
    sm_status status = read_kind(seg, request);
    if (status == SM_OK)
        status = read_size(seg, request);
    if (status == SM_OK)
        status = read_segments(masks, seg, request, index_of);
    if (status == SM_OK)
        status = read_frames(seg, index_of, request);
    seg.frame_of_reference = text_of(request.data, DCM_FrameOfReferenceUID);
    for (unsigned long s = 0; s < 64; s++) {
        DcmItem *item = item_of(request.data, DCM_ReferencedSeriesSequence, s);
        if (!item)
            break;
        seg.series.push_back(text_of(*item, DCM_SeriesInstanceUID));
    }
    return status;
}

} // namespace dicom
