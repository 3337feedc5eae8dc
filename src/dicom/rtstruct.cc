#include <algorithm>
#include <map>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcsequen.h>

#include "dicom/rtstruct.h"
#include "dicom/values.h"

namespace dicom {

namespace {
struct Roi {
    int number;
    std::string label, frame_of_reference;
    DcmSequenceOfItems *contours;
};
} // namespace

static std::string contour_type(DcmItem &contour)
{
    return text_of(contour, DCM_ContourGeometricType);
}

static bool closed(DcmItem &contour)
{
    std::string type = contour_type(contour);
    return type == "CLOSED_PLANAR" || type == "CLOSEDPLANAR_XOR";
}

static size_t count_closed(DcmSequenceOfItems &contours)
{
    size_t count = 0;
    for (DcmObject *object = nullptr; (object = contours.nextInContainer(object));)
        count += closed(static_cast<DcmItem &>(*object));
    return count;
}

// Contours by ROI number.
static std::map<int, DcmSequenceOfItems *> find_contours(DcmItem &data)
{
    std::map<int, DcmSequenceOfItems *> found;
    DcmSequenceOfItems *rois = nullptr;
    if (data.findAndGetSequence(DCM_ROIContourSequence, rois).bad() || !rois)
        return found;
    for (DcmObject *object = nullptr; (object = rois->nextInContainer(object));) {
        DcmItem &item = static_cast<DcmItem &>(*object);
        DcmSequenceOfItems *contours = nullptr;
        if (item.findAndGetSequence(DCM_ContourSequence, contours).good() && contours)
            found.insert({int_of(item, DCM_ReferencedROINumber, -1), contours});
    }
    return found;
}

static sm_status find_rois(std::vector<Roi> &rois, const MaskRequest &request)
{
    std::string set = text_of(request.data, DCM_SpecificCharacterSet);
    std::map<int, DcmSequenceOfItems *> contours = find_contours(request.data);
    DcmSequenceOfItems *sequence = nullptr;
    if (request.data.findAndGetSequence(DCM_StructureSetROISequence, sequence).bad() || !sequence)
        return sm_fail(request.err, SM_CORRUPT, "%s: damaged structure set: it describes no ROIs",
                       request.name());
    for (DcmObject *object = nullptr; (object = sequence->nextInContainer(object));) {
        DcmItem &item = static_cast<DcmItem &>(*object);
        Roi roi = {int_of(item, DCM_ROINumber, -1), clean_label(text_of(item, DCM_ROIName), set),
                   text_of(item, DCM_ReferencedFrameOfReferenceUID), nullptr};
        auto known = contours.find(roi.number);
        roi.contours = known == contours.end() ? nullptr : known->second;
        if (roi.contours && count_closed(*roi.contours) > 0)
            rois.push_back(roi);
        else
            sm_note(request.listener, "%s: ROI \"%s\" has no closed contour and is left out",
                    request.name(), roi.label.c_str());
        if (rois.size() > 65535)
            return sm_fail(request.err, SM_UNSUPPORTED, "%s: more than 65535 ROIs", request.name());
    }
    return SM_OK;
}

// A ROI's number is its label; where one cannot be a label, or two are the same, all are counted.
static void number_rois(std::vector<Roi> &rois)
{
    std::map<int, int> seen;
    bool good = true;
    for (const Roi &roi : rois)
        good &= roi.number >= 1 && roi.number <= 65535 && seen[roi.number]++ == 0;
    for (size_t r = 0; !good && r < rois.size(); r++)
        rois[r].number = (int)r + 1;
}

static bool read_contour(Contour &contour, DcmItem &item)
{
    std::vector<double> numbers = numbers_of(item, DCM_ContourData);
    if (numbers.size() < 9 || numbers.size() % 3 != 0)
        return false;
    contour.clear();
    for (size_t n = 0; n < numbers.size(); n += 3) {
        Vector point;
        for (size_t a = 0; a < 3; a++) {
            point.x[a] = numbers[n + a];
            if (std::fabs(point.x[a]) > 1e6)
                return false;
        }
        contour.push_back(point);
    }
    return true;
}

static sm_status read_roi(std::vector<Contour> &contours, const Roi &roi, const MaskRequest &request)
{
    size_t other = 0, place = 0;
    for (DcmObject *object = nullptr; (object = roi.contours->nextInContainer(object)); place++) {
        DcmItem &item = static_cast<DcmItem &>(*object);
        Contour contour;
        if (!closed(item)) {
            other++;
            continue;
        }
        int points = int_of(item, DCM_NumberOfContourPoints, -1);
        if (!read_contour(contour, item) || (points >= 0 && (size_t)points != contour.size()))
            return sm_fail(request.err, SM_CORRUPT, "%s: damaged structure set: contour %zu of \"%s\" is "
                           "not made of whole points", request.name(), place + 1, roi.label.c_str());
        contours.push_back(std::move(contour));
    }
    if (other > 0)
        sm_note(request.listener, "%s: %zu points or open contours of \"%s\" are left out",
                request.name(), other, roi.label.c_str());
    return SM_OK;
}

static sm_status place_rois(Masks &masks, const std::vector<Roi> &rois, const MaskRequest &request)
{
    Places places(*request.like);
    sm_status status = SM_OK;
    std::string last = "-";
    for (size_t r = 0; status == SM_OK && r < rois.size(); r++) {
        std::vector<Contour> contours;
        std::string frame = rois[r].frame_of_reference;
        if (frame.empty())
            frame = text_of(request.data, DCM_FrameOfReferenceUID);
        if (frame != last)
            status = check_frame_of_reference(frame, request);
        last = frame;
        if (status == SM_OK && sm_cancelled(request.listener))
            status = sm_fail(request.err, SM_INTERRUPTED, "interrupted while reading %s", request.name());
        if (status == SM_OK)
            status = read_roi(contours, rois[r], request);
        if (status == SM_OK)
            fill_contours(masks, r, contours, places, request);
        sm_progress(request.listener, "filling contours", r + 1, rois.size());
    }
    return status == SM_OK ? check_inside(masks, request) : status;
}

enum sm_status read_structure_set(Masks &masks, const MaskRequest &request)
{
    std::vector<Roi> rois;
    sm_status status = find_rois(rois, request);
    if (status != SM_OK)
        return status;
    if (rois.empty())
        return sm_fail(request.err, SM_USAGE, "%s: has no closed contours, so it cannot be a prompt",
                       request.name());
    number_rois(rois);
    for (const Roi &roi : rois)
        masks.add(roi.number, roi.label);
    return request.like ? place_rois(masks, rois, request) : SM_OK;
}

} // namespace dicom
