#include "dicom/header.h"

#include <cmath>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcmetinf.h>
#include <dcmtk/dcmdata/dcxfer.h>

#include "dicom/charset.h"
#include "dicom/dicomdir.h"
#include "dicom/load.h"
#include "dicom/values.h"

namespace dicom {

static bool unit(Vector &v, const double from[3])
{
    double length = std::sqrt(from[0] * from[0] + from[1] * from[1] + from[2] * from[2]);
    for (int a = 0; a < 3; a++)
        v.x[a] = from[a] / length;
    return std::fabs(length - 1) < 0.01;
}

// For a message: a hostile value is neither long nor does it control a terminal.
static std::string quoted(const std::string &text)
{
    std::string shown = text.substr(0, 100);
    for (char &c : shown)
        if (c < 0x20 || c > 0x7e)
            c = '?';
    return "\"" + shown + "\"";
}

static std::string plane_trouble(const Frame &frame, bool position)
{
    const std::string &at = frame.position_text, &to = frame.orientation_text;
    if (at.empty() || to.empty())
        return std::string("no ") + (!at.empty() ? "orientation" : to.empty() ? "position or orientation" : "position");
    if (!position)
        return "the position " + quoted(at) + ", where three numbers are expected, none beyond a kilometre";
    return "the orientation " + quoted(to) + ", where two unit vectors at right angles are expected";
}

void read_plane(Frame &frame, DcmItem &position, DcmItem &orientation)
{
    frame.position_text = text_of(position, DCM_ImagePositionPatient);
    frame.orientation_text = text_of(orientation, DCM_ImageOrientationPatient);
    std::vector<double> at = numbers_of(position, DCM_ImagePositionPatient);
    std::vector<double> to = numbers_of(orientation, DCM_ImageOrientationPatient);
    bool near = at.size() == 3;
    for (size_t a = 0; near && a < 3; a++) {
        frame.position.x[a] = at[a];
        near = std::fabs(at[a]) <= 1e6;
    }
    frame.placed = near && to.size() == 6 &&
                   std::fabs(to[0] * to[3] + to[1] * to[4] + to[2] * to[5]) < 0.02 &&
                   unit(frame.row, to.data()) && unit(frame.column, to.data() + 3);
    frame.unplaced = frame.placed ? "" : plane_trouble(frame, near);
}

void read_spacing(Frame &frame, DcmItem &measures)
{
    std::vector<double> spacing = numbers_of(measures, DCM_PixelSpacing);
    if (spacing.size() >= 2 && spacing[0] > 1e-6 && spacing[1] > 1e-6 && spacing[0] < 1e4 &&
        spacing[1] < 1e4) {
        frame.row_spacing = spacing[0];
        frame.column_spacing = spacing[1];
        frame.spacing_text = text_of(measures, DCM_PixelSpacing);
    }
    frame.thickness_text = text_of(measures, DCM_SliceThickness);
    frame.thickness = number_of(measures, DCM_SliceThickness, 0);
    frame.between = number_of(measures, DCM_SpacingBetweenSlices, 0);
}

namespace {
struct MarkTag {
    Mark mark;
    uint16_t group, element;
};
} // namespace

static const MarkTag PLAIN_MARKS[] = {
    {MARK_IMAGE_TYPE, 0x0008, 0x0008}, {MARK_COMPONENT, 0x0008, 0x9208},
    {MARK_COMPONENT, 0x0043, 0x1030}, {MARK_COMPONENT, 0x0043, 0x102f}, // GE: kind of data
    {MARK_ECHO, 0x0018, 0x0086},       {MARK_ECHO_TIME, 0x0018, 0x0081},
    {MARK_TEMPORAL, 0x0020, 0x0100},   {MARK_ACQUISITION, 0x0020, 0x0012},
    {MARK_TRIGGER, 0x0018, 0x1060},    {MARK_CONTRAST, 0x0018, 0x0010},
    {MARK_KERNEL, 0x0018, 0x1210},     {MARK_ENERGY, 0x0018, 0x0060},
    {MARK_INVERSION, 0x0018, 0x0082},  {MARK_FLIP, 0x0018, 0x1314},
    {MARK_CORRECTION, 0x0028, 0x0051}, {MARK_CORRECTION, 0x0054, 0x1001}, // PET: corrected for, units
    {MARK_FRAME_TIME, 0x0054, 0x1300}, // PET: since the start of the series
    {MARK_ACQUISITION_TIME, 0x0008, 0x0032}, {MARK_INSTANCE, 0x0020, 0x0013},
};
// The standard's attribute, then GE, Siemens, Philips and UIH private ones.
static const uint16_t B_VALUES[][2] = {
    {0x0018, 0x9087}, {0x0043, 0x1039}, {0x0019, 0x100c}, {0x2001, 0x1003}, {0x0065, 0x1009}};
static const uint16_t B_DIRECTIONS[][2] = {
    {0x0018, 0x9089}, {0x0019, 0x100e}, {0x0065, 0x1037}, {0x0019, 0x10bb}, {0x2005, 0x10b0}};

static std::string diffusion(DcmItem &item)
{
    std::string mark;
    for (const uint16_t *tag : B_VALUES) {
        std::vector<double> value = numbers_of(item, DcmTagKey(tag[0], tag[1]));
        if (value.empty())
            continue;
        // GE adds 1e9 to mark the value as real.
        mark = "b=" + print_number(std::fmod(std::fabs(value[0]), 1e9));
        break;
    }
    for (const uint16_t *tag : B_DIRECTIONS) {
        std::string direction = text_of(item, DcmTagKey(tag[0], tag[1]));
        if (direction.empty())
            continue;
        mark += " direction " + direction;
        if (tag[1] == 0x10bb || tag[1] == 0x10b0) // one number an axis
            for (uint16_t axis = 1; axis < 3; axis++)
                mark += "\\" + text_of(item, DcmTagKey(tag[0], (uint16_t)(tag[1] + axis)));
        break;
    }
    return mark;
}

void read_marks(Marks &marks, DcmItem &item)
{
    Marks here;
    for (const MarkTag &tag : PLAIN_MARKS) {
        std::string value = text_of(item, DcmTagKey(tag.group, tag.element));
        if (!value.empty() && value.size() < 256)
            here[tag.mark] += (here[tag.mark].empty() ? "" : "/") + value;
    }
    for (int mark = 0; mark < MARK_COUNT; mark++)
        if (!here[(size_t)mark].empty())
            marks[(size_t)mark] = here[(size_t)mark];
    std::string mark = diffusion(item);
    if (!mark.empty() && mark.size() < 256)
        marks[MARK_DIFFUSION] = mark;
}

static void read_identity(Instance &instance, DcmFileFormat &format)
{
    DcmDataset &data = *format.getDataset();
    instance.sop_class = text_of(data, DCM_SOPClassUID);
    instance.sop_uid = text_of(data, DCM_SOPInstanceUID);
    if (instance.sop_class.empty())
        instance.sop_class = text_of(*format.getMetaInfo(), DCM_MediaStorageSOPClassUID);
    if (instance.sop_uid.empty())
        instance.sop_uid = text_of(*format.getMetaInfo(), DCM_MediaStorageSOPInstanceUID);
    instance.series_uid = text_of(data, DCM_SeriesInstanceUID);
    instance.study_uid = text_of(data, DCM_StudyInstanceUID);
    instance.frame_of_reference = text_of(data, DCM_FrameOfReferenceUID);
    instance.modality = text_of(data, DCM_Modality).substr(0, 16);
    instance.description = to_utf8(text_of(data, DCM_SeriesDescription),
                                   text_of(data, DCM_SpecificCharacterSet));
    instance.series_number = int_of(data, DCM_SeriesNumber, 0);
    instance.number = int_of(data, DCM_InstanceNumber, 0);
    instance.image_type = text_of(data, DCM_ImageType);
    instance.transfer_syntax = DcmXfer(data.getOriginalXfer()).getXferID();
}

// Retired, but in archives: overlays in the unused bits of the pixels (PS3.5 8.1.2).
static bool has_embedded_overlay(DcmDataset &data)
{
    for (uint16_t group = 0x6000; group < 0x6020; group = (uint16_t)(group + 2))
        if (int_of(data, DcmTagKey(group, 0x0102), 0) > 0 && !has(data, DcmTagKey(group, 0x3000)))
            return true;
    return false;
}

static void read_picture(Instance &instance, DcmDataset &data)
{
    instance.rows = int_of(data, DCM_Rows, 0);
    instance.columns = int_of(data, DCM_Columns, 0);
    instance.frames = int_of(data, DCM_NumberOfFrames, 1);
    instance.samples = int_of(data, DCM_SamplesPerPixel, 1);
    instance.bits_allocated = int_of(data, DCM_BitsAllocated, 0);
    instance.bits_stored = int_of(data, DCM_BitsStored, instance.bits_allocated);
    instance.high_bit = int_of(data, DCM_HighBit, instance.bits_stored - 1);
    instance.bits_above = has_embedded_overlay(data) || instance.high_bit >= instance.bits_stored;
    instance.is_signed = int_of(data, DCM_PixelRepresentation, 0) == 1;
    instance.photometric = text_of(data, DCM_PhotometricInterpretation);
    instance.lossy = text_of(data, DCM_LossyImageCompression) == "01";
    instance.modality_lut = item_of(data, DCM_ModalityLUTSequence) != nullptr;
    instance.voi_lut = item_of(data, DCM_VOILUTSequence) != nullptr;
    instance.enhanced = item_of(data, DCM_PerFrameFunctionalGroupsSequence) != nullptr;
}

// Detector spacing stands in for projection images, which have no PixelSpacing.
static void guess_spacing(Instance &instance, Frame &frame, DcmDataset &data)
{
    if (frame.row_spacing > 0)
        return;
    static const DcmTagKey OTHERS[] = {DCM_ImagerPixelSpacing, DCM_NominalScannedPixelSpacing};
    for (const DcmTagKey &tag : OTHERS) {
        std::vector<double> spacing = numbers_of(data, tag);
        if (spacing.size() < 2 || !(spacing[0] > 1e-6) || !(spacing[1] > 1e-6))
            continue;
        frame.row_spacing = spacing[0];
        frame.column_spacing = spacing[1];
        frame.spacing_text = text_of(data, tag);
        return;
    }
    instance.spacing_guessed = true;
    frame.row_spacing = frame.column_spacing = 1;
    // Ratios survive where lengths do not.
    std::vector<double> aspect = numbers_of(data, DCM_PixelAspectRatio);
    if (aspect.size() == 2 && aspect[0] > 0 && aspect[1] > 0 && aspect[0] / aspect[1] < 100 &&
        aspect[1] / aspect[0] < 100)
        frame.row_spacing = aspect[0] / aspect[1];
}

// An enhanced image without functional groups: nothing is known but that its frames are slices.
static void stack_frames(Instance &instance)
{
    for (Frame &frame : instance.parts) {
        double step = frame.between > 0 ? frame.between : frame.thickness > 0 ? frame.thickness : 1;
        frame.row = {{1, 0, 0}};
        frame.column = {{0, 1, 0}};
        frame.position = {{0, 0, step * frame.number}};
        frame.placed = true;
        frame.position_text = frame.orientation_text = "";
        frame.unplaced = "no position for each of its frames";
    }
    instance.remark = "no positions: the frames are taken in their order";
}

static void read_classic(Instance &instance, DcmDataset &data)
{
    Frame frame;
    frame.rows = instance.rows;
    frame.columns = instance.columns;
    read_plane(frame, data, data);
    read_spacing(frame, data);
    frame.slope = number_of(data, DCM_RescaleSlope, 1);
    frame.intercept = number_of(data, DCM_RescaleIntercept, 0);
    if (frame.slope == 0)
        frame.slope = 1;
    frame.window_center = text_of(data, DCM_WindowCenter);
    frame.window_width = text_of(data, DCM_WindowWidth);
    read_marks(frame.marks, data);
    if (read_mosaic(instance, data, frame))
        return;
    guess_spacing(instance, frame, data);
    for (int f = 0; f < instance.frames; f++) {
        frame.number = f;
        instance.parts.push_back(frame);
    }
    if (instance.frames > 1)
        stack_frames(instance);
}

Instance read_instance(const FileRef &file)
{
    Instance instance;
    instance.file = file;
    Bytes bytes(file);
    std::unique_ptr<DcmFileFormat> format =
        load_header(bytes, file, instance.pixels, instance.left_out);
    if (!format)
        return instance;
    DcmDataset &data = *format->getDataset();
    read_identity(instance, *format);
    instance.pixels.in_memory = bytes.memory() != nullptr;
    if (bytes.deflated())
        instance.transfer_syntax = "1.2.840.10008.1.2.1.99";
    if (is_dicomdir(instance))
        instance.listed = listed_files(data);
    read_picture(instance, data);
    classify(instance, data);
    if (!instance.left_out.empty() || !instance.unreadable.empty()) {
        instance.parts.emplace_back();
        instance.parts[0].rows = instance.rows;
        instance.parts[0].columns = instance.columns;
        return instance;
    }
    if (instance.enhanced)
        read_enhanced(instance, data);
    else
        read_classic(instance, data);
    if (!instance.unreadable.empty()) // shown once, whatever the number of its frames
        instance.parts.resize(1);
    return instance;
}

} // namespace dicom
