// Dimensions, functional groups and the list of referenced instances. PS3.3 C.7.6.16, C.7.6.17, C.12.2.
#include <cmath>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>

#include "dicom/seg.h"
#include "dicom/values.h"

namespace dicom {

static const struct sm_code DERIVATION = {"113076", "DCM", "Segmentation"};
static const struct sm_code PURPOSE = {"121322", "DCM", "Source image for image processing operation"};

// Planes have a place only where the source's have: a plain radiograph has none.
static bool placed(const SegPlan &plan)
{
    return !plan.frame_of_reference_uid.empty() && !plan.source->orientation.empty();
}

// The source's own decimals, but for those that are longer than a DS may be.
static std::string decimals(const std::string &text)
{
    std::string out;
    std::vector<double> numbers = numbers_in(text);
    for (size_t part = 0; part < numbers.size(); part++) {
        std::string own = part_of(text, part);
        out += (part ? "\\" : "") + (own.size() > 16 ? decimal_string(numbers[part]) : own);
    }
    return out;
}

// ---- dimensions ----

static void put_dimension(DcmDataset &data, const std::string &uid, const DcmTagKey &pointer,
                          const DcmTagKey &group, const char *label)
{
    DcmItem &index = put_item(data, DCM_DimensionIndexSequence);
    put(index, DCM_DimensionOrganizationUID, uid);
    index.putAndInsertTagKey(DCM_DimensionIndexPointer, pointer);
    index.putAndInsertTagKey(DCM_FunctionalGroupPointer, group);
    put(index, DCM_DimensionDescriptionLabel, label);
}

static void put_dimensions(DcmDataset &data, const SegPlan &plan)
{
    bool labelmap = plan.options->type == SM_SEG_LABELMAP;
    std::string uid = uid_from("dimensions " + plan.source->series_uid + (labelmap ? " map" : ""));
    put(put_item(data, DCM_DimensionOrganizationSequence), DCM_DimensionOrganizationUID, uid);
    if (!labelmap)
        put_dimension(data, uid, DCM_ReferencedSegmentNumber, DCM_SegmentIdentificationSequence,
                      "Referenced Segment Number");
    if (placed(plan))
        put_dimension(data, uid, DCM_ImagePositionPatient, DCM_PlanePositionSequence,
                      "Image Position (Patient)");
    else
        put_dimension(data, uid, DCM_InStackPositionNumber, DCM_FrameContentSequence,
                      "In-Stack Position Number");
}

// ---- functional groups ----

static bool thick(const std::string &text)
{
    std::vector<double> numbers = numbers_in(text);
    return numbers.size() == 1 && numbers[0] > 0;
}

static std::string thickness(const SegPlan &plan)
{
    double between = std::fabs(plan.source->spacing_between_slices);
    if (thick(plan.source->slice_thickness))
        return decimals(plan.source->slice_thickness);
    return decimal_string(between > 0 ? between : 1);
}

static void put_shared(DcmDataset &data, const SegPlan &plan)
{
    DcmItem &shared = put_item(data, DCM_SharedFunctionalGroupsSequence);
    DcmItem &measures = put_item(shared, DCM_PixelMeasuresSequence);
    double between = std::fabs(plan.source->spacing_between_slices);
    put(measures, DCM_PixelSpacing, decimals(plan.source->pixel_spacing));
    put(measures, DCM_SliceThickness, thickness(plan));
    if (between > 0)
        put(measures, DCM_SpacingBetweenSlices, decimal_string(between));
    if (placed(plan))
        put(put_item(shared, DCM_PlaneOrientationSequence), DCM_ImageOrientationPatient,
            decimals(plan.source->orientation));
}

static void put_content(DcmItem &group, const SegPlan &plan, const SegFrame &frame)
{
    DcmItem &content = put_item(group, DCM_FrameContentSequence);
    Uint32 rank = (Uint32) plan.ranks[(size_t)frame.slice];
    put(content, DCM_StackID, "1");
    put(content, DCM_InStackPositionNumber, (unsigned)frame.slice + 1);
    if (frame.object < 0) {
        content.putAndInsertUint32Array(DCM_DimensionIndexValues, &rank, 1);
        return;
    }
    const Uint32 values[2] = {(Uint32) plan.numbers[(size_t)frame.object], rank};
    content.putAndInsertUint32Array(DCM_DimensionIndexValues, values, 2);
}

static void put_derivation(DcmItem &group, const SegPlan &plan, const sm_dicom_slice &slice)
{
    DcmItem &derivation = put_item(group, DCM_DerivationImageSequence);
    put_code(derivation, DCM_DerivationCodeSequence, DERIVATION, plan);
    DcmItem &image = put_item(derivation, DCM_SourceImageSequence);
    put(image, DCM_ReferencedSOPClassUID, slice.sop_class_uid);
    put(image, DCM_ReferencedSOPInstanceUID, slice.sop_instance_uid);
    if (slice.frame_number > 0 && !slice.mosaic)
        put(image, DCM_ReferencedFrameNumber, std::to_string(slice.frame_number));
    /* Each mask pixel lies on its source pixel; a mosaic's slices do not lie where its tiles do. */
    put(image, DCM_SpatialLocationsPreserved, slice.mosaic ? "NO" : "YES");
    put_code(image, DCM_PurposeOfReferenceCodeSequence, PURPOSE, plan);
}

static void put_frame(DcmDataset &data, const SegPlan &plan, const SegFrame &frame)
{
    const sm_dicom_slice &slice = plan.source->slices[(size_t)frame.slice];
    DcmItem &group = put_item(data, DCM_PerFrameFunctionalGroupsSequence);
    put_content(group, plan, frame);
    if (placed(plan))
        put(put_item(group, DCM_PlanePositionSequence), DCM_ImagePositionPatient, decimals(slice.position));
    if (frame.object >= 0)
        put(put_item(group, DCM_SegmentIdentificationSequence), DCM_ReferencedSegmentNumber,
            (unsigned)plan.numbers[(size_t)frame.object]);
    put_derivation(group, plan, slice);
}

// ---- references ----

static void put_references(DcmDataset &data, const SegPlan &plan)
{
    DcmItem &series = put_item(data, DCM_ReferencedSeriesSequence);
    put(series, DCM_SeriesInstanceUID, plan.source->series_uid);
    for (const auto &instance : plan.source->instances) {
        DcmItem &reference = put_item(series, DCM_ReferencedInstanceSequence);
        put(reference, DCM_ReferencedSOPClassUID, instance.first);
        put(reference, DCM_ReferencedSOPInstanceUID, instance.second);
    }
}

void seg_add_groups(DcmDataset &data, const SegPlan &plan)
{
    put_dimensions(data, plan);
    put_references(data, plan);
    put_shared(data, plan);
    for (const SegFrame &frame : plan.frames)
        put_frame(data, plan, frame);
}

} // namespace dicom
