// Patient, study, series, equipment and image modules of a SEG: what it repeats of the source, and what
// it says about itself. PS3.3 A.51 and A.101 (label map).
#include <cstdlib>
#include <ctime>
#include <memory>
#include <new>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcelem.h>
#include <dcmtk/dcmdata/dcuid.h>

#include "dicom/seg.h"
#include "dicom/values.h"

namespace dicom {

// Repeated as they are; those marked are there even when the source lacks them (type 2).
static const struct {
    DcmTagKey tag;
    bool always;
} REPEATED[] = {
    {DCM_PatientName, true}, {DCM_PatientID, true}, {DCM_IssuerOfPatientID, false},
    {DCM_PatientBirthDate, true}, {DCM_PatientSex, true}, {DCM_PatientBirthTime, false},
    {DCM_OtherPatientIDsSequence, false}, {DCM_EthnicGroup, false}, {DCM_PatientSpeciesDescription, false},
    {DCM_PatientSpeciesCodeSequence, false}, {DCM_PatientBreedDescription, false},
    {DCM_PatientBreedCodeSequence, false}, {DCM_BreedRegistrationSequence, false},
    {DCM_ResponsiblePerson, false}, {DCM_ResponsiblePersonRole, false},
    {DCM_ResponsibleOrganization, false}, {DCM_PatientIdentityRemoved, false},
    {DCM_DeidentificationMethod, false}, {DCM_DeidentificationMethodCodeSequence, false},
    {DCM_PatientAge, false}, {DCM_PatientSize, false}, {DCM_PatientWeight, false},
    {DCM_PatientSexNeutered, false}, {DCM_StudyInstanceUID, true}, {DCM_StudyDate, true},
    {DCM_StudyTime, true}, {DCM_StudyID, true}, {DCM_StudyDescription, false},
    {DCM_AccessionNumber, true}, {DCM_IssuerOfAccessionNumberSequence, false},
    {DCM_ReferringPhysicianName, true}, {DCM_ClinicalTrialSponsorName, false},
    {DCM_ClinicalTrialProtocolID, false}, {DCM_ClinicalTrialProtocolName, false},
    {DCM_ClinicalTrialSiteID, false}, {DCM_ClinicalTrialSiteName, false},
    {DCM_ClinicalTrialSubjectID, false}, {DCM_ClinicalTrialSubjectReadingID, false},
    {DCM_ClinicalTrialTimePointID, false}, {DCM_ClinicalTrialTimePointDescription, false},
    {DCM_LongitudinalTemporalInformationModified, false}, {DCM_BodyPartExamined, false},
    {DCM_TimezoneOffsetFromUTC, false},
};

static void repeat(DcmDataset &data, DcmDataset &header)
{
    for (const auto &row : REPEATED) {
        DcmElement *element = nullptr;
        if (header.findAndGetElement(row.tag, element).bad() || !element) {
            if (row.always)
                put(data, row.tag, "");
            continue;
        }
        std::unique_ptr<DcmElement> copy(OFstatic_cast(DcmElement *, element->clone()));
        if (!copy || data.insert(copy.get(), OFTrue).bad())
            throw std::bad_alloc();
        copy.release();
    }
}

// When the SEG says it was made: SOURCE_DATE_EPOCH (then no time zone but its own holds), else when its
// source was, so that the same work gives the same file tomorrow.
static void put_dates(DcmDataset &data, const SegPlan &plan)
{
    static const struct {
        DcmTagKey date, time;
    } places[] = {{DCM_ContentDate, DCM_ContentTime}, {DCM_AcquisitionDate, DCM_AcquisitionTime},
                  {DCM_SeriesDate, DCM_SeriesTime}, {DCM_StudyDate, DCM_StudyTime}};
    std::string date, time;
    char text[32], *end = nullptr;
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    time_t seconds = epoch ? (time_t)strtoll(epoch, &end, 10) : 0;
    struct tm utc;
    if (epoch && *epoch && !*end && gmtime_r(&seconds, &utc) &&
        strftime(text, sizeof text, "%Y%m%d%H%M%S", &utc) == 14) {
        date.assign(text, 8);
        time.assign(text + 8);
        delete data.remove(DCM_TimezoneOffsetFromUTC);
    }
    for (const auto &place : places)
        if (date.empty()) {
            date = text_of(*plan.source->header, place.date);
            time = text_of(*plan.source->header, place.time);
        }
    if (date.empty())
        date = "19000101";
    if (time.empty())
        time = "000000";
    put(data, DCM_ContentDate, date);
    put(data, DCM_ContentTime, time);
    put(data, DCM_SeriesDate, date);
    put(data, DCM_SeriesTime, time);
}

static std::string series_number(const SegPlan &plan)
{
    int number = plan.options->series_number, source = plan.source->series_number;
    if (!number)
        number = source > 0 && source < 20000000 ? source * 100 + 50 : 300;
    return std::to_string(number);
}

// The source's description stays in its own bytes, so ours is put behind it only where it fits.
static void put_description(DcmDataset &data, const SegPlan &plan)
{
    const std::string &source = plan.source->series_description;
    if (plan.options->series_description)
        put_text(data, DCM_SeriesDescription, plan.options->series_description, plan);
    else if (!source.empty() && source.size() + 9 <= 64)
        put(data, DCM_SeriesDescription, source + " sammed2d");
    else
        put(data, DCM_SeriesDescription, "sammed2d");
}

static void put_series(DcmDataset &data, const SegPlan &plan)
{
    put(data, DCM_Modality, "SEG");
    put(data, DCM_SeriesNumber, series_number(plan));
    put_description(data, plan);
    put(data, DCM_Manufacturer, "sammed2d");
    put(data, DCM_ManufacturerModelName, "sammed2d");
    put(data, DCM_DeviceSerialNumber, "1");
    put_text(data, DCM_SoftwareVersions, plan.options->algorithm_version, plan);
    if (plan.frame_of_reference_uid.empty())
        return;
    put(data, DCM_FrameOfReferenceUID, plan.frame_of_reference_uid);
    put(data, DCM_PositionReferenceIndicator,
        text_of(*plan.source->header, DCM_PositionReferenceIndicator));
}

// Once lossy, always lossy: what is drawn on such pictures must say so (PS3.3 C.7.6.1.1.5).
static void put_lossy(DcmDataset &data, const SegPlan &plan)
{
    put(data, DCM_LossyImageCompression, plan.source->lossy ? "01" : "00");
    if (!plan.source->lossy)
        return;
    if (!plan.source->lossy_ratio.empty())
        put(data, DCM_LossyImageCompressionRatio, plan.source->lossy_ratio);
    if (!plan.source->lossy_method.empty())
        put(data, DCM_LossyImageCompressionMethod, plan.source->lossy_method);
}

static void put_type(DcmDataset &data, const SegPlan &plan)
{
    unsigned bits = plan.options->type == SM_SEG_BINARY ? 1 : plan.wide() ? 16 : 8;
    put(data, DCM_SamplesPerPixel, 1u);
    put(data, DCM_PhotometricInterpretation, "MONOCHROME2");
    put(data, DCM_Rows, (unsigned)plan.source->rows);
    put(data, DCM_Columns, (unsigned)plan.source->columns);
    put(data, DCM_NumberOfFrames, std::to_string(plan.frames.size()));
    put(data, DCM_BitsAllocated, bits);
    put(data, DCM_BitsStored, bits);
    put(data, DCM_HighBit, bits - 1);
    put(data, DCM_PixelRepresentation, 0u);
    static const char *const names[] = {"BINARY", "FRACTIONAL", "LABELMAP"};
    put(data, DCM_SegmentationType, names[plan.options->type]);
    if (plan.options->type == SM_SEG_LABELMAP)
        data.putAndInsertUint16(DcmTag(DCM_PixelPaddingValue, EVR_US), 0); // background
    if (plan.options->type != SM_SEG_FRACTIONAL) {
        put(data, DCM_SegmentsOverlap, plan.overlap ? "YES" : "NO");
        return;
    }
    put(data, DCM_SegmentsOverlap, "UNDEFINED");
    put(data, DCM_SegmentationFractionalType, "PROBABILITY");
    put(data, DCM_MaximumFractionalValue, 255u);
}

void seg_add_modules(DcmDataset &data, const SegPlan &plan)
{
    repeat(data, *plan.source->header);
    put(data, DCM_StudyInstanceUID, plan.study_uid);
    if (!plan.character_set.empty())
        put(data, DCM_SpecificCharacterSet, plan.character_set);
    put(data, DCM_SOPClassUID, plan.options->type == SM_SEG_LABELMAP ? "1.2.840.10008.5.1.4.1.1.66.7"
                                                                     : UID_SegmentationStorage);
    put_series(data, plan);
    put_dates(data, plan);
    put(data, DCM_InstanceNumber, "1");
    put(data, DCM_ImageType, "DERIVED\\PRIMARY");
    put(data, DCM_ContentLabel, "SEGMENTATION");
    put(data, DCM_ContentDescription, "Segmentation by sammed2d");
    put_text(data, DCM_ContentCreatorName,
             plan.options->content_creator ? plan.options->content_creator : "sammed2d^", plan);
    if (plan.source->orientation.empty())
        put(data, DCM_PatientOrientation, text_of(*plan.source->header, DCM_PatientOrientation));
    put_lossy(data, plan);
    put_type(data, plan);
}

} // namespace dicom
