#include "dicom/header.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcsequen.h>

#include "dicom/values.h"

namespace dicom {

namespace {
struct Groups {
    DcmItem *shared, *frame;
    DcmItem &whole; // attributes outside the groups are the last resort
    // The macro of this frame, else the shared one, else NULL.
    DcmItem *macro(const DcmTagKey &tag) const
    {
        DcmItem *found = frame ? item_of(*frame, tag) : nullptr;
        return found ? found : shared ? item_of(*shared, tag) : nullptr;
    }
};
struct MarkMacro {
    Mark mark;
    DcmTagKey macro, tag;
};
} // namespace

static const MarkMacro MACRO_MARKS[] = {
    {MARK_IMAGE_TYPE, DcmTagKey(0x0018, 0x9226), DcmTagKey(0x0008, 0x9007)}, // MR frame type
    {MARK_IMAGE_TYPE, DcmTagKey(0x0018, 0x9329), DcmTagKey(0x0008, 0x9007)}, // CT
    {MARK_IMAGE_TYPE, DcmTagKey(0x0018, 0x9751), DcmTagKey(0x0008, 0x9007)}, // PET
    {MARK_COMPONENT, DcmTagKey(0x0018, 0x9226), DcmTagKey(0x0008, 0x9208)},
    {MARK_ECHO_TIME, DcmTagKey(0x0018, 0x9114), DcmTagKey(0x0018, 0x9082)},
    {MARK_TEMPORAL, DcmTagKey(0x0020, 0x9111), DcmTagKey(0x0020, 0x9128)},
    {MARK_TEMPORAL, DcmTagKey(0x0020, 0x9310), DcmTagKey(0x0020, 0x930d)},
    {MARK_ACQUISITION, DcmTagKey(0x0020, 0x9111), DcmTagKey(0x0020, 0x9156)},
    {MARK_TRIGGER, DcmTagKey(0x0018, 0x9118), DcmTagKey(0x0020, 0x9153)},
    {MARK_CONTRAST, DcmTagKey(0x0018, 0x9341), DcmTagKey(0x0018, 0x9344)},
    {MARK_KERNEL, DcmTagKey(0x0018, 0x9314), DcmTagKey(0x0018, 0x1210)},
    {MARK_ENERGY, DcmTagKey(0x0018, 0x9325), DcmTagKey(0x0018, 0x0060)},
    {MARK_INVERSION, DcmTagKey(0x0018, 0x9115), DcmTagKey(0x0018, 0x9079)},
    {MARK_FLIP, DcmTagKey(0x0018, 0x9112), DcmTagKey(0x0018, 0x1314)},
};

static void read_frame_marks(Frame &frame, const Groups &groups)
{
    read_marks(frame.marks, groups.whole);
    // Legacy converted: what had no place in the macros is kept as it was.
    if (DcmItem *item = groups.macro(DcmTagKey(0x0020, 0x9170)))
        read_marks(frame.marks, *item);
    if (DcmItem *item = groups.macro(DcmTagKey(0x0020, 0x9171)))
        read_marks(frame.marks, *item);
    for (const MarkMacro &known : MACRO_MARKS) {
        DcmItem *item = groups.macro(known.macro);
        std::string value = item ? text_of(*item, known.tag) : "";
        if (!value.empty() && value.size() < 256)
            frame.marks[known.mark] = value;
    }
    if (DcmItem *item = groups.macro(DcmTagKey(0x0018, 0x9117))) { // MR diffusion
        std::string mark = "b=" + print_number(number_of(*item, DcmTagKey(0x0018, 0x9087), 0));
        if (DcmItem *direction = item_of(*item, DcmTagKey(0x0018, 0x9076)))
            mark += " direction " + text_of(*direction, DcmTagKey(0x0018, 0x9089));
        frame.marks[MARK_DIFFUSION] = mark.substr(0, 255);
    }
    if (DcmItem *item = groups.macro(DcmTagKey(0x0020, 0x9111))) {
        frame.stack = text_of(*item, DCM_StackID);
        frame.marks[MARK_DIMENSION] = text_of(*item, DCM_DimensionIndexValues).substr(0, 255);
    }
}

// The dimension that counts positions would tell every slice from every other: blank it, so that what
// is left tells volumes apart.
static void blank_position_dimensions(Instance &instance, DcmDataset &data)
{
    std::vector<bool> in_plane;
    for (unsigned long d = 0; d < 64; d++) {
        DcmItem *item = item_of(data, DCM_DimensionIndexSequence, d);
        if (!item)
            break;
        std::string text = text_of(*item, DCM_DimensionIndexPointer);
        for (char &c : text)
            c = (char)tolower(c);
        in_plane.push_back(text == "(0020,9057)" || text == "(0020,0032)");
    }
    for (Frame &frame : instance.parts) {
        std::vector<double> values = numbers_in(frame.marks[MARK_DIMENSION]);
        std::string kept;
        for (size_t d = 0; d < values.size(); d++)
            kept += (d < in_plane.size() && in_plane[d] ? "-" : print_number(values[d])) + " ";
        frame.marks[MARK_DIMENSION] = kept;
    }
}

static void read_values(Frame &frame, const Groups &groups)
{
    DcmItem *rescale = groups.macro(DcmTagKey(0x0028, 0x9145));
    DcmItem &from = rescale ? *rescale : groups.whole;
    frame.slope = number_of(from, DCM_RescaleSlope, 1);
    frame.intercept = number_of(from, DCM_RescaleIntercept, 0);
    if (frame.slope == 0)
        frame.slope = 1;
    DcmItem *window = groups.macro(DcmTagKey(0x0028, 0x9132));
    frame.window_center = text_of(window ? *window : groups.whole, DCM_WindowCenter);
    frame.window_width = text_of(window ? *window : groups.whole, DCM_WindowWidth);
}

void read_enhanced(Instance &instance, DcmDataset &data)
{
    DcmItem *shared = item_of(data, DCM_SharedFunctionalGroupsSequence);
    DcmSequenceOfItems *per_frame = nullptr;
    if (data.findAndGetSequence(DCM_PerFrameFunctionalGroupsSequence, per_frame).bad() || !per_frame ||
        per_frame->card() < (unsigned long)instance.frames) {
        instance.left_out = "damaged: fewer per-frame functional groups than frames";
        return;
    }
    for (int f = 0; f < instance.frames; f++) {
        Groups groups = {shared, per_frame->getItem((unsigned long)f), data};
        Frame frame;
        frame.number = f;
        frame.rows = instance.rows;
        frame.columns = instance.columns;
        DcmItem *position = groups.macro(DCM_PlanePositionSequence);
        DcmItem *orientation = groups.macro(DCM_PlaneOrientationSequence);
        read_plane(frame, position ? *position : data, orientation ? *orientation : data);
        DcmItem *measures = groups.macro(DCM_PixelMeasuresSequence);
        read_spacing(frame, measures ? *measures : data);
        if (instance.frames > 1 && (!frame.placed || frame.row_spacing <= 0)) {
            instance.unreadable = "multi-frame image whose frames have no position, orientation or "
                                  "spacing";
            instance.parts.assign(1, frame);
            return;
        }
        read_values(frame, groups);
        read_frame_marks(frame, groups);
        instance.parts.push_back(frame);
    }
    blank_position_dimensions(instance, data);
    if (instance.parts[0].row_spacing <= 0) {
        instance.parts[0].row_spacing = instance.parts[0].column_spacing = 1;
        instance.spacing_guessed = true;
    }
}

} // namespace dicom
